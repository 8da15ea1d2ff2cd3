//! `renewctl apply`: plan, check the bounds, ask, carry out, verify, report.

use std::rc::Rc;
use std::time::Duration;

use super::args::{ApplyArgs, Cli};
use super::command_line::apply_command;
use super::doors::{Doors, Failure, random_id};
use super::files::{check_reports, desired_state, select};
use super::plan::{damage, note_skew, note_torn, read_journal};
use super::reports::{Format, ReportFile, Said, Stage};
use super::screen::Screen;
use super::session::{Session, with_session};
use super::{Exit, note, result};
use crate::apply::{Deeds, execute};
use crate::desired::DesiredState;
use crate::journal::fold::fold;
use crate::journal::{self, Contents, Journal, JournalError, Record};
use crate::money::{Money, show_amount};
use crate::plan::guard::{Approved, Consent, Question, Refusal, approve, exceeded, missing_caps, questions};
use crate::plan::outcome::Outcome;
use crate::plan::{Plan, Summary};
use crate::planning::{self, Moment};
use crate::ports::{Environment, JournalStorage, Level};
use crate::render::markdown::Context;
use crate::render::report::Report;
use crate::render::{self, Style};
use crate::system::JournalFile;
use crate::text::count;
use crate::verify::verify;

pub(super) async fn run(cli: &Cli, args: &ApplyArgs, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    let (mut desired, warnings) = desired_state(&args.work.files, doors, screen)?;
    select(&mut desired, &args.work.selection)?;
    check_reports(&args.work, cli.common.emulator.as_deref(), doors)?;
    note(doors, cli.common.quiet, &warnings);
    with_session(&cli.common, doors, async |session: Session| {
        let apply = Apply {
            format: args.work.format,
            reports: args.work.report.clone(),
            command: apply_command(&cli.common, &args.work, args.max_charge.as_ref()),
            style: screen.style(&args.work),
            quiet: cli.common.quiet,
            auto_approve: args.auto_approve,
            max_charge: args.max_charge.clone(),
            verify_timeout: Duration::from_secs(args.verify_timeout),
            doors,
            desired: &desired,
            session: &session,
            journal_name: args.work.journal.to_string_lossy().into_owned(),
            storage: Rc::new(JournalFile::new(args.work.journal.clone())),
        };
        apply.run().await
    })
    .await
}

/// One apply, whatever stands behind its doors.
pub struct Apply<'a> {
    /// What goes to stdout. Text comes as it happens, everything else as one document at the end.
    pub format: Format,
    /// Further renderings, written at the end.
    pub reports: Vec<ReportFile>,
    /// The command line that applies these files, for the reports.
    pub command: String,
    /// How text looks.
    pub style: Style,
    /// No warnings.
    pub quiet: bool,
    /// No question.
    pub auto_approve: bool,
    /// `--max-charge`.
    pub max_charge: Option<Money>,
    /// How long an effect is waited for.
    pub verify_timeout: Duration,
    /// The doors.
    pub doors: &'a Doors,
    /// What the files ask for.
    pub desired: &'a DesiredState,
    /// The cloud.
    pub session: &'a Session,
    /// What the journal is called in messages.
    pub journal_name: String,
    /// The journal.
    pub storage: Rc<dyn JournalStorage>,
}

impl Apply<'_> {
    /// Plans, checks the bounds, asks, carries out, verifies and reports.
    ///
    /// # Errors
    /// [`Failure`] with its exit code, when the run ends before anything was sent.
    pub async fn run(&self) -> Result<Exit, Failure> {
        let contents = read_journal(self.storage.as_ref(), &self.journal_name)?;
        let memory = fold(&contents.lines, &self.session.world);
        let terminal = self.doors.terminal.as_ref();
        let plan =
            planning::plan(self.desired, &self.session.cloud, &memory, terminal, Moment::Reading).await?;
        note_skew(self.quiet, self.doors, self.session);
        note_torn(self.quiet, self.doors, &contents, &self.journal_name);
        if self.format == Format::Text {
            result(self.doors, &render::text::plan(&plan, self.style))?;
        }
        let damaged = damage(&contents, &self.journal_name);
        if let Some(text) = &damaged {
            note(self.doors, self.quiet, &format!("warning: {text}"));
        }
        if !plan.has_changes() {
            let exit = if plan.is_clean() { Exit::Ok } else { Exit::NotConverged };
            let left = left(&plan).map(|left| format!("Not converged: {left}."));
            return self.end_without_apply(&plan, exit, left.as_deref());
        }
        if damaged.is_some() {
            let message = "error: nothing is sent on a damaged journal.";
            return self.end_without_apply(&plan, Exit::Error, Some(message));
        }
        let approved = match self.consent(&plan) {
            Ok(consent) => match approve(plan.clone(), self.max_charge.as_ref(), &consent) {
                Ok(approved) => approved,
                Err(refusal) => return self.refuse(&plan, &refusal),
            },
            Err(refusal) => return self.refuse(&plan, &refusal),
        };
        self.carry_out(&approved, &contents).await
    }

    /// The consent of the switch, or of the person at the terminal. Bounds are checked first, so that
    /// nobody types a total in vain.
    fn consent(&self, plan: &Plan) -> Result<Consent, Refusal> {
        let mut refusals = exceeded(plan, self.max_charge.as_ref());
        if self.auto_approve {
            refusals.extend(missing_caps(plan, self.max_charge.as_ref()));
        }
        if !refusals.is_empty() {
            return Err(Refusal::Limit(refusals));
        }
        if self.auto_approve {
            return Ok(Consent::AutoApprove);
        }
        let terminal = self.doors.terminal.as_ref();
        if !terminal.is_interactive() {
            terminal.note(
                Level::Error,
                "Nobody is there to ask: stdin or stderr is no terminal. To apply without a question, give \
                 --auto-approve, and for what costs money a cap (--max-charge, or limits.max_charge in the file).",
            );
            return Err(Refusal::NotConfirmed);
        }
        let mut lines = Vec::new();
        for question in questions(plan) {
            let line = terminal.ask(&prompt(&question, plan)).ok().flatten().unwrap_or_default();
            let answered = question.is_answered_by(&line);
            lines.push(line);
            if !answered {
                break;
            }
        }
        Ok(Consent::Typed(lines))
    }

    fn context(&self) -> Context<'_> {
        Context { apply_command: &self.command, is_emulator: self.session.is_emulator }
    }

    fn refuse(&self, plan: &Plan, refusal: &Refusal) -> Result<Exit, Failure> {
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

    fn end_without_apply(&self, plan: &Plan, exit: Exit, message: Option<&str>) -> Result<Exit, Failure> {
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

    async fn carry_out(&self, approved: &Approved, seen: &Contents) -> Result<Exit, Failure> {
        let now = self.session.cloud.server_now();
        let run = random_id(self.doors.entropy.as_ref());
        let opened = Journal::open(Rc::clone(&self.storage), self.session.world.clone(), run, now);
        let (journal, contents) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let failure = journal_failure(&error);
                return self.end_without_apply(approved.plan(), failure.exit, Some(&failure.message));
            }
        };
        if contents.lines != seen.lines {
            let message = "Another run has worked while this plan was made: the plan is stale. Nothing was sent; run again.";
            return self.end_without_apply(approved.plan(), Exit::Stale, Some(message));
        }
        // A report that cannot be written is found out now, not when the money is spent.
        let begun = Said::begun(approved.plan(), &self.session.world, self.context());
        if let Err(failure) = begun.write_files(&self.reports, self.doors, self.style) {
            let message = format!("{}\nNothing was sent.", failure.message);
            return self.end_without_apply(approved.plan(), Exit::Error, Some(&message));
        }
        let environment = self.doors.environment.as_ref();
        let deeds = Deeds {
            cloud: &self.session.cloud,
            journal: &journal,
            terminal: self.doors.terminal.as_ref(),
            verify_timeout: self.verify_timeout,
            who: first_set(environment, &["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER"]),
            ci_run: first_set(environment, &["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_ID"]),
        };
        let outcome = execute(approved, &deeds).await;
        let after = self.look_again(&outcome).await;
        let converged = after.as_ref().ok().map(Plan::is_clean);
        // The deed is done; a journal that cannot take the last line changes nothing about it.
        let _ = journal
            .write(self.session.cloud.server_now(), Record::End { converged: converged.unwrap_or(false) });
        Ok(self.report(approved.plan(), &outcome, after.as_ref(), converged))
    }

    async fn look_again(&self, outcome: &Outcome) -> Result<Plan, String> {
        let bytes =
            self.storage.read().map_err(|error| format!("the journal cannot be read again: {error}"))?;
        let memory = fold(&journal::parse(&bytes).lines, &self.session.world);
        let terminal = self.doors.terminal.as_ref();
        verify(self.desired, &self.session.cloud, &memory, outcome, terminal, self.verify_timeout)
            .await
            .map_err(|error| error.to_string())
    }

    fn report(
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
        let exit = exit(outcome, converged);
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

/// 7 before everything, then 3; 1 only if nothing had an effect.
fn exit(outcome: &Outcome, converged: Option<bool>) -> Exit {
    let tally = outcome.tally();
    if tally.in_doubt > 0 {
        Exit::InDoubt
    } else if outcome.stopped.is_some() && tally.failed == 0 && !outcome.had_effect() {
        Exit::Error
    } else if converged == Some(true) && outcome.is_smooth() {
        Exit::Ok
    } else {
        Exit::NotConverged
    }
}

fn journal_failure(error: &JournalError) -> Failure {
    match error {
        JournalError::Locked => Failure::new(
            Exit::Locked,
            "error: another run is using the journal. Nothing was sent; run again when it has ended.",
        ),
        other => Failure::error(format!("error: {other}. Nothing was sent.")),
    }
}

fn first_set(environment: &dyn Environment, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| environment.var(name))
}

fn prompt(question: &Question, plan: &Plan) -> String {
    match question {
        Question::Total(money) => {
            let now = plan.charge.of(&money.currency);
            let soon = plan.committed.of(&money.currency);
            let (now_shown, soon_shown) = (show_amount(now), show_amount(soon));
            let what = match (now.is_zero(), soon.is_zero()) {
                (_, true) => format!("This charges {money}"),
                (true, _) => format!("Auto-renewal will deduct {money} within 10 days"),
                _ => format!(
                    "This charges {} {now_shown}, and auto-renewal will deduct {soon_shown} within 10 days: {money}",
                    money.currency
                ),
            };
            format!("{what}. To go on, type the amount ({}): ", show_amount(money.amount))
        }
        Question::Unpriced(number) => {
            format!(
                "{} without a known price. To go on, type their number ({number}): ",
                count(*number, "payment")
            )
        }
        Question::Settings => "Nothing is charged. To change the settings, type yes: ".to_owned(),
    }
}

/// What a plan leaves to do, in one sentence without its end; `None` if it is clean.
fn left(plan: &Plan) -> Option<String> {
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
