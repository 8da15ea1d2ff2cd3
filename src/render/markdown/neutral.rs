//! Foreign text in Markdown: names, places, messages. It stays readable and can do nothing.
//!
//! What is not plainly a word or a number goes into a code span. There Markdown has no syntax but
//! the closing backtick, and GitHub looks for no mentions, references, commits, e-mail addresses,
//! links, formulas or emoji. Entities alone would not do: GitHub searches the *rendered* text, so
//! that `&#64;name` still mentions somebody, and `a&#64;b.example` still becomes a link. The only
//! characters that could end a span or a cell, backtick and bar, are shown as `\u{60}` and `\u{7c}`,
//! like every hostile character.

use std::fmt::Write as _;

use crate::text::{escape, is_hostile};

/// Longest name or place that is shown, in characters before escaping. The cloud's names have at
/// most 128 (`DescribeInstances`, InstanceName).
const CODE_CHARS_MAX: usize = 200;
/// Longest message that is shown, in characters.
const PROSE_CHARS_MAX: usize = 1000;
/// Longest command that is shown, in bytes. A command that was cut would be another command.
const COMMAND_BYTES_MAX: usize = 4096;
/// Longest line of our own numbers, in bytes: only a cloud that quotes in hundreds of currencies
/// gets there.
const NUMBERS_BYTES_MAX: usize = 1500;
/// GitHub links hexadecimal words from this length on, if they name a commit.
const COMMIT_DIGITS_MIN: usize = 7;
/// Punctuation before a word of a sentence. It means nothing where only words follow it.
const OPENING: [char; 3] = ['(', '"', '\''];
/// Punctuation after a word of a sentence.
const CLOSING: [char; 8] = [')', '"', '\'', ',', '.', ';', ':', '?'];

/// Foreign text as it is, in one code span.
pub(super) fn code(text: &str) -> String {
    match text.char_indices().nth(CODE_CHARS_MAX) {
        None => span(&escape(text)),
        Some((end, _)) => span(&(escape(text.get(..end).unwrap_or_default()) + "…")),
    }
}

/// A sentence of ours with foreign words in it, escaped for one line already: its plain words stay
/// as they are, and each run of other words becomes a code span. Must not begin a block.
pub(super) fn prose(text: &str) -> String {
    let (text, rest) = match text.char_indices().nth(PROSE_CHARS_MAX) {
        None => (text, ""),
        Some((end, _)) => (text.get(..end).unwrap_or_default(), "…"),
    };
    let words: Vec<&str> = text.split(' ').collect();
    let runs = words.chunk_by(|a, b| is_plain(a) == is_plain(b));
    let shown: Vec<String> = runs
        .map(|run| {
            let plain = run.first().is_some_and(|word| is_plain(word));
            if plain { run.join(" ") } else { foreign(&run.join(" ")) }
        })
        .collect();
    shown.join(" ") + rest
}

/// A run of foreign words; the punctuation of the sentence around it stays outside of the span.
fn foreign(run: &str) -> String {
    let (before, after) = (run.trim_start_matches(OPENING), run.trim_end_matches(CLOSING));
    let core = run.get(run.len() - before.len()..after.len()).unwrap_or_default();
    if core.is_empty() {
        return span(run);
    }
    let opening = run.get(..run.len() - before.len()).unwrap_or_default();
    let closing = run.get(after.len()..).unwrap_or_default();
    format!("{opening}{}{closing}", span(core))
}

/// A command in a code block of its own. It can hold paths, so the fence is longer than any in it.
pub(super) fn fenced(command: &str) -> String {
    if command.len() > COMMAND_BYTES_MAX {
        return "The command is too long to be shown here.\n".to_owned();
    }
    let longest = command.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}sh\n{}\n{fence}\n", visible(command, |_| false))
}

/// Numbers of ours, never longer than a comment can bear.
pub(super) fn numbers(text: &str) -> String {
    match text.char_indices().find(|(at, _)| *at >= NUMBERS_BYTES_MAX) {
        None => text.to_owned(),
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "… (see the JSON output)",
    }
}

fn visible(text: &str, also: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hostile(c) || also(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

fn span(text: &str) -> String {
    let inner = visible(text, |c| matches!(c, '`' | '|'));
    // One space on both sides would be taken away: so there is one more.
    let stripped = inner.starts_with(' ') && inner.ends_with(' ') && !inner.trim_matches(' ').is_empty();
    let pad = if stripped { " " } else { "" };
    // Without content there is no code span.
    if inner.is_empty() { String::new() } else { format!("`{pad}{inner}{pad}`") }
}

/// Whether a word means nothing to Markdown or to GitHub: letters, perhaps with inner hyphens, or a
/// short number, perhaps with its unit, and the punctuation of a sentence around it.
fn is_plain(word: &str) -> bool {
    let core =
        word.trim_start_matches(['(', '"', '\'']).trim_end_matches([')', '"', '\'', ',', '.', ';', ':', '?']);
    let letter = |c: char| c.is_alphabetic() && !is_hostile(c);
    let letters = core.split(['-', '\'']).all(|part| !part.is_empty() && part.chars().all(letter));
    let unit = core.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '.'));
    let number = core.starts_with(|c: char| c.is_ascii_digit())
        && unit.len() <= 2
        && unit.bytes().all(|b| b.is_ascii_lowercase());
    let commit = core
        .split(|c: char| !c.is_alphanumeric())
        .any(|run| run.len() >= COMMIT_DIGITS_MIN && run.bytes().all(|b| b.is_ascii_hexdigit()));
    // With the full stop of a sentence after it, this is the beginning of an address.
    let address = core.to_lowercase().ends_with("www");
    (letters || number) && !commit && !address
}
