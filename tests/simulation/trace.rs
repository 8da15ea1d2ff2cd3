//! The story of one seed, line by line, for whoever has to understand it.

use std::cell::RefCell;

use chrono::{DateTime, TimeDelta, Utc};

/// Lines, if somebody wants them. Off, it costs nothing.
#[derive(Default)]
pub struct Trace {
    on: bool,
    lines: RefCell<Vec<String>>,
}

impl Trace {
    pub fn new(on: bool) -> Self {
        Self { on, lines: RefCell::default() }
    }

    /// A line at a moment, in Beijing time.
    pub fn say(&self, at: DateTime<Utc>, text: impl FnOnce() -> String) {
        if self.on {
            let at = (at + TimeDelta::hours(8)).format("%Y-%m-%d %H:%M:%S%.3f");
            self.lines.borrow_mut().push(format!("{at}  {}", text()));
        }
    }

    pub fn take(&self) -> Vec<String> {
        self.lines.take()
    }
}
