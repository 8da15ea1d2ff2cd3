//! YAML text to a tree with places, within limits.
//!
//! What YAML allows and a file that moves money does not need is refused where it stands: anchors,
//! aliases, merge keys, tags, several documents, a key twice. Nothing here knows the desired state.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::broken;
use super::tree::{Kind, Node, Pair, Scalar};
use super::words::shown;
use crate::diagnostic::{Diagnostic, Source};
use crate::text::grouped;

/// Largest file, in bytes. A hundred thousand instances fit, if written shortly.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Deepest nesting. A correct file needs four levels.
const DEPTH_MAX: usize = 32;
/// Most values in one file, keys included.
const NODES_MAX: usize = 1_000_000;
/// Longest single value, in characters. The longest correct one is a name of 128.
const SCALAR_CHARS_MAX: usize = 4_096;
/// After so many errors of form the rest of a file is not read.
const ERRORS_MAX: usize = 1_000;

/// Reads one document. `None` if it could not be read to its end; then at least one error was added.
pub(super) fn read(index: usize, source: &Source, out: &mut Vec<Diagnostic>) -> Option<Node> {
    let errors = out.len();
    let mut builder = Builder { index, source, out, errors, open: Vec::new(), nodes: 0, root: None };
    let whole = builder.run();
    let root = builder.root.take();
    let empty = root.as_ref().is_none_or(
        |root| matches!(&root.kind, Kind::Scalar(scalar) if scalar.plain && scalar.text.is_empty()),
    );
    if whole.is_err() {
        return None;
    }
    if empty {
        builder.out.push(
            Diagnostic::error("the file is empty")
                .at(index, 0..0, "")
                .why("an empty file asks for nothing, which is more likely a mistake than a wish")
                .help("begin with `version: 1` and list the instances under `instances:`"),
        );
        return None;
    }
    root
}

/// The rest is not read; an error was added.
struct Stop;

/// A collection that is not closed yet.
struct Open {
    start: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    /// The pairs so far, and the key that waits for its value.
    Mapping(Vec<Pair>, Option<Key>),
}

/// A key that waits for its value.
enum Key {
    Text(String, Range<usize>),
    /// An error was added: its value is dropped.
    Refused,
}

struct Builder<'a> {
    index: usize,
    source: &'a Source,
    out: &'a mut Vec<Diagnostic>,
    /// How many errors there were before this file.
    errors: usize,
    open: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    fn run(&mut self) -> Result<(), Stop> {
        let source: &'a Source = self.source;
        let mut parser = Parser::new_from_str(&source.text);
        let mut documents = 0;
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| {
                let byte = source.byte_of(error.marker().index());
                self.out.push(broken::explain(self.index, source, byte, error.info()));
                Stop
            })?;
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
            }
            if documents > 1 {
                let second = Diagnostic::error("a second document begins here")
                    .at(self.index, self.bytes(&span), "")
                    .why("one file holds one document, so that no part of it is overlooked")
                    .help("remove this `---`, or move what follows into a file of its own");
                self.out.push(second);
                return Err(Stop);
            }
            self.take(event, &span)?;
            if self.out.len() - self.errors >= ERRORS_MAX {
                let at = self.bytes(&span);
                return Err(self.limit(at, "too many errors in this file", "errors", ERRORS_MAX, ""));
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        let bytes = self.bytes(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.unadorned(anchor, tag.is_some(), &bytes);
                if text.len() > SCALAR_CHARS_MAX && text.chars().count() > SCALAR_CHARS_MAX {
                    let help =
                        "shorten it; if it should be several lines, look for a quote that is not closed";
                    return Err(self.limit(
                        bytes,
                        "a value is too long",
                        "characters",
                        SCALAR_CHARS_MAX,
                        help,
                    ));
                }
                let plain = style == ScalarStyle::Plain;
                self.add(Node { span: bytes, kind: Kind::Scalar(Scalar { text: text.into_owned(), plain }) })
            }
            Event::Alias(_) => {
                self.out.push(broken::alias(self.index, bytes.clone()));
                self.add(Node { span: bytes, kind: Kind::Refused })
            }
            Event::SequenceStart(anchor, tag) => {
                self.unadorned(anchor, tag.is_some(), &bytes);
                self.begin(bytes, Items::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.unadorned(anchor, tag.is_some(), &bytes);
                self.begin(bytes, Items::Mapping(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&bytes),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, bytes: Range<usize>, items: Items) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            self.out.push(too_deep(self.index, bytes));
            return Err(Stop);
        }
        self.open.push(Open { start: bytes.start, items });
        Ok(())
    }

    fn end(&mut self, bytes: &Range<usize>) -> Result<(), Stop> {
        let Some(Open { start, items }) = self.open.pop() else { return Ok(()) };
        // A block collection ends where the next thing begins: its own text ends before that.
        let text = self.source.text.get(start..bytes.end.max(start)).unwrap_or_default();
        let span = start..start + text.trim_end().len();
        let kind = match items {
            Items::Sequence(nodes) => Kind::Sequence(nodes),
            Items::Mapping(pairs, _) => Kind::Mapping(self.once(pairs)),
        };
        self.add(Node { span, kind })
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, node: Node) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let help = "split the file; `-f` can be given several times";
            return Err(self.limit(node.span, "the file holds too much", "values", NODES_MAX, help));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.items {
            Items::Sequence(nodes) => nodes.push(node),
            Items::Mapping(pairs, waiting) => match waiting.take() {
                None => *waiting = Some(as_key(self.index, node, self.out)),
                Some(Key::Refused) => {}
                Some(Key::Text(key, key_span)) => pairs.push(Pair { key, key_span, value: node }),
            },
        }
        Ok(())
    }

    /// Reports keys that stand twice; the first one stays.
    fn once(&mut self, pairs: Vec<Pair>) -> Vec<Pair> {
        let mut seen: HashMap<String, Range<usize>> = HashMap::with_capacity(pairs.len());
        let mut kept = Vec::with_capacity(pairs.len());
        for pair in pairs {
            if let Some(first) = seen.get(&pair.key) {
                if self.out.len() - self.errors > ERRORS_MAX {
                    continue;
                }
                let twice = Diagnostic::error(format!("the key `{}` stands here twice", shown(&pair.key)))
                    .at(self.index, pair.key_span, "again")
                    .at(self.index, first.clone(), "first here")
                    .why("which of the two is meant cannot be known")
                    .help("remove one of them");
                self.out.push(twice);
            } else {
                seen.insert(pair.key.clone(), pair.key_span.clone());
                kept.push(pair);
            }
        }
        kept
    }

    /// Refuses anchors and tags. The value behind them is still looked at.
    fn unadorned(&mut self, anchor: usize, tag: bool, bytes: &Range<usize>) {
        let text = self.source.text.get(bytes.clone()).unwrap_or_default();
        let word = text.split_whitespace().next().unwrap_or_default();
        let at = bytes.start..bytes.start + word.len();
        if anchor > 0 {
            self.out.push(
                Diagnostic::error("anchors are not allowed")
                    .at(self.index, at.clone(), "an anchor")
                    .why("every entry says by itself what it asks for, so that a reviewer sees it where it stands")
                    .help(format!("remove `{}`; what many entries share belongs under `defaults:`", shown(word))),
            );
        } else if tag {
            self.out.push(
                Diagnostic::error("tags are not allowed")
                    .at(self.index, at, "a tag")
                    .why("the type of each value is fixed; a tag could only contradict it")
                    .help(format!("remove `{}`; a text that begins with `!` is put in quotes", shown(word))),
            );
        }
    }

    fn limit(&mut self, at: Range<usize>, what: &str, unit: &str, most: usize, help: &str) -> Stop {
        let most = grouped(most);
        let error = Diagnostic::error(what).at(self.index, at, "").why(format!("the limit is {most} {unit}"));
        let help = if help.is_empty() { "correct those above first" } else { help };
        self.out.push(error.help(help));
        Stop
    }

    fn bytes(&self, span: &Span) -> Range<usize> {
        let start = self.source.byte_of(span.start.index());
        start..self.source.byte_of(span.end.index()).max(start)
    }
}

/// Takes a value as the key of a mapping.
fn as_key(index: usize, node: Node, out: &mut Vec<Diagnostic>) -> Key {
    match node.kind {
        Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => {
            out.push(
                Diagnostic::error("merge keys are not allowed")
                    .at(index, node.span, "")
                    .why("every entry says by itself what it asks for, so that a reviewer sees it where it stands")
                    .help("write the keys out; what many entries share belongs under `defaults:`"),
            );
            Key::Refused
        }
        Kind::Scalar(scalar) if scalar.text.is_empty() => {
            out.push(
                Diagnostic::error("a key is missing before the `:`")
                    .at(index, node.span, "")
                    .why("each line of a mapping is `key: value`")
                    .help("write the key, or remove the line"),
            );
            Key::Refused
        }
        Kind::Scalar(scalar) => Key::Text(scalar.text, node.span),
        Kind::Refused => Key::Refused,
        Kind::Sequence(_) | Kind::Mapping(_) => {
            out.push(
                Diagnostic::error("a key must be one word, not a list or a mapping")
                    .at(index, node.span, "")
                    .why("`[`, `{` and `? ` can begin a key of several values in YAML; nothing here has such a key")
                    .help("write `key: value`; put a text with brackets or braces in quotes"),
            );
            Key::Refused
        }
    }
}

/// The error for what is nested too deeply.
pub(super) fn too_deep(index: usize, at: Range<usize>) -> Diagnostic {
    Diagnostic::error("the nesting is too deep")
        .at(index, at, "")
        .why(format!("the limit is {DEPTH_MAX} levels; a desired-state file needs four"))
        .help("look for a bracket or brace that is not closed, or text that should be in quotes")
}
