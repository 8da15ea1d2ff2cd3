//! What an apply did, as a comment or a job summary: numbers first, then what somebody must look at,
//! then the charges.

use std::collections::BTreeMap;

use super::page::{Page, Section, folded, table};
use super::plan::{closing, stopped};
use super::{
    Context, REPORT_MARKER, emulator_note, instance, instance_cell, minute, name_cell, neutral, row,
};
use crate::calendar::show_beijing;
use crate::ids::{InstanceId, RegionId};
use crate::plan::outcome::{ChargeReport, ChargeResult, Ending, Outcome, SettingResult};
use crate::plan::{Item, PriceDecision, VerdictKind};
use crate::render::Style;
use crate::render::report::{
    Report, charge_text, deducted_instead, numbers, setting_text, summary, verification,
};
use crate::text::grouped;

type Priced = Item<PriceDecision>;
/// The plan's items, to find names and rules by instance.
type Items<'a> = BTreeMap<(&'a RegionId, &'a InstanceId), &'a Priced>;

/// The whole report as a comment of less than 65,536 characters.
pub fn report(report: &Report<'_>, context: &Context<'_>) -> String {
    let items: Items<'_> = report.plan.items.iter().map(|item| ((&item.region, &item.id), item)).collect();
    let all: Vec<&Priced> = report.plan.items.iter().collect();
    let sum = report.plan.summary();
    let outcome = report.outcome;
    let page = Page {
        opening: opening(report, context),
        sections: vec![
            loud(outcome, &items, Ending::InDoubt, "in doubt: a charge MAY have happened"),
            loud(outcome, &items, Ending::MovedFurther, "renewed further than planned"),
            loud(outcome, &items, Ending::Failed, "failed"),
            instead(report, &items),
            charges(outcome, &items),
            settings(outcome, &items),
            not_tried(outcome, &items),
            stopped(&all, VerdictKind::Blocked, sum.blocked),
            stopped(&all, VerdictKind::Held, sum.held),
        ],
        closing: closing(report.plan),
        invitation: invitation(report, context),
        cut: "This report is cut.",
        full_output: "renewctl apply",
    };
    page.fit()
}

fn opening(report: &Report<'_>, context: &Context<'_>) -> String {
    let mut out = format!("{REPORT_MARKER}\n### renewctl apply: {}\n", verdict(report));
    out.push_str(emulator_note(context));
    if let Some(why) = &report.outcome.stopped {
        out.push_str("\n> [!CAUTION]\n> **The run was stopped:** ");
        out.push_str(&neutral::prose(why));
        out.push('\n');
    }
    out.push('\n');
    out.push_str(&neutral::numbers(summary(report).trim_end()));
    out.push_str("\n\n");
    out.push_str(&neutral::prose(verification(report, Style::default()).trim_end()));
    out.push('\n');
    out
}

/// `verified, CNY 572.50 charged`.
fn verdict(report: &Report<'_>) -> String {
    let numbers = numbers(report);
    let further = report.outcome.moved_further();
    let troubles = [
        (numbers.in_doubt, "in doubt"),
        (further, "renewed further than planned"),
        (numbers.failed, "failed"),
        (numbers.not_tried, "not tried"),
        (numbers.blocked_or_held, "blocked or held"),
    ];
    let state = match report.converged {
        Some(true) => "verified",
        Some(false) => "not converged",
        None => "not verified",
    };
    let mut parts =
        vec![format!("{state}, {} charged", neutral::numbers(&report.outcome.charged().to_string()))];
    let troubles: Vec<String> = troubles
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", grouped(*number)))
        .collect();
    if !troubles.is_empty() {
        parts.push(format!("needs attention: {}", troubles.join(", ")));
    }
    parts.join("; ")
}

/// One action at the beginning of a list item: which instance, and which rule asked for it.
fn who(items: &Items<'_>, (region, id): &(RegionId, InstanceId)) -> String {
    items.get(&(region, id)).map_or_else(
        || format!("`{id}` ({region})"),
        |item| {
            let place = neutral::code(&item.place.to_string());
            format!("{}, {place}", instance(id, &item.name, region))
        },
    )
}

/// All actions with this ending, each with its sentence.
fn sentences(outcome: &Outcome, items: &Items<'_>, ending: Ending) -> Vec<String> {
    let charges = outcome.charges.iter().map(|(key, c)| (key, c.result.ending(), charge_text(c)));
    let settings = outcome.each_setting();
    let settings = settings.map(|(key, to, result)| (key, result.ending(), setting_text(to, result)));
    charges
        .chain(settings)
        .filter(|(_, found, _)| *found == ending)
        .map(|(key, _, text)| format!("- {}: {}\n", who(items, key), neutral::prose(&text)))
        .collect()
}

/// What somebody must look at: openly.
fn loud(outcome: &Outcome, items: &Items<'_>, ending: Ending, title: &str) -> Section {
    let rows: Vec<String> =
        sentences(outcome, items, ending).into_iter().map(|row| format!("> {row}")).collect();
    let head = format!("\n> [!CAUTION]\n> **{} {title}**\n>\n", grouped(rows.len()));
    Section { head, rows, tail: String::new() }
}

/// What the platform will deduct because auto-renewal is on in place of a renewal: openly, too.
fn instead(report: &Report<'_>, items: &Items<'_>) -> Section {
    let rows: Vec<String> = deducted_instead(report)
        .iter()
        .map(|(key, text)| format!("> - {}: {}\n", who(items, key), neutral::prose(text)))
        .collect();
    let head = format!("\n> [!WARNING]\n> **{} to be deducted by the platform**\n>\n", grouped(rows.len()));
    Section { head, rows, tail: String::new() }
}

fn not_tried(outcome: &Outcome, items: &Items<'_>) -> Section {
    let rows = sentences(outcome, items, Ending::NotTried);
    folded(&format!("{} not tried", grouped(rows.len())), rows)
}

/// Charges that show, and those that were found done already.
fn charges(outcome: &Outcome, items: &Items<'_>) -> Section {
    let rows = outcome.charges.iter().filter_map(|(key, charge)| charge_row(items, key, charge)).collect();
    let columns = [
        ("instance", "---"),
        ("name", "---"),
        ("expires now", "---"),
        ("term", "---"),
        ("charged", "--:"),
        ("order", "---"),
        ("rule", "---"),
    ];
    table("Charges", &columns, rows)
}

fn charge_row(items: &Items<'_>, key: &(RegionId, InstanceId), charge: &ChargeReport) -> Option<String> {
    let (expires_at, order, paid) = match &charge.result {
        ChargeResult::Done { expires_at, order_id } | ChargeResult::MovedFurther { expires_at, order_id } => {
            (expires_at, order_id.as_deref().map_or_else(|| "not known".to_owned(), neutral::code), true)
        }
        ChargeResult::Satisfied { expires_at } => (expires_at, "already so".to_owned(), false),
        ChargeResult::Failed { .. } | ChargeResult::NotTried { .. } | ChargeResult::InDoubt { .. } => {
            return None;
        }
    };
    let charged = match &charge.price {
        _ if !paid => "nothing".to_owned(),
        PriceDecision::Quoted(quote) => format!("**{}**", quote.amount),
        PriceDecision::Unpriced => "**unknown**".to_owned(),
    };
    let item = items.get(&(&key.0, &key.1));
    Some(row(&[
        instance_cell(&key.1, &key.0),
        item.map_or_else(|| "-".to_owned(), |item| name_cell(&item.name)),
        minute(*expires_at),
        charge.term.term().to_string(),
        charged,
        order,
        item.map_or_else(|| "-".to_owned(), |item| rule_of_charge(item)),
    ]))
}

fn rule_of_charge(item: &Priced) -> String {
    let place = item.renewal().map_or(&item.place, |renewal| &renewal.place);
    neutral::code(&place.to_string())
}

fn settings(outcome: &Outcome, items: &Items<'_>) -> Section {
    let done = outcome.each_setting().filter(|(_, _, result)| **result == SettingResult::Done);
    let rows = done
        .map(|(key, setting, _)| {
            let item = items.get(&(&key.0, &key.1));
            let rule = item.map(|item| item.setting().map_or(&item.place, |setting| &setting.place));
            row(&[
                instance_cell(&key.1, &key.0),
                item.map_or_else(|| "-".to_owned(), |item| name_cell(&item.name)),
                setting.to_string(),
                rule.map_or_else(|| "-".to_owned(), |place| neutral::code(&place.to_string())),
            ])
        })
        .collect();
    let columns = [("instance", "---"), ("name", "---"), ("auto-renew now", "---"), ("rule", "---")];
    table("Auto-renewal settings", &columns, rows)
}

/// What to do next, if something is left.
fn invitation(report: &Report<'_>, context: &Context<'_>) -> String {
    let doubts = report.outcome.charges.values().filter_map(|charge| match &charge.result {
        ChargeResult::InDoubt { until, .. } => Some(*until),
        _ => None,
    });
    if let Some(until) = doubts.max() {
        return format!(
            "\nLook again with `renewctl recover`: until it shows, or {}, nothing is sent for what is in doubt. Before \
             you renew it by hand, look at its orders in the console.\n",
            show_beijing(until)
        );
    }
    if report.converged == Some(true) {
        return String::new();
    }
    let again = neutral::fenced(context.apply_command);
    format!("\nTo go on; what is done already is not done again:\n\n{again}")
}
