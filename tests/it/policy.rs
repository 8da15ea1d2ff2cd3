//! `renewctl policy`: what it grants is enough for the work, and nothing of it can be left out. Judged by
//! an emulator whose key lacks what the policy does not grant.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::folder::Folder;

const WORLD: &str = "
now: 2026-12-01T12:17:00Z
keys: [{ id: emulator, secret: emulator-secret, deny: [DENIED] }]
instances:
  - { id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }
  - { id: i-b, region: cn-shanghai, expires_in: 90d, price_per_month: '100.00' }
";

const FILES: &str = "
version: 1
region: cn-beijing
account: '1234567890123456'
limits: { max_charge: 500 CNY }
instances:
  - { id: i-a, min_remaining: 30d }
  - { id: i-b, region: cn-shanghai, auto_renew: 1mo }
";

const PLAN: [&str; 3] =
    ["ecs:DescribeInstances", "ecs:DescribeInstanceAutoRenewAttribute", "ecs:DescribeRenewalPrice"];
const APPLY: [&str; 2] = ["ecs:RenewInstance", "ecs:ModifyInstanceAutoRenewAttribute"];
const BALANCE: &str = "bss:DescribeAcccount";

fn folder(denied: &str) -> Folder {
    Folder::of(&WORLD.replace("DENIED", denied), &FILES.replace("account: '1234567890123456'\n", ""))
}

fn policy(folder: &Folder, arguments: &str) -> Value {
    let run = folder.run(&format!("policy {arguments}"));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    serde_json::from_str(&run.out).unwrap()
}

fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

#[test]
fn it_names_actions_instances_regions_and_the_account() {
    let folder = Folder::new();
    folder.write("renewals.yaml", FILES);
    let all = ["acs:ecs:*:*:instance/*"];
    let (a, b) =
        ("acs:ecs:cn-beijing:1234567890123456:instance", "acs:ecs:cn-shanghai:1234567890123456:instance");
    let (ids, regions) = ([format!("{a}/i-a"), format!("{b}/i-b")], [format!("{a}/*"), format!("{b}/*")]);
    let (ids, regions) = (ids.each_ref().map(String::as_str), regions.each_ref().map(String::as_str));
    let balance = allow(&[BALANCE], &["*"]);
    let both = [PLAN.as_slice(), APPLY.as_slice()].concat();
    for (arguments, expected) in [
        ("plan", vec![allow(&PLAN, &all)]),
        ("apply", vec![allow(&both, &all), balance.clone()]),
        ("plan -f renewals.yaml", vec![allow(&PLAN, &ids)]),
        ("apply -f renewals.yaml", vec![allow(&both, &ids), balance.clone()]),
        ("apply -f renewals.yaml --by-region", vec![allow(&both, &regions), balance]),
    ] {
        assert_eq!(
            policy(&folder, arguments),
            json!({ "Version": "1", "Statement": expected }),
            "{arguments}"
        );
    }
    let run = folder.run("policy plan --by-region");
    assert!(run.code == 64 && run.err.contains("--file"), "{run:?}");
}

#[test]
fn nothing_of_it_can_be_left_out_and_nothing_more_is_needed() {
    let needed = policy(&Folder::new(), "apply");
    let names: Vec<String> = needed["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 6);
    for name in names {
        let action = if name == BALANCE { "QueryAccountBalance" } else { name.strip_prefix("ecs:").unwrap() };
        let folder = folder(action);
        let plan = folder.run("plan --emulator -f renewals.yaml --detailed-exitcode --format json");
        let plan: Value = serde_json::from_str(&plan.out).unwrap();
        let blocked = plan["summary"]["blocked"].as_u64().unwrap();
        assert_eq!(blocked > 0, PLAN.contains(&name.as_str()), "{name}: {plan}");
        assert_eq!(
            plan["complete"],
            json!(!name.starts_with("ecs:DescribeInstance")),
            "an empty list is no answer: {plan}"
        );
        let apply = folder.run("apply --emulator -f renewals.yaml --auto-approve --verify-timeout 10s");
        if name == BALANCE {
            assert_eq!(apply.code, 0, "{apply:?}");
            assert!(apply.err.contains("warning: the balance could not be read"), "{apply:?}");
        } else {
            assert_ne!(apply.code, 0, "{name}: {apply:?}");
        }
    }
    // A plan needs no right to change anything.
    let folder = folder("RenewInstance, ModifyInstanceAutoRenewAttribute, QueryAccountBalance");
    let plan = folder.run("plan --emulator -f renewals.yaml --detailed-exitcode");
    assert!(plan.code == 2 && plan.err.lines().count() == 1, "{plan:?}");
}

#[test]
fn one_that_ram_would_not_take_is_said_to_be_too_long() {
    let folder = Folder::new();
    let mut files =
        String::from("version: 1\nregion: cn-beijing\ndefaults: { min_remaining: 15d }\ninstances:\n");
    for number in 0..300 {
        writeln!(files, "  - {{ id: i-bp1{number:017} }}").unwrap();
    }
    folder.write("renewals.yaml", &files);
    let run = folder.run("policy apply -f renewals.yaml");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("characters, and RAM takes at most 6,144\n  help: give --by-region"), "{run:?}");
    let statements = serde_json::from_str::<Value>(&run.out).unwrap()["Statement"].clone();
    assert_eq!(statements[0]["Resource"].as_array().unwrap().len(), 300);
    let run = folder.run("policy apply -f renewals.yaml --by-region");
    assert!(run.err.is_empty() && run.out.len() < 1000, "{run:?}");
    // What fits without its line ends is printed without them.
    folder.write("renewals.yaml", files.lines().take(94).collect::<Vec<_>>().join("\n"));
    let run = folder.run("policy apply -f renewals.yaml");
    assert!(run.err.is_empty() && run.out.lines().count() == 1, "{run:?}");
}
