//! Outputs that nobody reads or that cannot be written, and places where no journal can be.

use std::fs;
use std::process::Command;

use super::crowd::{SEATS, each};
use super::judge::Judge;
use super::site::{BINARY, Base};

#[test]
fn a_broken_output_hides_nothing_and_charges_nothing_twice() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let mut cases = Vec::new();
    for redirection in [
        ">/dev/full",
        "2>/dev/full",
        ">/dev/full 2>&1",
        ">&-",
        "2>&-",
        ">&- 2>&- <&-",
        "| true",
        "2>&1 >/dev/null | true",
        "</dev/null",
    ] {
        for format in ["text", "json", "markdown"] {
            cases.push((redirection, format));
        }
    }
    each(cases, |key, (redirection, format)| {
        let case = format!("{redirection} {format}");
        let site = base.site(&judge, key);
        let mut command = Command::new("bash");
        // In a pipe the first command's code counts.
        let line = format!("set -o pipefail; \"$@\" --format {format} {redirection}");
        command.args(["-c", &line, "bash", BINARY]).args(site.arguments());
        site.prepare(&mut command);
        let run = site.run_command(None, &mut command);
        assert!(matches!(run.code, Some(0 | 1)), "{case}: {run:?}");
        // What was to be read went nowhere.
        site.assert_told(&base, &run, None, &case);
        let journal = fs::read_to_string(&site.seat.journal).unwrap();
        assert!(
            journal.lines().all(|line| line.starts_with('{') && line.ends_with('}')),
            "{case}: {journal}"
        );
        site.converge(&case);
    });
}

#[test]
fn without_a_place_for_the_journal_nothing_is_sent() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    // The superuser may write in a folder that nobody may write in, but not in these.
    let cases = vec![
        "want.yaml/journal.jsonl",
        "/proc/renewctl/journal.jsonl",
        "folder",
        "pipe",
        "/dev/null",
        "/dev/zero",
    ];
    each(cases, |key, place| {
        let site = base.site(&judge, key);
        fs::create_dir(site.path("folder")).unwrap();
        assert!(Command::new("mkfifo").arg(site.path("pipe")).status().unwrap().success());
        let mut command = Command::new(BINARY);
        command.args(site.arguments_with(place));
        site.prepare(&mut command);
        let run = site.run_command(None, &mut command);
        site.assert_told(&base, &run, Some(&format!("the journal {place} cannot be ")), place);
        assert_eq!(run.code, Some(1), "{place}: {run:?}");
        for command in ["plan -f want.yaml", "recover", "history"] {
            let mut reads = Command::new(BINARY);
            reads.args(command.split(' ')).args(["--journal", place, "--endpoint-url", &judge.url]);
            site.prepare(&mut reads);
            let run = site.run_command(None, &mut reads);
            let stream = ["pipe", "/dev/null", "/dev/zero"].contains(&place);
            let named = run.err.contains(&format!("error: the journal {place} cannot be read: "));
            assert!(!stream || (named && run.code == Some(1)), "{command} {place}: {run:?}");
        }
        site.converge(place);
    });
}
