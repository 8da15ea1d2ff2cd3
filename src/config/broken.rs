//! What the YAML parser complains about, said to a person: what, where, why, how to fix.
//!
//! The parser's sentences are only looked at to choose better ones; a sentence that is not known here
//! is passed on as it is.

use std::ops::Range;

use super::syntax::too_deep;
use crate::diagnostic::{Diagnostic, Source};

/// Message, why, help for a sentence of the parser that contains the first word.
type Row = (&'static str, &'static str, &'static str, &'static str);

const TAB: (&str, &str, &str) = (
    "a tab stands where only spaces may",
    "YAML does not allow tabs as indentation: editors show them with different widths",
    "replace the tab by spaces, two for each level",
);
const INDENT: (&str, &str, &str) = (
    "the indentation does not fit the lines above",
    "keys of one entry begin in the same column, and so do the `-` of one list",
    "align this line with its neighbours; a text with `: ` in it is put in quotes",
);
const NO_COLON: (&str, &str, &str) = (
    "this line is not `key: value`",
    "a key ends with a colon and a space; `key:value` is one word",
    "write a space behind the `:`, or add the `:` and the value",
);
const VALUE: (&str, &str, &str) = (
    "a `:` cannot stand here",
    "either this line is indented differently from its neighbours, or the text before it has a `: ` in it",
    "align the line with the one above, or put the text in quotes",
);
const BRACKET: (&str, &str, &str) = (
    "a bracket or brace does not fit",
    "inside `[…]` and `{…}` the parts are separated by commas, and what is opened is closed",
    "add the missing `,`, `]` or `}`, or write the entry on several lines without brackets",
);
const ESCAPE: (&str, &str, &str) = (
    "a backslash begins nothing that YAML knows",
    "in double quotes a backslash begins an escape such as `\\n`",
    "use single quotes, or write the backslash twice",
);
const TAG: (&str, &str, &str) = (
    "tags are not allowed",
    "a word that begins with `!` is a tag in YAML, and no value here needs one",
    "remove it, or put the text in quotes",
);

const fn row(part: &'static str, row: (&'static str, &'static str, &'static str)) -> Row {
    (part, row.0, row.1, row.2)
}

/// The first row whose word is in the sentence counts.
const ROWS: &[Row] = &[
    // Before "tab", which is part of this word.
    row(
        "unprintable",
        (
            "a NUL character stands here",
            "a text file holds none; the file may be damaged or UTF-16",
            "remove it, or save the file as UTF-8",
        ),
    ),
    row("tab", TAB),
    row("flow mapping", BRACKET),
    row("flow sequence", BRACKET),
    row("flow construct", BRACKET),
    row("misplaced bracket", BRACKET),
    row("expected node content", BRACKET),
    row("':' may not precede", BRACKET),
    row("mapping values are not allowed", VALUE),
    row("placement of ':'", VALUE),
    (
        "':' must be followed",
        "a space is missing after the `:`",
        "YAML reads `key:value` as one word",
        "write a space behind the `:`",
    ),
    (
        "'-' must be followed",
        "a space is missing after the `-`",
        "an entry of a list begins with a hyphen and a space",
        "write a space behind the `-`",
    ),
    (
        "alphabetic or numeric",
        "a text cannot begin with `*` or `&`",
        "these signs begin an alias or an anchor in YAML",
        "put the text in quotes",
    ),
    row("tag", TAG),
    row("TAG", TAG),
    row("handle", TAG),
    row("escape", ESCAPE),
    row("hexadecimal", ESCAPE),
    row(
        "invalid indentation in quoted",
        (
            "a quote is not closed",
            "the text in quotes goes on in a line that is not indented",
            "close the quote",
        ),
    ),
    row(
        "quoted scalar, found unexpected",
        ("a quote is not closed", "the file ends inside the text in quotes", "close the quote"),
    ),
    row(
        "trailing content after double-quoted",
        (
            "something follows the closing quote",
            "a value in quotes ends with its closing quote",
            "move the quote to the end of the value, or write a quote inside the text as `\\\"`",
        ),
    ),
    row(
        "unexpected character",
        (
            "a text cannot begin with this sign",
            "YAML keeps signs such as `@`, `%` and the backquote for itself",
            "put the text in quotes",
        ),
    ),
    row(
        "byte order mark",
        (
            "a byte order mark stands inside the file",
            "it is allowed as the very first character only",
            "remove it; it often comes from joining two files",
        ),
    ),
    row(
        "did not find expected <document start>",
        (
            "nothing may stand here",
            "the value above has ended, and this line does not belong to it",
            "align the line with the one it belongs to, or remove it",
        ),
    ),
    row(
        "irective",
        (
            "directives are not allowed",
            "a line that begins with `%` speaks to the YAML parser; no file here needs that",
            "remove the line",
        ),
    ),
    row("expected key", INDENT),
    row("simple key expect ':'", NO_COLON),
    row("simple key", INDENT),
    row("invalid indentation", INDENT),
    row("'-' indicator", INDENT),
    row("block sequence entries", INDENT),
    row("mapping keys are not allowed", INDENT),
    row("wrongly indented", INDENT),
];

/// A parser's complaint at a byte of a file as an error for people.
pub(super) fn explain(index: usize, source: &Source, byte: usize, info: &str) -> Diagnostic {
    let text = &source.text;
    let at = if info.contains("simple key expect ':'") {
        line_before(text, byte)
    } else if info.contains("tab") && !info.contains("unprintable") {
        leading_tab(text, byte).unwrap_or_else(|| spot(text, byte))
    } else {
        spot(text, byte)
    };
    if info.contains("recursion limit") {
        return too_deep(index, at);
    }
    if info.contains("unknown anchor") {
        return alias(index, at);
    }
    if info.contains("must be followed") && text.get(..byte).is_some_and(|head| head.ends_with('\t')) {
        let why = "behind `:` and `-` not every YAML parser takes a tab";
        let error = Diagnostic::error(TAB.0).at(index, byte - 1..byte, "a tab");
        return error.why(why).help("replace the tab by a space");
    }
    if let Some((_, what, why, help)) = ROWS.iter().find(|(part, ..)| info.contains(part)) {
        return Diagnostic::error(*what).at(index, at, "").why(*why).help(*help);
    }
    Diagnostic::error("this is not valid YAML")
        .at(index, at, "")
        .why(format!("the YAML parser says: {info}"))
        .help("compare the line and the one above it with the examples; a text with special signs is put in quotes")
}

/// The error for an alias.
pub(super) fn alias(index: usize, at: Range<usize>) -> Diagnostic {
    Diagnostic::error("aliases are not allowed")
        .at(index, at, "an alias")
        .why("every entry says by itself what it asks for, so that a reviewer sees it where it stands")
        .help("write it out; what many entries share belongs under `defaults:`; put a text that begins with `*` in quotes")
}

/// The word at a byte; at the end of the text its last word.
fn spot(text: &str, byte: usize) -> Range<usize> {
    let rest = text.get(byte..).unwrap_or_default();
    if rest.trim().is_empty() {
        let end = text.trim_end().len();
        let last = text.get(..end).and_then(|head| head.chars().next_back()).map_or(0, char::len_utf8);
        return end - last..end;
    }
    let blank = rest.chars().take_while(|c| *c == '\t').map(char::len_utf8).sum::<usize>();
    let word =
        rest.chars().take_while(|c| !c.is_whitespace() && *c != ',').map(char::len_utf8).sum::<usize>();
    let one = rest.chars().next().map_or(0, char::len_utf8);
    byte..byte + blank.max(word).max(one)
}

/// The last line with anything on it that ends before a byte, without its indentation.
fn line_before(text: &str, byte: usize) -> Range<usize> {
    let head = text.get(..byte).unwrap_or_default().trim_end();
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    let line = head.get(start..).unwrap_or_default();
    start + (line.len() - line.trim_start().len())..head.len()
}

/// The first tab among the indentation of the line of a byte or of a later one: the parser names the
/// beginning of the value that a tab ends.
fn leading_tab(text: &str, byte: usize) -> Option<Range<usize>> {
    let mut start = text.get(..byte)?.rfind('\n').map_or(0, |at| at + 1);
    for line in text.get(start..)?.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line.get(..blank)?.find('\t') {
            return Some(start + tab..start + tab + 1);
        }
        start += line.len();
    }
    None
}
