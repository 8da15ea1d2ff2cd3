//! Reading named instances and their settings: in hundreds, overlapping, each id accounted for.
//!
//! A refused batch is split until the bad member stands alone; what cannot be read blocks its own
//! members only.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream;

use super::call::{Caller, Policy};
use super::error::CallError;
use super::wire::{self, AutoRenewReply, BATCH, InstancesReply};
use crate::ids::{InstanceId, RegionId};
use crate::live::{Answer, ChargeType, Live, LiveInstance, Unreadable};
use crate::retry::Class;
use crate::term::LiveAutoRenew;

/// An id to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadId {
    /// Where.
    pub region: RegionId,
    /// Which instance.
    pub id: InstanceId,
    /// Whether its auto-renewal setting is wanted.
    pub auto_renew: bool,
}

/// Calls that one batch may cost when parts of it are refused: enough to single out four bad ids of a
/// hundred.
const BATCH_CALLS_MAX: usize = 64;
/// Pages of one batch of a hundred ids; more means that the paging goes round in circles.
const PAGES_MAX: u32 = 20;

/// One region and at most a hundred ids.
type Batch = (RegionId, Vec<InstanceId>);

/// What reading one batch brought.
struct Part<T> {
    region: RegionId,
    results: Vec<(InstanceId, Result<T, Unreadable>)>,
    date: Option<DateTime<Utc>>,
    /// An error that stops everything.
    fatal: Option<CallError>,
}

pub(super) async fn read(
    caller: &Caller,
    wanted: &[ReadId],
    parallelism: usize,
    progress: &dyn Fn(usize, usize),
) -> Result<Live, CallError> {
    let all: BTreeSet<(RegionId, InstanceId)> =
        wanted.iter().map(|want| (want.region.clone(), want.id.clone())).collect();
    let total = all.len();
    let mut live = Live { read_at: caller.server_now(), answers: BTreeMap::new() };
    let mut first: Option<DateTime<Utc>> = None;
    let mut reads = stream::iter(batches(all))
        .map(|(region, ids)| in_parts(region, ids, async |region, ids| instances(caller, region, ids).await))
        .buffer_unordered(parallelism);
    while let Some(part) = reads.next().await {
        if let Some(fatal) = part.fatal {
            return Err(fatal);
        }
        first = earliest(first, part.date);
        for (id, result) in part.results {
            let answer = match result {
                Ok(Some(instance)) => Answer::Found(Box::new(instance)),
                Ok(None) => Answer::Absent,
                Err(why) => Answer::Unreadable(why),
            };
            live.answers.insert((part.region.clone(), id), answer);
        }
        progress(live.answers.len(), total);
    }
    read_settings(caller, wanted, parallelism, &mut live).await?;
    // Without a Date header: the time before the first request, so that a reading never looks newer.
    live.read_at = first.unwrap_or(live.read_at);
    Ok(live)
}

fn earliest(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Only existing subscriptions are asked: one pay-as-you-go or unknown id fails a whole call.
async fn read_settings(
    caller: &Caller,
    wanted: &[ReadId],
    parallelism: usize,
    live: &mut Live,
) -> Result<(), CallError> {
    let asked =
        wanted.iter().filter(|want| want.auto_renew).map(|want| (want.region.clone(), want.id.clone()));
    let subscription = |key: &(RegionId, InstanceId)| matches!(live.answers.get(key), Some(Answer::Found(instance)) if instance.charge_type == ChargeType::Subscription);
    let asked: BTreeSet<_> = asked.filter(subscription).collect();
    let mut reads = stream::iter(batches(asked))
        .map(|(region, ids)| in_parts(region, ids, async |region, ids| settings(caller, region, ids).await))
        .buffer_unordered(parallelism);
    while let Some(part) = reads.next().await {
        if let Some(fatal) = part.fatal {
            return Err(fatal);
        }
        for (id, setting) in part.results {
            if let Some(Answer::Found(instance)) = live.answers.get_mut(&(part.region.clone(), id)) {
                instance.auto_renew = Some(setting);
            }
        }
    }
    Ok(())
}

fn batches(ids: BTreeSet<(RegionId, InstanceId)>) -> Vec<Batch> {
    let mut regions: BTreeMap<RegionId, Vec<InstanceId>> = BTreeMap::new();
    for (region, id) in ids {
        regions.entry(region).or_default().push(id);
    }
    let split = |(region, ids): (RegionId, Vec<InstanceId>)| {
        let parts: Vec<Batch> = ids.chunks(BATCH).map(|part| (region.clone(), part.to_vec())).collect();
        parts
    };
    regions.into_iter().flat_map(split).collect()
}

/// One answer for each id asked.
type Found<T> = (Vec<(InstanceId, Result<T, Unreadable>)>, Option<DateTime<Utc>>);

/// Reads a batch, in halves where it is refused.
async fn in_parts<T>(
    region: RegionId,
    ids: Vec<InstanceId>,
    read: impl AsyncFn(&RegionId, &[InstanceId]) -> Result<Found<T>, CallError>,
) -> Part<T> {
    let mut part = Part { region, results: Vec::new(), date: None, fatal: None };
    let mut stack = vec![ids];
    let mut calls = 0;
    while let Some(ids) = stack.pop() {
        calls += 1;
        match read(&part.region, &ids).await {
            Ok((results, date)) => {
                part.results.extend(results);
                part.date = earliest(part.date, date);
            }
            Err(error) if error.class == Class::Credentials => {
                part.fatal = Some(error);
                return part;
            }
            Err(error) if error.class == Class::Refused && ids.len() > 1 && calls < BATCH_CALLS_MAX => {
                let (left, right) = ids.split_at(ids.len() / 2);
                stack.push(right.to_vec());
                stack.push(left.to_vec());
            }
            Err(error) => {
                let why = Unreadable { reason: error.text() };
                part.results.extend(ids.into_iter().map(|id| (id, Err(why.clone()))));
            }
        }
    }
    part
}

fn circles(action: &'static str) -> CallError {
    CallError {
        action,
        class: Class::Retry { throttled: false },
        code: None,
        message: crate::text::Untrusted::new("the pages of the answer do not end"),
        request_id: None,
        http_status: None,
        attempts: PAGES_MAX,
        maybe_done: false,
        hint: None,
    }
}

async fn instances(
    caller: &Caller,
    region: &RegionId,
    ids: &[InstanceId],
) -> Result<Found<Option<LiveInstance>>, CallError> {
    let mut found: BTreeMap<InstanceId, Result<Option<LiveInstance>, Unreadable>> =
        ids.iter().map(|id| (id.clone(), Ok(None))).collect();
    let mut token: Option<String> = None;
    let mut date = None;
    for _ in 0..PAGES_MAX {
        let action = wire::describe_instances(region, ids, token.as_deref());
        let reply = caller.call::<InstancesReply>(region, &action, Policy::default()).await?;
        date = earliest(date, reply.date);
        let next = reply.body.next_token.clone().filter(|next| !next.is_empty());
        for (id, record) in reply.body.records() {
            let Ok(id) = InstanceId::parse(&id) else { continue };
            if let Some(slot) = found.get_mut(&id) {
                *slot = record.and_then(|record| record.into_live(&id, region)).map(Some);
            }
        }
        if next.is_none() {
            return Ok((found.into_iter().collect(), date));
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(circles("DescribeInstances"))
}

async fn settings(
    caller: &Caller,
    region: &RegionId,
    ids: &[InstanceId],
) -> Result<Found<LiveAutoRenew>, CallError> {
    let missing = Unreadable { reason: "the cloud did not say its auto-renewal setting".to_owned() };
    let mut found: BTreeMap<InstanceId, Result<LiveAutoRenew, Unreadable>> =
        ids.iter().map(|id| (id.clone(), Err(missing.clone()))).collect();
    let mut received = 0;
    for page in 1..=PAGES_MAX {
        let action = wire::describe_auto_renew(region, ids, page);
        let reply = caller.call::<AutoRenewReply>(region, &action, Policy::default()).await?;
        let total = reply.body.total_count;
        received += reply.body.len();
        let last = reply.body.len() == 0 || received >= total;
        for (id, setting) in reply.body.settings() {
            let Ok(id) = InstanceId::parse(&id) else { continue };
            if let Some(slot) = found.get_mut(&id) {
                *slot = setting;
            }
        }
        if last {
            return Ok((found.into_iter().collect(), None));
        }
    }
    Err(circles("DescribeInstanceAutoRenewAttribute"))
}
