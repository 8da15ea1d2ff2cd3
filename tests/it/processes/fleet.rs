//! The fleet of these tests, what is wanted of it, and the verdict on its ledger.

use std::fmt::Write as _;

use chrono::Utc;
use renewctl::emulator::{Buyer, Emulator};

use super::judge::Court;

/// How late an effect shows. A run that charged and then reads sees it at once, because the judge lets
/// the time pass; a run that was cut off between the two leaves a charge that nobody can see yet.
/// The clock of this world jumps by so much at a reading: by less than a resend may follow its line in the journal.
pub const EFFECT_DELAY_S: i64 = 4 * 60;
/// What is in doubt is held for 45 minutes; the runs around it take less than a minute.
pub const HOLD_MIN_S: i64 = 44 * 60;
/// Longer than a charge with an unknown outcome is held.
pub const HOLD_S: i64 = 46 * 60;

/// Instances that need a charge, and how often each does: once.
pub const NEEDS: [&str; 5] = ["i-bare", "i-both", "i-early", "i-lift", "i-off"];
/// The one that an earlier run has renewed already.
pub const EARLY: &str = "i-early";

/// All kinds of work: charges alone and with settings, settings that go before, after, and by themselves.
pub const WANT: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 5000 CNY }
instances:
  - { id: i-both, min_remaining: 20d, auto_renew: 1mo }
  - { id: i-early, min_remaining: 20d }
  - { id: i-bare, min_remaining: 20d }
  - { id: i-lift, min_remaining: 20d, auto_renew: 3mo }
  - { id: i-off, min_remaining: 20d, auto_renew: off }
  - { id: i-set, auto_renew: 1mo }
  - { id: i-still, min_remaining: 20d }
";

/// The settings at the end.
const SETTINGS: [(&str, &str, i64); 4] = [
    ("i-both", "AutoRenewal", 1),
    ("i-lift", "AutoRenewal", 3),
    ("i-off", "Normal", 0),
    ("i-set", "AutoRenewal", 1),
];

/// A fresh world, with the keys k0, k1 and so on, in which effects show so late.
pub fn world(keys: usize, effect_delay_s: i64) -> Emulator {
    let mut yaml = format!(
        "now: 2026-12-01T02:05:00Z\neffect_delay: {effect_delay_s}s\ninstances:\n  \
         - {{ id: i-both, region: cn-beijing, expires_in: 13d, price_per_month: 100 }}\n  \
         - {{ id: i-early, region: cn-beijing, expires_in: 11d, price_per_month: 100 }}\n  \
         - {{ id: i-bare, region: cn-beijing, expires_in: 12d, price_per_month: 100 }}\n  \
         - {{ id: i-lift, region: cn-beijing, expires_in: 14d, price_per_month: 100, auto_renew: never }}\n  \
         - {{ id: i-off, region: cn-beijing, expires_in: 15d, price_per_month: 100, auto_renew: 1mo }}\n  \
         - {{ id: i-set, region: cn-beijing, expires_in: 70d, price_per_month: 100 }}\n  \
         - {{ id: i-still, region: cn-beijing, expires_in: 70d, price_per_month: 100 }}\n"
    );
    if keys > 0 {
        yaml.push_str("keys:\n");
    }
    for number in 0..keys {
        writeln!(yaml, "  - {{ id: k{number}, secret: {SECRET} }}").unwrap();
    }
    Emulator::from_world(&yaml, Utc::now(), "0123456789abcdef").unwrap()
}

/// The secret of every key.
pub const SECRET: &str = "not-a-secret";

/// What was bought so far, in order of the ids.
fn bought(emulator: &Emulator) -> Vec<String> {
    let charges = emulator.ledger().iter();
    let mut ids: Vec<String> =
        charges.map(|charge| format!("{:?} {}", charge.by, charge.instance_id)).collect();
    ids.sort();
    ids
}

/// Nothing was bought twice, for nobody without a need, nothing without an intent on the disk, and
/// nothing that is held.
pub fn assert_no_charge_too_many(court: &Court, case: &str) {
    let bought = bought(&court.emulator);
    let allowed: Vec<String> = NEEDS.iter().map(|id| format!("{:?} {id}", Buyer::Api)).collect();
    let mut once = bought.clone();
    once.dedup();
    assert_eq!(bought, once, "{case}: charged twice");
    assert!(bought.iter().all(|line| allowed.contains(line)), "{case}: charged without a need: {bought:?}");
    assert!(court.forbidden.is_empty(), "{case}: {:?}", court.forbidden);
}

/// Every need was charged exactly once, and every setting is the wanted one.
pub fn assert_converged(court: &Court, case: &str) {
    assert_no_charge_too_many(court, case);
    assert_eq!(bought(&court.emulator).len(), NEEDS.len(), "{case}: a need is left");
    for (id, status, months) in SETTINGS {
        let (status_seen, months_seen) = setting(&court.emulator, id);
        assert_eq!((status_seen.as_str(), months_seen), (status, months), "{case}: {id}");
    }
}

fn setting(emulator: &Emulator, id: &str) -> (String, i64) {
    let instance = emulator.instance(id, Utc::now()).unwrap();
    (instance.renewal_status, instance.auto_renew.0)
}

/// All that calls can change: what was bought, and the settings.
pub fn effects(emulator: &Emulator) -> (Vec<String>, Vec<(String, i64)>) {
    (bought(emulator), SETTINGS.iter().map(|(id, ..)| setting(emulator, id)).collect())
}
