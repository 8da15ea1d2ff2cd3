//! Messages for people about their files: what, where, why, how to fix.
//!
//! A [`Diagnostic`] is data; [`render()`] shows many of them the way rustc does. Nothing here reads a
//! file or decides an exit code.

mod render;
mod source;

use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;

pub use render::render;
pub use source::Source;

/// A place in a file, for people: the first line and the first column are 1; a column counts
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The path as the user wrote it.
    pub path: Rc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl std::fmt::Display for Place {
    /// `renewals.yaml:14`: enough to find a rule.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", crate::text::escape(&self.path), self.line)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The files cannot be used.
    Error,
    /// The files can be used, but look again.
    Warning,
}

/// A marked stretch of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which of the sources, by its position in the list given to [`render()`].
    pub source: usize,
    /// Bytes of its text.
    pub bytes: Range<usize>,
    /// What is to be seen there; may be empty.
    pub label: String,
}

/// One message about the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// What happened, in one line.
    pub message: String,
    /// Where; the first is the place of the error, others explain it. A mark `0..0` stands for a
    /// whole file.
    pub marks: Vec<Mark>,
    /// Why it is wrong; may be empty.
    pub why: Vec<String>,
    /// What to type instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error that says what happened.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A warning that says what happened.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self { severity, message, marks: Vec::new(), why: Vec::new(), help: None }
    }

    /// Adds a place; the first one is the place of the error.
    #[must_use]
    pub fn at(mut self, source: usize, bytes: Range<usize>, label: impl Into<String>) -> Self {
        self.marks.push(Mark { source, bytes, label: label.into() });
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Says what to type instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
