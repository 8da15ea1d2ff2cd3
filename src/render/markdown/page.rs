//! A comment of bounded length: sections of rows, of which as many are shown as fit.
//!
//! What is cut is whole rows, never a part of one; the opening with verdict and money, and the
//! closing with the plan id, always stay.

use std::fmt::Write as _;

use crate::text::{count, grouped};

/// GitHub takes less than 65,536 characters in a comment. Bytes are never fewer than characters, and
/// what is left of them is for a line that a bot adds.
const BYTES_MAX: usize = 65_000;

/// Rows under one heading.
#[derive(Default)]
pub(super) struct Section {
    /// Heading, and the head of the table if it is one.
    pub(super) head: String,
    /// Rows of a table or items of a list, each with its line end.
    pub(super) rows: Vec<String>,
    /// What follows them.
    pub(super) tail: String,
}

/// A whole comment.
pub(super) struct Page {
    /// Marker, verdict, total.
    pub(super) opening: String,
    /// In their order; those without rows are not shown.
    pub(super) sections: Vec<Section>,
    /// Plan id, times.
    pub(super) closing: String,
    /// What invites to act on it; not shown when the comment is cut.
    pub(super) invitation: String,
    /// What a comment that had to be cut says of itself.
    pub(super) cut: &'static str,
    /// Which command shows all rows.
    pub(super) full_output: &'static str,
}

impl Page {
    /// The comment, with all rows if they fit.
    pub(super) fn fit(mut self) -> String {
        self.sections.retain(|section| !section.rows.is_empty());
        let all: Vec<usize> = self.sections.iter().map(|section| section.rows.len()).collect();
        let whole = self.shown(&all);
        if whole.len() <= BYTES_MAX {
            return whole;
        }
        let bare = self.shown(&vec![0; all.len()]).len();
        let shares = self.shares(BYTES_MAX.saturating_sub(bare));
        let fitting = self.sections.iter().zip(shares).map(|(section, share)| fitting(&section.rows, share));
        self.shown(&fitting.collect::<Vec<usize>>())
    }

    /// Divides so many bytes among the sections: the small ones get all they need, the large ones
    /// the same each.
    fn shares(&self, bytes: usize) -> Vec<usize> {
        let needs: Vec<usize> =
            self.sections.iter().map(|section| section.rows.iter().map(String::len).sum()).collect();
        let mut smallest_first: Vec<(usize, usize)> = needs.iter().copied().enumerate().collect();
        smallest_first.sort_by_key(|(_, need)| *need);
        let mut shares = vec![0; needs.len()];
        let (mut left, mut waiting) = (bytes, needs.len());
        for (section, need) in smallest_first {
            let share = need.min(left / waiting.max(1));
            if let Some(slot) = shares.get_mut(section) {
                *slot = share;
            }
            (left, waiting) = (left - share, waiting.saturating_sub(1));
        }
        shares
    }

    /// The comment with so many rows of each section.
    fn shown(&self, counts: &[usize]) -> String {
        let total: usize = self.sections.iter().map(|section| section.rows.len()).sum();
        let left_out = total - counts.iter().sum::<usize>();
        let mut out = self.opening.clone();
        if left_out > 0 {
            let _ = write!(
                out,
                "\n> [!CAUTION]\n> **{}** {} of {} are left out. The JSON output of `{}` has them all.\n",
                self.cut,
                count(left_out, "row"),
                grouped(total),
                self.full_output
            );
        }
        for (section, &shown) in self.sections.iter().zip(counts) {
            out.push_str(&section.head);
            section.rows.iter().take(shown).for_each(|row| out.push_str(row));
            let hidden = section.rows.len() - shown;
            if hidden > 0 {
                let _ = writeln!(out, "\n**{} left out here.**", count(hidden, "more row"));
            }
            out.push_str(&section.tail);
        }
        out.push_str(&self.closing);
        if left_out == 0 {
            out.push_str(&self.invitation);
        }
        out
    }
}

/// How many rows fit into so many bytes.
fn fitting(rows: &[String], bytes: usize) -> usize {
    let mut used = 0;
    rows.iter()
        .take_while(|row| {
            used += row.len();
            used <= bytes
        })
        .count()
}

/// A folded list.
pub(super) fn folded(summary: &str, rows: Vec<String>) -> Section {
    let head = format!("\n<details>\n<summary>{summary}</summary>\n\n");
    Section { head, rows, tail: "\n</details>\n".to_owned() }
}

/// A table: its title, its columns, and how each is aligned (`---`, `--:`).
pub(super) fn table(title: &str, columns: &[(&str, &str)], rows: Vec<String>) -> Section {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let lines: Vec<&str> = columns.iter().map(|(_, line)| *line).collect();
    let head = format!("\n#### {title}\n\n| {} |\n| {} |\n", names.join(" | "), lines.join(" | "));
    Section { head, rows, tail: String::new() }
}
