//! Carrying out an approved plan: settings that wait for nothing, then the charges, then the settings
//! that wait for a charge.
//!
//! What is done, and in which order, was decided by `plan::step`; nothing here decides anew. Each
//! charge is read again before, announced in the journal, sent under its derived token, and settled
//! by reading. A call whose outcome is not known is never repeated under another token.
//!
//! Of several charges the first goes alone and is settled before the others: what is wrong with all of
//! them, whatever it is, costs one charge then.

mod charge;
mod interrupt;
mod set;
mod settle;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cloud::Cloud;
use crate::ids::{InstanceId, RegionId};
use crate::journal::{Journal, Record};
use crate::plan::guard::Approved;
use crate::plan::step::{ChargeStep, Condition, SetStep, Unfunded};
use crate::ports::{Interrupts, Terminal};
use crate::text::escape;

use crate::plan::outcome::{ChargeResult, Outcome, SettingResult};
use interrupt::INTERRUPTED;

/// Charges that may be on their way and not yet settled at one time.
const UNSETTLED_MAX: usize = 20;

/// What carrying out needs.
pub struct Deeds<'a> {
    /// The client.
    pub cloud: &'a Cloud,
    /// The journal, opened and locked for this run.
    pub journal: &'a Journal,
    /// What the journal is called in messages.
    pub journal_name: &'a str,
    /// Where progress is told.
    pub terminal: &'a dyn Terminal,
    /// Signals that ask the run to end.
    pub interrupts: &'a dyn Interrupts,
    /// How long an effect is waited for.
    pub verify_timeout: Duration,
    /// Instances whose need an earlier charge may have met, as far as the journal knows; `None` if it knows
    /// nothing at all.
    pub doubted: Option<BTreeSet<(RegionId, InstanceId)>>,
    /// Who runs this, for the journal.
    pub who: Option<String>,
    /// Which CI run this is, for the journal.
    pub ci_run: Option<String>,
}

/// How far a failure reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stop {
    /// No further charge in this run (balance, payment, risk control).
    Charges(String),
    /// No further call at all (credentials, journal).
    Everything(String),
}

/// What has happened so far, and whether to go on.
#[derive(Default)]
struct Progress {
    outcome: Outcome,
    stop: Option<Stop>,
    /// Whether a call that has an effect was sent.
    sent: bool,
    /// Charges that were not tried because an earlier one stopped them all.
    halted: BTreeSet<Key>,
    /// How long only somebody else's orders have been waited for.
    foreign_waited: Duration,
    /// Readings before a charge that failed whole, in a row.
    read_failures: usize,
}

impl Progress {
    fn stop(&mut self, stop: Stop) {
        if !matches!(self.stop, Some(Stop::Everything(_))) {
            self.stop = Some(stop);
        }
    }

    /// Stops everything, because what is sent has to stand in the journal.
    fn stop_without_journal(&mut self, deeds: &Deeds<'_>, error: &std::io::Error) {
        let (name, more) = (escape(deeds.journal_name), if self.sent { " more" } else { "" });
        let why =
            format!("the journal {name} cannot be written ({error}), and without it nothing{more} is sent");
        self.stop(Stop::Everything(why));
    }

    /// Stops everything if a signal has come.
    fn heed(&mut self, deeds: &Deeds<'_>) {
        if deeds.is_interrupted() {
            self.stop(Stop::Everything(INTERRUPTED.to_owned()));
        }
    }

    /// Whether the charge of an instance was certainly not made, by a refusal of its own or of an earlier one.
    fn was_refused(&self, region: &RegionId, id: &InstanceId) -> bool {
        let failed = matches!(self.outcome.charge_of(region, id), Some(ChargeResult::Failed { .. }));
        failed || self.halted.contains(&(region.clone(), id.clone()))
    }

    /// Why no further charge is sent, if so.
    fn charges_stopped(&self) -> Option<&str> {
        match &self.stop {
            Some(Stop::Charges(why) | Stop::Everything(why)) => Some(why),
            None => None,
        }
    }

    /// Why no further call is sent, if so.
    fn all_stopped(&self) -> Option<&str> {
        if let Some(Stop::Everything(why)) = &self.stop { Some(why) } else { None }
    }
}

/// Carries out `approved` and tells what came of every action.
pub async fn execute(approved: &Approved, deeds: &Deeds<'_>) -> Outcome {
    let steps = approved.steps(deeds.doubted.as_ref());
    let mut progress = Progress::default();
    announce(approved, deeds, &mut progress);
    for step in &steps.first {
        set::carry_out(step, deeds, &mut progress).await;
    }
    let total = steps.charges.len();
    let mut rest = steps.charges.as_slice();
    let mut canary = Canary::of(total);
    while !rest.is_empty() {
        // What stays in doubt is unsettled, too.
        let room = UNSETTLED_MAX.saturating_sub(progress.outcome.ours_in_doubt());
        if room == 0 {
            progress.stop(Stop::Charges(format!("{UNSETTLED_MAX} charges are in doubt")));
        }
        // What is not sent any more is noted as such in one go.
        let stopped = progress.charges_stopped().is_some();
        let size = if stopped { rest.len() } else { canary.wave(room).min(rest.len()) };
        let (wave, later) = rest.split_at(size);
        let sent = charge::send_all(wave, deeds, &mut progress).await;
        settle::settle(sent, deeds, &mut progress, total).await;
        if let Some(why) = canary.look(wave, &progress.outcome) {
            progress.stop(Stop::Charges(why));
        }
        rest = later;
    }
    for step in &steps.last {
        let (ready, waiting) = split_by_condition(step, &progress);
        for id in waiting {
            let why = match (progress.outcome.charge_of(&step.region, &id), step.condition) {
                (Some(result), _) if result.is_in_doubt() => "its renewal is in doubt",
                (_, Condition::Budgeted(why)) if progress.was_refused(&step.region, &id) => match why {
                    Unfunded::NoRoom => {
                        "its renewal was not made, and what auto-renewal would deduct at once is more than the caps \
                         allow. To do: raise the cap, or set it by hand, before it expires"
                    }
                    Unfunded::NotAgreed => {
                        "its renewal was not made, and nobody agreed to more than its price, which auto-renewal would \
                         deduct at once. To do: set it by hand, before it expires"
                    }
                    Unfunded::NoPrice => {
                        "its renewal was not made, and what auto-renewal would deduct at once has no known price. To \
                         do: set it by hand, before it expires"
                    }
                },
                _ => "it waits for its renewal, which was not made",
            };
            let stopped = progress.all_stopped().map(|why| format!("the run was stopped: {why}"));
            let why = stopped.unwrap_or_else(|| why.to_owned());
            progress.outcome.set(&step.region, &id, step.setting, SettingResult::NotTried { why });
        }
        if !ready.is_empty() {
            let mut step = SetStep { ids: ready, ..step.clone() };
            let region = &step.region;
            step.rescue_prices.retain(|id, _| progress.was_refused(region, id));
            step.prices.append(&mut step.rescue_prices);
            set::carry_out(&step, deeds, &mut progress).await;
        }
    }
    progress.outcome.stopped = match progress.stop {
        Some(Stop::Charges(why) | Stop::Everything(why)) => Some(why),
        None => None,
    };
    progress.outcome
}

/// Whether the first charge has shown that charging works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Canary {
    /// It has, or there is only one charge.
    Sang,
    /// The next charge goes alone.
    Waits,
}

impl Canary {
    fn of(charges: usize) -> Self {
        if charges > 1 { Self::Waits } else { Self::Sang }
    }

    /// How many charges may go together.
    fn wave(self, room: usize) -> usize {
        if self == Self::Waits { 1 } else { room }
    }

    /// Looks at the charges that have just ended; returns why no other may follow, if so. One that was
    /// refused for its own reason, or not sent, says nothing of the others: the next one goes alone.
    fn look(&mut self, wave: &[ChargeStep], outcome: &Outcome) -> Option<String> {
        let first = wave.first().filter(|_| *self == Self::Waits)?;
        let id = &first.id;
        match outcome.charge_of(&first.region, id) {
            Some(ChargeResult::Done { .. }) => *self = Self::Sang,
            Some(ChargeResult::MovedFurther { .. }) => {
                return Some(format!("the first renewal, of {id}, moved its expiry further than planned"));
            }
            // Ours was certainly not made then: that says nothing of the others.
            Some(ChargeResult::InDoubt { ours: false, .. }) => {}
            Some(ChargeResult::InDoubt { .. }) => {
                return Some(format!("the first renewal, of {id}, is in doubt"));
            }
            _ => {}
        }
        None
    }
}

fn announce(approved: &Approved, deeds: &Deeds<'_>, progress: &mut Progress) {
    let record = Record::Run {
        plan_id: approved.plan().id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        who: deeds.who.clone(),
        ci_run: deeds.ci_run.clone(),
    };
    if let Err(error) = deeds.journal.write(deeds.cloud.server_now(), record) {
        progress.stop_without_journal(deeds, &error);
    }
}

/// Which ids of a setting may be set now, and which may not.
fn split_by_condition(step: &SetStep, progress: &Progress) -> (Vec<InstanceId>, Vec<InstanceId>) {
    step.ids.iter().cloned().partition(|id| match progress.outcome.charge_of(&step.region, id) {
        Some(
            ChargeResult::Done { .. } | ChargeResult::MovedFurther { .. } | ChargeResult::Satisfied { .. },
        ) => true,
        _ => step.condition == Condition::NotInDoubt && progress.was_refused(&step.region, id),
    })
}

/// The key of an instance.
type Key = (RegionId, InstanceId);

fn key(step: &ChargeStep) -> Key {
    (step.region.clone(), step.id.clone())
}
