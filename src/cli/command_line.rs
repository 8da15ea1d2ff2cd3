//! The command that applies what a plan shows, ready to be pasted into a shell.

use std::path::Path;

use super::args::{Common, EMULATOR_STATE, EndpointNetwork, JOURNAL, SignatureVersion, WorkArgs};
use crate::ids::PlanId;

/// The command line that carries out a saved plan, and only the one with this id.
pub(super) fn resume_command(common: &Common, plan: &Path, id: &PlanId, journal: &Path) -> String {
    let mut words = begin(common);
    if journal.as_os_str() != JOURNAL {
        words.extend(["--journal".to_owned(), quoted(&journal.to_string_lossy())]);
    }
    words.extend(["--plan".to_owned(), quoted(&plan.to_string_lossy())]);
    words.extend(["--checksum".to_owned(), id.to_string()]);
    words.join(" ")
}

/// The command line that applies what a plan with these arguments shows, ready to be pasted.
pub(super) fn apply_command(common: &Common, work: &WorkArgs) -> String {
    let mut words = begin(common);
    for file in &work.files.files {
        words.extend(["-f".to_owned(), quoted(&file.to_string_lossy())]);
    }
    for (flag, ids) in [("--target", &work.selection.target), ("--exclude", &work.selection.exclude)] {
        for id in ids {
            words.extend([flag.to_owned(), quoted(id)]);
        }
    }
    if work.journal.as_os_str() != JOURNAL {
        words.extend(["--journal".to_owned(), quoted(&work.journal.to_string_lossy())]);
    }
    if let Some(cap) = &work.max_charge {
        words.extend(["--max-charge".to_owned(), quoted(&cap.to_string())]);
    }
    words.join(" ")
}

/// The command with its options of every command.
fn begin(common: &Common) -> Vec<String> {
    let mut words = vec!["renewctl".to_owned(), "apply".to_owned()];
    for url in &common.endpoint_url {
        words.extend(["--endpoint-url".to_owned(), quoted(url)]);
    }
    if let Some(network) = common.endpoint_network {
        let network = if network == EndpointNetwork::Vpc { "vpc" } else { "public" };
        words.extend(["--endpoint-network".to_owned(), network.to_owned()]);
    }
    // With another one it would be somebody else who applies.
    if let Some(profile) = &common.profile {
        words.extend(["--profile".to_owned(), quoted(profile)]);
    }
    if common.signature == SignatureVersion::V3 {
        words.extend(["--signature".to_owned(), "v3".to_owned()]);
    }
    if let Some(state) = &common.emulator {
        let state = state.to_string_lossy();
        words.push(if state == EMULATOR_STATE {
            "--emulator".to_owned()
        } else {
            quoted(&format!("--emulator={state}"))
        });
    }
    words
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
