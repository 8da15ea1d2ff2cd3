//! Carried out: once, again, or stale.

use std::fs;

use serde_json::Value;

use super::{WORLD, assert_stale, bought, json, one, resume, saved};
use crate::folder::Folder;

#[test]
fn a_reviewed_plan_is_carried_out_without_a_cap_and_then_satisfied() {
    let (folder, id) = saved();
    // The files that it was made from are not needed any more, and not looked at.
    folder.write("renewals.yaml", "version: 2\n");
    let uncapped = folder.run("apply --emulator --plan plan.json --auto-approve");
    assert_eq!(uncapped.code, 4, "without an id it is not reviewed: {uncapped:?}");
    assert!(bought(&folder).is_empty());
    let first = resume(&folder, &id);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(bought(&folder), ["i-a", "i-b"]);
    let journal = fs::read_to_string(folder.path(".renewctl/journal.jsonl")).unwrap();
    assert!(journal.contains(&id), "the journal names the plan that was approved");
    let again = resume(&folder, &id);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.err.contains("Every change of the plan is satisfied already."), "{again:?}");
    assert_eq!(bought(&folder).len(), 2);
}

#[test]
fn another_id_than_the_reviewed_one_is_refused() {
    let (folder, id) = saved();
    let other = "0".repeat(64);
    assert_stale(&folder, &resume(&folder, &other), "this is not the reviewed plan");
    let anew = |id: &str| {
        folder.run(&format!(
            "apply --emulator -f renewals.yaml --checksum {id} --auto-approve --verify-timeout 10s"
        ))
    };
    assert_stale(&folder, &anew(&other), "this is not the reviewed plan");
    // Planned anew from the files it is the same plan.
    assert_eq!(anew(&id).code, 0);
    assert_eq!(bought(&folder).len(), 2);
}

#[test]
fn a_plan_is_stale_when_anything_that_was_planned_has_changed() {
    let cases = [
        (
            "price_per_month: '100.00'",
            "price_per_month: '100.01'",
            "i-a: it costs CNY 100.01 now, planned was CNY 100.00",
        ),
        (
            "expires_in: 10d",
            "expires_in: 9d",
            "i-a: it expires 2026-12-10 20:17 +08:00 now, and 2026-12-11 20:17 +08:00 when",
        ),
        ("{ id: i-a,", "{ id: i-a, lock: security,", "i-a: its locks are others now"),
        ("{ id: i-a,", "{ id: i-a, charge_type: PostPaid,", "i-a: its renewal is blocked now"),
        ("{ id: i-a,", "{ id: i-z,", "i-a: no such instance in cn-beijing"),
        ("{ id: i-d,", "{ id: i-d, auto_renew: 2mo,", "i-d: its auto-renewal is 2mo now, and was off"),
    ];
    for (from, to, text) in cases {
        let (folder, id) = saved();
        // The same world, with one thing changed.
        let state = fs::read_to_string(folder.path(".renewctl/emulator.json")).unwrap();
        let world = serde_json::from_str::<Value>(&state).unwrap()["id"].as_str().unwrap().to_owned();
        folder.write("world.yaml", WORLD.replacen(from, to, 1));
        folder.run("emulator reset --world world.yaml");
        let mut state = json(&folder, ".renewctl/emulator.json");
        state["id"] = world.into();
        folder.write(".renewctl/emulator.json", serde_json::to_vec(&state).unwrap());
        assert_stale(&folder, &resume(&folder, &id), text);
    }
    let (folder, id) = saved();
    folder.run("emulator advance 11d");
    assert_stale(&folder, &resume(&folder, &id), "The plan is stale (it held until 2026-12-11 20:18 +08:00)");
    let (folder, id) = saved();
    folder.run("emulator reset --world world.yaml");
    assert_stale(&folder, &resume(&folder, &id), "The plan was made for emulator:");
}

/// The same world (by its id) from another text.
fn change_world(folder: &Folder, from: &str, to: &str) {
    let id = json(folder, ".renewctl/emulator.json")["id"].clone();
    let world = fs::read_to_string(folder.path("world.yaml")).unwrap();
    assert!(world.contains(from), "{from}");
    folder.write("world.yaml", world.replacen(from, to, 1));
    folder.run("emulator reset --world world.yaml");
    let mut state = json(folder, ".renewctl/emulator.json");
    state["id"] = id;
    folder.write(".renewctl/emulator.json", serde_json::to_vec(&state).unwrap());
}

/// A satisfied plan does not buy the next term, whatever it costs by then.
#[test]
fn a_satisfied_plan_never_buys_the_next_term() {
    let live = "{ id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }";
    let (folder, id) = one(live, "{ id: i-a, min_remaining: 30d }", "");
    assert_eq!(resume(&folder, &id).code, 0);
    folder.run("emulator advance 15d");
    let again = resume(&folder, &id);
    assert_eq!(bought(&folder).len(), 1, "{again:?}");
    assert_eq!(again.code, 3, "it is due again, and not by this plan: {again:?}");
    assert!(again.err.contains("1 instance needs more by now than the saved plan holds: i-a"), "{again:?}");
    assert!(again.out.contains("1 blocked"), "{again:?}");
}

/// The id names what the platform will deduct: a dearer deduction is another plan, and so is a later day
/// on which it counts.
#[test]
fn the_id_names_the_deductions() {
    let live = "{ id: i-a, region: cn-beijing, expires_in: 9d, price_per_month: '100.00' }";
    let (folder, id) = one(live, "{ id: i-a, auto_renew: 1mo }", "");
    change_world(&folder, "'100.00'", "'9999.00'");
    for how in ["-f renewals.yaml", "--plan plan.json"] {
        let run = folder.run(&format!("apply --emulator {how} --checksum {id} --auto-approve"));
        assert_eq!(run.code, 5, "{how}: {run:?}");
    }
    // Who alters the file on purpose makes another plan of it, whatever digest is put under it.
    let forged = fs::read_to_string(folder.path("plan.json")).unwrap();
    let (head, inputs) = forged.split_once("\"inputs\": ").unwrap();
    let inputs = inputs
        .trim_end()
        .strip_suffix('}')
        .unwrap()
        .trim_end()
        .replace(r#""amount":"100""#, r#""amount":"9999""#);
    let told = json(&folder, "plan.json")["inputs_sha256"].as_str().unwrap().to_owned();
    let digest = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(inputs.as_bytes()));
    folder.write("plan.json", format!("{}\"inputs\": {inputs}\n}}\n", head.replacen(&told, &digest, 1)));
    let run = resume(&folder, &id);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.err.contains("leads to another plan"), "{run:?}");
}

/// Somebody changed the auto-renewal setting of an instance that is to be charged: not as reviewed.
#[test]
fn a_setting_that_was_changed_since_the_review_makes_a_charge_stale() {
    for to in ["auto_renew: never", "auto_renew: 1mo"] {
        let live = "{ id: i-a, region: cn-beijing, expires_in: 20d, price_per_month: '100.00' }";
        let (folder, id) = one(live, "{ id: i-a, min_remaining: 30d }", "");
        change_world(&folder, "expires_in: 20d", &format!("expires_in: 20d, {to}"));
        assert_stale(
            &folder,
            &resume(&folder, &id),
            "its auto-renewal setting is another one than when the plan",
        );
    }
}

/// What is left of a plan at a lower price is still that plan, and holds as long as it: what is left out ends
/// nothing, though a plan for it would not hold for long.
#[test]
fn what_is_left_of_a_plan_keeps_its_name_and_its_time() {
    let world = "{ id: i-a, region: cn-beijing, expires_in: 20d, price_per_month: '100.00' }\n  - { id: i-b, region: cn-beijing, expires_in: 31d, price_per_month: '100.00' }";
    let entries = "{ id: i-a, min_remaining: 30d }\n  - { id: i-b, min_remaining: 30d, renew_period: 1w }";
    let (folder, id) = one(world, entries, "limits: { allow_unpriced: true, max_renewals: 9 }\n");
    change_world(&folder, "'100.00'", "'99.00'");
    let until = json(&folder, "plan.json")["valid_until"].clone();
    assert_eq!(until, "2026-12-21T12:18:00Z");
    folder.run("emulator advance 2d");
    let command = format!(
        "apply --emulator --plan plan.json --checksum {id} --auto-approve --verify-timeout 10s --format json"
    );
    let run = folder.run(&command);
    assert_eq!(run.code, 3, "i-b is due since, for a week: {run:?}");
    let told: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((told["plan"]["plan_id"].as_str(), &told["plan"]["valid_until"]), (Some(id.as_str()), &until));
    assert_eq!(bought(&folder), ["i-a"]);
}

/// Where what ended the plan is satisfied meanwhile, the rest of it holds as long as it holds itself.
#[test]
fn the_rest_of_a_plan_holds_longer_than_what_is_satisfied() {
    let world = "{ id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }\n  - { id: i-b, region: cn-beijing, expires_in: 29d, price_per_month: '100.00' }";
    let entries = "{ id: i-a, min_remaining: 30d }\n  - { id: i-b, min_remaining: 30d }";
    let (folder, id) = one(world, entries, "");
    let until = json(&folder, "plan.json")["valid_until"].clone();
    assert_eq!(until, "2026-12-11T12:18:00Z", "from then on a month is not enough for i-a");
    let first = folder.run("apply --emulator -f renewals.yaml --target i-a --auto-approve --max-charge '100 CNY' --verify-timeout 10s");
    assert_eq!(first.code, 0, "{first:?}");
    folder.run("emulator advance 11d");
    let command = format!(
        "apply --emulator --plan plan.json --checksum {id} --auto-approve --verify-timeout 10s --format json"
    );
    let run = folder.run(&command);
    let told: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(told["plan"]["valid_until"], "2026-12-30T12:18:00Z", "{run:?}");
    assert_eq!(bought(&folder), ["i-a", "i-b"], "{run:?}");
}

/// The setting as it was reviewed, or as the plan itself makes it on the way: everything else is stale.
#[test]
fn which_setting_a_reviewed_renewal_goes_with() {
    let wants_on = ", auto_renew: 1mo";
    for (before, now, wanted, stale) in [
        ("off", "off", "", false),
        ("1mo", "off", "", true),
        ("off", "1mo", "", true),
        ("off", "never", "", true),
        ("never", "off", "", false),
        ("1mo", "never", "", true),
        // Set by an earlier run of the same plan, or by hand to the same.
        ("off", "1mo", wants_on, false),
        ("off", "2mo", wants_on, true),
        ("2mo", "off", wants_on, true),
        ("never", "off", wants_on, false),
        ("never", "1mo", wants_on, false),
    ] {
        let live = format!(
            "{{ id: i-a, region: cn-beijing, expires_in: 20d, price_per_month: '100.00', auto_renew: {before} }}"
        );
        let (folder, id) = one(&live, &format!("{{ id: i-a, min_remaining: 30d{wanted} }}"), "");
        change_world(&folder, &format!("auto_renew: {before}"), &format!("auto_renew: {now}"));
        let run = resume(&folder, &id);
        let case = format!("{before} -> {now}{wanted}: {run:?}");
        assert_eq!((run.code, bought(&folder).len()), if stale { (5, 0) } else { (0, 1) }, "{case}");
    }
}

/// A setting goes only from where it was reviewed, whatever became of the renewal beside it; and nothing but
/// the renewal that it needs lets it wait.
#[test]
fn which_setting_is_stale_by_itself() {
    let off = "expires_in: 20d, auto_renew: off";
    let locked = "expires_in: 20d, lock: security";
    let limits = "limits: { allow_unpriced: true, max_renewals: 9 }\n";
    for (before, now, entry, days, text) in [
        // Renewed by hand, and set to something else.
        (
            off,
            "expires_in: 60d, auto_renew: 2mo",
            "min_remaining: 30d, auto_renew: 1mo",
            0,
            Some("its auto-renewal is 2mo now"),
        ),
        (off, "expires_in: 60d, auto_renew: off", "min_remaining: 30d, auto_renew: 1mo", 0, None),
        // It cannot be set any more, and nothing was planned that would change that.
        (off, off, "auto_renew: 1mo", 21, Some("auto-renewal cannot be set after expiry")),
        // Of its renewal it was known that it is blocked, but not of the setting.
        (
            locked,
            "expires_in: 20d, charge_type: PostPaid",
            "min_remaining: 30d, auto_renew: 1mo",
            0,
            Some("its setting is blocked now"),
        ),
        (locked, locked, "min_remaining: 30d, auto_renew: 1mo", 0, None),
        // What the platform deducts within days was reviewed with it.
        ("expires_in: 9d", "expires_in: 9d", "auto_renew: 1mo", 0, None),
        // Also where nobody knows how much.
        ("expires_in: 9d", "expires_in: 9d", "auto_renew: 1w", 0, None),
    ] {
        let live = format!("{{ id: i-a, region: cn-beijing, {before}, price_per_month: '100.00' }}");
        let (folder, id) = one(&live, &format!("{{ id: i-a, {entry} }}"), limits);
        change_world(&folder, before, now);
        if days > 0 {
            folder.run(&format!("emulator advance {days}d"));
        }
        let run = resume(&folder, &id);
        let case = format!("{before} -> {now}, {entry}: {run:?}");
        assert_eq!(run.code == 5, text.is_some(), "{case}");
        assert!(text.is_none_or(|text| run.err.contains(text)), "{case}");
        assert_eq!(run.out.contains("auto-renew set to 1"), text.is_none(), "{case}");
    }
}

/// What was reviewed beside a renewal waits with it in the first minutes of a day; what was reviewed alone
/// does not wait for a renewal that has become due since.
#[test]
fn a_setting_waits_only_with_the_renewal_that_it_was_reviewed_with() {
    for (left, before, wanted, goes) in [
        ("14d", "off", "1mo", false),
        ("15d 2h", "off", "1mo", true),
        // While a renewal is due nothing is switched off: it waits, and is not stale.
        ("15d 2h", "1mo", "off", false),
    ] {
        let live = format!(
            "{{ id: i-a, region: cn-beijing, expires_in: {left}, price_per_month: '100.00', auto_renew: {before} }}"
        );
        let (folder, id) =
            one(&live, &format!("{{ id: i-a, min_remaining: 15d, auto_renew: {wanted} }}"), "");
        folder.run("emulator advance 4h"); // 00:17 in Beijing
        let run = resume(&folder, &id);
        let case = format!("{left}: {run:?}");
        assert_eq!(run.out.contains("auto-renew set to"), goes, "{case}");
        assert!(run.code == 3 && bought(&folder).is_empty(), "{case}");
    }
}

/// Hours in which a charge only waits make no plan stale, and hold up nobody else.
#[test]
fn what_waits_is_not_stale() {
    let live = "{ id: i-a, region: cn-beijing, expires_in: 20d, price_per_month: '100.00' }";
    let (folder, id) = one(live, "{ id: i-a, min_remaining: 30d }", "");
    folder.run("emulator advance 4h"); // 00:17 in Beijing
    let waits = resume(&folder, &id);
    assert_eq!(waits.code, 3, "{waits:?}");
    assert!(waits.out.contains("1 held") && bought(&folder).is_empty(), "{waits:?}");
    folder.run("emulator advance 1h");
    assert_eq!(resume(&folder, &id).code, 0);
    assert_eq!(bought(&folder).len(), 1);
}

/// A plan in which there is nothing to do but something to look at does not end as if all were well.
#[test]
fn a_plan_without_changes_is_not_the_end_of_all_worries() {
    let live = "{ id: i-a, region: cn-beijing, expires_in: 1d, price_per_month: '100.00', lock: security }";
    let (folder, id) = one(live, "{ id: i-a, min_remaining: 30d }", "");
    let run = resume(&folder, &id);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.err.contains("still 1 blocked, 1 at risk"), "{run:?}");
}

/// A saved plan is judged by the limits of its files: under soonest-first a short balance warns.
#[test]
fn a_short_balance_means_the_same_for_a_saved_plan() {
    let live =
        "{ id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }\nbalance: '10.00'";
    let limits = "limits: { max_charge: 500 CNY, when_exceeded: soonest-first }\n";
    let (folder, id) = one(live, "{ id: i-a, min_remaining: 15d }", limits);
    let run = resume(&folder, &id);
    assert!(run.err.contains("warning: CNY 100.00 is more than the balance, CNY 10.00"), "{run:?}");
    assert!(run.code == 3 && folder.ledger().is_empty(), "the cloud refuses it: {run:?}");
}

/// In the last two days a renewal does not wait for a setting that cannot be read, in a saved plan neither: each
/// refusal has a RequestId of its own.
#[test]
fn an_urgent_renewal_is_carried_out_though_its_setting_cannot_be_read() {
    let folder = Folder::new();
    let fault = "{ action: DescribeInstanceAutoRenewAttribute, nth: 1, times: 1000, kind: code, http: 403, code: Forbidden.RAM }";
    folder.write(
        "world.yaml",
        format!(
            "now: 2026-12-01T12:17:00Z\nfaults:\n  - {fault}\ninstances:\n  \
             - {{ id: i-a, region: cn-beijing, expires_at: 2026-12-02T16:00:00Z, price_per_month: '100.00' }}\n"
        ),
    );
    folder.write(
        "renewals.yaml",
        "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances:\n  - { id: i-a, min_remaining: 15d }\n",
    );
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    assert_eq!(folder.run("plan --emulator -f renewals.yaml --out plan.json").code, 0);
    let id = json(&folder, "plan.json")["plan_id"].as_str().unwrap().to_owned();
    let applied = resume(&folder, &id);
    assert_eq!(folder.ledger().len(), 1, "{applied:?}");
}

/// The cap that a plan was reviewed with stays: `--max-charge` can only lower it. A rescue after a refused
/// renewal is what it has to bound beside the total.
#[test]
fn a_saved_plan_keeps_the_cap_of_its_review() {
    for (saved, given, deducted) in [
        ("100 CNY", None, false),
        ("100 CNY", Some("5000 CNY"), false),
        ("5000 CNY", None, true),
        ("5000 CNY", Some("100 CNY"), false),
        ("5000 CNY", Some("600 CNY"), true),
        // Of another currency: nothing is allowed, and nothing is tried.
        ("5000 CNY", Some("5000 USD"), false),
    ] {
        let folder = Folder::of(
            "now: 2026-12-01T12:17:00Z\ninstances:\n  - { id: i-a, region: cn-beijing, expires_in: 5d, \
             price_per_month: '100.00', refuses: { RenewInstance: OperationDenied.NoStock } }\n",
            "version: 1\nregion: cn-beijing\ninstances:\n  - { id: i-a, min_remaining: 15d, auto_renew: 6mo }\n",
        );
        let plan =
            folder.run(&format!("plan --emulator -f renewals.yaml --max-charge '{saved}' --out plan.json"));
        assert_eq!(plan.code, 0, "{plan:?}");
        let cap = given.map_or_else(String::new, |cap| format!(" --max-charge '{cap}'"));
        let run = folder
            .run(&format!("apply --emulator --plan plan.json --auto-approve --verify-timeout 10s{cap}"));
        let exit = if given == Some("5000 USD") { 4 } else { 3 };
        assert_eq!(run.code, exit, "{saved} {given:?} {run:?}");
        assert_eq!(folder.run("emulator advance 1d").code, 0);
        assert_eq!(!bought(&folder).is_empty(), deducted, "{saved} {given:?} {run:?}");
    }
}

/// With its expiry an instance gets the financial lock, which forbids no renewal: the plan holds as long as
/// it says.
#[test]
fn a_saved_plan_holds_beyond_the_expiry_of_its_instances() {
    for days in [1, 11, 24] {
        let (folder, id) = one(
            "{ id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }",
            "{ id: i-a, min_remaining: 11d }",
            "",
        );
        let until = json(&folder, "plan.json")["valid_until"].as_str().unwrap().to_owned();
        assert_eq!(until, "2026-12-26T12:17:00Z", "it is released by then");
        assert_eq!(folder.run(&format!("emulator advance {days}d")).code, 0);
        let run = resume(&folder, &id);
        assert_eq!(run.code, 0, "after {days} days {run:?}");
        assert_eq!(bought(&folder), ["i-a"], "after {days} days {run:?}");
    }
}
