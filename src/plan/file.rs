//! Saved plans: what a plan was decided from, so that it can be decided again.
//!
//! A saved plan is the plan's JSON, for people and programs, and beside it its [`Evidence`]: the texts of
//! the files, the selection, the reading, holds and quotes. Deciding is pure, so that reading a saved
//! plan means deciding again from the evidence and finding the same id: nothing that the JSON says
//! besides is believed. A digest over the evidence guards against accidents; against somebody who
//! alters the file on purpose only an id that comes from elsewhere guards (`--checksum`).

use std::rc::Rc;

use chrono::{DateTime, Datelike as _, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::draft::{Draft, Holds, QuoteAsk, draft};
use super::price::{NoQuote, PriceError, Quotes, price};
use super::{Hold, Plan, PlanAccount, validity};
use crate::calendar::YEARS;
use crate::config::load;
use crate::desired::{DesiredState, Selection};
use crate::ids::{InstanceId, RegionId};
use crate::live::{Answer, Live, Quote};
use crate::money::Money;
use crate::text::escape_json;

/// Major version of the form: readers refuse another one.
const FORMAT_MAJOR: &str = "1";

/// The text of one file, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceText {
    /// The path as the user wrote it.
    pub path: Rc<str>,
    /// All of it.
    pub text: String,
}

/// What was learned from the cloud and the journal for one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    read_at: DateTime<Utc>,
    accounts: Vec<PlanAccount>,
    answers: Vec<((RegionId, InstanceId), Answer)>,
    holds: Vec<((RegionId, InstanceId), Hold)>,
    quotes: Vec<(QuoteAsk, Result<Quote, NoQuote>)>,
}

/// Everything that a plan was decided from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The files.
    pub sources: Vec<SourceText>,
    /// The part of them that was asked for.
    pub selection: Selection,
    /// The cap of the whole run, if one was given.
    pub max_charge: Option<Money>,
    /// What was learned.
    pub evidence: Evidence,
}

/// A plan that was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPlan {
    /// The plan, decided again.
    pub plan: Plan,
    /// What its files ask for.
    pub desired: DesiredState,
    /// The world that it was made in.
    pub world: String,
}

/// Why a file is no plan that can be taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is something else.
    #[error("it is no saved plan: {0}")]
    Form(String),
    /// It is of another major version.
    #[error(
        "it has the format version {0}, and this program reads {FORMAT_MAJOR}.x: use the program that made it"
    )]
    Version(String),
    /// It is a plan as JSON, made to be read.
    #[error("it is a plan to be read, not a saved one: make it with `renewctl plan --out FILE`")]
    NotSaved,
    /// Its digest does not fit.
    #[error("it was altered, or is not whole: make the plan again")]
    Altered,
    /// It does not lead to its own id.
    #[error(
        "what is in it leads to another plan (made by version {0}): make the plan again with this program"
    )]
    Differs(String),
}

#[derive(Deserialize)]
struct Document<'a> {
    format_version: String,
    #[serde(default)]
    tool_version: String,
    plan_id: String,
    world: String,
    inputs_sha256: Option<String>,
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
}

impl Evidence {
    /// Keeps what was learned.
    pub fn new(accounts: &[PlanAccount], live: &Live, holds: &Holds, quotes: &Quotes) -> Self {
        Self {
            read_at: live.read_at,
            accounts: accounts.to_vec(),
            answers: live.answers.clone().into_iter().collect(),
            holds: holds.clone().into_iter().collect(),
            quotes: quotes.clone().into_iter().collect(),
        }
    }

    /// Whether all its moments are of this age, so that computing with them cannot leave the calendar.
    fn is_sane(&self) -> bool {
        let sane = |at: &DateTime<Utc>| YEARS.contains(&at.year());
        let found = self.answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Found(instance) => Some(&instance.expires_at),
            _ => None,
        });
        let held = self.holds.iter().map(|(_, hold)| &hold.until);
        let quoted =
            self.quotes.iter().filter_map(|(_, quote)| quote.as_ref().ok()).map(|quote| &quote.quoted_at);
        sane(&self.read_at) && found.chain(held).chain(quoted).all(sane)
    }

    /// The reading.
    fn live(&self) -> Live {
        Live { read_at: self.read_at, answers: self.answers.iter().cloned().collect() }
    }

    /// Decides again.
    fn plan(&self, desired: &DesiredState) -> Result<Plan, PriceError> {
        let live = self.live();
        let draft = draft(desired, &live, self.read_at, &self.holds.iter().cloned().collect());
        plan(desired, draft, &self.quotes.iter().cloned().collect(), &self.accounts, &live)
    }
}

/// The last step of every plan: its prices, its accounts, how long it holds.
///
/// # Errors
/// [`PriceError`].
pub fn plan(
    desired: &DesiredState,
    draft: Draft,
    quotes: &Quotes,
    accounts: &[PlanAccount],
    live: &Live,
) -> Result<Plan, PriceError> {
    let mut plan = price(desired, draft, quotes)?;
    plan.accounts = accounts.to_vec();
    if !plan.is_as_of() {
        plan.valid_until = validity::valid_until(desired, live, &plan);
    }
    Ok(plan)
}

impl Inputs {
    /// As one line of JSON, which goes into a saved plan as it is, and its digest in hexadecimal.
    ///
    /// # Errors
    /// If it cannot be encoded, which no plan brings about.
    pub fn encode(&self) -> Result<(Box<RawValue>, String), serde_json::Error> {
        let text = escape_json(&serde_json::to_string(self)?);
        let digest = digest(&text);
        Ok((RawValue::from_string(text)?, digest))
    }
}

fn digest(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// Reads a saved plan, and decides it again.
///
/// # Errors
/// [`FileError`].
pub fn read(bytes: &[u8]) -> Result<SavedPlan, FileError> {
    let form = |error: serde_json::Error| FileError::Form(error.to_string());
    let document: Document<'_> = serde_json::from_slice(bytes).map_err(form)?;
    if document.format_version.split('.').next() != Some(FORMAT_MAJOR) {
        return Err(FileError::Version(crate::text::escape(&document.format_version)));
    }
    let (Some(raw), Some(told)) = (document.inputs, document.inputs_sha256) else {
        return Err(FileError::NotSaved);
    };
    if digest(raw.get()) != told {
        return Err(FileError::Altered);
    }
    let differs = || FileError::Differs(crate::text::escape(&document.tool_version));
    let inputs: Inputs = serde_json::from_str(raw.get()).map_err(|_| differs())?;
    let files: Vec<_> =
        inputs.sources.into_iter().map(|source| (source.path, source.text.into_bytes())).collect();
    let mut desired: DesiredState = load(&files).config.ok_or_else(differs)?.into();
    desired.select(&inputs.selection).map_err(|_| differs())?;
    desired.run_cap = inputs.max_charge;
    if !inputs.evidence.is_sane() {
        return Err(differs());
    }
    let plan = inputs.evidence.plan(&desired).map_err(|_| differs())?;
    if plan.id.to_string() != document.plan_id {
        return Err(differs());
    }
    Ok(SavedPlan { plan, desired, world: document.world })
}
