//! RenewInstance: the one action that costs. Every charge enters the ledger.

use chrono::Duration;
use serde_json::json;

use super::{ApiError, Context, errors};
use crate::emulator::order::{self, Order, OrderError};
use crate::emulator::state::{Buyer, ChargeType, TokenResult, TokenUse};
use crate::emulator::terms::{self, Unit};

const ACTION: &str = "RenewInstance";

/// What is asked for.
struct Asked {
    id: String,
    period: i64,
    unit: Unit,
}

pub(super) fn renew(context: &mut Context<'_>) -> Result<String, ApiError> {
    let asked = read(context)?;
    let token = context.filled("ClientToken").map(str::to_owned);
    let parameters = format!("{} {} {}", asked.id, asked.period, asked.unit.spelled());
    if let Some(answer) = token.as_ref().and_then(|token| repeated(context, token, &parameters)) {
        return answer;
    }
    let result = charge(context, &asked, token.as_deref());
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

fn read(context: &Context<'_>) -> Result<Asked, ApiError> {
    let id = context.mandatory("InstanceId")?.to_owned();
    let token = context.filled("ClientToken").unwrap_or_default();
    if token.len() > 64 || !token.is_ascii() {
        return Err(errors::of(ACTION, "InvalidClientToken.ValueNotSupported"));
    }
    if context.filled("ExpectedRenewDay").is_some() {
        return Err(renew_day(context));
    }
    let site = context.state.site;
    let unit = Unit::parse(context.filled("PeriodUnit").unwrap_or("Month"))
        .filter(|unit| terms::renews_in(*unit, site))
        .ok_or_else(|| errors::of(ACTION, "InvalidPeriodUnit.ValueNotSupported"))?;
    let wrong = errors::of(ACTION, "InvalidPeriod");
    let Some(period) = context.number("Period", &wrong)? else {
        // Two codes are documented; which comes when is assumed.
        let half = context.filled("PeriodUnit").is_some();
        return Err(errors::of(ACTION, if half { "MissingParamter" } else { "InvalidPeriod.NotFound" }));
    };
    if terms::sells(period, unit, site) { Ok(Asked { id, period, unit }) } else { Err(wrong) }
}

/// The unified expiration day: never together with a period, a day from 1 to 28, and equal to the
/// account's. No world has one, so that no value equals it.
fn renew_day(context: &Context<'_>) -> ApiError {
    let conflict = |with: &str| errors::about(ACTION, "InvalidExpectedRenewDay.Conflict", with);
    if context.filled("Period").is_some() {
        return conflict("with period.");
    }
    if context.filled("PeriodUnit").is_some() {
        return conflict("with periodUnit.");
    }
    let wrong = errors::of(ACTION, "InvalidExpectedRenewDay.ValueNotSupported");
    match context.number("ExpectedRenewDay", &wrong) {
        Ok(Some(1..=28)) => errors::of(ACTION, "InvalidParam.ExpectedRenewDay"),
        _ => wrong,
    }
}

/// The answer that a token has already had, or the refusal of its use for something else.
fn repeated(context: &Context<'_>, token: &str, parameters: &str) -> Option<Result<String, ApiError>> {
    let earlier = context.state.tokens.get(token)?;
    if context.now - earlier.at >= Duration::seconds(context.state.assumptions.token_retention_s) {
        return None;
    }
    if earlier.parameters != parameters {
        return Some(Err(errors::of(ACTION, "IdempotenceParamNotMatch")));
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

fn charge(context: &mut Context<'_>, asked: &Asked, token: Option<&str>) -> Result<u64, ApiError> {
    check_renewable(context, &asked.id)?;
    let order = Order {
        id: &asked.id,
        period: asked.period,
        unit: asked.unit,
        buyer: Buyer::Api,
        client_token: token,
        request_id: context.request_id,
    };
    order::place(context.state, &order, context.now).map_err(|error| match error {
        OrderError::UnknownInstance => errors::of(ACTION, "InvalidInstanceId.NotFound"),
        // Assumed: no balance code stands on this action's page.
        OrderError::NoBalance => {
            ApiError::new(400, "InsufficientBalance", "Your account does not have enough balance.")
        }
        OrderError::BeyondLatestExpiry => errors::of(ACTION, "InvalidPeriod.ExceededMaximumExpirationDate"),
    })
}

/// Refuses what cannot be renewed.
fn check_renewable(context: &Context<'_>, id: &str) -> Result<(), ApiError> {
    let instance =
        context.state.instances.get(id).ok_or_else(|| errors::of(ACTION, "InvalidInstanceId.NotFound"))?;
    context.check_host(&instance.region)?;
    super::check_refusal(ACTION, instance)?;
    if instance.charge_type == ChargeType::PostPaid {
        return Err(errors::of(ACTION, "ChargeTypeViolation"));
    }
    match instance.lock.as_deref() {
        Some("security") => Err(errors::of(ACTION, "InstanceLockedForSecurity")),
        Some("refunded") => Err(errors::of(ACTION, "OperationDenied.UnfinishedOrder")),
        _ => Ok(()),
    }
}
