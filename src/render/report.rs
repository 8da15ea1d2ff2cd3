//! The report of an apply: what came of every action, in numbers that add up, and in the sentences
//! that all renderings share.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::AnsiColor::{Green, Red, Yellow};
use serde::Serialize;

use super::{Style, all_as_wanted, paint};
use crate::calendar::show_beijing;
use crate::ids::{InstanceId, RegionId};
use crate::plan::outcome::{ChargeReport, ChargeResult, Ending, Outcome, SettingResult};
use crate::plan::price::deducted_instead as deducted_instead_of;
use crate::plan::{Committed, Item, Plan, PriceDecision, VerdictKind};
use crate::term::AutoRenew;

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

/// `Apply: 5 done, … Charged: CNY 572.50.`
pub(super) fn summary(report: &Report<'_>) -> String {
    let n = numbers(report);
    let mut line = format!(
        "Apply: {} done, {} already so, {} failed, {} blocked or held, {} not tried, {} in doubt. Charged: {}.",
        n.done,
        n.satisfied,
        n.failed,
        n.blocked_or_held,
        n.not_tried,
        n.in_doubt,
        report.outcome.charged()
    );
    if n.in_doubt > 0 {
        let _ = write!(line, " In doubt: {}.", report.outcome.in_doubt());
    }
    line.push('\n');
    line
}

/// The word for how an action ended.
pub(super) fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::MovedFurther => "ALARM",
        Ending::Satisfied => "already",
        Ending::Failed => "failed",
        Ending::NotTried => "not tried",
        Ending::InDoubt => "IN DOUBT",
    }
}

/// Whether the account was read again, and how it stands.
pub(super) fn verification(report: &Report<'_>, style: Style) -> String {
    match (report.converged, &report.left) {
        (Some(true), _) if report.outcome.is_smooth() => {
            let verified = paint(style, Green, "Verified");
            format!("{verified}: read again, {}.\n", all_as_wanted(report.plan))
        }
        (Some(true), _) => {
            let verified = paint(style, Yellow, "Verified");
            let wanted = all_as_wanted(report.plan);
            format!("{verified}: read again, {wanted}; but not everything went as planned, see above.\n")
        }
        (Some(false), left) => {
            let left = left.as_deref().unwrap_or("something is left to do");
            format!("{}: {left}. It is safe to run again.\n", paint(style, Yellow, "Not converged"))
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

/// What came of a charge, in a sentence without its end.
pub(super) fn charge_text(charge: &ChargeReport) -> String {
    let term = charge.term.term();
    let order = |order: &Option<String>| {
        order.as_ref().map_or_else(String::new, |order| format!(", order {}", crate::text::escape(order)))
    };
    match &charge.result {
        ChargeResult::Done { expires_at, order_id } => {
            format!("renewed by {term}, expires {}{}", show_beijing(*expires_at), order(order_id))
        }
        ChargeResult::MovedFurther { expires_at, order_id } => {
            let until = show_beijing(*expires_at);
            format!(
                "renewed by {term}, but it expires {until}, later than planned{}: somebody else, or the platform, \
                 renewed it too. Look at the orders; a renewal not yet in force can be refunded",
                order(order_id)
            )
        }
        ChargeResult::Satisfied { expires_at } => {
            format!("it expires {} already; this run charged nothing for it", show_beijing(*expires_at))
        }
        ChargeResult::Failed { why } | ChargeResult::NotTried { why } => format!("not renewed: {why}"),
        ChargeResult::InDoubt { why, until, ours } => {
            let what = if *ours {
                format!("a charge of {term} MAY have happened")
            } else {
                "another order MAY renew it, and this run's own was not made".to_owned()
            };
            format!(
                "{what}: {why}. Look again with renewctl recover; until it shows, or {}, it is held and nothing is \
                 sent for it",
                show_beijing(*until)
            )
        }
    }
}

/// What the platform deducts because a setting was made without the renewal beside it, by instance.
pub(super) fn deducted_instead(report: &Report<'_>) -> BTreeMap<(RegionId, InstanceId), String> {
    let outcome = report.outcome;
    let of = |item: &Item<PriceDecision>| {
        let key = (item.region.clone(), item.id.clone());
        let is_set = outcome.settings.get(&key)?.last()?.1.ending() == Ending::Done;
        let is_renewed = match outcome.charges.get(&key)?.result.ending() {
            Ending::Done | Ending::MovedFurther | Ending::Satisfied => true,
            Ending::Failed | Ending::NotTried | Ending::InDoubt => false,
        };
        let Committed { at, term, amount, times, .. } = deducted_instead_of(item, report.plan.evaluated_at)?;
        let amount = amount.map_or_else(|| "an unknown amount".to_owned(), |amount| amount.to_string());
        let often = if times > 1 { format!(", {times} times within 10 days") } else { String::new() };
        let at = show_beijing(at);
        let text = format!(
            "it was not renewed, and auto-renewal is on: the platform deducts {amount} for {term} from {at} on{often}"
        );
        (is_set && !is_renewed).then_some((key, text))
    };
    report.plan.items.iter().filter_map(of).collect()
}

/// What came of a setting, in a sentence without its end.
pub(super) fn setting_text(setting: AutoRenew, result: &SettingResult) -> String {
    match result {
        SettingResult::Done => format!("auto-renew set to {setting}"),
        SettingResult::Satisfied => format!("auto-renew is {setting} already; this run set nothing"),
        SettingResult::Failed { why, maybe_done: false } => {
            format!("auto-renew not set to {setting}: {why}. It is safe to run again")
        }
        SettingResult::Failed { why, maybe_done: true } => {
            format!("auto-renew perhaps set to {setting}: {why}. It is safe to run again")
        }
        SettingResult::NotTried { why } => format!("auto-renew not set to {setting}: {why}"),
    }
}
