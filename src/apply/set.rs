//! Changing auto-renewal settings: one call for a region and a value, at most a hundred ids.
//!
//! Setting a state is safe to repeat, so nothing here is ever in doubt. One bad id makes the cloud
//! refuse the whole batch: it is split until the bad one stands alone, and the good ones go through.

use super::charge::still_costs;
use super::interrupt::{INTERRUPTED, UntilInterrupted};
use super::{Deeds, Progress, SettingResult, Stop};
use crate::cloud::CallError;
use crate::cloud::error::may_be_one_member;
use crate::ids::InstanceId;
use crate::journal::Record;
use crate::plan::step::SetStep;
use crate::retry::Class;
use crate::term::AutoRenew;

/// Calls that one batch may cost when parts of it are refused: enough to single out nine bad ids of a
/// hundred (each costs two calls on seven levels).
const CALLS_MAX: usize = 128;

/// Carries out one step and notes the result for each id.
pub(super) async fn carry_out(step: &SetStep, deeds: &Deeds<'_>, progress: &mut Progress) {
    let ids = affordable(step, deeds, progress).await;
    // Beside each batch: what an earlier call for it brought that may have had an effect all the same.
    let mut batches: Vec<(Vec<InstanceId>, Option<String>)> =
        if ids.is_empty() { Vec::new() } else { vec![(ids, None)] };
    let mut calls = 0;
    while let Some((ids, earlier)) = batches.pop() {
        progress.heed(deeds);
        if let Some(why) = progress.all_stopped() {
            note(step, &ids, &not_sent(earlier, format!("the run was stopped: {why}")), progress);
            continue;
        }
        calls += 1;
        let error = match send(step, &ids, deeds, progress).await {
            Ok(()) => {
                note(step, &ids, &SettingResult::Done, progress);
                continue;
            }
            Err(Unset::Unannounced) => {
                note(step, &ids, &not_sent(earlier, "the journal cannot be written".to_owned()), progress);
                continue;
            }
            Err(Unset::NotBegun) => {
                note(step, &ids, &not_sent(earlier, INTERRUPTED.to_owned()), progress);
                continue;
            }
            Err(Unset::Interrupted) => {
                let why = format!("{INTERRUPTED} before the answer came");
                note(step, &ids, &SettingResult::Failed { why, maybe_done: true }, progress);
                continue;
            }
            Err(Unset::Refused(error)) => error,
        };
        if error.attempts == 0 && deeds.is_interrupted() {
            note(step, &ids, &not_sent(earlier, INTERRUPTED.to_owned()), progress);
            continue;
        }
        if error.class == Class::Credentials {
            progress.stop(Stop::Everything(error.text()));
        }
        if may_be_one_member(&error) && ids.len() > 1 && calls < CALLS_MAX {
            let (left, right) = ids.split_at(ids.len() / 2);
            let earlier = if error.maybe_done { Some(error.text()) } else { earlier };
            batches.push((right.to_vec(), earlier.clone()));
            batches.push((left.to_vec(), earlier));
            continue;
        }
        let maybe_done = error.maybe_done || earlier.is_some();
        note(step, &ids, &SettingResult::Failed { why: error.advice(), maybe_done }, progress);
    }
}

/// The result of a batch that is not sent, with what an earlier call for it brought.
fn not_sent(earlier: Option<String>, why: String) -> SettingResult {
    match earlier {
        Some(earlier) => SettingResult::Failed { why: format!("{earlier}; {why}"), maybe_done: true },
        None => SettingResult::NotTried { why },
    }
}

/// Those whose deduction costs no more than what was counted. An old quote is asked again.
async fn affordable(step: &SetStep, deeds: &Deeds<'_>, progress: &mut Progress) -> Vec<InstanceId> {
    let AutoRenew::Every(term) = step.setting else { return step.ids.clone() };
    if progress.all_stopped().is_some() {
        return step.ids.clone();
    }
    let mut ids = Vec::with_capacity(step.ids.len());
    for id in &step.ids {
        let costs = match step.prices.get(id) {
            Some(planned) => {
                let asked = still_costs(&step.region, id, term.term(), planned, deeds);
                deeds.unless_interrupted(asked).await.unwrap_or_else(|| Err(INTERRUPTED.to_owned()))
            }
            None => Ok(()),
        };
        match costs {
            Ok(()) => ids.push(id.clone()),
            Err(why) => note(step, std::slice::from_ref(id), &SettingResult::NotTried { why }, progress),
        }
    }
    ids
}

fn note(step: &SetStep, ids: &[InstanceId], result: &SettingResult, progress: &mut Progress) {
    for id in ids {
        progress.outcome.set(&step.region, id, step.setting, result.clone());
    }
}

/// Why a batch is not known to be set.
enum Unset {
    /// The journal failed, and nothing was sent.
    Unannounced,
    /// A signal came before it was sent.
    NotBegun,
    /// A signal came, and no answer in time.
    Interrupted,
    /// The cloud said no, or nothing.
    Refused(CallError),
}

/// Sends one batch between its two journal lines.
async fn send(
    step: &SetStep,
    ids: &[InstanceId],
    deeds: &Deeds<'_>,
    progress: &mut Progress,
) -> Result<(), Unset> {
    let (region, ids_owned) = (step.region.clone(), ids.to_vec());
    let intent = Record::SettingIntent { region, ids: ids_owned, setting: step.setting.to_string() };
    if let Err(error) = deeds.journal.write(deeds.cloud.server_now(), intent) {
        progress.stop_without_journal(deeds, &error);
        return Err(Unset::Unannounced);
    }
    let answer = if deeds.was_interrupted().await {
        Err(Unset::NotBegun)
    } else {
        progress.sent = true;
        let gate = UntilInterrupted(deeds);
        let call = deeds.cloud.set_auto_renew(&step.region, ids, step.setting, &gate);
        deeds.finish(call).await.map_or(Err(Unset::Interrupted), |answer| answer.map_err(Unset::Refused))
    };
    let (request_id, error, maybe_done) = match &answer {
        Ok(acknowledged) => (Some(acknowledged.request_id.clone()), None, false),
        Err(Unset::Refused(error)) => {
            (error.request_id.as_deref().map(str::to_owned), Some(error.text()), error.maybe_done)
        }
        Err(unset) => (None, Some(INTERRUPTED.to_owned()), matches!(unset, Unset::Interrupted)),
    };
    let (region, ids) = (step.region.clone(), ids.to_vec());
    let outcome = Record::SettingOutcome { region, ids, request_id, error, maybe_done };
    if let Err(error) = deeds.journal.write(deeds.cloud.server_now(), outcome) {
        progress.stop_without_journal(deeds, &error);
    }
    answer.map(drop)
}
