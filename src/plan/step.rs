//! The order of an approved plan: which calls, for whom, one after the other.
//!
//! Decided here, by pure code, so that the executor has no choice. Settings that depend on no charge
//! go first, then the charges, soonest expiry first, then the settings that wait for a charge.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Item, Plan, PriceDecision, Renewal, Setting, window};
use crate::ids::{InstanceId, RegionId};
use crate::live::{ChargeType, Lock};
use crate::term::{AutoRenew, LiveAutoRenew, PurchaseTerm};

/// Ids in one `ModifyInstanceAutoRenewAttribute` (InstanceId, at most 100).
pub const SET_BATCH: usize = 100;

/// What has to be true of an instance's charge before its setting is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing: there is no charge, or the charge waits for the setting.
    None,
    /// The charge is settled, or was certainly not made: enabling can only help.
    NotInDoubt,
    /// The charge is settled: switching off before would leave nothing that renews.
    Settled,
}

/// One call to change settings: one region, one value, at most [`SET_BATCH`] ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetStep {
    /// Where.
    pub region: RegionId,
    /// The value.
    pub setting: AutoRenew,
    /// For whom.
    pub ids: Vec<InstanceId>,
    /// What has to be true of each one's charge.
    pub condition: Condition,
}

/// One charge, with all that must still be so when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeStep {
    /// Where.
    pub region: RegionId,
    /// Which instance.
    pub id: InstanceId,
    /// What to buy.
    pub term: PurchaseTerm,
    /// The expiry that was read.
    pub expires_before: DateTime<Utc>,
    /// The expiry that it leads to.
    pub expires_after: DateTime<Utc>,
    /// What it may cost.
    pub price: PriceDecision,
    /// As read.
    pub charge_type: ChargeType,
    /// As read.
    pub locks: Vec<Lock>,
}

/// All calls of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Settings that wait for nothing.
    pub first: Vec<SetStep>,
    /// Charges, soonest expiry first.
    pub charges: Vec<ChargeStep>,
    /// Settings that wait for a charge.
    pub last: Vec<SetStep>,
}

/// Puts a plan in order.
pub fn steps(plan: &Plan) -> Steps {
    let mut first: BTreeMap<Key, Vec<InstanceId>> = BTreeMap::new();
    let mut last: BTreeMap<Key, Vec<InstanceId>> = BTreeMap::new();
    let mut charges = Vec::new();
    for item in &plan.items {
        if let Some(charge) = item.renewal().and_then(|renewal| charge(item, renewal)) {
            charges.push(charge);
        }
        if let Some(setting) = item.setting() {
            for (value, condition) in settings(setting, item.renewal().is_some(), item, plan.evaluated_at) {
                let group = if condition == Condition::None { &mut first } else { &mut last };
                let key = (item.region.clone(), value, condition);
                group.entry(key).or_default().push(item.id.clone());
            }
        }
    }
    charges.sort_by(|a, b| (a.expires_before, &a.region, &a.id).cmp(&(b.expires_before, &b.region, &b.id)));
    Steps { first: batches(first), charges, last: batches(last) }
}

type Key = (RegionId, AutoRenew, Condition);

/// The values to set for one instance, each with its condition. A mark against renewal is lifted
/// before the charge (reference 2.3), by `off`: a term would come into the platform's hours. If that
/// is refused, the charge is tried all the same, because both sources agree that renewing by hand
/// remains possible. After expiry no setting is accepted, so it waits for the charge.
fn settings(
    setting: &Setting,
    renewing: bool,
    item: &Item<PriceDecision>,
    now: DateTime<Utc>,
) -> Vec<(AutoRenew, Condition)> {
    let expired = item.live.as_ref().is_some_and(|live| live.expires_at <= now);
    let enables = matches!(setting.after, AutoRenew::Every(_));
    let marked = setting.before == LiveAutoRenew::Never;
    if !renewing || (marked && !enables && !expired) {
        return vec![(setting.after, Condition::None)];
    }
    if expired || !enables {
        return vec![(setting.after, Condition::Settled)];
    }
    let lifted = marked.then_some((AutoRenew::Off, Condition::None));
    let condition = if is_rescue_covered(item, now) { Condition::NotInDoubt } else { Condition::Settled };
    lifted.into_iter().chain([(setting.after, condition)]).collect()
}

/// Enabling after a refused charge rescues the instance, but then the platform deducts for the old
/// expiry, and perhaps at once: what it takes soon must be no more than the charge that was counted
/// into the total and the caps and that it replaces.
fn is_rescue_covered(item: &Item<PriceDecision>, now: DateTime<Utc>) -> bool {
    let (Some(renewal), Some(committed)) = (item.renewal(), &item.committed) else { return false };
    let at = window::next_deduction(renewal.expires_before, now);
    if at.is_some_and(|at| !window::is_soon(at, now)) {
        return true;
    }
    match (&renewal.price, &committed.amount) {
        (PriceDecision::Quoted(quote), Some(amount)) => {
            quote.amount.currency == amount.currency && amount.amount <= quote.amount.amount
        }
        _ => false,
    }
}

fn charge(item: &Item<PriceDecision>, renewal: &Renewal<PriceDecision>) -> Option<ChargeStep> {
    let live = item.live.as_ref()?;
    Some(ChargeStep {
        region: item.region.clone(),
        id: item.id.clone(),
        term: renewal.term,
        expires_before: renewal.expires_before,
        expires_after: renewal.expires_after,
        price: renewal.price.clone(),
        charge_type: live.charge_type.clone(),
        locks: live.locks.clone(),
    })
}

fn batches(groups: BTreeMap<Key, Vec<InstanceId>>) -> Vec<SetStep> {
    let mut steps = Vec::new();
    for ((region, setting, condition), ids) in groups {
        for part in ids.chunks(SET_BATCH) {
            steps.push(SetStep { region: region.clone(), setting, ids: part.to_vec(), condition });
        }
    }
    steps
}
