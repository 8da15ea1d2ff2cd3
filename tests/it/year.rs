//! A year of nightly applies in the emulator: the clock is advanced from night to night, the platform
//! renews, expires, stops and releases by itself, and the tool runs at 20:17 Beijing time with nobody
//! watching. Judged by the ledger and the events of the world.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::emulator::{Buyer, Charge, Happening};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::support::{Applied, Options, Sim, run, time};

const NIGHTS: usize = 366;
/// 20:17 in Beijing.
const NIGHTLY: TimeDelta = TimeDelta::seconds(12 * 3600 + 17 * 60);

/// Month ends, a leap day, and every kind of setting; the last two are not wanted and left alone.
const WORLD: &str = "
now: 2027-11-01T02:05:00Z
effect_delay: 20s
instances:
  - { id: i-manual, region: cn-beijing, expires_at: 2027-11-20T16:00:00Z, price_per_month: '100.10' }
  - { id: i-monthend, region: cn-beijing, expires_at: 2027-12-30T16:00:00Z, price_per_month: '80.00' }
  - { id: i-platform, region: cn-beijing, expires_at: 2027-11-14T16:00:00Z, auto_renew: 1mo, price_per_month: '50.00' }
  - { id: i-both, region: cn-beijing, expires_at: 2027-11-25T16:00:00Z, auto_renew: 1mo, price_per_month: '60.00' }
  - { id: i-switched, region: cn-beijing, expires_at: 2027-12-09T16:00:00Z, price_per_month: '70.00' }
  - { id: i-marked, region: cn-beijing, expires_at: 2027-11-18T16:00:00Z, auto_renew: never, price_per_month: '90.00' }
  - { id: i-quarter, region: cn-shanghai, expires_at: 2028-02-28T16:00:00Z, price_per_month: '33.33' }
  - { id: i-yearly, region: cn-shanghai, expires_at: 2028-01-30T16:00:00Z, price_per_month: '10.00' }
  - { id: i-long, region: cn-shanghai, expires_at: 2028-03-03T16:00:00Z, price_per_month: '20.00' }
  - { id: i-ending, region: cn-shanghai, expires_at: 2028-01-10T16:00:00Z, auto_renew: 1mo, price_per_month: '40.00' }
  - { id: i-stranger, region: cn-shanghai, expires_at: 2027-12-01T16:00:00Z, price_per_month: '40.00' }
generate:
  - { count: 12, id_prefix: i-web, like: { region: cn-beijing, expires_in: 41d, price_per_month: '238.00' } }
";

/// `i-ending` is to end: auto-renewal off, and nobody asks for a lifetime.
const FILE: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 20000 CNY, max_renewals: 60 }
defaults: { min_remaining: 15d }
instances:
  - { id: i-manual }
  - { id: i-monthend, min_remaining: 3d }
  - { id: i-platform, auto_renew: 1mo, min_remaining: none }
  - { id: i-both, auto_renew: 1mo, min_remaining: 20d }
  - { id: i-switched, auto_renew: 3mo, min_remaining: none }
  - { id: i-marked }
  - { id: i-quarter, region: cn-shanghai, renew_period: 3mo }
  - { id: i-yearly, region: cn-shanghai, renew_period: 1y, min_remaining: 4d }
  - { id: i-long, region: cn-shanghai, min_remaining: 300d }
  - { id: i-ending, region: cn-shanghai, auto_renew: 'off', min_remaining: none }
";

/// Once `i-ending` is gone, somebody takes it out of the file.
fn file(ending: bool) -> String {
    let webs = (1..=12).map(|number| format!("  - {{ id: i-web{number:04} }}\n"));
    let kept = FILE.lines().filter(|line| ending || !line.contains("i-ending"));
    kept.map(|line| format!("{line}\n")).chain(webs).collect()
}

const UNWANTED: [&str; 2] = ["i-ending", "i-stranger"];

/// The next 20:17 in Beijing after `now`.
fn next_night(now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc() + NIGHTLY;
    if today > now { today } else { today + TimeDelta::days(1) }
}

fn sum<'a>(charges: impl Iterator<Item = &'a Charge>) -> Decimal {
    charges.map(|charge| charge.amount).sum()
}

/// What a document says of an amount in CNY.
fn cny(amounts: &Value) -> Decimal {
    let amounts = amounts.as_array().unwrap();
    amounts.iter().map(|amount| amount["amount"].as_str().unwrap().parse::<Decimal>().unwrap()).sum()
}

struct Year {
    sim: Sim,
    planned: Decimal,
    charged: Decimal,
    exits: BTreeMap<u8, usize>,
}

impl Year {
    /// One night: the clock jumps to 20:17, and the tool runs.
    async fn night(&mut self) -> Applied {
        let now = self.now();
        self.sim.advance((next_night(now) - now).num_seconds());
        let options = Options { json: true, max_charge: Some("20000 CNY"), ..Options::default() };
        let ending = {
            let mut emulator = self.sim.emulator.borrow_mut();
            emulator.live_on(self.sim.clock.now_public());
            emulator.instance("i-ending", self.sim.clock.now_public()).is_some()
        };
        let applied = self.sim.apply_with(&file(ending), &options).await;
        let document: Value = serde_json::from_str(&applied.out).unwrap_or_else(|_| panic!("{applied:?}"));
        self.planned += cny(&document["plan"]["summary"]["charge"]);
        if !document["apply"].is_null() {
            self.charged += cny(&document["apply"]["charged"]);
        }
        *self.exits.entry(applied.exit).or_default() += 1;
        applied
    }

    fn now(&self) -> DateTime<Utc> {
        self.sim.emulator.borrow().now(self.sim.clock.now_public())
    }

    /// No wanted instance stopped, and none was renewed twice for one expiry.
    fn judge(&self) {
        let emulator = self.sim.emulator.borrow();
        for event in emulator.events() {
            let ended = matches!(event.what, Happening::Stopped | Happening::Released);
            assert!(!ended || UNWANTED.contains(&event.instance_id.as_str()), "{event:?}");
        }
        let mut needs = BTreeMap::new();
        for charge in emulator.ledger() {
            let need = (charge.instance_id.clone(), charge.expires_before);
            assert!(!UNWANTED.contains(&charge.instance_id.as_str()), "{charge:?}");
            assert_eq!(needs.insert(need, charge.by), None, "twice: {charge:?}");
        }
    }
}

fn year(faults: impl Fn(&Sim, usize)) -> Year {
    run(async {
        let mut year = Year {
            sim: Sim::new(WORLD),
            planned: Decimal::ZERO,
            charged: Decimal::ZERO,
            exits: BTreeMap::new(),
        };
        for night in 0..NIGHTS {
            faults(&year.sim, night);
            year.night().await;
        }
        year.judge();
        year
    })
}

#[test]
fn in_a_year_of_nights_nothing_wanted_stops_and_the_ledger_is_the_sum_of_the_plans() {
    let year = year(|_, _| {});
    let ledger = year.sim.ledger();
    let ours = sum(ledger.iter().filter(|charge| charge.by == Buyer::Api));
    assert_eq!((year.planned, year.charged), (ours, ours), "{:?}", year.exits);
    // The platform renews what is left to it, and nothing that the tool keeps: one day within its
    // window is enough for `i-both`, which asks for more than the window has.
    let platform: Vec<&str> =
        ledger.iter().filter(|charge| charge.by == Buyer::Platform).map(|c| c.instance_id.as_str()).collect();
    assert!(platform.iter().all(|id| ["i-platform", "i-switched"].contains(id)), "{platform:?}");
    assert!(platform.contains(&"i-platform") && platform.contains(&"i-switched"), "{platform:?}");
    assert_eq!(year.exits, BTreeMap::from([(0, NIGHTS)]), "every night converges");
    // Month ends are not sticky to 31, and never drift below the 28th.
    let ends: Vec<String> = ledger
        .iter()
        .filter(|charge| charge.instance_id == "i-monthend")
        .map(|charge| (charge.expires_after + TimeDelta::hours(8)).format("%m-%d").to_string())
        .collect();
    assert_eq!(ends[..3], ["01-31", "02-29", "03-29"]);
    // What was not wanted ended as the platform ends it: a stop, and a release fifteen days later.
    let emulator = year.sim.emulator.borrow();
    let of = |id: &str| -> Vec<(DateTime<Utc>, Happening)> {
        let events = emulator.events().iter().filter(|event| event.instance_id == id);
        events.map(|event| (event.at, event.what.clone())).collect()
    };
    let stranger = [
        (time("2027-12-01T16:00:00Z"), Happening::Stopped),
        (time("2027-12-16T16:00:00Z"), Happening::Released),
    ];
    assert_eq!(of("i-stranger"), stranger);
    assert_eq!(of("i-ending").len(), 2, "{:?}", of("i-ending"));
}

#[test]
fn in_a_year_of_faults_nothing_wanted_stops_either() {
    let kinds =
        ["throttle", "error_500_before", "error_500_after", "lost_before", "lost_after", "unavailable_503"];
    let actions =
        ["RenewInstance", "DescribeInstances", "DescribeRenewalPrice", "ModifyInstanceAutoRenewAttribute"];
    let year = year(|sim, night| {
        sim.emulator.borrow_mut().clear_faults();
        let (kind, action) = (kinds[night % kinds.len()], actions[night / 2 % actions.len()]);
        let calls = sim.emulator.borrow().answered(action);
        // A short fault each night, and one that outlasts every patience each week.
        let times = if night % 7 == 3 { 60 } else { 2 };
        sim.fault(&format!("{{ action: {action}, nth: {}, times: {times}, kind: {kind} }}", calls + 1));
    });
    let ledger = year.sim.ledger();
    let ours = sum(ledger.iter().filter(|charge| charge.by == Buyer::Api));
    // What was in doubt one night was found the next: it is in the ledger, and in no report as charged.
    assert!(year.charged <= ours && ours <= year.planned, "{} {ours} {}", year.charged, year.planned);
    assert!(year.exits.contains_key(&0) && year.exits.len() > 1, "{:?}", year.exits);
}
