//! Bounds and questions: what is agreed to before anything is sent.

use std::rc::Rc;

use renewctl::cli::Exit;

use super::{THREE, WANT_THREE, nothing_charged};
use crate::support::{ONE, Options, Sim, WANT_ONE, assert_exit, run};

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
