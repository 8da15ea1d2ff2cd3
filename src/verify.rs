//! Verifying: after an apply, read again until it shows, and plan again. A plan without changes is
//! the proof of convergence; nothing is taken from what the apply believes of itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::cloud::Cloud;
use crate::desired::DesiredState;
use crate::journal::fold::Fold;
use crate::plan::draft::{Draft, draft};
use crate::plan::outcome::{Outcome, SettingResult};
use crate::plan::{Item, Plan};
use crate::planning::{PlanningError, decide, read};
use crate::ports::Terminal;

/// The wait between readings while an accepted setting does not show yet.
const POLL: Duration = Duration::from_secs(2);

/// Waits until every accepted setting shows, or the time is over, and then plans anew.
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
    let deadline = Instant::now() + timeout;
    loop {
        let live = read(desired, cloud, terminal).await?;
        let again = draft(desired, &live, live.read_at, &memory.holds(&live, live.read_at));
        if !awaits_setting(&again, outcome) || Instant::now() >= deadline {
            return decide(desired, &live, cloud, memory, terminal).await;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether a setting that was accepted would have to be set again.
fn awaits_setting(draft: &Draft, outcome: &Outcome) -> bool {
    let accepted = |item: &Item<()>| {
        let key = (item.region.clone(), item.id.clone());
        matches!(outcome.settings.get(&key), Some((_, SettingResult::Done)))
    };
    draft.items.iter().any(|item| item.setting().is_some() && accepted(item))
}
