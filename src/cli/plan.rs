//! `renewctl plan`: read, decide, show. Changes nothing, and writes nothing but the reports that were asked
//! for, and the emulator's state.

use super::args::{Cli, PlanArgs};
use std::path::Path;

use super::command_line::{apply_command, resume_command};
use super::doors::{Doors, Failure};
use super::files::{ReadFiles, check_writes, desired_state, select};
use super::reports::{Said, Stage};
use super::screen::Screen;
use super::session::{Session, with_session};
use super::{Exit, note, result};
use chrono::Duration;

use crate::calendar::{show_beijing, show_span};
use crate::journal::fold::fold;
use crate::journal::{self, Contents};
use crate::plan::Plan;
use crate::plan::file::Inputs;
use crate::plan::guard::exceeded;
use crate::planning::{self, Moment};
use crate::ports::{JournalStorage, Level};
use crate::render;
use crate::render::markdown::Context;
use crate::system::JournalFile;
use crate::text::escape;

pub(super) async fn run(cli: &Cli, args: &PlanArgs, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    let ReadFiles { mut desired, warnings, sources } = desired_state(&args.work.files, doors, screen)?;
    let selection = args.work.selection.selection();
    select(&mut desired, &selection)?;
    desired.run_cap.clone_from(&args.work.max_charge);
    check_writes(&args.work, None, args.out.as_deref(), cli.common.emulator.as_deref(), doors)?;
    note(doors, cli.common.quiet, &warnings);
    let journal_name = args.work.journal.to_string_lossy().into_owned();
    with_session(&cli.common, doors, async |session: Session| {
        let contents = read_journal(&JournalFile::new(args.work.journal.clone()), &journal_name)?;
        if let Some(warning) = damage(&contents, &journal_name) {
            note(doors, cli.common.quiet, &format!("warning: {warning}"));
        }
        note_torn(cli.common.quiet, doors, &contents, &journal_name);
        let memory = fold(&contents.lines, &session.world);
        let moment = args.as_of.unwrap_or(Moment::Reading);
        let made = planning::plan(&desired, &session.cloud, &memory, doors.terminal.as_ref(), moment);
        let (plan, evidence) = made.await?;
        note_skew(cli.common.quiet, doors, &session);
        let command = match &args.out {
            Some(out) => resume_command(&cli.common, out, &plan.id, &args.work.journal),
            None => apply_command(&cli.common, &args.work),
        };
        let context = Context { apply_command: &command, is_emulator: session.is_emulator };
        let said = Said {
            plan: &plan,
            report: None,
            stage: Stage::Planned,
            message: None,
            world: &session.world,
            context,
        };
        let style = screen.style(args.work.view);
        result(doors, &said.in_format(args.work.format, style)?)?;
        said.write_files(&args.work.report, doors, style)?;
        note_exceeded(&plan, doors, cli.common.quiet);
        if let Some(out) = &args.out {
            let max_charge = args.work.max_charge.clone();
            let inputs = Inputs { sources, selection, max_charge, evidence };
            save(out, &plan, &inputs, &session, doors)?;
            if plan.has_changes() && !cli.common.quiet {
                let until = plan.valid_until.map_or_else(String::new, |until| {
                    format!(" It holds until {} if nothing else changes.", show_beijing(until))
                });
                let shown = escape(&out.to_string_lossy());
                let carry = if exceeded(&plan).is_empty() {
                    format!("{until} To carry it out: {command}")
                } else {
                    String::new()
                };
                let text = format!("Saved to {shown}.{carry}");
                doors.terminal.note(Level::Info, &text);
            }
        }
        let clean = plan.is_clean();
        Ok(if args.detailed_exitcode && !clean { Exit::Changes } else { Exit::Ok })
    })
    .await
}

/// Writes a plan with what it was decided from.
fn save(out: &Path, plan: &Plan, inputs: &Inputs, session: &Session, doors: &Doors) -> Result<(), Failure> {
    let encoded = inputs
        .encode()
        .and_then(|(inputs, digest)| render::json::saved(plan, &session.world, &inputs, &digest))
        .map_err(|error| Failure::error(format!("error: {error}")))?;
    doors.files.replace(out, encoded.as_bytes()).map_err(|error| {
        let shown = escape(&out.to_string_lossy());
        Failure::error(format!("error: the plan {shown} cannot be written: {error}"))
    })
}

/// Says of a plan that exceeds its limits that it cannot be carried out as it is.
pub(super) fn note_exceeded(plan: &Plan, doors: &Doors, quiet: bool) {
    for why in exceeded(plan) {
        note(doors, quiet, &format!("warning: apply refuses this plan: {why}"));
    }
}

/// Warns of a clock that differs from the cloud's. An emulator's world has a time of its own.
pub(super) fn note_skew(quiet: bool, doors: &Doors, session: &Session) {
    if session.own_clock {
        return;
    }
    if let Some(warning) = skew_warning(session.cloud.server_offset()) {
        note(doors, quiet, &warning);
    }
}

/// The journal's contents; an absent journal is an empty one.
pub(super) fn read_journal(storage: &dyn JournalStorage, name: &str) -> Result<Contents, Failure> {
    let bytes = storage.read().map_err(|error| {
        let path = escape(name);
        Failure::error(format!("error: the journal {path} cannot be read: {error}"))
    })?;
    Ok(journal::parse(&bytes))
}

/// Says that the last line of the journal is torn.
pub(super) fn note_torn(quiet: bool, doors: &Doors, contents: &Contents, name: &str) {
    if contents.torn > 0 {
        let (line, name) = (contents.lines.len() + 1, escape(name));
        let text = format!(
            "warning: the last line of the journal {name} (line {line}) is torn: the run was cut off while it was \
             written. If it was to announce a call, the call was not sent; if it was to tell an outcome, the charge \
             before it is held until a reading decides"
        );
        note(doors, quiet, &text);
    }
}

/// Says that a journal of which something is asked has nothing: perhaps it is another one.
pub(super) fn note_empty(quiet: bool, doors: &Doors, contents: &Contents, name: &str) {
    if contents.lines.is_empty() {
        let name = escape(name);
        let text =
            format!("warning: the journal {name} is not there, or empty (--journal names another one)");
        note(doors, quiet, &text);
    }
}

/// What is wrong with a damaged journal, and what to do.
pub(super) fn damage(contents: &Contents, name: &str) -> Option<String> {
    let (line, why) = contents.damaged?;
    let path = escape(name);
    Some(format!(
        "line {line} of the journal {path} is bad ({why}), so an earlier charge may be missing from it and apply \
         sends nothing.\n  help: look at that line; keep a copy of the file, then move it away. Without a journal, \
         tokens and reading again still guard every charge"
    ))
}

/// A local clock further off than this is worth a warning; signatures fail at 15 minutes.
const SKEW_MINUTES: i64 = 5;

/// What to say of a machine whose clock differs from the cloud's, if it does.
fn skew_warning(offset: Option<Duration>) -> Option<String> {
    let offset = offset.filter(|offset| offset.abs() > Duration::minutes(SKEW_MINUTES))?;
    let direction = if offset > Duration::zero() { "behind" } else { "ahead of" };
    let by = show_span(offset);
    Some(format!(
        "warning: this machine's clock is {by} {direction} the cloud's; the plan uses the cloud's time, but \
         signatures fail when the difference reaches 15 minutes"
    ))
}
