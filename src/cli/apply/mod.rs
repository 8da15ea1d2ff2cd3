//! `renewctl apply`: plan, check the bounds, ask, carry out, verify, report.
//!
//! `saved` takes up a saved plan, `consent` asks, `carrying` carries out and reads again, `ending` says how
//! it ended.

mod carrying;
mod consent;
mod ending;
mod saved;

use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

pub use saved::Saved;

use super::args::{ApplyArgs, Cli};
use super::command_line::{apply_command, resume_command};
use super::doors::{Doors, Failure, random_id};
use super::files::{ReadFiles, check_writes, desired_state, select};
use super::plan::{damage, note_skew, note_torn, read_journal};
use super::reports::{Format, ReportFile};
use super::screen::Screen;
use super::session::{Session, with_session};
use super::show;
use super::{Exit, note, result};
use crate::desired::DesiredState;
use crate::journal::fold::fold;
use crate::journal::{Contents, JournalError};
use crate::money::Money;
use crate::plan::file::SavedPlan;
use crate::plan::guard::{Approved, Consent, approve};
use crate::plan::outcome::Outcome;
use crate::plan::resume::Resumed;
use crate::planning::{self, Moment};
use crate::ports::{JournalStorage, Signal};
use crate::render::{self, Style};
use crate::system::JournalFile;
use ending::{journal_failure, left};

pub(super) async fn run(cli: &Cli, args: &ApplyArgs, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    let (mut desired, saved) = if let Some(path) = &args.plan {
        let SavedPlan { plan, desired, world } = show::read(path, doors)?;
        (desired, Some(Saved { plan, world, path: path.clone() }))
    } else {
        let ReadFiles { mut desired, warnings, .. } = desired_state(&args.work.files, doors, screen)?;
        select(&mut desired, &args.work.selection.selection())?;
        note(doors, cli.common.quiet, &warnings);
        (desired, None)
    };
    desired.run_cap = stricter(desired.run_cap, args.work.max_charge.clone());
    check_writes(&args.work, args.plan.as_deref(), None, cli.common.emulator.as_deref(), doors)?;
    with_session(&cli.common, doors, async |session: Session| {
        let apply = Apply {
            format: args.work.format,
            reports: args.work.report.clone(),
            command: match &saved {
                Some(saved) => resume_command(&cli.common, &saved.path, &saved.plan.id, &args.work.journal),
                None => apply_command(&cli.common, &args.work),
            },
            style: screen.style(args.work.view),
            quiet: cli.common.quiet,
            auto_approve: args.auto_approve,
            checksum: args.checksum.clone(),
            saved: saved.as_ref(),
            verify_timeout: Duration::from_secs(args.verify_timeout),
            lock_timeout: Duration::from_secs(args.lock_timeout),
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

/// Of the cap that a plan was saved with and the one that is given the lower one: nobody has agreed to more.
/// One of another currency allows nothing, and is kept for that.
fn stricter(saved: Option<Money>, given: Option<Money>) -> Option<Money> {
    match (saved, given) {
        (Some(saved), Some(given)) if saved.currency == given.currency && saved.amount < given.amount => {
            Some(saved)
        }
        (saved, given) => given.or(saved),
    }
}

/// How often another run's lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// Where an apply stands after its questions.
enum Decided {
    /// It has ended: nothing to do, refused, or not confirmed.
    Ended(Exit),
    /// The plan is approved; beside it what was found satisfied.
    Go { approved: Box<Approved>, satisfied: Outcome, seen: Contents },
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
    /// The id of the reviewed plan, if somebody gave it.
    pub checksum: Option<String>,
    /// The saved plan to carry out; otherwise a new one is made.
    pub saved: Option<&'a Saved>,
    /// How long an effect is waited for.
    pub verify_timeout: Duration,
    /// How long another run's lock on the journal is waited for.
    pub lock_timeout: Duration,
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
        let decided = self.doors.unless_interrupted(1, self.decide()).await;
        match decided.unwrap_or_else(|signal| Err(Failure::interrupted(signal)))? {
            Decided::Ended(exit) => Ok(exit),
            Decided::Go { approved, satisfied, seen } => {
                if let Some(signal) = self.signal() {
                    return Err(Failure::interrupted(signal));
                }
                // What it is called in the journal.
                let run = random_id(self.doors.entropy.as_ref());
                let work = self.carry_out(&approved, satisfied, &seen, &run);
                let carried = self.doors.unless_interrupted(2, work).await;
                carried.unwrap_or_else(|signal| Ok(self.given_up(signal, &run)))
            }
        }
    }

    /// Plans, shows, checks the bounds and asks. Sends nothing that changes anything.
    async fn decide(&self) -> Result<Decided, Failure> {
        self.lock().await?;
        let contents = read_journal(self.storage.as_ref(), &self.journal_name)?;
        let memory = fold(&contents.lines, &self.session.world);
        let terminal = self.doors.terminal.as_ref();
        if let Some(failure) = self.other_than_reviewed(self.saved.map(|saved| &saved.plan)) {
            return Err(failure);
        }
        let desired = self.as_reviewed();
        let (plan, _) =
            planning::plan(&desired, &self.session.cloud, &memory, terminal, Moment::Reading).await?;
        let Resumed { plan, satisfied, left_out } = match self.saved {
            None => Resumed { plan, satisfied: Outcome::default(), left_out: Vec::new() },
            Some(saved) => match self.take_up(saved, plan) {
                Ok(resumed) => resumed,
                Err(stale) => {
                    return self
                        .end_without_apply(&saved.plan, Exit::Stale, Some(&stale))
                        .map(Decided::Ended);
                }
            },
        };
        note_skew(self.quiet, self.doors, self.session);
        note_torn(self.quiet, self.doors, &contents, &self.journal_name);
        if self.format == Format::Text {
            result(self.doors, &render::text::plan(&plan, self.style)).map_err(Failure::with_nothing_sent)?;
        }
        let damaged = damage(&contents, &self.journal_name);
        if let Some(text) = &damaged {
            note(self.doors, self.quiet, &format!("warning: {text}"));
        }
        self.note_left_out(&left_out);
        if !plan.has_changes() {
            self.note_settled(&plan, &contents);
            let exit = if plan.is_clean() { Exit::Ok } else { Exit::NotConverged };
            let or = match (plan.is_clean(), left_out.is_empty()) {
                (true, _) => "",
                (false, true) => ", or waits",
                (false, false) => ", waits or is left out",
            };
            let done = format!("Every change of the plan is satisfied already{or}. Nothing was sent.");
            let left = left(&plan).map(|left| format!("Not converged: {left}."));
            let said: Vec<String> = self.saved.map(|_| done).into_iter().chain(left).collect();
            let message = Some(said.join("\n")).filter(|text| !text.is_empty());
            return self.end_without_apply(&plan, exit, message.as_deref()).map(Decided::Ended);
        }
        if damaged.is_some() {
            let message = "error: nothing is sent on a damaged journal.";
            return self.end_without_apply(&plan, Exit::Error, Some(message)).map(Decided::Ended);
        }
        if self.saved.is_none()
            && let Some(failure) = self.other_than_reviewed(Some(&plan))
        {
            return self.end_without_apply(&plan, failure.exit, Some(&failure.message)).map(Decided::Ended);
        }
        let consent = self.consent(&plan).await;
        if let Ok(Consent::Typed(_)) = &consent
            && let Some(why) = self.outlived(&plan)
        {
            return self.end_without_apply(&plan, Exit::Stale, Some(&why)).map(Decided::Ended);
        }
        match consent.and_then(|consent| approve(plan.clone(), &consent)) {
            Ok(approved) => Ok(Decided::Go { approved: Box::new(approved), satisfied, seen: contents }),
            Err(refusal) => self.refuse(&plan, &refusal).map(Decided::Ended),
        }
    }

    /// Takes the journal's lock, so that what is planned on it is still so when it is carried out. A
    /// journal that cannot be opened at all matters only when something is to be written.
    async fn lock(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + self.lock_timeout;
        while let Ok(false) = self.storage.lock() {
            if Instant::now() >= deadline {
                return Err(journal_failure(&JournalError::Locked, &self.journal_name));
            }
            tokio::time::sleep(LOCK_POLL.min(self.lock_timeout)).await;
        }
        Ok(())
    }

    /// Whether a signal asked the run to end.
    fn signal(&self) -> Option<Signal> {
        self.doors.interrupts.arrived(1).now_or_never()
    }
}
