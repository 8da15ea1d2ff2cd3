//! The one place that sends, signs and retries.
//!
//! Each attempt has a new nonce, timestamp and signature; a charge keeps its ClientToken, because the
//! token is one of the action's parameters. Nothing here knows what an action means.

use std::cell::Cell;
use std::rc::Rc;

use chrono::{DateTime, Duration, NaiveDateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::error::{CallError, class, hint};
use super::sign;
use super::wire::{Action, ErrorReply};
use crate::ids::RegionId;
use crate::ports::{Clock, Entropy, HttpReply, HttpRequest, LocalFuture, Transport, TransportError};
use crate::retry::{Class, PATIENCE};
use crate::text::Untrusted;

/// The longest wait for one answer. The official SDKs allow RenewInstance 19 s or more.
const ATTEMPT_TIMEOUT_MS: u64 = 30_000;
/// A change of the server's clock against ours that is smaller than this is not believed, in seconds.
const OFFSET_S_MIN: i64 = 2;
/// Longest part of a message that is kept: SignatureDoesNotMatch embeds the whole request.
const MESSAGE_CHARS_MAX: usize = 300;

/// What a client stands on.
pub struct Doors {
    /// The network.
    pub transport: Rc<dyn Transport>,
    /// The machine's clock, for timestamps.
    pub clock: Rc<dyn Clock>,
    /// Nonces and jitter.
    pub entropy: Rc<dyn Entropy>,
}

/// Says whether a call may be sent once more, after the wait and just before the sending.
pub trait Gate {
    /// Whether to send again after an answer of this class.
    fn may_resend(&self, class: Class) -> LocalFuture<'_, bool>;
}

/// How one call may be repeated.
#[derive(Clone, Copy, Default)]
pub(super) struct Policy<'a> {
    /// Whether to wait and repeat while something is in progress.
    pub(super) waits_when_busy: bool,
    /// Asked before each repetition; without one, repetitions are free.
    pub(super) gate: Option<&'a dyn Gate>,
}

/// A good answer.
pub(super) struct Reply<T> {
    pub(super) body: T,
    /// Its Date header.
    pub(super) date: Option<DateTime<Utc>>,
}

pub(super) struct Caller {
    doors: Doors,
    credentials: Credentials,
    endpoint: Endpoint,
    /// Server's clock minus the machine's.
    offset: Cell<Option<Duration>>,
    /// Added to timestamps once the server has said that ours are wrong.
    correction: Cell<Duration>,
}

/// What one attempt brought, if not a good answer.
struct Failure {
    class: Class,
    code: Option<String>,
    message: Untrusted,
    request_id: Option<String>,
    http_status: Option<u16>,
    maybe_done: bool,
    /// No connection was made.
    unsent: bool,
    wish_ms: Option<u64>,
    date: Option<DateTime<Utc>>,
}

impl Caller {
    pub(super) fn new(doors: Doors, credentials: Credentials, endpoint: Endpoint) -> Self {
        Self {
            doors,
            credentials,
            endpoint,
            offset: Cell::new(None),
            correction: Cell::new(Duration::zero()),
        }
    }

    pub(super) fn server_now(&self) -> DateTime<Utc> {
        self.doors.clock.now() + self.offset.get().unwrap_or_else(Duration::zero)
    }

    pub(super) fn server_offset(&self) -> Option<Duration> {
        self.offset.get()
    }

    /// Calls until there is a good answer, an answer that no repetition changes, or no patience left.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        region: &RegionId,
        action: &Action,
        policy: Policy<'_>,
    ) -> Result<Reply<T>, CallError> {
        let mut attempts = 0;
        let mut maybe_done = false;
        let mut resigned = false;
        let mut unsent = 0;
        loop {
            attempts += 1;
            let failure = match self.attempt(region, action).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            maybe_done |= failure.maybe_done;
            let again = match failure.class {
                Class::Retry { .. } => true,
                Class::Busy => policy.waits_when_busy,
                Class::Resign if !resigned => {
                    resigned = true;
                    self.correct_clock(&failure);
                    true
                }
                _ => false,
            };
            unsent = if failure.unsent { unsent + 1 } else { 0 };
            if !again || attempts >= PATIENCE.attempts_max || unsent >= PATIENCE.unsent_max {
                return Err(failed(action.name, failure, attempts, maybe_done));
            }
            tokio::time::sleep(self.delay(&failure, attempts + 1)).await;
            if let Some(gate) = policy.gate
                && !gate.may_resend(failure.class).await
            {
                return Err(failed(action.name, failure, attempts, maybe_done));
            }
        }
    }

    fn delay(&self, failure: &Failure, attempt: u32) -> std::time::Duration {
        match failure.class {
            Class::Resign => return std::time::Duration::ZERO,
            Class::Busy => return std::time::Duration::from_millis(PATIENCE.busy_ms),
            _ => {}
        }
        let mut chance = [0];
        self.doors.entropy.fill(&mut chance);
        let throttled = failure.class == Class::Retry { throttled: true };
        PATIENCE.delay(attempt, throttled, failure.wish_ms, chance.into_iter().next().unwrap_or(0))
    }

    /// Takes the server's clock for timestamps, if it was our clock that was wrong.
    fn correct_clock(&self, failure: &Failure) {
        let expired = failure.code.as_deref().is_some_and(|code| code.starts_with("InvalidTimeStamp"));
        if let (true, Some(date)) = (expired, failure.date) {
            self.correction.set(date - self.doors.clock.now());
        }
    }

    /// A Date header tells whole seconds: a difference that small is no news, and taking it would let
    /// the server's time run back.
    fn learn_offset(&self, date: DateTime<Utc>) {
        let found = date - self.doors.clock.now();
        let news =
            self.offset.get().is_none_or(|known| (found - known).abs() > Duration::seconds(OFFSET_S_MIN));
        if news {
            self.offset.set(Some(found));
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        region: &RegionId,
        action: &Action,
    ) -> Result<Reply<T>, Failure> {
        let request = HttpRequest {
            url: self.endpoint.url(region),
            headers: vec![
                ("accept".to_owned(), "application/json".to_owned()),
                ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ],
            body: self.signed_body(action),
            timeout_ms: ATTEMPT_TIMEOUT_MS,
        };
        let answer = self.doors.transport.send(request).await;
        let reply = answer.map_err(|error| {
            tracing::debug!(action = action.name, %region, %error, "no answer");
            no_answer(&error)
        })?;
        let date = reply.header("date").and_then(parse_date);
        let result = judge(&reply, date);
        // The clock of a proxy on the way is not the cloud's.
        let from_cloud = result.as_ref().map_or_else(|failure| failure.code.is_some(), |_| true);
        if let (true, Some(date)) = (from_cloud, date) {
            self.learn_offset(date);
        }
        match &result {
            Ok(_) => tracing::debug!(action = action.name, %region, "ok"),
            Err(failure) => tracing::debug!(
                action = action.name,
                %region,
                status = failure.http_status,
                code = failure.code.as_deref(),
                request_id = failure.request_id.as_deref(),
                "failed"
            ),
        }
        result
    }

    /// The form body: everything travels in it, so that no address in a proxy's log holds a signature.
    fn signed_body(&self, action: &Action) -> String {
        let mut nonce = [0; 16];
        self.doors.entropy.fill(&mut nonce);
        let timestamp = self.doors.clock.now() + self.correction.get();
        let mut parameters: Vec<(String, String)> =
            action.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let common = [
            ("Action", action.name.to_owned()),
            ("Version", "2014-05-26".to_owned()),
            // The default is XML.
            ("Format", "JSON".to_owned()),
            ("AccessKeyId", self.credentials.key_id().to_owned()),
            ("SignatureMethod", "HMAC-SHA1".to_owned()),
            ("SignatureVersion", "1.0".to_owned()),
            ("SignatureNonce", HEXLOWER.encode(&nonce)),
            ("Timestamp", timestamp.to_rfc3339_opts(SecondsFormat::Secs, true)),
        ];
        parameters.extend(common.into_iter().map(|(name, value)| (name.to_owned(), value)));
        if let Some(token) = self.credentials.security_token() {
            parameters.push(("SecurityToken".to_owned(), token.to_owned()));
        }
        let query = sign::canonical_query(&parameters);
        let signature = sign::signature(&sign::string_to_sign("POST", &query), self.credentials.secret());
        format!("{query}&Signature={}", sign::percent_encode(&signature))
    }
}

fn failed(action: &'static str, failure: Failure, attempts: u32, maybe_done: bool) -> CallError {
    CallError {
        action,
        class: failure.class,
        hint: failure.code.as_deref().and_then(hint),
        code: failure.code,
        message: failure.message,
        request_id: failure.request_id,
        http_status: failure.http_status,
        attempts,
        maybe_done,
    }
}

fn no_answer(error: &TransportError) -> Failure {
    Failure {
        class: Class::Retry { throttled: false },
        code: None,
        message: Untrusted::new(error.to_string()),
        request_id: None,
        http_status: None,
        maybe_done: matches!(error, TransportError::NoAnswer(_)),
        unsent: matches!(error, TransportError::NotSent(_)),
        wish_ms: None,
        date: None,
    }
}

/// Reads an answer. A 2xx whose body is not what the action answers is as good as lost.
fn judge<T: DeserializeOwned>(reply: &HttpReply, date: Option<DateTime<Utc>>) -> Result<Reply<T>, Failure> {
    let status = reply.status;
    if (200..300).contains(&status) {
        return serde_json::from_slice(&reply.body).map(|body| Reply { body, date }).map_err(|error| {
            Failure {
                class: Class::Retry { throttled: false },
                code: None,
                message: Untrusted::new(format!("the answer is not understood: {error}")),
                request_id: reply.header("x-acs-request-id").map(plain),
                http_status: Some(status),
                maybe_done: true,
                unsent: false,
                wish_ms: None,
                date,
            }
        });
    }
    let body: ErrorReply = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.code.as_deref().map(plain);
    let class = class(code.as_deref().unwrap_or_default(), status);
    let foreign = code.is_none() && class != (Class::Retry { throttled: true });
    let wish_ms = reply.header("x-acs-retry-after").and_then(|text| text.trim().parse().ok());
    let message = body.message.unwrap_or_else(|| format!("HTTP status {status} without a readable reason"));
    Err(Failure {
        class,
        message: Untrusted::new(shorten(&message)),
        request_id: body.request_id.as_deref().or_else(|| reply.header("x-acs-request-id")).map(plain),
        code,
        http_status: Some(status),
        // "Unknown error" comes with 400, too; while something is in progress, it may be ours; and an
        // error without a code is not the cloud's own word.
        maybe_done: class == (Class::Retry { throttled: false }) || class == Class::Busy || foreign,
        unsent: false,
        wish_ms,
        date,
    })
}

/// Codes and RequestIds as they should be: short and plain.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
}

/// The server's string-to-sign holds the key id and all parameters: it is cut off.
fn shorten(message: &str) -> String {
    let message = message.split("server string to sign is:").next().unwrap_or_default().trim_end();
    let mut short: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    if short.len() < message.len() {
        short.push('…');
    }
    short
}

/// A Date header: `Tue, 01 Dec 2026 02:05:00 GMT`.
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok().map(|naive| naive.and_utc())
}
