//! A file as it was read, and where in it a byte stands.
//!
//! Places are asked for by the ten thousand, also in files of one long line, so both tables are made
//! once. This file reads no file and shows nothing.

use std::ops::Range;
use std::rc::Rc;

use super::Place;

/// Characters are counted from the nearest of the marks that stand this many bytes apart.
const STRIDE: usize = 512;

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path as the user wrote it.
    pub path: Rc<str>,
    /// The whole text, without a byte order mark.
    pub text: Rc<str>,
    /// The first byte of each line. A line ends with `\n`.
    lines: Rc<[usize]>,
    /// How many characters begin before byte `STRIDE * n`.
    chars: Rc<[usize]>,
}

impl Source {
    /// Takes a text and finds its lines.
    pub fn new(path: impl Into<Rc<str>>, text: impl Into<Rc<str>>) -> Self {
        let text = text.into();
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        let mut before = 0;
        let chars = text.as_bytes().chunks(STRIDE).map(|chunk| {
            let here = before;
            before += starts(chunk);
            here
        });
        let chars = chars.collect();
        Self { path: path.into(), text, lines, chars }
    }

    /// Where a byte stands. A byte behind the end stands at the end.
    pub fn place(&self, byte: usize) -> Place {
        let byte = self.floor(byte);
        let line = self.line_of(byte);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let column = self.char_of(byte) - self.char_of(start) + 1;
        Place { path: self.path.clone(), line: line + 1, column }
    }

    /// The byte at which a character begins, counted from 0; the end of the text if there is none.
    pub(crate) fn byte_of(&self, char: usize) -> usize {
        let mark = self.chars.partition_point(|before| *before <= char).saturating_sub(1);
        let missing = char - self.chars.get(mark).copied().unwrap_or(0);
        let from = mark * STRIDE;
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let found = rest.iter().enumerate().filter(|(_, byte)| is_start(**byte)).nth(missing);
        found.map_or(self.text.len(), |(at, _)| from + at)
    }

    /// Which line a byte stands on, counted from 0.
    pub(super) fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// The bytes of a line counted from 0, without its end.
    pub(super) fn line(&self, line: usize) -> Range<usize> {
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let bytes = self.text.as_bytes();
        let end = if end > start && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end };
        start..end
    }

    /// The beginning of the character in which a byte stands.
    pub(super) fn floor(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }

    /// How many characters begin before a byte.
    fn char_of(&self, byte: usize) -> usize {
        let mark = byte / STRIDE;
        let Some(before) = self.chars.get(mark) else {
            // The text ends exactly on a mark.
            let last = self.chars.len().saturating_sub(1);
            let rest = self.text.as_bytes().get(last * STRIDE..byte).unwrap_or_default();
            return self.chars.get(last).copied().unwrap_or(0) + starts(rest);
        };
        before + starts(self.text.as_bytes().get(mark * STRIDE..byte).unwrap_or_default())
    }
}

/// How many characters begin among some bytes of UTF-8.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| is_start(**byte)).count()
}

/// Whether a byte of UTF-8 begins a character.
fn is_start(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}
