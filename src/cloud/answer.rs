//! What one attempt brought: a good answer, or a failure with all that is known of it; and the error that
//! a caller gets in the end. Nothing here sends.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::credentials::{Credentials, Reason};
use super::error::{CallError, class, hint, leaves_doubt};
use super::replies::{ErrorReply, plain};
use super::sign;
use crate::ports::{HttpReply, TransportError};
use crate::retry::Class;
use crate::text::{Untrusted, escape};

/// Longest part of a message that is kept: SignatureDoesNotMatch embeds the whole request.
const MESSAGE_CHARS_MAX: usize = 300;
/// Real secrets have thirty characters, and session tokens hundreds.
const SECRET_CHARS_MIN: usize = 8;
/// What a person can do when there is no answer at all.
const NO_ANSWER_HINT: &str =
    "check the network, a proxy, and whether the region (or --endpoint-url) names a host that exists";

/// What a person can do about an answer that is no answer of the cloud's.
const NO_CODE_HINT: &str = "something else than the cloud answered, or its answer was cut off; look for a proxy, and run again: it is safe";
/// What a person can do when the key is gone.
const NO_KEY_HINT: &str = "get a new session or key, and run again";

/// A good answer.
pub(super) struct Reply<T> {
    pub(super) body: T,
    /// Its Date header.
    pub(super) date: Option<DateTime<Utc>>,
    /// Its request, by the header.
    pub(super) request_id: Option<String>,
}

/// What one attempt brought, if not a good answer.
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) code: Option<String>,
    pub(super) message: Untrusted,
    pub(super) request_id: Option<String>,
    pub(super) http_status: Option<u16>,
    pub(super) maybe_done: bool,
    /// A 2xx whose body is not what the action answers.
    pub(super) is_unreadable: bool,
    /// No connection was made.
    pub(super) is_unsent: bool,
    pub(super) wish_ms: Option<u64>,
    pub(super) date: Option<DateTime<Utc>>,
}

impl Failure {
    /// A request that was not sent.
    pub(super) fn unsent(message: &str) -> Self {
        Self {
            class: Class::Refused,
            code: None,
            message: Untrusted::new(message.to_owned()),
            request_id: None,
            http_status: None,
            maybe_done: false,
            is_unreadable: false,
            is_unsent: true,
            wish_ms: None,
            date: None,
        }
    }

    /// There is no key to send it with.
    pub(super) fn keyless(reason: &Reason) -> Self {
        Self { class: Class::Credentials, ..Self::unsent(&no_key(reason)) }
    }

    /// A refusal that came with a good status, in the words of its body.
    pub(super) fn told(
        code: Option<&str>,
        message: &str,
        request_id: Option<String>,
        key: &Credentials,
    ) -> Self {
        let code = code.map(plain).filter(|code| !code.is_empty());
        Self {
            class: code.as_deref().map_or(Class::Refused, |code| class(code, 400)),
            code,
            message: Untrusted::new(shorten(&concealed(message, key))),
            request_id,
            http_status: Some(200),
            is_unsent: false,
            ..Self::unsent("")
        }
    }

    /// No answer at all.
    pub(super) fn no_answer(error: &TransportError, message: String) -> Self {
        Self {
            class: Class::Retry { throttled: false },
            code: None,
            message: Untrusted::new(message),
            request_id: None,
            http_status: None,
            maybe_done: matches!(error, TransportError::NoAnswer(_)),
            is_unreadable: false,
            is_unsent: matches!(error, TransportError::NotSent(_)),
            wish_ms: None,
            date: None,
        }
    }

    /// What can be done without did not come in time.
    pub(super) fn too_late(why: &str) -> Self {
        let error = TransportError::NoAnswer(why.to_owned());
        let message = error.to_string();
        Self::no_answer(&error, message)
    }
}

/// Reads an answer. A 2xx whose body is not what the action answers is as good as lost.
pub(super) fn judge<T: DeserializeOwned>(
    reply: &HttpReply,
    date: Option<DateTime<Utc>>,
    key: &Credentials,
) -> Result<Reply<T>, Failure> {
    let status = reply.status;
    let header_id = reply.header("x-acs-request-id").map(plain);
    let unreadable = (200..300).contains(&status);
    let why = if unreadable {
        match serde_json::from_slice(&reply.body) {
            Ok(body) => return Ok(Reply { body, date, request_id: header_id }),
            Err(error) => Some(format!("the answer is not understood: {error}")),
        }
    } else {
        None
    };
    let body: ErrorReply = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.code.as_deref().map(plain).filter(|code| !code.is_empty());
    let class = if unreadable {
        Class::Retry { throttled: false }
    } else {
        class(code.as_deref().unwrap_or_default(), status)
    };
    let message =
        why.or(body.message).unwrap_or_else(|| format!("HTTP status {status} without a readable reason"));
    Err(Failure {
        class,
        message: Untrusted::new(shorten(&concealed(&message, key))),
        request_id: body.request_id.as_deref().map(plain).filter(|id| !id.is_empty()).or(header_id),
        maybe_done: unreadable || leaves_doubt(code.as_deref().unwrap_or_default(), status),
        code,
        http_status: Some(status),
        is_unreadable: unreadable,
        is_unsent: false,
        wish_ms: reply
            .header("x-acs-retry-after")
            .and_then(|text| text.trim().parse().ok())
            .filter(|ms| *ms > 0),
        date,
    })
}

/// A text from outside without our secrets, plain or percent-encoded (once, or twice as in a
/// string to sign), in case that it repeats them.
pub(super) fn concealed(text: &str, key: &Credentials) -> String {
    let mut text = text.to_owned();
    for secret in [Some(key.secret()), key.security_token()] {
        let mut form = secret.unwrap_or_default().to_owned();
        for _ in 0..3 {
            // Nothing that short is a secret, and replacing it would only garble.
            if form.len() >= SECRET_CHARS_MIN {
                text = text.replace(&form, "[hidden]");
            }
            form = sign::percent_encode(&form);
        }
    }
    text
}

/// The error of a call, after so many attempts.
pub(super) fn failed(action: &'static str, failure: Failure, attempts: u32, maybe_done: bool) -> CallError {
    CallError {
        action,
        class: failure.class,
        hint: Some(match &failure.code {
            Some(code) => hint(action, code, failure.class),
            None if failure.class == Class::Credentials => NO_KEY_HINT,
            None if attempts == 0 => "run again: it is safe",
            None if failure.http_status.is_none() => NO_ANSWER_HINT,
            None => NO_CODE_HINT,
        }),
        code: failure.code,
        message: failure.message,
        request_id: failure.request_id.map(Into::into),
        http_status: failure.http_status,
        attempts,
        maybe_done,
        also: None,
    }
}

pub(super) fn no_key(reason: &Reason) -> String {
    format!("no credentials any more: {reason}")
}

/// Cuts a message to a readable length. The server's string to sign holds the key id and all
/// parameters: it is for the debug log alone.
fn shorten(message: &str) -> String {
    let (message, rest) = message.split_once("server string to sign").unwrap_or((message, ""));
    if !rest.is_empty() {
        tracing::debug!(text = escape(rest), "server string to sign");
    }
    let message = message.trim_end();
    let mut short: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    if short.len() < message.len() {
        short.push('…');
    }
    short
}
