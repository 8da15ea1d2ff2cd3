//! How an apply ends: its exit code, its last words, its reports.

use super::super::doors::Failure;
use super::super::reports::{Format, Said, Stage};
use super::super::{Exit, result};
use super::Apply;
use crate::calendar::show_beijing;
use crate::journal::fold::{Pending, fold};
use crate::journal::history::{Deed, End, SettingEnd, history};
use crate::journal::{self, ChargeIntent, JournalError};
use crate::plan::guard::Refusal;
use crate::plan::outcome::Outcome;
use crate::plan::{Plan, Summary};
use crate::ports::{Level, Signal};
use crate::render;
use crate::render::markdown::Context;
use crate::render::report::Report;
use crate::text::escape;

impl Apply<'_> {
    pub(super) fn context(&self) -> Context<'_> {
        Context { apply_command: &self.command, is_emulator: self.session.is_emulator }
    }

    pub(super) fn refuse(&self, plan: &Plan, refusal: &Refusal) -> Result<Exit, Failure> {
        match refusal {
            Refusal::Limit(reasons) => {
                let text: Vec<String> = reasons.iter().map(|reason| format!("refused: {reason}")).collect();
                self.end_without_apply(
                    plan,
                    Exit::Refused,
                    Some(&format!("{}\nNothing was charged.", text.join("\n"))),
                )
            }
            Refusal::AsOf => {
                let message = "The plan is for another moment than now. Nothing was sent.";
                self.end_without_apply(plan, Exit::Stale, Some(message))
            }
            Refusal::NotConfirmed => {
                self.end_without_apply(plan, Exit::NotConfirmed, Some("Not confirmed. Nothing was charged."))
            }
        }
    }

    pub(super) fn end_without_apply(
        &self,
        plan: &Plan,
        exit: Exit,
        message: Option<&str>,
    ) -> Result<Exit, Failure> {
        let stage = Stage::Ended(exit.code());
        let said =
            Said { plan, report: None, stage, message, world: &self.session.world, context: self.context() };
        if self.format != Format::Text {
            result(self.doors, &said.in_format(self.format, self.style)?)?;
        }
        if let Some(message) = message {
            let level = if exit == Exit::Ok { Level::Info } else { Level::Error };
            self.doors.terminal.note(level, message);
        }
        // A report that cannot be written does not change how the run ended.
        if let Err(failure) = said.write_files(&self.reports, self.doors, self.style) {
            self.doors.terminal.note(Level::Error, &failure.message);
        }
        Ok(exit)
    }

    /// The end of `run` after a second signal: the calls under way are cut off, and the journal tells which.
    pub(super) fn given_up(&self, signal: Signal, run: &str) -> Exit {
        let bytes = match self.storage.read() {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = format!(
                    "Stopped at once. The journal cannot be read, so that what is in doubt is not known: {error}"
                );
                self.doors.terminal.note(Level::Error, &text);
                return Exit::InDoubt;
            }
        };
        let lines = journal::parse(&bytes).lines;
        let (past, now) = (history(&lines), self.session.cloud.server_now());
        let own: Vec<(&ChargeIntent, &End)> = past
            .iter()
            .filter(|entry| entry.run == run)
            .filter_map(|entry| match &entry.deed {
                Deed::Charge { intent, end, .. } => Some((intent, end)),
                Deed::Setting { .. } => None,
            })
            .collect();
        let in_flight = past.iter().filter(|entry| entry.run == run).filter_map(|entry| match &entry.deed {
            Deed::Setting { region, ids, setting, end: SettingEnd::Unknown(_) } => {
                Some((region, ids, setting))
            }
            _ => None,
        });
        let is_own = |pending: &Pending| own.iter().any(|(intent, _)| intent.token == pending.intent.token);
        // What this run has sent is in doubt until it is seen, however long ago it was.
        let mut doubtful = fold(&lines, &self.session.world).pending();
        doubtful.retain(|pending| pending.is_held(now) || is_own(pending));
        let end = "Stopped at once. How the account stands was not read again: run renewctl plan.";
        self.doors.terminal.note(Level::Error, end);
        for (intent, end) in &own {
            if let End::Settled(expires_at) = end {
                let (id, region, expires) = (&intent.id, &intent.region, show_beijing(*expires_at));
                let text = format!("done: {id}  {region}  renewed by {}, expires {expires}", intent.term);
                self.doors.terminal.note(Level::Error, &text);
            }
        }
        for (region, ids, setting) in in_flight {
            for id in ids {
                let text = format!("perhaps: {id}  {region}  auto-renew set to {}", escape(setting));
                self.doors.terminal.note(Level::Error, &text);
            }
        }
        for pending @ Pending { intent, hold, .. } in &doubtful {
            let until = show_beijing(hold.until);
            let held = if pending.is_held(now) { format!(", held until {until}") } else { String::new() };
            let text = format!(
                "IN DOUBT: {}  {}  {}{held}; look again: renewctl recover",
                intent.id, intent.region, hold.text
            );
            self.doors.terminal.note(Level::Error, &text);
        }
        if doubtful.is_empty() { Exit::of_signal(signal) } else { Exit::InDoubt }
    }

    pub(super) fn report(
        &self,
        plan: &Plan,
        outcome: &Outcome,
        after: Result<&Plan, &String>,
        converged: Option<bool>,
    ) -> Exit {
        let left = match after {
            Ok(after) => left(after),
            Err(why) => Some(why.clone()),
        };
        let exit = exit(outcome, converged, self.signal());
        let report = Report { plan, outcome, converged, left };
        let stage = Stage::Ended(exit.code());
        let said = Said {
            plan,
            report: Some(&report),
            stage,
            message: None,
            world: &self.session.world,
            context: self.context(),
        };
        let text = match self.format {
            // The plan stands there already.
            Format::Text => Ok(render::text::report(&report, self.style)),
            format => said.in_format(format, self.style),
        };
        // The exit code tells what happened to money; a broken stdout or a full disk must not hide it.
        let shown = text.and_then(|text| result(self.doors, &text));
        let written = said.write_files(&self.reports, self.doors, self.style);
        for failure in [shown, written].into_iter().filter_map(Result::err) {
            self.doors.terminal.note(Level::Error, &failure.message);
        }
        exit
    }
}

/// 7 before everything, then the signal, then 3; 1 only if nothing had an effect.
fn exit(outcome: &Outcome, converged: Option<bool>, signal: Option<Signal>) -> Exit {
    let tally = outcome.tally();
    if tally.in_doubt > 0 {
        Exit::InDoubt
    } else if converged == Some(true) && outcome.is_smooth() {
        // A signal that came when all was done and read again has interrupted nothing.
        Exit::Ok
    } else if let Some(signal) = signal {
        Exit::of_signal(signal)
    } else if outcome.stopped.is_some() && tally.failed == 0 && !outcome.had_effect() {
        Exit::Error
    } else {
        Exit::NotConverged
    }
}

pub(super) fn journal_failure(error: &JournalError, name: &str) -> Failure {
    let name = escape(name);
    match error {
        JournalError::Locked => Failure::new(
            Exit::Locked,
            format!(
                "error: another run is using the journal {name}. Nothing was sent; run again when it has ended, or \
                 wait for it with --lock-timeout 10m."
            ),
        ),
        other => {
            Failure::error(format!("error: the journal {name} cannot be used: {other}. Nothing was sent."))
        }
    }
}

/// What a plan leaves to do, in one sentence without its end; `None` if it is clean.
pub(super) fn left(plan: &Plan) -> Option<String> {
    if plan.is_clean() {
        return None;
    }
    let Summary { renew, set_auto_renew, switch_off, blocked, held, at_risk, .. } = plan.summary();
    let parts = [
        (renew, "to renew"),
        (set_auto_renew + switch_off, "to set"),
        (blocked, "blocked"),
        (held, "held"),
        (at_risk, "at risk"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let unread = if plan.complete { "" } else { "something could not be read; " };
    Some(format!(
        "{unread}still {}",
        if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
    ))
}
