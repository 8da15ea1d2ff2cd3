//! Reading the keys of a mapping: which are valid, which kind of value stands there.
//!
//! Each wrong kind has its error here; what a value means is decided in `values` and `check`.

use std::ops::Range;

use super::tree::{Core, Kind, Node, Pair, Scalar};
use super::words::{self, listed, shown};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::text::nearest;

/// After so many errors in one file the rest of it is not checked.
const ERRORS_MAX: usize = 10_000;
/// Longest key that can be a misspelt one, in bytes.
const KEY_BYTES_MAX: usize = 64;
/// So many unknown keys of one mapping are compared with a key that is missing.
const MISSPELT_MAX: usize = 64;

/// The keys that are valid at a place.
pub(super) struct Keys {
    /// The place, for `in …`.
    pub(super) place: &'static str,
    /// Valid here.
    pub(super) valid: &'static [&'static str],
    /// Belong to a later version.
    pub(super) later: &'static [&'static str],
}

/// The top of the file.
pub(super) const TOP: Keys = Keys {
    place: "at the top of the file",
    valid: &["version", "region", "site", "account", "defaults", "limits", "instances"],
    later: &["groups"],
};
/// Under `defaults`.
pub(super) const DEFAULTS: Keys =
    Keys { place: "under `defaults`", valid: &["auto_renew", "min_remaining", "renew_period"], later: &[] };
/// Under `limits`.
pub(super) const LIMITS: Keys = Keys {
    place: "under `limits`",
    valid: &[
        "max_charge",
        "max_renewals",
        "max_term",
        "max_auto_renew_off",
        "when_exceeded",
        "allow_unpriced",
    ],
    later: &[],
};
/// In an entry of `instances`.
pub(super) const INSTANCE: Keys = Keys {
    place: "in an instance",
    valid: &["id", "name", "region", "auto_renew", "min_remaining", "renew_period"],
    later: &[],
};

/// All places with keys.
const ALL: [&Keys; 4] = [&TOP, &DEFAULTS, &LIMITS, &INSTANCE];

/// A property as it was read.
#[derive(Clone)]
pub(super) enum Field<T> {
    /// Not given.
    Absent,
    /// Given, and an error was added.
    Wrong,
    /// Given, with the bytes of its key and of its value.
    Given(T, At),
}

impl<T> Field<T> {
    /// The value, if one was given and is right.
    pub(super) fn given(&self) -> Option<(&T, &At)> {
        if let Self::Given(value, at) = self { Some((value, at)) } else { None }
    }

    /// Whether nothing was given, not even something wrong.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Where a property stands.
#[derive(Clone)]
pub(super) struct At {
    /// Bytes of the key.
    pub(super) key: Range<usize>,
    /// Bytes of the value.
    pub(super) value: Range<usize>,
}

/// One file while it is checked: where errors go.
pub(super) struct Checking<'a> {
    /// Position of the source.
    pub(super) index: usize,
    /// The file.
    pub(super) source: &'a Source,
    /// Errors and warnings so far.
    pub(super) out: &'a mut Vec<Diagnostic>,
    /// How many of them come from other files.
    pub(super) before: usize,
}

impl Checking<'_> {
    /// Adds an error at some bytes.
    pub(super) fn error(&mut self, message: String, at: Range<usize>, label: &str, why: &str, help: String) {
        let error = Diagnostic::error(message).at(self.index, at, label);
        let error = if why.is_empty() { error } else { error.why(why) };
        self.out.push(error.help(help));
    }

    /// Whether there are so many errors that more would help nobody.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() - self.before >= ERRORS_MAX
    }

    /// Where a byte of this file stands.
    pub(super) fn place(&self, byte: usize) -> Place {
        self.source.place(byte)
    }

    /// The pairs of a mapping; reports unknown keys.
    pub(super) fn pairs<'n>(&mut self, node: &'n Node, keys: &Keys) -> &'n [Pair] {
        let Kind::Mapping(pairs) = &node.kind else { return &[] };
        for pair in pairs {
            if !self.is_full() && !keys.valid.contains(&pair.key.as_str()) {
                self.unknown(pair, keys);
            }
        }
        pairs
    }

    fn unknown(&mut self, pair: &Pair, keys: &Keys) {
        let key = pair.key.as_str();
        let message = format!("unknown key `{}` {}", shown(key), keys.place);
        let span = pair.key_span.clone();
        let valid = format!("valid {} are {}", keys.place, listed(keys.valid));
        if let Some((later, place)) = ALL.iter().find_map(|keys| Some((later(key, keys)?, keys.place))) {
            let why = format!("`{later}` is not in this version of renewctl; it will stand {place}");
            return self.error(message, span, "", &why, "remove it, or use a newer renewctl".to_owned());
        }
        let help = if let Some(near) = near(key, keys) {
            format!("write `{near}`")
        } else if let Some(near) = ALL.iter().find_map(|keys| near(key, keys)) {
            let there = ALL.iter().filter(|keys| keys.valid.contains(&near)).map(|keys| keys.place);
            let places = there.collect::<Vec<_>>().join(" or ");
            if near == key {
                format!("move it: `{key}` stands {places}")
            } else {
                format!("if `{near}` is meant: it stands {places}; otherwise remove it")
            }
        } else {
            "remove it, or write one of these keys".to_owned()
        };
        self.error(message, span, "", &valid, help);
    }

    /// The text of a scalar; `None` after an error for an empty value, a list or a mapping.
    pub(super) fn scalar<'n>(&mut self, pair: &'n Pair, example: &str) -> Option<&'n Scalar> {
        let key = shown(&pair.key);
        let kind = match &pair.value.kind {
            Kind::Scalar(scalar) if scalar.core() == Core::Null => {
                let message = format!("`{key}` has no value");
                let why = "an empty value, `~` and `null` ask for nothing, which is more likely a mistake";
                let needed = matches!(key.as_str(), "version" | "id");
                let or = if needed { "" } else { ", or remove the line" };
                let help = format!("write for example `{key}: {example}`{or}");
                self.error(message, pair.key_span.clone(), "", why, help);
                return None;
            }
            Kind::Scalar(scalar) => return Some(scalar),
            Kind::Refused => return None,
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        };
        let message = format!("`{key}` must be one value, not {kind}");
        let help = format!("write for example `{key}: {example}`");
        self.error(message, pair.value.span.clone(), kind, "", help);
        None
    }

    /// The text of a scalar that must be text; `None` after an error.
    pub(super) fn text<'n>(&mut self, pair: &'n Pair, example: &str) -> Option<&'n str> {
        let scalar = self.scalar(pair, example)?;
        let kind = match scalar.core() {
            Core::Text | Core::Null => return Some(&scalar.text),
            Core::Bool(_) => "true or false",
            Core::Integer | Core::Float => "a number",
        };
        let (key, text) = (shown(&pair.key), shown(&scalar.text));
        let message = format!("`{key}` must be text, not {kind}");
        let why = format!("without quotes YAML reads `{text}` as {kind}");
        self.error(message, pair.value.span.clone(), kind, &why, format!("write `{key}: \"{text}\"`"));
        None
    }
}

impl Pair {
    /// Where it stands.
    pub(super) fn at(&self) -> At {
        At { key: self.key_span.clone(), value: self.value.span.clone() }
    }
}

/// A pair by its key.
pub(super) fn find<'n>(pairs: &'n [Pair], key: &str) -> Option<&'n Pair> {
    pairs.iter().find(|pair| pair.key == key)
}

/// Whether an unknown key was probably meant to be `key`.
pub(super) fn misspelt(pairs: &[Pair], keys: &Keys, key: &str) -> bool {
    let unknown = pairs.iter().filter(|pair| !keys.valid.contains(&pair.key.as_str()));
    unknown.take(MISSPELT_MAX).any(|pair| near(&pair.key, keys) == Some(key))
}

/// The valid key that was probably meant.
fn near(key: &str, keys: &Keys) -> Option<&'static str> {
    if key.len() > KEY_BYTES_MAX {
        return None;
    }
    let other = || words::key(key).filter(|meant| keys.valid.contains(meant));
    nearest(key, keys.valid.iter().copied()).or_else(other)
}

/// The key of a later version that was probably meant.
fn later(key: &str, keys: &Keys) -> Option<&'static str> {
    let exact = keys.later.iter().copied().find(|later| *later == key);
    exact.or_else(|| nearest(key, keys.later.iter().copied()).filter(|_| key.len() <= KEY_BYTES_MAX))
}
