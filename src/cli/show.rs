//! `renewctl show`: prints a saved plan in any format. Asks nobody anything.

use std::path::Path;

use serde_json::Value;

use super::args::{Cli, JOURNAL, ShowArgs};
use super::command_line::resume_command;
use super::doors::{Doors, Failure};
use super::files::check_paths;
use super::plan::note_exceeded;
use super::reports::{Said, Stage};
use super::screen::Screen;
use super::session::is_emulated;
use super::{Exit, result};
use crate::plan::file::{self, SavedPlan};
use crate::render;
use crate::render::markdown::Context;
use crate::text::escape;

/// The longest plan that is read: one of a hundred thousand instances has some hundred megabytes.
const PLAN_BYTES_MAX: usize = 1 << 30;

pub(super) fn run(cli: &Cli, args: &ShowArgs, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    let reports = args.report.iter().map(|report| ("--report", report.path.as_path()));
    check_paths(reports, std::slice::from_ref(&args.plan), &[], doors)?;
    let saved = read(&args.plan, doors)?;
    let is_emulator = is_emulated(&saved.world);
    let mut command = resume_command(&cli.common, &args.plan, &saved.plan.id, Path::new(JOURNAL));
    if is_emulator && cli.common.emulator.is_none() {
        // Which file its state lies in is not known here; without the switch it would go to the cloud.
        command = command.replacen("renewctl apply", "renewctl apply --emulator", 1);
    }
    let said = Said {
        plan: &saved.plan,
        report: None,
        stage: Stage::Planned,
        message: None,
        world: &saved.world,
        context: Context { apply_command: &command, is_emulator },
    };
    let style = screen.style(args.view);
    result(doors, &said.in_format(args.format, style)?)?;
    said.write_files(&args.report, doors, style)?;
    note_exceeded(&saved.plan, doors, cli.common.quiet);
    Ok(Exit::Ok)
}

/// Reads a saved plan.
pub(super) fn read(path: &Path, doors: &Doors) -> Result<SavedPlan, Failure> {
    let shown = escape(&path.to_string_lossy());
    let bytes = doors.files.read_up_to(path, PLAN_BYTES_MAX).map_err(|error| {
        Failure::new(Exit::Usage, format!("error: the plan {shown} cannot be read: {error}"))
    })?;
    saved_plan(path, &bytes)
}

/// What the bytes of a saved plan say; `path` is what messages call it.
///
/// # Errors
/// [`Failure`], if they are no saved plan, were altered, or what they show is not what they decide.
pub fn saved_plan(path: &Path, bytes: &[u8]) -> Result<SavedPlan, Failure> {
    let shown = escape(&path.to_string_lossy());
    let saved = file::read(bytes).map_err(|error| {
        let exit = match error {
            file::FileError::Altered | file::FileError::Differs(_) => Exit::Stale,
            _ => Exit::Usage,
        };
        Failure::new(exit, format!("error: {shown}: {error}\nNothing was sent."))
    })?;
    if !shows_itself(bytes, &saved) {
        let text = format!(
            "error: {shown}: what it shows is not what it was decided from: it was altered after it was made. Make the \
             plan again.\nNothing was sent."
        );
        return Err(Failure::new(Exit::Stale, text));
    }
    Ok(saved)
}

/// Whether the part of the file that people and programs read is that of its plan: what was reviewed there
/// must be what is carried out. Another version of the program may show a plan otherwise.
fn shows_itself(bytes: &[u8], saved: &SavedPlan) -> bool {
    let Ok(Value::Object(mut told)) = serde_json::from_slice(bytes) else { return false };
    told.retain(|name, _| !["inputs", "inputs_sha256"].contains(&name.as_str()));
    if told.get("tool_version").is_some_and(|version| version != env!("CARGO_PKG_VERSION")) {
        return true;
    }
    let shown = render::json::plan(&saved.plan, &saved.world);
    let shown = shown.and_then(|text| serde_json::from_str::<Value>(&text));
    shown.is_ok_and(|shown| shown == Value::Object(told))
}
