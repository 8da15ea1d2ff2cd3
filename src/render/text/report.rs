//! What an apply did, as text: one line for each action, and the numbers.

use std::fmt::Write as _;

use anstyle::AnsiColor::{Green, Red, Yellow};

use super::columns;
use crate::plan::outcome::Ending;
use crate::render::report::{
    Report, charge_text, deducted_instead, setting_text, summary, verification, word,
};
use crate::render::{Style, paint};
use crate::text::count;

/// On a terminal, more results than this are listed only where something did not go as planned.
const LINES_MAX: usize = 20;
/// Column under which a wrapped sentence goes on.
const TEXT_COLUMN: usize = 13;

/// The report for people.
pub fn report(report: &Report<'_>, style: Style) -> String {
    let mut out = String::new();
    let charges = report.outcome.charges.iter().map(|(key, c)| (key, c.result.ending(), charge_text(c)));
    let settings = report.outcome.each_setting();
    let settings = settings.map(|(key, to, result)| (key, result.ending(), setting_text(to, result)));
    let actions: Vec<_> = charges.chain(settings).collect();
    // Of many, what went as planned is counted, so that what did not is seen. A log keeps them all.
    let terse = !style.all && style.width.is_some() && actions.len() > LINES_MAX;
    let mut counted = 0;
    for ((region, id), ending, text) in actions {
        if terse && ending == Ending::Done {
            counted += 1;
            continue;
        }
        let color = match ending {
            Ending::Done | Ending::Satisfied => Green,
            Ending::NotTried => Yellow,
            Ending::MovedFurther | Ending::Failed | Ending::InDoubt => Red,
        };
        let mark = paint(style, color, &format!("{:<9}", word(ending)));
        columns::wrapped(
            &mut out,
            &format!("  {mark}  "),
            &format!("{id}  {region}  {text}"),
            TEXT_COLUMN,
            style.width,
        );
    }
    if counted > 0 {
        let mark = paint(style, Green, "done     ");
        let _ = writeln!(out, "  {mark}  {} (--all lists them)", count(counted, "action"));
    }
    for ((region, id), text) in deducted_instead(report) {
        let mark = paint(style, Yellow, "deducts  ");
        let text = format!("{id}  {region}  {text}");
        columns::wrapped(&mut out, &format!("  {mark}  "), &text, TEXT_COLUMN, style.width);
    }
    if let Some(why) = &report.outcome.stopped {
        let _ = writeln!(out, "{}: {why}", paint(style, Red, "The run was stopped"));
    }
    out.push_str(&summary(report));
    out.push_str(&verification(report, style));
    out
}
