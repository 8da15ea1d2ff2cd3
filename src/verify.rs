//! Verifying: after an apply, read again until it shows, and plan again. A plan without changes is
//! the proof of convergence; nothing is taken from what the apply believes of itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::cloud::{Cloud, ReadId};
use crate::desired::DesiredState;
use crate::journal::fold::Fold;
use crate::live::Answer;
use crate::plan::Plan;
use crate::plan::outcome::{Outcome, SettingResult};
use crate::planning::{Moment, PlanningError, plan};
use crate::ports::Terminal;
use crate::term::LiveAutoRenew;

/// The first wait before reading again; it doubles up to [`POLL_MAX`].
const POLL_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between readings.
const POLL_MAX: Duration = Duration::from_secs(15);

/// Waits until every accepted setting shows, or the time is over, and then reads everything and plans
/// anew.
///
/// # Errors
/// [`PlanningError`] if the account cannot be read.
pub async fn verify(
    desired: &DesiredState,
    cloud: &Cloud,
    memory: &Fold,
    outcome: &Outcome,
    terminal: &dyn Terminal,
    timeout: Duration,
) -> Result<Plan, PlanningError> {
    settings_show(cloud, outcome, timeout).await?;
    Ok(plan(desired, cloud, memory, terminal, Moment::Reading).await?.0)
}

/// Reads the instances whose settings were accepted, and no others, until they show.
async fn settings_show(cloud: &Cloud, outcome: &Outcome, timeout: Duration) -> Result<(), PlanningError> {
    // Of two for one instance the last one counts.
    let accepted = outcome.settings.iter().filter_map(|(key, sent)| {
        let last = sent.iter().rev().find(|(_, result)| *result == SettingResult::Done)?;
        Some((key, last.0))
    });
    let mut waiting: Vec<(ReadId, LiveAutoRenew)> = accepted
        .map(|((region, id), setting)| {
            let read = ReadId { region: region.clone(), id: id.clone(), auto_renew: true };
            (read, LiveAutoRenew::from(setting))
        })
        .collect();
    let deadline = Instant::now() + timeout;
    let mut wait = POLL_FIRST;
    loop {
        let ids: Vec<ReadId> = waiting.iter().map(|(id, _)| id.clone()).collect();
        let live = cloud.read(&ids, &|_, _| ()).await.map_err(PlanningError::Read)?;
        waiting.retain(|(read, setting)| {
            let answer = live.answers.get(&(read.region.clone(), read.id.clone()));
            !matches!(answer, Some(Answer::Found(found)) if found.auto_renew == Some(Ok(*setting)))
        });
        if waiting.is_empty() || Instant::now() >= deadline {
            return Ok(());
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(POLL_MAX);
    }
}
