//! Columns: how wide text is on a terminal, wrapping, and tables that fit.
//!
//! comfy-table lays out tables of up to a thousand rows; beyond that rows are padded and written as
//! they come, which is twenty times faster.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

/// Tables with more rows are streamed.
const COMFY_ROWS_MAX: usize = 1_000;
/// Narrower than this nothing is wrapped: it would be one word a line.
const WRAP_WIDTH_MIN: usize = 40;

/// Columns on a terminal; escape sequences have none, Chinese characters have two.
pub(super) fn width(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// Fills up with blanks.
pub(super) fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// Writes `head` and `text`; where the terminal is too narrow, wraps the text under itself.
pub(super) fn wrapped(out: &mut String, head: &str, text: &str, indent: usize, terminal: Option<usize>) {
    let Some(terminal) = terminal.filter(|width| *width >= WRAP_WIDTH_MIN) else {
        let _ = writeln!(out, "{head}{text}");
        return;
    };
    let blank = " ".repeat(indent);
    let options = textwrap::Options::new(terminal).initial_indent(head).subsequent_indent(&blank);
    for line in textwrap::wrap(text, options.break_words(false)) {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// A column that is wider than this is rather wrapped than that another one is left out for it.
const COLUMN_WIDTH_WISH: usize = 40;
/// No column is made narrower than this.
const COLUMN_WIDTH_MIN: usize = 12;

/// One column of a [`Grid`].
#[derive(Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    right: bool,
    /// Columns with a higher number are left out earlier when the terminal is narrow; 0 stays.
    spare: u8,
}

/// A column that stays.
pub(super) const fn column(title: &'static str) -> Column {
    Column { title, right: false, spare: 0 }
}

impl Column {
    /// With numbers.
    pub(super) const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Left out when the terminal is narrow; the highest number goes first.
    pub(super) const fn spare(self, spare: u8) -> Self {
        Self { spare, ..self }
    }
}

/// Rows under titles, without borders; groups of rows may have headings, and share their columns.
pub(super) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    /// Each with the number of rows before it.
    headings: Vec<(usize, String)>,
}

impl Grid {
    /// An empty grid.
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), headings: Vec::new() }
    }

    /// Puts a line above the rows that follow.
    pub(super) fn heading(&mut self, text: String) {
        self.headings.push((self.rows.len(), text));
    }

    /// Adds a row with a cell for each column.
    pub(super) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Writes the grid, each line behind `indent` blanks. Columns without content are left out.
    pub(super) fn write(mut self, out: &mut String, indent: usize, terminal: Option<usize>) {
        self.keep(|_, widest| widest > 0);
        let mut left_out = Vec::new();
        while let Some(terminal) = terminal
            && indent + self.widths().iter().map(|width| width.min(&COLUMN_WIDTH_WISH) + 2).sum::<usize>()
                > terminal + 2
        {
            let Some(spare) = self.columns.iter().map(|column| column.spare).max().filter(|s| *s > 0) else {
                break;
            };
            let going = self.columns.iter().filter(|column| column.spare == spare);
            left_out.extend(going.map(|column| column.title));
            self.keep(|column, _| column.spare != spare);
        }
        let widths =
            terminal.map_or_else(|| self.widths(), |width| self.fitting(width.saturating_sub(indent)));
        let titles = vec![self.columns.iter().map(|column| column.title.to_owned()).collect()];
        self.part(out, &titles, &widths, indent);
        let mut from = 0;
        let ends = self.headings.iter().map(|(at, text)| (*at, Some(text)));
        for (to, heading) in ends.chain([(self.rows.len(), None)]) {
            self.part(out, self.rows.get(from..to).unwrap_or_default(), &widths, indent);
            if let Some(heading) = heading {
                let _ = writeln!(out, "{}{heading}", " ".repeat(indent.saturating_sub(2)));
            }
            from = to;
        }
        if !left_out.is_empty() {
            let blanks = " ".repeat(indent);
            let _ = writeln!(out, "{blanks}(too narrow for: {})", left_out.join(", "));
        }
    }

    /// Widths that leave room for all columns: the widest gives way, and its cells are wrapped.
    fn fitting(&self, terminal: usize) -> Vec<usize> {
        let mut widths = self.widths();
        let whole = |widths: &[usize]| widths.iter().map(|width| width + 2).sum::<usize>();
        while whole(&widths) > terminal + 2 {
            match widths.iter_mut().max() {
                Some(widest) if *widest > COLUMN_WIDTH_MIN => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    /// Some rows.
    fn part(&self, out: &mut String, rows: &[Vec<String>], widths: &[usize], indent: usize) {
        if self.rows.len() <= COMFY_ROWS_MAX {
            arranged(out, &self.columns, rows, widths, indent);
        } else {
            self.streamed(out, rows, widths, indent);
        }
    }

    /// Keeps the columns that `wanted` wants; it is told how wide their content is, titles not counted.
    fn keep(&mut self, wanted: impl Fn(&Column, usize) -> bool) {
        let kept: Vec<bool> = (0..self.columns.len())
            .map(|at| self.columns.get(at).is_some_and(|column| wanted(column, self.widest(at))))
            .collect();
        let is_kept = |at: &usize| kept.get(*at).copied().unwrap_or(false);
        let mut at = 0..;
        self.columns.retain(|_| at.next().is_some_and(|at| is_kept(&at)));
        for row in &mut self.rows {
            let mut at = 0..;
            row.retain(|_| at.next().is_some_and(|at| is_kept(&at)));
        }
    }

    fn widest(&self, at: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or(0)
    }

    fn widths(&self) -> Vec<usize> {
        self.columns.iter().enumerate().map(|(at, column)| self.widest(at).max(width(column.title))).collect()
    }

    fn streamed(&self, out: &mut String, rows: &[Vec<String>], widths: &[usize], indent: usize) {
        for row in rows {
            let mut line = " ".repeat(indent);
            for ((cell, column), widest) in row.iter().zip(&self.columns).zip(widths) {
                let blanks = " ".repeat(widest.saturating_sub(width(cell)));
                let _ = if column.right {
                    write!(line, "{blanks}{cell}  ")
                } else {
                    write!(line, "{cell}{blanks}  ")
                };
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

/// Rows as comfy-table lays them out.
fn arranged(out: &mut String, columns: &[Column], rows: &[Vec<String>], widths: &[usize], indent: usize) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.add_rows(rows);
    for ((column, about), width) in table.column_iter_mut().zip(columns).zip(widths) {
        column.set_padding((0, 2));
        let width = u16::try_from(width + 2).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        if about.right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        let _ = writeln!(out, "{}{}", " ".repeat(indent), line.trim_end());
    }
}
