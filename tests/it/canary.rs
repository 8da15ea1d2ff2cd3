//! Of several charges the first goes alone, and decides about the others: a mistake costs one charge. Judged
//! by the ledger.

use std::time::Duration;

use chrono::TimeDelta;
use renewctl::cli::Exit;

use crate::support::{FLEET as WORLD, Sim, WANT_FLEET as FILES, assert_exit, charges, run};

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
    for kind in ["kind: code, http: 403, code: LastOrderProcessing", "kind: error_500_before, times: 8"] {
        run(async {
            let sim = Sim::new(&WORLD.replace("i-a, region", "i-a, tags: { bad: yes }, region"));
            for night in 0..3 {
                let next = sim.emulator.borrow().call_count("RenewInstance") + 1;
                sim.emulator.borrow_mut().clear_faults();
                // The bad one is the soonest: the first charge on the first night, the last one later.
                let nth = if kind.contains("code:") || night == 0 { next } else { next + 2 };
                sim.fault(&format!("{{ action: RenewInstance, nth: {nth}, {kind} }}"));
                sim.apply(FILES).await;
                sim.advance(86_400);
            }
            let each = charges(&sim);
            assert!(each.contains_key("i-b") && each.contains_key("i-c"), "{kind}: {each:?}");
            assert!(each.values().all(|count| *count == 1), "{each:?}");
        });
    }
}
