//! Live state: what the cloud reported, and when.
//!
//! Plain data. There is no half-read live state: of every id asked for there is an [`Answer`], and
//! what could not be read says why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, RegionId};
use crate::money::Money;
use crate::term::LiveAutoRenew;
use crate::text::Untrusted;

/// How an instance is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChargeType {
    /// 包年包月, PrePaid: it has an expiry and can be renewed.
    Subscription,
    /// PostPaid: its "expiry" is a sentinel and means nothing.
    PayAsYouGo,
    /// A word that no page explains.
    Other(Untrusted),
}

/// What an instance does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Working.
    Running,
    /// Stopped: by hand, expired, locked or waiting for release.
    Stopped,
    /// Anything else.
    Other(Untrusted),
}

/// Why operations on an instance are restricted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lock {
    /// Expired or in arrears. It can still be renewed.
    Financial,
    /// For security reasons. Not renewable.
    Security,
    /// A preemptible instance being released.
    Recycling,
    /// Its dedicated host is in arrears. Not renewable.
    DedicatedHostFinancial,
    /// Refunded. Not renewable.
    Refunded,
    /// A word that no page explains.
    Other(Untrusted),
}

/// Whether two readings have the same locks, but for the financial one: that comes with the expiry by itself
/// (reference 2.1) and forbids no renewal, so that an instance that has just expired is not another one.
pub fn are_same_locks(one: &[Lock], other: &[Lock]) -> bool {
    let telling = |lock: &&Lock| **lock != Lock::Financial;
    one.iter().filter(telling).eq(other.iter().filter(telling))
}

/// One instance as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveInstance {
    /// Which one.
    pub id: InstanceId,
    /// Its name.
    pub name: Untrusted,
    /// Where it is.
    pub region: RegionId,
    /// How it is paid.
    pub charge_type: ChargeType,
    /// When its paid time ends, to the minute; no meaning unless it is a subscription.
    pub expires_at: DateTime<Utc>,
    /// What it does.
    pub status: Status,
    /// What restricts it.
    pub locks: Vec<Lock>,
    /// Its auto-renewal setting, or why it could not be read; `None` when it was not asked for.
    pub auto_renew: Option<Result<LiveAutoRenew, Unreadable>>,
}

/// Why something could not be read: text for people, already free of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// What was tried and what came back, with code and RequestId.
    pub reason: String,
    /// What a person can do about it, if that is known.
    pub hint: Option<Cow<'static, str>>,
}

impl Unreadable {
    /// For a reason that says all that is known.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None }
    }
}

/// What reading one id brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It exists.
    Found(Box<LiveInstance>),
    /// The region was read and has no such instance for this key.
    Absent,
    /// It could not be read.
    Unreadable(Unreadable),
}

/// One reading of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// When, by the cloud's clock: the Date header of the first page that arrived.
    pub read_at: DateTime<Utc>,
    /// An answer for every id that was asked for.
    pub answers: BTreeMap<(RegionId, InstanceId), Answer>,
}

impl Live {
    /// The regions of the answers of a kind, once for each.
    pub fn regions(&self, kind: impl Fn(&Answer) -> bool) -> impl Iterator<Item = RegionId> {
        self.answers.iter().filter(move |(_, answer)| kind(answer)).map(|((region, _), _)| region.clone())
    }

    /// Whether everything could be read.
    pub fn is_complete(&self) -> bool {
        self.answers.values().all(|answer| match answer {
            Answer::Unreadable(_) => false,
            Answer::Found(instance) => !matches!(instance.auto_renew, Some(Err(_))),
            Answer::Absent => true,
        })
    }
}

/// What a renewal would cost, as quoted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What is to pay.
    pub amount: Money,
    /// What the list says, in the same currency.
    pub list_amount: Decimal,
    /// When it was quoted, by the cloud's clock.
    pub quoted_at: DateTime<Utc>,
}
