//! DescribeInstanceAutoRenewAttribute and ModifyInstanceAutoRenewAttribute. Their refusals are 403,
//! and one bad id refuses the whole call.

use serde_json::{Value, json};

use super::{ApiError, Context};
use crate::emulator::state::{AutoRenew, ChargeType};
use crate::emulator::terms::{self, Unit};

const IDS_MAX: usize = 100;

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::new(403, code, message)
}

/// A comma list. More than a hundred ids are too many, whatever the message says.
fn ids(context: &Context<'_>) -> Result<Vec<String>, ApiError> {
    let text = context.filled("InstanceId").unwrap_or_default();
    let ids: Vec<String> = text.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.len() > IDS_MAX {
        return Err(refused("InvalidParameter.ToManyInstanceIds", "InstanceId should be less than 100."));
    }
    Ok(ids)
}

/// Refuses unknown and pay-as-you-go ids.
fn check(context: &Context<'_>, region: &str, id: &str) -> Result<(), ApiError> {
    let Some(instance) = context.instance(region, id) else {
        return Err(refused(
            "InvalidParameter.InvalidInstanceId",
            "The specified InstanceId does not exist.",
        ));
    };
    if instance.charge_type == ChargeType::PostPaid {
        let message = "Pay-As-You-Go instances do not support this operation.";
        return Err(refused("ChargeTypeViolation", message));
    }
    Ok(())
}

pub(super) fn describe(context: &Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let ids = ids(context)?;
    let status = context.filled("RenewalStatus");
    if ids.is_empty() && status.is_none() {
        let message = "The parameter RenewalStatus and InstanceId can not be both empty.";
        return Err(refused("InvalidParameter.RenewalStatusInstanceId", message));
    }
    if status.is_some_and(|status| !["AutoRenewal", "Normal", "NotRenewal"].contains(&status)) {
        let message = "The specified parameter RenewalStatus is not valid.";
        return Err(refused("InvalidParameter.RenewalStatus", message));
    }
    let number = page_number(context, "PageNumber", 1, usize::MAX)?;
    let size = page_number(context, "PageSize", 10, 100)?;
    for id in &ids {
        check(context, &region, id)?;
    }
    let matching: Vec<Value> = context
        .state
        .instances
        .values()
        .filter(|instance| instance.region == region && instance.charge_type == ChargeType::PrePaid)
        .filter(|instance| ids.is_empty() || ids.contains(&instance.id))
        .filter(|instance| status.is_none_or(|status| status == instance.auto_renew.status))
        .map(|instance| {
            json!({
                "InstanceId": instance.id,
                "AutoRenewEnabled": instance.auto_renew.status == "AutoRenewal",
                "RenewalStatus": instance.auto_renew.status,
                "Duration": instance.auto_renew.duration,
                "PeriodUnit": instance.auto_renew.unit.spelled(),
                "EnableExpectedRenewDay": false,
            })
        })
        .collect();
    let total = matching.len();
    let from = (number - 1).saturating_mul(size);
    let page: Vec<Value> = matching.into_iter().skip(from).take(size).collect();
    let reply = json!({
        "RequestId": context.request_id,
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": total,
        "InstanceRenewAttributes": { "InstanceRenewAttribute": page },
    });
    Ok(reply.to_string())
}

fn page_number(context: &Context<'_>, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = context.filled(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        refused(&format!("InvalidParameter.{name}"), &format!("The specified parameter {name} is not valid."))
    })
}

pub(super) fn modify(context: &mut Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let ids = ids(context)?;
    if ids.is_empty() {
        return Err(refused("MissingParameter.InstanceId", "InstanceId should not be null."));
    }
    let setting = setting(context)?;
    let partial = context.state.assumptions.batches_are_partial;
    let checked: Vec<Result<(), ApiError>> =
        ids.iter().map(|id| check_modify(context, &region, id)).collect();
    let first_bad = checked.iter().position(Result::is_err);
    let good = if partial { first_bad.unwrap_or(ids.len()) } else { ids.len() };
    if partial || first_bad.is_none() {
        for id in ids.iter().take(good) {
            set(context, id, &setting);
        }
    }
    checked.into_iter().collect::<Result<(), ApiError>>()?;
    Ok(json!({ "RequestId": context.request_id }).to_string())
}

fn check_modify(context: &Context<'_>, region: &str, id: &str) -> Result<(), ApiError> {
    check(context, region, id)?;
    if context.instance(region, id).is_some_and(|instance| instance.is_expired(context.now)) {
        let message = "The current status of the resource does not support this operation.";
        return Err(refused("IncorrectInstanceStatus", message));
    }
    Ok(())
}

fn set(context: &mut Context<'_>, id: &str, setting: &AutoRenew) {
    let keeps = context.state.assumptions.off_keeps_duration;
    if let Some(instance) = context.state.instances.get_mut(id) {
        let mut setting = setting.clone();
        if keeps && setting.status != "AutoRenewal" {
            setting.duration = instance.auto_renew.duration;
            setting.unit = instance.auto_renew.unit;
        }
        instance.auto_renew = setting;
    }
}

/// RenewalStatus wins over AutoRenew, and AutoRenew is false by default: a call with neither switches
/// auto-renewal off.
fn setting(context: &Context<'_>) -> Result<AutoRenew, ApiError> {
    let on = match (context.filled("RenewalStatus"), context.filled("AutoRenew")) {
        (Some("AutoRenewal"), _) | (None, Some("true" | "True")) => true,
        (Some("Normal") | None, _) => false,
        (Some("NotRenewal"), _) => return Ok(AutoRenew::off("NotRenewal")),
        (Some(_), _) => {
            let message = "The specified parameter RenewalStatus is not valid.";
            return Err(refused("InvalidParameter.RenewalStatus", message));
        }
    };
    if !on {
        return Ok(AutoRenew::off("Normal"));
    }
    let site = context.state.site;
    let unit = Unit::parse(context.filled("PeriodUnit").unwrap_or("Month"))
        .filter(|unit| terms::auto_renews_in(*unit, site));
    let Some(unit) = unit else {
        let message = "The specified parameter PeriodUnit is not valid.";
        return Err(refused("InvalidPeriodUnit.ValueNotSupported", message));
    };
    let wrong = refused("InvalidParameter.Duration", "The specified parameter Duration is not valid.");
    let duration =
        context.number("Duration", &wrong)?.filter(|number| terms::auto_renews(*number, unit, site));
    let duration = duration.ok_or(wrong)?;
    Ok(AutoRenew { status: "AutoRenewal".to_owned(), duration, unit })
}
