//! What happens to instances by itself as the world's clock runs: the platform renews them, they
//! stop when their paid time ends, and are released some days later.
//!
//! Events come in the order of time over all instances, because they share one balance.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::calendar::{at_beijing, beijing_day};
use super::order::{Order, OrderError, place};
use super::state::{Buyer, ChargeType, Instance, State};
use super::world::Assumptions;

/// The platform deducts "usually between 08:00 and 18:00" Beijing time (China FAQ). When, for one
/// instance, is drawn from its id: assumed.
const DEDUCTION_FROM_HOUR: i64 = 8;
/// See [`DEDUCTION_FROM_HOUR`].
const DEDUCTION_MINUTES: u64 = 10 * 60;

/// Something that happened by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the world's clock.
    pub at: DateTime<Utc>,
    /// To which instance.
    pub instance_id: String,
    /// What.
    pub what: Happening,
}

/// What can happen by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// The platform renewed it; the charge is in the ledger.
    AutoRenewed {
        /// The order's number.
        order_id: u64,
    },
    /// The platform tried to renew it; it tries again on its next day.
    AutoRenewalFailed {
        /// Why.
        why: String,
    },
    /// Its paid time ended.
    Stopped,
    /// It was released with its disks.
    Released,
}

/// Lives on to `now`. What happened is added to the state's events.
pub(super) fn live_on(state: &mut State, now: DateTime<Utc>) {
    let from = state.lived_until;
    if now <= from {
        return;
    }
    let mut queue: BTreeSet<(DateTime<Utc>, String)> = BTreeSet::new();
    for instance in state.instances.values() {
        let next = next_event(instance, &state.assumptions, from).filter(|at| *at <= now);
        queue.extend(next.map(|at| (at, instance.id.clone())));
    }
    while let Some((at, id)) = queue.pop_first() {
        happen(state, &id, at);
        let next = state.instances.get(&id).and_then(|i| next_event(i, &state.assumptions, at));
        queue.extend(next.filter(|next| *next <= now).map(|next| (next, id)));
    }
    state.lived_until = now;
}

/// The next instant after `after` at which something may happen to an instance.
fn next_event(instance: &Instance, assumed: &Assumptions, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if instance.charge_type == ChargeType::PostPaid {
        return None;
    }
    let paid_until = instance.paid_until();
    let deductions = deductions(instance, assumed).filter(|at| *at > after).min();
    let stop = Some(paid_until).filter(|at| *at > after);
    // An overdue release happens as soon as the clock runs at all; it ends everything else.
    let release = release(paid_until, assumed).map(|at| at.max(after));
    [deductions, stop, release].into_iter().flatten().min()
}

/// The instants at which the platform tries to renew an instance for its present expiry. A setting
/// takes effect the day after it was made, and not for an expiry on that day (reference 3.2).
fn deductions<'a>(
    instance: &'a Instance,
    assumed: &'a Assumptions,
) -> impl Iterator<Item = DateTime<Utc>> + 'a {
    let expiry_day = beijing_day(instance.paid_until());
    let set_on = beijing_day(instance.auto_renew_since);
    let minute = DEDUCTION_FROM_HOUR * 60 + minute_of(&instance.id);
    let on = instance.auto_renew.status == "AutoRenewal" && expiry_day > set_on + 1;
    let days = assumed.deduction_days.iter().flatten().map(move |days| expiry_day - days);
    days.filter(move |day| on && *day > set_on).filter_map(move |day| at_beijing(day, minute))
}

/// FNV-1a of the id, within the hours of deduction.
fn minute_of(id: &str) -> i64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash % DEDUCTION_MINUTES).unwrap_or(0)
}

/// At 00:00 Beijing time, so many days after the day of expiry.
fn release(paid_until: DateTime<Utc>, assumed: &Assumptions) -> Option<DateTime<Utc>> {
    at_beijing(beijing_day(paid_until) + assumed.released_after_days, 0)
}

fn happen(state: &mut State, id: &str, at: DateTime<Utc>) {
    let Some(instance) = state.instances.get(id) else { return };
    let mut what = Vec::new();
    if release(instance.paid_until(), &state.assumptions).is_some_and(|due| due <= at) {
        state.instances.remove(id);
        what.push(Happening::Released);
    } else {
        if deductions(instance, &state.assumptions).any(|due| due == at) {
            what.push(deduct(state, id, at));
        }
        if state.instances.get(id).is_some_and(|instance| instance.paid_until() == at) {
            what.push(Happening::Stopped);
        }
    }
    state.events.extend(what.into_iter().map(|what| Event { at, instance_id: id.to_owned(), what }));
}

fn deduct(state: &mut State, id: &str, at: DateTime<Utc>) -> Happening {
    let Some(instance) = state.instances.get(id) else {
        return Happening::AutoRenewalFailed { why: "it is gone".to_owned() };
    };
    let (period, unit) = (instance.auto_renew.duration, instance.auto_renew.unit);
    let failed = |why: &str| Happening::AutoRenewalFailed { why: why.to_owned() };
    if let Some(lock) = instance.lock.as_deref().filter(|lock| ["security", "refunded"].contains(lock)) {
        return failed(&format!("its lock: {lock}"));
    }
    let order = Order { id, period, unit, buyer: Buyer::Platform, client_token: None, request_id: "" };
    match place(state, &order, at) {
        Ok(order_id) => Happening::AutoRenewed { order_id },
        Err(OrderError::NoBalance) => failed("the balance is too low"),
        Err(OrderError::BeyondLatestExpiry) => failed("it would last beyond the latest expiry"),
        Err(OrderError::UnknownInstance) => failed("it is gone"),
    }
}
