//! What an apply did, as JSON: the plan and the result of every action.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AmountView, PlanView, amounts, pretty, time, view};
use crate::ids::{InstanceId, RegionId};
use crate::plan::Plan;
use crate::plan::outcome::{ChargeResult, Outcome, SettingResult};
use crate::render::report::{Numbers, Report, deducted_instead, numbers};
use crate::term::{AutoRenew, LiveAutoRenew};

#[derive(Serialize)]
struct ActionView<'a> {
    instance_id: &'a InstanceId,
    region: &'a RegionId,
    action: &'static str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_renew: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    look_again_at: Option<String>,
}

#[derive(Serialize)]
struct AppliedView<'a> {
    summary: Numbers,
    charged: Vec<AmountView>,
    charged_unpriced: usize,
    in_doubt: Vec<AmountView>,
    in_doubt_unpriced: usize,
    converged: Option<bool>,
    left: Option<&'a str>,
    stopped: Option<&'a str>,
    actions: Vec<ActionView<'a>>,
}

#[derive(Serialize)]
struct ReportView<'a> {
    plan: PlanView<'a>,
    /// What was done; null if the plan was not carried out.
    apply: Option<AppliedView<'a>>,
    /// Why it was not carried out; null if it was.
    message: Option<&'a str>,
    /// null while it runs.
    exit_code: Option<u8>,
}

/// Plan and report in one document. Without a report `message` says why there is none.
///
/// # Errors
/// If it cannot be encoded, which no report brings about.
pub fn report(
    plan: &Plan,
    world: &str,
    report: Option<&Report<'_>>,
    message: Option<&str>,
    exit_code: Option<u8>,
) -> Result<String, serde_json::Error> {
    let instead = report.map(deducted_instead).unwrap_or_default();
    let apply = report.map(|report| {
        let (charged, in_doubt) = (report.outcome.charged(), report.outcome.in_doubt());
        AppliedView {
            summary: numbers(report),
            charged: amounts(&charged.quoted),
            charged_unpriced: charged.unpriced,
            in_doubt: amounts(&in_doubt.quoted),
            in_doubt_unpriced: in_doubt.unpriced,
            converged: report.converged,
            left: report.left.as_deref(),
            stopped: report.outcome.stopped.as_deref(),
            actions: actions(report.outcome, &instead),
        }
    });
    pretty(&ReportView { plan: view(plan, world), apply, message, exit_code })
}

/// `instead`: what the platform deducts because a setting was made without the renewal beside it.
fn actions<'a>(
    outcome: &'a Outcome,
    instead: &'a BTreeMap<(RegionId, InstanceId), String>,
) -> Vec<ActionView<'a>> {
    let charges = outcome.charges.iter().map(|((region, id), charge)| {
        let view = ActionView {
            instance_id: id,
            region,
            action: "renew",
            result: charge.result.ending().as_str(),
            auto_renew: None,
            expires_at: None,
            order_id: None,
            text: None,
            look_again_at: None,
        };
        match &charge.result {
            ChargeResult::Done { expires_at, order_id }
            | ChargeResult::MovedFurther { expires_at, order_id } => {
                ActionView { expires_at: Some(time(*expires_at)), order_id: order_id.as_deref(), ..view }
            }
            ChargeResult::Satisfied { expires_at } => {
                ActionView { expires_at: Some(time(*expires_at)), ..view }
            }
            ChargeResult::Failed { why } | ChargeResult::NotTried { why } => {
                ActionView { text: Some(why), ..view }
            }
            ChargeResult::InDoubt { why, until, .. } => {
                ActionView { text: Some(why), look_again_at: Some(time(*until)), ..view }
            }
        }
    });
    let settings = outcome.each_setting().map(|(key, to, result)| ActionView {
        instance_id: &key.1,
        region: &key.0,
        action: "set",
        result: result.ending().as_str(),
        auto_renew: Some(LiveAutoRenew::from(to).to_string()),
        expires_at: None,
        order_id: None,
        text: match result {
            SettingResult::Done if matches!(to, AutoRenew::Every(_)) => instead.get(key).map(String::as_str),
            SettingResult::Done | SettingResult::Satisfied => None,
            SettingResult::Failed { why, .. } | SettingResult::NotTried { why } => Some(why),
        },
        look_again_at: None,
    });
    charges.chain(settings).collect()
}
