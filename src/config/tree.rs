//! A YAML document as a tree in which everything remembers where it stood.
//!
//! It knows YAML's kinds of nodes and the core types of plain scalars (YAML 1.2, chapter 10.3), and
//! nothing of what a file should hold.

use std::ops::Range;

/// One value.
#[derive(Debug)]
pub(super) struct Node {
    /// Its bytes; of an empty value those of the sign after which it is missing.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    /// One word or text.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values, no key twice.
    Mapping(Vec<Pair>),
    /// Something that was refused with an error already.
    Refused,
}

/// One word or text.
#[derive(Debug)]
pub(super) struct Scalar {
    /// As YAML reads it.
    pub(super) text: String,
    /// Whether it stood without quotes, so that it can be more than text.
    pub(super) plain: bool,
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Pair {
    /// The key.
    pub(super) key: String,
    /// The key's bytes.
    pub(super) key_span: Range<usize>,
    /// The value.
    pub(super) value: Node,
}

/// What a scalar means in YAML 1.2's core schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Core {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer,
    /// Another number.
    Float,
    /// Anything else, and all that is quoted. `off`, `no` and `yes` are text.
    Text,
}

impl Scalar {
    /// What the scalar means.
    pub(super) fn core(&self) -> Core {
        if !self.plain {
            return Core::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Core::Null,
            "true" | "True" | "TRUE" => Core::Bool(true),
            "false" | "False" | "FALSE" => Core::Bool(false),
            text if is_integer(text) => Core::Integer,
            text if is_float(text) => Core::Float,
            _ => Core::Text,
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_integer(text: &str) -> bool {
    let hex = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let octal = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    digits(text.strip_prefix(['+', '-']).unwrap_or(text))
        || text.strip_prefix("0x").is_some_and(hex)
        || text.strip_prefix("0o").is_some_and(octal)
}

fn is_float(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (number, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(n, e)| (n, Some(e)));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let number = match (whole.is_empty(), part.is_empty()) {
        (false, true) => digits(whole),
        (true, false) => digits(part),
        (false, false) => digits(whole) && digits(part),
        (true, true) => false,
    };
    number && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}
