//! The order of an approved plan: which calls, for whom, one after the other.
//!
//! Decided here, by pure code, so that the executor has no choice. Settings that depend on no charge
//! go first, then the charges, soonest expiry first, then the settings that wait for a charge.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::headroom::Headroom;
use super::{Item, Plan, PriceDecision, Renewal, Setting, window};
use crate::ids::{InstanceId, RegionId};
use crate::live::{ChargeType, Lock, Quote};
use crate::money::Money;
use crate::term::{AutoRenew, LiveAutoRenew, PurchaseTerm};

/// Ids in one `ModifyInstanceAutoRenewAttribute` (InstanceId, at most 100).
pub const SET_BATCH: usize = 100;

/// What has to be true of an instance's charge before its setting is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing: there is no charge, or the charge waits for the setting.
    None,
    /// The charge is settled, or the cloud refused it: enabling can only help.
    NotInDoubt,
    /// The charge is settled: switching off before would leave nothing that renews.
    Settled,
    /// The charge is settled: after a refusal nothing allows what the platform would deduct at once.
    Budgeted(Unfunded),
}

/// Why auto-renewal is not switched on after a refused charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfunded {
    /// Nobody agreed to more than the charge: no cap says how much, or a person typed the total.
    NotAgreed,
    /// What would be deducted is not known.
    NoPrice,
    /// It is more than the caps allow.
    NoRoom,
}

/// What may be deducted, after a refused charge, beyond the totals of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// What its caps leave.
    Caps,
    /// Nothing.
    Nothing,
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
    /// What the platform may deduct at most, and when that was quoted, where it deducts soon.
    pub prices: BTreeMap<InstanceId, Quote>,
    /// The same where it deducts soon only if the charge was refused.
    pub rescue_prices: BTreeMap<InstanceId, Quote>,
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
pub fn steps(plan: &Plan, beyond: Beyond) -> Steps {
    let unfunded = unfunded(plan, beyond);
    let mut first: BTreeMap<Key, Vec<InstanceId>> = BTreeMap::new();
    let mut last: BTreeMap<Key, Vec<InstanceId>> = BTreeMap::new();
    let mut charges = Vec::new();
    let mut prices = Prices::new();
    for item in &plan.items {
        if let Some(quote) = quoted(item) {
            prices.insert((item.region.clone(), item.id.clone()), quote);
        }
        if let Some(charge) = item.renewal().and_then(|renewal| charge(item, renewal)) {
            charges.push(charge);
        }
        if let Some(setting) = item.setting() {
            let why = unfunded.get(&(item.region.clone(), item.id.clone())).copied();
            for (value, condition) in settings(setting, item, why, plan.evaluated_at) {
                let group = if condition == Condition::None { &mut first } else { &mut last };
                let key = (item.region.clone(), value, condition);
                group.entry(key).or_default().push(item.id.clone());
            }
        }
    }
    charges.sort_by(|a, b| (a.expires_before, &a.region, &a.id).cmp(&(b.expires_before, &b.region, &b.id)));
    Steps { first: batches(first, &prices), charges, last: batches(last, &prices) }
}

type Key = (RegionId, AutoRenew, Condition);
type Prices = BTreeMap<(RegionId, InstanceId), (Quote, bool)>;

/// The quote of what a setting leads to, and whether it leads to it soon in any case.
fn quoted(item: &Item<PriceDecision>) -> Option<(Quote, bool)> {
    let committed = item.committed.as_ref()?;
    let (amount, quoted_at) = (committed.amount.clone()?, committed.quoted_at?);
    Some((Quote { list_amount: amount.amount, amount, quoted_at }, committed.counts))
}

/// The values to set for one instance, each with its condition. A term that is shorter than the one that
/// is on lessens what the platform deducts, and waits for nothing. A mark against renewal is lifted
/// before the charge (reference 2.3), by `off`: a term would come into the platform's hours. If that
/// is refused, the charge is tried all the same, because both sources agree that renewing by hand
/// remains possible. After expiry no setting is accepted, so it waits for the charge.
fn settings(
    setting: &Setting,
    item: &Item<PriceDecision>,
    unfunded: Option<Unfunded>,
    now: DateTime<Utc>,
) -> Vec<(AutoRenew, Condition)> {
    let renewing = item.renewal().is_some();
    let expired = item.live.as_ref().is_some_and(|live| live.expires_at <= now);
    let enables = matches!(setting.after, AutoRenew::Every(_));
    let marked = setting.before == LiveAutoRenew::Never;
    let lessens = enables && setting.adds_nothing() && !expired;
    if !renewing || lessens || (marked && !enables && !expired) {
        return vec![(setting.after, Condition::None)];
    }
    if expired || !enables {
        return vec![(setting.after, Condition::Settled)];
    }
    let lifted = marked.then_some((AutoRenew::Off, Condition::None));
    let condition = unfunded.map_or(Condition::NotInDoubt, Condition::Budgeted);
    lifted.into_iter().chain([(setting.after, condition)]).collect()
}

/// Enabling after a refused charge rescues an instance, but then the platform deducts for the old
/// expiry, and perhaps at once. The charge that it replaces was counted into the total and the caps; what
/// it takes beyond that must fit into what the caps leave, soonest expiry first. Returns those for which it
/// does not, and why.
fn unfunded(plan: &Plan, beyond: Beyond) -> BTreeMap<(RegionId, InstanceId), Unfunded> {
    let mut headroom = Headroom::of(plan, beyond);
    let mut items: Vec<&Item<PriceDecision>> =
        plan.items.iter().filter(|item| item.renewal().is_some() && item.setting().is_some()).collect();
    items.sort_by_key(|item| item.renewal().map(|renewal| renewal.expires_before));
    let why_not = items.into_iter().filter_map(|item| {
        let more = beyond_the_charge(item, plan.evaluated_at);
        let why = more.and_then(|more| more.map_or(Ok(()), |more| headroom.take(item.file, &more))).err()?;
        Some(((item.region.clone(), item.id.clone()), why))
    });
    why_not.collect()
}

/// What the platform would deduct soon for the old expiry beyond the charge that was counted; `None` if it
/// would deduct nothing.
fn beyond_the_charge(item: &Item<PriceDecision>, now: DateTime<Utc>) -> Result<Option<Money>, Unfunded> {
    let (Some(renewal), Some(committed)) = (item.renewal(), &item.committed) else {
        return Err(Unfunded::NoPrice);
    };
    let times = window::deductions_soon(renewal.expires_before, committed.term, now);
    if times == 0 {
        return Ok(None);
    }
    let one = committed.amount.clone().ok_or(Unfunded::NoPrice)?;
    let all = one.amount.checked_mul(times.into()).ok_or(Unfunded::NoRoom)?;
    let counted = match &renewal.price {
        PriceDecision::Quoted(quote) if quote.amount.currency == one.currency => quote.amount.amount,
        _ => Decimal::ZERO,
    };
    Ok(Some(Money { amount: (all - counted).max(Decimal::ZERO), currency: one.currency }))
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

fn batches(groups: BTreeMap<Key, Vec<InstanceId>>, prices: &Prices) -> Vec<SetStep> {
    let mut steps = Vec::new();
    for ((region, setting, condition), ids) in groups {
        for part in ids.chunks(SET_BATCH) {
            let enables = matches!(setting, AutoRenew::Every(_));
            let of = |soon: bool| -> BTreeMap<InstanceId, Quote> {
                let known = part.iter().filter_map(|id| {
                    let (quote, counts) = prices.get(&(region.clone(), id.clone()))?;
                    (enables && *counts == soon).then(|| (id.clone(), quote.clone()))
                });
                known.collect()
            };
            let rescue_prices = if condition == Condition::NotInDoubt { of(false) } else { BTreeMap::new() };
            steps.push(SetStep {
                region: region.clone(),
                setting,
                ids: part.to_vec(),
                condition,
                prices: of(true),
                rescue_prices,
            });
        }
    }
    steps
}
