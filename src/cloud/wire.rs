//! What the five actions say on the wire: parameters out, replies in. API words live here and in the
//! emulator, nowhere else.
//!
//! Replies are typed and name only what is needed. Field notes are from reference 2.

use chrono::{DateTime, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::calendar::to_minute;
use crate::ids::{ClientToken, InstanceId, RegionId};
use crate::live::{ChargeType, LiveInstance, Lock, Quote, Status, Unreadable};
use crate::money::{Currency, Money};
use crate::term::{AutoRenew, LiveAutoRenew, PurchaseTerm, Term};
use crate::text::Untrusted;

/// Ids in one call (InstanceIds and InstanceId, at most 100).
pub(super) const BATCH: usize = 100;

/// One action with its parameters, without the common ones.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) parameters: Vec<(&'static str, String)>,
}

/// DescribeInstances for named ids: a JSON array in a string, and the page size always stated,
/// because the default is 10.
pub(super) fn describe_instances(region: &RegionId, ids: &[InstanceId], next_token: Option<&str>) -> Action {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    let mut parameters = vec![
        ("RegionId", region.to_string()),
        ("InstanceIds", format!("[{}]", quoted.join(","))),
        ("MaxResults", BATCH.to_string()),
    ];
    if let Some(token) = next_token {
        parameters.push(("NextToken", token.to_owned()));
    }
    Action { name: "DescribeInstances", parameters }
}

/// DescribeInstanceAutoRenewAttribute: a comma list, and the page size always stated: 100 ids with
/// the default page size return only 10.
pub(super) fn describe_auto_renew(region: &RegionId, ids: &[InstanceId], page: u32) -> Action {
    let parameters = vec![
        ("RegionId", region.to_string()),
        ("InstanceId", comma_list(ids)),
        ("PageNumber", page.to_string()),
        ("PageSize", BATCH.to_string()),
    ];
    Action { name: "DescribeInstanceAutoRenewAttribute", parameters }
}

/// ModifyInstanceAutoRenewAttribute. RenewalStatus is always sent: without it and without AutoRenew
/// the call would switch auto-renewal off.
pub(super) fn modify_auto_renew(region: &RegionId, ids: &[InstanceId], setting: AutoRenew) -> Action {
    let mut parameters = vec![("RegionId", region.to_string()), ("InstanceId", comma_list(ids))];
    match setting {
        AutoRenew::Every(term) => {
            let (number, unit) = period(term.term());
            parameters.push(("RenewalStatus", "AutoRenewal".to_owned()));
            parameters.push(("Duration", number));
            parameters.push(("PeriodUnit", unit.to_owned()));
        }
        AutoRenew::Off => parameters.push(("RenewalStatus", "Normal".to_owned())),
        AutoRenew::Never => parameters.push(("RenewalStatus", "NotRenewal".to_owned())),
    }
    Action { name: "ModifyInstanceAutoRenewAttribute", parameters }
}

/// RenewInstance. It has no RegionId: the host decides.
pub(super) fn renew(id: &InstanceId, term: PurchaseTerm, token: &ClientToken) -> Action {
    let (number, unit) = period(term.term());
    let parameters = vec![
        ("InstanceId", id.to_string()),
        ("Period", number),
        ("PeriodUnit", unit.to_owned()),
        ("ClientToken", token.to_string()),
    ];
    Action { name: "RenewInstance", parameters }
}

/// DescribeRenewalPrice. 12, 24 and 36 months are asked as 1, 2 and 3 years; weeks, 48 and 60 months
/// cannot be asked (`None`). The unit is called PriceUnit here.
pub(super) fn renewal_price(region: &RegionId, id: &InstanceId, term: Term) -> Option<Action> {
    let (number, unit) = match term {
        Term::Months(months @ 1..=9) => (months, "Month"),
        Term::Months(months @ (12 | 24 | 36)) => (months / 12, "Year"),
        Term::Months(_) | Term::Weeks(_) => return None,
    };
    let parameters = vec![
        ("RegionId", region.to_string()),
        ("ResourceId", id.to_string()),
        ("ResourceType", "instance".to_owned()),
        ("Period", number.to_string()),
        ("PriceUnit", unit.to_owned()),
    ];
    Some(Action { name: "DescribeRenewalPrice", parameters })
}

fn comma_list(ids: &[InstanceId]) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(",")
}

/// Number and unit. Months are always sent as months: both sites take them.
fn period(term: Term) -> (String, &'static str) {
    match term {
        Term::Weeks(weeks) => (weeks.to_string(), "Week"),
        Term::Months(months) => (months.to_string(), "Month"),
    }
}

/// The body of an error answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ErrorReply {
    pub(super) request_id: Option<String>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// An answer whose RequestId is all that matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PlainReply {
    pub(super) request_id: String,
}

/// DescribeInstances. Lists are wrapped twice.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstancesReply {
    instances: InstancesList,
    #[serde(default)]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstancesList {
    #[serde(default)]
    instance: Vec<Box<RawValue>>,
}

/// As much of a record as is needed to say whose it is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    instance_id: String,
}

/// A record of a list: read, or not understood although its id is. One odd record must not make a
/// hundred unreadable.
fn record<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<(String, Result<T, Unreadable>)> {
    let Named { instance_id } = serde_json::from_str(raw.get()).ok()?;
    let record = serde_json::from_str(raw.get()).map_err(|error| Unreadable {
        reason: format!("its record is not understood: {}", crate::text::escape(&error.to_string())),
    });
    Some((instance_id, record))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceReply {
    #[serde(default)]
    instance_name: Option<String>,
    region_id: String,
    instance_charge_type: String,
    #[serde(default)]
    expired_time: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    operation_locks: Option<LocksList>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LocksList {
    lock_reason: Vec<LockReply>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LockReply {
    lock_reason: String,
}

impl InstancesReply {
    /// Ids and records, in the order of the reply.
    pub(super) fn records(&self) -> impl Iterator<Item = (String, Result<InstanceReply, Unreadable>)> + '_ {
        self.instances.instance.iter().filter_map(|raw| record(raw))
    }
}

impl InstanceReply {
    /// The live instance; its setting is read by another call.
    pub(super) fn into_live(self, id: &InstanceId, region: &RegionId) -> Result<LiveInstance, Unreadable> {
        if self.region_id != region.as_str() {
            let found = crate::text::escape(&self.region_id);
            return Err(Unreadable { reason: format!("asked in {region}, the cloud says it is in {found}") });
        }
        let charge_type = match self.instance_charge_type.as_str() {
            "PrePaid" => ChargeType::Subscription,
            "PostPaid" => ChargeType::PayAsYouGo,
            _ => ChargeType::Other(Untrusted::new(self.instance_charge_type)),
        };
        let expired_time = self.expired_time.unwrap_or_default();
        let expires_at = match parse_time(&expired_time) {
            Some(time) => time,
            // Without a subscription the expiry means nothing, whatever it says.
            None if charge_type != ChargeType::Subscription => DateTime::<Utc>::MAX_UTC,
            None => {
                let text = crate::text::escape(&expired_time);
                return Err(Unreadable {
                    reason: format!("its ExpiredTime is \"{text}\", which is no time"),
                });
            }
        };
        let mut locks: Vec<Lock> = self
            .operation_locks
            .unwrap_or_default()
            .lock_reason
            .into_iter()
            .map(|lock| parse_lock(lock.lock_reason))
            .collect();
        locks.sort_by_key(|lock| format!("{lock:?}"));
        Ok(LiveInstance {
            id: id.clone(),
            name: Untrusted::new(self.instance_name.unwrap_or_default()),
            region: region.clone(),
            charge_type,
            expires_at,
            status: match self.status.as_deref().unwrap_or_default() {
                "Running" => Status::Running,
                "Stopped" => Status::Stopped,
                other => Status::Other(Untrusted::new(other)),
            },
            locks,
            auto_renew: None,
        })
    }
}

/// Documented in two spellings of case (Recycling, recycling).
fn parse_lock(word: String) -> Lock {
    match word.to_ascii_lowercase().as_str() {
        "financial" => Lock::Financial,
        "security" => Lock::Security,
        "recycling" => Lock::Recycling,
        "dedicatedhostfinancial" => Lock::DedicatedHostFinancial,
        "refunded" => Lock::Refunded,
        _ => Lock::Other(Untrusted::new(word)),
    }
}

/// `2026-12-02T16:00Z`, and with seconds: pages and replies differ.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    ["%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|naive| to_minute(naive.and_utc()))
}

/// DescribeInstanceAutoRenewAttribute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AutoRenewReply {
    instance_renew_attributes: AutoRenewList,
    #[serde(default)]
    pub(super) total_count: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AutoRenewList {
    #[serde(default)]
    instance_renew_attribute: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AutoRenewItem {
    #[serde(default)]
    auto_renew_enabled: Option<bool>,
    #[serde(default)]
    renewal_status: Option<String>,
    #[serde(default)]
    duration: Option<i64>,
    #[serde(default)]
    period_unit: Option<String>,
}

impl AutoRenewReply {
    /// How many records the reply has.
    pub(super) fn len(&self) -> usize {
        self.instance_renew_attributes.instance_renew_attribute.len()
    }

    /// Ids and settings, in the order of the reply.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, Result<LiveAutoRenew, Unreadable>)> + '_ {
        let records = self.instance_renew_attributes.instance_renew_attribute.iter();
        records
            .filter_map(|raw| record::<AutoRenewItem>(raw))
            .map(|(id, item)| (id, item.and_then(|item| item.setting())))
    }
}

impl AutoRenewItem {
    /// The setting. Duration and PeriodUnit mean nothing unless auto-renewal is on; older answers
    /// lack RenewalStatus and PeriodUnit (months then).
    fn setting(&self) -> Result<LiveAutoRenew, Unreadable> {
        let unreadable = |what: String| Unreadable {
            reason: format!("its auto-renewal setting is not understood: {what}"),
        };
        let on = match (self.renewal_status.as_deref(), self.auto_renew_enabled) {
            (Some("AutoRenewal"), _) => true,
            (Some("Normal"), _) => false,
            (Some("NotRenewal"), _) => return Ok(LiveAutoRenew::Never),
            (None | Some(""), Some(enabled)) => enabled,
            (status, _) => {
                let status = crate::text::escape(status.unwrap_or("(none)"));
                return Err(unreadable(format!("RenewalStatus {status}")));
            }
        };
        if !on {
            return Ok(LiveAutoRenew::Off);
        }
        let unit = self.period_unit.as_deref().unwrap_or("Month").to_ascii_lowercase();
        let number =
            self.duration.and_then(|duration| u8::try_from(duration).ok()).filter(|number| *number > 0);
        let term = match (number, unit.as_str()) {
            (Some(number), "week") => Some(Term::Weeks(number)),
            (Some(number), "month" | "") => Some(Term::Months(number)),
            (Some(number), "year") => number.checked_mul(12).map(Term::Months),
            _ => None,
        };
        term.map(LiveAutoRenew::Every).ok_or_else(|| {
            let unit = crate::text::escape(&unit);
            unreadable(format!("Duration {:?} with PeriodUnit {unit}", self.duration))
        })
    }
}

/// RenewInstance. The SDK says OrderId is a string, the page's sample has a number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RenewReply {
    #[serde(default)]
    order_id: Option<Box<RawValue>>,
    pub(super) request_id: String,
}

impl RenewReply {
    /// The order's number; `None` if there is none.
    pub(super) fn order(&self) -> Option<String> {
        let raw = self.order_id.as_ref()?.get();
        let order = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
        let plain =
            !order.is_empty() && order.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (plain && order != "null").then_some(order)
    }
}

/// DescribeRenewalPrice. Prices are read from the JSON text, never through a float.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PriceReply {
    price_info: PriceInfo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PriceInfo {
    price: PriceItem,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PriceItem {
    trade_price: Box<RawValue>,
    #[serde(default)]
    original_price: Option<Box<RawValue>>,
    currency: String,
}

impl PriceReply {
    /// The quote; `None` if it is no price: not a number, negative, or without a currency.
    pub(super) fn quote(&self, quoted_at: DateTime<Utc>) -> Option<Quote> {
        let price = &self.price_info.price;
        let currency = Currency::parse(&price.currency).ok()?;
        let amount = decimal(&price.trade_price)?;
        let list_amount = price.original_price.as_ref().and_then(|raw| decimal(raw)).unwrap_or(amount);
        Some(Quote { amount: Money { amount, currency }, list_amount, quoted_at })
    }
}

fn decimal(raw: &RawValue) -> Option<Decimal> {
    let text = raw.get().trim().trim_matches('"');
    let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    exact.ok().filter(|amount| amount.is_zero() || amount.is_sign_positive())
}
