//! RenewInstance: the one action that costs. Every charge enters the ledger.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::price::price;
use super::{ApiError, Context};
use crate::emulator::calendar::{add_months, add_weeks, next_midnight};
use crate::emulator::state::{Charge, ChargeType, Instance, Pending, TokenResult, TokenUse};
use crate::emulator::terms::{self, Site, Unit};

/// The first order's number; the form is like a real one.
const FIRST_ORDER: u64 = 234_500_000_001;

/// What is asked for.
struct Order {
    id: String,
    period: i64,
    unit: Unit,
}

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::new(400, code, message)
}

pub(super) fn renew(context: &mut Context<'_>) -> Result<String, ApiError> {
    let order = read(context)?;
    let token = context.filled("ClientToken").map(str::to_owned);
    let parameters = format!("{} {} {}", order.id, order.period, order.unit.spelled());
    if let Some(answer) = token.as_ref().and_then(|token| repeated(context, token, &parameters)) {
        return answer;
    }
    let result = charge(context, &order, token.as_deref());
    if let Some(token) = token {
        remember(context, token, parameters, &result);
    }
    result.map(|order_id| reply(context.request_id, order_id))
}

/// Both forms are documented: a number on the page, a string in the SDK. Odd orders are numbers.
fn reply(request_id: &str, order_id: u64) -> String {
    if order_id.is_multiple_of(2) {
        json!({ "OrderId": order_id.to_string(), "RequestId": request_id }).to_string()
    } else {
        json!({ "OrderId": order_id, "RequestId": request_id }).to_string()
    }
}

fn read(context: &Context<'_>) -> Result<Order, ApiError> {
    let id = context.mandatory("InstanceId")?.to_owned();
    let token = context.filled("ClientToken").unwrap_or_default();
    if token.len() > 64 || !token.is_ascii() {
        return Err(refused("InvalidClientToken.ValueNotSupported", "The ClientToken provided is invalid."));
    }
    let day = context.filled("ExpectedRenewDay").is_some();
    if day && context.filled("Period").is_some() {
        let message = "The specified expectedRenewDay is in conflict with period.";
        return Err(refused("InvalidExpectedRenewDay.Conflict", message));
    }
    if day {
        // No world has a unified expiration day, so no value equals it.
        let message = "The specified parameter ExpectedRenewDay is not valid.";
        return Err(refused("InvalidExpectedRenewDay.ValueNotSupported", message));
    }
    let site = context.state.site;
    let unit = Unit::parse(context.filled("PeriodUnit").unwrap_or("Month"))
        .filter(|unit| terms::renews_in(*unit, site));
    let Some(unit) = unit else {
        let message = "The specified parameter PeriodUnit is not valid.";
        return Err(refused("InvalidPeriodUnit.ValueNotSupported", message));
    };
    let wrong = refused("InvalidPeriod", "The specified period is not valid.");
    let Some(period) = context.number("Period", &wrong)? else {
        let message = "The specified period and expectedRenewDay cannot both be empty.";
        return Err(refused("InvalidPeriod.NotFound", message));
    };
    if terms::sells(period, unit, site) { Ok(Order { id, period, unit }) } else { Err(wrong) }
}

/// The answer that a token has already had, or the refusal of its use for something else.
fn repeated(context: &Context<'_>, token: &str, parameters: &str) -> Option<Result<String, ApiError>> {
    let earlier = context.state.tokens.get(token)?;
    if context.now - earlier.at >= Duration::seconds(context.state.assumptions.token_retention_s) {
        return None;
    }
    if earlier.parameters != parameters {
        let message =
            "Request uses a client token in a previous request but is not identical to that request.";
        return Some(Err(refused("IdempotenceParamNotMatch", message)));
    }
    Some(match &earlier.result {
        TokenResult::Order(order) => Ok(reply(context.request_id, *order)),
        TokenResult::Refused { http, code, message } => Err(ApiError::new(*http, code, message)),
    })
}

fn remember(context: &mut Context<'_>, token: String, parameters: String, result: &Result<u64, ApiError>) {
    let result = match result {
        Ok(order) => TokenResult::Order(*order),
        Err(_) if !context.state.assumptions.refusals_stick => return,
        Err(error) => TokenResult::Refused {
            http: error.http,
            code: error.code.clone(),
            message: error.message.clone(),
        },
    };
    context.state.tokens.insert(token, TokenUse { at: context.now, parameters, result });
}

fn charge(context: &mut Context<'_>, order: &Order, token: Option<&str>) -> Result<u64, ApiError> {
    let site = context.state.site;
    let instance = renewable(context, &order.id)?;
    let region = instance.region.clone();
    let expires_before = instance.paid_until();
    let amount = price(instance, order.period, order.unit).map(|(trade, _)| trade);
    // A world without a price renews for nothing that could be quoted: assumed to cost zero.
    let amount = amount.unwrap_or_default();
    let anchor = anchor(expires_before, context.now, site);
    let expires_after = match order.unit {
        Unit::Week => add_weeks(anchor, order.period),
        Unit::Month | Unit::Year => add_months(anchor, order.period),
    };
    let expires_after = expires_after.ok_or_else(|| {
        let message = "The specified renewal period cannot exceed the maximum expiration date.";
        refused("InvalidPeriod.ExceededMaximumExpirationDate", message)
    })?;
    if let Some(balance) = &mut context.state.balance {
        if *balance < amount {
            // Assumed: no balance code stands on this action's page.
            return Err(refused("InsufficientBalance", "Your account does not have enough balance."));
        }
        *balance -= amount;
    }
    let order_id = FIRST_ORDER + u64::try_from(context.state.ledger.len()).unwrap_or(0);
    context.state.ledger.push(Charge {
        at: context.now,
        instance_id: order.id.clone(),
        region,
        period: order.period,
        unit: order.unit.spelled().to_owned(),
        amount,
        currency: site.currency().to_owned(),
        client_token: token.map(str::to_owned),
        order_id,
        request_id: context.request_id.to_owned(),
        expires_before,
        expires_after,
    });
    let visible_at = context.now + Duration::seconds(context.state.effect_delay_s);
    if let Some(instance) = context.state.instances.get_mut(&order.id) {
        instance.pending.push(Pending { visible_at, expires_at: expires_after });
    }
    Ok(order_id)
}

/// The instance, if it can be renewed at all.
fn renewable<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a Instance, ApiError> {
    let Some(instance) = context.state.instances.get(id) else {
        return Err(ApiError::new(
            404,
            "InvalidInstanceId.NotFound",
            "The specified InstanceId does not exist.",
        ));
    };
    context.check_host(&instance.region)?;
    if instance.charge_type == ChargeType::PostPaid {
        let message = "The operation is not permitted due to charge type of the instance.";
        return Err(ApiError::new(403, "ChargeTypeViolation", message));
    }
    let message = "The specified operation is denied as your instance is locked for security reasons.";
    match instance.lock.as_deref() {
        Some("security") => Err(ApiError::new(403, "InstanceLockedForSecurity", message)),
        Some("refunded") => Err(refused(
            "OperationDenied.UnfinishedOrder",
            "The current instance has unfinished refundOrder, this operation is denied.",
        )),
        _ => Ok(instance),
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
