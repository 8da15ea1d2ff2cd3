//! What is left out of a saved plan when it is carried out, and what that takes with it.

use serde_json::Value;

use super::{bought, json, one, resume, saved};
use crate::folder::Folder;

#[test]
fn what_is_done_meanwhile_is_skipped_and_what_is_due_since_is_told() {
    let (folder, id) = saved();
    let one = folder.run("apply --emulator -f renewals.yaml --target i-a --auto-approve --max-charge '100 CNY' --verify-timeout 10s");
    assert_eq!(one.code, 0, "{one:?}");
    folder.run("emulator advance 2d");
    let rest = resume(&folder, &id);
    assert_eq!(rest.code, 3, "i-c is due since: {rest:?}");
    assert_eq!(bought(&folder), ["i-a", "i-b"], "and is not bought");
    assert!(
        rest.err.contains("1 instance needs more by now than the saved plan holds: i-c. That is left out; make a new plan for it"),
        "{rest:?}"
    );
    assert!(rest.out.contains("already    i-a") && rest.out.contains("2 done, 1 already so"), "{rest:?}");
    let shown: Value = serde_json::from_str(&folder.run("show plan.json --format json").out).unwrap();
    assert_eq!(shown["plan_id"], id.as_str());
}

/// When the renewal of an instance is due and not in the plan, its setting does not go alone: it was
/// decided with the renewal, and would deduct what nobody counted, or leave nothing that renews.
#[test]
fn no_setting_goes_without_the_renewal_that_is_due_by_now() {
    let off = "{ id: i-a, region: cn-beijing, expires_in: 16d, price_per_month: '100.00', auto_renew: 1mo }";
    let on = "{ id: i-a, region: cn-beijing, expires_in: 25d, price_per_month: '100.00' }";
    let cap = "limits: { max_charge: 1 CNY }\n";
    for (live, entry, more, days) in [
        (off, "{ id: i-a, min_remaining: 15d, auto_renew: off }", "", "5d"),
        (on, "{ id: i-a, min_remaining: 15d, auto_renew: 1mo }", cap, "11d"),
    ] {
        let (folder, id) = one(live, entry, more);
        folder.run(&format!("emulator advance {days}"));
        let run = resume(&folder, &id);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(!run.out.contains("auto-renew set to"), "{run:?}");
        assert!(run.out.contains("it has become due since"), "{run:?}");
        assert!(
            run.err.contains("Every change of the plan is satisfied already, waits or is left out."),
            "{run:?}"
        );
    }
}

/// What is due since and expires sooner does not take the room under a cap from what was reviewed.
#[test]
fn under_soonest_first_the_reviewed_plan_keeps_its_room() {
    let live = "{ id: i-a, region: cn-beijing, expires_in: 20d, price_per_month: '100.00' }\n  - { id: i-b, region: cn-beijing, expires_in: 16d, price_per_month: '100.00' }";
    let entries = "{ id: i-a, min_remaining: 30d }\n  - { id: i-b, min_remaining: 15d }";
    let (folder, id) = one(live, entries, "limits: { max_charge: 100 CNY, when_exceeded: soonest-first }\n");
    folder.run("emulator advance 2d");
    let run = resume(&folder, &id);
    assert_eq!((run.code, bought(&folder)), (3, vec!["i-a".to_owned()]), "{run:?}");
}

/// What did not fit under a cap when the plan was saved stays out, as it was reviewed, and takes nothing else
/// with it: neither the setting beside a renewal, nor the renewal beside a setting.
#[test]
fn what_was_over_the_cap_when_it_was_saved_takes_nothing_else_with_it() {
    let live = "{ id: i-a, region: cn-beijing, expires_in: 20d, price_per_month: '100.00' }\n  - { id: i-b, region: cn-beijing, expires_in: 25d, price_per_month: '100.00' }";
    let entries = "{ id: i-a, min_remaining: 30d }\n  - { id: i-b, min_remaining: 30d, auto_renew: 1mo }";
    let (folder, id) = one(live, entries, "limits: { max_charge: 100 CNY, when_exceeded: soonest-first }\n");
    let run = resume(&folder, &id);
    assert_eq!((run.code, bought(&folder)), (3, vec!["i-a".to_owned()]), "{run:?}");
    assert!(run.out.contains("done       i-b") && run.out.contains("auto-renew set to 1mo"), "{run:?}");
    assert!(run.out.contains("of which what expires sooner takes CNY 100.00"), "{run:?}");
    assert!(!run.err.contains("warning:"), "{run:?}");

    let live = "{ id: i-a, region: cn-beijing, expires_in: 3d, price_per_month: '100.00' }";
    let entry = "{ id: i-a, min_remaining: 5d, renew_period: 1w, auto_renew: 1mo }";
    let limits = "limits: { max_charge: 50 CNY, max_renewals: 9, allow_unpriced: true, when_exceeded: soonest-first }\n";
    let (folder, id) = one(live, entry, limits);
    let run = resume(&folder, &id);
    assert_eq!((run.code, bought(&folder)), (3, vec!["i-a".to_owned()]), "{run:?}");
    assert!(run.out.contains("CNY 100.00 alone is more than limits.max_charge"), "{run:?}");
}

/// A setting that was reviewed beside a renewal that could not be planned goes out as reviewed; the renewal, which
/// could be planned by now, waits for a new plan.
#[test]
fn what_was_stopped_when_the_plan_was_saved_does_not_take_a_reviewed_setting_with_it() {
    let cases = [
        // The price could not be asked.
        (
            "{ action: DescribeRenewalPrice, nth: 1, times: 1, kind: code, http: 403, code: Forbidden.RAM }",
            "2026-12-01T12:17:00Z",
            "",
        ),
        // A charge just after midnight in Beijing waits.
        (
            "{ action: DescribeRegions, nth: 1, times: 1, kind: throttle }",
            "2026-12-01T16:17:00Z",
            "emulator advance 1h",
        ),
    ];
    for (fault, now, later) in cases {
        let folder = Folder::new();
        folder.write(
            "world.yaml",
            format!(
                "now: {now}\nfaults:\n  - {fault}\ninstances:\n  \
                 - {{ id: i-a, region: cn-beijing, expires_at: 2026-12-26T16:00:00Z, price_per_month: '100.00' }}\n"
            ),
        );
        folder.write(
            "renewals.yaml",
            "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances:\n  - { id: i-a, min_remaining: 30d, auto_renew: 1mo }\n",
        );
        assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
        let plan = folder.run("plan --emulator -f renewals.yaml --out plan.json");
        assert!(plan.out.contains("0 to renew, 1 to set auto-renew"), "{plan:?}");
        let id = json(&folder, "plan.json")["plan_id"].as_str().unwrap().to_owned();
        if !later.is_empty() {
            folder.run(later);
        }
        let run = resume(&folder, &id);
        assert_eq!((run.code, bought(&folder)), (3, vec![]), "{run:?}");
        assert!(run.out.contains("auto-renew set to 1mo"), "{run:?}");
        assert!(run.out.contains("when the plan was saved: "), "{run:?}");
        assert!(run.err.contains("1 instance needs more by now than the saved plan holds: i-a"), "{run:?}");
    }
}

/// An instance whose renewal was stopped when the plan was saved, and that has expired since, is left out: it
/// does not make the plan stale for the others, whether the cause has gone away or not.
#[test]
fn what_expires_beside_a_stopped_renewal_is_left_out_alone() {
    let fault = |times: u32| {
        format!(
            "{{ action: DescribeRenewalPrice, instance: i-x, nth: 1, times: {times}, kind: code, http: 403, code: Forbidden.RAM }}"
        )
    };
    let no_fault = "{ action: DescribeRegions, nth: 1, kind: throttle }".to_owned();
    let cases = [
        (fault(1), "", "max_charge: 500 CNY", "auto_renew: 3mo"),
        (no_fault.clone(), "lock: security, ", "max_charge: 500 CNY", "auto_renew: 1mo"),
        (
            no_fault,
            "",
            "max_charge: 400 CNY, when_exceeded: soonest-first",
            "renew_period: 1y, auto_renew: 1mo",
        ),
    ];
    for (fault, traits, limits, more) in cases {
        let folder = Folder::new();
        folder.write(
            "world.yaml",
            format!(
                "now: 2026-12-01T12:17:00Z\nfaults:\n  - {fault}\ninstances:\n  \
                 - {{ id: i-x, region: cn-beijing, {traits}expires_at: 2026-12-02T16:00:00Z, price_per_month: '100.00' }}\n  \
                 - {{ id: i-y, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: '100.00' }}\n"
            ),
        );
        folder.write(
            "renewals.yaml",
            format!(
                "version: 1\nregion: cn-beijing\nlimits: {{ {limits} }}\ninstances:\n  \
                 - {{ id: i-x, min_remaining: 5d, {more} }}\n  - {{ id: i-y, min_remaining: 15d }}\n"
            ),
        );
        assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
        let plan = folder.run("plan --emulator -f renewals.yaml --out plan.json");
        assert!(plan.out.contains("1 to renew, 1 to set"), "{plan:?}");
        let id = json(&folder, "plan.json")["plan_id"].as_str().unwrap().to_owned();
        folder.run("emulator advance 29h");
        let run = resume(&folder, &id);
        assert_eq!((run.code, bought(&folder)), (3, vec!["i-y".to_owned()]), "{run:?}");
    }
}

/// The reviewer agreed to that renewal without knowing the setting. That it can be read by now takes nothing from
/// it; what is to be set by now was not reviewed, and waits for a new plan.
#[test]
fn an_urgent_renewal_is_carried_out_though_its_setting_can_be_read_by_now() {
    for (auto_renew, settings) in [("off", 0), ("1mo", 1)] {
        let fault = "{ action: DescribeInstanceAutoRenewAttribute, nth: 1, times: 1, kind: code, http: 403, code: Forbidden.RAM }";
        let live = format!(
            "{{ id: i-a, region: cn-beijing, expires_at: 2026-12-02T16:00:00Z, price_per_month: '100.00' }}\nfaults:\n  - {fault}"
        );
        let entry = format!("{{ id: i-a, min_remaining: 15d, auto_renew: {auto_renew} }}");
        let (folder, id) = one(&live, &entry, "limits: { max_charge: 500 CNY }\n");
        let applied = resume(&folder, &id);
        assert_eq!(folder.ledger().len(), 1, "{applied:?}");
        assert_eq!(applied.code, if settings > 0 { 3 } else { 0 }, "{applied:?}");
        let left = "1 instance needs more by now than the saved plan holds: i-a. That is left out; make a new plan for it";
        assert_eq!(applied.err.contains(left), settings > 0, "{applied:?}");
        assert_eq!(
            applied.out.contains("it was blocked when the plan was saved: it could not be read"),
            settings > 0,
            "{applied:?}"
        );
    }
}
