//! `renewctl policy`: the least RAM policy that a plan or an apply needs. Asks nobody anything.

use std::collections::BTreeSet;

use serde::Serialize;

use super::args::{PolicyArgs, PolicyFor};
use super::doors::{Doors, Failure};
use super::files::{ReadFiles, desired_state};
use super::screen::Screen;
use super::{Exit, note, result};
use crate::cloud::permission::{PERMISSIONS, Permission};
use crate::desired::DesiredState;
use crate::text::grouped;

/// A policy as RAM takes it ("Policy structure and syntax").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
}

/// The longest custom policy, in characters (RAM, "Limitations": not adjustable).
const POLICY_CHARS_MAX: usize = 6_144;

pub(super) fn run(args: &PolicyArgs, quiet: bool, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    let resources = if args.files.files.is_empty() {
        vec!["acs:ecs:*:*:instance/*".to_owned()]
    } else {
        let ReadFiles { desired, warnings, .. } = desired_state(&args.files, doors, screen)?;
        note(doors, quiet, &warnings);
        resources(&desired, args.by_region)
    };
    let policy = policy(args.of, resources);
    let json = |pretty: bool| {
        let text =
            if pretty { serde_json::to_string_pretty(&policy) } else { serde_json::to_string(&policy) };
        text.map(|text| text + "\n").map_err(|error| Failure::error(format!("error: {error}")))
    };
    let (pretty, short) = (json(true)?, json(false)?);
    let fits = |text: &str| text.trim_end().chars().count() <= POLICY_CHARS_MAX;
    if !fits(&short) {
        let (length, most) = (grouped(short.trim_end().chars().count()), grouped(POLICY_CHARS_MAX));
        let help = if args.by_region {
            "make one policy for each file, and attach them all"
        } else {
            "give --by-region, or make one policy for each file, and attach them all"
        };
        let text = format!(
            "warning: the policy has {length} characters, and RAM takes at most {most}\n  help: {help}"
        );
        note(doors, quiet, &text);
    }
    result(doors, if fits(&pretty) { &pretty } else { &short })?;
    Ok(Exit::Ok)
}

/// The instances of the files, or their regions, by the names that RAM gives them.
fn resources(desired: &DesiredState, by_region: bool) -> Vec<String> {
    let account = |file: usize| {
        let account = desired.files.get(file).and_then(|file| file.account.as_ref());
        account.map_or_else(|| "*".to_owned(), |account| account.value.to_string())
    };
    let names: BTreeSet<String> = desired
        .instances
        .iter()
        .map(|wanted| {
            let id = if by_region { "*" } else { wanted.entry.id.as_str() };
            format!("acs:ecs:{}:{}:instance/{id}", wanted.entry.region, account(wanted.file))
        })
        .collect();
    names.into_iter().collect()
}

fn policy(of: PolicyFor, resources: Vec<String>) -> Policy {
    let needed: Vec<&Permission> =
        PERMISSIONS.iter().filter(|right| of == PolicyFor::Apply || !right.changes).collect();
    let names = |by_instance: bool| -> Vec<&'static str> {
        needed.iter().filter(|right| right.by_instance == by_instance).map(|right| right.name).collect()
    };
    let allow = |action, resource| Statement { effect: "Allow", action, resource };
    let mut statement = vec![allow(names(true), resources)];
    if !names(false).is_empty() {
        statement.push(allow(names(false), vec!["*".to_owned()]));
    }
    Policy { version: "1", statement }
}
