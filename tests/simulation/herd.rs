//! Many seeds, on all cores: each seed on one thread, with a runtime of its own.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::arguments::Arguments;
use crate::coverage::{Counts, Seen};
use crate::draw::{Mix, OUTSIDE, Outside};
use crate::judge::{Rule, Violation};
use crate::policies::{self, Policy};
use crate::story::{Told, play};

/// What `cargo test` plays: a minute on two cores, unoptimised.
const SEEDS_OF_A_TEST: u64 = 2000;
const SEEDS_OF_A_TEST_RELEASE: u64 = 20_000;
/// Violations that are shown in full.
const SHOWN_MAX: usize = 10;
/// Seeds whose story is told twice, to see that it is the same.
const TWICE: u64 = 20;

/// What came of many.
#[derive(Default)]
struct Sum {
    counts: Counts,
    seeds: u64,
    double_charges: u64,
    /// Seeds with a violation, and the first of each.
    bad: BTreeMap<u64, Violation>,
    by_rule: BTreeMap<Rule, u64>,
}

fn one(seed: u64, mix: Mix, policy: Policy) -> Result<Told, String> {
    catch_unwind(AssertUnwindSafe(|| play(seed, mix, policy, false))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

impl Sum {
    fn take(&mut self, seed: u64, told: Result<Told, String>) {
        self.seeds += 1;
        match told {
            Ok(told) => {
                self.counts.add(&told.counts);
                self.double_charges += told.double_charges as u64;
                let mut rules: Vec<Rule> = told.violations.iter().map(|violation| violation.rule).collect();
                rules.sort_unstable();
                rules.dedup();
                for rule in rules {
                    *self.by_rule.entry(rule).or_default() += 1;
                }
                if let Some(first) = told.violations.into_iter().next() {
                    self.bad.insert(seed, first);
                }
            }
            Err(text) => {
                *self.by_rule.entry(Rule::Panic).or_default() += 1;
                let at = chrono::DateTime::UNIX_EPOCH;
                self.bad.insert(seed, Violation { rule: Rule::Panic, at, text });
            }
        }
    }
}

/// Plays `seeds` from `from` on. Progress is told on stderr if it takes long.
fn many(from: u64, seeds: u64, threads: usize, mix: Mix, policy: Policy) -> Sum {
    let loud = mix == Mix::Inside;
    let next = AtomicU64::new(from);
    let sum = Mutex::new(Sum::default());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    // A few at a time, so that the lock costs nothing.
                    let first = next.fetch_add(16, Ordering::Relaxed);
                    let last = (first + 16).min(from + seeds);
                    if first >= last {
                        return;
                    }
                    let told: Vec<_> = (first..last).map(|seed| (seed, one(seed, mix, policy))).collect();
                    let mut sum = sum.lock().unwrap();
                    let before = sum.seeds;
                    for (seed, told) in told {
                        sum.take(seed, told);
                        // A long run says at once what it has found.
                        if let Some(Violation { rule, at, text }) = sum.bad.get(&seed).filter(|_| loud) {
                            eprintln!("seed {seed}: {rule:?} at {at}: {text}");
                        }
                    }
                    if sum.seeds / 20_000 > before / 20_000 {
                        let rate = per_second(sum.seeds, begun);
                        eprintln!(
                            "{} seeds, {rate:.0} a second, {} with violations",
                            sum.seeds,
                            sum.bad.len()
                        );
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

#[allow(clippy::cast_precision_loss, reason = "a rate to look at")]
fn per_second(seeds: u64, begun: Instant) -> f64 {
    seeds as f64 / begun.elapsed().as_secs_f64().max(0.001)
}

fn show(sum: &Sum, mix: &str) {
    for (rule, seeds) in &sum.by_rule {
        println!("{seeds:>14}  seeds with a violation: {rule:?}");
    }
    for (seed, violation) in sum.bad.iter().take(SHOWN_MAX) {
        println!("seed {seed}: {:?} at {}: {}", violation.rule, violation.at, violation.text);
        println!("  cargo test --release --test simulation -- --seed {seed}{mix}");
    }
}

/// One seed with its story.
pub fn replay(seed: u64, mix: Mix) -> bool {
    let told = play(seed, mix, Policy::Ours, true);
    for line in &told.trace {
        println!("{line}");
    }
    println!("seed {seed}: {} violations", told.violations.len());
    for violation in &told.violations {
        println!("  {:?} at {}: {}", violation.rule, violation.at, violation.text);
    }
    told.violations.is_empty()
}

/// The promise: inside of the envelope there are no violations.
pub fn inside(arguments: &Arguments) -> bool {
    let usual = if cfg!(debug_assertions) { SEEDS_OF_A_TEST } else { SEEDS_OF_A_TEST_RELEASE };
    let seeds = arguments.seeds.unwrap_or(usual);
    let begun = Instant::now();
    let sum = many(arguments.from, seeds, arguments.threads, Mix::Inside, Policy::Ours);
    let of = |what: Seen| sum.counts.of(what);
    println!(
        "simulation: {} seeds from {} in {:.1} s, {:.0} a second: {} runs, {} calls, {} charges, {} crashes, {} seeds with violations",
        sum.seeds,
        arguments.from,
        begun.elapsed().as_secs_f64(),
        per_second(sum.seeds, begun),
        of(Seen::Runs),
        of(Seen::Calls),
        of(Seen::Charges),
        of(Seen::Crashes),
        sum.bad.len()
    );
    for line in sum.counts.lines() {
        println!("{line}");
    }
    show(&sum, "");
    sum.bad.is_empty() && is_repeatable(arguments.from, seeds)
}

/// A seed is worth something only if it tells the same story again.
fn is_repeatable(from: u64, seeds: u64) -> bool {
    (from..from + seeds.min(TWICE)).all(|seed| {
        let twice = [0, 1].map(|_| play(seed, Mix::Inside, Policy::Ours, false).fingerprint);
        if twice[0] != twice[1] {
            println!("seed {seed} told two stories");
        }
        twice[0] == twice[1]
    })
}

/// Outside of the envelope violations are expected; this counts them.
pub fn envelope(arguments: &Arguments) -> bool {
    for outside in OUTSIDE {
        let (name, text) = match outside {
            Outside::ShortRetention => ("short-retention", "tokens are forgotten before their order shows"),
            Outside::LongLag => ("long-lag", "orders show after 31 minutes to 3 hours"),
            Outside::LongFlight => ("long-flight", "requests arrive up to 2 hours after they were given up"),
            Outside::Suspended => ("suspended", "machines sleep while an answer is on its way"),
            Outside::Impatient => {
                ("impatient", "the nightly job waits for less long than an order takes to show")
            }
        };
        let seeds = arguments.seeds.unwrap_or(10_000);
        let sum = many(arguments.from, seeds, arguments.threads, Mix::Outside(outside), Policy::Ours);
        println!("{name}: {text}: {} seeds, {} with violations", sum.seeds, sum.bad.len());
        show(&sum, &format!(" --mix {name}"));
    }
    true
}

/// The table of the README.
pub fn policies(arguments: &Arguments) -> bool {
    let seeds = arguments.seeds.unwrap_or(20_000);
    println!("| token | charged twice | instances lost | runs | seeds | why |");
    println!("|---|---:|---:|---:|---:|---|");
    for policy in policies::ALL {
        let sum = many(arguments.from, seeds, arguments.threads, Mix::Tokens, policy);
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            policy.name(),
            sum.double_charges,
            sum.counts.of(Seen::StoppedInstances),
            sum.counts.of(Seen::Runs),
            sum.seeds,
            policy.why()
        );
    }
    true
}
