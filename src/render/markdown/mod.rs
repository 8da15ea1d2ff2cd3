//! A plan, and what an apply did, as Markdown for a pull-request comment or a job summary.
//!
//! The verdict and the money stand first, the plan id and the command that applies it last, and what
//! most readers skip is folded. Names and messages from the cloud and from the files are hostile here
//! too: they pass through `neutral`, which leaves them no way to become a link, a mention, a heading
//! or an end of the cell they stand in. `page` keeps the comment below GitHub's limit; a comment that
//! had to be cut says so, and offers nothing to approve. Markdown is for eyes: nothing reads it back.

mod neutral;
mod page;
mod plan;
mod report;

pub use plan::{not_applied, plan};
pub use report::report;

use chrono::{DateTime, Utc};

use crate::calendar::beijing;
use crate::ids::{InstanceId, RegionId};
use crate::text::Untrusted;

/// The first line of a plan's comment. It is invisible; a bot finds its own comment by it.
pub const PLAN_MARKER: &str = "<!-- renewctl:plan -->";
/// The first line of an apply's report.
pub const REPORT_MARKER: &str = "<!-- renewctl:apply -->";

/// What a comment says besides the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The exact command that applies what was planned.
    pub apply_command: &'a str,
    /// Whether the account is the emulator's: then the comment must not look like a renewal.
    pub is_emulator: bool,
}

/// `2027-01-03 00:00` on the Beijing clock. Its heading names the clock.
fn minute(time: DateTime<Utc>) -> String {
    beijing(time).format("%Y-%m-%d %H:%M").to_string()
}

/// What explains all [`minute`]s of a comment.
const CLOCK: &str =
    "\nTimes without an offset are Beijing time (UTC+8): 00:00 there is 16:00 UTC of the day before.\n";

/// An instance in a table, its region below: ids and regions were checked when they entered.
fn instance_cell(id: &InstanceId, region: &RegionId) -> String {
    format!("`{id}`<br>{region}")
}

fn name_cell(name: &Untrusted) -> String {
    if name.is_empty() { "-".to_owned() } else { neutral::code(name.raw()) }
}

/// An instance at the beginning of a list item.
fn instance(id: &InstanceId, name: &Untrusted, region: &RegionId) -> String {
    if name.is_empty() {
        return format!("`{id}` ({region})");
    }
    format!("`{id}` {} ({region})", neutral::code(name.raw()))
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn emulator_note(context: &Context<'_>) -> &'static str {
    if context.is_emulator {
        "\n> [!IMPORTANT]\n> EMULATOR: nothing here is real and nothing is charged.\n"
    } else {
        ""
    }
}
