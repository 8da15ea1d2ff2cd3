//! Orders: what a renewal costs, from where it counts, and its line in the ledger. The API and the
//! platform's own renewal both order here.

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;

use super::calendar::{add_months, add_weeks, next_midnight};
use super::state::{Buyer, Charge, Instance, Pending, State};
use super::terms::{Site, Unit};

/// The first order's number; the form is like a real one.
const FIRST_ORDER: u64 = 234_500_000_001;

/// What is bought.
pub(super) struct Order<'a> {
    pub(super) id: &'a str,
    pub(super) period: i64,
    pub(super) unit: Unit,
    pub(super) buyer: Buyer,
    pub(super) client_token: Option<&'a str>,
    pub(super) request_id: &'a str,
}

/// Why an order cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderError {
    UnknownInstance,
    NoBalance,
    BeyondLatestExpiry,
}

/// What a period costs, and what the list says: plain multiples of the month; a week is a quarter of
/// one (assumed: the real price system has rebates for long terms).
pub(super) fn price(instance: &Instance, period: i64, unit: Unit) -> Option<(Decimal, Decimal)> {
    let trade = instance.price_per_month?;
    let list = instance.list_price_per_month.unwrap_or(trade);
    let times = |month: Decimal| match unit {
        Unit::Month => month.checked_mul(Decimal::from(period)),
        Unit::Year => month.checked_mul(Decimal::from(period.checked_mul(12)?)),
        Unit::Week => {
            month.checked_mul(Decimal::from(period))?.checked_div(Decimal::from(4)).map(|p| p.round_dp(2))
        }
    };
    Some((times(trade)?, times(list)?))
}

/// Debits the balance, writes the ledger, and lets the new expiry show after the world's delay.
pub(super) fn place(state: &mut State, order: &Order<'_>, now: DateTime<Utc>) -> Result<u64, OrderError> {
    let instance = state.instances.get(order.id).ok_or(OrderError::UnknownInstance)?;
    let expires_before = instance.paid_until();
    // A world without a price renews for nothing that could be quoted: assumed to cost zero.
    let amount = price(instance, order.period, order.unit).map(|(trade, _)| trade).unwrap_or_default();
    let expires_after =
        leads_to(state, instance, order.period, order.unit, now).ok_or(OrderError::BeyondLatestExpiry)?;
    let region = instance.region.clone();
    if let Some(balance) = &mut state.balance {
        if *balance < amount {
            return Err(OrderError::NoBalance);
        }
        *balance -= amount;
    }
    let order_id = FIRST_ORDER + u64::try_from(state.ledger.len()).unwrap_or(0);
    state.ledger.push(Charge {
        at: now,
        instance_id: order.id.to_owned(),
        region,
        period: order.period,
        unit: order.unit.spelled().to_owned(),
        amount,
        currency: state.site.currency().to_owned(),
        by: order.buyer,
        client_token: order.client_token.map(str::to_owned),
        order_id,
        request_id: order.request_id.to_owned(),
        expires_before,
        expires_after,
    });
    let visible_at = now + Duration::seconds(state.effect_delay_s);
    if let Some(instance) = state.instances.get_mut(order.id) {
        instance.pending.push(Pending { visible_at, expires_at: expires_after });
    }
    Ok(order_id)
}

/// The expiry that a renewal leads to; `None` beyond the latest that the world allows.
pub(super) fn leads_to(
    state: &State,
    instance: &Instance,
    period: i64,
    unit: Unit,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    renewed(anchor(instance.paid_until(), now, state.site), period, unit)
        .filter(|end| state.assumptions.latest_expiry.is_none_or(|latest| *end <= latest))
}

fn renewed(anchor: DateTime<Utc>, period: i64, unit: Unit) -> Option<DateTime<Utc>> {
    match unit {
        Unit::Week => add_weeks(anchor, period),
        Unit::Month => add_months(anchor, period),
        Unit::Year => add_months(anchor, period.checked_mul(12)?),
    }
}

/// From where a renewal counts: the old expiry; on the international site, for an instance suspended
/// after its expiry, the next Beijing midnight (reference 3.1; suspended from expiry on, assumed).
fn anchor(paid_until: DateTime<Utc>, now: DateTime<Utc>, site: Site) -> DateTime<Utc> {
    if site == Site::International && paid_until <= now {
        return next_midnight(now).unwrap_or(paid_until);
    }
    paid_until
}
