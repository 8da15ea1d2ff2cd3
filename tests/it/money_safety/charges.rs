//! One charge for each need, whatever happens to the call.

use std::collections::BTreeSet;

use renewctl::cli::Exit;

use super::{THREE, WANT_THREE, many, sent_tokens, want_many};
use crate::support::{Cut, ONE, Options, Sim, WANT_ONE, assert_exit, run, time};

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
fn a_charge_is_sent_only_after_its_intent_is_in_the_journal() {
    run(async {
        let sim = Sim::new(ONE);
        sim.apply_and_die(WANT_ONE, Cut::BeforeSend).await;
        let text = String::from_utf8(sim.journal.bytes.borrow().clone()).unwrap();
        assert!(text.contains("charge-intent") && !text.contains("charge-outcome"), "{text}");
    });
}

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
        // It was certainly not made, so that nothing is held: the next run sends it.
        assert_exit(&sim.apply(WANT_THREE).await, Exit::Ok);
        assert_eq!(sim.ledger().len(), 3);
    });
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
