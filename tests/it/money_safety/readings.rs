//! Nothing is sent on an old reading, nor on one that differs from the plan.

use std::rc::Rc;
use std::time::Duration;

use renewctl::cli::Exit;
use renewctl::emulator::Buyer;

use super::{many, sent_tokens, want_many};
use crate::support::{ONE, Options, Sim, WANT_ONE, assert_exit, run, time};

#[test]
fn what_changed_between_plan_and_charge_is_not_charged() {
    type Change = fn(&mut renewctl::emulator::Emulator);
    let cases: [(&str, Change, &str); 7] = [
        ("renewed by somebody", |e| e.set_expiry("i-one", time("2027-01-10T16:00:00Z")), "already; this run"),
        (
            "renewed by somebody, which shows some hours short",
            |e| e.set_expiry("i-one", time("2027-01-10T01:00:00Z")),
            "already; this run",
        ),
        (
            "moved elsewhere",
            |e| e.set_expiry("i-one", time("2026-12-20T16:00:00Z")),
            "it changed: it expires",
        ),
        ("moved back", |e| e.set_expiry("i-one", time("2026-12-09T16:00:00Z")), "it changed: it expires"),
        ("locked", |e| e.set_lock("i-one", Some("security")), "its locks are others"),
        ("gone", |e| e.remove("i-one"), "no longer there"),
        (
            "dearer, and the quote is old",
            |e| {
                e.advance(16 * 60);
                e.set_price("i-one", "100.01".parse().unwrap());
            },
            "it costs CNY 100.01 now",
        ),
    ];
    for (name, change, text) in cases {
        run(async {
            let sim = Sim::new(ONE);
            let emulator = Rc::clone(&sim.emulator);
            let applied = sim.apply_asked(WANT_ONE, "100", move || change(&mut emulator.borrow_mut())).await;
            assert_eq!(sim.ledger().len(), 0, "{name}");
            assert!(applied.out.contains(text), "{name}: {}", applied.out);
        });
    }
}

/// An instance that expires while somebody thinks gets the financial lock with it (reference 2.1). That forbids
/// no renewal, and is no reason to leave a stopped server to the next night.
#[test]
fn an_expiry_while_somebody_thinks_keeps_no_renewal() {
    run(async {
        let sim = Sim::new(&ONE.replace("2026-12-10T16:00:00Z", "2026-12-01T02:15:00Z"));
        let (emulator, clock) = (Rc::clone(&sim.emulator), Rc::clone(&sim.clock));
        let happens = move || {
            clock.stalled_s.set(clock.stalled_s.get() + 14 * 60);
            emulator.borrow_mut().live_on(clock.now_public());
        };
        let applied = sim.apply_asked(WANT_ONE, "100", happens).await;
        assert_exit(&applied, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1, "{}", applied.out);
    });
}

#[test]
fn a_cheaper_price_is_no_obstacle() {
    run(async {
        let sim = Sim::new(ONE);
        let emulator = Rc::clone(&sim.emulator);
        let change = move || {
            emulator.borrow_mut().advance(16 * 60);
            emulator.borrow_mut().set_price("i-one", "99".parse().unwrap());
        };
        assert_exit(&sim.apply_asked(WANT_ONE, "100.00", change).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn a_resend_needs_all_that_a_first_send_needs() {
    // Throttled, so that the cloud never saw the token: whoever renews meanwhile must not be followed.
    type Change = fn(&mut renewctl::emulator::Emulator);
    let morning = "2026-12-02T23:28:00Z";
    let cases: [(&str, &str, Change, &str); 4] = [
        (
            "renewed by somebody",
            morning,
            |e| e.set_expiry("i-one", time("2027-01-10T16:00:00Z")),
            "already; this run",
        ),
        (
            "locked",
            morning,
            |e| e.set_lock("i-one", Some("security")),
            "not sent again: it changed: its locks are others",
        ),
        // From 07:28 to 07:32 in Beijing.
        (
            "the platform's hours have begun",
            morning,
            |e| e.advance(3 * 60),
            "not sent again: auto-renewal is on and may renew it in these hours",
        ),
        // From 23:58 to 00:02.
        (
            "a new day has begun",
            "2026-12-02T15:58:00Z",
            |e| e.advance(3 * 60),
            "not sent again: a new day has begun in Beijing",
        ),
    ];
    for (name, now, change, text) in cases {
        run(async {
            let world = ONE.replace("2026-12-01T02:05:00Z", now);
            let sim = Sim::new(&world.replace("price_per_month", "auto_renew: 1mo, price_per_month"));
            sim.fault("{ action: RenewInstance, nth: 1, times: 3, kind: throttle, retry_after_ms: 31000 }");
            let meanwhile = async {
                tokio::time::sleep(Duration::from_secs(45)).await;
                change(&mut sim.emulator.borrow_mut());
            };
            let (applied, ()) = tokio::join!(sim.apply(WANT_ONE), meanwhile);
            let ours = sim.ledger().iter().filter(|charge| charge.by == Buyer::Api).count();
            assert_eq!(ours, 0, "{name}: {}", applied.out);
            assert!(applied.out.contains(text), "{name}: {}", applied.out);
        });
    }
}

/// A reading is taken again before a resend only where the last answer leaves it open whether the cloud has
/// acted; while it only asks to wait, the one that is a minute old at most serves.
#[test]
fn only_an_answer_that_leaves_something_open_costs_a_reading() {
    let readings = |fault: &str| {
        run(async {
            let sim = Sim::new(ONE);
            if !fault.is_empty() {
                sim.fault(&format!("{{ action: RenewInstance, nth: 1, {fault} }}"));
            }
            let applied = sim.apply(WANT_ONE).await;
            assert_exit(&applied, Exit::Ok);
            sim.emulator.borrow().call_count("DescribeInstances")
        })
    };
    let undisturbed = readings("");
    assert_eq!(readings("kind: throttle, retry_after_ms: 1000"), undisturbed);
    assert_eq!(readings("kind: error_500_before"), undisturbed + 1);
}

/// The last minute is sixty seconds, and a quote is asked again when it is a quarter of an hour old.
#[test]
fn readings_and_quotes_serve_to_the_second() {
    for (stalled, sent) in [(59, 1), (60, 0)] {
        run(async {
            let sim = Sim::new(ONE);
            let clock = Rc::clone(&sim.clock);
            *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
                if String::from_utf8_lossy(line).contains("charge-intent") {
                    clock.stalled_s.set(clock.stalled_s.get() + stalled);
                }
            }));
            let applied = sim.apply(WANT_ONE).await;
            let calls = sim.emulator.borrow().call_count("RenewInstance");
            assert_eq!(calls, sent, "{stalled}: {}", applied.out);
        });
    }
    for (stalled, asked) in [(15 * 60 - 1, 1), (15 * 60, 2)] {
        run(async {
            let sim = Sim::new(ONE);
            let clock = Rc::clone(&sim.clock);
            let think = move || clock.stalled_s.set(clock.stalled_s.get() + stalled);
            let applied = sim.apply_asked(WANT_ONE, "100", think).await;
            assert_exit(&applied, Exit::Ok);
            assert_eq!(sim.emulator.borrow().call_count("DescribeRenewalPrice"), asked, "{stalled}");
        });
    }
}

/// After an answer that was lost everything may have changed, however new the last reading is: somebody
/// renews, or takes an order back, before the charge is sent again.
#[test]
fn a_lost_answer_is_followed_by_a_new_reading_and_not_by_the_last_one() {
    for kind in ["lost_before", "error_500_before", "unavailable_503"] {
        for moved in ["2027-01-10T16:00:00Z", "2026-12-08T16:00:00Z"] {
            run(async {
                let sim = Sim::new(ONE);
                sim.fault(&format!("{{ action: RenewInstance, nth: 1, kind: {kind} }}"));
                let meanwhile = async {
                    while sim.emulator.borrow().call_count("RenewInstance") == 0 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    sim.emulator.borrow_mut().set_expiry("i-one", time(moved));
                };
                let (applied, ()) = tokio::join!(sim.apply(WANT_ONE), meanwhile);
                assert!(sim.ledger().is_empty(), "{kind} {moved}: {}", applied.out);
                assert_eq!(sent_tokens(&sim).len(), 1, "{kind} {moved}: {}", applied.out);
                let differs = applied.out.contains("; not sent again: it changed: it expires");
                assert_eq!(differs, moved.starts_with("2026"), "{kind} {moved}: {}", applied.out);
            });
        }
    }
}

/// Attempt 1 is lost, and its order is made; attempt 2 is throttled for so long that the order shows and its
/// token is forgotten. The reading between them is young enough, and says nothing any more.
#[test]
fn after_a_lost_answer_no_older_reading_serves_however_the_next_one_is_answered() {
    run(async {
        let world =
            ONE.replace("effect_delay: 5s", "effect_delay: 10s\nassumptions: { token_retention_s: 20 }");
        let sim = Sim::new(&world);
        sim.fault("{ action: RenewInstance, nth: 1, kind: lost_after }");
        sim.fault("{ action: RenewInstance, nth: 2, kind: throttle, retry_after_ms: 45000 }");
        let applied = sim.apply(WANT_ONE).await;
        assert_eq!(sim.ledger().len(), 1, "{}\n{}", applied.out, applied.err);
        assert_exit(&applied, Exit::Ok);
    });
}

/// The line that announces a resend is written before the reading that it is sent on: a disk that stalls over it
/// makes nothing old.
#[test]
fn no_disk_lies_between_a_reading_and_a_resend() {
    run(async {
        let world =
            ONE.replace("effect_delay: 5s", "effect_delay: 10s\nassumptions: { token_retention_s: 20 }");
        let sim = Sim::new(&world);
        sim.fault("{ action: RenewInstance, nth: 1, kind: lost_after }");
        let clock = Rc::clone(&sim.clock);
        let intents = std::cell::Cell::new(0);
        *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
            if String::from_utf8_lossy(line).contains("charge-intent") {
                intents.set(intents.get() + 1);
                clock.stalled_s.set(clock.stalled_s.get() + if intents.get() == 2 { 40 } else { 0 });
            }
        }));
        let applied = sim.apply(WANT_ONE).await;
        assert_eq!(sim.ledger().len(), 1, "{}\n{}", applied.out, applied.err);
        assert_exit(&applied, Exit::Ok);
    });
}

/// A disk that stalls between the reading and the charge makes the reading old. The charge is not sent,
/// the journal says so, and the next run is not held.
#[test]
fn a_charge_is_not_sent_on_a_reading_that_grew_old_while_the_journal_was_written() {
    run(async {
        let sim = Sim::new(ONE);
        let clock = Rc::clone(&sim.clock);
        *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
            if String::from_utf8_lossy(line).contains("charge-intent") {
                clock.stalled_s.set(clock.stalled_s.get() + 70);
            }
        }));
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::NotConverged);
        let said = "not tried  i-one  cn-beijing  not renewed: it took so long that the reading before it is too old";
        assert!(applied.out.contains(said) && applied.out.contains("still 1 to renew"), "{}", applied.out);
        assert_eq!(sim.emulator.borrow().call_count("RenewInstance"), 0);
        *sim.journal.on_append.borrow_mut() = None;
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
    });
}

/// A resend needs a reading of the last minute, too: one that took longer than that is none, however new it
/// is. The settings, which belong to it, are throttled until it is old.
#[test]
fn a_charge_is_not_sent_again_on_a_reading_that_took_too_long() {
    for throttled in [0, 1, 2] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault(
                "{ action: RenewInstance, nth: 1, kind: code, http: 403, code: Idempotence.Processing }",
            );
            // The plan and the reading before the charge are the first two; the third is the gate's.
            sim.fault(&format!(
                "{{ action: DescribeInstanceAutoRenewAttribute, nth: 3, times: {throttled}, kind: throttle, retry_after_ms: 45000 }}"
            ));
            let applied = sim.apply(WANT_ONE).await;
            let (sent, charged) = if throttled < 2 { (2, 1) } else { (1, 0) };
            assert_eq!(sent_tokens(&sim).len(), sent, "{throttled}: {}", applied.out);
            assert_eq!(sim.ledger().len(), charged, "{throttled}: {}", applied.out);
        });
    }
}

/// A machine that sleeps while an answer is on its way wakes with readings that only seem to be new.
#[test]
fn a_machine_that_slept_sends_nothing_on_what_it_read_before() {
    for (action, nth) in [("DescribeInstances", 2), ("DescribeInstanceAutoRenewAttribute", 2)] {
        run(async {
            let sim = Sim::new(ONE);
            sim.sleep.set(Some((action, nth, 3 * 3600)));
            let applied = sim.apply(WANT_ONE).await;
            assert_eq!(sim.sleep.get(), None, "it slept");
            assert_eq!(sim.ledger().len(), 1, "and did its work: {}", applied.out);
            let emulator = sim.emulator.borrow();
            let mut read_at = None;
            for record in emulator.records() {
                match record.action.as_str() {
                    "DescribeInstances" => read_at = Some(record.at),
                    "RenewInstance" => {
                        let age = record.at - read_at.unwrap();
                        assert!(age.num_seconds() < 60, "{action}: {age} {}", applied.out);
                    }
                    _ => {}
                }
            }
        });
    }
}

/// Nothing can be checked on a cloud that cannot be read: after three readings in a row that brought
/// nothing no further one is tried.
#[test]
fn a_cloud_that_cannot_be_read_stops_the_charges() {
    run(async {
        // The plan reads once; then there is a reading for each charge, because none has shown that charging works.
        let sim = many(9, "{ action: DescribeInstances, nth: 2, times: 100000, kind: unavailable_503 }");
        let options = Options { verify_timeout_s: 2, ..Options::default() };
        let applied = sim.apply_with(&want_many(9), &options).await;
        assert!(sent_tokens(&sim).is_empty(), "{}", applied.out);
        assert_exit(&applied, Exit::Error);
        let stopped =
            applied.out.matches("not renewed: the run was stopped: the cloud cannot be read").count();
        assert_eq!(stopped, 7, "{}", applied.out);
    });
}

/// A setting that cannot be read again may be one that renews by itself in these hours: the charge waits,
/// unless little time is left.
#[test]
fn a_charge_waits_while_its_setting_cannot_be_read_again() {
    for (expires, charged) in [("12-10T16", 0), ("12-02T16", 1)] {
        run(async {
            let sim = Sim::new(&ONE.replace("12-10T16", expires));
            // The plan reads it once.
            let fault = "{ action: DescribeInstanceAutoRenewAttribute, nth: 2, times: 100000, kind: error_500_before }";
            sim.fault(fault);
            let applied = sim.apply(WANT_ONE).await;
            assert_eq!(sim.ledger().len(), charged, "{expires}: {}", applied.out);
            let said = applied.out.contains("its auto-renewal setting could not be read again");
            assert_eq!(said, charged == 0, "{expires}: {}", applied.out);
        });
    }
}
