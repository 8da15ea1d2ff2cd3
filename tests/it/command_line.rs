//! The binary, as a new user meets it: in an empty folder, with stdout, stderr and exit status.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::folder::{Folder, Run};

const APPLY: &str = "apply --emulator -f examples/quickstart --auto-approve";

#[test]
fn quickstart_applies_once_and_then_has_no_changes() {
    let folder = Folder::new();
    let first = folder.run(APPLY);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.err.contains("EMULATOR: nothing here is real"), "{first:?}");
    assert!(
        first.out.contains("3 to renew, 2 to set auto-renew") && first.out.contains("Verified"),
        "{first:?}"
    );
    let journal = fs::read(folder.path(".renewctl/journal.jsonl")).unwrap();
    let second = folder.run(APPLY);
    assert_eq!(second.code, 0, "{second:?}");
    assert!(second.out.contains("No changes."), "{second:?}");
    assert_eq!(fs::read(folder.path(".renewctl/journal.jsonl")).unwrap(), journal);
    let ids: Vec<String> =
        folder.ledger().iter().map(|charge| charge["instance_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["i-bp1quickjob1", "i-bp1quickweb1", "i-bp1quickweb2"], "one charge for each renewal");
}

#[test]
fn troubled_shows_what_is_wrong_and_charges_nothing() {
    let folder = Folder::new();
    let run = folder.run("apply --emulator -f examples/troubled --auto-approve");
    assert_eq!(run.code, 3, "{run:?}");
    for text in ["blocked ", "held ", "at risk ", "Not converged"] {
        assert!(run.out.contains(text), "{text}: {run:?}");
    }
    assert!(folder.ledger().is_empty());
}

#[test]
fn a_plan_changes_nothing_and_writes_no_journal() {
    let folder = Folder::new();
    assert_eq!(folder.run("plan --emulator -f examples/quickstart").code, 0);
    assert_eq!(folder.run("plan --emulator -f examples/quickstart --detailed-exitcode").code, 2);
    assert!(folder.ledger().is_empty());
    assert!(!folder.path(".renewctl/journal.jsonl").exists());
    assert_eq!(folder.run(APPLY).code, 0);
    assert_eq!(folder.run("plan --emulator -f examples/quickstart --detailed-exitcode").code, 0);
    let reset = folder.run("emulator reset");
    assert!(reset.out.contains("starts anew"), "{reset:?}");
    let again = folder.run(APPLY);
    assert_eq!(again.code, 0, "an old journal means nothing to a new world: {again:?}");
    assert_eq!(folder.ledger().len(), 3);
}

#[test]
fn both_signatures_are_taken_by_the_same_world() {
    let folder = Folder::new();
    assert_eq!(folder.run(&format!("{APPLY} --signature v3")).code, 0);
    assert_eq!(folder.ledger().len(), 3);
    let again = folder.run(&format!("{APPLY} --signature v1"));
    assert!(again.code == 0 && again.out.starts_with("No changes."), "{again:?}");
    assert_eq!(folder.run(&format!("{APPLY} --signature v2")).code, 64);
}

#[test]
fn json_is_one_document_on_stdout_whatever_happens() {
    let folder = Folder::new();
    let document = |arguments: &str, code: i32| -> Value {
        let run = folder.run(arguments);
        assert_eq!(run.code, code, "{arguments}: {run:?}");
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{arguments}: {error}: {run:?}"))
    };
    assert_eq!(document("plan --emulator -f examples/quickstart --format json", 0)["summary"]["renew"], 3);
    let refused = document(
        "apply --emulator -f examples/quickstart --auto-approve --format json --max-charge '1 CNY'",
        4,
    );
    assert_eq!((&refused["apply"], &refused["exit_code"]), (&Value::Null, &Value::from(4)));
    assert_eq!(
        document("apply --emulator -f examples/quickstart --format json", 6)["plan"]["summary"]["renew"],
        3
    );
    assert_eq!(document(&format!("{APPLY} --format json"), 0)["apply"]["summary"]["done"], 5);
    assert_eq!(document(&format!("{APPLY} --format json"), 0)["apply"], Value::Null);
    assert_eq!(document("emulator ledger --format json", 0)["totals"][0]["amount"], "572.50");
}

#[test]
fn wrong_usage_ends_with_64_and_says_how_to_do_it() {
    let folder = Folder::new();
    folder.write(
        "wrong.yaml",
        "version: 1\nregion: cn-beijing\ninstances:\n  - { id: web-1, min_remainig: 15d }\n",
    );
    fs::create_dir(folder.path("empty")).unwrap();
    for (arguments, text) in [
        ("", "Usage:"),
        ("aply", "similar"),
        ("plan", "--file"),
        ("plan -f x.yaml --parallelism 0", "0 is not in 1..=64"),
        ("apply -f x.yaml --max-charge 500", "5000 CNY"),
        ("apply -f x.yaml --verify-timeout soon", "90s, 5m or 1h"),
        ("validate -f none.yaml", "none.yaml cannot be read"),
        ("validate -f empty", "no *.yaml or *.yml file"),
        ("validate -f wrong.yaml", "min_remaining"),
        ("validate -f examples/worlds", "error"),
        ("emulator reset --world none.yaml", "cannot be read"),
        ("emulator reset --world wrong.yaml", "wrong.yaml cannot be used"),
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 64, "{arguments}: {run:?}");
        assert!(run.err.contains(text) && run.out.is_empty(), "{arguments}: {run:?}");
    }
    let endpoint = folder
        .command("plan -f examples/quickstart --endpoint-url http://example.com")
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "a")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "b")
        .output()
        .unwrap();
    let endpoint = Run::from(endpoint);
    assert_eq!(endpoint.code, 64, "{endpoint:?}");
    assert!(endpoint.err.contains("plain HTTP"), "{endpoint:?}");
}

#[test]
fn valid_files_are_counted() {
    let folder = Folder::new();
    let run = folder.run("validate -f examples/quickstart -f examples/troubled/renewals.yaml");
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "Valid: 2 files, 12 instances.\n", ""));
    let twice = folder.run("validate -f examples/quickstart -f examples/quickstart/renewals.yaml");
    assert_eq!(twice.out, "Valid: 1 file, 5 instances.\n");
}

#[test]
fn without_credentials_it_says_which_variable_is_missing() {
    let folder = Folder::new();
    let run = folder.run("plan -f examples/quickstart");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("ALIBABA_CLOUD_ACCESS_KEY_ID") && run.err.contains("--emulator"), "{run:?}");
}

#[test]
fn a_secret_is_in_no_output_and_no_file() {
    let folder = Folder::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let secret = "s3cr3tthatnobodymaysee";
    let mut command = folder.command(&format!("-v plan -f examples/quickstart --endpoint-url {url}"));
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "a").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
    command.env("ALIBABA_CLOUD_SECURITY_TOKEN", "t0kenthatnobodymaysee");
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.code, 0, "a plan of what could not be read: {run:?}");
    assert!(run.out.contains("not complete"), "{run:?}");
    for text in [&run.out, &run.err] {
        assert!(!text.contains("nobodymaysee") && !text.contains("Signature="), "{text}");
    }
    let verbose = folder.run(&format!("-v {APPLY}"));
    assert!(verbose.err.contains("RenewInstance"), "{verbose:?}");
    assert!(!verbose.err.contains("emulator-secret") && !verbose.err.contains("Signature="), "{verbose:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let mut child = folder.command(APPLY).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(folder.ledger().len(), 3);
}

#[test]
fn a_closed_stderr_ends_no_run() {
    let folder = Folder::new();
    let mut child =
        folder.command(&format!("-v {APPLY}")).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(folder.ledger().len(), 3);
}

#[test]
fn a_damaged_emulator_state_is_said_and_not_overwritten() {
    let folder = Folder::new();
    fs::create_dir(folder.path(".renewctl")).unwrap();
    folder.write(".renewctl/emulator.json", "{ torn");
    let run = folder.run(APPLY);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("renewctl emulator reset"), "{run:?}");
    assert_eq!(fs::read_to_string(folder.path(".renewctl/emulator.json")).unwrap(), "{ torn");
}

/// Waits until a file holds a text; a bound keeps a broken run from waiting for ever.
fn wait_for(path: &Path, text: &str) {
    let start = Instant::now();
    while !fs::read_to_string(path).is_ok_and(|content| content.contains(text)) {
        assert!(start.elapsed() < Duration::from_secs(60), "{text} never came");
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_run_is_found_by_the_next_one_and_charged_once() {
    for (kind, charges_at_death) in
        [("delay, ms: 25000", 1), ("throttle, times: 100, retry_after_ms: 20000", 0)]
    {
        let folder = Folder::new();
        let world = format!(
            "now: 2026-12-01T02:05:00Z\ninstances: [{{ id: i-one, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, \
             price_per_month: 100 }}]\nfaults: [{{ action: RenewInstance, nth: 1, kind: {kind} }}]\n"
        );
        folder.write("world.yaml", world);
        folder.write("want.yaml", "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances: [{ id: i-one, min_remaining: 15d }]\n");
        assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
        let apply = "apply --emulator -f want.yaml --auto-approve";
        let mut child = folder.command(apply).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&folder.path(".renewctl/journal.jsonl"), "charge-intent");
        if charges_at_death > 0 {
            wait_for(&folder.path(".renewctl/emulator.json"), "order_id");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(folder.ledger().len(), charges_at_death, "{kind}");
        let next = folder.run(apply);
        if charges_at_death == 1 {
            assert_eq!(next.code, 0, "{next:?}");
            assert!(next.out.contains("No changes."), "{next:?}");
        } else {
            assert_eq!(next.code, 3, "{next:?}");
            assert!(next.out.contains("held ") && next.out.contains("outcome is not known"), "{next:?}");
        }
        assert_eq!(folder.ledger().len(), charges_at_death, "{kind}");
    }
}

#[test]
fn two_processes_share_one_journal_one_after_the_other() {
    let folder = Folder::new();
    folder.write("world.yaml", "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-one, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: 100 }]\nfaults: [{ action: RenewInstance, nth: 1, kind: delay, ms: 25000 }]\n");
    folder.write("want.yaml", "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances: [{ id: i-one, min_remaining: 15d }]\n");
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    assert_eq!(folder.run("emulator reset --emulator=other.json --world world.yaml").code, 0);
    let mut child = folder
        .command("apply --emulator -f want.yaml --auto-approve")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&folder.path(".renewctl/journal.jsonl"), "charge-intent");
    let second = folder.run("apply --emulator=other.json -f want.yaml --auto-approve");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(second.code, 8, "{second:?}");
    assert!(second.err.contains("another run"), "{second:?}");
}

#[test]
fn a_selection_narrows_the_plan_and_a_typing_error_does_not_empty_it() {
    let folder = Folder::new();
    let summary = |arguments: &str| {
        let all = format!("plan --emulator -f examples/quickstart --format json {arguments}");
        let run = folder.run(all.trim());
        let plan: Value = serde_json::from_str(&run.out).unwrap();
        (plan["summary"]["renew"].as_u64().unwrap(), plan["summary"]["noop"].as_u64().unwrap())
    };
    assert_eq!(summary(""), (3, 1));
    assert_eq!(summary("--target i-bp1quickweb1 --target i-bp1quickcache1"), (1, 1));
    assert_eq!(summary("--exclude i-bp1quickweb1"), (2, 1));
    let run = folder.run("apply --emulator -f examples/quickstart --auto-approve --target i-bp1quickwep1");
    assert_eq!(run.code, 64, "{run:?}");
    assert!(run.err.contains("did you mean i-bp1quickweb1"), "{run:?}");
    let run = folder.run("apply --emulator -f examples/quickstart --auto-approve --target i-bp1quickjob1");
    assert_eq!((run.code, folder.ledger().len()), (0, 1), "{run:?}");
}

#[test]
fn the_emulator_serves_other_clients_and_keeps_what_they_did() {
    let folder = Folder::new();
    let mut server = folder.command("emulator serve --state w.json").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line)
        .unwrap();
    let url = line.strip_prefix("listening on ").unwrap().trim().to_owned();
    let mut client =
        folder.command(&format!("apply -f examples/quickstart --auto-approve --endpoint-url {url}"));
    client
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "emulator")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "emulator-secret");
    // The command that carries a plan out is for the same principal.
    fs::create_dir_all(folder.path("home/.aliyun")).unwrap();
    let profile = r#"{ "current": "other", "profiles": [{ "name": "prod", "mode": "AK", "access_key_id": "emulator", "access_key_secret": "emulator-secret", "region_id": "cn-beijing" }] }"#;
    folder.write("home/.aliyun/config.json", profile);
    let options = format!("--endpoint-url {url} --profile prod --signature v3");
    let mut named = folder.command(&format!("plan -f examples/quickstart --out p.json {options}"));
    let named = Run::from(named.env("HOME", folder.path("home")).output().unwrap());
    let run = Run::from(client.output().unwrap());
    client.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong");
    let wrong = Run::from(client.output().unwrap());
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let command = format!("To carry it out: renewctl apply {options} --plan p.json --checksum ");
    assert!(named.code == 0 && named.err.contains(&command), "{named:?}");
    assert!(wrong.err.contains("SignatureDoesNotMatch") && wrong.err.contains("check both"), "{wrong:?}");
    let ledger = folder.run("emulator ledger --state w.json --format json");
    assert_eq!(serde_json::from_str::<Value>(&ledger.out).unwrap()["charges"].as_array().unwrap().len(), 3);
}

#[test]
fn schema_and_completions_are_printed() {
    let folder = Folder::new();
    let schema = folder.run("schema desired-state");
    assert_eq!(serde_json::from_str::<Value>(&schema.out).unwrap()["properties"]["version"]["const"], 1);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&format!("completions {shell}"));
        assert!(script.code == 0 && script.out.contains("auto-approve"), "{shell}: {script:?}");
    }
    assert_eq!(folder.run("completions tcsh").code, 64);
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = Folder::new();
    let version = folder.run("--version");
    assert_eq!(
        (version.code, version.out.as_str()),
        (0, concat!("renewctl ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    let mut whole = String::new();
    for command in commands(&folder, "") {
        let help = folder.run(&format!("{command}--help"));
        assert_eq!(help.code, 0, "{help:?}");
        // A command that can be run shows how.
        assert!(help.out.contains("Examples:") || help.out.contains("\nCommands:"), "{command}: no example");
        writeln!(whole, "$ renewctl {command}--help\n{}", help.out).unwrap();
    }
    insta::assert_snapshot!("help", whole);
}

/// `command` and all commands below it, as the help texts list them.
fn commands(folder: &Folder, command: &str) -> Vec<String> {
    let help = folder.run(&format!("{command}--help")).out;
    let listed =
        help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let mut all = vec![command.to_owned()];
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        all.extend(commands(folder, &format!("{command}{name} ")));
    }
    all
}

/// The console blocks of a page: each command with the output that is shown under it.
fn console_blocks(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                found.push((command.to_owned(), String::new()));
            } else {
                let (_, output) = found.last_mut().unwrap();
                output.push_str(line);
                output.push('\n');
            }
        }
    }
    found
}

/// The world file that the page describes is one.
#[test]
fn the_described_world_is_one() {
    let folder = Folder::new();
    let page = fs::read_to_string(folder.path("examples/worlds/README.md")).unwrap();
    let world = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    folder.write("world.yaml", world);
    let reset = folder.run("emulator reset --world world.yaml");
    assert_eq!(reset.code, 0, "{reset:?}");
}

#[test]
fn the_console_blocks_of_the_readme_are_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["README.md", "README.zh-CN.md", "examples/worlds/README.md"] {
        let folder = Folder::new();
        let blocks = console_blocks(&fs::read_to_string(root.join(page)).unwrap());
        assert!(blocks.len() >= 4, "{page}");
        for (command, expected) in blocks {
            if command == "cargo test" {
                let ci = fs::read_to_string(root.join(".ci/run")).unwrap();
                assert!(
                    ci.lines().any(|line| line.trim() == "cargo test"),
                    "{page}: CI runs the same command"
                );
                continue;
            }
            let arguments =
                command.strip_prefix("cargo run --release -- ").or_else(|| command.strip_prefix("renewctl "));
            let Some(arguments) = arguments else { panic!("{page}: what is {command}?") };
            let (arguments, shows_exit) =
                arguments.strip_suffix("; echo $?").map_or((arguments, false), |a| (a, true));
            let run = folder.run(arguments);
            let mut shown = format!("{}{}", run.err, run.out);
            if shows_exit {
                writeln!(shown, "{}", run.code).unwrap();
            } else {
                assert_eq!(run.code, 0, "{page}: {command}: {run:?}");
            }
            assert_eq!(shown, expected, "{page}: {command}");
        }
    }
}

#[test]
fn reports_are_written_beside_what_goes_to_stdout() {
    let folder = Folder::new();
    let plan = folder.run(
        "plan --emulator -f examples/quickstart --format json --report text=out/plan.txt --report markdown=plan.md --report json=plan.json",
    );
    assert_eq!(plan.code, 0, "{plan:?}");
    let read = |name: &str| fs::read_to_string(folder.path(name)).unwrap();
    assert!(read("out/plan.txt").contains("\nPlan: 3 to renew"), "{}", read("out/plan.txt"));
    assert!(
        read("plan.md").contains("renewctl apply --emulator -f examples/quickstart"),
        "{}",
        read("plan.md")
    );
    let (file, stdout): (Value, Value) =
        (serde_json::from_str(&read("plan.json")).unwrap(), serde_json::from_str(&plan.out).unwrap());
    assert_eq!(file["plan_id"], stdout["plan_id"]);
    // Also when nothing is carried out, and also after it was.
    let refused = folder.run(
        "apply --emulator -f examples/quickstart --auto-approve --max-charge '1 CNY' --report text=refused.txt --report json=refused.json --report markdown=refused.md",
    );
    assert_eq!(refused.code, 4, "{refused:?}");
    let document: Value = serde_json::from_str(&read("refused.json")).unwrap();
    assert!(document["message"].as_str().unwrap().contains("is more than --max-charge"), "{document:#}");
    let comment = read("refused.md");
    assert!(
        comment.starts_with("<!-- renewctl:apply -->\n### renewctl apply: nothing was sent\n"),
        "{comment}"
    );
    assert!(
        comment.contains("is more than `--max-charge`, CNY 1.00") && !comment.contains("renewctl apply --"),
        "{comment}"
    );
    assert!(
        read("refused.txt").contains("refused: CNY 572.50 is more than --max-charge"),
        "{}",
        read("refused.txt")
    );
    let applied =
        folder.run("apply --emulator -f examples/quickstart --auto-approve --report json=done.json --report markdown=done.md");
    assert_eq!(applied.code, 0, "{applied:?}");
    let done: Value = serde_json::from_str(&read("done.json")).unwrap();
    assert_eq!((&done["exit_code"], &done["apply"]["summary"]["done"]), (&0.into(), &5.into()));
    assert!(read("done.md").contains("572.50"), "{}", read("done.md"));
}

#[test]
fn a_plan_whose_report_cannot_be_written_ends_with_1() {
    let folder = Folder::new();
    folder.write("file", "");
    let plan = folder.run("plan --emulator -f examples/quickstart --report json=file/plan.json");
    assert_eq!(plan.code, 1, "{plan:?}");
    assert!(plan.err.contains("error: the report file/plan.json cannot be written: "), "{plan:?}");
}

#[test]
fn every_line_on_stderr_is_json_when_logs_are() {
    let folder = Folder::new();
    let lines = |run: &Run| -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        run.err.lines().map(parse).collect()
    };
    let plan = folder.run("plan --emulator -f examples/troubled --log-format json -v");
    let logged = lines(&plan);
    let level = |level: &str| logged.iter().filter(|line| line["level"] == level).count();
    assert!(level("INFO") == 1 && level("DEBUG") >= 4, "{plan:?}");
    assert!(
        logged.iter().all(|line| line["timestamp"].is_string() && line["message"].is_string()),
        "{plan:?}"
    );
    let wrong = folder.run("plan --emulator -f nothing.yaml --log-format json");
    assert_eq!((wrong.code, lines(&wrong)[0]["level"].as_str()), (64, Some("ERROR")), "{wrong:?}");
}

#[test]
fn a_plan_for_another_moment_is_asked_for_in_many_ways() {
    let folder = Folder::new();
    for (asked, evaluated) in [
        ("2027-01-05", "2027-01-05T12:17:00Z"),
        ("2027-01-05T20:17", "2027-01-05T12:17:00Z"),
        ("'2027-01-05 20:17'", "2027-01-05T12:17:00Z"),
        ("2027-01-05T20:17+08:00", "2027-01-05T12:17:00Z"),
        ("2027-01-05T12:17Z", "2027-01-05T12:17:00Z"),
        ("2027-01-05T12:17:30Z", "2027-01-05T12:17:30Z"),
    ] {
        let plan =
            folder.run(&format!("plan --emulator -f examples/quickstart --format json --as-of {asked}"));
        let plan: Value = serde_json::from_str(&plan.out).unwrap_or_else(|_| panic!("{asked}: {plan:?}"));
        assert_eq!(
            (&plan["evaluated_at"], &plan["applyable"]),
            (&evaluated.into(), &false.into()),
            "{asked}"
        );
    }
    let summary = |asked: &str| {
        let plan =
            folder.run(&format!("plan --emulator -f examples/quickstart --format json --as-of {asked}"));
        serde_json::from_str::<Value>(&plan.out).unwrap()["summary"]["renew"].as_u64().unwrap()
    };
    // In thirty days all three would be gone, and in thirty-one weeks the last one is due.
    assert_eq!((summary("+1h"), summary("+8d"), summary("+30d"), summary("+31w")), (3, 3, 0, 1));
    for (asked, says) in [
        ("yesterday", "a moment is a date"),
        ("+30x", "a moment is a date"),
        ("2026-02-30", "a moment is a date"),
        ("2026-01-01", "is in the past"),
        ("+262142-12-31", "more than ten years ahead"),
        ("2037-01-01", "more than ten years ahead"),
        ("+999999w", "more than ten years ahead"),
        ("+99999999999999999999d", "a moment is a date"),
    ] {
        let plan = folder.run(&format!("plan --emulator -f examples/quickstart --as-of {asked}"));
        assert!(plan.code == 64 && plan.err.contains(says) && plan.out.is_empty(), "{asked}: {plan:?}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = Folder::new();
    let page = folder.run("man");
    assert!(page.code == 0 && page.out.contains(".TH renewctl 1"), "{page:?}");
    let written = folder.run("man --out man1");
    assert_eq!(written.code, 0, "{written:?}");
    for command in commands(&folder, "") {
        let name = format!("man1/renewctl {}", command.trim()).trim().replace(' ', "-");
        let page = fs::read_to_string(folder.path(&format!("{name}.1"))).unwrap_or_else(|_| panic!("{name}"));
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
}

#[test]
fn colours_follow_the_flag_then_the_environment() {
    let folder = Folder::new();
    let colored = |flags: &str, variables: &[(&str, &str)]| {
        let mut command = folder.command(format!("plan --emulator -f examples/quickstart {flags}").trim());
        command.envs(variables.iter().copied());
        let run = Run::from(command.output().unwrap());
        assert_eq!(run.code, 0, "{run:?}");
        run.out.contains('\u{1b}')
    };
    assert!(!colored("", &[]), "no terminal");
    assert!(!colored("", &[("CI", "true")]), "CI forces nothing");
    assert!(colored("", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored("", &[("CLICOLOR_FORCE", "0")]));
    assert!(!colored("", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(colored("--color always", &[("NO_COLOR", "1"), ("TERM", "dumb")]));
    assert!(!colored("--color never", &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn time_passes_in_the_emulator_on_demand() {
    let folder = Folder::new();
    let advanced = folder.run("emulator advance 30d");
    assert_eq!(advanced.code, 0, "{advanced:?}");
    insta::assert_snapshot!("advance", advanced.out);
    let ledger: Value = serde_json::from_str(&folder.run("emulator ledger --format json").out).unwrap();
    assert!(
        ledger["charges"].as_array().unwrap().iter().all(|charge| charge["by"] == "platform"),
        "{ledger:#}"
    );
    let quiet = folder.run("emulator advance 1m");
    assert!(quiet.out.ends_with("Nothing happened by itself.\n"), "{quiet:?}");
    for wrong in ["-1d", "0s", "soon", "9999999d"] {
        let run = folder.run(&format!("emulator advance -- {wrong}"));
        assert!(run.code == 64 && run.err.contains("is no time to advance by"), "{wrong}: {run:?}");
    }
}

/// The command in a comment is the one that was looked at: the same files, part of them, journal, cap.
#[test]
fn the_apply_command_is_the_exact_one() {
    let folder = Folder::new();
    fs::rename(folder.path("examples"), folder.path("its here")).unwrap();
    let said = |arguments: &str| {
        let run = folder.run(&format!("{arguments} --format markdown"));
        let block = run.out.rsplit("```sh\n").next().unwrap();
        block.split("\n```").next().unwrap().to_owned()
    };
    let plan =
        said("plan --emulator=e.json -f 'its here/quickstart' --journal j.jsonl --exclude i-bp1quickweb1");
    let command = "renewctl apply --emulator=e.json -f 'its here/quickstart' --exclude i-bp1quickweb1 --journal j.jsonl";
    assert_eq!(plan, command);
    // What an apply leaves to do is done by the same command, with the same cap.
    folder.write(
        "world.yaml",
        "now: 2026-12-01T12:17:00Z\ninstances:\n  - { id: i-a, region: cn-beijing, expires_in: 5d, price_per_month: 7, refuses: { RenewInstance: Instance.UnPaidOrder } }\n",
    );
    folder.write("a.yaml", "version: 1\nregion: cn-beijing\ninstances: [{ id: i-a, min_remaining: 15d }]\n");
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    let applied = said("apply --emulator -f a.yaml --auto-approve --max-charge '50 CNY'");
    assert_eq!(applied, "renewctl apply --emulator -f a.yaml --max-charge 'CNY 50.00'");
}

#[test]
fn two_commands_on_one_emulator_work_one_after_the_other() {
    let folder = Folder::new();
    let runs: Vec<_> = ["i-bp1quickweb1", "i-bp1quickweb2"]
        .iter()
        .map(|id| {
            let arguments = format!("{APPLY} --target {id} --journal {id}.jsonl");
            folder.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let run = Run::from(run.wait_with_output().unwrap());
        assert_eq!(run.code, 0, "{run:?}");
    }
    // Nobody overwrote what the other one had done.
    assert_eq!(folder.ledger().len(), 2);
}

#[test]
fn a_report_never_replaces_what_the_run_reads() {
    let folder = Folder::new();
    let file = "examples/quickstart/renewals.yaml";
    let before = fs::read(folder.path(file)).unwrap();
    fs::create_dir(folder.path(".renewctl")).unwrap();
    for path in [
        file,
        "./examples/../examples/quickstart/renewals.yaml",
        // The journal is not there yet.
        "./.renewctl/journal.jsonl",
        "examples/../.renewctl/journal.jsonl",
        ".renewctl/emulator.json",
        ".renewctl/emulator.json.lock",
        "examples/quickstart/plan.yaml",
    ] {
        for command in ["plan", "apply"] {
            let run =
                folder.run(&format!("{command} --emulator -f examples/quickstart --report json={path}"));
            assert!(run.code == 64 && run.err.contains("--report would "), "{path}: {run:?}");
        }
    }
    let twice = folder.run("plan --emulator -f examples/quickstart --report json=a --report text=./a");
    assert!(twice.code == 64 && twice.err.contains("two reports would go to ./a"), "{twice:?}");
    assert_eq!(fs::read(folder.path(file)).unwrap(), before);
    assert!(!folder.path(".renewctl/journal.jsonl").exists());
}

/// A pipe takes one document, at the end; it is not opened twice.
#[test]
fn a_report_into_a_pipe_is_one_document() {
    let folder = Folder::new();
    let made = Command::new("mkfifo").arg(folder.path("pipe")).status();
    if !made.is_ok_and(|status| status.success()) {
        return; // no pipes with names here
    }
    let reader = Command::new("cat").arg(folder.path("pipe")).stdout(Stdio::piped()).spawn().unwrap();
    let apply = folder.run(&format!("{APPLY} --report json=pipe"));
    assert_eq!(apply.code, 0, "{apply:?}");
    let read = reader.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(document["exit_code"], 0);
}

#[test]
fn what_is_left_out_is_said() {
    let folder = Folder::new();
    let plan = "plan --emulator -f examples/quickstart --target i-bp1quickcache1";
    let run = folder.run(plan);
    assert!(run.out.contains("No changes. Every selected instance is as the files ask for."), "{run:?}");
    assert!(run.out.contains("4 of 5 instances are left out by --target or --exclude."), "{run:?}");
    let json: Value = serde_json::from_str(&folder.run(&format!("{plan} --format json")).out).unwrap();
    assert_eq!(json["summary"]["left_out"], 4);
    assert!(
        folder.run(&format!("{plan} --format markdown")).out.contains("4 of 5 instances are left out"),
        "{run:?}"
    );
}

/// Found out before the money is spent; and a run that is cut off does not leave an old report behind.
#[test]
fn reports_are_opened_before_anything_is_sent() {
    let folder = Folder::new();
    folder.write("file", "");
    let apply = folder.run(&format!("{APPLY} --report json=ok.json --report json=file/plan.json"));
    assert_eq!(apply.code, 1, "{apply:?}");
    assert!(apply.err.contains("error: the report file/plan.json cannot be written: "), "{apply:?}");
    assert!(folder.ledger().is_empty());
    folder.write("world.yaml", "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-one, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: 100 }]\nfaults: [{ action: RenewInstance, nth: 1, kind: delay, ms: 25000 }]\n");
    folder.write("want.yaml", "version: 1\nregion: cn-beijing\nlimits: { max_charge: 500 CNY }\ninstances: [{ id: i-one, min_remaining: 15d }]\n");
    assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
    let mut child = folder
        .command(
            "apply --emulator -f want.yaml --auto-approve --report json=cut.json --report markdown=cut.md",
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&folder.path(".renewctl/journal.jsonl"), "charge-intent");
    child.kill().unwrap();
    child.wait().unwrap();
    let cut: Value = serde_json::from_str(&fs::read_to_string(folder.path("cut.json")).unwrap()).unwrap();
    assert_eq!((&cut["exit_code"], &cut["apply"]), (&Value::Null, &Value::Null));
    let cut = fs::read_to_string(folder.path("cut.md")).unwrap();
    assert!(cut.starts_with("<!-- renewctl:apply -->\n### renewctl apply: begun\n"), "{cut}");
}

#[test]
fn a_report_to_a_device_leaves_the_device_there() {
    let folder = Folder::new();
    if cfg!(unix) {
        std::os::unix::fs::symlink("/dev/null", folder.path("nowhere")).unwrap();
        let plan = folder
            .run("plan --emulator -f examples/quickstart --report json=nowhere --report text=/dev/stdout");
        assert_eq!(plan.code, 0, "{plan:?}");
        assert!(fs::symlink_metadata(folder.path("nowhere")).unwrap().is_symlink());
    }
    for (reports, says) in
        [("--report json=-", "chosen by --format"), ("--report json=a --report text=a", "two reports")]
    {
        let plan = folder.run(&format!("plan --emulator -f examples/quickstart {reports}"));
        assert!(plan.code == 64 && plan.err.contains(says), "{reports}: {plan:?}");
    }
}

#[test]
fn wrong_usage_is_json_too_when_logs_are() {
    let folder = Folder::new();
    for arguments in [
        "plan --log-format json --nonsense",
        "--log-format=json",
        "validate --log-format=json --color always -f examples",
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 64, "{run:?}");
        for line in run.err.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{arguments}: {line}"));
            assert!(!line["message"].as_str().unwrap().contains('\u{1b}'), "{arguments}: {line}");
        }
    }
}
