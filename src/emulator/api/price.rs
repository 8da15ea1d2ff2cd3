//! DescribeRenewalPrice, and the prices that charges are made at.

use rust_decimal::Decimal;
use serde_json::json;

use super::{ApiError, Context};
use crate::emulator::state::{ChargeType, Instance};
use crate::emulator::terms::Unit;

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

pub(super) fn describe(context: &Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let id = context.mandatory("ResourceId")?.to_owned();
    if context.filled("ResourceType").is_some_and(|kind| kind != "instance") {
        let message = "The specified parameter ResourceType is not valid.";
        return Err(ApiError::new(400, "InvalidResourceType.ValueNotSupported", message));
    }
    let (period, unit) = period(context)?;
    let Some(instance) = context.instance(&region, &id) else {
        return Err(ApiError::new(
            404,
            "InvalidInstanceId.NotFound",
            "The specified InstanceId does not exist.",
        ));
    };
    if instance.charge_type == ChargeType::PostPaid {
        let message = "The operation is not permitted due to charge type of the instance.";
        return Err(ApiError::new(403, "ChargeTypeViolation", message));
    }
    let Some((trade, list)) = price(instance, period, unit) else {
        let message = "The renewal operation has been restricted because the zone is closed.";
        return Err(ApiError::new(400, "OperationRestricted.Renewal", message));
    };
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

/// Month 1–9 or Year 1–3; nothing else can be quoted.
fn period(context: &Context<'_>) -> Result<(i64, Unit), ApiError> {
    let unit = match context.filled("PriceUnit").unwrap_or("Month").to_ascii_lowercase().as_str() {
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => {
            let message = "The specified parameter PriceUnit is not valid.";
            return Err(ApiError::new(400, "InvalidPriceUnit.ValueNotSupported", message));
        }
    };
    let wrong = ApiError::new(400, "InvalidPeriod", "The specified period is not valid.");
    let period = context.number("Period", &wrong)?.unwrap_or(1);
    let most = if unit == Unit::Year { 3 } else { 9 };
    if (1..=most).contains(&period) { Ok((period, unit)) } else { Err(wrong) }
}
