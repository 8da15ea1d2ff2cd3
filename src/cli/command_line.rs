//! The command that applies what a plan shows, ready to be pasted into a shell.

use super::args::{Common, EMULATOR_STATE, JOURNAL, WorkArgs};
use crate::money::Money;

/// The command line that applies what a plan with these arguments shows, ready to be pasted.
pub(super) fn apply_command(common: &Common, work: &WorkArgs, max_charge: Option<&Money>) -> String {
    let mut words = vec!["renewctl".to_owned(), "apply".to_owned()];
    if let Some(url) = &common.endpoint_url {
        words.extend(["--endpoint-url".to_owned(), quoted(url)]);
    }
    if let Some(state) = &common.emulator {
        let state = state.to_string_lossy();
        words.push(if state == EMULATOR_STATE {
            "--emulator".to_owned()
        } else {
            quoted(&format!("--emulator={state}"))
        });
    }
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
    if let Some(cap) = max_charge {
        words.extend(["--max-charge".to_owned(), quoted(&cap.to_string())]);
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
