//! SIGINT and SIGTERM at every request, one and two of them, also while an answer never comes: the end
//! comes within seconds, says what is known, and the next run does the rest.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use renewctl::emulator::Emulator;
use renewctl::journal::parse;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::crowd::{SEATS, each, say};
use super::fleet::{EARLY, NEEDS, WANT, assert_no_charge_too_many, effects, world};
use super::judge::{Blow, Judge, Moment, Then, strike};
use super::kills::{moments, requests};
use super::site::{BINARY, Base, Run, Site, folder};

/// From the signal to the end. Six seconds are promised; the rest is for a machine with much else to do.
const END_MAX: Duration = Duration::from_secs(10);
/// The same where nothing has to be waited for.
const AT_ONCE_MAX: Duration = Duration::from_secs(4);

/// Two different ones, because the system makes one of two equal ones that come at the same time.
const ONCE: [&[Signal]; 2] = [&[Signal::INT], &[Signal::TERM]];
const TWICE: [&[Signal]; 2] = [&[Signal::INT, Signal::TERM], &[Signal::TERM, Signal::INT]];

/// The exit codes that these signals may lead to.
fn codes(signals: &[Signal]) -> Vec<i32> {
    signals.iter().map(|signal| if *signal == Signal::INT { 130 } else { 143 }).collect()
}

/// Every moment of these requests, with an answer or without; the signals take turns.
fn blows(requests: &[bool]) -> Vec<Blow> {
    let mut blows = Vec::new();
    for (index, (nth, moment)) in moments(requests).into_iter().enumerate() {
        let turn = index % 2;
        let silence = if moment == Moment::Before { Then::Deaf } else { Then::Silence };
        let mut add = |signals, then| blows.push(Blow { nth, moment, signals, then });
        add(ONCE[turn], Then::GoesOn);
        add(ONCE[1 - turn], silence);
        add(TWICE[turn], if nth % 2 == 0 { Then::GoesOn } else { silence });
    }
    blows
}

/// The journal is whole, also after the end of a run that was cut short.
fn assert_whole(site: &Site<'_>, case: &str) {
    let contents = parse(&fs::read(&site.seat.journal).unwrap());
    let whole = contents.damaged.is_none() && contents.torn == 0 && !contents.is_unended;
    assert!(whole, "{case}: {contents:?}");
}

/// What the run says of each charge that it has made. Returns what it says is in doubt.
fn assert_says(site: &Site<'_>, run: &Run, case: &str) -> Vec<String> {
    let said = format!("{}\n{}", run.out, run.err);
    let says = |id: &str, words: &str| said.lines().any(|line| line.contains(id) && line.contains(words));
    let court = site.seat.world.court();
    for charge in court.emulator.ledger().iter().filter(|charge| charge.instance_id != EARLY) {
        let id = charge.instance_id.as_str();
        let told = says(id, "renewed by") || (run.code == Some(7) && says(id, "IN DOUBT"));
        assert!(told, "{case}: {id} was charged, and nobody says so: {run:?}");
    }
    let in_doubt = said.lines().filter(|line| line.contains("IN DOUBT"));
    in_doubt
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("i-")).map(str::to_owned))
        .collect()
}

/// The end of a run that was sent signals at a request.
fn assert_interrupted(base: &Base, site: &Site<'_>, run: &Run, blow: Blow, case: &str) {
    let lasted = run.lasted.unwrap();
    assert!(lasted < END_MAX, "{case}: it took {lasted:?}: {run:?}");
    let code = run.code.unwrap_or(-1);
    if code == 0 {
        // A signal that came when all was done has interrupted nothing.
        assert!(run.out.contains("Verified"), "{case}: {run:?}");
        site.assert_told(base, run, None, case);
    } else if codes(blow.signals).contains(&code) {
        let ends = ["Interrupted", "Stopped at once"].iter().any(|text| run.err.contains(text));
        let said = ends || run.out.contains("the run was interrupted");
        assert!(said && !run.out.contains("IN DOUBT"), "{case}: {run:?}");
    } else {
        assert_eq!(code, 7, "{case}: {run:?}");
    }
    let nothing = run.err.contains("Nothing was changed");
    assert!(
        !nothing || effects(&base.world()) == effects(&site.seat.world.court().emulator),
        "{case}: {run:?}"
    );
    assert!(!run.err.contains("panicked"), "{case}: {run:?}");
    assert_whole(site, case);
    let in_doubt = assert_says(site, run, case);
    assert_eq!(code == 7, !in_doubt.is_empty(), "{case}: {run:?}");
    let mut court = site.seat.world.court();
    assert_no_charge_too_many(&court, case);
    for id in &in_doubt {
        court.expect_hold(id);
    }
}

#[test]
fn a_signal_at_any_request_ends_the_run_soon_and_truthfully() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let requests = requests(&base, &judge);
    let cases = blows(&requests);
    let (count, seen) = (cases.len(), Mutex::new((std::collections::BTreeMap::new(), Duration::ZERO)));
    each(cases, |key, blow| {
        let case = format!("{blow:?}");
        let site = base.site(&judge, key);
        let run = site.run_struck(blow);
        assert_interrupted(&base, &site, &run, blow, &case);
        {
            let mut seen = seen.lock().unwrap();
            *seen.0.entry(run.code.unwrap()).or_insert(0) += 1;
            seen.1 = seen.1.max(run.lasted.unwrap());
        }
        site.converge(&case);
    });
    let (codes, longest) = seen.into_inner().unwrap();
    for code in [7, 130, 143] {
        assert!(codes.get(&code).is_some_and(|number| *number >= 5), "{codes:?}");
    }
    say(&format!(
        "{count} signals at the {} requests of a run, code: number {codes:?}, longest {longest:?}",
        requests.len()
    ));
}

#[test]
fn a_second_signal_of_the_same_kind_stops_at_once_and_names_what_is_in_doubt() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let first_charge = {
        let site = base.site(&judge, "k0");
        assert_eq!(site.run().code, Some(0));
        let court = site.seat.world.court();
        court.seen.iter().position(|seen| !seen.charges.is_empty()).unwrap() + 1
    };
    each(vec![(ONCE[0], Moment::Before), (ONCE[1], Moment::After)], |key, (signals, moment)| {
        let case = format!("{signals:?} {moment:?}");
        let site = base.site(&judge, key);
        let blow = Blow { nth: first_charge, moment, signals, then: Then::Deaf };
        site.seat.world.enter(&site.seat.key, Some(blow));
        let sent = Mutex::new(None);
        let run = site.run_watched(&mut site.command(), |child, line| {
            if line.contains("A second signal stops at once") {
                strike(child, signals);
                *sent.lock().unwrap() = Some(Instant::now());
            }
        });
        let lasted = sent.into_inner().unwrap().unwrap().elapsed();
        assert!(lasted < AT_ONCE_MAX, "{case}: {lasted:?}");
        assert_eq!(run.code, Some(7), "{case}: {run:?}");
        let named = run.err.contains("IN DOUBT: i-bare  cn-beijing");
        assert!(named && run.err.contains("Stopped at once"), "{case}: {run:?}");
        assert_whole(&site, &case);
        site.seat.world.court().expect_hold("i-bare");
        site.converge(&case);
    });
}

#[test]
fn a_signal_ends_a_plan_at_once() {
    let judge = Judge::open();
    let base = Base::prepare(&judge, SEATS);
    let plan = |site: &Site<'_>, blow| {
        let mut arguments = site.arguments();
        arguments[0] = "plan".to_owned();
        arguments.retain(|word| !word.contains("approve") && !word.contains("verify") && word != "10s");
        let mut command = Command::new(BINARY);
        command.args(arguments);
        site.prepare(&mut command);
        site.run_command(blow, &mut command)
    };
    let requests = plan(&base.site(&judge, "k0"), None).requests;
    let mut blows = blows(&vec![false; requests]);
    // The answer to the last request may be taken before the signal.
    blows.retain(|blow| blow.then != Then::GoesOn || blow.nth < requests);
    each(blows, |key, blow| {
        let case = format!("plan: {blow:?}");
        let site = base.site(&judge, key);
        let run = plan(&site, Some(blow));
        assert!(run.lasted.unwrap() < AT_ONCE_MAX, "{case}: {run:?}");
        assert!(codes(blow.signals).contains(&run.code.unwrap_or(-1)), "{case}: {run:?}");
        assert!(
            run.out.is_empty() && run.err.ends_with("Interrupted. Nothing was changed.\n"),
            "{case}: {run:?}"
        );
    });
}

/// A command of the emulator, or on it, in a folder of its own.
fn on_emulator(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(folder).env_clear().args(arguments.split(' ')).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits until a process no longer dies of SIGINT: it listens.
fn wait_until_it_listens(child: &Child) {
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let both = 1 << (Signal::INT.as_raw() - 1) | 1 << (Signal::TERM.as_raw() - 1);
        if u64::from_str_radix(caught.trim(), 16).unwrap() & both == both {
            return;
        }
        std::thread::yield_now();
    }
}

/// Ends a process by a signal; returns its exit code and what it said.
fn end(child: Child, signals: &[Signal]) -> (Option<i32>, String) {
    strike(&child, signals);
    let sent = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(sent.elapsed() < AT_ONCE_MAX, "{output:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_server_ends_by_a_signal_and_so_does_one_that_waits_for_the_state() {
    for signals in ONCE {
        let folder = folder();
        let mut server = on_emulator(folder.path(), "emulator serve --state state.json").spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
        fs::write(folder.path().join("want.yaml"), WANT).unwrap();
        for waiting in [
            "emulator serve --state state.json",
            "emulator advance 1h --state state.json",
            "plan -f want.yaml --emulator=state.json",
            "apply -f want.yaml --emulator=state.json",
        ] {
            let child = on_emulator(folder.path(), waiting).spawn().unwrap();
            wait_until_it_listens(&child);
            let (code, err) = end(child, signals);
            assert_eq!(code, Some(codes(signals)[0]), "{waiting}: {err}");
            assert_eq!(err, "Interrupted. Nothing was changed.\n", "{waiting}");
        }
        assert_eq!(end(server, signals), (Some(0), String::new()));
    }
}

/// A terminal: who sits at it, and what a process has of it.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let process = OpenOptions::new().read(true).write(true).open(name).unwrap();
    (File::from(person), process)
}

/// What a person does when asked.
#[derive(Clone, Copy, Debug)]
enum Reply {
    Signal(&'static [Signal]),
    Types(&'static str),
    /// The terminal is closed.
    Leaves,
}

#[test]
fn at_the_question_a_signal_ends_the_run_and_only_the_right_answer_charges() {
    let cases = vec![
        (Reply::Signal(ONCE[0]), 130),
        (Reply::Signal(ONCE[1]), 143),
        (Reply::Types("500\n"), 0),
        (Reply::Types("yes\n"), 6),
        // The end of input.
        (Reply::Types("\u{4}"), 6),
        (Reply::Leaves, 6),
    ];
    each(cases, |_, (reply, expected)| {
        let folder = folder();
        fs::write(folder.path().join("want.yaml"), WANT).unwrap();
        fs::write(folder.path().join("state.json"), world(0, 0).to_state()).unwrap();
        let (mut person, process) = terminal();
        let mut child = on_emulator(folder.path(), "apply -f want.yaml --emulator=state.json")
            .stdin(process.try_clone().unwrap())
            .stderr(process)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("To go on, type the amount (") {
            let mut bytes = [0; 256];
            let length = person.read(&mut bytes).unwrap();
            seen.extend_from_slice(&bytes[..length]);
        }
        let asked = Instant::now();
        match reply {
            Reply::Signal(signals) => strike(&child, signals),
            Reply::Types(text) => person.write_all(text.as_bytes()).unwrap(),
            Reply::Leaves => drop(std::mem::replace(&mut person, File::open("/dev/null").unwrap())),
        }
        // A terminal that nobody has open any more ends with an error.
        let _ = person.read_to_end(&mut seen);
        let code = child.wait().unwrap().code();
        let seen = String::from_utf8_lossy(&seen);
        assert_eq!(code, Some(expected), "{reply:?}: {seen}");
        assert!(expected == 0 || asked.elapsed() < AT_ONCE_MAX, "{reply:?}");
        let state = fs::read_to_string(folder.path().join("state.json")).unwrap();
        let made = Emulator::from_state(&state).unwrap().ledger().len();
        assert_eq!(made, if expected == 0 { NEEDS.len() } else { 0 }, "{reply:?}: {seen}");
        let interrupted = seen.contains("Interrupted. Nothing was changed.");
        assert_eq!(interrupted, matches!(reply, Reply::Signal(_)), "{reply:?}: {seen}");
    });
}
