//! A command that prints a key, of a CLI profile in the mode External: run directly, never by a shell.
//!
//! It prints JSON: `{"mode": "StsToken", "access_key_id": …, "access_key_secret": …, "sts_token": …,
//! "expiration": …}` (credentials-go, external.go). Neither what it prints nor its stderr is ever shown.

use chrono::{DateTime, Duration};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Around, Credentials, Found, Issued, Reason, Source, uri};
use crate::ports::{ProcessError, ProcessRequest};

/// The longest a command may run (credentials-go).
const TIMEOUT_MS: u64 = 60_000;

/// A program and its arguments.
pub(super) struct Command {
    program: String,
    arguments: Vec<String>,
}

/// The command of a profile.
pub(super) fn of_profile(around: &Around, command: Option<&str>) -> Found {
    let command = command.ok_or_else(|| Reason::broken("it has no process_command"))?;
    uri::refuse_if_disabled(around)?;
    let mut words =
        split(command, cfg!(windows)).map_err(|why| Reason::broken(format!("process_command {why}")))?;
    if words.first().is_none_or(String::is_empty) {
        return Err(Reason::broken("process_command names no program"));
    }
    let program = words.remove(0);
    Ok(Source::External(Command { program, arguments: words }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Printed {
    mode: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<SecretString>,
    sts_token: Option<SecretString>,
    expiration: Option<String>,
}

impl Command {
    pub(super) async fn issue(&self, around: &Around) -> Result<Issued, Reason> {
        let asked_at = around.now();
        let request = ProcessRequest {
            program: self.program.clone(),
            arguments: self.arguments.clone(),
            timeout_ms: TIMEOUT_MS,
        };
        let output = around.doors.processes.run(request).await.map_err(|error| {
            let hint =
                if matches!(error, ProcessError::Failed(_)) { "; run it by hand to see why" } else { "" };
            Reason::broken(format!("process_command: {error}{hint}"))
        })?;
        let printed: Result<Printed, _> = serde_json::from_slice(output.expose_secret());
        let printed =
            printed.map_err(|_| Reason::broken("process_command printed something else than a key"))?;
        printed.issued(asked_at).map_err(|reason| reason.at("process_command"))
    }
}

impl Printed {
    fn issued(self, asked_at: DateTime<chrono::Utc>) -> Result<Issued, Reason> {
        let filled = |secret: &SecretString| !secret.expose_secret().is_empty();
        let lacks = |what| Reason::broken(format!("what it printed has no {what}"));
        let key_id = self.access_key_id.filter(|id| !id.is_empty());
        let key_id = key_id.ok_or_else(|| lacks("access_key_id"))?;
        let secret = self.access_key_secret.filter(filled).ok_or_else(|| lacks("access_key_secret"))?;
        let token = self.sts_token.filter(filled);
        if token.is_none() && self.mode.as_deref() == Some("StsToken") {
            return Err(lacks("sts_token"));
        }
        let key = Credentials::checked(key_id, secret, token);
        let key = key.map_err(|what| Reason::last(format!("the {what} that it printed can be none")))?;
        let end = self.expiration.filter(|end| !end.is_empty());
        let ends_at = end.map(|end| DateTime::parse_from_rfc3339(&end).map(|end| end.to_utc())).transpose();
        let ends_at = ends_at.map_err(|_| Reason::broken("the expiration that it printed is no time"))?;
        if ends_at.is_some_and(|end| end - asked_at <= Duration::zero()) {
            return Err(Reason::broken("the session that it printed has ended already"));
        }
        Ok(Issued { key: key.into(), ends_at })
    }
}

/// The words of a command, as the official Go SDK splits them: blanks separate, quotes hold together, and
/// elsewhere than on Windows, where it separates folders, a backslash takes the next character as it is.
fn split(command: &str, windows: bool) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = command.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => {
                let next = rest.peek().copied();
                let taken = match (windows, quote) {
                    (true, None) => None,
                    (true, Some(_)) => next.filter(|next| *next == '"'),
                    (false, Some(_)) => next.filter(|next| "\"\\$`\n".contains(*next)),
                    (false, None) => Some(next.ok_or("ends with a backslash")?),
                };
                match taken {
                    Some(taken) => {
                        rest.next();
                        // A line that goes on.
                        if taken != '\n' {
                            word.get_or_insert_default().push(taken);
                        }
                    }
                    None => word.get_or_insert_default().push('\\'),
                }
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("has a quote that does not end");
    }
    words.extend(word);
    Ok(words)
}
