//! The judge: goes by the emulator's ledger and world, and by what went over the wire and into
//! journals. Never by what the tool says of itself, except where it is asked whether it said it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use renewctl::emulator::Charge;
use renewctl::ports::HttpReply;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::clock::{add_months, beijing_day, minute_of_day};
use crate::coverage::Seen;
use crate::draw::{Auto, Period, Scenario, Version, Want};
use crate::policies::Policy;
use crate::process::{Process, Reading};
use crate::transport::{Parameters, get};
use crate::world::{Sender, Sent, World};

/// A charge is sent on a reading that is at most so old.
const READING_AGE_S_MAX: i64 = 60;
/// By the tool's idea of the time, which is a Date header in whole seconds, put right if it is more than two
/// off. It may run ahead by the time that an answer travelled, and is never behind by more than this.
const CLOCK_S: i64 = 4;
/// With less left than this, a charge may go out while the platform renews too (design 4.9).
const URGENT_H: i64 = 48;
/// After a first signal, calls under way may take so long (`src/apply/interrupt.rs`) ...
const CALL_GRACE: Duration = Duration::from_secs(4);
/// ... and all of it so long: a last look of a second and a last reading of two come after that.
const END_GRACE: Duration = Duration::from_secs(7);
/// Timers have their grain.
const GRAIN: Duration = Duration::from_millis(100);
/// So long an unknown outcome holds an instance (design 5).
const UNKNOWN_MINUTES: i64 = 45;
/// So long an acknowledged charge that does not show holds an instance (design 5).
const NOT_MOVED_HOURS: i64 = 72;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A charge was accepted whose sender had not seen an earlier charge of ours.
    Twice,
    /// The same, with an order of the platform, and without urgency.
    BesidePlatform,
    /// A charge was sent without a fresh reading that asks for it.
    Stale,
    /// A run spent more than it may.
    Caps,
    /// A call that no file asks for, or a charge after the account was refused.
    OffPlan,
    /// A charge was sent at midnight, or in the platform's hours.
    Hours,
    /// A charge was sent for an instance that the run's journal holds.
    Held,
    /// Journal and ledger disagree.
    Journal,
    /// After a signal something new was started, or it took too long to end.
    Interrupted,
    /// The exit code is not true, or what was said.
    ExitCode,
    /// A wanted instance stopped, and nobody had been told.
    Lost,
    /// The faults are over, and it did not converge.
    NotConverged,
    /// The code under test panicked.
    Panic,
}

#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: Rule,
    pub at: DateTime<Utc>,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Run(usize),
    Person,
    Platform,
}

#[derive(Clone, Debug)]
struct Order {
    by: By,
    at: DateTime<Utc>,
    before: DateTime<Utc>,
    after: DateTime<Utc>,
    /// For one of ours that came on top of an order of somebody else that its sender could not see: the
    /// expiry that the sender had seen. That other order shows first, and passes for ours.
    on_top_of: Option<DateTime<Utc>>,
}

/// A calm night: when its run began, how it ended, what it said.
struct Night {
    began: DateTime<Utc>,
    exit: u8,
    said: String,
    /// Charges in the ledger at its end.
    charges: usize,
}

impl Night {
    /// Whether whoever reads the log knows that something is wrong with the instance: it is named, or nothing
    /// at all was done (an error, a stale plan, a journal in use).
    fn reported(&self, id: &str) -> bool {
        self.exit != 0 && (self.said.contains(id) || matches!(self.exit, 1 | 5 | 8))
    }
}

pub struct Judge {
    violations: RefCell<Vec<Violation>>,
    /// Orders that count, by instance, in order.
    orders: RefCell<BTreeMap<String, Vec<Order>>>,
    locks: RefCell<BTreeMap<String, String>>,
    /// Released by a person.
    removed: RefCell<BTreeSet<String>>,
    /// When somebody changed some setting, and which run.
    flips: RefCell<Vec<(DateTime<Utc>, Option<usize>)>>,
    prices_moved: Cell<bool>,
    nights: RefCell<Vec<Night>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    line: Told<'a>,
}

#[derive(Deserialize)]
struct Told<'a> {
    at: DateTime<Utc>,
    kind: &'a str,
    #[serde(default)]
    id: Option<&'a str>,
    #[serde(default)]
    token: Option<&'a str>,
    #[serde(default)]
    expires_before: Option<DateTime<Utc>>,
    #[serde(default)]
    outcome: Option<Outcome<'a>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    result: &'a str,
    #[serde(default)]
    order_id: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstancesReply<'a> {
    #[serde(borrow)]
    instances: InstanceList<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceList<'a> {
    #[serde(borrow)]
    instance: Vec<InstanceReply<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceReply<'a> {
    instance_id: &'a str,
    expired_time: &'a str,
}

impl Judge {
    pub fn new(scenario: &Scenario) -> Self {
        let locks = scenario
            .instances
            .iter()
            .filter_map(|instance| Some((instance.id.clone(), instance.lock?.to_owned())));
        Self {
            violations: RefCell::default(),
            orders: RefCell::default(),
            locks: RefCell::new(locks.collect()),
            removed: RefCell::default(),
            flips: RefCell::default(),
            prices_moved: Cell::new(false),
            nights: RefCell::default(),
        }
    }

    pub fn violations(&self) -> Vec<Violation> {
        self.violations.borrow().clone()
    }

    fn blame(&self, world: &World, rule: Rule, text: String) {
        world.say(|| format!("### {rule:?}: {text}"));
        self.violations.borrow_mut().push(Violation { rule, at: world.now(), text });
    }

    /// A request leaves a run. Returns the charge that it asks for, if it asks for one.
    pub fn sends(
        &self,
        world: &World,
        process: &Process,
        action: &str,
        parameters: &Parameters,
    ) -> Option<Sent> {
        match action {
            "RenewInstance" => self.sends_charge(world, process, parameters),
            "ModifyInstanceAutoRenewAttribute" => {
                self.sends_setting(world, process, parameters);
                None
            }
            _ => None,
        }
    }

    fn sends_charge(&self, world: &World, process: &Process, parameters: &Parameters) -> Option<Sent> {
        let (id, token, now) = (get(parameters, "InstanceId"), get(parameters, "ClientToken"), world.now());
        let scenario = &world.scenario;
        let version = &scenario.versions[process.version];
        let who = format!("run {} for {id}", process.number);
        let Some(number) = scenario.number_of(id) else {
            self.blame(world, Rule::OffPlan, format!("{who}: nobody knows it"));
            return None;
        };
        let reading = process.readings.borrow().get(id).copied();
        let intent = process.intents.borrow().get(token).cloned();
        if intent.as_ref().is_none_or(|(of, _)| of != id) {
            self.blame(world, Rule::Journal, format!("{who}: sent without a durable intent"));
        }
        let observed = intent.map_or_else(|| reading.map_or(now, |reading| reading.expires_at), |(_, at)| at);
        match &version.wants[number] {
            Some(want) => {
                self.check_reading(world, &who, want, reading, observed);
                self.check_term(world, &who, version, want, observed, parameters);
            }
            None => self.blame(world, Rule::OffPlan, format!("{who}: not in the file")),
        }
        let quoted = months(parameters)
            .and_then(|months| process.quotes.borrow().get(&(id.to_owned(), months)).copied());
        self.check_saved_charge(world, &who, process, id, observed, parameters, quoted);
        process.sent.borrow_mut().insert(token.to_owned());
        if let Some(since) = process.signals.since(1) {
            let text = format!("{who}: charged {} ms after a signal", since.as_millis());
            self.blame(world, Rule::Interrupted, text);
        }
        self.check_hour(world, &who, process, id, observed);
        self.check_held(world, &who, process, id, observed);
        if process.refused_all.get() {
            self.blame(world, Rule::OffPlan, format!("{who}: sent after the account was refused"));
        }
        let again = process.moved.borrow_mut().insert(id.to_owned(), false).is_some();
        if again {
            world.seen.note(Seen::ResentCharges);
        }
        if minute_of_day(now) < 60 {
            world.seen.note(Seen::ChargesAtNight);
        }
        Some(Sent { id: id.to_owned(), token: token.to_owned(), observed, at: now, quoted, number })
    }

    /// Only what was reviewed, at the price that was reviewed.
    #[allow(clippy::too_many_arguments, reason = "all that a charge says")]
    fn check_saved_charge(
        &self,
        world: &World,
        who: &str,
        process: &Process,
        id: &str,
        observed: DateTime<Utc>,
        parameters: &Parameters,
        quoted: Option<i64>,
    ) {
        let Some(saved) = &process.saved else { return };
        world.seen.note(Seen::PlanCharges);
        let planned = saved.changes.get(id);
        let same = planned.is_some_and(|planned| {
            planned.expires_before == Some(observed)
                && planned.charge.is_some_and(|(period, cents)| {
                    period == bought(parameters) && (cents.is_none() || quoted <= cents)
                })
        });
        if !same {
            let text = format!("{who}: {quoted:?} cents for {observed}, and its plan says {planned:?}");
            self.blame(world, Rule::OffPlan, text);
        }
    }

    /// After a signal no setting is begun; one that is under way may be sent again as long as a call may take.
    fn check_setting_signals(&self, world: &World, who: &str, process: &Process, what: &str) {
        let new = process.sent.borrow_mut().insert(what.to_owned());
        let Some(since) = process.signals.since(1) else { return };
        // In the very moment of the second one it is not known yet.
        let stopped = process.signals.since(2).is_some_and(|since| since > GRAIN);
        if new || since > CALL_GRACE + GRAIN || stopped {
            let text = format!("{who}: sent {} ms after a signal, new: {new}", since.as_millis());
            self.blame(world, Rule::Interrupted, text);
        }
    }

    fn check_reading(
        &self,
        world: &World,
        who: &str,
        want: &Want,
        reading: Option<Reading>,
        observed: DateTime<Utc>,
    ) {
        let now = world.now();
        let Some(reading) = reading else {
            return self.blame(world, Rule::Stale, format!("{who}: sent without any reading"));
        };
        let age = now - reading.answered;
        if age > TimeDelta::seconds(READING_AGE_S_MAX) {
            world.seen.note(Seen::OldReadings);
        }
        if age > TimeDelta::seconds(READING_AGE_S_MAX + CLOCK_S) {
            let text = format!("{who}: the last reading is {} s old", age.num_seconds());
            self.blame(world, Rule::Stale, text);
        }
        if reading.expires_at != observed {
            let text = format!("{who}: it was read as {}, and is renewed for {observed}", reading.expires_at);
            self.blame(world, Rule::Stale, text);
        }
        let Some(hours) = want.min_remaining_h else {
            return self.blame(world, Rule::OffPlan, format!("{who}: no lifetime is asked for"));
        };
        if now < reading.expires_at - TimeDelta::hours(hours) {
            let text = format!("{who}: {} is enough for {hours} h", reading.expires_at);
            self.blame(world, Rule::Stale, text);
        }
    }

    /// Nothing is sent for three quarters of an hour from midnight on, whether for the first time or
    /// again, nor while the platform may be renewing (design 4.9 and 5).
    fn check_hour(&self, world: &World, who: &str, process: &Process, id: &str, observed: DateTime<Utc>) {
        let now = world.now();
        let slack = CLOCK_S / 60 + 1;
        let minute = minute_of_day(now);
        if (slack..45 - slack).contains(&minute) {
            self.blame(world, Rule::Hours, format!("{who}: sent {minute} minutes after midnight"));
        }
        let from = beijing_day(observed) - TimeDelta::days(9);
        let on = process.auto_renewing.borrow().get(id) == Some(&true);
        let urgent = observed - now < TimeDelta::hours(URGENT_H) + TimeDelta::minutes(slack);
        let hours = 7 * 60 + 30 + slack..18 * 60 + 30 - slack;
        if on && !urgent && beijing_day(now) >= from && hours.contains(&minute) {
            self.blame(world, Rule::Hours, format!("{who}: sent while the platform may be renewing it"));
        }
    }

    /// What the run found in its journal: a charge for the same expiry whose outcome nobody knows, or
    /// that was acknowledged, holds the instance for a while.
    fn check_held(&self, world: &World, who: &str, process: &Process, id: &str, observed: DateTime<Utc>) {
        let found = process.found.borrow();
        let Some((disk, len)) = found.as_ref() else { return };
        let bytes = disk.bytes.borrow();
        let mut last: BTreeMap<String, (DateTime<Utc>, TimeDelta)> = BTreeMap::new();
        for text in bytes[..*len].split(|byte| *byte == b'\n') {
            let Ok(Line { line }) = serde_json::from_slice::<Line<'_>>(text) else { continue };
            let (Some(token), true) = (line.token, line.id == Some(id)) else { continue };
            let unknown = TimeDelta::minutes(UNKNOWN_MINUTES);
            match (line.kind, line.expires_before, line.outcome.as_ref().map(|outcome| outcome.result)) {
                ("charge-intent", Some(before), _) if before == observed => {
                    last.insert(token.to_owned(), (line.at, unknown));
                }
                ("charge-outcome", _, Some(result)) => {
                    let Some(hold) = last.get_mut(token) else { continue };
                    *hold = match result {
                        "acknowledged" => (line.at, TimeDelta::hours(NOT_MOVED_HOURS)),
                        "unknown" => (line.at, unknown),
                        _ => (line.at, TimeDelta::zero()),
                    };
                }
                ("charge-settled", ..) => {
                    last.remove(token);
                }
                _ => {}
            }
        }
        // The plan was made some time after the beginning. Lines that came in later are of another run.
        let began = process.began.get();
        let planned = began + TimeDelta::minutes(10);
        let holds = |(at, span): &&(DateTime<Utc>, TimeDelta)| *at < began && planned < *at + *span;
        if let Some((at, span)) = last.values().find(holds) {
            let text = format!("{who}: its journal holds it from {at} on for {} min", span.num_minutes());
            self.blame(world, Rule::Held, text);
        }
    }

    fn check_term(
        &self,
        world: &World,
        who: &str,
        version: &Version,
        want: &Want,
        observed: DateTime<Utc>,
        parameters: &Parameters,
    ) {
        let bought = bought(parameters);
        let weeks = matches!(bought, Period::Weeks(_));
        let (end, least, most) =
            (end(observed, bought), end(observed, want.renew), end(observed, version.max_term));
        let unpriced = weeks || matches!(bought, Period::Months(48 | 60));
        let allowed = (least..=most).contains(&end)
            && (!weeks || matches!(want.renew, Period::Weeks(_)))
            && (!unpriced || version.parts[want.part].allow_unpriced);
        if !allowed {
            let text =
                format!("{who}: {bought:?} bought, from {:?} to {:?} allowed", want.renew, version.max_term);
            self.blame(world, Rule::OffPlan, text);
        }
    }

    fn sends_setting(&self, world: &World, process: &Process, parameters: &Parameters) {
        let version = &world.scenario.versions[process.version];
        let sent = match get(parameters, "RenewalStatus") {
            "AutoRenewal" => {
                let number = get(parameters, "Duration").parse().unwrap_or(0);
                Auto::Every(match get(parameters, "PeriodUnit") {
                    "Week" => Period::Weeks(number),
                    "Year" => Period::Months(number * 12),
                    _ => Period::Months(number),
                })
            }
            "NotRenewal" => Auto::Never,
            _ => Auto::Off,
        };
        let who = format!("run {}", process.number);
        let what = format!("{sent:?} {}", get(parameters, "InstanceId"));
        self.check_setting_signals(world, &who, process, &what);
        for id in get(parameters, "InstanceId").split(',') {
            let want = world.scenario.number_of(id).and_then(|number| version.wants[number].as_ref());
            let asked = want.is_some_and(|want| want.auto == Some(sent));
            // A mark against renewal is lifted before a renewal.
            let lifted = want.is_some_and(|want| want.min_remaining_h.is_some() && sent == Auto::Off);
            if !asked && !lifted {
                let text = format!("{who}: {id} set to {sent:?}, the file says {want:?}");
                self.blame(world, Rule::OffPlan, text);
            }
            let Some(saved) = &process.saved else { continue };
            let planned = saved.changes.get(id);
            let reviewed = planned.is_some_and(|planned| {
                planned.auto == Some(sent) || (sent == Auto::Off && planned.charge.is_some())
            });
            if !reviewed {
                let text = format!("{who}: {id} set to {sent:?}, and its plan says {planned:?}");
                self.blame(world, Rule::OffPlan, text);
            }
        }
    }

    /// A whole answer of the cloud reaches a run.
    pub fn receives(
        &self,
        process: &Process,
        action: &str,
        parameters: &Parameters,
        reply: &HttpReply,
        answered: DateTime<Utc>,
    ) {
        match action {
            "DescribeInstances" => {
                let Ok(told) = serde_json::from_slice::<InstancesReply<'_>>(&reply.body) else { return };
                for instance in told.instances.instance {
                    let Ok(naive) = NaiveDateTime::parse_from_str(instance.expired_time, "%Y-%m-%dT%H:%MZ")
                    else {
                        continue;
                    };
                    let reading = Reading { answered, expires_at: naive.and_utc() };
                    process.receives(instance.instance_id, reading);
                }
            }
            "DescribeInstanceAutoRenewAttribute" => {
                let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let list = told["InstanceRenewAttributes"]["InstanceRenewAttribute"].as_array();
                for item in list.into_iter().flatten() {
                    let id = item["InstanceId"].as_str().unwrap_or_default().to_owned();
                    process.auto_renewing.borrow_mut().insert(id, item["RenewalStatus"] == "AutoRenewal");
                }
            }
            "DescribeRenewalPrice" => {
                let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let price = &told["PriceInfo"]["Price"]["TradePrice"];
                let Ok(price) = price.to_string().parse::<Decimal>() else { return };
                let cents = i64::try_from(price * Decimal::ONE_HUNDRED).unwrap_or(i64::MAX);
                let number: u32 = get(parameters, "Period").parse().unwrap_or(1);
                let months = if get(parameters, "PriceUnit") == "Year" { number * 12 } else { number };
                process.quotes.borrow_mut().insert((get(parameters, "ResourceId").to_owned(), months), cents);
            }
            _ => {}
        }
    }

    /// Any answer to a charge reaches a run.
    pub fn told(&self, process: &Process, reply: &HttpReply) {
        const REFUSE_ALL: [&str; 5] =
            ["Balance", "RiskControl", "PayMethod", "InvalidSecurityToken", "InvalidAccessKeyId"];
        let text = String::from_utf8_lossy(&reply.body);
        let whole = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        if whole && reply.status != 200 && REFUSE_ALL.iter().any(|code| text.contains(code)) {
            process.refused_all.set(true);
        }
    }

    /// Lines of a run have become durable.
    pub fn journalled(&self, world: &World, process: &Process, bytes: &[u8]) {
        for text in bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            let Ok(Line { line }) = serde_json::from_slice::<Line<'_>>(text) else {
                let text = String::from_utf8_lossy(text).into_owned();
                self.blame(world, Rule::Journal, format!("not a line of JSON: {text}"));
                continue;
            };
            world.say(|| {
                let result = line.outcome.as_ref().map_or("", |outcome| outcome.result);
                format!("run {} notes {} {} {result}", process.number, line.kind, line.id.unwrap_or_default())
            });
            let (Some(id), Some(token)) = (line.id, line.token) else { continue };
            match (line.kind, line.expires_before, line.outcome) {
                ("charge-intent", Some(before), _) => {
                    process.intents.borrow_mut().insert(token.to_owned(), (id.to_owned(), before));
                }
                ("charge-outcome", _, Some(outcome)) => self.outcome(world, process, id, token, &outcome),
                _ => {}
            }
        }
    }

    fn outcome(&self, world: &World, process: &Process, id: &str, token: &str, outcome: &Outcome<'_>) {
        let who = format!("run {} for {id}", process.number);
        match (outcome.result, outcome.order_id) {
            ("acknowledged", Some(order)) => {
                let emulator = world.emulator.borrow();
                let is_it =
                    |charge: &&Charge| charge.instance_id == id && charge.order_id.to_string() == order;
                let found = emulator.ledger().iter().find(is_it);
                let token = Some(token).filter(|_| world.policy == Policy::Ours);
                if found.is_none_or(|charge| token.is_some() && charge.client_token.as_deref() != token) {
                    let text =
                        format!("{who}: order {order} is called acknowledged, and is not in the ledger");
                    self.blame(world, Rule::Journal, text);
                }
            }
            ("not-made", _) => {
                let charged = process.charged.borrow().iter().any(|(sent, _)| sent.token == token);
                if charged || world.charges_on_their_way(process).iter().any(|sent| sent.token == token) {
                    let text = format!("{who}: called not made, and it was, or is on its way");
                    self.blame(world, Rule::Journal, text);
                }
            }
            _ => {}
        }
    }

    /// A charge of a run enters the ledger.
    pub fn run_charged(&self, world: &World, process: &Process, sent: &Sent, charge: &Charge) {
        world.seen.note(Seen::Charges);
        let who = format!("run {} for {}", process.number, sent.id);
        self.check_unseen(world, &who, sent, charge);
        let on_top_of = self.is_mistaken(sent).then_some(sent.observed);
        self.order(By::Run(process.number), charge, on_top_of);
        let version = &world.scenario.versions[process.version];
        let part = version.wants[sent.number].as_ref().map_or(0, |want| want.part);
        process.charged.borrow_mut().push((sent.clone(), part));
        self.check_caps(world, &who, process, version);
        let amount = i64::try_from(charge.amount * Decimal::ONE_HUNDRED).unwrap_or(i64::MAX);
        if !self.prices_moved.get() && sent.quoted.is_some_and(|quoted| quoted != amount) {
            let text = format!("{who}: {amount} charged, {:?} quoted (cents)", sent.quoted);
            self.blame(world, Rule::Caps, text);
        }
        let ended = process.exit.get().filter(|code| *code != 7 && !self.is_mistaken(sent));
        if let Some(code) = ended {
            let text = format!("{who}: charged after the run had ended with {code}");
            self.blame(world, Rule::ExitCode, text);
        }
    }

    /// Somebody else's order for the same expiry shows as ours would: no run can tell them apart, and it
    /// takes its own for settled while it may still be on its way.
    fn is_mistaken(&self, sent: &Sent) -> bool {
        let orders = self.orders.borrow();
        let mut of_it = orders.get(&sent.id).into_iter().flatten();
        of_it.any(|order| !matches!(order.by, By::Run(_)) && order.after > sent.observed)
    }

    /// Whether the sender had seen every order that the instance has.
    fn check_unseen(&self, world: &World, who: &str, sent: &Sent, charge: &Charge) {
        let orders = self.orders.borrow();
        let unseen: Vec<&Order> =
            orders.get(&sent.id).into_iter().flatten().filter(|order| order.after > sent.observed).collect();
        let recent = sent.at - TimeDelta::seconds(world.scenario.lag_s + READING_AGE_S_MAX + CLOCK_S);
        let mut worst: Option<(Rule, String)> = None;
        for order in &unseen {
            let text = format!(
                "{who}: charged at {} for an expiry of {}, when {:?} had paid until {} at {}",
                charge.at, sent.observed, order.by, order.after, order.at
            );
            match order.by {
                By::Run(_) if order.on_top_of.is_some_and(|seen| sent.observed > seen) => {
                    world.seen.note(Seen::Overlap);
                }
                // Another need: it came on top of somebody else's order, which this sender could not see yet.
                By::Run(_)
                    if unseen.iter().any(|other| {
                        !matches!(other.by, By::Run(_)) && other.at >= recent && other.after <= order.before
                    }) =>
                {
                    world.seen.note(Seen::Overlap);
                }
                By::Run(_) => worst = Some((Rule::Twice, text)),
                By::Platform if !self.is_excused(world, sent) && worst.is_none() => {
                    worst = Some((Rule::BesidePlatform, text));
                }
                _ => world.seen.note(Seen::Overlap),
            }
        }
        drop(orders);
        if let Some((rule, text)) = worst {
            self.blame(world, rule, text);
        }
    }

    /// Beside an order of the platform that did not show yet: at the last hour, or if somebody has just
    /// switched it off, so that it could not be told.
    fn is_excused(&self, world: &World, sent: &Sent) -> bool {
        let recent = sent.at - TimeDelta::seconds(world.scenario.lag_s + 120);
        sent.observed - sent.at < TimeDelta::hours(URGENT_H)
            || self.flips.borrow().iter().any(|(at, _)| *at >= recent)
    }

    fn check_caps(&self, world: &World, who: &str, process: &Process, version: &Version) {
        let charged = process.charged.borrow();
        let all: i64 = charged.iter().filter_map(|(sent, _)| sent.quoted).sum();
        if world.scenario.run_cap.is_some_and(|cap| all > cap) {
            self.blame(world, Rule::Caps, format!("{who}: {all} cents in this run, more than --max-charge"));
        }
        for (index, part) in version.parts.iter().enumerate() {
            let of_part = || charged.iter().filter(|(_, part)| *part == index);
            let sum: i64 = of_part().filter_map(|(sent, _)| sent.quoted).sum();
            if part.max_charge.is_some_and(|cap| sum > cap) {
                self.blame(
                    world,
                    Rule::Caps,
                    format!("{who}: {sum} cents in this run, more than max_charge"),
                );
            }
            if part.max_renewals.is_some_and(|most| of_part().count() > most) {
                self.blame(world, Rule::Caps, format!("{who}: more charges than max_renewals"));
            }
        }
    }

    fn order(&self, by: By, charge: &Charge, on_top_of: Option<DateTime<Utc>>) {
        let (before, after) = (charge.expires_before, charge.expires_after);
        let order = Order { by, at: charge.at, before, after, on_top_of };
        self.orders.borrow_mut().entry(charge.instance_id.clone()).or_default().push(order);
    }

    pub fn platform_charged(&self, world: &World, charge: &Charge) {
        world.seen.note(Seen::PlatformCharges);
        self.order(By::Platform, charge, None);
    }

    pub fn person_charged(&self, world: &World, charge: &Charge) {
        world.seen.note(Seen::PeopleCharges);
        self.order(By::Person, charge, None);
    }

    /// The expiry before the last order.
    pub fn last_order_before(&self, id: &str) -> Option<DateTime<Utc>> {
        self.orders.borrow().get(id).and_then(|orders| orders.last()).map(|order| order.before)
    }

    /// The last order of an instance no longer counts.
    pub fn refunded(&self, id: &str) {
        if let Some(orders) = self.orders.borrow_mut().get_mut(id) {
            orders.pop();
        }
    }

    pub fn removed(&self, id: &str) {
        self.removed.borrow_mut().insert(id.to_owned());
    }

    pub fn prices_moved(&self) {
        self.prices_moved.set(true);
    }

    pub fn locked(&self, id: &str, lock: Option<&str>) {
        match lock {
            Some(lock) => self.locks.borrow_mut().insert(id.to_owned(), lock.to_owned()),
            None => self.locks.borrow_mut().remove(id),
        };
    }

    pub fn lock_of(&self, id: &str) -> Option<String> {
        self.locks.borrow().get(id).cloned()
    }

    pub fn settings_changed(&self, at: DateTime<Utc>, by: &Sender) {
        let by = if let Sender::Run(process) = by { Some(process.number) } else { None };
        self.flips.borrow_mut().push((at, by));
    }

    /// A run has made a plan.
    pub fn planned(&self, world: &World, process: &Process) {
        if !process.sent.borrow().is_empty() {
            let text = format!("run {} was to plan, and sent {:?}", process.number, process.sent.borrow());
            self.blame(world, Rule::OffPlan, text);
        }
    }

    /// A run that got a signal has ended.
    fn check_end(&self, world: &World, who: &str, process: &Process, code: u8) {
        let slow = [(1, END_GRACE), (2, Duration::ZERO)].into_iter().find_map(|(number, grace)| {
            let since = process.signals.since(number)?;
            (since > grace + GRAIN).then_some((number, since.as_millis()))
        });
        if let Some((number, ms)) = slow {
            self.blame(world, Rule::Interrupted, format!("{who} ended {ms} ms after signal {number}"));
        }
        if matches!(code, 130 | 143) && process.signals.count() == 0 {
            self.blame(world, Rule::ExitCode, format!("{who} ended with {code}, without a signal"));
        }
    }

    /// A run has ended by itself.
    pub fn ended(&self, world: &World, process: &Process, code: u8, said: &str) {
        let who = format!("run {}", process.number);
        let charged = process.charged.borrow();
        // A repetition of what has entered the ledger, whoever sent it, changes nothing any more.
        let emulator = world.emulator.borrow();
        let known = |token: &str| {
            emulator.ledger().iter().any(|charge| charge.client_token.as_deref() == Some(token))
        };
        let on_their_way = world.charges_on_their_way(process);
        let on_its_way = on_their_way.iter().any(|sent| !known(&sent.token) && !self.is_mistaken(sent));
        drop(emulator);
        self.check_end(world, &who, process, code);
        let says_so =
            ["sent", "charged", "changed"].iter().any(|what| said.contains(&format!("Nothing was {what}")));
        let nothing = says_so || matches!(code, 1 | 4 | 5 | 6 | 8 | 64);
        if nothing && (!charged.is_empty() || on_its_way || process.settings.get() > 0) {
            let text = format!(
                "{who} ended with {code} after {} charges and {} settings",
                charged.len(),
                process.settings.get()
            );
            self.blame(world, Rule::ExitCode, text);
        }
        let moved = process.moved.borrow();
        let unknown = charged.iter().filter(|(sent, _)| moved.get(&sent.id) == Some(&false)).count();
        if unknown > 0 || on_its_way {
            world.seen.note(Seen::UnknownOutcomes);
        }
        if code != 7 && (unknown > 0 || on_its_way) {
            let text = format!("{who} ended with {code}, and could not know of {unknown} charges of its own");
            self.blame(world, Rule::ExitCode, text);
        }
        if code == 0 {
            self.check_converged(world, &who, process);
        }
    }

    /// Exit code 0: by the last readings of the run, which were true, nothing was left to do.
    fn check_converged(&self, world: &World, who: &str, process: &Process) {
        let version = &world.scenario.versions[process.version];
        let disturbed = self
            .flips
            .borrow()
            .iter()
            .any(|(at, by)| *at >= process.began.get() && *by != Some(process.number));
        for (instance, want) in world.scenario.instances.iter().zip(&version.wants) {
            let Some(want) = want else { continue };
            let id = instance.id.as_str();
            let Some(reading) = process.readings.borrow().get(id).copied() else {
                self.blame(world, Rule::ExitCode, format!("{who} ended with 0 and has never seen {id}"));
                continue;
            };
            // Plans count in whole minutes.
            let at = reading.answered - TimeDelta::minutes(1);
            if want.min_remaining_h.is_some_and(|hours| at >= reading.expires_at - TimeDelta::hours(hours)) {
                let text = format!("{who} ended with 0, and {id} expires {}", reading.expires_at);
                self.blame(world, Rule::ExitCode, text);
            }
            if disturbed || want.auto.is_none_or(|auto| has_setting(world, id, auto) != Some(false)) {
                continue;
            }
            self.blame(world, Rule::ExitCode, format!("{who} ended with 0, and {id} is not set as wanted"));
        }
    }

    /// A calm night is over.
    pub fn night(&self, began: DateTime<Utc>, exit: u8, said: String, charges: usize) {
        self.nights.borrow_mut().push(Night { began, exit, said, charges });
    }

    pub fn last_nights(&self, count: usize) -> Vec<u8> {
        self.nights.borrow().iter().rev().take(count).map(|night| night.exit).collect()
    }

    /// Two nights in a row found nothing that they could do, or were refused, and held nothing: more
    /// nights would tell the same.
    pub fn is_settled(&self) -> bool {
        let nights = self.nights.borrow();
        let mut last = nights.iter().rev().take(2);
        let (Some(a), Some(b)) = (last.next(), last.next()) else { return false };
        let holds_nothing = |night: &Night| night.said.contains(" 0 held");
        let same = a.exit == b.exit && a.charges == b.charges;
        (a.exit == 0 && b.exit == 0) || (same && holds_nothing(a) && holds_nothing(b))
    }

    fn wanted<'a>(world: &'a World, id: &str) -> Option<&'a Want> {
        let want = world.scenario.versions[0].wants[world.scenario.number_of(id)?].as_ref()?;
        want.min_remaining_h.is_some().then_some(want)
    }

    pub fn stopped(&self, world: &World, id: &str, at: DateTime<Utc>) {
        if let Some(want) = Self::wanted(world, id) {
            world.seen.note(Seen::StoppedInstances);
            self.check_lost(world, id, want, at, "stopped");
        }
    }

    pub fn released(&self, world: &World, id: &str, at: DateTime<Utc>) {
        if let Some(want) = Self::wanted(world, id) {
            world.seen.note(Seen::ReleasedInstances);
            self.check_lost(world, id, want, at, "was released");
            self.removed(id);
        }
    }

    /// On each calm night on which it needed a renewal, somebody was told why there was none.
    fn check_lost(&self, world: &World, id: &str, want: &Want, at: DateTime<Utc>, how: &str) {
        let from = at - TimeDelta::hours(want.min_remaining_h.unwrap_or(0));
        let silent = {
            let nights = self.nights.borrow();
            let silent = nights.iter().find(|night| night.began >= from && !night.reported(id));
            silent.map(|night| (night.began, night.exit))
        };
        if let Some((night, exit)) = silent {
            let text =
                format!("{id} {how} at {at}, and the run of {night} ended with {exit} without a word of it");
            self.blame(world, Rule::Lost, text);
        }
    }

    /// The nights are over: everything that can be is as the files ask for.
    pub fn last_judgement(&self, world: &World) {
        let scenario = &world.scenario;
        let version = &scenario.versions[0];
        let now = world.now();
        let mut all_well = true;
        for (number, instance) in scenario.instances.iter().enumerate() {
            let id = instance.id.as_str();
            let locked = matches!(self.lock_of(id).as_deref(), Some("security" | "refunded"));
            let gone = self.removed.borrow().contains(id);
            let want = version.wants[number].as_ref();
            // With less than 72 hours left it is at risk, even if the file asks for less (design 4.10).
            all_well &= want.is_some_and(|want| want.min_remaining_h > Some(72)) && !locked && !gone;
            if scenario.is_hopeless(number, version) || locked || gone {
                all_well = false;
                continue;
            }
            let Some(want) = want else { continue };
            let Some(left) = self.left_to_do(world, id, want) else { continue };
            let said = self.nights.borrow().last().is_some_and(|night| night.reported(id));
            if !scenario.tight || !said {
                let nights = self.last_nights(9);
                let text = format!("{id}: {left} at {now}; the last nights ended with {nights:?}");
                self.blame(world, Rule::NotConverged, text);
            }
        }
        let last = self.last_nights(1);
        if all_well && !scenario.tight && last != [0] {
            let text =
                format!("everything is well, and the last nights ended with {:?}", self.last_nights(9));
            self.blame(world, Rule::NotConverged, text);
        }
    }

    fn left_to_do(&self, world: &World, id: &str, want: &Want) -> Option<String> {
        let began = self.nights.borrow().last()?.began;
        let view = world.emulator.borrow().instance(id, world.now())?;
        if let Some(hours) = want.min_remaining_h
            && began >= view.paid_until - TimeDelta::hours(hours)
        {
            return Some(format!("it expires {}", view.paid_until));
        }
        if view.paid_until <= world.now() {
            // Without a lifetime to keep it may expire, and then nothing can be set.
            return None;
        }
        let auto = want.auto?;
        (has_setting(world, id, auto) == Some(false)).then(|| format!("it is not set to {auto:?}"))
    }

    /// For the table of policies.
    pub fn double_charges(&self) -> usize {
        self.violations.borrow().iter().filter(|violation| violation.rule == Rule::Twice).count()
    }
}

impl Process {
    fn receives(&self, id: &str, reading: Reading) {
        let mut readings = self.readings.borrow_mut();
        // Answers may overtake each other.
        if readings.get(id).is_some_and(|last| last.answered > reading.answered) {
            return;
        }
        if let Some(before) = readings.insert(id.to_owned(), reading)
            && reading.expires_at > before.expires_at
            && let Some(moved) = self.moved.borrow_mut().get_mut(id)
        {
            *moved = true;
        }
    }
}

/// The term that a charge asks for.
fn bought(parameters: &Parameters) -> Period {
    months(parameters)
        .map_or_else(|| Period::Weeks(get(parameters, "Period").parse().unwrap_or(0)), Period::Months)
}

/// Months that a charge asks for; `None` for weeks.
fn months(parameters: &Parameters) -> Option<u32> {
    let number: u32 = get(parameters, "Period").parse().ok()?;
    match get(parameters, "PeriodUnit").to_ascii_lowercase().as_str() {
        "month" => Some(number),
        "year" => Some(number * 12),
        _ => None,
    }
}

fn end(from: DateTime<Utc>, period: Period) -> DateTime<Utc> {
    match period {
        Period::Weeks(weeks) => from + TimeDelta::weeks(i64::from(weeks)),
        Period::Months(months) => add_months(from, months),
    }
}

/// Whether an instance is set so in the world; `None` if it is not there.
fn has_setting(world: &World, id: &str, auto: Auto) -> Option<bool> {
    let view = world.emulator.borrow().instance(id, world.now())?;
    let is = match view.renewal_status.as_str() {
        "NotRenewal" => Auto::Never,
        "AutoRenewal" => {
            let number = u32::try_from(view.auto_renew.0).unwrap_or(0);
            Auto::Every(match view.auto_renew.1.as_str() {
                "week" => Period::Weeks(number),
                "Year" => Period::Months(number * 12),
                _ => Period::Months(number),
            })
        }
        _ => Auto::Off,
    };
    Some(is == auto)
}
