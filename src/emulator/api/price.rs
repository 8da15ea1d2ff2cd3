//! DescribeRenewalPrice.

use rust_decimal::Decimal;
use serde_json::json;

use super::{ApiError, Context, errors};
use crate::emulator::order::{leads_to, price};
use crate::emulator::state::ChargeType;
use crate::emulator::terms::Unit;

const ACTION: &str = "DescribeRenewalPrice";

pub(super) fn describe(context: &Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let id = context.mandatory("ResourceId")?.to_owned();
    if context.filled("ResourceType").is_some_and(|kind| kind != "instance") {
        return Err(errors::of(ACTION, "InvalidResourceType.ValueNotSupported"));
    }
    if context.filled("ExpectedRenewDay").is_some() {
        return Err(renew_day(context));
    }
    let (period, unit) = period(context)?;
    let instance =
        context.instance(&region, &id).ok_or_else(|| errors::of(ACTION, "InvalidInstanceId.NotFound"))?;
    super::check_refusal(ACTION, instance)?;
    if instance.charge_type == ChargeType::PostPaid {
        return Err(errors::of(ACTION, "ChargeTypeViolation"));
    }
    if leads_to(context.state, instance, period, unit, context.now).is_none() {
        return Err(errors::of(ACTION, "InvalidPeriod.ExceededMaximumExpirationDate"));
    }
    let (trade, list) =
        price(instance, period, unit).ok_or_else(|| errors::of(ACTION, "OperationRestricted.Renewal"))?;
    let currency = context.state.site.currency();
    let frame = json!({
        "RequestId": context.request_id,
        "PriceInfo": {
            "Price": { "OriginalPrice": "@list", "DiscountPrice": "@discount", "TradePrice": "@trade", "Currency": currency },
            "Rules": { "Rule": [] },
        },
    });
    // Numbers are put in as text, so that no amount passes through a float.
    let number = |amount: Decimal| amount.normalize().to_string();
    Ok(frame
        .to_string()
        .replace("\"@list\"", &number(list))
        .replace("\"@discount\"", &number(list - trade))
        .replace("\"@trade\"", &number(trade)))
}

/// As with RenewInstance: never together with a period, and no world has such a day.
fn renew_day(context: &Context<'_>) -> ApiError {
    let conflict = |with: &str| errors::about(ACTION, "InvalidExpectedRenewDay.Conflict", with);
    if context.filled("Period").is_some() {
        return conflict("with period.");
    }
    if context.filled("PriceUnit").is_some() {
        return conflict("with priceUnit.");
    }
    errors::of(ACTION, "InvalidExpectedRenewDay.ValueNotSupported")
}

/// Month 1–9 or Year 1–3; nothing else can be quoted.
fn period(context: &Context<'_>) -> Result<(i64, Unit), ApiError> {
    let unit = match context.filled("PriceUnit").unwrap_or("Month").to_ascii_lowercase().as_str() {
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => return Err(errors::of(ACTION, "InvalidPriceUnit.ValueNotSupported")),
    };
    let wrong = errors::of(ACTION, "InvalidPeriod");
    let period = context.number("Period", &wrong)?.unwrap_or(1);
    let most = if unit == Unit::Year { 3 } else { 9 };
    if (1..=most).contains(&period) { Ok((period, unit)) } else { Err(wrong) }
}
