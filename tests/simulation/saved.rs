//! Saved plans: made by one run, carried out by others, once, several times, by two at once, or never.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use renewctl::cli::Session;
use renewctl::desired::{DesiredState, Selection};
use renewctl::journal::fold::fold;
use renewctl::plan::file::{Inputs, SourceText};
use renewctl::planning::{self, Moment};
use renewctl::ports::Terminal;
use renewctl::render;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::disk::Disk;
use crate::draw::{Auto, Period};
use crate::world::World;

/// A file that `plan --out` has written.
pub struct SavedFile {
    /// Which version of the files it was made from.
    pub version: usize,
    pub bytes: Vec<u8>,
    /// What its JSON shows, which is what was reviewed.
    pub changes: BTreeMap<String, Change>,
}

impl SavedFile {
    /// For what it charges.
    pub fn charged(&self) -> impl Iterator<Item = &str> {
        let charged = self.changes.iter().filter(|(_, change)| change.charge.is_some());
        charged.map(|(id, _)| id.as_str())
    }
}

/// A change of one instance, as a reviewer reads it.
#[derive(Clone, Debug)]
pub struct Change {
    pub expires_before: Option<DateTime<Utc>>,
    pub charge: Option<(Period, Option<i64>)>,
    /// The setting as it will be.
    pub auto: Option<Auto>,
}

/// Plans and saves, as `plan --out` does.
pub async fn make(
    world: &Rc<World>,
    version: usize,
    desired: &DesiredState,
    session: &Session,
    disk: &Disk,
    terminal: &dyn Terminal,
) -> Option<SavedFile> {
    let lines = renewctl::journal::parse(&disk.bytes.borrow()).lines;
    let memory = fold(&lines, &session.world);
    let made = planning::plan(desired, &session.cloud, &memory, terminal, Moment::Reading).await;
    let (plan, evidence) = made.inspect_err(|why| world.say(|| format!("no plan is saved: {why}"))).ok()?;
    let texts = world.scenario.versions[version].texts.iter().enumerate();
    let inputs = Inputs {
        sources: texts
            .map(|(index, text)| SourceText { path: format!("{index}.yaml").into(), text: text.clone() })
            .collect(),
        selection: Selection::default(),
        max_charge: desired.run_cap.clone(),
        evidence,
    };
    let (inputs, digest) = inputs.encode().unwrap();
    let bytes = render::json::saved(&plan, &session.world, &inputs, &digest).unwrap().into_bytes();
    let changes = changes(&bytes);
    Some(SavedFile { version, bytes, changes })
}

fn changes(bytes: &[u8]) -> BTreeMap<String, Change> {
    let told: Value = serde_json::from_slice(bytes).unwrap();
    let changes = told["changes"].as_array().unwrap();
    changes.iter().map(|told| (told["instance_id"].as_str().unwrap().to_owned(), change(told))).collect()
}

fn change(told: &Value) -> Change {
    let charge = told["charge"].as_object().map(|charge| {
        let cents = charge["amount"].as_str().map(|amount| {
            let amount: Decimal = amount.parse().unwrap();
            i64::try_from(amount * Decimal::ONE_HUNDRED).unwrap()
        });
        (term(charge["term"].as_str().unwrap()), cents)
    });
    Change {
        expires_before: told["before"]["expires_at"].as_str().map(|at| at.parse().unwrap()),
        charge,
        auto: told["after"]["auto_renew"].as_str().map(|auto| match auto {
            "off" => Auto::Off,
            "never" => Auto::Never,
            every => Auto::Every(term(every)),
        }),
    }
}

fn term(text: &str) -> Period {
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let number: u32 = text[..text.len() - unit.len()].parse().unwrap();
    match unit {
        "w" => Period::Weeks(number),
        "y" => Period::Months(number * 12),
        _ => Period::Months(number),
    }
}
