//! Reading named instances and their settings: in hundreds, overlapping, each id accounted for.
//!
//! A refused batch is split until the bad member stands alone; what cannot be read blocks its own
//! members only.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;

use super::call::Sender;
use super::error::{CallError, is_permission, may_be_one_member};
use super::policy::Policy;
use super::replies::{AutoRenewItem, AutoRenewReply, InstanceReply, InstancesReply, Record};
use super::side_by_side::side_by_side;
use super::wire::{self, BATCH};
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
/// The same for a missing right, as long as no part has gone through: most likely it is missing for
/// all. One bad id of a hundred is alone after fifteen calls.
const BATCH_CALLS_WITHOUT_RIGHT_MAX: usize = 16;
/// Pages of one batch of a hundred ids; more means that the paging goes round in circles.
const PAGES_MAX: u32 = 20;

/// Which instance, and where.
type Key = (RegionId, InstanceId);
/// One region and at most a hundred ids.
type Batch = (RegionId, Vec<InstanceId>);

/// What reading one batch brought.
struct Part<T> {
    region: RegionId,
    results: Vec<(InstanceId, Result<T, Unreadable>)>,
    date: Option<DateTime<Utc>>,
}

/// How far a reading is. An id is done when nothing more is asked about it.
struct Progress<'a> {
    done: usize,
    total: usize,
    show: &'a dyn Fn(usize, usize),
}

impl Progress<'_> {
    fn add(&mut self, ids: usize) {
        self.done += ids;
        (self.show)(self.done, self.total);
    }
}

/// Instances first, then settings, each in full hundreds, over all regions at once.
pub(super) async fn read(
    sender: &Sender,
    wanted: &[ReadId],
    parallelism: usize,
    show: &dyn Fn(usize, usize),
) -> Result<Live, CallError> {
    let began = sender.server_now();
    let all: BTreeSet<Key> = wanted.iter().map(key).collect();
    let with_setting: BTreeSet<Key> = wanted.iter().filter(|want| want.auto_renew).map(key).collect();
    let mut progress = Progress { done: 0, total: all.len(), show };
    let mut answers = BTreeMap::new();
    let mut first: Option<DateTime<Utc>> = None;
    let mut asked = BTreeSet::new();
    let work = async |(region, ids): Batch| {
        in_parts(region, ids, async |region, ids| instances(sender, region, ids).await).await
    };
    let mut reads = side_by_side(batches(all), work, parallelism);
    while let Some(part) = reads.next().await {
        let part = part?;
        first = earliest(first, part.date);
        let mut done = part.results.len();
        for (id, result) in part.results {
            let key = (part.region.clone(), id);
            let answer = match result {
                Ok(Some(instance)) => {
                    // One pay-as-you-go or unknown id would fail a whole call.
                    if instance.charge_type == ChargeType::Subscription && with_setting.contains(&key) {
                        asked.insert(key.clone());
                        done -= 1;
                    }
                    Answer::Found(Box::new(instance))
                }
                Ok(None) => Answer::Absent,
                Err(why) => Answer::Unreadable(why),
            };
            answers.insert(key, answer);
        }
        progress.add(done);
    }
    drop(reads);
    let mut live = Live { read_at: first.unwrap_or(began), answers };
    read_settings(sender, asked, parallelism, &mut live, &mut progress).await?;
    Ok(live)
}

fn key(want: &ReadId) -> Key {
    (want.region.clone(), want.id.clone())
}

fn earliest(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

async fn read_settings(
    sender: &Sender,
    asked: BTreeSet<Key>,
    parallelism: usize,
    live: &mut Live,
    progress: &mut Progress<'_>,
) -> Result<(), CallError> {
    let work = async |(region, ids): Batch| {
        in_parts(region, ids, async |region, ids| settings(sender, region, ids).await).await
    };
    let mut reads = side_by_side(batches(asked), work, parallelism);
    while let Some(part) = reads.next().await {
        let part = part?;
        let done = part.results.len();
        for (id, setting) in part.results {
            if let Some(Answer::Found(instance)) = live.answers.get_mut(&(part.region.clone(), id)) {
                instance.auto_renew = Some(setting);
            }
        }
        progress.add(done);
    }
    Ok(())
}

fn batches(ids: BTreeSet<Key>) -> Vec<(RegionId, Batch)> {
    let mut regions: BTreeMap<RegionId, Vec<InstanceId>> = BTreeMap::new();
    for (region, id) in ids {
        regions.entry(region).or_default().push(id);
    }
    let split = |(region, ids): (RegionId, Vec<InstanceId>)| {
        let batch = |part: &[InstanceId]| (region.clone(), (region.clone(), part.to_vec()));
        ids.chunks(BATCH).map(batch).collect::<Vec<_>>()
    };
    regions.into_iter().flat_map(split).collect()
}

/// One answer for each id asked.
type Found<T> = (Vec<(InstanceId, Result<T, Unreadable>)>, Option<DateTime<Utc>>);

/// Reads a batch, in halves where it is refused for what may be one member. An error that stops
/// everything is handed on.
async fn in_parts<T>(
    region: RegionId,
    ids: Vec<InstanceId>,
    read: impl AsyncFn(&RegionId, &[InstanceId]) -> Result<Found<T>, CallError>,
) -> Result<Part<T>, CallError> {
    let mut part = Part { region, results: Vec::new(), date: None };
    let mut stack = vec![ids];
    let mut calls = 0;
    let mut some_read = false;
    while let Some(ids) = stack.pop() {
        calls += 1;
        match read(&part.region, &ids).await {
            Ok((results, date)) => {
                some_read = true;
                part.results.extend(results);
                part.date = earliest(part.date, date);
            }
            Err(error) if error.class == Class::Credentials => return Err(error),
            Err(error)
                if may_be_one_member(&error) && ids.len() > 1 && calls < calls_max(&error, some_read) =>
            {
                let (left, right) = ids.split_at(ids.len() / 2);
                stack.push(right.to_vec());
                stack.push(left.to_vec());
            }
            Err(error) => {
                let why = Unreadable { reason: error.text(), hint: error.hint.map(Cow::Borrowed) };
                part.results.extend(ids.into_iter().map(|id| (id, Err(why.clone()))));
            }
        }
    }
    Ok(part)
}

fn calls_max(error: &CallError, some_read: bool) -> usize {
    if is_permission(error) && !some_read { BATCH_CALLS_WITHOUT_RIGHT_MAX } else { BATCH_CALLS_MAX }
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
        also: None,
    }
}

async fn instances(
    sender: &Sender,
    region: &RegionId,
    ids: &[InstanceId],
) -> Result<Found<Option<LiveInstance>>, CallError> {
    let mut replies: BTreeMap<InstanceId, Record<InstanceReply>> = BTreeMap::new();
    let mut torn: BTreeSet<InstanceId> = BTreeSet::new();
    let mut token: Option<String> = None;
    let mut date = None;
    for _ in 0..PAGES_MAX {
        let action = wire::describe_instances(region, ids, token.as_deref());
        let reply = sender.call::<InstancesReply>(&action, Policy::Read).await?;
        date = earliest(date, reply.date);
        let next = reply.body.next_token.clone().filter(|next| !next.is_empty());
        for instance in reply.body.into_instances() {
            let Ok(id) = InstanceId::parse(&instance.instance_id) else { continue };
            if replies.get(&id).is_some_and(|earlier| *earlier != instance) {
                torn.insert(id.clone());
            }
            replies.insert(id, instance);
        }
        if next.is_none() {
            let answer = |id: &InstanceId| match replies.remove(id) {
                _ if torn.contains(id) => Err(told_twice()),
                Some(record) => record.content.and_then(|instance| instance.into_live(id, region)).map(Some),
                None => Ok(None),
            };
            return Ok((ids.iter().cloned().zip(ids.iter().map(answer)).collect(), date));
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(circles("DescribeInstances"))
}

async fn settings(
    sender: &Sender,
    region: &RegionId,
    ids: &[InstanceId],
) -> Result<Found<LiveAutoRenew>, CallError> {
    let mut replies: BTreeMap<InstanceId, Record<AutoRenewItem>> = BTreeMap::new();
    let mut torn: BTreeSet<InstanceId> = BTreeSet::new();
    let mut received = 0;
    for page in 1..=PAGES_MAX {
        let action = wire::describe_auto_renew(region, ids, page);
        let reply = sender.call::<AutoRenewReply>(&action, Policy::Read).await?;
        let total = reply.body.total_count;
        let items = reply.body.into_items();
        received += items.len();
        let last = items.is_empty() || total.is_none_or(|total| received >= total);
        for item in items {
            let Ok(id) = InstanceId::parse(&item.instance_id) else { continue };
            if replies.get(&id).is_some_and(|earlier| *earlier != item) {
                torn.insert(id.clone());
            }
            replies.insert(id, item);
        }
        if last || ids.iter().all(|id| replies.contains_key(id)) {
            let answer = |id: &InstanceId| match replies.get(id) {
                _ if torn.contains(id) => Err(told_twice()),
                Some(record) => {
                    record.content.as_ref().map_err(Clone::clone).and_then(AutoRenewItem::setting)
                }
                None => Err(Unreadable::because("the cloud did not say its auto-renewal setting")),
            };
            return Ok((ids.iter().cloned().zip(ids.iter().map(answer)).collect(), None));
        }
    }
    Err(circles("DescribeInstanceAutoRenewAttribute"))
}

/// Pages that overlap must agree.
fn told_twice() -> Unreadable {
    Unreadable::because("the cloud told of it twice, and differently")
}
