//! One line of the doctor: what was looked at, how it is, and what can be done.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::AnsiColor;
use serde_json::{Value, json};

use crate::cloud::CallError;
use crate::render::{Style, paint};
use crate::text::count;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// As it should be.
    Good,
    /// A run may go well; somebody should know.
    Warning,
    /// A run would not go well.
    Failed,
    /// Not looked at, because something before it failed.
    Skipped,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    fn color(self) -> AnsiColor {
        match self {
            Self::Good => AnsiColor::Green,
            Self::Warning => AnsiColor::Yellow,
            Self::Failed => AnsiColor::Red,
            Self::Skipped => AnsiColor::BrightBlack,
        }
    }
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// What was looked at: `credentials`, `account`, `clock`, `endpoint`, `site`, `permission`.
    pub(super) name: &'static str,
    /// Which one of them; empty if there is only one.
    pub(super) subject: String,
    pub(super) status: Status,
    /// What was found.
    pub(super) text: String,
    /// What can be done.
    pub(super) fix: Option<String>,
    /// How long the answer took.
    pub(super) latency: Option<Duration>,
}

impl Check {
    pub(super) fn new(name: &'static str, subject: &str, status: Status, text: impl Into<String>) -> Self {
        Self { name, subject: subject.to_owned(), status, text: text.into(), fix: None, latency: None }
    }

    /// A call that failed.
    pub(super) fn failed(name: &'static str, subject: &str, status: Status, error: &CallError) -> Self {
        let fix = error.hint.map(str::to_owned);
        Self { fix, ..Self::new(name, subject, status, error.text()) }
    }

    /// No provider gives a key. `message` is what a run would end with.
    pub(super) fn no_key(message: &str) -> Self {
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let message = message.strip_suffix("\nNothing was changed.").unwrap_or(message);
        let (text, help) = message.split_once("\n  help: ").unwrap_or((message, ""));
        let fix = (!help.is_empty()).then(|| help.to_owned());
        Self { fix, ..Self::new("credentials", "", Status::Failed, text) }
    }

    #[must_use]
    pub(super) fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    #[must_use]
    pub(super) fn after(self, latency: Duration) -> Self {
        Self { latency: Some(latency), ..self }
    }
}

/// For people: each line with its fix under it, and a sum.
pub(super) fn as_text(checks: &[Check], style: Style) -> String {
    let subject = checks.iter().map(|check| check.subject.len()).max().unwrap_or(0);
    let mut out = String::new();
    for check in checks {
        let word = paint(style, check.status.color(), &format!("{:<7}", check.status.as_str()));
        let took = check.latency.map_or_else(String::new, |took| format!(" ({} ms)", took.as_millis()));
        let text = check.text.replace('\n', "\n          ");
        let _ = writeln!(out, "{word}  {:<11}  {:<subject$}  {text}{took}", check.name, check.subject);
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "         to do: {fix}");
        }
    }
    let number = |status| checks.iter().filter(|check| check.status == status).count();
    let (good, failed) = (number(Status::Good), number(Status::Failed));
    let warnings = count(number(Status::Warning), "warning");
    let _ =
        writeln!(out, "Doctor: {good} ok, {warnings}, {failed} failed, {} skipped.", number(Status::Skipped));
    out
}

/// For programs.
pub(super) fn as_json(checks: &[Check]) -> String {
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.name,
                "subject": check.subject,
                "status": check.status.as_str(),
                "text": check.text,
                "fix": check.fix,
                "latency_ms": check.latency.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "format_version": "1.0", "checks": checks }))
}
