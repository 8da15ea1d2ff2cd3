//! `renewctl doctor` by the real program against a served emulator: with a good key and with each kind of bad
//! one. It changes nothing.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use renewctl::cloud::permission::PERMISSIONS;
use renewctl::term::Site;
use serde_json::Value;

use crate::cloud_script::{World, beijing, id, ok};
use crate::folder::{Folder, Run};
use crate::support::run;

const WORLD: &str = "
now: 2026-12-01T02:05:00Z
balance: '1234.5'
keys:
  - { id: good, secret: good-secret }
  - { id: poor, secret: poor-secret, deny: [DescribeInstances, DescribeInstanceAutoRenewAttribute, DescribeRenewalPrice, RenewInstance, ModifyInstanceAutoRenewAttribute, QueryAccountBalance] }
  - { id: ended, secret: ended-secret, token: ended-token, token_expires_at: 2026-12-01T03:00:00Z }
  - { id: off, secret: off-secret, inactive: true }
instances:
  - { id: i-one, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }
  - { id: i-two, region: eu-central-1, expires_in: 10d, price_per_month: '100.00' }
";

const FILES: &str = "
version: 1
region: cn-beijing
instances:
  - { id: i-one, min_remaining: 15d }
  - { id: i-two, region: eu-central-1, min_remaining: 15d }
";

struct Served {
    folder: Folder,
    child: Child,
    url: String,
}

impl Served {
    fn new() -> Self {
        let folder = Folder::of(WORLD, FILES);
        // So that the session has ended.
        assert_eq!(folder.run("emulator advance 2h").code, 0);
        let mut child = folder.command("emulator serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening on ").unwrap().trim().to_owned();
        Self { folder, child, url }
    }

    fn doctor(&self, arguments: &str, key: &str, secret: &str, token: Option<&str>) -> Run {
        let mut command =
            self.folder.command(format!("doctor --endpoint-url {} {arguments}", self.url).trim_end());
        let home = self.folder.path("nobodys-home");
        command.env("HOME", home).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        if !key.is_empty() {
            command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", key).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
        }
        command.envs(token.map(|token| ("ALIBABA_CLOUD_SECURITY_TOKEN", token)));
        Run::from(command.output().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Latencies, RequestIds and folders differ from run to run.
fn masked(run: &Run) -> String {
    let mut out = String::new();
    for line in run.out.lines() {
        let line = line.split(", RequestId ").next().unwrap();
        let line = match line.rsplit_once(" (") {
            Some((before, after)) if after.ends_with(" ms)") => format!("{before} (N ms)"),
            _ => line.to_owned(),
        };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn a_good_key_is_found_well() {
    let served = Served::new();
    let run = served.doctor("-f renewals.yaml", "good", "good-secret", None);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    insta::assert_snapshot!("good", masked(&run));
    assert!(served.folder.ledger().is_empty());
    let json = served.doctor("--format json", "good", "good-secret", None);
    assert_eq!(json.code, 0, "{json:?}");
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let checks = json["checks"].as_array().unwrap();
    let of = |name: &str| checks.iter().filter(|check| check["check"] == name).count();
    let names = ["credentials", "account", "endpoint", "clock", "site", "permission"];
    assert_eq!(names.map(of), [1, 1, 1, 1, 1, 6], "{json}");
    assert!(checks.iter().all(|check| check["status"] == "ok" && check["fix"].is_null()), "{json}");
    assert!(checks.iter().any(|check| check["latency_ms"].is_u64()));
}

#[test]
fn a_key_without_rights_is_told_which() {
    let served = Served::new();
    let run = served.doctor("-f renewals.yaml", "poor", "poor-secret", None);
    assert_eq!(run.code, 1, "{run:?}");
    insta::assert_snapshot!("poor", masked(&run));
}

#[test]
fn a_key_that_is_refused_ends_the_questions() {
    let served = Served::new();
    for (key, secret, token, code, fix) in [
        ("good", "wrong-secret", None, "SignatureDoesNotMatch", "does not fit the access key id"),
        ("ended", "ended-secret", Some("ended-token"), "InvalidSecurityToken.Expired", "get a new one"),
        ("off", "off-secret", None, "InvalidAccessKeyId.Inactive", "enable it"),
        ("nobody", "secret-of-nobody", None, "InvalidAccessKeyId.NotFound", "where it comes from"),
    ] {
        let run = served.doctor("", key, secret, token);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.out.contains(code) && run.out.contains(fix), "{run:?}");
        assert!(run.out.contains("Doctor: 1 ok, 0 warnings, 1 failed, 4 skipped."), "{run:?}");
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "{run:?}");
    }
}

#[test]
fn without_a_key_it_says_why_no_provider_has_one() {
    let served = Served::new();
    let run = served.doctor("", "", "", None);
    assert_eq!(run.code, 1, "{run:?}");
    let out = run.out.replace(&*served.folder.0.path().to_string_lossy(), "FOLDER");
    insta::assert_snapshot!("keyless", out);
    let json = served.doctor("--format json", "", "", None);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["checks"][0]["status"], "failed");
}

#[test]
fn what_the_files_say_is_compared() {
    let served = Served::new();
    for (from, to, text) in [
        ("version: 1", "version: 1\naccount: '9999999999999999'", "and the files are for 9999999999999999"),
        (
            "region: cn-beijing",
            "region: cn-bejing",
            "the account has no such region; did you mean cn-beijing?",
        ),
    ] {
        let files = FILES.replacen(from, to, 1);
        served.folder.write("other.yaml", files);
        let run = served.doctor("-f other.yaml", "good", "good-secret", None);
        assert!(run.code == 1 && run.out.contains(text), "{run:?}");
    }
}

/// The embedded emulator has its key with it.
#[test]
fn it_runs_on_the_emulator_without_an_account() {
    let folder = Folder::new();
    let run = folder.run("doctor --emulator -f examples/quickstart");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains("the key of the emulator's world"), "{run:?}");
    assert!(folder.ledger().is_empty());
}

/// Rights are asked for by calls that could never do anything, even for a cloud that took them: no instance
/// has that id, and without a term and a token nothing is an order.
#[test]
fn what_is_asked_for_a_right_can_charge_and_change_nobody() {
    run(async {
        let world = World::new(|_| ok(r#"{"RequestId": "R"}"#));
        for real in [None, Some(id("i-bp1real0000000000one"))] {
            for right in &PERMISSIONS {
                world.cloud().probe(right, &beijing(), real.as_ref(), Site::China).await;
            }
        }
        let sent = world.sent.borrow();
        let changing: Vec<_> = sent
            .iter()
            .filter(|sent| ["RenewInstance", "ModifyInstanceAutoRenewAttribute"].contains(&sent.action()))
            .collect();
        assert_eq!(changing.len(), 4);
        for sent in changing {
            // Ids of the cloud have one hyphen.
            assert!(sent.get("InstanceId").matches('-').count() > 1, "{:?}", sent.parameters);
            for name in ["Period", "PeriodUnit", "ExpectedRenewDay", "ClientToken", "Duration"] {
                assert!(!sent.parameters.contains_key(name), "{:?}", sent.parameters);
            }
        }
    });
}
