//! A plan as a comment.

use std::fmt::Write as _;

use super::page::{Page, Section, folded, table};
use super::{
    CLOCK, Context, PLAN_MARKER, REPORT_MARKER, emulator_note, instance, instance_cell, minute, name_cell,
    neutral, row,
};
use crate::calendar::{show_beijing, show_minute};
use crate::money::show_amount;
use crate::plan::guard::exceeded;
use crate::plan::{Committed, Item, Plan, PriceDecision, Renewal, Setting, Summary, Verdict, VerdictKind};
use crate::render::{as_of_note, left_out_note, text};
use crate::text::{count, grouped};

type Priced = Item<PriceDecision>;

/// The whole plan as a comment of less than 65,536 characters.
pub fn plan(plan: &Plan, context: &Context<'_>) -> String {
    let sum = plan.summary();
    let page = Page {
        opening: opening(plan, &sum, context),
        sections: sections(plan, &sum),
        closing: closing(plan),
        invitation: invitation(plan, context),
        cut: "This comment is cut: do not approve from it.",
        full_output: "renewctl plan",
    };
    page.fit()
}

/// What an apply says that carried nothing out, or not yet: why, and its plan. It invites to
/// nothing.
pub fn not_applied(plan: &Plan, headline: &str, message: Option<&str>, context: &Context<'_>) -> String {
    let sum = plan.summary();
    let mut opening = format!("{REPORT_MARKER}\n### renewctl apply: {headline}\n");
    opening.push_str(emulator_note(context));
    if let Some(message) = message {
        let lines = message.lines().map(|line| format!("- {}\n", neutral::prose(line)));
        let _ = write!(opening, "\n{}", lines.collect::<String>());
    }
    opening.push_str(&notes(plan));
    let page = Page {
        opening,
        sections: sections(plan, &sum),
        closing: closing(plan),
        invitation: String::new(),
        cut: "This report is cut.",
        full_output: "renewctl apply",
    };
    page.fit()
}

fn sections(plan: &Plan, sum: &Summary) -> Vec<Section> {
    let mut items: Vec<&Priced> = plan.items.iter().collect();
    items.sort_by_key(|item| item.live.as_ref().map(|live| live.expires_at));
    vec![
        at_risk(&items, sum),
        charges(&items),
        settings(&items),
        stopped(&items, VerdictKind::Blocked, sum.blocked),
        stopped(&items, VerdictKind::Held, sum.held),
        warnings(&items),
    ]
}

fn opening(plan: &Plan, sum: &Summary, context: &Context<'_>) -> String {
    let mut out = format!("{PLAN_MARKER}\n### renewctl plan: {}\n", verdict(plan, sum));
    out.push_str(emulator_note(context));
    out.push_str(&notes(plan));
    out
}

/// What must be known before the numbers, and the numbers.
fn notes(plan: &Plan) -> String {
    let mut out = String::new();
    for note in [as_of_note(plan), left_out_note(plan)].into_iter().flatten() {
        let _ = writeln!(out, "\n> [!NOTE]\n> {note}");
    }
    if !plan.complete {
        out.push_str(
            "\n> [!WARNING]\n> **This plan is not complete: something could not be read.** What it says of the rest holds; \
             apply ends with 3.\n",
        );
    }
    out.push('\n');
    out.push_str(&neutral::numbers(text::summary(plan).trim_end()));
    out.push('\n');
    out
}

/// `3 to renew, CNY 572.50; 2 to set auto-renew; needs attention: 1 at risk`.
fn verdict(plan: &Plan, sum: &Summary) -> String {
    let mut parts = Vec::new();
    if sum.renew > 0 {
        let charge = if plan.charge.is_empty() { "unknown".to_owned() } else { plan.charge.to_string() };
        parts.push(format!("{} to renew, {}", grouped(sum.renew), neutral::numbers(&charge)));
    }
    if sum.set_auto_renew > 0 {
        parts.push(format!("{} to set auto-renew", grouped(sum.set_auto_renew)));
    }
    if sum.switch_off > 0 {
        parts.push(format!("{} to switch off", grouped(sum.switch_off)));
    }
    if !plan.committed.is_empty() {
        let soon = neutral::numbers(&plan.committed.to_string());
        parts.push(format!("{soon} deducted within 10 days"));
    }
    if sum.unpriced > 0 {
        parts.push(format!("{} without a price", grouped(sum.unpriced)));
    }
    let troubles = [(sum.blocked, "blocked"), (sum.held, "held"), (sum.at_risk, "at risk")];
    let mut troubles: Vec<String> = troubles
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", grouped(*number)))
        .collect();
    if !plan.complete {
        troubles.push("not complete".to_owned());
    }
    if parts.is_empty() {
        parts.push("no changes".to_owned());
    }
    if !troubles.is_empty() {
        parts.push(format!("needs attention: {}", troubles.join(", ")));
    }
    parts.join("; ")
}

fn at_risk(items: &[&Priced], sum: &Summary) -> Section {
    let rows = items.iter().filter_map(|item| {
        let why = neutral::prose(item.at_risk.as_ref()?);
        let place = neutral::code(&item.place.to_string());
        Some(format!("> - {}: {why} ({place})\n", instance(&item.id, &item.name, &item.region)))
    });
    let head = format!(
        "\n> [!CAUTION]\n> **{} at risk of stopping soon; this plan does not prevent it.**\n>\n",
        grouped(sum.at_risk)
    );
    Section { head, rows: rows.collect(), tail: String::new() }
}

fn charges(items: &[&Priced]) -> Section {
    let rows = items.iter().filter_map(|item| Some(charge_row(item, item.renewal()?))).collect();
    let columns = [
        ("instance", "---"),
        ("name", "---"),
        ("expires", "---"),
        ("term", "---"),
        ("charge", "--:"),
        ("why, and the rule", "---"),
    ];
    table("Charges", &columns, rows)
}

fn charge_row(item: &Priced, renewal: &Renewal<PriceDecision>) -> String {
    let charge = match &renewal.price {
        PriceDecision::Quoted(quote) if quote.list_amount != quote.amount.amount => {
            format!("**{}**<br>list {}", quote.amount, show_amount(quote.list_amount))
        }
        PriceDecision::Quoted(quote) => format!("**{}**", quote.amount),
        PriceDecision::Unpriced => "**unknown**".to_owned(),
    };
    row(&[
        instance_cell(&item.id, &item.region),
        name_cell(&item.name),
        format!("{}<br>→ {}", minute(renewal.expires_before), minute(renewal.expires_after)),
        renewal.term.term().to_string(),
        charge,
        format!("{}<br>{}", neutral::prose(&renewal.reason), neutral::code(&renewal.place.to_string())),
    ])
}

fn settings(items: &[&Priced]) -> Section {
    let rows = items.iter().filter_map(|item| Some(setting_row(item, item.setting()?))).collect();
    let columns = [
        ("instance", "---"),
        ("name", "---"),
        ("auto-renew", "---"),
        ("the platform will deduct", "---"),
        ("why, and the rule", "---"),
    ];
    table("Auto-renewal settings", &columns, rows)
}

fn setting_row(item: &Priced, setting: &Setting) -> String {
    let after =
        if setting.switches_off() { format!("**{}**", setting.after) } else { setting.after.to_string() };
    row(&[
        instance_cell(&item.id, &item.region),
        name_cell(&item.name),
        format!("{} → {after}", setting.before),
        item.committed.as_ref().map_or_else(|| "-".to_owned(), deduction),
        format!("{}<br>{}", neutral::prose(&setting.reason), neutral::code(&setting.place.to_string())),
    ])
}

fn deduction(committed: &Committed) -> String {
    let amount =
        committed.amount.as_ref().map_or_else(|| "an unknown amount".to_owned(), ToString::to_string);
    let soon = if committed.counts { "<br>**counts into the total**" } else { "" };
    format!("{amount} for {}<br>from {}{soon}", committed.term, minute(committed.at))
}

/// Instances whose worst verdict is `kind`, with all that stops them.
pub(super) fn stopped(items: &[&Priced], kind: VerdictKind, number: usize) -> Section {
    let rows = items.iter().filter(|item| item.verdict() == kind).map(|item| {
        let renew = item.renew.as_ref().and_then(stop_text);
        let set = item.set.as_ref().and_then(stop_text);
        let stops = match (renew, set) {
            (Some(renew), Some(set)) if renew == set => renew,
            (renew, set) => {
                let named =
                    [renew.map(|text| format!("renewal {text}")), set.map(|text| format!("setting {text}"))];
                named.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
        };
        let place = neutral::code(&item.place.to_string());
        format!("- {}, {place}: {stops}\n", instance(&item.id, &item.name, &item.region))
    });
    folded(&format!("{} {}", grouped(number), kind.as_str()), rows.collect())
}

/// `blocked: why. What to do.`
fn stop_text<T>(verdict: &Verdict<T>) -> Option<String> {
    let stopped = verdict.stopped()?;
    let (word, why) = (stopped.kind.as_str(), neutral::prose(stopped.why));
    Some(match stopped.until {
        Some(until) => format!("{word}: {why}; until {}, then a later run decides.", show_beijing(until)),
        None => format!("{word}: {why}. To do: {}.", neutral::prose(&stopped.next())),
    })
}

fn warnings(items: &[&Priced]) -> Section {
    let rows: Vec<String> = items
        .iter()
        .flat_map(|item| item.warnings.iter().map(move |warning| (item, warning)))
        .map(|(item, warning)| {
            let place = neutral::code(&item.place.to_string());
            let (who, why) = (instance(&item.id, &item.name, &item.region), neutral::prose(warning));
            format!("- {who}, {place}: {why}\n")
        })
        .collect();
    folded(&count(rows.len(), "warning"), rows)
}

pub(super) fn closing(plan: &Plan) -> String {
    let until = plan.valid_until.map_or_else(String::new, |until| {
        format!(" It holds until {} ({}) if nothing else changes.", show_beijing(until), show_minute(until))
    });
    format!(
        "{CLOCK}\nPlan `{}`\ndecided for {} ({}), read at {}.{until}\n",
        plan.id,
        show_beijing(plan.evaluated_at),
        show_minute(plan.evaluated_at),
        show_minute(plan.read_at)
    )
}

fn invitation(plan: &Plan, context: &Context<'_>) -> String {
    if plan.is_as_of() {
        return "\nIt is for another moment than now, so there is nothing to apply.\n".to_owned();
    }
    if !plan.has_changes() {
        return "\nThere is nothing to apply.\n".to_owned();
    }
    let refusals: Vec<String> =
        exceeded(plan).iter().map(|why| format!("> - {}\n", neutral::prose(why))).collect();
    if !refusals.is_empty() {
        let head = "> [!CAUTION]\n> **It exceeds its limits, and apply refuses it.**\n>\n";
        return format!("\n{head}{}", refusals.concat());
    }
    format!("\nTo apply it:\n\n{}", neutral::fenced(context.apply_command))
}
