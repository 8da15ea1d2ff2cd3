//! The bounds of a plan and its approval: the last pure step before money can move.
//!
//! [`approve`] is the only way to an [`Approved`] plan, and only an approved plan is carried out.
//! Every refusal names both numbers and the way to allow it.

use std::collections::BTreeSet;

use chrono::Duration;
use sha2::{Digest as _, Sha256};

use super::cost::file_total;
use super::step::{Beyond, ChargeStep, Steps, steps};
use super::{Item, Plan, PriceDecision};
use crate::calendar::beijing_date;
use crate::config::WhenExceeded;
use crate::desired::DesiredFile;
use crate::ids::{InstanceId, RegionId};
use crate::money::{Money, Totals, parse_amount};
use crate::term::Site;
use crate::text::grouped;

/// The next of the nightly runs has begun by then.
const NEXT_NIGHT_HOURS: i64 = 26;

/// How somebody agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// `--auto-approve`, for whatever the plan is.
    AutoApprove,
    /// `--auto-approve`, for the plan that somebody reviewed and whose id they gave: its total is known
    /// to them, so that no cap is needed.
    Reviewed,
    /// The lines typed at the terminal, one for each of [`questions`].
    Typed(Vec<String>),
}

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A bound is exceeded, or a cap is missing: what, and how to allow it.
    Limit(Vec<String>),
    /// What was typed is not what was asked for.
    NotConfirmed,
    /// The plan is for another moment than that of its reading.
    AsOf,
}

/// A plan that is within its bounds and that somebody agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    plan: Plan,
    /// Somebody typed its totals: they agreed to those, and not to what the caps would allow besides.
    is_typed: bool,
}

impl Approved {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its calls, in order. Of several charges the first one decides about the others, and one instance that
    /// fails night after night must not take a fleet with it: charges of `doubted` instances, whose need an
    /// earlier charge may have met and did not, go last. Without any memory of earlier runs (`None`) what expires
    /// soonest takes turns with the others.
    pub fn steps(&self, doubted: Option<&BTreeSet<(RegionId, InstanceId)>>) -> Steps {
        let beyond = if self.is_typed { Beyond::Nothing } else { Beyond::Caps };
        let mut steps = steps(&self.plan, beyond);
        let charges = &mut steps.charges;
        if let Some(doubted) = doubted {
            charges.sort_by_key(|charge| doubted.contains(&(charge.region.clone(), charge.id.clone())));
        } else {
            let first = self.first_of_today(charges);
            if let Some(up_to) = charges.get_mut(..=first) {
                up_to.rotate_right(1);
            }
        }
        steps
    }

    /// Which one of the charges, soonest first, goes first today. A file that says `soonest-first` has chosen,
    /// and what expires before the next night cannot wait; otherwise a draw by the day, so that no rhythm of runs
    /// always meets the same one.
    fn first_of_today(&self, charges: &[ChargeStep]) -> usize {
        let plan = &self.plan;
        let chosen = |item: &Item<PriceDecision>| {
            let file = plan.files.get(item.file).filter(|_| item.renewal().is_some());
            file.is_some_and(|file| file.limits.when_exceeded == WhenExceeded::SoonestFirst)
        };
        if plan.items.iter().any(chosen) {
            return 0;
        }
        let now = plan.evaluated_at;
        let next_night = now + Duration::hours(NEXT_NIGHT_HOURS);
        let cannot_wait =
            |charge: &ChargeStep| now < charge.expires_before && charge.expires_before < next_night;
        if let Some(urgent) = charges.iter().position(cannot_wait) {
            return urgent;
        }
        let day = Sha256::digest(format!("renewctl {}", beijing_date(now).format("%Y-%m-%d")));
        let drawn = day.first_chunk().copied().map_or(0, u64::from_be_bytes);
        let of = u64::try_from(charges.len()).ok().and_then(|all| drawn.checked_rem(all));
        of.and_then(|first| usize::try_from(first).ok()).unwrap_or(0)
    }
}

/// One line that a person types to confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The total in one currency.
    Total(Money),
    /// The number of payments whose price is not known.
    Unpriced(usize),
    /// The word yes: nothing is charged.
    Settings,
}

/// What to type, in order: one total for each currency, then the number of unpriced payments; `yes`
/// if there are only settings.
pub fn questions(plan: &Plan) -> Vec<Question> {
    let mut questions: Vec<Question> = plan.total().amounts().map(Question::Total).collect();
    let unpriced = plan.summary().unpriced;
    if unpriced > 0 {
        questions.push(Question::Unpriced(unpriced));
    }
    if questions.is_empty() && plan.has_changes() {
        questions.push(Question::Settings);
    }
    questions
}

impl Question {
    /// Whether `line` is the answer. Thousands commas may be left out.
    pub fn is_answered_by(&self, line: &str) -> bool {
        let line = line.trim();
        match self {
            Self::Total(money) => parse_amount(line) == Ok(money.amount),
            Self::Unpriced(number) => line == number.to_string() || line == grouped(*number),
            Self::Settings => line == "yes",
        }
    }
}

/// Checks every bound. Empty: within all of them.
pub fn exceeded(plan: &Plan) -> Vec<String> {
    let mut refusals = Vec::new();
    for (index, file) in plan.files.iter().enumerate() {
        refusals.extend(file_exceeded(plan, index, file));
    }
    if let Some(cap) = &plan.run_cap {
        refusals.extend(over_cap(
            &plan.total(),
            cap,
            "--max-charge",
            "raise --max-charge, for a saved plan when it is made",
        ));
    }
    refusals
}

/// What only a run without a person needs: a cap on every charge that it may make.
pub fn missing_caps(plan: &Plan) -> Vec<String> {
    let mut refusals = Vec::new();
    for (index, file) in plan.files.iter().enumerate() {
        let of_file = || plan.items.iter().filter(|item| item.file == index);
        let pays = |item: &Item<PriceDecision>| {
            item.renewal().is_some() || item.committed.as_ref().is_some_and(|committed| committed.counts)
        };
        let unpriced: usize = of_file().map(Item::unpriced).sum();
        let path = crate::text::escape(&file.path);
        if of_file().any(pays) && plan.run_cap.is_none() && file.limits.max_charge.is_none() {
            refusals.push(format!(
                "--auto-approve needs a cap, and {path} charges without one: give --max-charge AMOUNT, or write \
                 limits.max_charge into the file"
            ));
        }
        if unpriced > 0 && file.limits.max_renewals.is_none() {
            refusals.push(format!(
                "--auto-approve needs limits.max_renewals in {path}, because {unpriced} of its payments have no \
                 price that a cap could count"
            ));
        }
    }
    refusals
}

fn file_exceeded(plan: &Plan, index: usize, file: &DesiredFile) -> Vec<String> {
    let path = crate::text::escape(&file.path);
    let mut refusals = Vec::new();
    if let Some(cap) = &file.limits.max_charge {
        let name = format!("limits.max_charge ({})", cap.place);
        refusals.extend(over_cap(&file_total(plan, index), &cap.value, &name, "raise it in the file"));
    }
    if let Some(cap) = &file.limits.max_renewals {
        // A deduction without a price is bounded by nothing else.
        let counts =
            |item: &Item<PriceDecision>| usize::from(item.renewal().is_some()) + item.unpriced_deductions();
        let number: usize = plan.items.iter().filter(|item| item.file == index).map(counts).sum();
        if number > usize::try_from(cap.value).unwrap_or(usize::MAX) {
            let (bound, place) = (cap.value, &cap.place);
            refusals.push(format!(
                "{number} renewals are more than limits.max_renewals, {bound} ({place}): raise it in the file"
            ));
        }
    }
    let off = plan.items.iter().filter(|item| item.file == index);
    let off = off.filter(|item| item.setting().is_some_and(super::Setting::switches_off)).count();
    let bound = file.limits.max_auto_renew_off;
    if off > usize::try_from(bound).unwrap_or(usize::MAX) {
        refusals.push(format!(
            "auto-renewal would be switched off for {off} instances, more than limits.max_auto_renew_off, {bound} \
             ({path}): raise it in the file"
        ));
    }
    refusals
}

/// A cap in one currency allows nothing in another.
fn over_cap(total: &Totals, cap: &Money, name: &str, way: &str) -> Vec<String> {
    total
        .amounts()
        .filter_map(|money| {
            if money.currency != cap.currency {
                return Some(format!(
                    "{money} is not covered by {name}, {cap}: a cap in another currency allows nothing"
                ));
            }
            let over = money.amount > cap.amount;
            over.then(|| format!("{money} is more than {name}, {cap}: {way}, or plan fewer renewals"))
        })
        .collect()
}

/// What a balance says of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BalanceCheck {
    /// It pays for all charges.
    Enough,
    /// It may not, and somebody should know.
    Warning(String),
    /// It does not: nothing is charged.
    Short(String),
}

/// Whether the account can pay what the plan charges. On the China site orders are paid from the balance;
/// on the other one by card, when the order is made, so that a balance only warns. Where every file that
/// charges says `soonest-first`, what expires soonest is bought until the cloud refuses.
pub fn check_balance(plan: &Plan, available: &Money) -> BalanceCheck {
    let charging = || plan.items.iter().filter(|item| item.renewal().is_some());
    let files = || charging().filter_map(|item| plan.files.get(item.file));
    if let Some(other) = plan.charge.amounts().find(|money| money.currency != available.currency) {
        let text = format!("the balance is in {}, and {other} will be charged", available.currency);
        return BalanceCheck::Warning(text);
    }
    let needed = Money { amount: plan.charge.of(&available.currency), ..available.clone() };
    if needed.amount <= available.amount {
        return BalanceCheck::Enough;
    }
    let short = format!("{needed} is more than the balance, {available}");
    if files().all(|file| file.site == Site::International) {
        return BalanceCheck::Warning(format!(
            "{short}: an order that the card does not cover will be refused"
        ));
    }
    if files().all(|file| file.limits.when_exceeded == WhenExceeded::SoonestFirst) {
        let text = format!("{short}: what expires soonest goes first, until the cloud refuses");
        return BalanceCheck::Warning(text);
    }
    BalanceCheck::Short(format!(
        "{short}: top up the account, plan fewer renewals, or write when_exceeded: soonest-first under limits"
    ))
}

/// Approves a plan.
///
/// # Errors
/// [`Refusal::AsOf`] if the plan is for another moment; [`Refusal::Limit`] if a bound is exceeded or,
/// without a person, a cap is missing; [`Refusal::NotConfirmed`] if the typed lines are not the ones asked for.
pub fn approve(plan: Plan, consent: &Consent) -> Result<Approved, Refusal> {
    if plan.is_as_of() {
        return Err(Refusal::AsOf);
    }
    let mut refusals = exceeded(&plan);
    match consent {
        Consent::AutoApprove => refusals.extend(missing_caps(&plan)),
        Consent::Reviewed => {}
        Consent::Typed(lines) => {
            let questions = questions(&plan);
            let answered = questions.len() == lines.len()
                && questions.iter().zip(lines).all(|(question, line)| question.is_answered_by(line));
            if refusals.is_empty() && !answered {
                return Err(Refusal::NotConfirmed);
            }
        }
    }
    let is_typed = matches!(consent, Consent::Typed(_));
    if refusals.is_empty() { Ok(Approved { plan, is_typed }) } else { Err(Refusal::Limit(refusals)) }
}
