//! The report of an apply: what came of every action, in numbers that add up.

use std::fmt::Write as _;

use anstyle::AnsiColor::{Green, Red, Yellow};
use serde::Serialize;

use super::{Style, json, paint};
use crate::calendar::show_beijing;
use crate::ids::{InstanceId, RegionId};
use crate::money::Totals;
use crate::plan::outcome::{ChargeReport, ChargeResult, Outcome, SettingResult};
use crate::plan::{Plan, PriceDecision, VerdictKind};
use crate::term::AutoRenew;
use crate::text::count;

/// More results than this are listed only where something did not go as planned.
const LINES_MAX: usize = 20;

/// What an apply did, and how the account stands after it.
pub struct Report<'a> {
    /// The plan that was approved.
    pub plan: &'a Plan,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// Whether a later reading shows that nothing is left to do, blocked, held or at risk; `None` if
    /// it could not be read again.
    pub converged: Option<bool>,
    /// What is left, in one sentence without its end, if something is.
    pub left: Option<String>,
}

/// The summary numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Numbers {
    pub(super) done: usize,
    pub(super) satisfied: usize,
    pub(super) failed: usize,
    pub(super) blocked_or_held: usize,
    pub(super) not_tried: usize,
    pub(super) in_doubt: usize,
}

pub(super) fn numbers(report: &Report<'_>) -> Numbers {
    let tally = report.outcome.tally();
    let stopped = |kind: VerdictKind| kind > VerdictKind::Change;
    let blocked_or_held = report
        .plan
        .items
        .iter()
        .map(|item| {
            let renew = item.renew.as_ref().is_some_and(|verdict| stopped(verdict.kind()));
            let set = item.set.as_ref().is_some_and(|verdict| stopped(verdict.kind()));
            usize::from(renew) + usize::from(set)
        })
        .sum();
    Numbers {
        done: tally.done,
        satisfied: tally.satisfied,
        failed: tally.failed,
        blocked_or_held,
        not_tried: tally.not_tried,
        in_doubt: tally.in_doubt,
    }
}

/// Money by what is known of it, at the quoted prices.
#[derive(Default)]
struct Spent {
    /// Of charges that showed.
    charged: Totals,
    /// How many charges that showed had no price.
    charged_unpriced: usize,
    /// Of charges that may have happened.
    in_doubt: Totals,
    /// How many charges that may have happened had no price.
    in_doubt_unpriced: usize,
}

fn spent(outcome: &Outcome) -> Spent {
    let mut spent = Spent::default();
    for report in outcome.charges.values() {
        let (totals, unpriced) = match report.result {
            ChargeResult::Done { .. } | ChargeResult::MovedFurther { .. } => {
                (&mut spent.charged, &mut spent.charged_unpriced)
            }
            ChargeResult::InDoubt { .. } => (&mut spent.in_doubt, &mut spent.in_doubt_unpriced),
            _ => continue,
        };
        match &report.price {
            // A part of the plan's total, which was bounded when the plan was made.
            PriceDecision::Quoted(quote) => drop(totals.add(&quote.amount)),
            PriceDecision::Unpriced => *unpriced += 1,
        }
    }
    spent
}

/// `CNY 100.00 and 2 renewals without a known price`.
fn amount(totals: &Totals, unpriced: usize) -> String {
    let unpriced = (unpriced > 0).then(|| format!("{} without a known price", count(unpriced, "renewal")));
    match (totals.is_empty(), unpriced) {
        (_, None) => totals.to_string(),
        (true, Some(unpriced)) => unpriced,
        (false, Some(unpriced)) => format!("{totals} and {unpriced}"),
    }
}

/// The report for people.
pub fn text(report: &Report<'_>, style: Style) -> String {
    let mut out = String::new();
    let (charges, settings) = (&report.outcome.charges, &report.outcome.settings);
    // Of many, what went as planned is counted, so that what did not is seen.
    let terse = !style.all && charges.len() + settings.len() > LINES_MAX;
    let (mut renewed, mut set) = (0, 0);
    for ((region, id), charge) in charges {
        let done = matches!(charge.result, ChargeResult::Done { .. });
        renewed += usize::from(done);
        if !(done && terse) {
            charge_line(&mut out, region, id, charge, style);
        }
    }
    for ((region, id), (setting, result)) in settings {
        let done = *result == SettingResult::Done;
        set += usize::from(done);
        if !(done && terse) {
            setting_line(&mut out, region, id, *setting, result, style);
        }
    }
    if terse && renewed + set > 0 {
        let mark = paint(style, Green, "done     ");
        let (renewed, set) = (count(renewed, "renewal"), count(set, "setting"));
        let _ = writeln!(out, "  {mark}  {renewed} and {set} (--all lists them)");
    }
    if let Some(why) = &report.outcome.stopped {
        let _ = writeln!(out, "{}: {why}", paint(style, Red, "The run was stopped"));
    }
    out.push_str(&summary(report));
    out.push_str(&verification(report, style));
    out
}

/// `Apply: 5 done, … Charged: CNY 572.50.`
pub(super) fn summary(report: &Report<'_>) -> String {
    let n = numbers(report);
    let spent = spent(report.outcome);
    let mut line = format!(
        "Apply: {} done, {} already so, {} failed, {} blocked or held, {} not tried, {} in doubt. Charged: {}.",
        n.done,
        n.satisfied,
        n.failed,
        n.blocked_or_held,
        n.not_tried,
        n.in_doubt,
        charged(report)
    );
    if n.in_doubt > 0 {
        let _ = write!(line, " In doubt: {}.", amount(&spent.in_doubt, spent.in_doubt_unpriced));
    }
    line.push('\n');
    line
}

/// The charges that showed: `CNY 572.50`, or `nothing`.
pub(super) fn charged(report: &Report<'_>) -> String {
    let spent = spent(report.outcome);
    amount(&spent.charged, spent.charged_unpriced)
}

/// Whether the account was read again, and how it stands.
pub(super) fn verification(report: &Report<'_>, style: Style) -> String {
    match (report.converged, &report.left) {
        (Some(true), _) if report.outcome.is_smooth() => {
            let verified = paint(style, Green, "Verified");
            format!("{verified}: read again, every instance is as the files ask for.\n")
        }
        (Some(true), _) => {
            let verified = paint(style, Yellow, "Verified");
            format!(
                "{verified}: read again, every instance is as the files ask for; but not everything went as planned, \
                 see above.\n"
            )
        }
        (Some(false), left) => {
            let left = left.as_deref().unwrap_or("something is left to do");
            format!("{}: {left}.\n", paint(style, Yellow, "Not converged"))
        }
        (None, left) => {
            let left = left.as_deref().unwrap_or("the account could not be read again");
            format!(
                "{}: {left}. Run renewctl plan to see how it stands.\n",
                paint(style, Red, "Not verified")
            )
        }
    }
}

fn charge_line(out: &mut String, region: &RegionId, id: &InstanceId, charge: &ChargeReport, style: Style) {
    let color = match &charge.result {
        ChargeResult::Done { .. } | ChargeResult::Satisfied { .. } => Green,
        ChargeResult::NotTried { .. } => Yellow,
        ChargeResult::MovedFurther { .. } | ChargeResult::Failed { .. } | ChargeResult::InDoubt { .. } => Red,
    };
    let (word, text) = charge_text(charge);
    let _ = writeln!(out, "  {}  {id}  {region}  {text}", paint(style, color, &format!("{word:<9}")));
}

/// What came of a charge: in a word, and in a sentence without its end.
pub(super) fn charge_text(charge: &ChargeReport) -> (&'static str, String) {
    let term = charge.term.term();
    let order = |order: &Option<String>| {
        order.as_ref().map_or_else(String::new, |order| format!(", order {}", crate::text::escape(order)))
    };
    match &charge.result {
        ChargeResult::Done { expires_at, order_id } => {
            ("done", format!("renewed by {term}, expires {}{}", show_beijing(*expires_at), order(order_id)))
        }
        ChargeResult::MovedFurther { expires_at, order_id } => {
            let until = show_beijing(*expires_at);
            let text = format!(
                "renewed by {term}, but it expires {until}, later than planned{}: somebody else, or the platform, \
                 renewed it too. Look at the orders; a renewal not yet in force can be refunded",
                order(order_id)
            );
            ("ALARM", text)
        }
        ChargeResult::Satisfied { expires_at } => {
            ("already", format!("it expires {} already; nothing was sent", show_beijing(*expires_at)))
        }
        ChargeResult::Failed { why } => ("failed", format!("not renewed: {why}")),
        ChargeResult::NotTried { why } => ("not tried", format!("not renewed: {why}")),
        ChargeResult::InDoubt { why, until } => {
            let text = format!(
                "a charge of {term} MAY have happened: {why}. Run renewctl plan again after {}; until then it is held \
                 and nothing is sent for it",
                show_beijing(*until)
            );
            ("IN DOUBT", text)
        }
    }
}

fn setting_line(
    out: &mut String,
    region: &RegionId,
    id: &InstanceId,
    setting: AutoRenew,
    result: &SettingResult,
    style: Style,
) {
    let color = match result {
        SettingResult::Done => Green,
        SettingResult::Failed { .. } => Red,
        SettingResult::NotTried { .. } => Yellow,
    };
    let (word, text) = setting_text(setting, result);
    let _ = writeln!(out, "  {}  {id}  {region}  {text}", paint(style, color, &format!("{word:<9}")));
}

/// What came of a setting: in a word, and in a sentence without its end.
pub(super) fn setting_text(setting: AutoRenew, result: &SettingResult) -> (&'static str, String) {
    match result {
        SettingResult::Done => ("done", format!("auto-renew set to {setting}")),
        SettingResult::Failed { why } => {
            ("failed", format!("auto-renew not set to {setting}: {why}. It is safe to run again"))
        }
        SettingResult::NotTried { why } => ("not tried", format!("auto-renew not set to {setting}: {why}")),
    }
}

#[derive(Serialize)]
struct ActionView<'a> {
    instance_id: &'a InstanceId,
    region: &'a RegionId,
    action: &'static str,
    result: &'static str,
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
    charged: Vec<json::AmountView>,
    charged_unpriced: usize,
    in_doubt: Vec<json::AmountView>,
    in_doubt_unpriced: usize,
    converged: Option<bool>,
    left: Option<&'a str>,
    stopped: Option<&'a str>,
    actions: Vec<ActionView<'a>>,
}

#[derive(Serialize)]
struct ReportView<'a> {
    plan: json::PlanView<'a>,
    /// What was done; null if the plan was not carried out.
    apply: Option<AppliedView<'a>>,
    exit_code: u8,
}

/// Plan and report in one document.
///
/// # Errors
/// If it cannot be encoded, which no report brings about.
pub fn json(
    plan: &Plan,
    world: &str,
    report: Option<&Report<'_>>,
    exit_code: u8,
) -> Result<String, serde_json::Error> {
    let apply = report.map(|report| (report, spent(report.outcome))).map(|(report, spent)| AppliedView {
        summary: numbers(report),
        charged: json::amounts(&spent.charged),
        charged_unpriced: spent.charged_unpriced,
        in_doubt: json::amounts(&spent.in_doubt),
        in_doubt_unpriced: spent.in_doubt_unpriced,
        converged: report.converged,
        left: report.left.as_deref(),
        stopped: report.outcome.stopped.as_deref(),
        actions: actions(report.outcome),
    });
    json::pretty(&ReportView { plan: json::view(plan, world), apply, exit_code })
}

fn actions(outcome: &Outcome) -> Vec<ActionView<'_>> {
    let charges = outcome.charges.iter().map(|((region, id), charge)| {
        let view = ActionView {
            instance_id: id,
            region,
            action: "renew",
            result: "done",
            expires_at: None,
            order_id: None,
            text: None,
            look_again_at: None,
        };
        match &charge.result {
            ChargeResult::Done { expires_at, order_id } => ActionView {
                expires_at: Some(json::time(*expires_at)),
                order_id: order_id.as_deref(),
                ..view
            },
            ChargeResult::MovedFurther { expires_at, order_id } => ActionView {
                result: "moved-further",
                expires_at: Some(json::time(*expires_at)),
                order_id: order_id.as_deref(),
                ..view
            },
            ChargeResult::Satisfied { expires_at } => {
                ActionView { result: "satisfied", expires_at: Some(json::time(*expires_at)), ..view }
            }
            ChargeResult::Failed { why } => ActionView { result: "failed", text: Some(why), ..view },
            ChargeResult::NotTried { why } => ActionView { result: "not-tried", text: Some(why), ..view },
            ChargeResult::InDoubt { why, until } => ActionView {
                result: "in-doubt",
                text: Some(why),
                look_again_at: Some(json::time(*until)),
                ..view
            },
        }
    });
    let settings = outcome.settings.iter().map(|((region, id), (_, result))| {
        let (result, text) = match result {
            SettingResult::Done => ("done", None),
            SettingResult::Failed { why } => ("failed", Some(why.as_str())),
            SettingResult::NotTried { why } => ("not-tried", Some(why.as_str())),
        };
        ActionView {
            instance_id: id,
            region,
            action: "set",
            result,
            expires_at: None,
            order_id: None,
            text,
            look_again_at: None,
        }
    });
    charges.chain(settings).collect()
}
