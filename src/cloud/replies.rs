//! What the actions answer: typed, and only the fields that are needed. Field notes are from
//! reference 2.
//!
//! It decides nothing: what is not understood is said to be unreadable, never guessed.

use chrono::{DateTime, Datelike as _, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::calendar::{YEARS, to_minute};
use crate::ids::{InstanceId, RegionId};
use crate::live::{ChargeType, LiveInstance, Lock, Quote, Status, Unreadable};
use crate::money::{Currency, Money, parse_amount};
use crate::term::{LiveAutoRenew, Term};
use crate::text::{Untrusted, escape};

/// A Date header: `Tue, 01 Dec 2026 02:05:00 GMT`.
pub(super) fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok().map(|naive| naive.and_utc())
}

/// Codes and RequestIds as they should be: short and plain.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
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
    #[serde(default, deserialize_with = "plain_id")]
    pub(super) request_id: Option<String>,
}

/// DescribeInstances. Lists are wrapped twice.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstancesReply {
    instances: InstancesList,
    #[serde(default)]
    pub(super) next_token: Option<String>,
}

/// The inner list is never missing, also when it is empty: an answer without it says nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstancesList {
    instance: Vec<Record<InstanceReply>>,
}

/// A record of a list: whose it is, and its content if that is understood. One odd record must not
/// make the hundred of its page unreadable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<T> {
    /// A list with a record that does not even say this is not understood at all: it could be anyone's.
    pub(super) instance_id: String,
    pub(super) content: Result<T, Unreadable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    instance_id: String,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let named: Named = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        let content = serde_json::from_str(raw.get()).map_err(|error| {
            Unreadable::because(format!("its record is not understood: {}", escape(&error.to_string())))
        });
        Ok(Self { instance_id: named.instance_id, content })
    }
}

/// What is missing here makes one instance unreadable, not its page.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceReply {
    instance_name: Option<String>,
    region_id: Option<String>,
    instance_charge_type: Option<String>,
    expired_time: Option<String>,
    status: Option<String>,
    operation_locks: Option<LocksList>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LocksList {
    lock_reason: Option<Vec<LockReply>>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LockReply {
    lock_reason: Option<String>,
}

impl InstancesReply {
    pub(super) fn into_instances(self) -> Vec<Record<InstanceReply>> {
        self.instances.instance
    }
}

impl InstanceReply {
    /// The live instance; its setting is read by another call.
    pub(super) fn into_live(self, id: &InstanceId, region: &RegionId) -> Result<LiveInstance, Unreadable> {
        let region_id = self.region_id.unwrap_or_default();
        if region_id != region.as_str() {
            let found = escape(&region_id);
            return Err(Unreadable::because(format!(
                "asked in {region}, the cloud says it is in \"{found}\""
            )));
        }
        let charge_type = match self.instance_charge_type.unwrap_or_default() {
            word if word == "PrePaid" => ChargeType::Subscription,
            word if word == "PostPaid" => ChargeType::PayAsYouGo,
            word => ChargeType::Other(Untrusted::new(word)),
        };
        let expired_time = self.expired_time.unwrap_or_default();
        let expires_at = match parse_time(&expired_time) {
            Some(time) => time,
            // Of pay-as-you-go the expiry means nothing, whatever it says.
            None if charge_type == ChargeType::PayAsYouGo => DateTime::UNIX_EPOCH,
            None => {
                let text = escape(&expired_time);
                return Err(Unreadable::because(format!("its ExpiredTime is \"{text}\", which is no time")));
            }
        };
        let reasons = self.operation_locks.and_then(|locks| locks.lock_reason).unwrap_or_default();
        let mut locks: Vec<Lock> =
            reasons.into_iter().map(|lock| parse_lock(lock.lock_reason.unwrap_or_default())).collect();
        locks.sort_by_key(|lock| format!("{lock:?}"));
        Ok(LiveInstance {
            id: id.clone(),
            name: Untrusted::new(self.instance_name.unwrap_or_default()),
            region: region.clone(),
            charge_type,
            expires_at,
            status: match self.status.unwrap_or_default() {
                word if word == "Running" => Status::Running,
                word if word == "Stopped" => Status::Stopped,
                word => Status::Other(Untrusted::new(word)),
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
        .filter(|naive| YEARS.contains(&naive.year()))
        .map(|naive| to_minute(naive.and_utc()))
}

/// DescribeInstanceAutoRenewAttribute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AutoRenewReply {
    instance_renew_attributes: AutoRenewList,
    #[serde(default)]
    pub(super) total_count: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AutoRenewList {
    instance_renew_attribute: Vec<Record<AutoRenewItem>>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
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
    pub(super) fn into_items(self) -> Vec<Record<AutoRenewItem>> {
        self.instance_renew_attributes.instance_renew_attribute
    }
}

impl AutoRenewItem {
    /// The setting. Duration and PeriodUnit mean nothing unless auto-renewal is on; older answers
    /// lack RenewalStatus and PeriodUnit (months then).
    pub(super) fn setting(&self) -> Result<LiveAutoRenew, Unreadable> {
        let unreadable =
            |what: String| Unreadable::because(format!("its auto-renewal setting is not understood: {what}"));
        let on = match (self.renewal_status.as_deref(), self.auto_renew_enabled) {
            (Some("AutoRenewal"), _) => true,
            (Some("Normal"), _) => false,
            (Some("NotRenewal"), _) => return Ok(LiveAutoRenew::Never),
            (None | Some(""), Some(enabled)) => enabled,
            (status, _) => {
                let status = escape(status.unwrap_or("(none)"));
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
            let unit = escape(&unit);
            unreadable(format!("Duration {:?} with PeriodUnit {unit}", self.duration))
        })
    }
}

/// RenewInstance. An answer without an order acknowledges nothing, and is not understood.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RenewReply {
    #[serde(deserialize_with = "order_id")]
    pub(super) order_id: String,
    #[serde(default, deserialize_with = "plain_id")]
    pub(super) request_id: Option<String>,
}

/// The SDK says that OrderId is a string, the page's sample has a number. Digits of any length.
fn order_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let text = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && text != "null";
    if text.is_empty() || text.len() > 64 || !plain {
        return Err(D::Error::custom("OrderId is no order"));
    }
    Ok(text)
}

/// A RequestId as it should be, or none.
fn plain_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text
        .filter(|text| !text.is_empty() && text.len() <= 100 && text.bytes().all(|b| b.is_ascii_graphic())))
}

/// DescribeRenewalPrice. Prices are read from the JSON text, never through a float.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PriceReply {
    price_info: PriceInfo,
    #[serde(default, deserialize_with = "plain_id")]
    pub(super) request_id: Option<String>,
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

/// QueryAccountBalance: an envelope, and in it amounts in strings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BalanceReply {
    #[serde(default)]
    success: bool,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    data: Option<BalanceItem>,
    #[serde(default, deserialize_with = "plain_id")]
    pub(super) request_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BalanceItem {
    #[serde(default)]
    available_amount: Option<Box<RawValue>>,
    #[serde(default)]
    currency: Option<String>,
}

impl BalanceReply {
    /// Code and message, if the envelope says that nothing was told. The code of success is `200`, and
    /// was `Success` (reference 6).
    pub(super) fn refusal(&self) -> Option<(Option<&str>, &str)> {
        let code = self.code.as_deref();
        if self.success && matches!(code, None | Some("200" | "Success")) {
            return None;
        }
        let code = code.filter(|code| !matches!(*code, "200" | "Success"));
        Some((code, self.message.as_deref().unwrap_or("the answer does not say that it succeeded")))
    }

    /// What can be spent; `None` if it is no amount, or without a currency. Below zero nothing can.
    pub(super) fn available(&self) -> Option<Money> {
        let item = self.data.as_ref()?;
        let currency = Currency::parse(item.currency.as_deref()?).ok()?;
        let raw = item.available_amount.as_deref()?;
        let text = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        let amount = match text.strip_prefix('-') {
            Some(owed) => parse_amount(owed).ok().map(|_| Decimal::ZERO)?,
            None => decimal(raw)?,
        };
        Some(Money { amount, currency })
    }
}

/// GetCallerIdentity (the page's sample has no errors and always an account).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CallerReply {
    pub(super) account_id: String,
    #[serde(default, deserialize_with = "plain_id")]
    pub(super) request_id: Option<String>,
}

/// DescribeRegions: the ids alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RegionsReply {
    regions: RegionList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegionList {
    region: Vec<RegionItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegionItem {
    region_id: String,
}

impl RegionsReply {
    pub(super) fn into_ids(self) -> Vec<String> {
        self.regions.region.into_iter().map(|item| item.region_id).collect()
    }
}

/// A JSON number, or one in a string, exactly. Java writes 10,000,000 as `1.0E7`, so that exponents
/// occur in numbers; signs do not.
fn decimal(raw: &RawValue) -> Option<Decimal> {
    let text = raw.get();
    if let Ok(inner) = serde_json::from_str::<String>(text) {
        return parse_amount(&inner).ok();
    }
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return parse_amount(text).ok() };
    let mut amount = parse_amount(digits).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let scale = i64::from(amount.scale()) - i64::from(exponent);
    if scale >= 0 {
        amount.set_scale(u32::try_from(scale).ok()?).ok()?;
        return Some(amount);
    }
    amount.set_scale(0).ok()?;
    let zeros = u32::try_from(-scale).ok().filter(|zeros| *zeros <= 28)?;
    amount.checked_mul(Decimal::from_i128_with_scale(10_i128.pow(zeros), 0))
}
