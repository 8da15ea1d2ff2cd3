//! Guards before the first charge: the balance, and caps that buy what expires soonest. Judged by the
//! ledger.

use renewctl::cli::Exit;
use renewctl::plan::guard::{Consent, Question, Refusal, approve};
use renewctl::planning::Moment;

use crate::support::{Applied, Options, Sim, assert_exit, desired_of, run};

const THREE: &str = "
now: 2026-12-01T02:05:00Z
instances:
  - { id: i-a, region: cn-beijing, expires_at: 2026-12-06T16:00:00Z, price_per_month: '100.00' }
  - { id: i-b, region: cn-shanghai, expires_at: 2026-12-07T16:00:00Z, price_per_month: '300.00' }
  - { id: i-c, region: cn-beijing, expires_at: 2026-12-08T16:00:00Z, price_per_month: '100.00' }
";

const WANT: &str = "
version: 1
region: cn-beijing
limits: { LIMITS }
defaults: { min_remaining: 15d }
instances:
  - { id: i-a }
  - { id: i-b, region: cn-shanghai }
  - { id: i-c }
";

fn want(limits: &str) -> String {
    WANT.replace("LIMITS", limits)
}

fn bought(sim: &Sim) -> Vec<String> {
    sim.ledger().into_iter().map(|charge| charge.instance_id).collect()
}

#[track_caller]
fn assert_said(applied: &Applied, text: &str) {
    let whole = format!("{}{}", applied.out, applied.err);
    assert!(whole.contains(text), "{text}\nis not in\n{whole}");
}

#[test]
fn what_expires_soonest_is_bought_up_to_the_cap() {
    #[allow(clippy::type_complexity, reason = "a table")]
    let cases: [(&str, Option<&str>, &[&str], Exit, &str); 8] = [
        ("max_charge: 500 CNY", None, &["i-a", "i-b", "i-c"], Exit::Ok, "Verified"),
        (
            "max_charge: 499.99 CNY",
            None,
            &["i-a", "i-b"],
            Exit::NotConverged,
            "CNY 100.00 does not fit under limits.max_charge (renewals.yaml:4), CNY 499.99, of which what expires sooner takes CNY 400.00",
        ),
        // A dear one that does not fit does not take the ones after it with it.
        (
            "max_charge: 250 CNY",
            None,
            &["i-a", "i-c"],
            Exit::NotConverged,
            "CNY 300.00 alone is more than limits.max_charge (renewals.yaml:4), CNY 250.00: it never fits",
        ),
        ("max_charge: 50 CNY", None, &[], Exit::NotConverged, "CNY 100.00 alone is more than"),
        // To the last cent.
        ("max_charge: 100 CNY", None, &["i-a"], Exit::NotConverged, "CNY 100.00 does not fit under"),
        (
            "max_renewals: 1",
            Some("9999 CNY"),
            &["i-a"],
            Exit::NotConverged,
            "it is beyond limits.max_renewals, 1 (renewals.yaml:4)",
        ),
        // The stricter one wins.
        (
            "max_charge: 500 CNY",
            Some("200 CNY"),
            &["i-a", "i-c"],
            Exit::NotConverged,
            "CNY 300.00 alone is more than --max-charge, CNY 200.00",
        ),
        (
            "max_charge: 200 CNY",
            Some("500 CNY"),
            &["i-a", "i-c"],
            Exit::NotConverged,
            "CNY 300.00 alone is more than limits.max_charge",
        ),
    ];
    for (limits, run_cap, expected, exit, text) in cases {
        run(async {
            let sim = Sim::new(THREE);
            let files = want(&format!("{limits}, when_exceeded: soonest-first"));
            let applied =
                sim.apply_with(&files, &Options { max_charge: run_cap, ..Options::default() }).await;
            assert_eq!(
                bought(&sim).iter().map(String::as_str).collect::<Vec<_>>(),
                expected,
                "{limits}: {}",
                applied.out
            );
            assert_exit(&applied, exit);
            assert_said(&applied, text);
        });
    }
}

/// Of two files each has its own way: one refuses as a whole, however the other one is trimmed.
#[test]
fn a_file_that_refuses_is_not_trimmed_beside_one_that_is() {
    let file = |limits: &str, id: &str| {
        format!(
            "version: 1\nregion: cn-beijing\nlimits: {{ {limits} }}\ninstances:\n- {{ id: {id}, min_remaining: 15d }}\n"
        )
    };
    let refuses = file("max_charge: 50 CNY", "i-a");
    let trims = file("max_charge: 50 CNY, when_exceeded: soonest-first", "i-c");
    run(async {
        let sim = Sim::new(THREE);
        let desired = desired_of(&[("refuses.yaml", &refuses), ("trims.yaml", &trims)]);
        let plan = sim.plan_of(&desired, Moment::Reading).await;
        let renewed: Vec<&str> =
            plan.items.iter().filter(|item| item.renewal().is_some()).map(|item| item.id.as_str()).collect();
        assert_eq!(renewed, ["i-a"]);
        let refusal = approve(plan, &Consent::Reviewed).unwrap_err();
        let Refusal::Limit(reasons) = &refusal else { panic!("{refusal:?}") };
        assert!(reasons.len() == 1 && reasons[0].contains("refuses.yaml:3"), "{reasons:?}");
    });
}

/// Deductions that a setting lets the platform make soon are counted like charges.
#[test]
fn a_setting_whose_deduction_does_not_fit_waits_too() {
    run(async {
        let sim = Sim::new(THREE);
        let files = want("max_charge: 350 CNY, when_exceeded: soonest-first")
            .replace("defaults: { min_remaining: 15d }", "defaults: { auto_renew: 1mo }");
        let applied = sim.apply(&files).await;
        assert_exit(&applied, Exit::NotConverged);
        let status =
            |id: &str| sim.emulator.borrow().instance(id, sim.clock.now_public()).unwrap().renewal_status;
        let on: Vec<&str> =
            ["i-a", "i-b", "i-c"].into_iter().filter(|id| status(id) == "AutoRenewal").collect();
        assert_eq!(on, ["i-a", "i-c"], "{}", applied.out);
        assert_said(&applied, "CNY 300.00 does not fit");
    });
}

/// One that no longer fits and expires soon is at risk, and the plan says so.
#[test]
fn what_does_not_fit_is_at_risk_when_little_time_is_left() {
    run(async {
        let sim =
            Sim::new(&THREE.replace("2026-12-06T16", "2026-12-03T16").replace("'100.00' }", "'400.00' }"));
        let plan = sim.plan(&want("max_charge: 350 CNY, when_exceeded: soonest-first")).await;
        let summary = plan.summary();
        assert_eq!((summary.renew, summary.blocked, summary.at_risk), (1, 2, 1));
    });
}

#[test]
fn a_balance_that_is_too_low_refuses_before_the_first_charge() {
    let exact = ("balance: '500.00'", "", Exit::Ok, 3, "Verified");
    let low = (
        "balance: '499.99'",
        "",
        Exit::Refused,
        0,
        "refused: CNY 500.00 is more than the balance, CNY 499.99: top up the account, plan fewer renewals, or write when_exceeded",
    );
    let partly = (
        "balance: '250.00'",
        ", when_exceeded: soonest-first",
        Exit::NotConverged,
        1,
        "warning: CNY 500.00 is more than the balance, CNY 250.00: what expires soonest goes first",
    );
    for (balance, more, exit, charges, text) in [exact, low, partly] {
        run(async {
            let sim = Sim::new(&format!("{THREE}{balance}\n"));
            let applied = sim.apply(&want(&format!("max_charge: 500 CNY{more}"))).await;
            assert_exit(&applied, exit);
            assert_said(&applied, text);
            assert_eq!(bought(&sim).len(), charges, "{}", applied.out);
        });
    }
    // Nobody is asked to type a total that cannot be paid; without a charge nobody asks the balance.
    run(async {
        let sim = Sim::new(&format!("{THREE}balance: '1.00'\n"));
        let options =
            Options { auto_approve: false, interactive: true, answers: vec!["500"], ..Options::default() };
        let applied = sim.apply_with(&want("max_charge: 500 CNY"), &options).await;
        assert_exit(&applied, Exit::Refused);
        assert!(!applied.err.contains("type the amount"), "{}", applied.err);
        let sim = Sim::new(&format!("{THREE}balance: '1.00'\n"));
        let settings = want("max_charge: 500 CNY").replace("min_remaining: 15d", "auto_renew: never");
        assert_exit(&sim.apply(&settings).await, Exit::Ok);
        assert_eq!(sim.emulator.borrow().call_count("QueryAccountBalance"), 0);
    });
}

/// Amounts at the end of what can be counted are refused, and nothing breaks off.
#[test]
fn amounts_at_the_end_of_what_can_be_counted_do_not_fit() {
    let most = "79228162514264337593543950335";
    run(async {
        let sim = Sim::new(&THREE.replace("100.00", most));
        let files = want(&format!("max_charge: {most} CNY, when_exceeded: soonest-first"));
        let applied = sim.apply(&files).await;
        assert_eq!(applied.exit, Exit::NotConverged.code(), "{}\n{}", applied.out, applied.err);
        assert_eq!(bought(&sim), ["i-a"], "{}", applied.out);
    });
}

/// A renewal and the deductions without a price that follow it are payments of their own.
#[test]
fn every_payment_counts_into_max_renewals() {
    let world = "now: 2026-12-22T12:17:00Z\ninstances:\n- { id: i-a, region: cn-beijing, expires_at: 2026-12-09T16:00:00Z, price_per_month: '100.00' }\n";
    for (bound, exit) in [(1, Exit::Refused), (2, Exit::Ok)] {
        run(async {
            let sim = Sim::new(world);
            let files = format!(
                "version: 1\nregion: cn-beijing\nlimits: {{ max_charge: 500 CNY, max_renewals: {bound}, allow_unpriced: true }}\ninstances:\n- {{ id: i-a, min_remaining: 3d, auto_renew: 1w }}\n"
            );
            let applied = sim.apply(&files).await;
            assert_exit(&applied, exit);
            assert_eq!(
                applied.err.contains("2 renewals are more than limits.max_renewals, 1"),
                bound == 1,
                "{}",
                applied.err
            );
        });
    }
}

/// A renewal that leaves an instance expired, or about to, does not take it out of danger.
#[test]
fn a_renewal_that_is_too_short_leaves_an_instance_at_risk() {
    let world = "now: 2026-12-21T12:17:00Z\ninstances:\n- { id: i-a, region: cn-beijing, expires_at: 2026-12-11T16:00:00Z }\n";
    let files = "version: 1\nregion: cn-beijing\nlimits: { max_term: 1w, max_renewals: 5, allow_unpriced: true }\ninstances:\n- { id: i-a, min_remaining: 3d, renew_period: 1w }\n";
    run(async {
        let sim = Sim::new(world);
        let plan = sim.plan(files).await;
        assert!(plan.items[0].renewal().is_some());
        assert_eq!(plan.items[0].at_risk.as_deref(), Some("expired 2d 20h ago, even after its renewal"));
    });
}

/// Of two terms with the same end the one that can be quoted is bought, also where both are too short.
#[test]
fn of_two_terms_with_one_end_the_quotable_one_is_bought() {
    let world = "now: 2027-02-20T02:05:00Z\ninstances:\n- { id: i-a, region: cn-beijing, expires_at: 2027-02-09T16:00:00Z, price_per_month: '100.00' }\n";
    for (least, term) in [("15d", "1mo"), ("20d", "1mo")] {
        run(async {
            let sim = Sim::new(world);
            let files = format!(
                "version: 1\nregion: cn-beijing\nlimits: {{ max_term: 1mo }}\ninstances:\n- {{ id: i-a, min_remaining: {least}, renew_period: 1w }}\n"
            );
            let plan = sim.plan(&files).await;
            let bought = plan.items[0].renewal().map(|renewal| renewal.term.term().to_string());
            assert_eq!(bought.as_deref(), Some(term), "{least}: {:?}", plan.items[0]);
        });
    }
}

/// A plan holds until one of its changes would be another one, could not be made, or would not go alone any more.
#[test]
fn a_plan_says_how_long_it_holds() {
    let cases = [
        // Released 15 days after its expiry.
        ("china", "2026-12-02T16:00:00Z", "off", "min_remaining: 3d", "2026-12-17T16:00:00Z"),
        (
            "china",
            "2026-12-02T16:00:00Z",
            "off",
            "min_remaining: 3d, renew_period: 1y",
            "2026-12-17T16:00:00Z",
        ),
        // Suspended with its expiry: from then on a renewal counts from the day on which it is made.
        ("international", "2026-12-03T12:17:00Z", "off", "min_remaining: 3d", "2026-12-03T12:17:00Z"),
        // From when its renewal is due, its setting is not set without it.
        (
            "china",
            "2026-12-16T16:00:00Z",
            "off",
            "auto_renew: 1mo, min_remaining: 3d",
            "2026-12-13T16:45:00Z",
        ),
        (
            "china",
            "2026-12-16T16:00:00Z",
            "1mo",
            "auto_renew: off, min_remaining: 3d",
            "2026-12-13T16:45:00Z",
        ),
        // What the platform deducts counts from ten days before.
        ("china", "2026-12-25T16:00:00Z", "off", "auto_renew: 1mo", "2026-12-07T00:00:00Z"),
    ];
    for (site, expires_at, live, entry, until) in cases {
        run(async {
            let sim = Sim::new(&format!(
                "now: 2026-12-01T12:17:00Z\nsite: {site}\ninstances:\n- {{ id: i-a, region: cn-beijing, expires_at: {expires_at}, auto_renew: {live}, price_per_month: '100.00' }}\n"
            ));
            let files = format!(
                "version: 1\nregion: cn-beijing\nsite: {site}\ninstances:\n- {{ id: i-a, {entry} }}\n"
            );
            let plan = sim.plan(&files).await;
            assert!(plan.has_changes(), "{entry}");
            assert_eq!(plan.valid_until, Some(crate::support::time(until)), "{expires_at} {entry}");
        });
    }
}

/// Two weeks' renewals, which nobody can quote.
const UNQUOTED: &str = "
version: 1
region: cn-beijing
limits: { allow_unpriced: true, LIMITS }
defaults: { min_remaining: 15d, renew_period: 4w }
instances:
  - { id: i-a }
  - { id: i-c }
";

/// What has no price is counted: for the cap that a run without a person needs, for the question, in the report.
#[test]
fn what_has_no_price_is_counted() {
    let typed = |answers: Vec<&'static str>| Options {
        auto_approve: false,
        interactive: true,
        answers,
        ..Options::default()
    };
    let many = "limits.max_renewals in renewals.yaml, because 2 of its payments have no price";
    let cases = [
        ("max_charge: 500 CNY", Options::default(), Exit::Refused, many),
        (
            "max_charge: 500 CNY, max_renewals: 2",
            Options::default(),
            Exit::Ok,
            "Charged: 2 renewals without a known price.",
        ),
        ("max_charge: 500 CNY", typed(vec!["2"]), Exit::Ok, "To go on, type their number (2): "),
        ("max_charge: 500 CNY", typed(vec!["1"]), Exit::NotConfirmed, "Not confirmed."),
        ("max_charge: 500 CNY", typed(vec!["yes"]), Exit::NotConfirmed, "Not confirmed."),
    ];
    for (limits, options, exit, text) in cases {
        run(async {
            let sim = Sim::new(THREE);
            let applied = sim.apply_with(&UNQUOTED.replace("LIMITS", limits), &options).await;
            assert_exit(&applied, exit);
            assert_said(&applied, text);
            assert_eq!(sim.ledger().len(), if exit == Exit::Ok { 2 } else { 0 });
        });
    }
}

#[test]
fn an_answer_is_the_number_with_or_without_commas() {
    let total = Question::Total("1234.50 CNY".parse().unwrap());
    let cases = [
        (&total, "1234.50", true),
        (&total, " 1,234.50 ", true),
        (&total, "1234.5", true),
        (&total, "1234.51", false),
        (&total, "yes", false),
        (&Question::Unpriced(1234), "1234", true),
        (&Question::Unpriced(1234), "1,234", true),
        (&Question::Unpriced(1234), "1235", false),
        (&Question::Unpriced(1234), "1,235", false),
        (&Question::Settings, "yes", true),
        (&Question::Settings, "no", false),
        (&Question::Settings, "", false),
    ];
    for (question, line, is_answer) in cases {
        assert_eq!(question.is_answered_by(line), is_answer, "{question:?} {line:?}");
    }
}

/// As many may be switched off as the file says, and not one more.
#[test]
fn switching_off_is_bounded() {
    let world = THREE.replace("price_per_month", "auto_renew: 1mo, price_per_month");
    for (bound, exit) in [(2, Exit::Refused), (3, Exit::Ok)] {
        run(async {
            let sim = Sim::new(&world);
            let files = want(&format!("max_auto_renew_off: {bound}"))
                .replace("min_remaining: 15d", "auto_renew: off, min_remaining: none");
            let applied = sim.apply(&files).await;
            assert_exit(&applied, exit);
            let sent = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
            assert_eq!(sent > 0, exit == Exit::Ok, "{bound}");
        });
    }
}
