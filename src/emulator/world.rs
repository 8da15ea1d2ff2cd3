//! World files: what a fresh world looks like. YAML, every key known, every value checked.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::api::errors;
use super::fault::Fault;
use super::roles::{self, Metadata, Role};
use super::state::{AutoRenew, ChargeType, Instance, Key, State, usual_account};
use super::terms::{self, Site, Unit};
use super::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};

/// Why a world cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The text is not of the form.
    #[error("{0}")]
    Form(String),
    /// A value of an instance is wrong.
    #[error("instance {id}: {why}")]
    Instance {
        /// Which one.
        id: String,
        /// What is wrong, and how to write it.
        why: String,
    },
}

/// Behaviour that no documentation settles. Every value is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Assumptions {
    /// How long a ClientToken is remembered. Assumed: a day (no page gives a time).
    pub(super) token_retention_s: i64,
    /// Whether a refusal is repeated for its token. Assumed: no.
    pub(super) refusals_stick: bool,
    /// Whether a batch with one bad id changes the ids before it. Assumed: no, all or nothing.
    pub(super) batches_are_partial: bool,
    /// Whether Duration and PeriodUnit survive switching off. Assumed: no; a real reply has 0 and Month.
    pub(super) off_keeps_duration: bool,
    /// The gateway's clock minus the machine's.
    pub(super) clock_skew_s: i64,
    /// On which days the platform tries to renew, counted back from the day of expiry; negative: after
    /// it. The pages contradict each other, so the default depends on the site: [`deduction_days`].
    pub(super) deduction_days: Option<Vec<i64>>,
    /// So many days after the day of expiry an instance is released, at 00:00 Beijing time. 15 on the
    /// China site and on the international ECS page; the international billing guide says 30 (dis).
    pub(super) released_after_days: i64,
    /// No renewal leads beyond this. A code is documented, the date is not: assumed to be none.
    pub(super) latest_expiry: Option<DateTime<Utc>>,
}

/// China: each day from the 9th before expiry to the last (ECS API text, China FAQ). International:
/// the days of the billing guide; the ECS page of that site says the 9th day too (dis).
fn deduction_days(site: Site) -> Vec<i64> {
    match site {
        Site::China => (1..=9).rev().collect(),
        Site::International => vec![3, 1, 0, -6, -14],
    }
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            token_retention_s: 86_400,
            refusals_stick: false,
            batches_are_partial: false,
            off_keeps_duration: false,
            clock_skew_s: 0,
            deduction_days: None,
            released_after_days: 15,
            latest_expiry: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorldFile {
    now: DateTime<Utc>,
    #[serde(default)]
    site: Site,
    #[serde(default = "usual_account")]
    account: String,
    #[serde(default)]
    balance: Option<Decimal>,
    #[serde(default)]
    effect_delay: Option<String>,
    #[serde(default)]
    keys: Vec<Key>,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    instances: Vec<Traits>,
    #[serde(default)]
    generate: Vec<GenerateEntry>,
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    assumptions: Assumptions,
}

/// Most instances that one entry may generate.
const GENERATE_MAX: u32 = 100_000;

/// Many alike instances: ids are the prefix and a number of four digits, from 0001.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenerateEntry {
    count: u32,
    id_prefix: String,
    like: Traits,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Traits {
    /// Missing in `like`, where the number makes it.
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    region: String,
    #[serde(default)]
    charge_type: ChargeType,
    #[serde(default)]
    expires_in: Option<String>,
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    #[serde(default)]
    auto_renew: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default)]
    price_per_month: Option<Decimal>,
    #[serde(default)]
    list_price_per_month: Option<Decimal>,
    #[serde(default)]
    lock: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    vpc: Option<String>,
    #[serde(default)]
    resource_group: Option<String>,
    #[serde(default)]
    instance_type: Option<String>,
    /// By action: a code, or `code: words of its message` where a page has several such rows.
    #[serde(default)]
    refuses: BTreeMap<String, String>,
}

pub(super) fn seed(yaml: &str, wall: DateTime<Utc>, id: &str) -> Result<State, WorldError> {
    let file: WorldFile = serde_yaml::from_str(yaml).map_err(|error| WorldError::Form(error.to_string()))?;
    let mut state = State::new(id, wall, file.now);
    state.site = file.site;
    if file.account.is_empty() || !file.account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WorldError::Form(format!(
            "account: {:?} is no account id: an account id is digits",
            file.account
        )));
    }
    state.account = file.account;
    state.balance = file.balance;
    state.effect_delay_s = match &file.effect_delay {
        None => 0,
        Some(text) => {
            span(text).filter(|span| *span >= Duration::zero()).map(|span| span.num_seconds()).ok_or_else(
                || WorldError::Form(format!("effect_delay: \"{text}\" is no time; write 10s or 2m")),
            )?
        }
    };
    state.keys = file.keys.into_iter().map(|key| (key.id.clone(), key)).collect();
    if state.keys.is_empty() {
        let key = Key::lasting(ACCESS_KEY_ID, ACCESS_KEY_SECRET);
        state.keys.insert(key.id.clone(), key);
    }
    roles::seed(&mut state, file.roles, file.metadata)?;
    if let Some(problem) = file.faults.iter().find_map(Fault::problem) {
        return Err(WorldError::Form(problem));
    }
    state.faults = file.faults;
    state.assumptions = file.assumptions;
    state.assumptions.deduction_days.get_or_insert_with(|| deduction_days(file.site));
    for entry in file.instances {
        add(&mut state, entry.id.clone(), entry)?;
    }
    for entry in file.generate {
        if entry.count > GENERATE_MAX {
            return Err(WorldError::Form(format!("generate: count is at most {GENERATE_MAX}")));
        }
        for number in 1..=entry.count {
            add(&mut state, format!("{}{number:04}", entry.id_prefix), entry.like.clone())?;
        }
    }
    Ok(state)
}

fn add(state: &mut State, id: String, traits: Traits) -> Result<(), WorldError> {
    let wrong = |why: &str| WorldError::Instance { id: id.clone(), why: why.to_owned() };
    if id.is_empty() {
        return Err(wrong("it has no id"));
    }
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain(&id) || !plain(&traits.region) {
        return Err(WorldError::Form(format!(
            "instance {id:?} in {:?}: ids and regions are ASCII letters, digits and hyphens",
            traits.region
        )));
    }
    let expires_at = match (&traits.expires_in, traits.expires_at) {
        (Some(text), None) => {
            let span =
                span(text).ok_or_else(|| wrong("expires_in is a span like 10d, 3h, \"10d 4h\" or -2d"))?;
            state.start.checked_add_signed(span).ok_or_else(|| wrong("expires_in is beyond the calendar"))?
        }
        (None, Some(time)) => time,
        // A pay-as-you-go instance has a sentinel in replies.
        (None, None) if traits.charge_type == ChargeType::PostPaid => state.start,
        _ => return Err(wrong("write either expires_in or expires_at")),
    };
    let auto_renew = match traits.auto_renew.as_deref() {
        None | Some("off") => AutoRenew::off("Normal"),
        Some("never") => AutoRenew::off("NotRenewal"),
        Some(text) => term(text)
            .filter(|(duration, unit)| terms::auto_renews(*duration, *unit, state.site))
            .map(|(duration, unit)| AutoRenew { status: "AutoRenewal".to_owned(), duration, unit })
            .ok_or_else(|| wrong("auto_renew is off, never, or a term like 1mo, 1y, 2w"))?,
    };
    for (action, refusal) in &traits.refuses {
        if !errors::is_documented(action, refusal) {
            return Err(wrong(&format!("refuses: no page says that {action} answers {refusal}")));
        }
    }
    let or = |text: Option<String>, default: String| text.unwrap_or(default);
    let instance = Instance {
        id: id.clone(),
        name: traits.name,
        zone: or(traits.zone, format!("{}-a", traits.region)),
        vpc: or(traits.vpc, "vpc-emulator".to_owned()),
        resource_group: or(traits.resource_group, String::new()),
        instance_type: or(traits.instance_type, "ecs.g7.large".to_owned()),
        refuses: traits.refuses,
        region: traits.region,
        charge_type: traits.charge_type,
        expires_at,
        pending: Vec::new(),
        auto_renew,
        // A setting that the world begins with is an old one.
        auto_renew_since: state.start - Duration::days(1),
        tags: traits.tags,
        security_groups: traits.security_groups,
        price_per_month: traits.price_per_month,
        list_price_per_month: traits.list_price_per_month,
        lock: traits.lock,
        status: traits.status,
    };
    if state.instances.insert(id.clone(), instance).is_some() {
        return Err(WorldError::Instance { id, why: "it is there twice".to_owned() });
    }
    Ok(())
}

/// Reads `10d`, `3h`, `10d 4h`, `-2d`, `90s` as seconds.
pub fn span_s(text: &str) -> Option<i64> {
    span(text).map(|span| span.num_seconds())
}

fn span(text: &str) -> Option<Duration> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut sum = Duration::zero();
    let mut words = 0;
    for word in rest.split_whitespace() {
        words += 1;
        let split = word.find(|c: char| !c.is_ascii_digit())?;
        let (digits, unit) = word.split_at(split);
        let number: i64 = digits.parse().ok().filter(|number| *number < 1_000_000)?;
        let part = match unit {
            "d" => Duration::days(number),
            "h" => Duration::hours(number),
            "m" => Duration::minutes(number),
            "s" => Duration::seconds(number),
            _ => return None,
        };
        sum = sum.checked_add(&part)?;
    }
    (words > 0).then_some(if negative { -sum } else { sum })
}

fn term(text: &str) -> Option<(i64, Unit)> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(split);
    let unit = match unit {
        "w" => Unit::Week,
        "mo" => Unit::Month,
        "y" => Unit::Year,
        _ => return None,
    };
    Some((digits.parse().ok()?, unit))
}
