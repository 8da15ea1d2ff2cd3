//! `renewctl apply`: plan, check the bounds, ask, carry out, verify, report.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::args::{ApplyArgs, Cli};
use super::command_line::{apply_command, resume_command};
use super::doors::{Doors, Failure, random_id};
use super::files::{ReadFiles, check_reports, desired_state, select};
use super::plan::{damage, note_skew, note_torn, read_journal};
use super::reports::{Format, ReportFile, Said, Stage};
use super::screen::Screen;
use super::session::{Session, with_session};
use super::show;
use super::{Exit, note, result};
use crate::apply::{Deeds, execute};
use crate::calendar::show_beijing;
use crate::config::WhenExceeded;
use crate::desired::DesiredState;
use crate::ids::{InstanceId, RegionId};
use crate::journal::fold::{Pending, fold};
use crate::journal::history::{Deed, End, history};
use crate::journal::{self, Contents, Journal, JournalError, Record};
use crate::live::ChargeType;
use crate::money::{Money, show_amount};
use crate::plan::file::SavedPlan;
use crate::plan::guard::{Approved, Consent, Question, Refusal, approve, exceeded, missing_caps, questions};
use crate::plan::outcome::Outcome;
use crate::plan::resume::{Resumed, resume};
use crate::plan::{Plan, Summary};
use crate::planning::{self, Moment};
use crate::ports::{Environment, JournalStorage, Level, Signal};
use crate::render::markdown::Context;
use crate::render::report::Report;
use crate::render::{self, Style};
use crate::system::JournalFile;
use crate::term::Site;
use crate::text::{count, escape};
use crate::verify::verify;

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
    if args.work.max_charge.is_some() {
        desired.run_cap.clone_from(&args.work.max_charge);
    }
    check_reports(&args.work, args.plan.as_deref(), cli.common.emulator.as_deref(), doors)?;
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

/// How often another run's lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// A saved plan that is taken up.
pub struct Saved {
    /// The plan, decided again from what was saved.
    pub plan: Plan,
    /// The world that it was made in.
    pub world: String,
    /// The file that it lies in.
    pub path: PathBuf,
}

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
                let carried =
                    self.doors.unless_interrupted(2, self.carry_out(&approved, satisfied, &seen)).await;
                carried.unwrap_or_else(|signal| Ok(self.given_up(signal)))
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
        let desired = self.untrimmed();
        let (plan, _) =
            planning::plan(&desired, &self.session.cloud, &memory, terminal, Moment::Reading).await?;
        let Resumed { plan, satisfied, newly_due } = match self.saved {
            None => Resumed { plan, satisfied: Outcome::default(), newly_due: Vec::new() },
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
            result(self.doors, &render::text::plan(&plan, self.style))?;
        }
        let damaged = damage(&contents, &self.journal_name);
        if let Some(text) = &damaged {
            note(self.doors, self.quiet, &format!("warning: {text}"));
        }
        self.note_newly_due(&newly_due);
        if !plan.has_changes() {
            let exit = if plan.is_clean() { Exit::Ok } else { Exit::NotConverged };
            let waits = if plan.is_clean() { "" } else { ", or waits" };
            let done = format!("Every change of the plan is satisfied already{waits}. Nothing was sent.");
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
        let run_cap = plan.run_cap.clone();
        let approved = consent.and_then(|consent| approve(plan.clone(), run_cap.as_ref(), &consent));
        match approved {
            Ok(approved) => Ok(Decided::Go { approved: Box::new(approved), satisfied, seen: contents }),
            Err(refusal) => self.refuse(&plan, &refusal).map(Decided::Ended),
        }
    }

    /// The files as a saved plan is compared with them: what has become due since must not take the room
    /// under a cap from what was planned. The caps themselves hold all the same.
    fn untrimmed(&self) -> DesiredState {
        let mut desired = self.desired.clone();
        if self.saved.is_some() {
            for file in &mut desired.files {
                file.limits.when_exceeded = WhenExceeded::Refuse;
            }
        }
        desired
    }

    /// What is left of a saved plan, or why it is stale.
    fn take_up(&self, saved: &Saved, fresh: Plan) -> Result<Resumed, String> {
        if saved.world != self.session.world {
            let (made, here) = (escape(&saved.world), escape(&self.session.world));
            return Err(format!("The plan was made for {made}, and this is {here}. Nothing was sent."));
        }
        let now = fresh.read_at;
        resume(&saved.plan, fresh).map_err(|stale| {
            let over = saved.plan.valid_until.filter(|until| now >= *until);
            let over =
                over.map_or_else(String::new, |until| format!(" (it held until {})", show_beijing(until)));
            let changed: Vec<String> = stale.iter().map(|why| format!("stale: {}", escape(why))).collect();
            format!("The plan is stale{over}. Nothing was sent; make a new one.\n{}", changed.join("\n"))
        })
    }

    /// Why a plan is not the reviewed one, if an id was given and it has another.
    fn other_than_reviewed(&self, plan: Option<&Plan>) -> Option<Failure> {
        let (plan, reviewed) = (plan?, self.checksum.as_deref()?);
        (plan.id.to_string() != reviewed).then(|| {
            let (id, reviewed) = (&plan.id, escape(reviewed));
            let text = format!(
                "error: this is not the reviewed plan.\n  reviewed  {reviewed}\n  this one  {id}\nNothing was sent; have the new plan \
                 reviewed, and give its id to --checksum."
            );
            Failure::new(Exit::Stale, text)
        })
    }

    fn note_newly_due(&self, newly_due: &[(RegionId, InstanceId)]) {
        if newly_due.is_empty() {
            return;
        }
        let ids: Vec<String> = newly_due.iter().map(|(_, id)| id.to_string()).collect();
        let text = format!(
            "warning: {} due since the plan was saved, and not in it: {}. Make a new plan for what is missing",
            if ids.len() == 1 {
                "1 instance has become".to_owned()
            } else {
                format!("{} instances have become", ids.len())
            },
            ids.join(", ")
        );
        note(self.doors, self.quiet, &text);
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

    /// The consent of the switch, or of the person at the terminal. Bounds are checked first, so that
    /// nobody types a total in vain.
    async fn consent(&self, plan: &Plan) -> Result<Consent, Refusal> {
        let mut refusals = exceeded(plan, plan.run_cap.as_ref());
        let reviewed = self.checksum.is_some();
        if self.auto_approve && !reviewed {
            refusals.extend(missing_caps(plan, plan.run_cap.as_ref()));
        }
        refusals.extend(self.over_balance(plan).await);
        if !refusals.is_empty() {
            return Err(Refusal::Limit(refusals));
        }
        if self.auto_approve {
            return Ok(if reviewed { Consent::Reviewed } else { Consent::AutoApprove });
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
            let line = terminal.ask(&prompt(&question, plan)).await.ok().flatten().unwrap_or_default();
            let answered = question.is_answered_by(&line);
            lines.push(line);
            if !answered {
                break;
            }
        }
        Ok(Consent::Typed(lines))
    }

    /// What the account cannot pay. On the China site orders are paid from the balance; on the other
    /// one by card, when the order is made, so that a balance only warns. Reading it needs a right of its
    /// own, and is not worth losing a renewal for.
    async fn over_balance(&self, plan: &Plan) -> Option<String> {
        let charging = |item: &&crate::plan::Item<_>| item.renewal().is_some();
        let file = plan.items.iter().find(charging).and_then(|item| plan.files.get(item.file))?;
        let warn = |text: String| {
            note(self.doors, self.quiet, &format!("warning: {text}"));
            None
        };
        let available = match self.session.cloud.balance(file.site).await {
            Ok(balance) => balance.available,
            Err(error) => return warn(format!("the balance could not be read: {}", error.advice())),
        };
        let needed = Money { amount: plan.charge.of(&available.currency), ..available.clone() };
        if let Some(other) = plan.charge.amounts().find(|money| money.currency != available.currency) {
            return warn(format!("the balance is in {}, and {other} will be charged", available.currency));
        }
        if needed.amount <= available.amount {
            return None;
        }
        let short = format!("{needed} is more than the balance, {available}");
        let soonest = |item| {
            let file: Option<&crate::desired::DesiredFile> = plan.files.get(item);
            file.is_some_and(|file| file.limits.when_exceeded == WhenExceeded::SoonestFirst)
        };
        let goes_on = plan.items.iter().filter(charging).all(|item| soonest(item.file));
        if file.site == Site::International {
            return warn(format!("{short}: an order that the card does not cover will be refused"));
        }
        if goes_on {
            return warn(format!("{short}: what expires soonest goes first, until the cloud refuses"));
        }
        Some(format!(
            "{short}: top up the account, plan fewer renewals, or write when_exceeded: soonest-first under limits"
        ))
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

    async fn carry_out(
        &self,
        approved: &Approved,
        satisfied: Outcome,
        seen: &Contents,
    ) -> Result<Exit, Failure> {
        let now = self.session.cloud.server_now();
        let run = random_id(self.doors.entropy.as_ref());
        let opened = Journal::open(Rc::clone(&self.storage), self.session.world.clone(), run, now);
        let (journal, contents) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let failure = journal_failure(&error, &self.journal_name);
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
            journal_name: &self.journal_name,
            terminal: self.doors.terminal.as_ref(),
            interrupts: self.doors.interrupts.as_ref(),
            verify_timeout: self.verify_timeout,
            doubted: fold(&contents.lines, &self.session.world).doubted(),
            who: first_set(environment, &["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER"]),
            ci_run: first_set(environment, &["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_ID"]),
        };
        let seen = |region: &RegionId, id: &InstanceId| {
            let item = approved.plan().items.iter().find(|item| item.id == *id && item.region == *region)?;
            item.live
                .as_ref()
                .filter(|live| live.charge_type == ChargeType::Subscription)
                .map(|live| live.expires_at)
        };
        for record in fold(&contents.lines, &self.session.world).settled_by(seen) {
            // A memory for `history`: a disk that fails here fails at the intent, too.
            let _ = journal.write(self.session.cloud.server_now(), record);
        }
        let mut outcome = self.saying_so(execute(approved, &deeds)).await;
        outcome.absorb(satisfied);
        let after = self.doors.unless_interrupted(1, self.look_again(&outcome)).await;
        let after = after.unwrap_or_else(|_| Err("the run was interrupted".to_owned()));
        let converged = after.as_ref().ok().map(Plan::is_clean);
        // The deed is done; a journal that cannot take the last line changes nothing about it.
        let _ = journal
            .write(self.session.cloud.server_now(), Record::End { converged: converged.unwrap_or(false) });
        Ok(self.report(approved.plan(), &outcome, after.as_ref(), converged))
    }

    /// Says what a signal does while the plan is carried out.
    async fn saying_so<T>(&self, work: impl Future<Output = T>) -> T {
        let said = async {
            self.doors.interrupts.arrived(1).await;
            let text = "Interrupted: what is under way may end, nothing new is started. A second signal stops at once.";
            self.doors.terminal.note(Level::Warning, text);
            std::future::pending().await
        };
        tokio::select! {
            biased;
            done = work => done,
            never = said => never,
        }
    }

    /// The end after a second signal: the calls under way are cut off, and the journal tells which.
    fn given_up(&self, signal: Signal) -> Exit {
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
        let doubtful = fold(&lines, &self.session.world).in_doubt(self.session.cloud.server_now());
        let run = lines.last().map(|line| line.run.clone()).unwrap_or_default();
        let end = "Stopped at once. How the account stands was not read again: run renewctl plan.";
        self.doors.terminal.note(Level::Error, end);
        for entry in history(&lines).iter().filter(|entry| entry.run == run) {
            if let Deed::Charge { intent, end: End::Settled(expires_at), .. } = &entry.deed {
                let (id, region, expires) = (&intent.id, &intent.region, show_beijing(*expires_at));
                let text = format!("done: {id}  {region}  renewed by {}, expires {expires}", intent.term);
                self.doors.terminal.note(Level::Error, &text);
            }
        }
        for Pending { intent, hold, .. } in &doubtful {
            let until = show_beijing(hold.until);
            let text = format!(
                "IN DOUBT: {}  {}  {}; look again after {until}: renewctl recover",
                intent.id, intent.region, hold.text
            );
            self.doors.terminal.note(Level::Error, &text);
        }
        if doubtful.is_empty() { Exit::of_signal(signal) } else { Exit::InDoubt }
    }

    async fn look_again(&self, outcome: &Outcome) -> Result<Plan, String> {
        let bytes = self.storage.read().map_err(|error| {
            format!("the journal {} cannot be read again: {error}", escape(&self.journal_name))
        })?;
        let memory = fold(&journal::parse(&bytes).lines, &self.session.world);
        let terminal = self.doors.terminal.as_ref();
        verify(self.desired, &self.session.cloud, &memory, outcome, terminal, self.verify_timeout)
            .await
            .map_err(|error| error.to_string())
    }

    /// Whether a signal asked the run to end.
    fn signal(&self) -> Option<Signal> {
        self.doors.interrupts.arrived(1).now_or_never()
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

fn journal_failure(error: &JournalError, name: &str) -> Failure {
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
