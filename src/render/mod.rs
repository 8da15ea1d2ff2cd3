//! Renderings of a plan and of what came of it: `text` for people, `json` for programs,
//! `markdown` for pull requests.
//!
//! Pure: data in, text out. All text from the cloud is escaped here, and nowhere is text read back.

pub mod json;
pub mod markdown;
pub mod report;
pub mod text;

use crate::calendar::show_beijing;
use crate::money::{Totals, show_amount};
use crate::plan::Plan;
use crate::text::count;

/// How a rendering looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Also instances that need nothing.
    pub all: bool,
    /// Columns of the terminal; without a terminal nothing is wrapped or left out.
    pub width: Option<usize>,
    /// What of a plan is shown.
    pub view: View,
}

/// What of a plan is shown as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Every change with all that it is decided from.
    #[default]
    Changes,
    /// Numbers by region.
    Summary,
    /// Every change as a diff of YAML.
    Diff,
}

/// Says that a plan is for another moment than that of its reading.
fn as_of_note(plan: &Plan) -> Option<String> {
    plan.is_as_of().then(|| {
        let (at, read) = (show_beijing(plan.evaluated_at), show_beijing(plan.read_at));
        format!(
            "As of {at}, if nothing changes after the reading of {read}: the platform's own renewals are not \
             foreseen. This plan cannot be applied."
        )
    })
}

/// Says that a plan is for a part of its files.
fn left_out_note(plan: &Plan) -> Option<String> {
    let all = plan.items.len() + plan.left_out;
    (plan.left_out > 0).then(|| {
        format!("{} of {} are left out by --target or --exclude.", plan.left_out, count(all, "instance"))
    })
}

/// What a clean plan says.
fn all_as_wanted(plan: &Plan) -> &'static str {
    if plan.left_out > 0 {
        "every selected instance is as the files ask for"
    } else {
        "every instance is as the files ask for"
    }
}

/// Paints `text`, if colours are on.
pub(crate) fn paint(style: Style, color: anstyle::AnsiColor, text: &str) -> String {
    if !style.color || text.is_empty() {
        return text.to_owned();
    }
    let style = color.on_default();
    format!("{}{text}{}", style.render(), style.render_reset())
}

/// `CNY 238.00 of at most 5,000.00`: the charges of a plan, with the stricter one of the files' caps together and the run's.
pub(crate) fn charge_of_cap(plan: &Plan) -> String {
    if plan.charge.is_empty() {
        let unknown = plan.items.iter().any(|item| item.renewal().is_some());
        return if unknown { "unknown" } else { "nothing" }.to_owned();
    }
    let caps: Vec<_> =
        plan.files.iter().map(|file| file.limits.max_charge.as_ref().map(|cap| &cap.value)).collect();
    let parts: Vec<String> = plan
        .charge
        .amounts()
        .map(|money| {
            let mut cap = Totals::default();
            let capped = !caps.is_empty()
                && caps.iter().all(|c| c.is_some_and(|c| c.currency == money.currency && cap.add(c).is_ok()));
            let of_files = capped.then(|| cap.of(&money.currency));
            let of_run =
                plan.run_cap.as_ref().filter(|cap| cap.currency == money.currency).map(|cap| cap.amount);
            match of_files.into_iter().chain(of_run).min() {
                Some(most) => format!("{money} of at most {}", show_amount(most)),
                None => money.to_string(),
            }
        })
        .collect();
    parts.join(" + ")
}
