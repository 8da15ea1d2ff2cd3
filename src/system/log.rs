//! The library's logs, on stderr.

use std::io::{self, Write};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// Stderr that never fails: a reader that went away must not end a run that is spending money.
struct Unbreakable;

impl Write for Unbreakable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the library's logs to stderr: warnings, or with `verbose` every call. With `json` each is one
/// line of JSON with a timestamp, and so is each note of the terminal.
pub fn log_to_stderr(verbose: bool, color: bool, json: bool) {
    let level = match (verbose, json) {
        (true, _) => tracing::Level::DEBUG,
        (false, true) => tracing::Level::INFO,
        (false, false) => tracing::Level::WARN,
    };
    // Only our own calls: those of the HTTP library would bury them.
    let targets = Targets::new().with_default(tracing::Level::WARN).with_target("renewctl", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Unbreakable)
        .log_internal_errors(false)
        .with_target(false);
    let registry = tracing_subscriber::registry().with(targets);
    // A second call fails and changes nothing.
    let _ = if json {
        let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
        tracing::subscriber::set_global_default(registry.with(lines))
    } else {
        tracing::subscriber::set_global_default(registry.with(lines.with_ansi(color).without_time()))
    };
}
