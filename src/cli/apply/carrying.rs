//! An approved plan, carried out and verified.

use std::rc::Rc;

use super::super::doors::{Failure, random_id};
use super::super::reports::Said;
use super::Apply;
use super::ending::journal_failure;
use crate::apply::{Deeds, execute};
use crate::cli::Exit;
use crate::journal::fold::fold;
use crate::journal::{self, Contents, Journal, Record};
use crate::live::ChargeType;
use crate::plan::Plan;
use crate::plan::guard::Approved;
use crate::plan::outcome::Outcome;
use crate::ports::{Environment, Level};
use crate::text::escape;
use crate::verify::verify;

impl Apply<'_> {
    pub(super) async fn carry_out(
        &self,
        approved: &Approved,
        satisfied: Outcome,
        seen: &Contents,
        run: &str,
    ) -> Result<Exit, Failure> {
        // What is read from now on decides about money: each call has its own patience, and the waits for
        // effects have theirs.
        self.session.cloud.read_until(None);
        let now = self.session.cloud.server_now();
        let opened = Journal::open(Rc::clone(&self.storage), self.session.world.clone(), run.to_owned(), now);
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
            doubted: (contents.lines.iter().any(|line| line.world == self.session.world))
                .then(|| fold(&contents.lines, &self.session.world).doubted()),
            who: first_set(environment, &["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER"]),
            ci_run: first_set(environment, &["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_ID"]),
        };
        for record in self.settled(approved.plan(), &contents) {
            // A memory for `history`: a disk that fails here fails at the intent, too.
            let _ = journal.write(self.session.cloud.server_now(), record);
        }
        let mut outcome = self.saying_so(execute(approved, &deeds)).await;
        outcome.absorb(satisfied);
        let after = self.doors.unless_interrupted(1, self.look_again(&outcome)).await;
        let after = after.unwrap_or_else(|_| Err("the run was interrupted".to_owned()));
        if let Ok(after) = &after {
            outcome.confirm(after);
        }
        let converged = after.as_ref().ok().map(Plan::is_clean);
        // The deed is done; a journal that cannot take the last line changes nothing about it.
        let _ = journal
            .write(self.session.cloud.server_now(), Record::End { converged: converged.unwrap_or(false) });
        Ok(self.report(approved.plan(), &outcome, after.as_ref(), converged))
    }

    /// What earlier runs left in doubt and a plan's reading shows.
    fn settled(&self, plan: &Plan, contents: &Contents) -> Vec<Record> {
        fold(&contents.lines, &self.session.world).settled_by(|region, id| {
            let item = plan.items.iter().find(|item| item.id == *id && item.region == *region)?;
            item.live
                .as_ref()
                .filter(|live| live.charge_type == ChargeType::Subscription)
                .map(|live| live.expires_at)
        })
    }

    /// Notes that in the journal, for `history`, where nothing else is to be written. Nothing hangs on it:
    /// the next run sees it as well.
    pub(super) fn note_settled(&self, plan: &Plan, contents: &Contents) {
        let (records, now) = (self.settled(plan, contents), self.session.cloud.server_now());
        if records.is_empty() {
            return;
        }
        let run = random_id(self.doors.entropy.as_ref());
        if let Ok((journal, _)) =
            Journal::open(Rc::clone(&self.storage), self.session.world.clone(), run, now)
        {
            for record in records {
                let _ = journal.write(now, record);
            }
        }
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
}

fn first_set(environment: &dyn Environment, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| environment.var(name))
}
