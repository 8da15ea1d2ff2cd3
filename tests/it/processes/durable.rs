//! What is on the disk when a call is sent, and SIGKILL at every system call on the journal. After it
//! the machine may lose what was not made durable: all of it, or a part.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::crowd::{SEATS, each, say};
use super::fleet::assert_converged;
use super::judge::Judge;
use super::site::{Base, Site};
use super::traced::{Calls, Fault, Seen, count, is_missing, is_quiet, log, run};

/// Calls that change something in the cloud.
const ACTS: [&str; 2] = ["Action=RenewInstance", "Action=ModifyInstanceAutoRenewAttribute"];

#[test]
fn nothing_is_sent_before_its_line_is_durable() {
    if is_missing("nothing_is_sent_before_its_line_is_durable") {
        return;
    }
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let site = base.site(&judge, "k1");
    let ended = run(&site, Calls::Effects, None);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_converged(&site.seat.world.court(), "traced");
    let (mut announced, mut durable, mut sent) = (0, 0, 0);
    for seen in log(&site) {
        if seen.is_on(&site) && seen.call == "write" {
            announced += seen.rest.matches("-intent").count();
        } else if seen.is_on(&site) && seen.makes_durable() && seen.returned() == Some(0) {
            durable = announced;
        } else if ACTS.iter().any(|act| seen.rest.contains(act)) {
            sent += 1;
            assert_eq!(durable, sent, "announced {announced}, durable {durable}, sent {sent}: {}", seen.rest);
        }
    }
    assert!(sent >= 8, "{sent} calls that act");
}

#[test]
fn the_journal_and_the_folder_made_for_it_are_durable_before_anything_is_sent() {
    if is_missing("the_journal_and_the_folder_made_for_it_are_durable_before_anything_is_sent") {
        return;
    }
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let site = base.site(&judge, "k0");
    begin(&site, true);
    assert_eq!(run(&site, Calls::Effects, None).code, Some(0));
    let log = log(&site);
    let sent = log.iter().position(|seen| ACTS.iter().any(|act| seen.rest.contains(act))).unwrap();
    for place in site.seat.journal.ancestors().take(3) {
        let on_it = |seen: &&Seen| seen.rest.contains(&format!("<{}>", place.display()));
        let mut synced = log[..sent].iter().filter(|seen| seen.makes_durable() && seen.returned() == Some(0));
        assert!(synced.any(|seen| on_it(&seen)), "{} is not durable", place.display());
    }
}

/// What the machine makes of bytes that were written and not made durable.
#[derive(Clone, Copy, Debug)]
enum Power {
    /// It stays on: the bytes are there.
    On,
    /// It fails, and none of them is there.
    Lost,
    /// It fails in the middle of them.
    Torn,
}

/// The length of the journal that is certainly there after a run: up to the last call that made it so.
fn durable_length(site: &Site<'_>, before: usize, log: &[Seen]) -> usize {
    let (mut length, mut durable) = (before, before);
    for seen in log.iter().filter(|seen| seen.is_on(site)) {
        if seen.call == "write" {
            length += usize::try_from(seen.returned().unwrap_or(0)).unwrap_or(0);
        } else if seen.makes_durable() && seen.returned() == Some(0) {
            durable = length;
        }
    }
    durable
}

fn fail_power(site: &Site<'_>, before: usize, power: Power) {
    let Ok(bytes) = fs::read(&site.seat.journal) else { return };
    let durable = durable_length(site, before, &log(site)).min(bytes.len());
    let left = match power {
        Power::On => bytes.len(),
        Power::Lost => durable,
        Power::Torn => usize::midpoint(durable, bytes.len()),
    };
    site.put_journal(&bytes[..left]);
}

/// The kills of one kind of run: before every call that changes something, and for one that would make
/// bytes durable with the power failing: with the power on it is a death before the next call. So is a death
/// after such a call, or it is one before a request, which has tests of its own.
fn kills(base: &Base, judge: &Judge, fresh: bool) -> Vec<(bool, Fault, Power)> {
    let site = base.site(judge, "k0");
    begin(&site, fresh);
    assert_eq!(run(&site, Calls::Journal, None).code, Some(0));
    let mut cases = Vec::new();
    for (call, times) in count(&log(&site)) {
        // What is the same with a journal that is there already was done with it.
        if is_quiet(&call) || (fresh && matches!(call.as_str(), "write" | "fdatasync")) {
            continue;
        }
        let unsynced = matches!(call.as_str(), "fsync" | "fdatasync");
        for nth in 1..=times {
            let power = match (unsynced, nth % 2) {
                (false, _) => Power::On,
                (true, 0) => Power::Lost,
                (true, _) => Power::Torn,
            };
            cases.push((fresh, Fault::kill(&call, nth), power));
        }
    }
    cases
}

fn begin(site: &Site<'_>, fresh: bool) {
    if fresh {
        fs::remove_dir_all(site.seat.journal.parent().unwrap()).unwrap();
    }
}

#[test]
fn killed_at_any_system_call_on_the_journal_each_need_is_charged_once() {
    if is_missing("killed_at_any_system_call_on_the_journal_each_need_is_charged_once") {
        return;
    }
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let mut cases = kills(&base, &judge, false);
    cases.extend(kills(&base, &judge, true));
    let (kills, runs) = (cases.len(), AtomicUsize::new(0));
    each(cases, |key, (fresh, fault, power)| {
        let case = format!("killed before {} {}, power {power:?}, fresh {fresh}", fault.call, fault.when);
        let site = base.site(&judge, key);
        begin(&site, fresh);
        let killed = run(&site, Calls::Journal, Some(&fault));
        assert_eq!(killed.code, None, "{case}: {killed:?}");
        fail_power(&site, if fresh { 0 } else { base.journal.len() }, power);
        runs.fetch_add(1 + site.converge(&case), Ordering::Relaxed);
    });
    say(&format!("{kills} kills at system calls on the journal, {} runs", runs.into_inner()));
}
