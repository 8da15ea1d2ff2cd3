//! How long a plan holds: until one of its changes would be another one, or could not be made.
//!
//! Deciding is pure, so nothing is computed twice here: the plan is decided again for the few instants
//! at which something can change, and the first one at which it does is the answer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use super::draft::{Holds, RELEASED_AFTER_DAYS, draft};
use super::{Item, Plan, PriceDecision, Verdict, window};
use crate::calendar::{next_beijing_midnight, to_minute};
use crate::config::{MARGIN_HOURS, MinRemaining};
use crate::desired::{Desired, DesiredState};
use crate::live::Live;
use crate::term::Site;

/// Instants looked at for one change, at most: holds add one each, and end by themselves.
const INSTANTS_MAX: usize = 64;

/// The first instant at which a planned change would take another term, another place in the order, or
/// could not be made; `None` if there is no change. Hours in which a charge waits do not count.
pub(super) fn valid_until(desired: &DesiredState, live: &Live, plan: &Plan) -> Option<DateTime<Utc>> {
    let ends = plan.items.iter().filter(|item| item.has_changes()).filter_map(|item| {
        let same = |wanted: &&Desired| wanted.entry.id == item.id && wanted.entry.region == item.region;
        end(item, desired.instances.iter().find(same)?, desired, live, plan.read_at)
    });
    ends.min()
}

fn end(
    item: &Item<PriceDecision>,
    wanted: &Desired,
    desired: &DesiredState,
    live: &Live,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let alone = DesiredState {
        instances: vec![wanted.clone()],
        files: desired.files.clone(),
        left_out: 0,
        run_cap: None,
        left_over: BTreeMap::new(),
    };
    let key = (item.region.clone(), item.id.clone());
    let answers = live.answers.get(&key).map(|answer| (key, answer.clone())).into_iter().collect();
    let reading = Live { read_at: live.read_at, answers };
    let mut instants = instants(item, wanted, now);
    for _ in 0..INSTANTS_MAX {
        let at = instants.pop_first()?;
        let again = draft(&alone, &reading, at, &Holds::new());
        let next = again.items.first()?;
        if let Some(Verdict::Held(hold)) = &next.renew {
            // It only waits; how it goes on is seen when the waiting ends.
            instants.insert(hold.until);
        } else if differs(item, next, wanted.entry.site, now, at) {
            return Some(at);
        }
    }
    instants.pop_first()
}

/// When something can change for an item: at its expiry and its release, when what is bought is no longer
/// enough, when a renewal that is not planned is due, at the end of the day after an expiry, and when what
/// the platform deducts comes soon.
fn instants(item: &Item<PriceDecision>, wanted: &Desired, now: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
    let mut instants = BTreeSet::new();
    let Some(live) = &item.live else { return instants };
    instants.insert(live.expires_at);
    instants.insert(live.expires_at + Duration::days(RELEASED_AFTER_DAYS));
    if live.expires_at <= now {
        instants.extend(next_beijing_midnight(now));
    }
    if let Some(MinRemaining::AtLeast(lifetime)) =
        wanted.entry.min_remaining.as_ref().map(|asked| asked.value)
    {
        let margin = Duration::hours(i64::from(MARGIN_HOURS));
        instants.insert(match item.renewal() {
            Some(renewal) => renewal.expires_after - lifetime.duration() - margin + Duration::minutes(1),
            None => live.expires_at - lifetime.duration(),
        });
    }
    if let Some(committed) = item.committed.as_ref().filter(|committed| !committed.counts) {
        let expiry = item.renewal().map_or(live.expires_at, |renewal| renewal.expires_after);
        instants.insert(window::counts_from(expiry).unwrap_or(committed.at));
    }
    instants.into_iter().filter(|at| *at > now).map(to_minute).collect()
}

/// Whether an item is another change at another instant.
fn differs(
    item: &Item<PriceDecision>,
    next: &Item<()>,
    site: Site,
    now: DateTime<Utc>,
    at: DateTime<Utc>,
) -> bool {
    let planned = item.renewal().map(|renewal| (renewal.term, renewal.expires_before, renewal.expires_after));
    let bought = next.renewal().map(|renewal| (renewal.term, renewal.expires_before, renewal.expires_after));
    // What is newly due is no change of this plan, but takes a setting with it that was planned without it.
    let newly_due = matches!(item.renew, Some(Verdict::NoOp)) && item.setting().is_some();
    let renews_differently = planned != bought && (planned.is_some() || newly_due);
    let sets_differently = item.setting().map(|setting| setting.after)
        != next.setting().map(|setting| setting.after).filter(|_| item.setting().is_some());
    let expires = item.live.as_ref().is_some_and(|live| now < live.expires_at && live.expires_at <= at);
    let waits = expires && item.setting().is_some() && item.renewal().is_some();
    // Suspended, it counts from the day of renewal (reference 3.1).
    let suspended = expires && site == Site::International && item.renewal().is_some();
    let soon = item.committed.as_ref().is_some_and(|committed| {
        let expiry = planned.map(|(_, _, after)| after).or(item.live.as_ref().map(|live| live.expires_at));
        expiry.is_some_and(|expiry| window::deductions_soon(expiry, committed.term, at) != committed.times)
    });
    renews_differently || sets_differently || waits || suspended || soon
}
