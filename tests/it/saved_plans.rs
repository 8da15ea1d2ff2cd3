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
    let folder = Folder::new();
    folder.write("world.yaml", WORLD);
    folder.write("renewals.yaml", FILES);
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    folder
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
        rest.err.contains("1 instance has become due since the plan was saved, and not in it: i-c"),
        "{rest:?}"
    );
    assert!(rest.out.contains("already    i-a") && rest.out.contains("2 done, 1 already so"), "{rest:?}");
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
    // A newer minor version only adds.
    folder.write(
        "plan.json",
        whole.replacen("\"format_version\": \"1.0\"", "\"format_version\": \"1.7\", \"new\": 1", 1),
    );
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
    for arguments in ["apply", "apply --plan p -f renewals.yaml", "plan", "validate"] {
        assert_eq!(folder.run(arguments).code, 64, "{arguments}");
    }
}
