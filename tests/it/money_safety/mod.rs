//! The money rules, judged by the emulator's ledger and never by what the tool says of itself.

mod bounds;
mod charges;
mod doubt;
mod hours;
mod journals;
mod readings;
mod rescues;
mod settings;

use std::fmt::Write as _;

use renewctl::cli::Exit;

use crate::support::{Applied, Sim};

/// The tokens of all charges that were sent, repetitions included.
fn sent_tokens(sim: &Sim) -> Vec<String> {
    let emulator = sim.emulator.borrow();
    let charges = emulator.records().iter().filter(|record| record.action == "RenewInstance");
    let token = |name: &str, parameters: &[(String, String)]| {
        parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
    };
    charges.map(|record| token("ClientToken", &record.parameters)).collect()
}

const THREE: &str = "
now: 2026-12-01T02:05:00Z
effect_delay: 5s
instances:
  - { id: i-a, region: cn-beijing, expires_at: 2026-12-06T16:00:00Z, price_per_month: '100.00' }
  - { id: i-b, region: cn-shanghai, expires_at: 2026-12-07T16:00:00Z, price_per_month: '100.00' }
  - { id: i-c, region: cn-beijing, expires_at: 2026-12-08T16:00:00Z, price_per_month: '100.00' }
";

const WANT_THREE: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 500 CNY }
defaults: { min_remaining: 15d }
instances:
  - { id: i-a }
  - { id: i-b, region: cn-shanghai }
  - { id: i-c }
";

/// A file that wants `i-n0001` and so on renewed.
fn want_many(count: usize) -> String {
    let mut files = String::from(
        "version: 1\nregion: cn-beijing\nlimits: { max_charge: 5000 CNY }\ndefaults: { min_remaining: 15d }\ninstances:\n",
    );
    for number in 1..=count {
        writeln!(files, "  - {{ id: i-n{number:04} }}").unwrap();
    }
    files
}

fn many(count: usize, faults: &str) -> Sim {
    Sim::new(&format!(
        "
now: 2026-12-01T12:05:00Z
faults: [{faults}]
generate: [{{ count: {count}, id_prefix: i-n, like: {{ region: cn-beijing, expires_in: 10d, price_per_month: 10 }} }}]
"
    ))
}

fn nothing_charged(name: &str, sim: &Sim, applied: &Applied, exit: Exit, text: &str) {
    assert_eq!(applied.exit, exit.code(), "{name}: {}\n{}", applied.out, applied.err);
    assert!(applied.err.contains(text), "{name}: {}", applied.err);
    assert_eq!(sim.ledger().len(), 0, "{name}");
    assert_eq!(sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"), 0, "{name}");
    assert!(sim.journal.bytes.borrow().is_empty(), "{name}: nothing was begun");
}
