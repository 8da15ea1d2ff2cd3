//! DescribeInstanceAutoRenewAttribute and ModifyInstanceAutoRenewAttribute. Their refusals are 403,
//! and one bad id refuses the whole call.

use serde_json::{Value, json};

use super::{ApiError, Context, errors};
use crate::emulator::state::{AutoRenew, ChargeType};
use crate::emulator::terms::{self, Unit};

const IDS_MAX: usize = 100;
const DESCRIBE: &str = "DescribeInstanceAutoRenewAttribute";
const MODIFY: &str = "ModifyInstanceAutoRenewAttribute";

/// A comma list. More than a hundred ids are too many, whatever the message says.
fn ids(context: &Context<'_>) -> Result<Vec<String>, ApiError> {
    let text = context.filled("InstanceId").unwrap_or_default();
    let ids: Vec<String> = text.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.len() > IDS_MAX {
        return Err(errors::of(DESCRIBE, "InvalidParameter.ToManyInstanceIds"));
    }
    Ok(ids)
}

/// Refuses unknown and pay-as-you-go ids.
fn check(context: &Context<'_>, action: &str, region: &str, id: &str) -> Result<(), ApiError> {
    let Some(instance) = context.instance(region, id) else {
        let mut error = errors::of(action, "InvalidParameter.InvalidInstanceId");
        "The specified InstanceId does not exist.".clone_into(&mut error.message);
        return Err(error);
    };
    super::check_refusal(action, instance)?;
    if instance.charge_type == ChargeType::PostPaid {
        return Err(errors::of(action, "ChargeTypeViolation"));
    }
    Ok(())
}

pub(super) fn describe(context: &Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let ids = ids(context)?;
    let status = context.filled("RenewalStatus");
    if ids.is_empty() && status.is_none() {
        return Err(errors::of(DESCRIBE, "InvalidParameter.RenewalStatusInstanceId"));
    }
    if status.is_some_and(|status| !["AutoRenewal", "Normal", "NotRenewal"].contains(&status)) {
        return Err(errors::of(DESCRIBE, "InvalidParameter.RenewalStatus"));
    }
    let number = page_number(context, "PageNumber", 1, usize::MAX)?;
    let size = page_number(context, "PageSize", 10, 100)?;
    for id in &ids {
        check(context, DESCRIBE, &region, id)?;
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
    number.ok_or_else(|| errors::of(DESCRIBE, &format!("InvalidParameter.{name}")))
}

pub(super) fn modify(context: &mut Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let ids = ids(context)?;
    if ids.is_empty() {
        return Err(errors::of(MODIFY, "MissingParameter.InstanceId"));
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
    check(context, MODIFY, region, id)?;
    if context.instance(region, id).is_some_and(|instance| instance.is_expired(context.now)) {
        return Err(errors::of(MODIFY, "IncorrectInstanceStatus"));
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
        if instance.auto_renew != setting {
            instance.auto_renew_since = context.now;
        }
        instance.auto_renew = setting;
    }
}

/// The page gives these messages as free text.
fn free_text(name: &str) -> ApiError {
    let mut error = errors::of(MODIFY, &format!("InvalidParameter.{name}"));
    error.message = format!("The specified parameter {name} is not valid.");
    error
}

/// RenewalStatus wins over AutoRenew, and AutoRenew is false by default: a call with neither switches
/// auto-renewal off.
fn setting(context: &Context<'_>) -> Result<AutoRenew, ApiError> {
    let on = match context.filled("RenewalStatus") {
        Some("AutoRenewal") => true,
        Some("Normal") => false,
        Some("NotRenewal") => return Ok(AutoRenew::off("NotRenewal")),
        Some(_) => return Err(free_text("RenewalStatus")),
        None => context.is_on("AutoRenew"),
    };
    if !on {
        return Ok(AutoRenew::off("Normal"));
    }
    let site = context.state.site;
    let unit = Unit::parse(context.filled("PeriodUnit").unwrap_or("Month"))
        .filter(|unit| terms::auto_renews_in(*unit, site));
    let unit = unit.ok_or_else(|| errors::of(MODIFY, "InvalidPeriodUnit.ValueNotSupported"))?;
    let wrong = free_text("Duration");
    let duration =
        context.number("Duration", &wrong)?.filter(|number| terms::auto_renews(*number, unit, site));
    let duration = duration.ok_or(wrong)?;
    Ok(AutoRenew { status: "AutoRenewal".to_owned(), duration, unit })
}
