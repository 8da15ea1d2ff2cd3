//! The hours in which charges wait: after midnight, and while the platform may be renewing.

use std::rc::Rc;

use renewctl::cli::Exit;

use crate::support::{ONE, Sim, WANT_ONE, assert_exit, run, time};

#[test]
fn no_charge_is_first_sent_just_after_midnight_in_beijing() {
    for (now, exit, charges) in [
        ("2026-12-01T15:59:00Z", Exit::Ok, 1),
        ("2026-12-01T16:00:00Z", Exit::NotConverged, 0),
        ("2026-12-01T16:44:00Z", Exit::NotConverged, 0),
        ("2026-12-01T16:45:00Z", Exit::Ok, 1),
    ] {
        run(async {
            let sim = Sim::new(&ONE.replace("2026-12-01T02:05:00Z", now));
            let applied = sim.apply(WANT_ONE).await;
            assert_exit(&applied, exit);
            assert_eq!(sim.ledger().len(), charges, "{now}");
        });
    }
}

#[test]
fn the_platforms_hours_are_kept_to_the_moment_of_sending() {
    run(async {
        let world =
            ONE.replace("2026-12-01T02:05:00Z", "2026-11-30T23:29:50Z").replace("12-10T16", "12-07T16");
        let sim = Sim::new(&world.replace("price_per_month", "auto_renew: 1mo, price_per_month"));
        sim.fault("{ action: DescribeRenewalPrice, nth: 1, kind: delay, ms: 15000 }");
        let applied = sim.apply(WANT_ONE).await;
        assert!(sim.ledger().is_empty(), "{}", applied.out);
        assert_exit(&applied, Exit::NotConverged);
    });
}

#[test]
fn resends_of_one_charge_stop_at_midnight() {
    run(async {
        let sim = Sim::new(&ONE.replace("2026-12-01T02:05:00Z", "2026-12-01T15:59:58Z"));
        sim.fault("{ action: RenewInstance, nth: 1, times: 100, kind: error_500_before }");
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::InDoubt);
        let emulator = sim.emulator.borrow();
        let last = emulator.records().iter().rfind(|record| record.action == "RenewInstance").unwrap();
        assert!(last.at < time("2026-12-01T16:00:00Z"), "{}", last.at);
    });
}

#[test]
fn a_charge_waits_while_the_platform_may_renew() {
    for (now, expires, charges, name) in [
        ("2026-12-01T02:05:00Z", "2026-12-09T16:00:00Z", 0, "within nine days, 10:05 in Beijing"),
        ("2026-12-01T10:29:00Z", "2026-12-09T16:00:00Z", 0, "18:29 in Beijing"),
        ("2026-12-01T10:30:00Z", "2026-12-09T16:00:00Z", 1, "18:30 in Beijing"),
        ("2026-11-30T23:29:00Z", "2026-12-09T16:00:00Z", 1, "07:29 in Beijing"),
        ("2026-11-30T23:30:00Z", "2026-12-09T16:00:00Z", 0, "07:30 in Beijing"),
        ("2026-12-01T02:05:00Z", "2026-12-11T16:00:00Z", 1, "more than nine days left"),
        ("2026-12-02T02:05:00Z", "2026-12-11T07:00:00Z", 0, "the ninth day counts by dates"),
        ("2026-12-01T02:05:00Z", "2026-12-11T07:00:00Z", 1, "the tenth day is free"),
        ("2026-12-01T02:05:00Z", "2026-12-02T16:00:00Z", 1, "less than 48 hours left"),
    ] {
        run(async {
            let world = ONE.replace("2026-12-01T02:05:00Z", now).replace("2026-12-10T16:00:00Z", expires);
            let sim = Sim::new(&world.replace("price_per_month", "auto_renew: 1mo, price_per_month"));
            let applied = sim.apply(WANT_ONE).await;
            assert_eq!(sim.ledger().len(), charges, "{name}: {}", applied.out);
        });
    }
}

/// A slow disk at the edge of the day: the token is of yesterday, so nothing is sent.
#[test]
fn a_charge_is_not_sent_in_an_hour_that_began_while_the_journal_was_written() {
    for now in ["2026-12-01T15:59:40Z", "2026-12-02T23:29:40Z"] {
        run(async {
            let world = ONE.replace("2026-12-01T02:05:00Z", now);
            let sim = Sim::new(&world.replace("price_per_month", "auto_renew: 1mo, price_per_month"));
            let clock = Rc::clone(&sim.clock);
            *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
                if String::from_utf8_lossy(line).contains("charge-intent") {
                    clock.stalled_s.set(clock.stalled_s.get() + 30);
                }
            }));
            let applied = sim.apply(WANT_ONE).await;
            assert_eq!(sim.emulator.borrow().call_count("RenewInstance"), 0, "{now}: {}", applied.out);
        });
    }
}
