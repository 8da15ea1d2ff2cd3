//! From desired state to a plan: read, decide, ask for prices, decide what it costs.
//!
//! The core asks, this shell answers. Sends nothing that changes anything.

use std::borrow::Cow;

use chrono::{DateTime, Duration, Utc};

use crate::calendar::show_beijing;
use crate::cloud::{CallError, Cloud, QuoteAsk as CloudAsk, QuoteError, ReadId};
use crate::config::Asked;
use crate::desired::DesiredState;
use crate::ids::AccountId;
use crate::journal::fold::Fold;
use crate::live::{Live, Quote};
use crate::plan::draft::draft;
use crate::plan::file::{self, Evidence};
use crate::plan::price::{NoQuote, PriceError, Quotes};
use crate::plan::{Plan, PlanAccount};
use crate::ports::Terminal;
use crate::retry::Class;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The account could not be read at all.
    #[error("{}", .0.text())]
    Read(CallError),
    /// The files are for another account than that of the key.
    #[error("{} says account {}, and this key is of account {found}", .asked.place, .asked.value)]
    OtherAccount {
        /// What the file says, and where.
        asked: Asked<AccountId>,
        /// The key's.
        found: AccountId,
    },
    /// Whose key it is was not told.
    #[error("{} says account {}, and whose key this is was not told: {}", .asked.place, .asked.value, .why.text())]
    Caller {
        /// What the file says, and where.
        asked: Asked<AccountId>,
        /// Why not.
        why: Box<CallError>,
    },
    /// The prices do not fit the files.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The asked moment lies before the reading.
    #[error("{} is in the past: the account was read at {}", show_beijing(*.asked), show_beijing(*.read_at))]
    Past {
        /// What was asked for.
        asked: DateTime<Utc>,
        /// When the account was read.
        read_at: DateTime<Utc>,
    },
    /// The asked moment lies too far ahead.
    #[error("{} is more than ten years ahead", show_beijing(*.asked))]
    Far {
        /// What was asked for.
        asked: DateTime<Utc>,
    },
}

/// Furthest look ahead, in days: nothing is sold for longer.
const AHEAD_DAYS_MAX: i64 = 10 * 366;

/// The moment that a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// That of the reading: the only one whose plan can be applied.
    Reading,
    /// A later one.
    At(DateTime<Utc>),
    /// So long after the reading.
    After(Duration),
}

impl Moment {
    fn of(self, read_at: DateTime<Utc>) -> Result<DateTime<Utc>, PlanningError> {
        let asked = match self {
            Self::Reading => read_at,
            Self::At(asked) => asked,
            Self::After(span) => read_at.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        if asked < read_at {
            return Err(PlanningError::Past { asked, read_at });
        }
        let far = read_at.checked_add_signed(Duration::days(AHEAD_DAYS_MAX)).is_some_and(|far| asked > far);
        if far { Err(PlanningError::Far { asked }) } else { Ok(asked) }
    }
}

/// The account that the files are for, once the cloud has said that the key is of it. Of files that name
/// none nothing is asked.
async fn accounts(desired: &DesiredState, cloud: &Cloud) -> Result<Vec<PlanAccount>, PlanningError> {
    let named = || desired.files.iter().filter_map(|file| Some((file.site, file.account.as_ref()?)));
    let Some((site, asked)) = named().next() else { return Ok(Vec::new()) };
    let answer = cloud.caller().await;
    let found =
        answer.map_err(|why| PlanningError::Caller { asked: asked.clone(), why: Box::new(why) })?.account;
    match named().map(|(_, asked)| asked).find(|asked| asked.value != found) {
        Some(asked) => Err(PlanningError::OtherAccount { asked: asked.clone(), found }),
        None => Ok(vec![PlanAccount { uid: found, site }]),
    }
}

/// Reads the instances that the files name, with their settings.
async fn read(desired: &DesiredState, cloud: &Cloud, terminal: &dyn Terminal) -> Result<Live, PlanningError> {
    let ids: Vec<ReadId> = desired
        .instances
        .iter()
        .map(|wanted| ReadId {
            region: wanted.entry.region.clone(),
            id: wanted.entry.id.clone(),
            auto_renew: true,
        })
        .collect();
    let progress = |done, total| terminal.progress(done, total, "instances read");
    let mut live = cloud.read(&ids, &progress).await.map_err(PlanningError::Read)?;
    cloud.tell_absent_from_hidden(&mut live).await;
    Ok(live)
}

/// Reads the account and makes a plan for `moment`. Whose account it is comes first, if the files say so.
/// Beside the plan stands what it was decided from, to be saved with it.
///
/// # Errors
/// [`PlanningError`].
pub async fn plan(
    desired: &DesiredState,
    cloud: &Cloud,
    memory: &Fold,
    terminal: &dyn Terminal,
    moment: Moment,
) -> Result<(Plan, Evidence), PlanningError> {
    let accounts = accounts(desired, cloud).await?;
    let live = read(desired, cloud, terminal).await?;
    let now = moment.of(live.read_at)?;
    let holds = memory.holds(&live, now);
    let draft = draft(desired, &live, now, &holds);
    let wanted = draft.quotes();
    let asks: Vec<CloudAsk> = wanted
        .iter()
        .map(|ask| CloudAsk { region: ask.region.clone(), id: ask.id.clone(), term: ask.term })
        .collect();
    let answers = cloud.quotes(&asks, &|done, total| terminal.progress(done, total, "prices asked")).await;
    let quotes: Quotes = wanted
        .into_iter()
        .zip(answers)
        .map(|(ask, answer)| Ok((ask, no_quote(answer)?)))
        .collect::<Result<_, PlanningError>>()?;
    let evidence = Evidence::new(&accounts, &live, &holds, &quotes);
    Ok((file::plan(desired, draft, &quotes, &accounts, &live)?, evidence))
}

/// Keeps apart what cannot be quoted and what was not told; credentials that are wrong end the plan.
fn no_quote(answer: Result<Quote, QuoteError>) -> Result<Result<Quote, NoQuote>, PlanningError> {
    match answer {
        Ok(quote) => Ok(Ok(quote)),
        Err(QuoteError::Unquotable(_)) => Ok(Err(NoQuote::Unquotable)),
        Err(QuoteError::Call(error)) if error.class == Class::Credentials => Err(PlanningError::Read(error)),
        Err(QuoteError::Call(error)) => {
            Ok(Err(NoQuote::Failed { why: error.text(), hint: error.hint.map(Cow::Borrowed) }))
        }
    }
}
