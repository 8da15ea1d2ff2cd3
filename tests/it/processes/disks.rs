//! Disks that fail at any system call on the journal: no charge goes out without its line on the disk,
//! the exit code tells what happened to money, and the next run, on a healed disk, goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::crowd::{SEATS, each, say};
use super::judge::Judge;
use super::site::Base;
use super::traced::{Calls, Fault, count, is_missing, is_quiet, log, run};

/// What may come instead of success, by the call that fails: once, as from a bad sector, or from then
/// on, as on a full disk.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "write" | "pwrite64" => &["EIO", "ENOSPC+"],
        "openat" => &["EACCES", "EROFS+"],
        "mkdir" => &["EACCES"],
        "flock" => &["ENOLCK"],
        "fsync" | "fdatasync" | "read" => &["EIO"],
        _ => &[],
    }
}

const INTERRUPTED: &str = "error=EINTR";
/// As of a file system that has no locks.
const NO_LOCKS: &str = "error=EOPNOTSUPP";

#[test]
fn a_journal_that_fails_stops_what_costs_and_the_next_run_goes_on() {
    if is_missing("a_journal_that_fails_stops_what_costs_and_the_next_run_goes_on") {
        return;
    }
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let site = base.site(&judge, "k0");
    assert_eq!(run(&site, Calls::Journal, None).code, Some(0));
    let mut cases = Vec::new();
    for (call, times) in count(&log(&site)) {
        assert!(is_quiet(&call) || call == "mkdir" || !errors(&call).is_empty(), "no fault for {call}");
        for nth in 1..=times {
            // They take turns.
            if let Some(error) = errors(&call).iter().cycle().nth(nth) {
                let (error, lasting) = error.strip_suffix('+').map_or((*error, ""), |error| (error, "+"));
                let what = format!("error={error}");
                cases.push(Fault { call: call.clone(), what, when: format!("{nth}{lasting}") });
            }
        }
    }
    // An interrupted call is made again, and nothing has failed.
    cases.extend(["write", "fdatasync", "openat"].map(|call| Fault {
        call: call.to_owned(),
        what: INTERRUPTED.to_owned(),
        when: "2".to_owned(),
    }));
    cases.push(Fault { call: "flock".to_owned(), what: NO_LOCKS.to_owned(), when: "1+".to_owned() });
    let (faults, runs) = (cases.len(), AtomicUsize::new(0));
    each(cases, |key, fault| {
        let case = format!("{} {} {}", fault.call, fault.when, fault.what);
        let site = base.site(&judge, key);
        let failed = run(&site, Calls::Journal, Some(&fault));
        site.assert_told(&base, &failed, Some(&site.seat.journal.to_string_lossy()), &case);
        let harmless = [INTERRUPTED, NO_LOCKS].contains(&fault.what.as_str());
        assert!(!harmless || failed.code == Some(0), "{case}: {failed:?}");
        runs.fetch_add(1 + site.converge(&case), Ordering::Relaxed);
    });
    say(&format!("{faults} failing system calls on the journal, {} runs", runs.into_inner()));
}
