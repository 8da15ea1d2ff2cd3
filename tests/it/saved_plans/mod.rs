//! Saved plans: what was reviewed is what is carried out, or nothing is. Judged by the ledger.

mod carried_out;
mod evidence;
mod file;
mod left_out;

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
