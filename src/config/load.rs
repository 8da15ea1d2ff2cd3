//! The bytes of all files to one checked [`Config`], with all errors of all files.
//!
//! Here a file becomes text, and what can only be seen across files is checked: no instance twice, no
//! two accounts.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::check::{self, Checked};
use super::fields::Checking;
use super::syntax::{self, FILE_BYTES_MAX};
use super::{Asked, Config, FileConfig};
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::ids::{AccountId, InstanceId};
use crate::text::grouped;

/// So many instances that are asked for twice are shown.
const TWICE_MAX: usize = 10_000;

/// What came of reading files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The files as text, in the order given; marks of diagnostics point into them.
    pub sources: Vec<Source>,
    /// Errors and warnings, in file order and then by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the files ask for; `None` if there is any error.
    pub config: Option<Config>,
}

/// Reads and checks all files, given as path and content.
pub fn load(files: &[(Rc<str>, Vec<u8>)]) -> Loaded {
    let mut sources = Vec::with_capacity(files.len());
    let mut diagnostics = Vec::new();
    let mut configs = Vec::with_capacity(files.len());
    let mut ids = Vec::new();
    let mut accounts = Vec::new();
    for (index, (path, bytes)) in files.iter().enumerate() {
        let (source, readable) = decode(index, path, bytes, &mut diagnostics);
        if readable && let Some(tree) = syntax::read(index, &source, &mut diagnostics) {
            let before = diagnostics.len();
            let checking = Checking { index, source: &source, out: &mut diagnostics, before };
            let Checked { site, account, limits, entries, ids: found } = check::file(checking, &tree);
            let account = account.given().map(|(account, at)| {
                accounts.push((account.clone(), index, at.value.clone()));
                Asked { value: account.clone(), place: source.place(at.key.start) }
            });
            ids.extend(found.into_iter().map(|(id, at)| (id, index, at)));
            let sha256 = HEXLOWER.encode(&Sha256::digest(bytes));
            configs.push(FileConfig { path: path.clone(), sha256, site, account, limits, entries });
        }
        sources.push(source);
    }
    once(ids, &mut diagnostics);
    one_account(&accounts, &mut diagnostics);
    diagnostics.sort_by_key(|one| one.marks.first().map(|mark| (mark.source, mark.bytes.start)));
    let sound = diagnostics.iter().all(|one| one.severity == Severity::Warning);
    let config = sound.then_some(Config { files: configs });
    Loaded { sources, diagnostics, config }
}

/// The text of a file; whether it can be read on.
fn decode(index: usize, path: &Rc<str>, bytes: &[u8], out: &mut Vec<Diagnostic>) -> (Source, bool) {
    if bytes.len() > FILE_BYTES_MAX {
        out.push(
            Diagnostic::error("the file is too large")
                .at(index, 0..0, "")
                .why(format!("the limit is {} bytes", grouped(FILE_BYTES_MAX)))
                .help("split it; `-f` can be given several times"),
        );
        return (Source::new(path.clone(), ""), false);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return (Source::new(path.clone(), text), true),
        Err(error) => error,
    };
    // Before the first bad byte the lossy text is the same, so the place is right.
    let source = Source::new(path.clone(), String::from_utf8_lossy(bytes));
    let at = error.valid_up_to();
    let byte = bytes.get(at).copied().unwrap_or_default();
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let why = if wide { "it seems to be UTF-16" } else { "YAML files are UTF-8" };
    out.push(
        Diagnostic::error("the file is not UTF-8")
            .at(index, at..at + char::REPLACEMENT_CHARACTER.len_utf8(), format!("byte 0x{byte:02X}"))
            .why(format!("{why}; the first wrong byte is at offset {at}, on line {}", source.place(at).line))
            .help("save the file as UTF-8"),
    );
    (source, false)
}

/// Reports instances that are asked for twice, in one file or in several.
fn once(ids: Vec<(InstanceId, usize, Range<usize>)>, out: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<InstanceId, (usize, Range<usize>)> = HashMap::with_capacity(ids.len());
    let mut twice = 0;
    for (id, index, at) in ids {
        if let Some((first, place)) = seen.get(&id) {
            twice += 1;
            if twice > TWICE_MAX {
                continue;
            }
            out.push(
                Diagnostic::error(format!("the instance {id} is asked for twice"))
                    .at(index, at, "again")
                    .at(*first, place.clone(), "first here")
                    .why("an instance id is unique in all regions, and an instance has one desired state")
                    .help("remove one of the two entries"),
            );
        } else {
            seen.insert(id, (index, at));
        }
    }
}

/// Reports files that name another account than the first that names one.
fn one_account(accounts: &[(AccountId, usize, Range<usize>)], out: &mut Vec<Diagnostic>) {
    let Some((first, first_index, first_at)) = accounts.first() else { return };
    for (account, index, at) in accounts.iter().filter(|(account, ..)| account != first) {
        out.push(
            Diagnostic::error(format!("the files are for two accounts, {first} and {account}"))
                .at(*index, at.clone(), "another one")
                .at(*first_index, first_at.clone(), "first here")
                .why("a run has one key, and a key belongs to one account")
                .help("run the files of each account by themselves, or correct `account`"),
        );
    }
}
