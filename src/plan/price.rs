//! What the plan costs: quotes become price decisions, and a draft becomes a [`Plan`].
//!
//! No price, no charge, unless the file allows it. Amounts are quoted, never computed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cost::Sums;
use super::draft::{self, Draft, QuoteAsk};
use super::{
    Block, BlockCode, Committed, Item, Plan, PriceDecision, Renewal, Verdict, budget, identity, risk, window,
};
use crate::calendar::to_minute;
use crate::config::Entry;
use crate::desired::{DesiredFile, DesiredState};
use crate::ids::InstanceId;
use crate::live::{ChargeType, Lock, Quote};
use crate::money::{Currency, SumTooLarge};
use crate::term::{AutoRenew, LiveAutoRenew, Site, Term};

/// What asking for prices brought: a quote, or why there is none.
pub type Quotes = BTreeMap<QuoteAsk, Result<Quote, NoQuote>>;

/// Why there is no quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NoQuote {
    /// The cloud quotes no such term. The file may allow to pay for it all the same.
    #[error("weeks, 48 and 60 months cannot be quoted")]
    Unquotable,
    /// It was asked for, and not told. That says nothing of the price, so nothing allows to pay for it.
    #[error("{why}")]
    Failed {
        /// What was tried and what came back.
        why: String,
        /// What a person can do about it, if that is known.
        hint: Option<Cow<'static, str>>,
    },
}

/// Why no plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The account is at the other site than the file says.
    #[error("{id} is quoted in {found}, but the file says site: {site}, where prices are in {expected}")]
    OtherSite {
        /// Which instance.
        id: InstanceId,
        /// The currency of the quote.
        found: Currency,
        /// What the file says.
        site: &'static str,
        /// The currency of that site.
        expected: &'static str,
    },
    /// The sum cannot be held.
    #[error(transparent)]
    Sum(#[from] SumTooLarge),
}

/// The currency of a site's prices (`DescribeRenewalPrice`, Currency).
pub fn site_currency(site: Site) -> &'static str {
    match site {
        Site::China => "CNY",
        Site::International => "USD",
    }
}

/// Prices a draft that was made from `desired`.
///
/// # Errors
/// [`PriceError`] if a quote is in the currency of the other site, or the sum overflows.
pub fn price(desired: &DesiredState, draft: Draft, quotes: &Quotes) -> Result<Plan, PriceError> {
    let now = to_minute(draft.evaluated_at);
    let pricing = Pricing { now, quotes, files: &draft.files };
    let mut items = Vec::with_capacity(draft.items.len());
    for (item, wanted) in draft.items.into_iter().zip(&desired.instances) {
        check_currency(&item, wanted.entry.site, quotes)?;
        let allow_unpriced = pricing.allows_unpriced(item.file);
        let mut item = price_item(item, &wanted.entry, now, allow_unpriced, quotes);
        pricing.commit(&mut item);
        pricing.judge_risk(&mut item, &wanted.entry);
        items.push(item);
    }
    budget::trim(&mut items, desired, &pricing);
    let Sums { charge, committed } = Sums::of(&items)?;
    let as_of = (draft.evaluated_at != draft.read_at).then_some(draft.evaluated_at);
    let id = identity::plan_id(&items, &draft.files, desired.run_cap.as_ref(), as_of);
    Ok(Plan {
        id,
        evaluated_at: draft.evaluated_at,
        read_at: draft.read_at,
        valid_until: None,
        complete: draft.complete,
        accounts: Vec::new(),
        deducted_anyway: deducted_anyway(&items, now),
        items,
        files: draft.files,
        run_cap: desired.run_cap.clone(),
        left_out: draft.left_out,
        charge,
        committed,
    })
}

/// What the prices of one plan are decided from.
pub(super) struct Pricing<'a> {
    now: DateTime<Utc>,
    quotes: &'a Quotes,
    files: &'a [DesiredFile],
}

impl Pricing<'_> {
    fn allows_unpriced(&self, file: usize) -> bool {
        self.files.get(file).is_some_and(|file| file.limits.allow_unpriced)
    }

    /// Decides the setting again, after the verdict on the renewal was changed.
    pub(super) fn decide_setting(&self, item: &mut Item<PriceDecision>, entry: &Entry) {
        if let (Some(live), false) = (&item.live, matches!(item.set, Some(Verdict::Held(_)))) {
            item.set = draft::setting(entry, live, self.now, item.renew.as_ref());
        }
        self.commit(item);
    }

    /// What the setting commits to.
    fn commit(&self, item: &mut Item<PriceDecision>) {
        item.committed = commitment(item, self.now, self.quotes);
        block_unpriced_commitment(item, self.allows_unpriced(item.file), self.quotes);
    }

    /// What may stop all the same.
    pub(super) fn judge_risk(&self, item: &mut Item<PriceDecision>, entry: &Entry) {
        item.at_risk = risk::at_risk(item, entry, self.now);
    }
}

fn quote<P>(item: &Item<P>, term: Term, quotes: &Quotes) -> Result<Quote, NoQuote> {
    let ask = QuoteAsk { region: item.region.clone(), id: item.id.clone(), term };
    let not_asked = || Err(NoQuote::Failed { why: "it was not asked for".to_owned(), hint: None });
    quotes.get(&ask).cloned().unwrap_or_else(not_asked)
}

fn check_currency(item: &Item<()>, site: Site, quotes: &Quotes) -> Result<(), PriceError> {
    // JPY is a third currency of international accounts (QueryAccountBalance, Currency).
    let fits = |found: &Currency| (found.as_str() == "CNY") == (site == Site::China);
    let first = QuoteAsk { region: item.region.clone(), id: item.id.clone(), term: Term::Weeks(0) };
    let of_item = quotes.range(first..).take_while(|(ask, _)| ask.region == item.region && ask.id == item.id);
    let found = of_item.filter_map(|(_, quote)| quote.as_ref().ok()).map(|quote| &quote.amount.currency);
    match found.filter(|found| !fits(found)).min() {
        None => Ok(()),
        Some(found) => Err(PriceError::OtherSite {
            id: item.id.clone(),
            found: found.clone(),
            site: site.as_str(),
            expected: site_currency(site),
        }),
    }
}

/// A deduction that counts and has no price would pass every cap: then the setting needs the same
/// permission as an unpriced renewal.
fn block_unpriced_commitment(item: &mut Item<PriceDecision>, allow_unpriced: bool, quotes: &Quotes) {
    let Some(Committed { term, counts: true, amount: None, .. }) = item.committed else { return };
    let Err(why) = quote(item, term, quotes) else { return };
    if allow_unpriced && why == NoQuote::Unquotable {
        item.warnings.push("its auto-renewal will deduct an unknown amount soon".to_owned());
        return;
    }
    item.committed = None;
    let mut block = no_price(term, &why);
    block.text.push_str("; the platform would deduct it within 10 days");
    item.set = Some(Verdict::Blocked(block));
}

fn price_item(
    item: Item<()>,
    entry: &Entry,
    now: DateTime<Utc>,
    allow_unpriced: bool,
    quotes: &Quotes,
) -> Item<PriceDecision> {
    let mut warnings = item.warnings.clone();
    let renew = item.renew.clone().map(|verdict| match verdict {
        Verdict::NoOp => Verdict::NoOp,
        Verdict::Held(hold) => Verdict::Held(hold),
        Verdict::Blocked(block) => Verdict::Blocked(block),
        Verdict::Change(renewal) => match quote(&item, renewal.term.term(), quotes) {
            Ok(quote) => Verdict::Change(priced(renewal, PriceDecision::Quoted(quote))),
            Err(why) if allow_unpriced && why == NoQuote::Unquotable => {
                warnings.push(format!("it is renewed without a known price: {why}"));
                Verdict::Change(priced(renewal, PriceDecision::Unpriced))
            }
            Err(why) => Verdict::Blocked(no_price(renewal.term.term(), &why)),
        },
    });
    // A setting that only the renewal made possible, or needed, goes when the renewal goes. What is
    // held has no renewal that could go.
    let set = match (&item.live, &item.set) {
        (Some(live), set) if !matches!(set, Some(Verdict::Held(_))) => {
            draft::setting(entry, live, now, renew.as_ref())
        }
        (_, set) => set.clone(),
    };
    Item {
        id: item.id,
        region: item.region,
        name: item.name,
        place: item.place,
        file: item.file,
        live: item.live,
        renew,
        set,
        at_risk: None,
        committed: None,
        warnings,
    }
}

fn priced(renewal: Renewal<()>, price: PriceDecision) -> Renewal<PriceDecision> {
    Renewal {
        term: renewal.term,
        expires_before: renewal.expires_before,
        expires_after: renewal.expires_after,
        price,
        reason: renewal.reason,
        place: renewal.place,
    }
}

fn no_price(term: Term, why: &NoQuote) -> Block {
    let hint = match why {
        NoQuote::Unquotable => "write `allow_unpriced: true` under limits to pay without a known price",
        NoQuote::Failed { hint, .. } => {
            hint.as_deref().unwrap_or("run again; if it stays, look at every call with renewctl plan -v")
        }
    };
    let text = format!("{term} has no known price: {why}");
    Block { code: BlockCode::NoPrice, text, hint: hint.to_owned() }
}

/// What the platform will charge next because of a new setting, if the plan is carried out. What it
/// would charge after a refused renewal is bounded by `step`.
fn commitment(item: &Item<PriceDecision>, now: DateTime<Utc>, quotes: &Quotes) -> Option<Committed> {
    let setting = item.setting()?;
    let AutoRenew::Every(term) = setting.after else { return None };
    let term = term.term();
    let live = item.live.as_ref()?;
    let expiry = item.renewal().map_or(live.expires_at, |renewal| renewal.expires_after);
    let at = window::next_deduction(expiry, now)?;
    let times = window::deductions_soon(expiry, term, now);
    let quote = quote(item, term, quotes).ok();
    let (amount, quoted_at) = quote.map(|quote| (quote.amount, quote.quoted_at)).unzip();
    // What is on already is deducted whatever we do: a shorter term adds nothing.
    let counts = !setting.adds_nothing() && times > 0;
    Some(Committed { at, term, amount, quoted_at, times, counts })
}

/// What the platform deducts next if the setting is made and the renewal that was planned beside it is not:
/// for the expiry that is, and not for the one that was to be.
pub fn deducted_instead(item: &Item<PriceDecision>, now: DateTime<Utc>) -> Option<Committed> {
    let (expiry, planned) = (item.renewal()?.expires_before, item.committed.clone()?);
    let at = window::next_deduction(expiry, now)?;
    let times = window::deductions_soon(expiry, planned.term, now);
    Some(Committed { at, times, ..planned })
}

/// For how many instances the platform, as things stand, deducts within the days that matter: their
/// auto-renewal is on, and this plan does not replace it. No refusal of ours would stop it.
pub(super) fn deducted_anyway(items: &[Item<PriceDecision>], now: DateTime<Utc>) -> usize {
    items.iter().filter(|item| is_deducted_anyway(item, now)).count()
}

fn is_deducted_anyway(item: &Item<PriceDecision>, now: DateTime<Utc>) -> bool {
    let Some(live) = &item.live else { return false };
    let on = matches!(live.auto_renew, Some(Ok(LiveAutoRenew::Every(_))));
    let expiry = item.renewal().map_or(live.expires_at, |renewal| renewal.expires_after);
    let soon = window::next_deduction(expiry, now).is_some_and(|at| window::is_soon(at, now));
    // A change that is counted, or that switches off, takes its place.
    let replaced = item.setting().is_some_and(|setting| {
        setting.switches_off() || item.committed.as_ref().is_some_and(|committed| committed.counts)
    });
    let locked = live.locks.iter().any(|lock| matches!(lock, Lock::Security | Lock::Refunded));
    on && !locked && !replaced && live.charge_type == ChargeType::Subscription && soon && expiry > now
}
