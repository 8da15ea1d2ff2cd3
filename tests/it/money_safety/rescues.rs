//! After a refused charge: auto-renewal as the rescue, and what it may deduct.

use std::rc::Rc;
use std::time::Duration;

use renewctl::cli::Exit;
use renewctl::emulator::Buyer;

use super::{THREE, WANT_THREE};
use crate::support::{ONE, Options, Sim, WANT_ONE, assert_exit, run};

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

/// What a rescue lets the platform deduct, and when, stands in the report: as the ledger has it afterwards.
#[test]
fn a_rescue_says_what_the_platform_will_deduct() {
    let refused =
        "{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }";
    let files =
        &WANT_ONE.replace("500 CNY", "700 CNY").replace("min_remaining", "auto_renew: 6mo, min_remaining");
    let world = |fault: Option<&str>| {
        let sim = Sim::new(ONE);
        if let Some(fault) = fault {
            sim.fault(fault);
        }
        sim
    };
    for (fault, told) in [(Some(refused), true), (None, false)] {
        run(async {
            let sim = world(fault);
            let text = sim.apply(files).await.out;
            let said = "the platform deducts CNY 600.00 for 6mo from 2026-12-02 08:00 +08:00 on";
            assert_eq!(text.contains(said), told, "{text}");
            sim.advance(30 * 3600);
            sim.emulator.borrow_mut().live_on(sim.clock.now_public());
            let by_platform: Vec<String> = sim
                .ledger()
                .iter()
                .filter(|charge| charge.by == Buyer::Platform)
                .map(|charge| format!("{} {}", charge.amount, charge.at))
                .collect();
            assert_eq!(by_platform.len(), usize::from(told), "{by_platform:?}");
            assert!(
                by_platform.iter().all(|charge| charge.starts_with("600.00 2026-12-02")),
                "{by_platform:?}"
            );
        });
        run(async {
            let sim = world(fault);
            let out = sim.apply_with(files, &Options { json: true, ..Options::default() }).await.out;
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            let set = &json["apply"]["actions"][1];
            assert_eq!(set["result"], "done", "{set}");
            assert_eq!(set["text"].as_str().is_some_and(|text| text.contains("CNY 600.00")), told, "{set}");
        });
    }
}

/// A shorter term goes out whatever becomes of the renewal; then weeks come more than once within days, at a
/// price that nobody can quote.
#[test]
fn weeks_are_said_to_be_deducted_as_often_as_they_come() {
    run(async {
        let sim = Sim::new(&ONE.replace("price_per_month", "auto_renew: 1mo, price_per_month"));
        sim.fault(
            "{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }",
        );
        let files = WANT_ONE
            .replace("500 CNY", "500 CNY, allow_unpriced: true, max_renewals: 9")
            .replace("min_remaining", "auto_renew: 1w, min_remaining");
        let applied = sim.apply(&files).await;
        let said = "the platform deducts an unknown amount for 1w from 2026-12-02 08:00 +08:00 on, 2 times within 10 days";
        assert!(applied.out.contains(said), "{}", applied.out);
    });
}

/// Several rescues share what the caps leave, soonest expiry first.
#[test]
fn rescues_share_what_the_caps_leave() {
    let caps = ["1399 CNY", "1400 CNY", "2499 CNY", "2500 CNY", "3599 CNY", "3600 CNY"];
    for (cap, sent) in caps.into_iter().zip([0, 1, 1, 2, 2, 3]) {
        for of_run in [false, true] {
            run(async {
                let sim = Sim::new(THREE);
                sim.fault("{ action: RenewInstance, nth: 1, times: 99, kind: code, http: 403, code: Instance.UnPaidOrder }");
                let auto = WANT_THREE.replace("min_remaining", "auto_renew: 1y, min_remaining");
                let files = if of_run {
                    auto.replace("limits: { max_charge: 500 CNY }", "")
                } else {
                    auto.replace("500 CNY", cap)
                };
                let options = Options { max_charge: of_run.then_some(cap), ..Options::default() };
                let applied = sim.apply_with(&files, &options).await;
                assert_exit(&applied, Exit::NotConverged);
                // The platform deducts within the nine days before each expiry.
                sim.advance(9 * 86_400);
                sim.emulator.borrow_mut().live_on(sim.clock.now_public());
                let mut deducted: Vec<String> =
                    sim.ledger().iter().map(|charge| charge.instance_id.clone()).collect();
                deducted.sort();
                assert_eq!(deducted, ["i-a", "i-b", "i-c"][..sent], "{cap} {of_run} {}", applied.out);
            });
        }
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

/// A charge that was not tried because the instance is another one by now was not refused: nothing is missing for a
/// rescue, and the setting waits for a new plan.
#[test]
fn a_charge_that_was_not_tried_is_not_said_to_be_refused() {
    run(async {
        let sim = Sim::new(ONE);
        let emulator = Rc::clone(&sim.emulator);
        let files = WANT_ONE.replace("min_remaining", "auto_renew: 1y, min_remaining");
        let lock = move || emulator.borrow_mut().set_lock("i-one", Some("security"));
        let applied = sim.apply_asked(&files, "100", lock).await;
        assert_exit(&applied, Exit::NotConverged);
        let text = "auto-renew not set to 1y: it waits for its renewal, which was not made";
        assert!(applied.out.contains(text), "{}", applied.out);
    });
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
