//! Settling: a charge is done when a reading shows it, not when the cloud says so.
//!
//! The order is made at once, its effect shows later (the official sample allows ten seconds). What
//! does not show in time stays in doubt, and is never sent again here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::charge::{Sent, read};
use super::{ChargeResult, Deeds, Progress, key};
use crate::journal::fold::{NOT_MOVED_HOURS, UNKNOWN_MINUTES, is_settled, shows};
use crate::journal::{ChargeOutcome, Record};
use crate::live::Answer;
use crate::plan::outcome::{ChargeReport, Outcome};
use crate::ports::Level;
use crate::text::escape;

/// The first wait before reading again; it doubles up to [`POLL_MAX`].
const POLL_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between readings. cloudpods polls every 15 s.
const POLL_MAX: Duration = Duration::from_secs(15);

/// How long somebody else's order is waited for: it is theirs, and its effect shows soon or not tonight.
const FOREIGN_MAX: Duration = Duration::from_secs(60);
/// How long a run waits for nothing but such orders, altogether.
const FOREIGN_TOTAL: Duration = Duration::from_secs(10 * 60);

/// How long a signal leaves an effect to show, before the last reading.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Reads until every charge shows, or the time is over. `total` counts the charges of the whole run.
pub(super) async fn settle(mut sent: Vec<Sent>, deeds: &Deeds<'_>, progress: &mut Progress, total: usize) {
    let foreign = FOREIGN_MAX.min(FOREIGN_TOTAL.saturating_sub(progress.foreign_waited));
    let only_foreign = sent.iter().all(|charge| charge.foreign);
    let outcome = &mut progress.outcome;
    let tell = |outcome: &Outcome| deeds.terminal.progress(outcome.charges.len(), total, "renewals settled");
    tell(outcome);
    let begun = Instant::now();
    let mut wait = POLL_FIRST;
    while !sent.is_empty() {
        let ours = sent.iter().any(|charge| !charge.foreign);
        let most = if ours { deeds.verify_timeout } else { deeds.verify_timeout.min(foreign) };
        let left = most.saturating_sub(begun.elapsed());
        let waited = deeds.unless_interrupted(tokio::time::sleep(wait.min(left))).await;
        wait = (wait * 2).min(POLL_MAX);
        if waited.is_none() {
            // An effect shows after some seconds; one of them is left for the last look.
            tokio::time::sleep(LAST_LOOK).await;
        }
        let steps: Vec<_> = sent.iter().map(|charge| charge.step.clone()).collect();
        let live = deeds.last_reading(read(&steps, deeds)).await.and_then(Result::ok);
        sent.retain(|charge| {
            let answer = live.as_ref().and_then(|live| live.answers.get(&key(&charge.step)));
            let Some(Answer::Found(instance)) = answer else { return true };
            // What is paid in another way by now shows a date that means nothing.
            if instance.charge_type != charge.step.charge_type {
                return true;
            }
            let Some(result) = judge(charge, instance.expires_at, deeds) else { return true };
            end(outcome, charge, result);
            false
        });
        tell(outcome);
        if left.is_zero() || waited.is_none() {
            break;
        }
    }
    for charge in &sent {
        end(outcome, charge, in_doubt(charge));
    }
    tell(outcome);
    if only_foreign {
        progress.foreign_waited += begun.elapsed();
    }
}

fn end(outcome: &mut Outcome, charge: &Sent, result: ChargeResult) {
    let report = ChargeReport { term: charge.step.term, price: charge.step.price.clone(), result };
    outcome.charges.insert(key(&charge.step), report);
}

/// What an observed expiry says of a charge; `None` while the planned one does not show. A move that
/// is short of it is somebody else's, and ours may still come.
fn judge(charge: &Sent, seen: DateTime<Utc>, deeds: &Deeds<'_>) -> Option<ChargeResult> {
    let step = &charge.step;
    let order_id = charge.order_id.clone();
    if !shows(step.expires_after, seen) {
        return None;
    }
    let record = Record::ChargeSettled {
        region: step.region.clone(),
        id: step.id.clone(),
        token: charge.token.clone(),
        expires_at: seen,
    };
    let mut written = deeds.journal.write(deeds.cloud.server_now(), record);
    if charge.foreign && written.is_ok() {
        let (region, id, token) = (step.region.clone(), step.id.clone(), charge.token.clone());
        let outcome = ChargeOutcome::NotMade { error: "another order renewed it".to_owned() };
        let record = Record::ChargeOutcome { region, id, token, outcome };
        written = deeds.journal.write(deeds.cloud.server_now(), record);
    }
    if let Err(error) = written {
        // The charge is known to be made and seen; a later reading finds the same.
        let (name, id) = (escape(deeds.journal_name), &step.id);
        let text =
            format!("warning: the journal {name} cannot be written, to note that {id} is settled: {error}");
        deeds.terminal.note(Level::Warning, &text);
    }
    Some(if charge.foreign {
        ChargeResult::Satisfied { expires_at: seen }
    } else if is_settled(step.expires_after, seen) {
        ChargeResult::Done { expires_at: seen, order_id }
    } else {
        ChargeResult::MovedFurther { expires_at: seen, order_id }
    })
}

/// Until when the journal holds it.
fn in_doubt(charge: &Sent) -> ChargeResult {
    let now = charge.at;
    match (&charge.order_id, &charge.doubt) {
        (Some(order), _) => ChargeResult::InDoubt {
            why: format!("order {order} was acknowledged, but its effect has not shown"),
            until: now + chrono::Duration::hours(NOT_MOVED_HOURS),
            ours: true,
        },
        (None, doubt) => ChargeResult::InDoubt {
            why: format!("the answer was lost or unclear ({})", doubt.as_deref().unwrap_or("no answer")),
            until: now + chrono::Duration::minutes(UNKNOWN_MINUTES),
            ours: !charge.foreign,
        },
    }
}
