//! The state of a world: instances, tokens, ledger, faults. Plain data that is saved as one JSON text.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ACCOUNT;
use super::fault::{Effect, Fault};
use super::life::Event;
use super::roles::{Metadata, Role, Session};
use super::terms::{Site, Unit};
use super::world::{Assumptions, WorldError};

const VERSION: u32 = 2;
/// The clock is advanced by at most a thousand years, so that it never leaves the calendar.
const ADVANCED_S_MAX: i64 = 1000 * 365 * 86_400;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    pub(super) id: String,
    /// The machine's time when the world was seeded.
    pub(super) seeded_at: DateTime<Utc>,
    /// The world's time at that moment.
    pub(super) start: DateTime<Utc>,
    pub(super) advanced_s: i64,
    pub(super) site: Site,
    /// Missing in states of before there were accounts.
    #[serde(default = "usual_account")]
    pub(super) account: String,
    pub(super) balance: Option<Decimal>,
    pub(super) effect_delay_s: i64,
    pub(super) keys: BTreeMap<String, Key>,
    /// By ARN. Roles and sessions are missing in states of before there were any.
    #[serde(default)]
    pub(super) roles: BTreeMap<String, Role>,
    /// By the id of their key, and so in the order in which they were given.
    #[serde(default)]
    pub(super) sessions: BTreeMap<String, Session>,
    /// Sessions so far.
    #[serde(default)]
    pub(super) issued: u64,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) tokens: BTreeMap<String, TokenUse>,
    pub(super) ledger: Vec<Charge>,
    /// What happened by itself, in order.
    pub(super) events: Vec<Event>,
    /// The world's time up to which everything has happened that happens by itself.
    pub(super) lived_until: DateTime<Utc>,
    pub(super) faults: Vec<Fault>,
    /// Calls of each action that passed the gateway.
    pub(super) counts: BTreeMap<String, u64>,
    /// All requests.
    pub(super) requests: u64,
    pub(super) assumptions: Assumptions,
}

pub(super) fn usual_account() -> String {
    ACCOUNT.to_owned()
}

#[allow(clippy::struct_field_names, reason = "instance type is the API's word")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) charge_type: ChargeType,
    pub(super) expires_at: DateTime<Utc>,
    /// Renewals that were charged and whose effect shows only later, in order.
    pub(super) pending: Vec<Pending>,
    pub(super) auto_renew: AutoRenew,
    /// When the setting was made; it takes effect the next day.
    pub(super) auto_renew_since: DateTime<Utc>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) security_groups: Vec<String>,
    pub(super) price_per_month: Option<Decimal>,
    pub(super) list_price_per_month: Option<Decimal>,
    pub(super) lock: Option<String>,
    pub(super) status: Option<String>,
    pub(super) zone: String,
    pub(super) vpc: String,
    pub(super) resource_group: String,
    pub(super) instance_type: String,
    /// Actions that are refused for it, and the codes.
    pub(super) refuses: BTreeMap<String, String>,
}

/// An access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    /// With a session, the token that every request must carry.
    #[serde(default)]
    pub(super) token: Option<String>,
    /// When the session ends, by the world's clock.
    #[serde(default)]
    pub(super) token_expires_at: Option<DateTime<Utc>>,
    /// Whether it was disabled.
    #[serde(default)]
    pub(super) inactive: bool,
    /// Actions that its policy does not allow.
    #[serde(default)]
    pub(super) deny: Vec<String>,
}

impl Key {
    /// A key without a session, with every right.
    pub(super) fn lasting(id: &str, secret: &str) -> Self {
        let (id, secret) = (id.to_owned(), secret.to_owned());
        Self { id, secret, token: None, token_expires_at: None, inactive: false, deny: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ChargeType {
    #[default]
    PrePaid,
    PostPaid,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) visible_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AutoRenew {
    /// RenewalStatus.
    pub(super) status: String,
    pub(super) duration: i64,
    pub(super) unit: Unit,
}

impl AutoRenew {
    pub(super) fn off(status: &str) -> Self {
        Self { status: status.to_owned(), duration: 0, unit: Unit::Month }
    }
}

/// What a ClientToken was used for, and the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TokenUse {
    pub(super) at: DateTime<Utc>,
    pub(super) parameters: String,
    pub(super) result: TokenResult,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum TokenResult {
    Order(u64),
    Refused { http: u16, code: String, message: String },
}

/// Who placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Buyer {
    /// A client, by RenewInstance.
    Api,
    /// The platform, because auto-renewal is on.
    Platform,
}

impl Buyer {
    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Platform => "platform",
        }
    }
}

/// One charge in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// When, by the world's clock.
    pub at: DateTime<Utc>,
    /// For which instance.
    pub instance_id: String,
    /// Where.
    pub region: String,
    /// How many units.
    pub period: i64,
    /// Week or Month.
    pub unit: String,
    /// What was debited.
    pub amount: Decimal,
    /// In which currency.
    pub currency: String,
    /// Who bought it.
    pub by: Buyer,
    /// The token it was sent with.
    pub client_token: Option<String>,
    /// The order it made.
    pub order_id: u64,
    /// The request that made it.
    pub request_id: String,
    /// The expiry before.
    pub expires_before: DateTime<Utc>,
    /// The expiry after.
    pub expires_after: DateTime<Utc>,
}

/// How an instance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// The expiry that replies show.
    pub visible_expiry: DateTime<Utc>,
    /// The expiry that is paid for.
    pub paid_until: DateTime<Utc>,
    /// RenewalStatus.
    pub renewal_status: String,
    /// Duration and PeriodUnit of auto-renewal.
    pub auto_renew: (i64, String),
}

impl Instance {
    /// The expiry that replies show at `now`.
    pub(super) fn visible(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let shown = self.pending.iter().rev().find(|pending| pending.visible_at <= now);
        shown.map_or(self.expires_at, |pending| pending.expires_at)
    }

    /// The expiry that is paid for.
    pub(super) fn paid_until(&self) -> DateTime<Utc> {
        self.pending.last().map_or(self.expires_at, |pending| pending.expires_at)
    }

    pub(super) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.charge_type == ChargeType::PrePaid && self.visible(now) <= now
    }

    pub(super) fn view(&self, now: DateTime<Utc>) -> InstanceView {
        InstanceView {
            visible_expiry: self.visible(now),
            paid_until: self.paid_until(),
            renewal_status: self.auto_renew.status.clone(),
            auto_renew: (self.auto_renew.duration, self.auto_renew.unit.spelled().to_owned()),
        }
    }
}

impl State {
    pub(super) fn new(id: &str, seeded_at: DateTime<Utc>, start: DateTime<Utc>) -> Self {
        Self {
            version: VERSION,
            id: id.to_owned(),
            seeded_at,
            start,
            advanced_s: 0,
            site: Site::default(),
            account: usual_account(),
            balance: None,
            effect_delay_s: 0,
            keys: BTreeMap::new(),
            roles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            issued: 0,
            metadata: None,
            instances: BTreeMap::new(),
            tokens: BTreeMap::new(),
            ledger: Vec::new(),
            events: Vec::new(),
            lived_until: start,
            faults: Vec::new(),
            counts: BTreeMap::new(),
            requests: 0,
            assumptions: Assumptions::default(),
        }
    }

    pub(super) fn from_json(json: &str) -> Result<Self, WorldError> {
        let state: Self = serde_json::from_str(json).map_err(|error| WorldError::Form(error.to_string()))?;
        if state.version != VERSION {
            return Err(WorldError::Form(format!("its version is {}, not {VERSION}", state.version)));
        }
        Ok(state)
    }

    pub(super) fn to_json(&self) -> String {
        // Maps with text keys and plain data always encode.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(super) fn now(&self, wall: DateTime<Utc>) -> DateTime<Utc> {
        let advanced_s = self.advanced_s.clamp(-ADVANCED_S_MAX, ADVANCED_S_MAX);
        self.start + (wall - self.seeded_at) + Duration::seconds(advanced_s)
    }

    /// How far the gateway's clock is from the machine's.
    pub(super) fn skew(&self) -> Duration {
        Duration::seconds(self.assumptions.clock_skew_s)
    }

    /// Counts a call of `action` and finds the fault that is set on it.
    pub(super) fn next_effect(&mut self, action: &str, instance: Option<&str>) -> Option<Effect> {
        let count = self.counts.entry(action.to_owned()).or_default();
        *count += 1;
        let nth = *count;
        self.faults.iter().find(|fault| fault.is_on(action, instance, nth)).map(Fault::effect)
    }
}
