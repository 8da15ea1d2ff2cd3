//! A plan as text for people. The summary line is stable: scripts and eyes find it.
//!
//! A few instances are shown one by one (`blocks`), many in tables (`tables`), and on demand only
//! counted (`overview`) or as a diff of YAML (`diff`).

mod blocks;
mod columns;
mod diff;
mod overview;
mod report;
mod tables;

use std::fmt::Write as _;

pub use report::report;

use anstyle::AnsiColor::Yellow;

use super::{Style, View, all_as_wanted, as_of_note, charge_of_cap, left_out_note, paint};
use crate::plan::{Item, Plan, PriceDecision, VerdictKind};
use crate::text::count;

/// More instances than this are shown in tables: one by one they would fill more than a screen.
const BLOCKS_MAX: usize = 10;

/// The whole plan: changes, then what is blocked, held or at risk, each soonest expiry first, then the
/// summary line.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    if let Some(note) = as_of_note(plan) {
        columns::wrapped(&mut out, "", &paint(style, Yellow, &note), 0, style.width);
    }
    let groups = Groups::of(plan);
    if (groups.shown() > BLOCKS_MAX && style.view == View::Changes) || style.all {
        out.push_str("Dates are in Beijing time (+08:00).\n");
    }
    match style.view {
        View::Summary => overview::plan(&mut out, plan, style),
        View::Diff => diff::plan(&mut out, &groups, plan, style),
        View::Changes if groups.shown() > BLOCKS_MAX => tables::plan(&mut out, &groups, plan, style),
        View::Changes => blocks::plan(&mut out, &groups, plan, style),
    }
    if style.all {
        tables::unchanged(&mut out, &groups.unchanged, plan, style);
    }
    if !plan.has_changes() && plan.is_clean() {
        let wanted = all_as_wanted(plan);
        let _ = writeln!(out, "No changes. {}{}.", wanted[..1].to_uppercase(), &wanted[1..]);
    }
    if let Some(note) = left_out_note(plan) {
        columns::wrapped(&mut out, "", &note, 0, style.width);
    }
    if !plan.complete {
        out.push_str(&paint(style, Yellow, "This plan is not complete: something could not be read.\n"));
    }
    out.push_str(&summary(plan));
    out
}

/// The instances of a plan by what a reader does with them, each group soonest expiry first.
struct Groups<'a> {
    /// Something is to do.
    changes: Vec<&'a Item<PriceDecision>>,
    /// Nothing is to do, and somebody should look.
    troubled: Vec<&'a Item<PriceDecision>>,
    /// As the files ask for.
    unchanged: Vec<&'a Item<PriceDecision>>,
}

impl<'a> Groups<'a> {
    fn of(plan: &'a Plan) -> Self {
        let has_changes = |item: &&Item<PriceDecision>| item.renewal().is_some() || item.setting().is_some();
        let (mut changes, others): (Vec<_>, Vec<_>) = plan.items.iter().partition(has_changes);
        let (mut troubled, mut unchanged): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|item| is_troubled(item));
        for group in [&mut changes, &mut troubled, &mut unchanged] {
            group.sort_by_key(|item| item.live.as_ref().map(|live| live.expires_at));
        }
        Self { changes, troubled, unchanged }
    }

    fn shown(&self) -> usize {
        self.changes.len() + self.troubled.len()
    }
}

fn is_troubled(item: &Item<PriceDecision>) -> bool {
    item.verdict() > VerdictKind::Change || item.at_risk.is_some() || !item.warnings.is_empty()
}

/// The name for a terminal; `-` if there is none.
fn name(item: &Item<PriceDecision>) -> String {
    if item.name.is_empty() { "-".to_owned() } else { item.name.shown() }
}

/// `Plan: 1 to renew, … Charge: CNY 238.00 of at most 5,000.00.`
pub fn summary(plan: &Plan) -> String {
    let sum = plan.summary();
    let mut line = format!(
        "Plan: {} to renew, {} to set auto-renew, {} to switch off, {} unchanged, {} blocked, {} held, {} at risk. Charge: {}.",
        sum.renew,
        sum.set_auto_renew,
        sum.switch_off,
        sum.noop,
        sum.blocked,
        sum.held,
        sum.at_risk,
        charge_of_cap(plan)
    );
    if sum.unpriced > 0 {
        let _ = write!(line, " Without a price: {}.", sum.unpriced);
    }
    if !plan.committed.is_empty() {
        let _ = write!(line, " Deducted by auto-renewal within 10 days: {}.", plan.committed);
    }
    if plan.deducted_anyway > 0 {
        let number = count(plan.deducted_anyway, "instance");
        let _ = write!(
            line,
            " Auto-renewal that is on already deducts within 10 days for {number}, not counted here."
        );
    }
    line.push('\n');
    line
}
