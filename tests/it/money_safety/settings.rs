//! Settings beside charges: which waits for which, and what is sent after a refusal.

use std::fmt::Write as _;
use std::rc::Rc;

use renewctl::cli::Exit;
use renewctl::journal::history::{Deed, SettingEnd, history};

use crate::support::{Cut, ONE, Options, Sim, WANT_ONE, assert_exit, run};

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

/// A fleet that needs nothing but auto-renewal, and the file that asks for it.
fn many_to_set(count: usize) -> (Sim, String) {
    let sim = Sim::new(&format!(
        "now: 2026-12-01T02:05:00Z\ngenerate: [{{ count: {count}, id_prefix: i-n, like: {{ region: cn-beijing, expires_in: 100d }} }}]\n"
    ));
    let mut files =
        String::from("version: 1\nregion: cn-beijing\ndefaults: { auto_renew: 1mo }\ninstances:\n");
    for number in 1..=count {
        writeln!(files, "  - {{ id: i-n{number:04} }}").unwrap();
    }
    (sim, files)
}

#[test]
fn one_bad_id_does_not_stop_the_settings_of_the_others() {
    run(async {
        let (sim, files) = many_to_set(250);
        let emulator = Rc::clone(&sim.emulator);
        let happens = move || emulator.borrow_mut().remove("i-n0042");
        let applied = sim.apply_asked(&files, "yes", happens).await;
        assert_exit(&applied, Exit::NotConverged);
        assert!(applied.out.contains("249 done, 0 already so, 1 failed"), "{}", applied.out);
        let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
        assert!((4..=20).contains(&calls), "{calls} calls");
    });
}

/// Where everything is refused, splitting ends: a batch of a hundred costs 128 calls at the most.
#[test]
fn a_batch_that_is_refused_throughout_ends() {
    run(async {
        let (sim, files) = many_to_set(100);
        sim.fault(
            "{ action: ModifyInstanceAutoRenewAttribute, nth: 1, times: 999, kind: code, http: 403, code: IncorrectInstanceStatus }",
        );
        let applied = sim.apply(&files).await;
        assert_exit(&applied, Exit::NotConverged);
        assert!(applied.out.contains("0 done, 0 already so, 100 failed"), "{}", applied.out);
        let calls = sim.emulator.borrow().call_count("ModifyInstanceAutoRenewAttribute");
        // From the 128th on nothing is split; the halves that were left are sent.
        assert_eq!(calls, 131);
    });
}

/// When the key is refused, nothing is asked any more.
#[test]
fn no_price_is_asked_for_a_setting_that_will_not_be_sent() {
    run(async {
        let sim = Sim::new(
            "
now: 2026-12-01T02:05:00Z
instances:
  - { id: i-a, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: '100.00' }
  - { id: i-b, region: cn-shanghai, expires_at: 2026-12-10T16:00:00Z, price_per_month: '100.00' }
",
        );
        sim.fault(
            "{ action: ModifyInstanceAutoRenewAttribute, nth: 1, times: 99, kind: code, http: 404, code: InvalidAccessKeyId.NotFound }",
        );
        let files = "version: 1\nlimits: { max_charge: 500 CNY }\ndefaults: { auto_renew: 1mo }\ninstances:\n  \
                     - { id: i-a, region: cn-beijing }\n  - { id: i-b, region: cn-shanghai }\n";
        // The quotes are old by then.
        let clock = Rc::clone(&sim.clock);
        let think = move || clock.stalled_s.set(clock.stalled_s.get() + 16 * 60);
        let applied = sim.apply_asked(files, "200", think).await;
        assert!(applied.out.contains("1 failed, 0 blocked or held, 1 not tried"), "{}", applied.out);
        // Two for each of the plans before and after, and one for the first setting.
        assert_eq!(sim.emulator.borrow().call_count("DescribeRenewalPrice"), 5);
    });
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

/// A setting whose answer is lost may be set. The next reading says whether it is, and the report with it.
#[test]
fn a_setting_whose_answer_was_lost_is_what_the_next_reading_shows() {
    for (fault, exit, report, past) in [
        ("kind: lost_after", Exit::Ok, "done       i-one", "perhaps set"),
        ("kind: lost_before", Exit::NotConverged, "auto-renew perhaps set to 1mo", "perhaps set"),
        (
            "kind: code, http: 403, code: Forbidden",
            Exit::NotConverged,
            "auto-renew not set to 1mo",
            "not set",
        ),
    ] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault(&format!("{{ action: ModifyInstanceAutoRenewAttribute, nth: 1, times: 99, {fault} }}"));
            let files = WANT_ONE.replace("min_remaining: 15d", "auto_renew: 1mo");
            let applied = sim.apply(&files).await;
            assert_exit(&applied, exit);
            assert!(applied.out.contains(report), "{fault}: {}", applied.out);
            let lines = renewctl::journal::parse(&sim.journal.bytes.borrow()).lines;
            let ends: Vec<&str> = history(&lines)
                .iter()
                .map(|entry| match &entry.deed {
                    Deed::Setting { end: SettingEnd::Unknown(_), .. } => "perhaps set",
                    Deed::Setting { end: SettingEnd::NotSet(_), .. } => "not set",
                    _ => "?",
                })
                .collect();
            assert_eq!(ends, [past], "{fault}");
        });
    }
}
