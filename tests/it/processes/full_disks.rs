//! Disks that run full in the middle of a line: what fits is written, and the rest is not.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::crowd::{SEATS, each, say};
use super::judge::Judge;
use super::site::{BINARY, Base, Run, Site};

/// Runs with a limit on the length of files, so that a write takes what still fits and the next one
/// fails: a disk that runs full. `who` stands in the journal and shifts its lines against the limit.
fn run_on_a_full_disk(site: &Site<'_>, blocks: usize, who: usize) -> Run {
    let limited = format!("ulimit -f {blocks}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, "sh", BINARY]).args(site.arguments());
    site.prepare(&mut command);
    command.env("USER", "u".repeat(who));
    site.run_command(None, &mut command)
}

/// Steps of the limit: half a kilobyte or a kilobyte each, as the shell has it.
const BLOCKS: usize = 16;

#[test]
fn a_disk_that_runs_full_in_the_middle_of_a_line_loses_no_charge() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let mut cases = Vec::new();
    for who in [0, 170] {
        cases.extend((2..=BLOCKS).map(|blocks| (blocks, who)));
    }
    let (faults, torn) = (cases.len(), AtomicUsize::new(0));
    each(cases, |key, (blocks, who)| {
        let case = format!("{blocks} blocks, shifted by {who}");
        let site = base.site(&judge, key);
        let failed = run_on_a_full_disk(&site, blocks, who);
        site.assert_told(&base, &failed, Some(&site.seat.journal.to_string_lossy()), &case);
        let ends_whole = std::fs::read(&site.seat.journal).unwrap().ends_with(b"\n");
        torn.fetch_add(usize::from(!ends_whole), Ordering::Relaxed);
        site.converge(&case);
    });
    let torn = torn.into_inner();
    assert!(torn > 15, "only {torn} torn lines");
    say(&format!("{faults} full disks, {torn} torn lines"));
}
