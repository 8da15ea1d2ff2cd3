//! What is not known: how it is told, held, and how it ends.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use renewctl::cli::Exit;
use renewctl::journal::history::{Deed, history};

use super::sent_tokens;
use crate::support::{ONE, Options, Sim, WANT_ONE, assert_exit, run, time};

#[test]
fn an_acknowledged_charge_that_does_not_show_is_in_doubt_and_held() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "100h"));
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::InDoubt);
        sim.advance(71 * 3600);
        let held = sim.apply(WANT_ONE).await;
        assert_exit(&held, Exit::NotConverged);
        assert!(held.out.contains("was acknowledged"), "{}", held.out);
        assert_eq!(sent_tokens(&sim).len(), 1);
        sim.advance(30 * 3600);
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
    });
}

/// What shows by the next run was ours where the answer was lost, and somebody else's where the cloud named
/// another order: the ledger of charges has only ours.
#[test]
fn the_next_run_knows_whose_order_shows() {
    let foreign =
        "{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: LastOrderProcessing }";
    let lost = "{ action: RenewInstance, nth: 1, times: 99, kind: lost_before }";
    for (fault, is_ours) in [(foreign, false), (lost, true)] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault(fault);
            assert_exit(&sim.apply(WANT_ONE).await, Exit::InDoubt);
            sim.emulator.borrow_mut().set_expiry("i-one", time("2027-01-10T16:00:00Z"));
            assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
            let lines = renewctl::journal::parse(&sim.journal.bytes.borrow()).lines;
            let ends: Vec<&str> = history(&lines)
                .iter()
                .map(|entry| if let Deed::Charge { end, .. } = &entry.deed { end.as_str() } else { "?" })
                .collect();
            assert_eq!(ends, [if is_ours { "settled" } else { "not-made" }], "{fault}");
        });
    }
}

/// The moment that a person is told to look again is the one at which the hold ends.
#[test]
fn a_doubt_names_the_moment_at_which_its_hold_ends() {
    // Now is 10:05 in Beijing; the journal holds an acknowledged order for 72 hours, an unknown one for 45 minutes.
    let lost = "{ action: RenewInstance, nth: 1, times: 100, kind: lost_before }";
    for (fault, from, to) in [
        (None, "2026-12-04 10:05 +08:00", "2026-12-04 10:06 +08:00"),
        (Some(lost), "2026-12-01 10:50 +08:00", "2026-12-01 10:56 +08:00"),
    ] {
        run(async {
            let sim = Sim::new(&ONE.replace("5s", "100h"));
            if let Some(fault) = fault {
                sim.fault(fault);
            }
            let applied = sim.apply(WANT_ONE).await;
            assert_exit(&applied, Exit::InDoubt);
            let until = applied.out.split("until it shows, or ").nth(1).map(|rest| &rest[..from.len()]);
            let until = until.unwrap_or_else(|| panic!("{}", applied.out));
            assert!(from <= until && until <= to, "{from} <= {until} <= {to}: {}", applied.out);
            let why = "the answer was lost or unclear (RenewInstance: ";
            assert_eq!(applied.out.contains(why), fault.is_some(), "{}", applied.out);
        });
    }
}

#[test]
fn an_expiry_that_moves_further_than_planned_is_an_alarm() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "1h"));
        let platform = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            sim.emulator.borrow_mut().set_expiry("i-one", time("2027-02-10T16:00:00Z"));
        };
        let (applied, ()) = tokio::join!(sim.apply(WANT_ONE), platform);
        assert_exit(&applied, Exit::NotConverged);
        assert!(applied.out.contains("ALARM"), "{}", applied.out);
    });
}

#[test]
fn somebody_elses_order_in_progress_is_waited_for_and_never_doubled() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: RenewInstance, nth: 1, kind: code, http: 400, code: LastOrderProcessing }");
        let theirs = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            sim.emulator.borrow_mut().set_expiry("i-one", time("2027-01-10T16:00:00Z"));
        };
        let (applied, ()) = tokio::join!(sim.apply(WANT_ONE), theirs);
        assert_eq!(sent_tokens(&sim).len(), 1, "{}", applied.out);
        assert!(sim.ledger().is_empty());
        assert_exit(&applied, Exit::Ok);
        assert!(
            applied.out.contains("1 already so") && applied.out.contains("Charged: nothing"),
            "{}",
            applied.out
        );
    });
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: RenewInstance, nth: 1, kind: code, http: 400, code: LastOrderProcessing }");
        assert_exit(&sim.apply(WANT_ONE).await, Exit::InDoubt);
        assert_exit(&sim.apply(WANT_ONE).await, Exit::NotConverged);
        sim.advance(46 * 60);
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn a_move_that_is_short_of_ours_settles_nothing() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "10m"));
        let longer = WANT_ONE.replace("min_remaining: 15d", "min_remaining: 15d, renew_period: 3mo");
        let platform = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            let mut emulator = sim.emulator.borrow_mut();
            emulator.set_expiry("i-one", time("2026-12-12T16:00:00Z"));
        };
        let options = Options { verify_timeout_s: 60, ..Options::default() };
        let (applied, ()) = tokio::join!(sim.apply_with(&longer, &options), platform);
        assert_exit(&applied, Exit::InDoubt);
        let again = sim.apply(&longer).await;
        assert_exit(&again, Exit::NotConverged);
        assert!(again.out.contains("held "), "{}", again.out);
        assert_eq!(sim.ledger().len(), 1);
    });
}

/// A hold counts from the last time that a charge was sent, also if the run is killed before its outcome is
/// written: the journal is told of every resend before it leaves.
#[test]
fn a_hold_counts_from_the_last_resend() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: RenewInstance, nth: 1, times: 4, kind: throttle, retry_after_ms: 45000 }");
        sim.fault("{ action: RenewInstance, nth: 5, kind: delay, ms: 29000 }");
        let offset = time("2026-12-01T02:05:00Z") - sim.clock.now_public();
        let sends = || sim.emulator.borrow().call_count("RenewInstance");
        let mut last = sim.clock.now_public();
        let killed = async {
            while sends() < 5 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            last = sim.clock.now_public();
        };
        tokio::select! {
            _ = sim.apply(WANT_ONE) => panic!("it should have been killed"),
            () = killed => {}
        }
        let lines = renewctl::journal::parse(&sim.journal.bytes.borrow()).lines;
        let holds = renewctl::journal::fold::fold(&lines, "emulator:test").in_doubt(last + offset);
        let until = holds.first().expect("it is held").hold.until;
        let from = until - chrono::TimeDelta::minutes(renewctl::journal::fold::UNKNOWN_MINUTES);
        let early = (last + offset - from).num_seconds();
        assert!((0..=2).contains(&early), "the hold counts from {early} s before the last resend");
    });
}

/// What is no subscription any more shows a date that means nothing: no charge is seen in it.
#[test]
fn a_conversion_to_pay_as_you_go_settles_nothing() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "10m"));
        let person = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            sim.emulator.borrow_mut().set_pay_as_you_go("i-one");
        };
        let options = Options { verify_timeout_s: 60, ..Options::default() };
        let (applied, ()) = tokio::join!(sim.apply_with(WANT_ONE, &options), person);
        assert_exit(&applied, Exit::InDoubt);
        let journal = String::from_utf8(sim.journal.bytes.borrow().clone()).unwrap();
        assert!(journal.contains("acknowledged") && !journal.contains("charge-settled"), "{journal}");
    });
}

#[test]
fn a_run_that_did_not_go_as_planned_does_not_end_with_0_and_says_so() {
    run(async {
        let sim = Sim::new(ONE);
        // The journal fails after the charge: all is done, but the next run has no record of it.
        sim.journal.appends_left.set(Some(2));
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::NotConverged);
        assert_eq!(sim.ledger().len(), 1);
        assert!(applied.out.contains("not everything went as planned"), "{}", applied.out);
    });
}

/// A charge is sent soon after its line in the journal, or not at all: from there its hold counts.
#[test]
fn no_resend_long_after_its_line_in_the_journal() {
    for (stall_s, sent) in [(4 * 60, 2), (6 * 60, 1)] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault("{ action: RenewInstance, nth: 1, kind: lost_before }");
            let clock = Rc::clone(&sim.clock);
            let intents = Cell::new(0);
            *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
                if String::from_utf8_lossy(line).contains("charge-intent") {
                    intents.set(intents.get() + 1);
                    let stall_s = if intents.get() == 2 { stall_s } else { 0 };
                    clock.stalled_s.set(clock.stalled_s.get() + stall_s);
                }
            }));
            let applied = sim.apply(WANT_ONE).await;
            assert_eq!(sent_tokens(&sim).len(), sent, "{stall_s} s: {}", applied.out);
            assert_eq!(sim.ledger().len(), sent - 1, "{stall_s} s: {}", applied.out);
        });
    }
}
