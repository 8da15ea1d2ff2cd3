//! DescribeInstances.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Value, json};

use super::{ApiError, Context, errors};
use crate::emulator::state::{ChargeType, Instance};

/// What pay-as-you-go instances show for an expiry (replies of 2024).
const SENTINEL: &str = "2099-12-31T15:59Z";
const ACTION: &str = "DescribeInstances";
/// With a filter by tag or resource group, at most so many results (rules of the action).
const FILTERED_MAX: usize = 1000;
/// Most tags in a filter.
const TAGS_MAX: usize = 20;
/// Most ids in InstanceIds, and most results of a page.
const IDS_MAX: usize = 100;

/// Which part of the results is asked for.
enum Page {
    /// MaxResults and NextToken.
    Token { size: usize, from: usize },
    /// PageNumber and PageSize.
    Number { size: usize, number: usize },
}

pub(super) fn describe(context: &Context<'_>) -> Result<String, ApiError> {
    let region = context.mandatory("RegionId")?.to_owned();
    context.check_host(&region)?;
    let ids = ids(context)?;
    let page = page(context)?;
    let filters = Filters::read(context)?;
    // A key without the right sees an empty list; only DryRun tells the cases apart.
    let allowed = !context.is_denied();
    if context.is_on("DryRun") {
        return Err(if allowed { errors::of(ACTION, "DryRunOperation") } else { ApiError::forbidden() });
    }
    let most = if filters.are_limited() { FILTERED_MAX } else { usize::MAX };
    let matching: Vec<&Instance> = context
        .state
        .instances
        .values()
        .filter(|instance| allowed && instance.region == region)
        .filter(|instance| ids.as_ref().is_none_or(|ids| ids.contains(&instance.id)))
        .filter(|instance| filters.accept(instance, context.now))
        .take(most)
        .collect();
    for instance in &matching {
        super::check_refusal(ACTION, instance)?;
    }
    let (from, size) = match page {
        Page::Token { size, from } => (from, size),
        Page::Number { size, number } => ((number - 1).saturating_mul(size), size),
    };
    let shown: Vec<Value> = matching.iter().skip(from).take(size).map(|i| encode(i, context.now)).collect();
    let end = from.saturating_add(shown.len());
    let mut reply = json!({ "RequestId": context.request_id, "Instances": { "Instance": shown } });
    match page {
        // TotalCount means nothing in token paging (SDK 7.11.8): it is 0 here, assumed.
        Page::Token { .. } => {
            let next = if end < matching.len() { token(end) } else { String::new() };
            merge(
                &mut reply,
                json!({ "TotalCount": 0, "NextToken": next, "PageNumber": 1, "PageSize": size }),
            );
        }
        Page::Number { number, .. } => {
            let total = matching.len();
            merge(
                &mut reply,
                json!({ "TotalCount": total, "NextToken": "", "PageNumber": number, "PageSize": size }),
            );
        }
    }
    Ok(reply.to_string())
}

fn merge(reply: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (reply, more) {
        fields.extend(more);
    }
}

/// Where the next page begins, as a client must not read it.
fn token(position: usize) -> String {
    format!("caeba{position:08x}")
}

fn page(context: &Context<'_>) -> Result<Page, ApiError> {
    let wrong = |name: &str| {
        ApiError::new(400, &format!("Invalid{name}"), &format!("The specified {name} is not valid."))
    };
    if context.filled("MaxResults").is_some() || context.filled("NextToken").is_some() {
        let size = context.number("MaxResults", &wrong("MaxResults"))?.unwrap_or(10).clamp(10, 100);
        let from = match context.filled("NextToken") {
            None => 0,
            Some(token) => token
                .strip_prefix("caeba")
                .and_then(|hex| usize::from_str_radix(hex, 16).ok())
                .ok_or_else(|| wrong("NextToken"))?,
        };
        return Ok(Page::Token { size: usize::try_from(size).unwrap_or(10), from });
    }
    let number = context.number("PageNumber", &wrong("PageNumber"))?.unwrap_or(1);
    let size = context.number("PageSize", &wrong("PageSize"))?.unwrap_or(10);
    let number =
        usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| wrong("PageNumber"))?;
    let size = usize::try_from(size)
        .ok()
        .filter(|size| (1..=100).contains(size))
        .ok_or_else(|| wrong("PageSize"))?;
    Ok(Page::Number { size, number })
}

/// A JSON array in a string. The codes for a bad one are assumed.
fn ids(context: &Context<'_>) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = context.filled("InstanceIds") else { return Ok(None) };
    let malformed =
        || ApiError::new(400, "InvalidInstanceIds.Malformed", "The specified InstanceIds is not valid.");
    let ids: Vec<String> = serde_json::from_str(text).map_err(|_| malformed())?;
    if ids.len() > IDS_MAX {
        return Err(ApiError::new(
            400,
            "InvalidParameter.ToManyInstanceIds",
            "InstanceIds should be less than 100.",
        ));
    }
    Ok(Some(ids))
}

/// The filters that matter for renewals. Others are accepted and ignored.
struct Filters {
    charge_type: Option<ChargeType>,
    status: Option<String>,
    name: Option<String>,
    security_group: Option<String>,
    zone: Option<String>,
    vpc: Option<String>,
    resource_group: Option<String>,
    instance_type: Option<String>,
    lock: Option<String>,
    tags: Vec<(String, Option<String>)>,
    expired_from: Option<DateTime<Utc>>,
    expired_to: Option<DateTime<Utc>>,
}

impl Filters {
    fn read(context: &Context<'_>) -> Result<Self, ApiError> {
        let charge_type = match context.filled("InstanceChargeType") {
            None => None,
            Some("PrePaid") => Some(ChargeType::PrePaid),
            Some("PostPaid") => Some(ChargeType::PostPaid),
            Some(_) => return Err(errors::of(ACTION, "InvalidInstanceChargeType.NotFound")),
        };
        let one_of = |name: &str, words: &[&str], code: &str| match context.filled(name) {
            Some(word) if !words.contains(&word) => Err(errors::of(ACTION, code)),
            word => Ok(word.map(str::to_owned)),
        };
        let bandwidth = ["PayByTraffic", "PayByBandwidth"];
        one_of("InternetChargeType", &bandwidth, "InvalidInternetChargeType.ValueNotSupported")?;
        one_of("InstanceNetworkType", &["classic", "vpc"], "InvalidNetworkType.NotFound")?;
        if context.filled("HpcClusterId").is_some() {
            return Err(errors::of(ACTION, "InvalidHpcClusterId.NotFound"));
        }
        let statuses = ["Pending", "Running", "Starting", "Stopping", "Stopped"];
        let locks = ["financial", "security", "Recycling", "dedicatedhostfinancial", "refunded"];
        // 1 and 2 are the time of creation, which no world has.
        for (n, key) in [("1", "CreationStartTime"), ("2", "CreationEndTime")] {
            time_filter(context, n, key)?;
        }
        let text = |name: &str| context.filled(name).map(str::to_owned);
        Ok(Self {
            charge_type,
            status: one_of("Status", &statuses, "InvalidStatus.NotFound")?,
            lock: one_of("LockReason", &locks, "InvalidLockReason.NotFound")?,
            name: text("InstanceName"),
            security_group: text("SecurityGroupId"),
            zone: text("ZoneId"),
            vpc: text("VpcId"),
            resource_group: text("ResourceGroupId"),
            instance_type: text("InstanceType"),
            tags: tags(context)?,
            expired_from: time_filter(context, "3", "ExpiredStartTime")?,
            expired_to: time_filter(context, "4", "ExpiredEndTime")?,
        })
    }

    /// Whether the filters are of the kind that cuts the results short.
    fn are_limited(&self) -> bool {
        !self.tags.is_empty() || self.resource_group.is_some()
    }

    fn accept(&self, instance: &Instance, now: DateTime<Utc>) -> bool {
        let tags = self.tags.iter().all(|(key, value)| {
            instance.tags.get(key).is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        });
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        let expiry = instance.visible(now);
        tags && self.charge_type.is_none_or(|wanted| wanted == instance.charge_type)
            && is(&self.status, status(instance, now))
            && is(&self.zone, &instance.zone)
            && is(&self.vpc, &instance.vpc)
            && is(&self.resource_group, &instance.resource_group)
            && is(&self.instance_type, &instance.instance_type)
            && self.lock.as_ref().is_none_or(|wanted| locks(instance, now).contains(wanted))
            && self.name.as_deref().is_none_or(|pattern| matches(pattern, &instance.name))
            && self.security_group.as_ref().is_none_or(|wanted| instance.security_groups.contains(wanted))
            && self.expired_from.is_none_or(|from| from <= expiry)
            && self.expired_to.is_none_or(|to| expiry <= to)
    }
}

/// `Tag.1.Key` to `Tag.20.Key`, each with or without a value.
fn tags(context: &Context<'_>) -> Result<Vec<(String, Option<String>)>, ApiError> {
    let text = |n: usize, part: &str| context.filled(&format!("Tag.{n}.{part}")).map(str::to_owned);
    if (TAGS_MAX + 1..=TAGS_MAX * 2).any(|n| text(n, "Key").is_some()) {
        return Err(errors::of(ACTION, "InvalidTagCount"));
    }
    let mut tags = Vec::new();
    for n in 1..=TAGS_MAX {
        match (text(n, "Key"), text(n, "Value")) {
            (Some(key), value) => tags.push((key, value)),
            (None, Some(_)) => return Err(errors::of(ACTION, "InvalidTag.Mismatch")),
            (None, None) => {}
        }
    }
    Ok(tags)
}

fn time_filter(context: &Context<'_>, n: &str, key: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    match context.filled(&format!("Filter.{n}.Key")) {
        None => return Ok(None),
        Some(found) if found == key => {}
        Some(_) => return Err(errors::of(ACTION, "InvalidFilterKey.NotFound")),
    }
    let text = context.filled(&format!("Filter.{n}.Value")).unwrap_or_default();
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ");
    let wrong = || ApiError::new(400, "InvalidFilterValue", "The specified filter value is not valid.");
    time.map(|time| Some(time.and_utc())).map_err(|_| wrong())
}

/// A name pattern with `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Expired, locked and waiting instances all show Stopped. Assumed for both sites from the moment of
/// expiry on; the international billing guide has days of grace (dis).
fn status(instance: &Instance, now: DateTime<Utc>) -> &str {
    if instance.is_expired(now) { "Stopped" } else { instance.status.as_deref().unwrap_or("Running") }
}

fn locks(instance: &Instance, now: DateTime<Utc>) -> Vec<String> {
    let mut locks: Vec<String> = instance.lock.iter().cloned().collect();
    if instance.is_expired(now) && !locks.iter().any(|lock| lock == "financial") {
        locks.push("financial".to_owned());
    }
    locks
}

fn encode(instance: &Instance, now: DateTime<Utc>) -> Value {
    let prepaid = instance.charge_type == ChargeType::PrePaid;
    let expired_time = if prepaid {
        instance.visible(now).format("%Y-%m-%dT%H:%MZ").to_string()
    } else {
        SENTINEL.to_owned()
    };
    let locks: Vec<Value> =
        locks(instance, now).into_iter().map(|lock| json!({ "LockReason": lock, "LockMsg": "" })).collect();
    let mut reply = json!({
        "InstanceId": instance.id,
        "InstanceName": instance.name,
        "RegionId": instance.region,
        "ZoneId": instance.zone,
        "Status": status(instance, now),
        "InstanceChargeType": if prepaid { "PrePaid" } else { "PostPaid" },
        "InstanceType": instance.instance_type,
        "CreationTime": "2024-04-14T22:32Z",
        "StartTime": "2024-04-14T22:32Z",
        "ExpiredTime": expired_time,
        "SaleCycle": if prepaid { "month" } else { "" },
        "OperationLocks": { "LockReason": locks },
        "ResourceGroupId": instance.resource_group,
        "VpcAttributes": { "VpcId": instance.vpc },
        "StoppedMode": "Not-applicable",
        "Recyclable": false,
        "SecurityGroupIds": { "SecurityGroupId": instance.security_groups },
        "InstanceNetworkType": "vpc",
    });
    // An untagged instance has no Tags at all (real reply of 2024).
    if !instance.tags.is_empty() {
        let tags: Vec<Value> =
            instance.tags.iter().map(|(key, value)| json!({ "TagKey": key, "TagValue": value })).collect();
        merge(&mut reply, json!({ "Tags": { "Tag": tags } }));
    }
    reply
}
