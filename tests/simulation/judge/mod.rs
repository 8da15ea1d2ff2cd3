//! The judge: goes by the emulator's ledger and world, and by what went over the wire and into
//! journals. Never by what the tool says of itself, except where it is asked whether it said it.

mod answers;
mod ends;
mod nights;
mod orders;
mod sends;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use self::nights::Night;
use crate::draw::{Auto, Period, Scenario};
use crate::transport::{Parameters, get};
use crate::world::{Sender, World};

/// A charge is sent on a reading that is at most so old.
pub const READING_AGE_S_MAX: i64 = 60;
/// By the tool's idea of the time, which is a Date header in whole seconds, put right if it is more than two
/// off. It may run ahead by the time that an answer travelled, and is never behind by more than this.
pub const CLOCK_S: i64 = 4;
/// With less left than this, a charge may go out while the platform renews too (design 4.9).
const URGENT_H: i64 = 48;
/// Timers have their grain.
const GRAIN: Duration = Duration::from_millis(100);

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
    /// A saved plan that nobody has altered cannot be read.
    Saved,
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

pub struct Judge {
    violations: RefCell<Vec<Violation>>,
    /// Orders that count, by instance, in order.
    orders: RefCell<BTreeMap<String, Vec<Order>>>,
    locks: RefCell<BTreeMap<String, String>>,
    /// Released by a person.
    removed: RefCell<BTreeSet<String>>,
    /// When somebody changed some setting, and which run.
    flips: RefCell<Vec<(DateTime<Utc>, Option<usize>)>>,
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

    pub fn removed(&self, id: &str) {
        self.removed.borrow_mut().insert(id.to_owned());
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

    /// For the table of policies.
    pub fn double_charges(&self) -> usize {
        self.violations.borrow().iter().filter(|violation| violation.rule == Rule::Twice).count()
    }
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
