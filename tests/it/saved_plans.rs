//! Saved plans: what was reviewed is what is carried out, or nothing is. Judged by the ledger.

use std::fs;

use serde_json::Value;

use crate::folder::{Folder, Run};

const WORLD: &str = "
now: 2026-12-01T12:17:00Z
instances:
  - { id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }
  - { id: i-b, region: cn-beijing, expires_in: 20d, price_per_month: '200.00' }
  - { id: i-c, region: cn-beijing, expires_in: 31d, price_per_month: '300.00' }
  - { id: i-d, region: cn-beijing, expires_in: 90d, price_per_month: '400.00' }
";

const FILES: &str = "
version: 1
region: cn-beijing
defaults: { min_remaining: 30d }
instances:
  - { id: i-a }
  - { id: i-b }
  - { id: i-c }
  - { id: i-d, auto_renew: 1mo }
";

fn folder() -> Folder {
    Folder::of(WORLD, FILES)
}

/// A saved plan of two renewals and a setting, and its id.
fn saved() -> (Folder, String) {
    let folder = folder();
    let plan = folder.run("plan --emulator -f renewals.yaml --out plan.json");
    assert_eq!(plan.code, 0, "{plan:?}");
    let id = json(&folder, "plan.json")["plan_id"].as_str().unwrap().to_owned();
    let command = format!("To carry it out: renewctl apply --emulator --plan plan.json --checksum {id}\n");
    assert!(plan.err.contains(&command), "{plan:?}");
    (folder, id)
}

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.path(name)).unwrap()).unwrap()
}

fn resume(folder: &Folder, id: &str) -> Run {
    folder.run(&format!(
        "apply --emulator --plan plan.json --checksum {id} --auto-approve --verify-timeout 10s"
    ))
}

fn bought(folder: &Folder) -> Vec<String> {
    folder.ledger().iter().map(|charge| charge["instance_id"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn assert_stale(folder: &Folder, run: &Run, text: &str) {
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.err.contains(text), "{text}\n{}", run.err);
    assert!(run.err.contains("Nothing was sent"), "{run:?}");
    assert!(bought(folder).is_empty(), "{run:?}");
}

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
fn a_saved_plan_shows_as_it_was_made_in_every_format() {
    let (folder, id) = saved();
    let made = folder.run("plan --emulator -f renewals.yaml");
    let shown = folder.run("show plan.json");
    assert_eq!((shown.code, &shown.out), (0, &made.out), "{shown:?}");
    let plan: Value = serde_json::from_str(&folder.run("show plan.json --format json").out).unwrap();
    let mut whole = json(&folder, "plan.json");
    whole.as_object_mut().unwrap().remove("inputs");
    whole.as_object_mut().unwrap().remove("inputs_sha256");
    assert_eq!(plan, whole);
    assert_eq!(plan["valid_until"], "2026-12-11T12:18:00Z", "from then on a month is not enough for i-a");
    let markdown = folder.run("show plan.json --format markdown --report text=plan.txt");
    assert!(
        markdown.out.contains(&format!("renewctl apply --emulator --plan plan.json --checksum {id}")),
        "{markdown:?}"
    );
    assert_eq!(fs::read_to_string(folder.path("plan.txt")).unwrap(), made.out);
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

#[test]
fn what_is_no_saved_plan_is_said_with_its_reason() {
    let (folder, id) = saved();
    let whole = fs::read_to_string(folder.path("plan.json")).unwrap();
    let read = folder.run("show plan.json --format json").out;
    let cases = [
        (String::from("version: 1\n"), 64, "it is no saved plan"),
        (String::new(), 64, "it is no saved plan"),
        (read, 64, "it is a plan to be read, not a saved one"),
        (
            whole.replacen("\"format_version\": \"1.0\"", "\"format_version\": \"2.0\"", 1),
            64,
            "it has the format version 2.0",
        ),
        (whole.replacen("min_remaining: 30d", "min_remaining: 60d", 1), 5, "it was altered"),
        (whole.replacen(&id, &"0".repeat(64), 1), 5, "leads to another plan"),
        (whole[..whole.len() / 2].to_owned(), 64, "it is no saved plan"),
    ];
    for (content, code, text) in cases {
        folder.write("plan.json", content);
        for command in
            ["show plan.json", "apply --emulator --plan plan.json --auto-approve --max-charge '999 CNY'"]
        {
            let run = folder.run(command);
            assert_eq!(run.code, code, "{command}: {run:?}");
            assert!(run.err.contains(text), "{text}: {run:?}");
        }
        assert!(bought(&folder).is_empty());
    }
    // A newer minor version only adds, and is of another version of the program.
    let version = format!("\"tool_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(whole.contains(&version));
    let newer = whole.replacen("\"format_version\": \"1.0\"", "\"format_version\": \"1.7\", \"new\": 1", 1);
    folder.write("plan.json", newer.replacen(&version, "\"tool_version\": \"99.0.0\"", 1));
    assert_eq!(folder.run("show plan.json").code, 0);
}

/// Whatever byte is hit by accident: the plan is the same, or it is refused.
#[test]
fn no_accident_makes_another_plan_of_it() {
    let (folder, _) = saved();
    let whole = fs::read(folder.path("plan.json")).unwrap();
    let plan = renewctl::plan::file::read(&whole).unwrap();
    let mut refused = 0;
    for index in 0..whole.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut altered = whole.clone();
            altered[index] ^= mask;
            match renewctl::plan::file::read(&altered) {
                Ok(read) => assert!(read.plan == plan.plan && read.desired == plan.desired, "byte {index}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > whole.len(), "{refused} of {}", whole.len());
    for cut in 0..whole.len() - 1 {
        assert!(renewctl::plan::file::read(&whole[..cut]).is_err(), "cut at {cut}");
    }
}

/// Who reviews the file itself must see what is carried out.
#[test]
fn a_plan_that_shows_something_else_is_refused() {
    let (folder, id) = saved();
    let whole = fs::read_to_string(folder.path("plan.json")).unwrap();
    for (from, to) in [
        ("\"200.00\"", "\"0.01\""),
        ("\"instance_id\": \"i-b\"", "\"instance_id\": \"i-c\""),
        ("\"renew\": 2", "\"renew\": 1"),
        ("\"format_version\"", "\"applyable\": false, \"format_version\""),
    ] {
        assert!(whole.contains(from), "{from}");
        folder.write("plan.json", whole.replacen(from, to, 1));
        for run in [folder.run("show plan.json"), resume(&folder, &id)] {
            let told = run.err.contains("what it shows is not what it was decided from");
            // A name that stands twice counts as it stands last, for every reader.
            assert!((run.code == 5 && told) || from.contains("format_version"), "{from}: {run:?}");
        }
    }
}

#[test]
fn a_plan_is_not_saved_over_what_the_run_reads_and_an_as_of_plan_not_at_all() {
    let folder = folder();
    for (arguments, text) in [
        ("--out renewals.yaml", "--out would replace renewals.yaml"),
        ("--out .renewctl/journal.jsonl", "--out would replace .renewctl/journal.jsonl"),
        ("--out a --report json=a", "two reports would go to a"),
        ("--out a --as-of +1d", "cannot be used with"),
    ] {
        let run = folder.run(&format!("plan --emulator -f renewals.yaml {arguments}"));
        assert_eq!(run.code, 64, "{run:?}");
        assert!(run.err.contains(text), "{run:?}");
    }
    assert_eq!(folder.run("plan --emulator -f renewals.yaml --out plan.json").code, 0);
    let whole = fs::read(folder.path("plan.json")).unwrap();
    for command in ["show plan.json", "apply --emulator --plan plan.json --auto-approve"] {
        let run = folder.run(&format!("{command} --report json=./plan.json"));
        assert_eq!(run.code, 64, "{run:?}");
        assert!(run.err.contains("--report would replace ./plan.json, which this run reads"), "{run:?}");
    }
    assert_eq!(fs::read(folder.path("plan.json")).unwrap(), whole);
    for arguments in ["apply", "apply --plan p -f renewals.yaml", "plan", "validate"] {
        assert_eq!(folder.run(arguments).code, 64, "{arguments}");
    }
}

/// A world and files of one instance, its plan saved.
fn one(world: &str, entry: &str, more: &str) -> (Folder, String) {
    let folder = Folder::new();
    folder.write("world.yaml", format!("now: 2026-12-01T12:17:00Z\ninstances:\n  - {world}\n"));
    folder.write("renewals.yaml", format!("version: 1\nregion: cn-beijing\n{more}instances:\n  - {entry}\n"));
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    let plan = folder.run("plan --emulator -f renewals.yaml --out plan.json");
    assert_eq!(plan.code, 0, "{plan:?}");
    let id = json(&folder, "plan.json")["plan_id"].as_str().unwrap().to_owned();
    (folder, id)
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
/// does not make the plan stale for the others.
#[test]
fn what_expires_beside_a_stopped_renewal_is_left_out_alone() {
    let folder = Folder::new();
    folder.write(
        "world.yaml",
        "now: 2026-12-01T12:17:00Z\nfaults:\n  - { action: DescribeRenewalPrice, instance: i-x, nth: 1, times: 1, kind: code, http: 403, code: Forbidden.RAM }\ninstances:\n  - { id: i-x, region: cn-beijing, expires_at: 2026-12-02T16:00:00Z, price_per_month: '100.00' }\n  - { id: i-y, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: '100.00' }\n",
    );
    folder.write(
        "renewals.yaml",
        "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances:\n  - { id: i-x, min_remaining: 5d, auto_renew: 3mo }\n  - { id: i-y, min_remaining: 15d }\n",
    );
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    let plan = folder.run("plan --emulator -f renewals.yaml --out plan.json");
    assert!(plan.out.contains("1 to renew, 1 to set auto-renew"), "{plan:?}");
    let id = json(&folder, "plan.json")["plan_id"].as_str().unwrap().to_owned();
    folder.run("emulator advance 29h");
    let run = resume(&folder, &id);
    assert_eq!((run.code, bought(&folder)), (3, vec!["i-y".to_owned()]), "{run:?}");
    assert!(run.err.contains("1 instance needs more by now than the saved plan holds: i-x"), "{run:?}");
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

/// What could not be asked stays blocked, with what to do about it; the rest of the saved plan is carried out.
#[test]
fn a_saved_plan_in_which_a_call_failed_can_be_shown_and_carried_out() {
    for (action, code) in [
        ("DescribeRenewalPrice", "Forbidden.RAM"),
        ("DescribeRenewalPrice", "Strange.Code"),
        ("DescribeInstances", "Forbidden.RAM"),
    ] {
        let folder = Folder::new();
        // Of two regions the first one that is asked is refused, each time.
        let refused =
            |nth| format!("  - {{ action: {action}, nth: {nth}, kind: code, http: 403, code: {code} }}\n");
        let faults: String =
            (1..200).filter(|nth| action == "DescribeRenewalPrice" || nth % 2 == 1).map(refused).collect();
        folder.write(
            "world.yaml",
            format!(
                "now: 2026-12-01T12:17:00Z\nfaults:\n{faults}instances:\n  \
                 - {{ id: i-a, region: cn-beijing, expires_at: 2026-12-06T16:00:00Z, price_per_month: '100.00' }}\n  \
                 - {{ id: i-b, region: cn-shanghai, expires_at: 2027-03-06T16:00:00Z, price_per_month: '100.00' }}\n"
            ),
        );
        folder.write(
            "renewals.yaml",
            "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances:\n  \
             - { id: i-a, min_remaining: 15d }\n  - { id: i-b, region: cn-shanghai, auto_renew: 1mo }\n",
        );
        assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
        let plan = folder.run("plan --emulator -f renewals.yaml --out plan.json --parallelism 1");
        assert_eq!(plan.code, 0, "{plan:?}");
        let told = json(&folder, "plan.json");
        assert_eq!(told["blocked"].as_array().unwrap().len(), 1, "{action} {code}: {told:#}");
        let shown = folder.run("show plan.json");
        assert_eq!((shown.code, &shown.out), (0, &plan.out), "{action} {code}: {shown:?}");
        let id = told["plan_id"].as_str().unwrap();
        let applied = resume(&folder, id);
        assert_ne!(applied.code, 5, "{action} {code}: {applied:?}");
    }
}

/// The documented sentinel of pay-as-you-go lies further ahead than any plan reaches.
#[test]
fn a_pay_as_you_go_instance_does_not_make_a_saved_plan_unreadable() {
    let (folder, _) = one(
        "{ id: i-a, region: cn-beijing, expires_at: 2026-12-06T16:00:00Z, charge_type: PostPaid }",
        "{ id: i-a, min_remaining: 15d }",
        "",
    );
    let shown = folder.run("show plan.json");
    assert_eq!(shown.code, 0, "{shown:?}");
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
