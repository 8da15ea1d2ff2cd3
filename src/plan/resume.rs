//! Taking up a saved plan: each of its changes is satisfied already, still the same, waiting, or something
//! else, and then the plan is stale. Nothing is ever added to it: what else there is to do by now is left out.
//! A setting goes only as it was reviewed: beside the renewal that was planned, or that was stopped then
//! ([`Plan::left_over`]), and not beside one that has become due since.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::cost::Sums;
use super::outcome::{ChargeReport, ChargeResult, Outcome, SettingResult};
use super::{Block, BlockCode, Item, Plan, PriceDecision, Renewal, Setting, Stopped, Verdict, price, risk};
use crate::calendar::{show_beijing, show_left};
use crate::ids::{InstanceId, RegionId};
use crate::live::{ChargeType, LiveInstance, are_same_locks};
use crate::money::Money;
use crate::term::LiveAutoRenew;

/// What is left of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// What is still to do, under the id of the saved plan.
    pub plan: Plan,
    /// What is so already.
    pub satisfied: Outcome,
    /// Of which instances something is to do that was not planned: blocked in the plan, for a new one.
    pub left_out: Vec<(RegionId, InstanceId)>,
}

/// Compares a saved plan with one that was just made from the same files.
///
/// # Errors
/// What has changed, one sentence for each change that is neither satisfied, nor the same, nor waiting.
pub fn resume(saved: &Plan, fresh: Plan) -> Result<Resumed, Vec<String>> {
    let then: BTreeMap<(&RegionId, &InstanceId), &Item<PriceDecision>> =
        saved.items.iter().map(|item| ((&item.region, &item.id), item)).collect();
    let (mut satisfied, mut stale, mut left_out) = (Outcome::default(), Vec::new(), Vec::new());
    let mut items = Vec::with_capacity(fresh.items.len());
    for mut item in fresh.items {
        let before = then.get(&(&item.region, &item.id)).copied();
        if let Some(before) = before.filter(|before| before.has_changes()) {
            stale.extend(compare(before, &item, &mut satisfied));
        }
        wait_with_the_renewal(&mut item, before);
        leave_out(&mut item, before, fresh.read_at);
        if item.leaves_out() {
            left_out.push((item.region.clone(), item.id.clone()));
        }
        items.push(item);
    }
    if !stale.is_empty() {
        return Err(stale);
    }
    let mut plan = Plan { id: saved.id.clone(), items, ..fresh };
    // What is left out ends nothing, and replaces no deduction.
    plan.valid_until = saved.valid_until.filter(|until| plan.read_at < *until).or(plan.valid_until);
    plan.deducted_anyway = price::deducted_anyway(&plan.items, plan.evaluated_at);
    // A part of sums that were bounded when the fresh plan was made.
    if let Ok(Sums { charge, committed }) = Sums::of(&plan.items) {
        (plan.charge, plan.committed) = (charge, committed);
    }
    Ok(Resumed { plan, satisfied, left_out })
}

/// A setting that was planned beside a renewal waits with it: alone it was not reviewed.
fn wait_with_the_renewal(item: &mut Item<PriceDecision>, planned: Option<&Item<PriceDecision>>) {
    let beside = planned.is_some_and(|before| before.renewal().is_some() && before.setting().is_some());
    if let (true, Some(Verdict::Held(hold)), true) = (beside, &item.renew, item.setting().is_some()) {
        item.set = Some(Verdict::Held(hold.clone()));
        item.committed = None;
    }
}

/// Blocks what is to do for an instance and was not planned: a renewal for another need than the planned one,
/// with its setting, or a setting to another value.
fn leave_out(item: &mut Item<PriceDecision>, before: Option<&Item<PriceDecision>>, now: DateTime<Utc>) {
    let renewal = item.renewal().is_some_and(|renewal| {
        let planned = before.and_then(Item::renewal);
        planned.is_none_or(|planned| planned.expires_before != renewal.expires_before)
    });
    let since = || "it has become due since the plan was saved".to_owned();
    if renewal {
        let then = before.and_then(|before| before.renew.as_ref()).and_then(Verdict::stopped);
        let why = then.map_or_else(since, Stopped::then);
        item.renew = Some(Verdict::Blocked(Block::not_in_plan(why)));
        let left = item.live.as_ref().map(|live| live.expires_at - now).filter(|left| risk::is_short(*left));
        if let Some(left) = left {
            item.at_risk = Some(format!("{}, and its renewal is not in this plan", show_left(left)));
        }
    }
    let Some(setting) = item.setting() else { return };
    let planned = before.and_then(Item::setting).is_some_and(|planned| planned.after == setting.after);
    let text = match before.and_then(|before| before.set.as_ref()).and_then(Verdict::stopped) {
        _ if planned && renewal => "it goes only with its renewal, which has become due since".to_owned(),
        _ if planned => return,
        Some(stopped) => stopped.then(),
        None => since(),
    };
    item.set = Some(Verdict::Blocked(Block::not_in_plan(text)));
    item.committed = None;
}

/// Notes what is satisfied, and returns what is stale.
fn compare(saved: &Item<PriceDecision>, fresh: &Item<PriceDecision>, satisfied: &mut Outcome) -> Vec<String> {
    let Some(live) = &fresh.live else {
        let why =
            fresh.renew.as_ref().and_then(Verdict::stopped).or(fresh.set.as_ref().and_then(Verdict::stopped));
        let why = why.map_or("it could not be read", |stopped| stopped.why);
        return vec![format!("{}: {why}", saved.id)];
    };
    let mut stale = Vec::new();
    if let Some(renewal) = saved.renewal() {
        match renewal_now(renewal, saved, fresh, live) {
            Ok(Now::Same | Now::Waits) => {}
            Ok(Now::Satisfied) => {
                let result = ChargeResult::Satisfied { expires_at: live.expires_at };
                let report = ChargeReport { term: renewal.term, price: renewal.price.clone(), result };
                satisfied.charges.insert((saved.region.clone(), saved.id.clone()), report);
            }
            Err(why) => stale.push(format!("{}: {why}", saved.id)),
        }
    }
    if let Some(setting) = saved.setting() {
        match setting_now(setting, saved, fresh, live) {
            Ok(Now::Same | Now::Waits) => {}
            Ok(Now::Satisfied) => {
                satisfied.set(&saved.region, &saved.id, setting.after, SettingResult::Satisfied);
            }
            Err(why) => stale.push(format!("{}: {why}", saved.id)),
        }
    }
    stale
}

/// How a planned action stands now, if not stale.
enum Now {
    Same,
    Satisfied,
    /// It is held, or needs what is left out: it keeps its verdict, and a later run or plan carries it out.
    Waits,
}

/// Whether the observed setting is the one that the renewal was reviewed with, or what the plan itself makes
/// of it on the way: its own value, or the lifted mark.
fn is_setting_as_reviewed(saved: &Item<PriceDecision>, live: &LiveInstance) -> bool {
    let Some(before) = &saved.live else { return false };
    let lifted = matches!(before.auto_renew, Some(Ok(LiveAutoRenew::Never)))
        && matches!(live.auto_renew, Some(Ok(LiveAutoRenew::Off)));
    let own = saved
        .setting()
        .is_some_and(|setting| live.auto_renew == Some(Ok(LiveAutoRenew::from(setting.after))));
    // It was agreed to without knowing the setting.
    let unknown = matches!(before.auto_renew, Some(Err(_)));
    before.auto_renew == live.auto_renew || unknown || lifted || own
}

fn renewal_now(
    planned: &Renewal<PriceDecision>,
    saved: &Item<PriceDecision>,
    fresh: &Item<PriceDecision>,
    live: &LiveInstance,
) -> Result<Now, String> {
    let seen: DateTime<Utc> = live.expires_at;
    // What is no subscription any more has a sentinel for an expiry, far beyond every plan.
    let subscribed = live.charge_type == ChargeType::Subscription;
    if subscribed && (seen >= planned.expires_after || matches!(fresh.renew, Some(Verdict::NoOp))) {
        return Ok(Now::Satisfied);
    }
    if subscribed && seen != planned.expires_before {
        let (now, then) = (show_beijing(seen), show_beijing(planned.expires_before));
        return Err(format!("it expires {now} now, and {then} when the plan was made"));
    }
    if saved.live.as_ref().is_some_and(|before| !are_same_locks(&before.locks, &live.locks)) {
        return Err("its locks are others now".to_owned());
    }
    if let Some(Verdict::Held(_)) = &fresh.renew {
        return Ok(Now::Waits);
    }
    let Some(renewal) = fresh.renewal() else {
        let stopped = fresh.renew.as_ref().and_then(Verdict::stopped);
        return Err(stopped.map_or_else(
            || "it needs no renewal any more".to_owned(),
            |stopped| format!("its renewal is {} now: {}", stopped.kind.as_str(), stopped.why),
        ));
    };
    if let (Some(Err(why)), false) = (&live.auto_renew, is_setting_as_reviewed(saved, live)) {
        return Err(format!("its auto-renewal setting cannot be read now: {}", why.reason));
    }
    if !is_setting_as_reviewed(saved, live) {
        return Err("its auto-renewal setting is another one than when the plan was made".to_owned());
    }
    if (renewal.term, renewal.expires_after) != (planned.term, planned.expires_after) {
        let (now, then) = (renewal.term.term(), planned.term.term());
        let until = show_beijing(renewal.expires_after);
        return Err(format!("it would be renewed by {now} until {until} now, planned were {then}"));
    }
    match (&planned.price, &renewal.price) {
        (PriceDecision::Unpriced, PriceDecision::Unpriced) => Ok(Now::Same),
        (PriceDecision::Quoted(then), PriceDecision::Quoted(now))
            if now.amount.currency == then.amount.currency && now.amount.amount <= then.amount.amount =>
        {
            Ok(Now::Same)
        }
        (PriceDecision::Quoted(then), PriceDecision::Quoted(now)) => {
            Err(format!("it costs {} now, planned was {}", now.amount, then.amount))
        }
        _ => Err("whether its price is known has changed".to_owned()),
    }
}

fn setting_now(
    planned: &Setting,
    saved: &Item<PriceDecision>,
    fresh: &Item<PriceDecision>,
    live: &LiveInstance,
) -> Result<Now, String> {
    if live.auto_renew == Some(Ok(LiveAutoRenew::from(planned.after))) {
        return Ok(Now::Satisfied);
    }
    let beside = saved.renewal().is_some() && matches!(fresh.renew, Some(Verdict::Held(_)));
    if beside || matches!(fresh.set, Some(Verdict::Held(_))) {
        return Ok(Now::Waits);
    }
    let Some(setting) = fresh.setting() else {
        let stopped = fresh.set.as_ref().and_then(Verdict::stopped);
        let expired = stopped.is_some_and(|stopped| stopped.code == BlockCode::Expired.as_str());
        if expired
            && saved.renewal().is_none()
            && saved.renew.as_ref().is_some_and(|it| it.stopped().is_some())
        {
            // It would need the renewal that was stopped then.
            return Ok(Now::Waits);
        }
        return Err(stopped.map_or_else(
            || "its setting is another one now".to_owned(),
            |stopped| format!("its setting is {} now: {}", stopped.kind.as_str(), stopped.why),
        ));
    };
    if setting.before != planned.before && !is_setting_as_reviewed(saved, live) {
        let (now, then) = (setting.before, planned.before);
        return Err(format!("its auto-renewal is {now} now, and was {then} when the plan was made"));
    }
    let of = |item: &Item<PriceDecision>| item.committed.clone().filter(|committed| committed.counts);
    match (of(saved), of(fresh)) {
        (_, None) => Ok(Now::Same),
        (Some(then), Some(now))
            if now.times <= then.times && no_dearer(now.amount.as_ref(), then.amount.as_ref()) =>
        {
            Ok(Now::Same)
        }
        (_, Some(_)) => {
            Err("the platform would soon deduct more for its setting than was planned".to_owned())
        }
    }
}

fn no_dearer(now: Option<&Money>, then: Option<&Money>) -> bool {
    match (now, then) {
        (None, None) => true,
        (Some(now), Some(then)) => now.currency == then.currency && now.amount <= then.amount,
        _ => false,
    }
}
