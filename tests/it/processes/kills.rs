//! SIGKILL at every request: before it has happened, and after it has and before the answer. With the
//! journal kept, lost, or put back to an older copy, each need is charged once.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::crowd::{SEATS, each, say};
use super::fleet::{HOLD_S, assert_converged};
use super::judge::{Blow, Judge, Moment};
use super::site::{Base, Site};
use crate::dice::Dice;

/// What happens to the journal of a run that was killed.
#[derive(Clone, Copy, Debug)]
enum Journal {
    Kept,
    Lost,
    Older,
}

const JOURNALS: [Journal; 3] = [Journal::Kept, Journal::Lost, Journal::Older];
const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];

fn treat(site: &Site<'_>, base: &Base, journal: Journal) {
    match journal {
        Journal::Kept => {}
        // A run that was killed early may not have made one.
        Journal::Lost => drop(fs::remove_file(&site.seat.journal)),
        Journal::Older => site.put_journal(&base.journal),
    }
}

/// The requests that a run makes which nobody disturbs: whether each changes something in the world.
pub fn requests(base: &Base, judge: &Judge) -> Vec<bool> {
    let site = base.site(judge, "k0");
    let run = site.run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let court = site.seat.world.court();
    assert_converged(&court, "undisturbed");
    let acts: Vec<bool> = court.seen.iter().map(|seen| seen.acts).collect();
    assert!(acts.len() == run.requests && acts.contains(&true), "{acts:?}");
    acts
}

/// The moments of these requests, numbered from 1: before each, and after each that changes something. After
/// one that only reads is before the next.
pub fn moments(requests: &[bool]) -> Vec<(usize, Moment)> {
    let numbered = requests.iter().enumerate();
    let moments = numbered.flat_map(|(index, acts)| {
        let after = acts.then_some((index + 1, Moment::After));
        [Some((index + 1, Moment::Before)), after].into_iter().flatten()
    });
    moments.collect()
}

#[test]
fn killed_at_any_request_each_need_is_charged_once() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let requests = requests(&base, &judge);
    let mut cases = Vec::new();
    for (index, (nth, moment)) in moments(&requests).into_iter().enumerate() {
        // Charges are what counts; for the rest the other two take turns.
        let acts = requests[nth - 1];
        let turn = |journal| acts || matches!((journal, index % 2), (Journal::Lost, 0) | (Journal::Older, 1));
        let treated =
            JOURNALS.into_iter().filter(|journal| matches!(journal, Journal::Kept) || turn(*journal));
        cases.extend(treated.map(|journal| (Blow::kill(nth, moment), journal)));
    }
    let (kills, runs) = (cases.len(), AtomicUsize::new(0));
    each(cases, |key, (blow, journal)| {
        let case = format!("killed at request {} ({:?}), journal {journal:?}", blow.nth, blow.moment);
        let site = base.site(&judge, key);
        let killed = site.run_struck(blow);
        assert_eq!((killed.code, killed.requests), (None, blow.nth), "{case}: {killed:?}");
        treat(&site, &base, journal);
        if matches!(journal, Journal::Kept) {
            // The journal says that it was sent, and not what came of it.
            let mut court = site.seat.world.court();
            let last = court.seen.last().cloned().unwrap();
            court.expect_hold(&last.charges);
        }
        runs.fetch_add(1 + site.converge(&case), Ordering::Relaxed);
    });
    say(&format!("{kills} kills at the {} requests of a run, {} runs", requests.len(), runs.into_inner()));
}

/// So many chains are drawn.
const CHAINS: u64 = 24;
/// A chain kills at most so often.
const CHAIN_KILLS: u64 = 6;

#[test]
fn killed_again_and_again_each_need_is_charged_once() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let requests = requests(&base, &judge).len() as u64;
    let kills = AtomicUsize::new(0);
    each((0..CHAINS).collect(), |key, seed| {
        let mut dice = Dice(seed);
        let mut site = base.site(&judge, key);
        site.parallelism = dice.pick(&[1, 8]);
        // Some chains lead over midnight in Beijing, where the tokens change.
        if dice.chance(30) {
            site.seat.world.court().emulator.advance(13 * 3600);
        }
        let mut case = format!("seed {seed}:");
        for _ in 0..=dice.roll(CHAIN_KILLS) {
            // Later runs have less to do.
            let within = dice.pick(&[requests, requests / 2]);
            let nth = usize::try_from(1 + dice.roll(within)).unwrap();
            let (moment, journal) = (dice.pick(&MOMENTS), dice.pick(&JOURNALS));
            let run = site.run_struck(Blow::kill(nth, moment));
            case = format!("{case} {nth} {moment:?} {journal:?} {:?},", run.code);
            kills.fetch_add(usize::from(run.code.is_none()), Ordering::Relaxed);
            treat(&site, &base, journal);
            if dice.chance(50) {
                site.seat.world.court().emulator.advance(HOLD_S);
            }
        }
        site.converge(&case);
    });
    say(&format!("{} kills in {CHAINS} chains", kills.into_inner()));
}
