//! Several processes at once on one fleet: with one journal between them, with a journal each (as on
//! several machines), and on one emulator's state. However they interleave, each need is charged once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::Mutex;

use renewctl::emulator::Emulator;

use super::crowd::{each, say};
use super::fleet::{WANT, assert_converged, assert_no_charge_too_many, world};
use super::judge::{Blow, Court, Judge, Moment, Order, World};
use super::site::{BINARY, Base, Run, Site, folder};
use crate::dice::Dice;

/// Most processes at one time.
const PROCESSES_MAX: usize = 8;

/// One round: so many processes, where they write, and how they interleave.
struct Round {
    number: usize,
    processes: usize,
    journal: Journal,
    order: fn(u64) -> Order,
    /// Some of them are killed on the way.
    deadly: bool,
}

/// Where the processes of a round write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Journal {
    /// Each has its own, as on several machines.
    Own,
    /// One for all, and who finds it in use ends.
    Shared,
    /// One for all, and who finds it in use waits.
    Awaited,
}

fn rounds() -> Vec<Round> {
    let mut rounds = Vec::new();
    let mut add = |processes, journal, order, deadly| {
        rounds.push(Round { number: rounds.len(), processes, journal, order, deadly });
    };
    for processes in [2, 3, 5, PROCESSES_MAX] {
        add(processes, Journal::Own, |_| Order::Together("RenewInstance"), false);
        add(processes, Journal::Own, |_| Order::Free, false);
        add(processes, Journal::Shared, |_| Order::Free, false);
        add(processes, Journal::Awaited, |_| Order::Free, processes == 3);
    }
    for round in 0..12 {
        let by_dice = |seed| Order::Dice(Dice(seed));
        add(2 + round % 2, Journal::Own, by_dice, round % 2 == 1);
        add(2 + round % 2, Journal::Shared, by_dice, round % 2 == 1);
    }
    rounds
}

/// The places of a round: one world, and one journal or one for each.
fn sites<'a>(base: &Base, judge: &'a Judge, round: &Round) -> Vec<Site<'a>> {
    let world = World::new(base.world(), (round.order)(round.number as u64));
    let key = |number| format!("k{}", round.number * PROCESSES_MAX + number);
    let beside = |number| Site::beside(judge, &key(number), world.clone());
    let mut sites: Vec<Site<'_>> = (0..round.processes).map(beside).collect();
    if round.journal != Journal::Own {
        let journal = sites[0].seat.journal.clone();
        for site in &mut sites {
            site.seat.journal.clone_from(&journal);
        }
    }
    for site in &sites {
        site.put_journal(&base.journal);
    }
    sites
}

fn run_all(sites: &[Site<'_>], wait: &[&str], mut dice: Option<Dice>) -> Vec<Run> {
    for site in sites {
        let blow = dice.as_mut().and_then(|dice| {
            let nth = usize::try_from(1 + dice.roll(24)).unwrap();
            let moment = dice.pick(&[Moment::Before, Moment::After]);
            dice.chance(40).then_some(Blow::kill(nth, moment))
        });
        site.seat.world.enter(&site.seat.key, blow);
    }
    std::thread::scope(|scope| {
        let start = |site| scope.spawn(move || Site::run_entered(site, Site::command(site).args(wait)));
        let running: Vec<_> = sites.iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Who has sent charges.
fn charging(court: &Court) -> BTreeSet<String> {
    let charges = court.seen.iter().filter(|seen| !seen.charges.is_empty());
    charges.map(|seen| seen.key.clone()).collect()
}

#[test]
fn at_once_on_one_fleet_each_need_is_charged_once() {
    let judge = Judge::open();
    let rounds = rounds();
    let base = Base::prepare(&judge, rounds.len() * PROCESSES_MAX);
    let processes: usize = rounds.iter().map(|round| round.processes).sum();
    let (count, codes) = (rounds.len(), Mutex::new(BTreeMap::new()));
    each(rounds, |_, round| {
        let case =
            format!("round {}: {} processes, journal {:?}", round.number, round.processes, round.journal);
        let sites = sites(&base, &judge, &round);
        // Longer than all of them take, one after the other.
        let wait: &[&str] = if round.journal == Journal::Awaited { &["--lock-timeout", "60s"] } else { &[] };
        let runs = run_all(&sites, wait, round.deadly.then_some(Dice(round.number as u64)));
        assert_no_charge_too_many(&sites[0].seat.world.court(), &case);
        for run in &runs {
            // On one journal nobody works beside another; only what a killed one left is held.
            let losing: &[i32] = match (round.journal, round.deadly) {
                (Journal::Own, _) => &[3, 7],
                (Journal::Shared, false) => &[8],
                (Journal::Shared, true) => &[8, 3],
                (Journal::Awaited, false) => &[],
                (Journal::Awaited, true) => &[3],
            };
            let expected = run.code.map_or(round.deadly, |code| code == 0 || losing.contains(&code));
            assert!(expected, "{case}: {run:?}");
            *codes.lock().unwrap().entry((round.journal, run.code)).or_insert(0) += 1;
        }
        let charging = charging(&sites[0].seat.world.court());
        let alone = charging.len() <= 1 || round.journal == Journal::Own || round.deadly;
        assert!(alone, "{case}: {charging:?} charge at once on one journal");
        assert!(round.deadly || runs.iter().any(|run| run.code == Some(0)), "{case}: {runs:?}");
        sites[0].seat.world.set_free();
        sites[round.processes - 1].converge(&case);
    });
    say(&format!(
        "{processes} processes in {count} rounds; (journal, code): number {:?}",
        codes.into_inner().unwrap()
    ));
}

#[test]
fn at_once_on_one_emulator_each_need_is_charged_once() {
    let cases: Vec<(usize, bool)> = vec![(2, true), (2, false), (5, true), (8, false)];
    each(cases, |_, (processes, shared)| {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("want.yaml"), WANT).unwrap();
        // Nobody lets the time pass here.
        fs::write(path("state.json"), world(0, 0).to_state()).unwrap();
        let run = |number: usize| {
            let journal = if shared { "journal.jsonl".to_owned() } else { format!("journal-{number}.jsonl") };
            let arguments = "apply --auto-approve -f want.yaml --emulator=state.json --journal";
            let mut command = Command::new(BINARY);
            command.current_dir(folder.path()).env_clear().args(arguments.split(' ')).arg(journal);
            command.output().unwrap()
        };
        let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..processes).map(|number| scope.spawn(move || run(number).status.code())).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        // The state is held by one command at a time: each finds what the ones before it did.
        assert!(codes.iter().all(|code| *code == Some(0)), "{processes} {shared}: {codes:?}");
        let emulator = Emulator::from_state(&fs::read_to_string(path("state.json")).unwrap()).unwrap();
        let world = World::new(emulator, Order::Free);
        assert_converged(&world.court(), "one emulator");
    });
}
