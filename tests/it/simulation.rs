//! Random fleets, faults, crashes, lost journals, two runs at once, around midnight and the
//! platform's hours: judged by the ledger. A failing seed is printed, and replays alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::TimeDelta;

use crate::dice::Dice;
use crate::support::{Cut, Options, Sim, run, time};

const FAULTS: [&str; 10] = [
    "kind: throttle",
    "kind: throttle, retry_after_ms: 45000",
    "kind: error_500_before",
    "kind: error_500_after",
    "kind: unavailable_503",
    "kind: lost_before",
    "kind: lost_after",
    "kind: delay, ms: 40000",
    "kind: code, http: 403, code: LastTokenProcessing",
    "kind: code, http: 400, code: LastOrderProcessing",
];

/// A world, and a file that wants fifteen days for each of its instances, of which all have less.
fn draw(dice: &mut Dice) -> (String, String, u64) {
    let now = time("2026-12-01T00:00:00Z") + TimeDelta::minutes(i64::try_from(dice.roll(24 * 60)).unwrap());
    // The envelope: an effect shows within 30 minutes.
    let delay = dice.roll(30 * 60);
    let mut world = format!("now: {}\neffect_delay: {delay}s\ninstances:\n", now.to_rfc3339());
    let mut files = String::from(
        "version: 1\nregion: cn-beijing\nlimits: { max_charge: 5000 CNY }\ndefaults: { min_remaining: 15d }\ninstances:\n",
    );
    let count = 1 + dice.roll(6);
    for number in 0..count {
        let hours = 3 + dice.roll(13 * 24);
        let auto = dice.pick(&["off", "off", "never", "1mo"]);
        let id = format!("i-n{number}");
        writeln!(world, "  - {{ id: {id}, region: cn-beijing, expires_in: {hours}h, auto_renew: {auto}, price_per_month: 100 }}").unwrap();
        let wanted = dice.pick(&["", ", auto_renew: 1mo", ", auto_renew: off"]);
        writeln!(files, "  - {{ id: {id}{wanted} }}").unwrap();
    }
    (world, files, count)
}

async fn one_run(sim: &Sim, files: &str, dice: &mut Dice) {
    let options = Options { verify_timeout_s: 10 + dice.roll(300), ..Options::default() };
    match dice.roll(6) {
        0 | 1 => {
            let cut = dice.pick(&[Cut::BeforeSend, Cut::AfterSend]);
            sim.cut.set(Some(cut));
            // The process dies at its first charge, if it gets so far.
            let patience = std::time::Duration::from_secs(3600);
            let _ = tokio::time::timeout(patience, sim.apply_with(files, &options)).await;
            sim.cut.set(None);
        }
        2 => {
            let _ = tokio::join!(sim.apply_with(files, &options), sim.apply_with(files, &options));
        }
        _ => {
            sim.apply_with(files, &options).await;
        }
    }
}

/// Instances that were charged more than once: each needs one renewal in the time of a simulation.
fn charged_twice(sim: &Sim) -> Vec<String> {
    let mut charges: BTreeMap<String, usize> = BTreeMap::new();
    for charge in sim.ledger() {
        *charges.entry(charge.instance_id).or_default() += 1;
    }
    charges.into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| id).collect()
}

async fn simulate(seed: u64) {
    let mut dice = Dice(seed);
    let (world, files, count) = draw(&mut dice);
    let sim = Sim::new(&world);
    for _ in 0..dice.roll(5) {
        let action = dice.pick(&[
            "RenewInstance",
            "RenewInstance",
            "DescribeInstances",
            "ModifyInstanceAutoRenewAttribute",
        ]);
        let (nth, times, kind) = (1 + dice.roll(6), 1 + dice.roll(12), dice.pick(&FAULTS));
        sim.fault(&format!("{{ action: {action}, nth: {nth}, times: {times}, {kind} }}"));
    }
    for _ in 0..=dice.roll(3) {
        one_run(&sim, &files, &mut dice).await;
        assert_eq!(charged_twice(&sim), [""; 0], "seed {seed}: charged twice\n{world}");
        if dice.chance(30) {
            sim.journal.bytes.borrow_mut().clear();
        }
        // Somebody runs it again at once, or a while later.
        sim.advance(i64::try_from(dice.pick(&[0_u64, 60, 1800, 3 * 3600])).unwrap());
    }
    sim.emulator.borrow_mut().clear_faults();
    // The faults have passed; every hold but that of an order that never shows ends within a day.
    for _ in 0..6 {
        sim.advance(4 * 3600);
        sim.apply_with(&files, &Options { verify_timeout_s: 40 * 60, ..Options::default() }).await;
    }
    assert_eq!(charged_twice(&sim), [""; 0], "seed {seed}: charged twice\n{world}");
    let charged = sim.ledger().len() as u64;
    assert_eq!(charged, count, "seed {seed}: an instance was not renewed\n{world}{files}");
}

#[test]
fn no_need_is_charged_twice_and_every_instance_is_renewed() {
    for seed in 0..150 {
        run(simulate(seed));
    }
}
