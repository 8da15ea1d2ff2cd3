//! The real world behind the doors: this folder is the only one that touches the clock, chance, the
//! environment, the network, files, the terminal and the process. A file for each door; those of one line
//! are here.
//!
//! It decides nothing.
#![allow(clippy::disallowed_methods, reason = "this is the one impure folder")]

mod files;
mod http;
mod interrupts;
mod journal_file;
mod log;
mod processes;
mod terminal;

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::ports::{Clock, Entropy, Environment};

pub use files::SystemFiles;
pub use http::{HttpTransport, Reach, listen};
pub use interrupts::SystemInterrupts;
pub use journal_file::JournalFile;
pub use log::log_to_stderr;
pub use processes::SystemProcesses;
pub use terminal::{SystemTerminal, terminals, widths};

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The operating system's randomness. If it fails, there is no safe way to go on with equal nonces,
/// but also no charge at risk: the counter below keeps them distinct within the run.
#[derive(Debug, Default)]
pub struct SystemEntropy {
    fallback: Cell<u64>,
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_ok() {
            return;
        }
        for chunk in bytes.chunks_mut(8) {
            let next = self.fallback.get().wrapping_add(1);
            self.fallback.set(next);
            let nanos = Utc::now().timestamp_nanos_opt().unwrap_or_default().cast_unsigned();
            let mixed = (nanos ^ next.rotate_left(32)).to_le_bytes();
            chunk.copy_from_slice(mixed.get(..chunk.len()).unwrap_or_default());
        }
    }
}

/// The process environment. Empty variables count as unset.
#[derive(Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}
