//! Diagnostics as text for a terminal, the way rustc shows them.
//!
//! Source lines and paths are not ours: what could turn a line around or drive the terminal is
//! replaced before it goes out, one character by one, so that columns stay true. Only the marked
//! lines are handed to the renderer; a message about a long file costs no more than one about a short.

use std::collections::BTreeSet;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Padding, Renderer, Snippet};

use super::{Diagnostic, Mark, Severity, Source};
use crate::text::{count, escape, is_hostile};

/// Longest part of a source line that is looked at, in bytes. What is marked behind it is named by
/// its place alone.
const LINE_BYTES_MAX: usize = 2_000;
/// Longest mark that is drawn, in bytes.
const MARK_BYTES_MAX: usize = 60;
/// Marks that stand at most this many lines apart share one excerpt.
const GAP_LINES_MAX: usize = 40;
/// Below this width nothing can be shown.
const WIDTH_MIN: usize = 40;

/// Shows all diagnostics, and a line that counts them last; nothing for none.
///
/// `width` is that of the terminal in columns: longer source lines are cut around their mark.
pub fn render(diagnostics: &[Diagnostic], sources: &[Source], color: bool, width: usize) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width.max(WIDTH_MIN));
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&one(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    out.push_str(&summary(diagnostics, sources));
    out.push('\n');
    out
}

fn one(diagnostic: &Diagnostic, sources: &[Source], renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(plain(&diagnostic.message)));
    let marks = diagnostic.marks.iter().enumerate();
    let mut marks: Vec<(bool, &Mark)> = marks.map(|(at, mark)| (at == 0, mark)).collect();
    while let Some((_, first)) = marks.first().copied() {
        let Some(source) = sources.get(first.source) else { break };
        let line = source.line_of(first.bytes.start);
        let (together, apart): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(_, mark)| {
            mark.source == first.source && source.line_of(mark.bytes.start).abs_diff(line) <= GAP_LINES_MAX
        });
        group = excerpt(group, source, &together);
        marks = apart;
    }
    for why in &diagnostic.why {
        group = group.element(Level::NOTE.message(plain(why)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(plain(help)));
    }
    renderer.render(&[group])
}

/// Adds the lines of one source that some marks stand on.
fn excerpt<'a>(group: Group<'a>, source: &Source, marks: &[(bool, &'a Mark)]) -> Group<'a> {
    let path = escape(&source.path);
    let lines = marks.iter().map(|(_, mark)| source.line_of(source.floor(mark.bytes.start)));
    let (first, last) = (lines.clone().min().unwrap_or(0), lines.max().unwrap_or(0));
    let mut text = String::new();
    let mut annotations = Vec::new();
    for line in first..=last {
        let whole = source.line(line);
        let end = source.floor(whole.end.min(whole.start + LINE_BYTES_MAX));
        let shown = source.text.get(whole.start..end).unwrap_or_default();
        for (primary, mark) in marks {
            let from = source.floor(mark.bytes.start);
            if source.line_of(from) != line {
                continue;
            }
            if shown.is_empty() || from > end {
                let place = source.place(from);
                let origin = Origin::path(path.clone()).line(place.line).char_column(place.column);
                let group = group.element(origin).element(Padding);
                let long = Level::NOTE.message("the line is too long to be shown");
                return if shown.is_empty() { group } else { group.element(long) };
            }
            annotations.push(annotation(*primary, mark, source, whole.start..end, text.len()));
        }
        text.extend(shown.chars().map(tame));
        text.push('\n');
    }
    let snippet = Snippet::source(text).path(path).line_start(first + 1);
    group.element(snippet.annotations(annotations))
}

/// One mark, at its place among the tamed lines. It ends with its line.
fn annotation<'a>(
    primary: bool,
    mark: &'a Mark,
    source: &Source,
    line: std::ops::Range<usize>,
    base: usize,
) -> Annotation<'a> {
    let from = source.floor(mark.bytes.start).clamp(line.start, line.end);
    let to = source.floor(mark.bytes.end.min(from + MARK_BYTES_MAX)).clamp(from, line.end);
    let tamed = |end: usize| -> usize {
        let before = source.text.get(line.start..end).unwrap_or_default();
        before.chars().map(|c| tame(c).len_utf8()).sum()
    };
    let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let annotation = kind.span(base + tamed(from)..base + tamed(to));
    if mark.label.is_empty() { annotation } else { annotation.label(plain(&mark.label)) }
}

/// A character that stands in for a hostile one. A tab is drawn as spaces by the renderer.
fn tame(c: char) -> char {
    if c != '\t' && is_hostile(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// Our own sentences quote the user's text; nothing hostile gets through here either.
fn plain(text: &str) -> String {
    text.chars().map(|c| if is_hostile(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn summary(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let of = |severity| diagnostics.iter().filter(|one| one.severity == severity).count();
    let counts = [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")];
    let counts = counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| count(*number, word));
    let counts = counts.collect::<Vec<_>>().join(" and ");
    let files: BTreeSet<usize> =
        diagnostics.iter().filter_map(|one| one.marks.first()).map(|mark| mark.source).collect();
    match (files.len(), files.first().and_then(|first| sources.get(*first))) {
        (1, Some(source)) => format!("{counts} in {}", escape(&source.path)),
        (0, _) => counts,
        (number, _) => format!("{counts} in {}", count(number, "file")),
    }
}
