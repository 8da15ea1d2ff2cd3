//! Signals at every call of a run: the end comes within seconds, the report is truthful, and the next
//! run finishes the work with one charge for each need. Judged by the ledger.

use std::rc::Rc;
use std::time::Duration;

use renewctl::cli::Exit;
use renewctl::journal::{Journal, Record};

use crate::support::{
    Applied, Cut, FLEET as WORLD, ONE, Options, Sim, WANT_FLEET as FILES, WANT_ONE, assert_exit, charges,
    run, time,
};

/// Seconds from a signal to the end: less than what GitHub's runners grant before they kill.
const END_S_MAX: u64 = 7;

/// The number of calls of a run that nobody interrupts.
fn calls_of_a_whole_run() -> usize {
    run(async {
        let sim = Sim::new(WORLD);
        assert_exit(&sim.apply(FILES).await, Exit::Ok);
        sim.signals.calls.get()
    })
}

/// A run that gets `signals` at its call number `call`, while the answers take `delay_ms`.
async fn interrupted(sim: &Sim, files: &str, call: usize, signals: usize, delay_ms: u64) -> (Applied, u64) {
    if delay_ms > 0 {
        for action in ["RenewInstance", "DescribeInstances", "ModifyInstanceAutoRenewAttribute"] {
            sim.fault(&format!("{{ action: {action}, nth: 1, times: 1000, kind: delay, ms: {delay_ms} }}"));
        }
    }
    sim.signals.at_call.set(Some((call, signals)));
    let applied = sim.apply(files).await;
    let since = sim.signals.sent_at.get().map_or(0, |at| at.elapsed().as_secs());
    (applied, since)
}

#[test]
fn a_signal_at_any_call_ends_the_run_within_seconds_and_loses_and_doubles_nothing() {
    let calls = calls_of_a_whole_run();
    assert!(calls > 20, "{calls}");
    let mut in_doubt = 0;
    for (signals, delay_ms) in [(1, 0), (1, 1_000), (1, 25_000), (2, 0), (2, 1_000)] {
        for call in 1..=calls {
            run(async {
                let sim = Sim::new(WORLD);
                let (applied, seconds) = interrupted(&sim, FILES, call, signals, delay_ms).await;
                let name = format!("{signals} signals at call {call}, answers after {delay_ms} ms");
                let shown = format!("{name}\n{}\n{}", applied.out, applied.err);
                assert!(seconds <= END_S_MAX, "it took {seconds} s: {shown}");
                let verified = applied.out.contains("\nVerified: read again, every instance is as");
                let expected = [Exit::Interrupted.code(), Exit::InDoubt.code()];
                let all_done = verified && applied.exit == Exit::Ok.code();
                assert!(all_done || expected.contains(&applied.exit), "exit {}: {shown}", applied.exit);
                let said = format!("{}{}", applied.out, applied.err).to_lowercase();
                assert!(
                    said.contains("interrupted") || said.contains("stopped at once") || all_done,
                    "{shown}"
                );
                in_doubt += usize::from(applied.exit == Exit::InDoubt.code());
                let made = sim.ledger().len();
                if applied.exit == Exit::Interrupted.code() {
                    let told = said.matches("renewed by").count();
                    assert!(told == made, "{made} charges, {told} told: {shown}");
                }
                sim.signals.reset();
                sim.emulator.borrow_mut().clear_faults();
                sim.advance(3600);
                let again = sim.apply_with(FILES, &Options::default()).await;
                let exit = again.exit;
                // An order that was acknowledged shows by now; nothing else is held for so long.
                assert_eq!(exit, 0, "{shown}\n--- then\n{}\n{}", again.out, again.err);
                let each = charges(&sim);
                assert!(each.len() == 3 && each.values().all(|count| *count == 1), "{each:?}: {shown}");
            });
        }
    }
    assert!(in_doubt > 10, "some signals fall on a charge: {in_doubt}");
}

/// The first attempt of a charge does not arrive. A signal comes at one of the calls that look whether it may
/// be sent again: then it is not.
#[test]
fn a_charge_is_not_sent_again_after_a_signal_that_comes_while_it_is_looked_at_again() {
    let world = "now: 2026-11-23T12:00:00Z\ninstances:\n- { id: i-web, region: cn-beijing, expires_at: 2026-11-28T16:00:00Z, price_per_month: \"100\" }\n";
    let files = "version: 1\nregion: cn-beijing\nlimits: { max_charge: 1000 CNY }\ninstances:\n- { id: i-web, min_remaining: 15d, renew_period: 1mo }\n";
    let charge = run(async {
        let sim = Sim::new(world);
        sim.cut.set(Some(Cut::BeforeSend));
        let day = std::time::Duration::from_secs(86_400);
        assert!(tokio::time::timeout(day, sim.apply(files)).await.is_err(), "it waits for its charge");
        sim.signals.calls.get()
    });
    // The charge itself, the reading of the instance and of its setting, the charge again.
    for (call, charges, exit) in [
        (charge, 0, Exit::InDoubt),
        (charge + 1, 0, Exit::InDoubt),
        (charge + 2, 0, Exit::InDoubt),
        (charge + 3, 1, Exit::Ok),
    ] {
        run(async {
            let sim = Sim::new(world);
            sim.fault("{ action: RenewInstance, nth: 1, kind: lost_before }");
            let (applied, _) = interrupted(&sim, files, call, 1, 0).await;
            assert_eq!(sim.ledger().len(), charges, "call {call}\n{}\n{}", applied.out, applied.err);
            assert_exit(&applied, exit);
        });
    }
}

/// A disk may take seconds for the line that announces a call. A signal that comes meanwhile keeps the call
/// from being sent, and the journal says that it was not.
#[test]
fn a_signal_while_the_journal_is_written_keeps_the_call_from_being_sent() {
    for (line, action) in
        [("charge-intent", "RenewInstance"), ("setting-intent", "ModifyInstanceAutoRenewAttribute")]
    {
        run(async {
            let sim = Sim::new(WORLD);
            let signals = Rc::clone(&sim.signals);
            *sim.journal.on_append.borrow_mut() = Some(Box::new(move |bytes| {
                if String::from_utf8_lossy(bytes).contains(line) {
                    signals.send();
                }
            }));
            let applied = sim.apply(FILES).await;
            let shown = format!("{line}\n{}\n{}", applied.out, applied.err);
            assert_eq!(sim.emulator.borrow().call_count(action), 0, "{shown}");
            assert_eq!(applied.exit, Exit::Interrupted.code(), "{shown}");
            assert!(applied.out.contains("it was interrupted"), "{shown}");
            *sim.journal.on_append.borrow_mut() = None;
            sim.signals.reset();
            assert_exit(&sim.apply(FILES).await, Exit::Ok);
        });
    }
}

/// A setting that found no connection, or was throttled, is not sent again after a signal.
#[test]
fn a_setting_is_not_sent_again_after_a_signal() {
    for (fault, said) in [
        ("kind: lost_before", "failed     i-d  cn-beijing  auto-renew perhaps set to 1mo"),
        ("kind: lost_after", "done       i-d  cn-beijing  auto-renew set to 1mo"),
        ("kind: throttle, retry_after_ms: 2000", "failed     i-d  cn-beijing  auto-renew not set to 1mo"),
        (
            "kind: code, http: 503, code: ServiceUnavailable",
            "failed     i-d  cn-beijing  auto-renew perhaps set to 1mo",
        ),
    ] {
        run(async {
            let sim = Sim::new(WORLD);
            sim.fault(&format!("{{ action: ModifyInstanceAutoRenewAttribute, nth: 1, times: 99, {fault} }}"));
            let journal = Rc::clone(&sim.journal);
            let signals = Rc::clone(&sim.signals);
            let signal = async {
                while !String::from_utf8_lossy(&journal.bytes.borrow()).contains("setting-intent") {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                signals.send();
            };
            let (applied, ()) = tokio::join!(sim.apply(FILES), signal);
            let shown = format!("{fault}\n{}\n{}", applied.out, applied.err);
            let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
            assert!(calls <= 1, "{calls}: {shown}");
            assert!(applied.out.contains(said), "{shown}");
            assert_eq!(applied.exit, Exit::Interrupted.code(), "{shown}");
        });
    }
}

/// A charge of this run that nobody has seen is in doubt however long ago its hold ended, also where another
/// run, on a file system whose locks do not work, wrote the journal's last line.
#[test]
fn a_second_signal_names_a_doubt_of_this_run_whose_hold_is_over() {
    for shared in [false, true] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault("{ action: RenewInstance, nth: 1, times: 99, kind: lost_before }");
            let (signals, journal) = (Rc::clone(&sim.signals), Rc::clone(&sim.journal));
            let signal = async {
                tokio::time::sleep(Duration::from_secs(50 * 60)).await;
                if shared {
                    let now = time("2026-12-24T00:00:00Z");
                    let other = Journal::open(journal, "emulator:test".into(), "other".into(), now);
                    other.unwrap().0.write(now, Record::End { converged: false }).unwrap();
                }
                signals.send();
                signals.send();
            };
            let options = Options { verify_timeout_s: 3 * 3600, ..Options::default() };
            let (applied, ()) = tokio::join!(sim.apply_with(WANT_ONE, &options), signal);
            assert_exit(&applied, Exit::InDoubt);
            assert!(applied.err.contains("IN DOUBT: i-one"), "{shared}: {}", applied.err);
        });
    }
}

/// What a second signal cut off may be set all the same, and is named.
#[test]
fn a_second_signal_names_the_settings_under_way() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: ModifyInstanceAutoRenewAttribute, nth: 1, kind: delay, ms: 20000 }");
        let signals = Rc::clone(&sim.signals);
        let signal = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            signals.send();
            signals.send();
        };
        let files = WANT_ONE.replace("min_remaining: 15d", "auto_renew: 1mo");
        let (applied, ()) = tokio::join!(sim.apply(&files), signal);
        assert_exit(&applied, Exit::Interrupted);
        assert!(applied.err.contains("perhaps: i-one  cn-beijing  auto-renew set to 1mo"), "{}", applied.err);
    });
}

/// A charge that a signal cut off says so, in its doubt and in the journal.
#[test]
fn a_charge_that_is_cut_off_says_why_it_is_in_doubt() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "100h"));
        sim.fault("{ action: RenewInstance, nth: 1, kind: delay, ms: 60000 }");
        let signals = Rc::clone(&sim.signals);
        let signal = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            signals.send();
        };
        let (applied, ()) = tokio::join!(sim.apply(WANT_ONE), signal);
        assert_exit(&applied, Exit::InDoubt);
        let why = "the answer was lost or unclear (it was interrupted before its answer came)";
        assert!(applied.out.contains(why), "{}", applied.out);
    });
}
