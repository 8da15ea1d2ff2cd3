//! The money rules, judged by the emulator's ledger and never by what the tool says of itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use renewctl::cli::Exit;
use renewctl::emulator::Buyer;

use crate::support::{Applied, Cut, ONE, Options, Sim, WANT_ONE, assert_exit, run, time};

/// The tokens of all charges that were sent, repetitions included.
fn sent_tokens(sim: &Sim) -> Vec<String> {
    let emulator = sim.emulator.borrow();
    let charges = emulator.records().iter().filter(|record| record.action == "RenewInstance");
    let token = |name: &str, parameters: &[(String, String)]| {
        parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
    };
    charges.map(|record| token("ClientToken", &record.parameters)).collect()
}

#[test]
fn one_need_is_one_charge_and_then_nothing_is_left_to_do() {
    run(async {
        let sim = Sim::new(ONE);
        let first = sim.apply(WANT_ONE).await;
        assert_exit(&first, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
        assert_eq!(sim.expiry("i-one"), time("2027-01-10T16:00:00Z"));

        let journal = sim.journal.bytes.borrow().clone();
        let second = sim.apply(WANT_ONE).await;
        assert_exit(&second, Exit::Ok);
        assert!(second.out.contains("No changes."), "{}", second.out);
        assert_eq!(sim.ledger().len(), 1);
        assert_eq!(*sim.journal.bytes.borrow(), journal, "a plan that needs nothing writes nothing");
    });
}

#[test]
fn every_fault_of_a_charge_ends_in_one_charge() {
    let faults = [
        ("three throttled answers", "{ action: RenewInstance, nth: 1, times: 3, kind: throttle }"),
        ("a wish to wait", "{ action: RenewInstance, nth: 1, kind: throttle, retry_after_ms: 7000 }"),
        ("an answer lost before the charge", "{ action: RenewInstance, nth: 1, kind: lost_before }"),
        ("an answer lost after the charge", "{ action: RenewInstance, nth: 1, kind: lost_after }"),
        (
            "five answers lost after the charge",
            "{ action: RenewInstance, nth: 1, times: 5, kind: lost_after }",
        ),
        ("a 500 before the charge", "{ action: RenewInstance, nth: 1, kind: error_500_before }"),
        ("a 500 after the charge", "{ action: RenewInstance, nth: 1, kind: error_500_after }"),
        ("a 503", "{ action: RenewInstance, nth: 1, kind: unavailable_503 }"),
        ("an answer later than the patience", "{ action: RenewInstance, nth: 1, kind: delay, ms: 60000 }"),
        (
            "a request in progress",
            "{ action: RenewInstance, nth: 1, kind: code, http: 403, code: LastTokenProcessing }",
        ),
        ("all answers lost, all charged", "{ action: RenewInstance, nth: 1, times: 100, kind: lost_after }"),
        (
            "readings lost while settling",
            "{ action: DescribeInstances, nth: 3, times: 3, kind: lost_before }",
        ),
    ];
    for (name, fault) in faults {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault(fault);
            let applied = sim.apply(WANT_ONE).await;
            assert_eq!(sim.ledger().len(), 1, "{name}: {}", applied.out);
            assert_exit(&applied, Exit::Ok);
            let tokens: BTreeSet<String> = sent_tokens(&sim).into_iter().collect();
            assert_eq!(tokens.len(), 1, "{name}: one charge has one token");
            let again = sim.apply(WANT_ONE).await;
            assert!(again.out.contains("No changes."), "{name}: {}", again.out);
        });
    }
}

#[test]
fn every_attempt_has_a_nonce_and_a_signature_of_its_own() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: RenewInstance, nth: 1, times: 3, kind: error_500_after }");
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        let emulator = sim.emulator.borrow();
        let charges: Vec<_> = emulator.records().iter().filter(|r| r.action == "RenewInstance").collect();
        assert_eq!(charges.len(), 4);
        let values = |name: &str| -> BTreeSet<_> {
            charges.iter().flat_map(|r| r.parameters.iter().filter(|(key, _)| key == name).cloned()).collect()
        };
        assert_eq!(values("SignatureNonce").len(), 4);
        assert!(values("Timestamp").len() > 1, "the time goes on between attempts");
    });
}

#[test]
fn a_token_held_by_other_parameters_is_never_followed_by_another() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: RenewInstance, nth: 1, times: 9, kind: code, http: 400, code: IdempotenceParamNotMatch }");
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::InDoubt);
        assert!(applied.out.contains("another order MAY renew it"), "{}", applied.out);
        assert_eq!(sent_tokens(&sim).len(), 1);
        // Held, and the hold ends by itself.
        assert_exit(&sim.apply(WANT_ONE).await, Exit::NotConverged);
        assert_eq!(sent_tokens(&sim).len(), 1);
        sim.advance(46 * 60);
        assert_exit(&sim.apply(WANT_ONE).await, Exit::InDoubt);
        assert_eq!(sim.ledger().len(), 0, "the emulator refused every one");
    });
}

#[test]
fn a_run_killed_after_the_charge_is_found_by_the_next_one() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "10m"));
        sim.apply_and_die(WANT_ONE, Cut::AfterSend).await;
        assert_eq!(sim.ledger().len(), 1);
        let held = sim.apply(WANT_ONE).await;
        assert_exit(&held, Exit::NotConverged);
        assert!(held.out.contains("its outcome is not known"), "{}", held.out);
        sim.advance(11 * 60);
        let done = sim.apply(WANT_ONE).await;
        assert_exit(&done, Exit::Ok);
        assert!(done.out.contains("No changes."), "{}", done.out);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn a_run_killed_before_the_charge_is_held_and_then_charged_once() {
    run(async {
        let sim = Sim::new(ONE);
        sim.apply_and_die(WANT_ONE, Cut::BeforeSend).await;
        assert_eq!(sim.ledger().len(), 0);
        assert_exit(&sim.apply(WANT_ONE).await, Exit::NotConverged);
        assert_eq!(sim.ledger().len(), 0);
        sim.advance(46 * 60);
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn without_a_journal_the_token_alone_prevents_the_second_charge() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "10m"));
        sim.apply_and_die(WANT_ONE, Cut::AfterSend).await;
        sim.journal.bytes.borrow_mut().clear();
        let options = Options { verify_timeout_s: 20 * 60, ..Options::default() };
        let applied = sim.apply_with(WANT_ONE, &options).await;
        assert_exit(&applied, Exit::Ok);
        assert_eq!(sent_tokens(&sim).len(), 2, "it was sent again");
        assert_eq!(sim.ledger().len(), 1, "and charged once");
    });
}

#[test]
fn another_term_under_the_same_reading_is_not_a_second_charge() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "10m"));
        sim.apply_and_die(WANT_ONE, Cut::AfterSend).await;
        sim.journal.bytes.borrow_mut().clear();
        let longer = WANT_ONE.replace("min_remaining: 15d", "min_remaining: 15d, renew_period: 3mo");
        let applied = sim.apply_with(&longer, &Options { verify_timeout_s: 60, ..Options::default() }).await;
        assert_exit(&applied, Exit::InDoubt);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn two_runs_at_once_make_one_charge() {
    run(async {
        let sim = Sim::new(ONE);
        let (one, two) = tokio::join!(sim.apply(WANT_ONE), sim.apply(WANT_ONE));
        assert_eq!(sim.ledger().len(), 1, "{}\n{}", one.out, two.out);
    });
}

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
            let until =
                applied.out.split("Run renewctl recover after ").nth(1).map(|rest| &rest[..from.len()]);
            let until = until.unwrap_or_else(|| panic!("{}", applied.out));
            assert!(from <= until && until <= to, "{from} <= {until} <= {to}: {}", applied.out);
        });
    }
}

#[test]
fn what_changed_between_plan_and_charge_is_not_charged() {
    type Change = fn(&mut renewctl::emulator::Emulator);
    let cases: [(&str, Change, &str); 7] = [
        ("renewed by somebody", |e| e.set_expiry("i-one", time("2027-01-10T16:00:00Z")), "already"),
        (
            "renewed by somebody, which shows some hours short",
            |e| e.set_expiry("i-one", time("2027-01-10T01:00:00Z")),
            "already",
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

const THREE: &str = "
now: 2026-12-01T02:05:00Z
effect_delay: 5s
instances:
  - { id: i-a, region: cn-beijing, expires_at: 2026-12-06T16:00:00Z, price_per_month: '100.00' }
  - { id: i-b, region: cn-shanghai, expires_at: 2026-12-07T16:00:00Z, price_per_month: '100.00' }
  - { id: i-c, region: cn-beijing, expires_at: 2026-12-08T16:00:00Z, price_per_month: '100.00' }
";

const WANT_THREE: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 500 CNY }
defaults: { min_remaining: 15d }
instances:
  - { id: i-a }
  - { id: i-b, region: cn-shanghai }
  - { id: i-c }
";

#[test]
fn an_account_that_cannot_pay_ends_the_charges() {
    run(async {
        // The key may not read the balance: that is said, and the charges are tried.
        let key = "keys: [{ id: emulator, secret: emulator-secret, deny: [QueryAccountBalance] }]";
        let world = THREE.replace("effect_delay: 5s", &format!("effect_delay: 5s\nbalance: '150'\n{key}"));
        let sim = Sim::new(&world);
        let applied = sim.apply(WANT_THREE).await;
        assert!(applied.err.contains("warning: the balance could not be read"), "{}", applied.err);
        assert_exit(&applied, Exit::NotConverged);
        let charged: Vec<String> = sim.ledger().into_iter().map(|charge| charge.instance_id).collect();
        assert_eq!(charged, ["i-a"], "soonest expiry first, and nothing after the refusal");
        assert_eq!(sent_tokens(&sim).len(), 2);
        assert!(
            applied.out.contains("1 done, 0 already so, 1 failed, 0 blocked or held, 1 not tried"),
            "{}",
            applied.out
        );
    });
}

#[test]
fn a_refused_charge_stops_nobody_else() {
    run(async {
        let sim = Sim::new(THREE);
        sim.fault("{ action: RenewInstance, nth: 1, kind: code, http: 403, code: Instance.UnPaidOrder }");
        let applied = sim.apply(WANT_THREE).await;
        assert_exit(&applied, Exit::NotConverged);
        assert_eq!(sim.ledger().len(), 2);
        assert!(applied.out.contains("Instance.UnPaidOrder"), "{}", applied.out);
    });
}

#[test]
fn a_journal_that_cannot_be_written_sends_nothing_more() {
    // Lines of a run with three charges: 0 run; intent, outcome and settlement of the first, which goes
    // alone; intent and outcome of each other one.
    for (appends, charges) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)] {
        run(async {
            let sim = Sim::new(THREE);
            sim.journal.appends_left.set(Some(appends));
            let applied = sim.apply(WANT_THREE).await;
            assert_eq!(sim.ledger().len(), charges, "{appends} appends: {}", applied.out);
            assert_eq!(sent_tokens(&sim).len(), charges, "{appends} appends");
            let exit = if charges == 0 { Exit::Error } else { Exit::NotConverged };
            assert_exit(&applied, exit);
        });
    }
}

#[test]
fn a_charge_is_sent_only_after_its_intent_is_in_the_journal() {
    run(async {
        let sim = Sim::new(ONE);
        sim.apply_and_die(WANT_ONE, Cut::BeforeSend).await;
        let text = String::from_utf8(sim.journal.bytes.borrow().clone()).unwrap();
        assert!(text.contains("charge-intent") && !text.contains("charge-outcome"), "{text}");
    });
}

fn nothing_charged(name: &str, sim: &Sim, applied: &Applied, exit: Exit, text: &str) {
    assert_eq!(applied.exit, exit.code(), "{name}: {}\n{}", applied.out, applied.err);
    assert!(applied.err.contains(text), "{name}: {}", applied.err);
    assert_eq!(sim.ledger().len(), 0, "{name}");
    assert_eq!(sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"), 0, "{name}");
    assert!(sim.journal.bytes.borrow().is_empty(), "{name}: nothing was begun");
}

#[test]
fn every_bound_refuses_before_anything_is_sent_and_names_both_numbers() {
    let off = "defaults: { auto_renew: off }";
    let cases = [
        (
            "max_charge",
            WANT_THREE.replace("500 CNY", "299.99 CNY"),
            None,
            "CNY 300.00 is more than limits.max_charge (renewals.yaml:4), CNY 299.99",
        ),
        (
            "max_renewals",
            WANT_THREE.replace("500 CNY", "500 CNY, max_renewals: 2"),
            None,
            "3 renewals are more than limits.max_renewals, 2",
        ),
        (
            "--max-charge",
            WANT_THREE.to_owned(),
            Some("299 CNY"),
            "CNY 300.00 is more than --max-charge, CNY 299.00",
        ),
        (
            "another currency",
            WANT_THREE.to_owned(),
            Some("900 USD"),
            "CNY 300.00 is not covered by --max-charge, USD 900.00",
        ),
        (
            "no cap",
            WANT_THREE.replace("limits: { max_charge: 500 CNY }", ""),
            None,
            "--auto-approve needs a cap",
        ),
        (
            "max_auto_renew_off",
            WANT_THREE
                .replace("limits: { max_charge: 500 CNY }", "limits: { max_auto_renew_off: 2 }")
                .replace("defaults: { min_remaining: 15d }", off),
            None,
            "switched off for 3 instances, more than limits.max_auto_renew_off, 2",
        ),
    ];
    for (name, files, max_charge, text) in cases {
        run(async {
            let world = THREE.replace("price_per_month", "auto_renew: 1mo, price_per_month");
            let sim = Sim::new(if name == "max_auto_renew_off" { &world } else { THREE });
            let applied = sim.apply_with(&files, &Options { max_charge, ..Options::default() }).await;
            nothing_charged(name, &sim, &applied, Exit::Refused, text);
            assert!(applied.out.contains("Plan: "), "{name}: the plan is shown first");
        });
    }
}

#[test]
fn a_person_types_the_total() {
    for (answers, exit) in [
        (vec!["300.00"], Exit::Ok),
        (vec!["300"], Exit::Ok),
        (vec!["yes"], Exit::NotConfirmed),
        (vec!["299"], Exit::NotConfirmed),
        (vec![""], Exit::NotConfirmed),
        (vec![], Exit::NotConfirmed),
    ] {
        run(async {
            let sim = Sim::new(THREE);
            let name = format!("{answers:?}");
            let options = Options { auto_approve: false, interactive: true, answers, ..Options::default() };
            let applied = sim.apply_with(WANT_THREE, &options).await;
            if exit == Exit::NotConfirmed {
                nothing_charged(&name, &sim, &applied, exit, "Nothing was charged.");
            } else {
                assert_exit(&applied, exit);
                assert_eq!(sim.ledger().len(), 3);
            }
        });
    }
}

#[test]
fn nobody_there_to_ask_is_said_at_once() {
    run(async {
        let sim = Sim::new(THREE);
        let options = Options { auto_approve: false, ..Options::default() };
        let applied = sim.apply_with(WANT_THREE, &options).await;
        nothing_charged("no terminal", &sim, &applied, Exit::NotConfirmed, "--auto-approve");
    });
}

#[test]
fn a_locked_or_damaged_journal_sends_nothing() {
    run(async {
        let sim = Sim::new(ONE);
        sim.journal.locked_by_other.set(true);
        nothing_charged("locked", &sim, &sim.apply(WANT_ONE).await, Exit::Locked, "another run");

        let sim = Sim::new(ONE);
        sim.journal.bytes.borrow_mut().extend_from_slice(b"garbage\n");
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::Error);
        assert!(applied.err.contains("line 1 of the journal"), "{}", applied.err);
        assert_eq!(sim.ledger().len(), 0);
    });
}

#[test]
fn a_torn_last_line_is_tolerated_and_marked() {
    run(async {
        let sim = Sim::new(ONE);
        sim.journal.bytes.borrow_mut().extend_from_slice(b"{\"after\":\"0123");
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        let contents = renewctl::journal::parse(&sim.journal.bytes.borrow());
        assert_eq!(contents.damaged, None);
        assert_eq!(contents.torn, 0);
        assert_eq!(sim.ledger().len(), 1);
    });
}

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
fn a_resend_needs_all_that_a_first_send_needs() {
    // Throttled, so that the cloud never saw the token: whoever renews meanwhile must not be followed.
    type Change = fn(&mut renewctl::emulator::Emulator);
    let cases: [(&str, Change); 4] = [
        ("renewed by somebody", |e| e.set_expiry("i-one", time("2027-01-10T16:00:00Z"))),
        ("locked", |e| e.set_lock("i-one", Some("security"))),
        // From 07:05 to 07:35 in Beijing, on the same day.
        ("the platform's hours have begun", |e| e.advance(30 * 60)),
        ("a new day has begun", |e| {
            // The platform has no part in it.
            e.set_setting("i-one", "Normal", 1);
            e.advance(24 * 3600);
        }),
    ];
    for (name, change) in cases {
        run(async {
            let world = ONE.replace("2026-12-01T02:05:00Z", "2026-12-02T23:05:00Z");
            let sim = Sim::new(&world.replace("price_per_month", "auto_renew: 1mo, price_per_month"));
            sim.fault("{ action: RenewInstance, nth: 1, times: 3, kind: throttle, retry_after_ms: 31000 }");
            let meanwhile = async {
                tokio::time::sleep(Duration::from_secs(45)).await;
                change(&mut sim.emulator.borrow_mut());
            };
            let (applied, ()) = tokio::join!(sim.apply(WANT_ONE), meanwhile);
            let ours = sim.ledger().iter().filter(|charge| charge.by == Buyer::Api).count();
            assert_eq!(ours, 0, "{name}: {}", applied.out);
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
            });
        }
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
fn auto_renewal_is_not_switched_off_while_a_renewal_that_is_needed_waits() {
    let off = WANT_ONE.replace("min_remaining", "auto_renew: off, min_remaining");
    let on =
        ONE.replace("12-10T16", "12-09T16").replace("price_per_month", "auto_renew: 1mo, price_per_month");
    let worlds = [
        ("the platform's hours", on.clone()),
        ("a lock", on.replace("price_per_month", "lock: security, price_per_month")),
        ("no price", on.replace(", price_per_month: '100.00'", "")),
    ];
    for (name, world) in worlds {
        run(async {
            let sim = Sim::new(&world);
            assert_exit(&sim.apply(&off).await, Exit::NotConverged);
            let status =
                sim.emulator.borrow().instance("i-one", sim.clock.now_public()).unwrap().renewal_status;
            assert_eq!(status, "AutoRenewal", "{name}");
        });
    }
}

#[test]
fn a_setting_waits_while_an_earlier_charge_is_in_doubt() {
    run(async {
        let sim = Sim::new(ONE);
        sim.apply_and_die(WANT_ONE, Cut::BeforeSend).await;
        let on = WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining");
        assert_exit(&sim.apply(&on).await, Exit::NotConverged);
        assert_eq!(sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"), 0);
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
fn a_mark_is_lifted_without_entering_the_platforms_hours() {
    run(async {
        let world = ONE.replace("12-10T16", "12-06T16");
        let sim = Sim::new(&world.replace("price_per_month", "auto_renew: never, price_per_month"));
        let applied = sim.apply(&WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining")).await;
        assert_exit(&applied, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
        let status = sim.emulator.borrow().instance("i-one", sim.clock.now_public()).unwrap().renewal_status;
        assert_eq!(status, "AutoRenewal");
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

/// A file that wants `i-n0001` and so on renewed.
fn want_many(count: usize) -> String {
    let mut files = String::from(
        "version: 1\nregion: cn-beijing\nlimits: { max_charge: 5000 CNY }\ndefaults: { min_remaining: 15d }\ninstances:\n",
    );
    for number in 1..=count {
        writeln!(files, "  - {{ id: i-n{number:04} }}").unwrap();
    }
    files
}

fn many(count: usize, faults: &str) -> Sim {
    Sim::new(&format!(
        "
now: 2026-12-01T12:05:00Z
faults: [{faults}]
generate: [{{ count: {count}, id_prefix: i-n, like: {{ region: cn-beijing, expires_in: 10d, price_per_month: 10 }} }}]
"
    ))
}

#[test]
fn no_more_than_twenty_charges_are_unsettled() {
    run(async {
        let sim = many(45, "{ action: RenewInstance, nth: 2, times: 1000, kind: lost_before }");
        let options = Options { verify_timeout_s: 2, ..Options::default() };
        let applied = sim.apply_with(&want_many(45), &options).await;
        assert_exit(&applied, Exit::InDoubt);
        let tokens: std::collections::BTreeSet<String> = sent_tokens(&sim).into_iter().collect();
        assert_eq!(tokens.len(), 21, "the first one, which settled, and twenty in doubt");
        assert!(applied.out.contains("In doubt: CNY 200.00"), "{}", applied.out);
    });
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

#[test]
fn a_stop_class_answer_stops_also_after_a_lost_one() {
    run(async {
        let sim = Sim::new(THREE);
        sim.fault("{ action: RenewInstance, nth: 1, kind: lost_before }");
        sim.fault("{ action: RenewInstance, nth: 2, kind: code, http: 403, code: Forbidden.RiskControl }");
        let applied =
            sim.apply_with(WANT_THREE, &Options { verify_timeout_s: 10, ..Options::default() }).await;
        assert_exit(&applied, Exit::InDoubt);
        assert_eq!(sent_tokens(&sim).len(), 2, "{}", applied.out);
    });
}

#[test]
fn a_deduction_that_comes_soon_is_under_the_caps() {
    let world = ONE.replace("2026-12-01T02:05", "2026-12-01T12:05").replace("12-10T16", "12-06T16");
    let file = |limits: &str, term: &str| {
        format!(
            "version: 1\nregion: cn-beijing\nlimits: {{ {limits} }}\ninstances: [{{ id: i-one, auto_renew: {term} }}]\n"
        )
    };
    for (name, files, exit, text) in [
        ("over the cap", file("max_charge: 50 CNY", "1mo"), 4, "CNY 100.00 is more than"),
        ("no cap", file("max_renewals: 5", "1mo"), 4, "needs a cap"),
        ("no price", file("max_charge: 50 CNY, max_term: 5y", "4y"), 3, "no known price"),
    ] {
        run(async {
            let sim = Sim::new(&world);
            let applied = sim.apply(&files).await;
            assert_eq!(applied.exit, exit, "{name}: {}{}", applied.out, applied.err);
            assert!(
                format!("{}{}", applied.out, applied.err).contains(text),
                "{name}: {}{}",
                applied.out,
                applied.err
            );
            assert_eq!(sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"), 0, "{name}");
        });
    }
}

#[test]
fn a_failed_append_leaves_a_journal_that_the_next_run_can_use() {
    run(async {
        let sim = Sim::new(THREE);
        sim.journal.tears.set(true);
        sim.journal.appends_left.set(Some(2));
        sim.apply(WANT_THREE).await;
        sim.journal.appends_left.set(None);
        let next = sim.apply(WANT_THREE).await;
        assert!(next.err.contains("is torn"), "{}", next.err);
        assert_ne!(next.exit, Exit::Error.code(), "{}", next.err);
        assert_eq!(renewctl::journal::parse(&sim.journal.bytes.borrow()).damaged, None);
    });
}

#[test]
fn wrong_credentials_in_the_middle_stop_everything() {
    run(async {
        let sim = Sim::new(THREE);
        // The plan reads twice, once for each region; then comes the reading before the charges.
        sim.fault("{ action: DescribeInstances, nth: 3, times: 99, kind: code, http: 400, code: InvalidSecurityToken.Expired }");
        let applied = sim.apply(WANT_THREE).await;
        assert_exit(&applied, Exit::Error);
        assert!(sim.ledger().is_empty());
        assert!(sim.emulator.borrow().call_count("DescribeInstances") < 8);
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

#[test]
fn settings_wait_for_the_charge_that_they_depend_on() {
    let setting =
        |sim: &Sim| sim.emulator.borrow().instance("i-one", sim.clock.now_public()).unwrap().renewal_status;
    let on = WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining");
    let off = WANT_ONE.replace("min_remaining", "auto_renew: off, min_remaining");
    let with_auto =
        ONE.replace("price_per_month", "auto_renew: 1mo, price_per_month").replace("T02:05", "T12:05");
    let refuse = "{ action: RenewInstance, nth: 1, kind: code, http: 403, code: Instance.UnPaidOrder }";
    let claim = "{ action: RenewInstance, nth: 1, kind: code, http: 400, code: IdempotenceParamNotMatch }";
    let cases: [(&str, &str, &str, Option<&str>, &str); 5] = [
        ("enabling after a refused charge", ONE, &on, Some(refuse), "AutoRenewal"),
        ("enabling while in doubt", ONE, &on, Some(claim), "Normal"),
        ("switching off after a refused charge", &with_auto, &off, Some(refuse), "AutoRenewal"),
        ("switching off while in doubt", &with_auto, &off, Some(claim), "AutoRenewal"),
        ("switching off after a settled charge", &with_auto, &off, None, "Normal"),
    ];
    for (name, world, files, fault, expected) in cases {
        run(async {
            let sim = Sim::new(world);
            if let Some(fault) = fault {
                sim.fault(fault);
            }
            let options = Options { verify_timeout_s: 30, ..Options::default() };
            let applied = sim.apply_with(files, &options).await;
            assert_eq!(setting(&sim), expected, "{name}: {}\n{}", applied.out, applied.err);
        });
    }
}

#[test]
fn a_mark_against_renewal_is_lifted_before_the_charge() {
    run(async {
        let sim = Sim::new(&ONE.replace("price_per_month", "auto_renew: never, price_per_month"));
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        let emulator = sim.emulator.borrow();
        let changes: Vec<&str> = emulator
            .records()
            .iter()
            .map(|record| record.action.as_str())
            .filter(|action| !action.starts_with("Describe") && *action != "QueryAccountBalance")
            .collect();
        assert_eq!(changes, ["ModifyInstanceAutoRenewAttribute", "RenewInstance"]);
    });
}

#[test]
fn one_bad_id_does_not_stop_the_settings_of_the_others() {
    run(async {
        let world = "
now: 2026-12-01T02:05:00Z
generate: [{ count: 250, id_prefix: i-n, like: { region: cn-beijing, expires_in: 100d } }]
";
        let mut files =
            String::from("version: 1\nregion: cn-beijing\ndefaults: { auto_renew: 1mo }\ninstances:\n");
        for number in 1..=250 {
            writeln!(files, "  - {{ id: i-n{number:04} }}").unwrap();
        }
        let sim = Sim::new(world);
        let emulator = Rc::clone(&sim.emulator);
        let happens = move || emulator.borrow_mut().remove("i-n0042");
        let applied = sim.apply_asked(&files, "yes", happens).await;
        assert_exit(&applied, Exit::NotConverged);
        assert!(applied.out.contains("249 done, 0 already so, 1 failed"), "{}", applied.out);
        let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
        assert!((4..=20).contains(&calls), "{calls} calls");
    });
}

#[test]
fn a_damaged_journal_is_said_before_the_night_on_which_it_matters() {
    run(async {
        let sim = Sim::new(ONE);
        sim.journal.bytes.borrow_mut().extend_from_slice(b"garbage\n");
        let applied = sim.apply(&WANT_ONE.replace("15d", "24h")).await;
        assert_exit(&applied, Exit::Ok);
        assert!(applied.err.contains("line 1 of the journal"), "{}", applied.err);
    });
}

#[test]
fn max_renewals_bounds_deductions_that_have_no_price() {
    run(async {
        let world = THREE.replace(", price_per_month: '100.00'", "");
        let sim = Sim::new(&world);
        let files = WANT_THREE
            .replace("500 CNY", "500 CNY, max_renewals: 2, allow_unpriced: true")
            .replace("allow_unpriced", "max_term: 60mo, allow_unpriced")
            .replace("min_remaining: 15d", "auto_renew: 48mo");
        let applied = sim.apply(&files).await;
        assert_exit(&applied, Exit::Refused);
        assert!(applied.err.contains("more than limits.max_renewals, 2"), "{}", applied.err);
        assert_eq!(sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"), 0);
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

/// What has no quote by its nature may be allowed; a call that failed says nothing of the price.
#[test]
fn a_failed_quote_is_no_permission_to_buy_blind() {
    run(async {
        let dear = ONE.replace("100.00", "5000.00");
        let files = WANT_ONE.replace("500 CNY", "100 CNY, max_renewals: 5, allow_unpriced: true");
        for kind in [
            "error_500_before",
            "unavailable_503",
            "code, http: 400, code: OperationRestricted.Renewal",
            "code, http: 403, code: Forbidden.RAM",
        ] {
            let sim = Sim::new(&dear);
            sim.fault(&format!("{{ action: DescribeRenewalPrice, nth: 1, times: 99, kind: {kind} }}"));
            let applied = sim.apply(&files).await;
            assert_exit(&applied, Exit::NotConverged);
            assert!(sim.ledger().is_empty(), "{kind}: {}", applied.out);
            assert!(applied.out.contains("blocked"), "{kind}: {}", applied.out);
            // Nor may auto-renewal deduct what nobody could quote.
            let auto = files.replace("min_remaining: 15d", "auto_renew: 1mo");
            let applied = sim.apply(&auto).await;
            assert_eq!(
                sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"),
                0,
                "{kind}: {}",
                applied.out
            );
        }
        // Forty-eight months cannot be quoted at all, and the file allows that.
        let sim = Sim::new(&dear);
        let long = files
            .replace("15d", "15d, renew_period: 48mo")
            .replace("max_renewals: 5", "max_renewals: 5, max_term: 60mo");
        assert_exit(&sim.apply(&long).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn credentials_that_end_while_prices_are_asked_end_the_run() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault("{ action: DescribeRenewalPrice, nth: 1, times: 99, kind: code, http: 400, code: InvalidSecurityToken.Expired }");
        let applied = sim.apply(WANT_ONE).await;
        assert_exit(&applied, Exit::Error);
        assert!(applied.err.contains("InvalidSecurityToken.Expired"), "{}", applied.err);
    });
}

/// Enabling goes out after a refused charge, as the rescue of the instance, if the caps have room for what
/// the platform then deducts at once.
#[test]
fn enabling_after_a_refused_charge_stays_within_the_caps() {
    for (term, cap, sent) in [
        ("1mo", 150, true),
        ("1y", 150, false),
        ("1y", 1199, false),
        ("1y", 1200, true),
        ("48mo", 150, false),
    ] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault("{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }");
            let files = WANT_ONE
                .replace(
                    "500 CNY",
                    &format!("{cap} CNY, max_term: 60mo, max_renewals: 5, allow_unpriced: true"),
                )
                .replace("min_remaining", &format!("auto_renew: {term}, min_remaining"));
            let applied = sim.apply(&files).await;
            assert_exit(&applied, Exit::NotConverged);
            let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
            assert_eq!(calls, usize::from(sent), "{term} {cap}: {}", applied.out);
            // Two days on: the platform has deducted no more than the cap.
            sim.advance(2 * 86_400);
            sim.emulator.borrow_mut().live_on(sim.clock.now_public());
            let deducted: rust_decimal::Decimal = sim.ledger().iter().map(|charge| charge.amount).sum();
            assert!(deducted <= cap.into(), "{term}: {deducted}");
        });
    }
}

/// Every setting that was sent is in the report, also the first of two for one instance.
#[test]
fn a_lifted_mark_is_reported_when_the_rest_was_not_tried() {
    run(async {
        let sim = Sim::new(&ONE.replace("price_per_month", "auto_renew: never, price_per_month"));
        sim.fault("{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 400, code: InvalidSecurityToken.Expired }");
        let files = WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining");
        let applied = sim.apply(&files).await;
        let status = sim.emulator.borrow().instance("i-one", sim.clock.now_public()).unwrap().renewal_status;
        assert_eq!(status, "Normal");
        assert_exit(&applied, Exit::NotConverged);
        assert!(applied.out.contains("auto-renew set to off"), "{}", applied.out);
        assert!(applied.out.contains("Apply: 1 done,"), "{}", applied.out);
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
        assert!(
            applied.out.contains("too old") && applied.out.contains("still 1 to renew"),
            "{}",
            applied.out
        );
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

/// Nothing that the platform will deduct soon is dearer than what was agreed to, whatever the clock and
/// the prices did since.
#[test]
fn a_deduction_that_became_dearer_is_not_let_loose() {
    let auto =
        WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining").replace("500 CNY", "150 CNY");
    let alone = auto.replace(", min_remaining: 15d", "");
    for (name, files) in [("after a renewal that became dearer", &auto), ("alone", &alone)] {
        run(async {
            let sim = Sim::new(ONE);
            let (emulator, clock) = (Rc::clone(&sim.emulator), Rc::clone(&sim.clock));
            // Somebody thinks for a quarter of an hour, and the price rises.
            let applied = sim
                .apply_asked(files, "100", move || {
                    clock.stalled_s.set(clock.stalled_s.get() + 16 * 60);
                    emulator.borrow_mut().set_price("i-one", 2000.into());
                })
                .await;
            assert_exit(&applied, Exit::NotConverged);
            sim.advance(3 * 86_400);
            sim.emulator.borrow_mut().live_on(sim.clock.now_public());
            assert!(sim.ledger().is_empty(), "{name}: {}", applied.out);
            assert!(applied.out.contains("costs CNY 2,000.00 now"), "{name}: {}", applied.out);
        });
    }
}

/// A shorter term only lessens what the platform deducts: it waits for no charge, and is told.
#[test]
fn a_shorter_term_goes_out_whatever_becomes_of_the_charge() {
    run(async {
        let sim = Sim::new(&ONE.replace("price_per_month", "auto_renew: 1y, price_per_month"));
        sim.fault(
            "{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }",
        );
        let files = WANT_ONE.replace("min_remaining", "auto_renew: 6mo, min_remaining");
        // At night: by day the charge waits for the platform.
        sim.advance(10 * 3600 + 12 * 60);
        let applied = sim.apply(&files).await;
        assert_exit(&applied, Exit::NotConverged);
        let setting = sim.emulator.borrow().instance("i-one", sim.clock.now_public()).unwrap().auto_renew;
        assert_eq!(setting.0, 6, "{}", applied.out);
        // Without a charge beside it, too; and what is deducted all the same is told.
        let sim = Sim::new(&ONE.replace("price_per_month", "auto_renew: 1y, price_per_month"));
        let applied = sim.apply(&WANT_ONE.replace("min_remaining: 15d", "auto_renew: 6mo")).await;
        assert_exit(&applied, Exit::Ok);
        assert!(
            applied.out.contains("is on already deducts within 10 days for 1 instance"),
            "{}",
            applied.out
        );
    });
}

#[test]
fn a_month_is_longer_than_four_weeks_and_counts() {
    run(async {
        let sim = Sim::new(&ONE.replace("price_per_month", "auto_renew: 4w, price_per_month"));
        let files = WANT_ONE.replace("min_remaining: 15d", "auto_renew: 1mo").replace("500 CNY", "1 CNY");
        assert_exit(&sim.apply(&files).await, Exit::Refused);
    });
}

/// A weekly setting is deducted three times within ten days at worst, and bounded three times.
#[test]
fn every_deduction_of_the_next_ten_days_is_bounded() {
    for (most, exit) in [(2, Exit::Refused), (3, Exit::Ok)] {
        run(async {
            let sim = Sim::new(&ONE.replace("12-10T16", "12-03T16"));
            let limits = format!("500 CNY, max_renewals: {most}, allow_unpriced: true");
            let files = WANT_ONE.replace("500 CNY", &limits).replace("min_remaining: 15d", "auto_renew: 1w");
            let applied = sim.apply(&files).await;
            assert!(applied.out.contains("Without a price: 3."), "{}", applied.out);
            assert_eq!(applied.exit == Exit::Refused.code(), exit == Exit::Refused, "{}", applied.out);
            sim.advance(10 * 86_400);
            sim.emulator.borrow_mut().live_on(sim.clock.now_public());
            assert!(sim.ledger().len() <= most, "{}", applied.out);
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

/// The same with the cap of the run alone, which a CI job gives.
#[test]
fn the_rescue_of_an_instance_fits_into_the_cap_of_the_run() {
    for (cap, sent) in [("1199 CNY", false), ("1200 CNY", true)] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault("{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }");
            let files = WANT_ONE
                .replace("limits: { max_charge: 500 CNY }", "")
                .replace("min_remaining", "auto_renew: 1y, min_remaining");
            let options = Options { max_charge: Some(cap), ..Options::default() };
            let applied = sim.apply_with(&files, &options).await;
            let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
            assert_eq!(calls, usize::from(sent), "{cap}: {}", applied.out);
            assert_eq!(applied.out.contains("raise the cap"), !sent, "{cap}: {}", applied.out);
        });
    }
}

/// After the renewal nothing is deducted for weeks: that a price rose meanwhile is no reason to leave
/// auto-renewal off, and none to ask for prices again.
#[test]
fn a_setting_that_deducts_nothing_soon_needs_no_price() {
    run(async {
        let sim = Sim::new(&ONE.replace("5s", "20m"));
        let files = WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining");
        let rise = async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            sim.emulator.borrow_mut().set_price("i-one", 120.into());
        };
        let options = Options { verify_timeout_s: 40 * 60, ..Options::default() };
        let (applied, ()) = tokio::join!(sim.apply_with(&files, &options), rise);
        assert_exit(&applied, Exit::Ok);
        assert_eq!(sim.emulator.borrow().call_count("DescribeRenewalPrice"), 1);
    });
}

/// After a refusal the platform deducts soon, so that an old price is asked again before the rescue.
#[test]
fn a_rescue_at_a_price_that_rose_is_not_sent() {
    run(async {
        let sim = Sim::new(ONE);
        sim.fault(
            "{ action: RenewInstance, nth: 1, times: 1, kind: code, http: 403, code: Instance.UnPaidOrder }",
        );
        let clock = Rc::clone(&sim.clock);
        let emulator = Rc::clone(&sim.emulator);
        *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
            if String::from_utf8_lossy(line).contains("charge-outcome") {
                clock.stalled_s.set(clock.stalled_s.get() + 16 * 60);
                emulator.borrow_mut().set_price("i-one", 2000.into());
            }
        }));
        let files = WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining");
        let applied = sim.apply(&files).await;
        assert_exit(&applied, Exit::NotConverged);
        assert_eq!(
            sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"),
            0,
            "{}",
            applied.out
        );
    });
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

/// Why auto-renewal is left off after a refused charge: nobody agreed to more than the charge, no known price, or
/// more than the caps allow.
#[test]
fn what_is_missing_for_a_rescue_is_said() {
    let unquoted = "max_charge: 5000 CNY, max_term: 60mo, max_renewals: 5, allow_unpriced: true";
    let cases = [
        ("1y", "max_charge: 5000 CNY", Some("100"), "nobody agreed to more than its price"),
        ("1y", "max_renewals: 9", Some("100"), "nobody agreed to more than its price"),
        ("48mo", unquoted, None, "has no known price"),
        ("1y", "max_charge: 1199 CNY", None, "is more than the caps allow"),
    ];
    for (term, limits, typed, text) in cases {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault("{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }");
            let files = WANT_ONE
                .replace("max_charge: 500 CNY", limits)
                .replace("min_remaining", &format!("auto_renew: {term}, min_remaining"));
            let applied = match typed {
                Some(typed) => sim.apply_asked(&files, typed, || ()).await,
                None => sim.apply(&files).await,
            };
            assert_exit(&applied, Exit::NotConverged);
            assert!(applied.out.contains(text), "{text}\n{}\n{}", applied.out, applied.err);
            assert_eq!(sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute"), 0, "{text}");
        });
    }
}

/// After a refused charge auto-renewal goes out without a known price, if it would deduct nothing soon.
#[test]
fn a_rescue_that_deducts_nothing_soon_needs_no_price() {
    run(async {
        let sim = Sim::new(&ONE.replace("12-10T16", "12-30T16"));
        sim.fault(
            "{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }",
        );
        let limits = "max_charge: 500 CNY, max_term: 60mo, max_renewals: 5, allow_unpriced: true";
        let files = WANT_ONE
            .replace("max_charge: 500 CNY", limits)
            .replace("min_remaining: 15d", "auto_renew: 48mo, min_remaining: 40d");
        let applied = sim.apply(&files).await;
        assert_exit(&applied, Exit::NotConverged);
        let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
        assert_eq!(calls, 1, "{}", applied.out);
    });
}

/// Without a question there is no answer that could come too late, however long the reading takes.
#[test]
fn a_slow_reading_is_no_late_answer() {
    run(async {
        let sim = Sim::new(ONE);
        sim.sleep.set(Some(("DescribeRenewalPrice", 1, 70 * 60)));
        let applied = sim.apply(WANT_ONE).await;
        assert!(sim.ledger().len() == 1 && applied.exit == 0, "{}\n{}", applied.out, applied.err);
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

/// An answer that comes days after its question is no answer to what would be done by then.
#[test]
fn a_question_does_not_stand_for_days() {
    let files = "version: 1\nregion: cn-beijing\ninstances:\n- { id: i-one, auto_renew: 1mo }\n";
    let cases = [
        ("2026-12-29T16:00:00Z", 5, Exit::Ok, ""),
        ("2026-12-29T16:00:00Z", 50, Exit::Ok, ""),
        ("2026-12-29T16:00:00Z", 70, Exit::Stale, "more than 60 minutes before the answer"),
        ("2026-12-29T16:00:00Z", 3 * 24 * 60, Exit::Stale, "more than 60 minutes before the answer"),
        // From 2026-12-01T00:00Z on what the platform deducts counts.
        ("2026-12-19T16:00:00Z", 5, Exit::Ok, ""),
        ("2026-12-19T16:00:00Z", 50, Exit::Stale, "The plan held until 2026-12-01 08:00 +08:00"),
    ];
    for (expires_at, minutes, exit, text) in cases {
        run(async {
            let sim = Sim::new(&format!(
                "now: 2026-11-30T23:40:00Z\ninstances:\n- {{ id: i-one, region: cn-beijing, expires_at: {expires_at}, price_per_month: \"100\" }}\n"
            ));
            let clock = Rc::clone(&sim.clock);
            let later = move || clock.stalled_s.set(clock.stalled_s.get() + minutes * 60);
            let applied = sim.apply_asked(files, "yes", later).await;
            assert_exit(&applied, exit);
            assert!(applied.err.contains(text), "{expires_at} {minutes} min: {}", applied.err);
            let sent = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
            assert_eq!(sent, usize::from(exit == Exit::Ok), "{expires_at} {minutes} min: {}", applied.err);
        });
    }
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
