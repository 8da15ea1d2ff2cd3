//! Of several charges the first goes alone, and decides about the others: a mistake costs one charge. Judged
//! by the ledger.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::TimeDelta;
use renewctl::cli::Exit;
use renewctl::journal::{Line, Link, encode};

use crate::support::{
    FLEET as WORLD, ONE, Options, Sim, WANT_FLEET as FILES, WANT_ONE, assert_exit, charges, run,
};

#[test]
fn the_first_charge_goes_alone() {
    let cases = [
        ("it settles", "", 3, Exit::Ok, None),
        ("in doubt", "kind: lost_after, times: 8", 1, Exit::InDoubt, Some("is in doubt")),
        ("lost for good", "kind: lost_before, times: 8", 0, Exit::InDoubt, Some("is in doubt")),
        ("refused", "kind: code, http: 400, code: Instance.UnPaidOrder", 2, Exit::NotConverged, None),
        (
            "stop class",
            "kind: code, http: 403, code: InvalidPayMethod",
            0,
            Exit::NotConverged,
            Some("InvalidPayMethod"),
        ),
    ];
    for (name, fault, made, exit, stopped) in cases {
        run(async {
            let sim = Sim::new(&WORLD.replace("effect_delay: 30s", "effect_delay: 5h"));
            let sim = if name == "in doubt" || name == "lost for good" { sim } else { Sim::new(WORLD) };
            if !fault.is_empty() {
                sim.fault(&format!("{{ action: RenewInstance, nth: 1, {fault} }}"));
            }
            let applied = sim.apply(FILES).await;
            assert_eq!(sim.ledger().len(), made, "{name}: {}\n{}", applied.out, applied.err);
            assert_exit(&applied, exit);
            if let Some(text) = stopped {
                let line = applied.out.lines().find(|line| line.starts_with("The run was stopped"));
                assert!(line.is_some_and(|line| line.contains(text)), "{name}: {}", applied.out);
            }
        });
    }
}

/// A single charge decides about no other: nothing is stopped because of it.
#[test]
fn a_single_charge_stops_nothing() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: RenewInstance, nth: 1, kind: lost_before, times: 8 }");
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::InDoubt);
        assert!(!applied.out.contains("The run was stopped"), "{}", applied.out);
    });
}

/// An expiry beyond what was paid for: somebody, or something, renews beside us.
#[test]
fn a_first_charge_that_moves_too_far_stops_the_others() {
    run(async {
        let sim = Sim::new(WORLD);
        let beside = async {
            while sim.ledger().is_empty() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let first = sim.ledger()[0].clone();
            let too_far = first.expires_after + TimeDelta::days(31);
            sim.emulator.borrow_mut().set_expiry(&first.instance_id, too_far);
        };
        let (applied, ()) = tokio::join!(sim.apply(FILES), beside);
        assert_exit(&applied, Exit::NotConverged);
        assert_eq!(sim.ledger().len(), 1, "{}", applied.out);
        assert!(applied.out.contains("moved its expiry further than planned"), "{}", applied.out);
    });
}

#[test]
fn until_the_first_one_shows_no_other_is_sent() {
    run(async {
        let sim = Sim::new(WORLD);
        sim.apply(FILES).await;
        let times: Vec<_> = sim.ledger().iter().map(|charge| charge.at).collect();
        assert!((times[1] - times[0]).num_seconds() >= 30, "{times:?}");
        assert!((times[2] - times[1]).num_seconds() < 30, "{times:?}");
    });
}

/// One instance that fails night after night does not take the fleet with it: neither when somebody
/// else's order hangs on it, nor when the cloud fails for it.
#[test]
fn one_bad_instance_does_not_starve_the_others() {
    for kind in ["kind: code, http: 403, code: LastOrderProcessing", "kind: error_500_before"] {
        run(async {
            let sim = Sim::new(WORLD);
            // The bad one is the soonest: the first charge on the first night, the last one later.
            sim.fault(&format!("{{ action: RenewInstance, instance: i-a, nth: 1, times: 1000, {kind} }}"));
            for _ in 0..3 {
                sim.apply(FILES).await;
                sim.advance(86_400);
            }
            let each = charges(&sim);
            assert!(each.contains_key("i-b") && each.contains_key("i-c"), "{kind}: {each:?}");
            assert!(each.values().all(|count| *count == 1), "{each:?}");
        });
    }
}

/// Nor without a journal, which a fresh runner does not have: every other day another charge goes first.
#[test]
fn one_bad_instance_does_not_starve_the_others_without_a_journal() {
    run(async {
        let sim = Sim::new(WORLD);
        sim.fault("{ action: RenewInstance, instance: i-a, nth: 1, times: 1000, kind: error_500_before }");
        for night in 0..4 {
            // What another world's runs have written says nothing.
            let record = renewctl::journal::Record::End { converged: true };
            let line =
                Line { v: 1, at: sim.clock.now_public(), world: "cloud".into(), run: "r".into(), record };
            sim.journal.bytes.replace(encode(&line, Link::default()).unwrap().0);
            let applied = sim.apply(FILES).await;
            assert_exit(&applied, Exit::InDoubt);
            assert!(sim.ledger().len() <= 2, "night {night}: {}", applied.out);
            sim.advance(86_400);
        }
        let each = charges(&sim);
        assert!(each.contains_key("i-b") && each.contains_key("i-c"), "{each:?}");
        assert!(each.values().all(|count| *count == 1), "{each:?}");
    });
}

/// Where no charge can be made for anybody, auto-renewal is what is left: it is switched on for those whose
/// charge was not even tried, too.
#[test]
fn what_stops_the_charges_does_not_stop_auto_renewal() {
    let files = FILES.replace("min_remaining: 28d }", "min_remaining: 28d, auto_renew: 1mo }");
    for fault in ["kind: code, http: 403, code: InvalidPayMethod", "kind: lost_before, times: 8"] {
        run(async {
            let sim = Sim::new(WORLD);
            sim.fault(&format!("{{ action: RenewInstance, nth: 1, {fault} }}"));
            let applied = sim.apply(&files).await;
            let doubt = fault.contains("lost");
            for (id, on) in [("i-a", !doubt), ("i-b", true), ("i-c", true)] {
                let status =
                    sim.emulator.borrow().instance(id, sim.clock.now_public()).unwrap().renewal_status;
                assert_eq!(status == "AutoRenewal", on, "{fault} {id}: {}", applied.out);
            }
            assert!(sim.ledger().is_empty(), "{}", applied.out);
            let said = applied.out.contains("auto-renew not set to 1mo: its renewal is in doubt");
            assert_eq!(said, doubt, "{fault}: {}", applied.out);
        });
    }
}

/// Somebody else's order is theirs to wait for: it keeps the run for a minute, not for as long as an order of
/// ours, and however many there are, they do not stop it.
#[test]
fn orders_of_others_do_not_keep_the_run() {
    let (mut world, mut files) = (
        String::from("now: 2026-12-01T12:30:00Z\ninstances:\n"),
        String::from("version: 1\nregion: cn-beijing\nlimits: { max_charge: 5000 CNY }\ninstances:\n"),
    );
    for number in 0..30 {
        writeln!(world, "- {{ id: i-n{number:02}, region: cn-beijing, expires_at: 2026-12-20T16:00:00Z, price_per_month: '100.00' }}").unwrap();
        writeln!(files, "- {{ id: i-n{number:02}, min_remaining: 28d }}").unwrap();
    }
    run(async {
        let sim = Sim::new(&world);
        for number in 0..25 {
            sim.fault(&format!("{{ action: RenewInstance, instance: i-n{number:02}, nth: 1, times: 99, kind: code, http: 403, code: LastOrderProcessing }}"));
        }
        let begun = tokio::time::Instant::now();
        let applied =
            sim.apply_with(&files, &Options { verify_timeout_s: 35 * 60, ..Options::default() }).await;
        assert_exit(&applied, Exit::InDoubt);
        assert_eq!(sim.ledger().len(), 5, "{}", applied.out);
        let minutes = begun.elapsed().as_secs() / 60;
        assert!((10..13).contains(&minutes), "a minute each, ten in all: {minutes}");
    });
}

/// Which of two goes first on each of ten days, without a journal.
fn first_ones(soonest_in_h: i64, limits: &str) -> String {
    let mut firsts = String::new();
    for day in 1..=10 {
        run(async {
            let now = crate::support::time(&format!("2026-12-{day:02}T12:30:00Z"));
            let expires = |hours| (now + TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:00Z");
            let (a, b) = (expires(soonest_in_h), expires(14 * 24));
            let sim = Sim::new(&format!(
                "now: {now:?}\ninstances:\n- {{ id: i-a, region: cn-beijing, expires_at: {a}, price_per_month: '100.00' }}\n- {{ id: i-b, region: cn-beijing, expires_at: {b}, price_per_month: '100.00' }}\n"
            ));
            let files = format!(
                "version: 1\nregion: cn-beijing\nlimits: {{ max_charge: 500 CNY{limits} }}\ninstances:\n- {{ id: i-a, min_remaining: 15d }}\n- {{ id: i-b, min_remaining: 15d }}\n"
            );
            let applied = sim.apply(&files).await;
            assert_eq!(sim.ledger().len(), 2, "{}", applied.out);
            firsts += sim.ledger()[0].instance_id.trim_start_matches("i-");
        });
    }
    firsts
}

/// Who goes first without a journal is drawn by the day, but for what cannot wait for the next night, and where a
/// file says who.
#[test]
fn without_a_journal_the_first_one_is_drawn_by_the_day() {
    assert_eq!(first_ones(3, ""), "aaaaaaaaaa");
    assert_eq!(first_ones(25, ""), "aaaaaaaaaa");
    assert_eq!(first_ones(26, ""), "aababaaaab");
    assert_eq!(first_ones(40, ""), "aababaaaab");
    assert_eq!(first_ones(0, ""), "aababaaaab");
    assert_eq!(first_ones(-40, ""), "aababaaaab", "what has expired can wait for another night");
    assert_eq!(first_ones(40, ", when_exceeded: soonest-first"), "aaaaaaaaaa");
}
