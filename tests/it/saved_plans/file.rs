//! The file itself: what it shows, what it refuses, and what no accident can make of it.

use std::fs;

use serde_json::Value;

use super::{bought, folder, json, one, resume, saved};
use crate::folder::Folder;

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
        // Also in a folder that is not there yet, under whatever name.
        ("--out ./.renewctl/journal.jsonl", "--out would replace ./.renewctl/journal.jsonl"),
        ("--journal new/j --out ./new/./j", "--out would replace ./new/./j"),
        ("--journal new/j --report json=new/x/../j", "--report would replace new/x/../j"),
        ("--out new/../renewals.yaml", "--out would replace new/../renewals.yaml"),
        ("--out a --report json=a", "two reports would go to a"),
        ("--out ./new/a --report json=new/a", "two reports would go to ./new/a"),
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

/// A plan that apply will refuse does not look as if it were ready.
#[test]
fn a_plan_above_its_limits_says_so() {
    let folder = folder();
    for (cap, fits) in [("299.99 CNY", false), ("300 CNY", true)] {
        let command = format!("plan --emulator -f renewals.yaml --max-charge '{cap}' --out plan.json");
        let why = "CNY 300.00 is more than --max-charge, CNY 299.99";
        for run in [folder.run(&command), folder.run("show plan.json")] {
            assert_eq!((run.code, run.err.contains(why)), (0, !fits), "{run:?}");
            assert!(fits || !run.err.contains("To carry it out"), "{run:?}");
        }
        assert_eq!(json(&folder, "plan.json")["applyable"], fits);
        let page = folder.run("show plan.json --format markdown").out;
        assert_eq!(
            (page.contains("To apply it:"), page.contains("apply refuses it")),
            (fits, !fits),
            "{page}"
        );
        let applied = folder.run("apply --emulator --plan plan.json --auto-approve --verify-timeout 10s");
        assert_eq!(applied.code, if fits { 0 } else { 4 }, "{applied:?}");
    }
}

/// A file that stdout or stderr goes to is not replaced under the run's own output, by whatever name; a pipe
/// there is written to like any other.
#[test]
#[cfg(unix)]
fn no_report_replaces_what_the_run_writes_to() {
    for (report, link) in [("log", None), ("out", Some("/proc/self/fd/1")), ("err", Some("/proc/self/fd/2"))]
    {
        if link.is_some_and(|link| fs::metadata(link).is_err()) {
            continue;
        }
        let folder = folder();
        if let Some(link) = link {
            std::os::unix::fs::symlink(link, folder.path(report)).unwrap();
        }
        for flag in ["--report markdown", "--out"] {
            let log = fs::File::create(folder.path("log")).unwrap();
            let mut command = folder.command(&format!("plan --emulator -f renewals.yaml {flag}={report}"));
            command.stdout(log.try_clone().unwrap()).stderr(log);
            let code = command.status().unwrap().code();
            let told = fs::read_to_string(folder.path("log")).unwrap();
            let flag = flag.split(' ').next().unwrap();
            assert_eq!(code, Some(64), "{told}");
            assert!(
                told.contains(&format!("{flag} would replace {report}, which stdout or stderr goes to")),
                "{told}"
            );
            let kept = fs::symlink_metadata(folder.path(report)).unwrap().is_symlink();
            assert_eq!(kept, link.is_some(), "{report}");
        }
    }
    let folder = folder();
    if fs::metadata("/proc/self/fd/1").is_ok() {
        std::os::unix::fs::symlink("/proc/self/fd/1", folder.path("out")).unwrap();
        let run = folder.run("plan --emulator -f renewals.yaml --report markdown=out --format json");
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.out.contains("### ") && run.out.contains("\"plan_id\""), "{run:?}");
    }
    // A link that leads nowhere is none that could be replaced.
    std::os::unix::fs::symlink("nowhere/at/all", folder.path("dangling")).unwrap();
    let run = folder.run("plan --emulator -f renewals.yaml --report markdown=dangling");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.err.contains("the report dangling cannot be written: it is a link that leads nowhere"),
        "{run:?}"
    );
    assert!(fs::symlink_metadata(folder.path("dangling")).unwrap().is_symlink());
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
