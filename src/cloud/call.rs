//! The one place that sends, signs and retries.
//!
//! Each attempt has a new nonce, timestamp and signature; a charge keeps its ClientToken, because the
//! token is one of the action's parameters. Nothing here knows what an action means.

use std::cell::Cell;
use std::rc::Rc;

use chrono::{DateTime, Duration, Utc};
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;

use super::credentials::{Credentials, Keys, Reason};
use super::endpoint::{Endpoint, Service};
use super::error::{CallError, class, hint, leaves_doubt};
use super::limiter::Limiter;
use super::replies::{ErrorReply, parse_date, plain};
use super::sign::request::Unsigned;
use super::sign::{self, Signature};
use super::wire::Action;
use crate::ports::{Clock, Entropy, HttpReply, HttpRequest, LocalFuture, Transport, TransportError};
use crate::retry::{Class, PATIENCE};
use crate::text::{Untrusted, escape};
use tokio::time::Instant;

/// The longest wait for one answer. The official SDKs allow RenewInstance 19 s or more.
const ATTEMPT_TIMEOUT_MS: u64 = 30_000;
/// Most time for a call that is not worth waiting for, repetitions included.
const BRIEF_MS: u64 = 5_000;
/// Longest part of a message that is kept: SignatureDoesNotMatch embeds the whole request.
const MESSAGE_CHARS_MAX: usize = 300;
/// A change of the server's clock against ours that is smaller than this is not believed, in seconds: a Date
/// header tells whole ones, and taking each would let the server's time run back.
const OFFSET_S_MIN: i64 = 2;
/// Real secrets have thirty characters, and session tokens hundreds.
const SECRET_CHARS_MIN: usize = 8;
/// What a person can do when there is no answer at all.
const NO_ANSWER_HINT: &str =
    "check the network, a proxy, and whether the region (or --endpoint-url) names a host that exists";

/// What a person can do about an answer that is no answer of the cloud's.
const NO_CODE_HINT: &str = "something else than the cloud answered, or its answer was cut off; look for a proxy, and run again: it is safe";
/// What a person can do when the key is gone.
const NO_KEY_HINT: &str = "get a new session or key, and run again";

/// What a client stands on.
pub struct Doors {
    /// The network.
    pub transport: Rc<dyn Transport>,
    /// The machine's clock, for timestamps.
    pub clock: Rc<dyn Clock>,
    /// Nonces and jitter.
    pub entropy: Rc<dyn Entropy>,
}

/// Attempts while the answer is a 2xx that is not understood, which is as good as lost: a torn body is
/// worth another try (a charge: under its token), a changed API is not.
const UNREADABLE_ATTEMPTS_MAX: u32 = 3;

/// Says whether a charge may be sent once more, after the wait and just before the sending.
pub trait Gate {
    /// Whether to send again after an answer of this class.
    fn may_resend(&self, class: Class) -> LocalFuture<'_, bool>;
    /// Ready when nothing may be sent again, whatever the class: then no wait makes sense.
    fn closes(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// What a call does, which decides how it may be repeated (reference 5).
#[derive(Clone, Copy)]
pub(super) enum Policy<'a> {
    /// It changes nothing.
    Read,
    /// It changes nothing, and its answer can be done without: it ends within [`BRIEF_MS`].
    BriefRead,
    /// It sets a state: safe to repeat, also after waiting for something in progress.
    Setting,
    /// It costs money: repeated only if the gate allows it each time.
    Charge(&'a dyn Gate),
}

impl Policy<'_> {
    /// Whether another attempt makes sense after a failure of this kind.
    fn repeats(self, failure: &Failure, attempts: u32) -> bool {
        match failure.class {
            Class::Retry { .. } if failure.is_unreadable => attempts < UNREADABLE_ATTEMPTS_MAX,
            Class::Retry { .. } => true,
            Class::Busy { own } => match self {
                Self::Read | Self::BriefRead => false,
                Self::Setting => true,
                Self::Charge(_) => own,
            },
            _ => false,
        }
    }

    fn reads(self) -> bool {
        matches!(self, Self::Read | Self::BriefRead)
    }

    /// When it must have ended, if it begins now.
    fn end(self, reads_until: Option<Instant>) -> Option<End> {
        let whole = reads_until
            .filter(|_| self.reads())
            .map(|at| End { at, why: "the time for reading is over (--read-timeout)" });
        let brief = || Instant::now() + std::time::Duration::from_millis(BRIEF_MS);
        let brief = matches!(self, Self::BriefRead).then(|| End { at: brief(), why: "not within 5 seconds" });
        whole.into_iter().chain(brief).min_by_key(|end| end.at)
    }
}

/// When a read is given up, and what is said then.
#[derive(Clone, Copy)]
struct End {
    at: Instant,
    why: &'static str,
}

/// Why there is no key to send with.
enum Keyless {
    /// There is none any more.
    None(Reason),
    /// A read has no time left to wait for one.
    Late(End),
    /// Nothing may be sent any more.
    Closed,
}

/// A good answer.
pub(super) struct Reply<T> {
    pub(super) body: T,
    /// Its Date header.
    pub(super) date: Option<DateTime<Utc>>,
    /// Its request, by the header.
    pub(super) request_id: Option<String>,
}

pub(super) struct Sender {
    doors: Doors,
    keys: Keys,
    endpoint: Endpoint,
    signature: Signature,
    limiter: Limiter,
    /// When reads are given up.
    reads_until: Cell<Option<Instant>>,
    /// Server's clock minus the machine's.
    offset: Cell<Option<Duration>>,
    /// Added to timestamps once the server has refused ours and taken these.
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
    /// A 2xx whose body is not what the action answers.
    is_unreadable: bool,
    /// No connection was made.
    is_unsent: bool,
    wish_ms: Option<u64>,
    date: Option<DateTime<Utc>>,
}

impl Failure {
    /// A request that was not sent.
    fn unsent(message: &str) -> Self {
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
    fn keyless(reason: &Reason) -> Self {
        Self { class: Class::Credentials, ..Self::unsent(&no_key(reason)) }
    }
}

impl Sender {
    /// A sender of at most `parallelism` reads at one time.
    pub(super) fn new(doors: Doors, keys: Keys, endpoint: Endpoint, parallelism: usize) -> Self {
        Self {
            doors,
            keys,
            endpoint,
            signature: Signature::default(),
            limiter: Limiter::new(parallelism),
            reads_until: Cell::new(None),
            offset: Cell::new(None),
            correction: Cell::new(Duration::zero()),
        }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn sign_with(&mut self, signature: Signature) {
        self.signature = signature;
    }

    pub(super) fn read_until(&self, end: Option<Instant>) {
        self.reads_until.set(end);
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
        action: &Action,
        policy: Policy<'_>,
    ) -> Result<Reply<T>, CallError> {
        let end = policy.end(self.reads_until.get());
        self.begin(end, action.name, policy).await?;
        let mut attempts = 0;
        let mut unsent = 0;
        let mut maybe_done = false;
        let mut correction: Option<Duration> = None;
        let mut resigned = false;
        let mut replaced = false;
        loop {
            attempts += 1;
            let key = self.keys.current();
            let result = self.attempt_until(policy, end, action, correction, &key).await;
            // Only a correction that the server took is kept: its Date header need not be the clock
            // that it checks timestamps against.
            let taken = result
                .as_ref()
                .err()
                .is_none_or(|failure| failure.class != Class::Resign && failure.http_status.is_some());
            if let (Some(correction), true) = (correction, taken) {
                self.correction.set(correction);
            }
            let failure = match result {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            maybe_done |= failure.maybe_done && !policy.reads();
            let again = match failure.class {
                Class::Resign if !resigned => {
                    resigned = true;
                    correction = self.corrected(&failure);
                    true
                }
                Class::Credentials if !replaced => self.keys.renews(),
                _ => policy.repeats(&failure, attempts),
            };
            unsent = if failure.is_unsent { unsent + 1 } else { 0 };
            let delay = self.delay(&failure, attempts + 1);
            let late = end.is_some_and(|end| Instant::now() + delay >= end.at);
            if !again || late || attempts >= PATIENCE.attempts_max || unsent >= PATIENCE.unsent_max {
                return Err(failed(action.name, failure, attempts, maybe_done));
            }
            let wait = tokio::time::sleep(delay);
            match policy {
                Policy::Charge(gate) => tokio::select! { () = wait => {}, () = gate.closes() => {} },
                _ => wait.await,
            }
            // A new key takes its time, so that the gate comes after it.
            let refused = (failure.class == Class::Credentials).then_some(&key);
            replaced |= refused.is_some();
            let closed = match self.key(policy, end, refused).await {
                Ok(_) => false,
                Err(Keyless::Closed) => true,
                Err(Keyless::None(reason)) => {
                    let failure = Failure { class: Class::Credentials, ..failure };
                    let also = Some(Untrusted::new(no_key(&reason)).into());
                    return Err(CallError { also, ..failed(action.name, failure, attempts, maybe_done) });
                }
                Err(Keyless::Late(end)) => {
                    let also = Some(Untrusted::new(end.why).into());
                    return Err(CallError { also, ..failed(action.name, failure, attempts, maybe_done) });
                }
            };
            if let Policy::Charge(gate) = policy
                && (!gate.may_resend(failure.class).await || closed)
            {
                return Err(failed(action.name, failure, attempts, maybe_done));
            }
        }
    }

    /// Waits for a key: for another one in place of `refused`, or for any that serves. A read gives up at its
    /// end, and a charge once nothing may be sent any more: what is known of it must not be lost over a wait.
    /// Tells whether it took time.
    async fn key(
        &self,
        policy: Policy<'_>,
        end: Option<End>,
        refused: Option<&Rc<Credentials>>,
    ) -> Result<bool, Keyless> {
        let key = async {
            match refused {
                Some(refused) => self.keys.replace(refused).await.map(|()| true),
                None => self.keys.ready().await,
            }
        };
        let given_up = async {
            match (policy, end) {
                (Policy::Charge(gate), _) => {
                    gate.closes().await;
                    Keyless::Closed
                }
                (_, Some(end)) => {
                    tokio::time::sleep_until(end.at).await;
                    Keyless::Late(end)
                }
                (_, None) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            key = key => key.map_err(Keyless::None),
            why = given_up => Err(why),
        }
    }

    /// Sees to it that there is a key before the first attempt. If that takes time, a charge is asked about
    /// once more: what was known of its instance may have grown old.
    async fn begin(
        &self,
        end: Option<End>,
        action: &'static str,
        policy: Policy<'_>,
    ) -> Result<(), CallError> {
        let (took_time, closed) = match self.key(policy, end, None).await {
            Ok(took_time) => (took_time, false),
            Err(Keyless::Closed) => (true, true),
            Err(Keyless::None(reason)) => return Err(failed(action, Failure::keyless(&reason), 0, false)),
            Err(Keyless::Late(end)) => return Err(failed(action, too_late(end), 0, false)),
        };
        match policy {
            Policy::Charge(gate) if took_time && (!gate.may_resend(Class::Resign).await || closed) => {
                let why = "not sent: the session had to be renewed first";
                Err(failed(action, Failure::unsent(why), 0, false))
            }
            _ => Ok(()),
        }
    }

    fn delay(&self, failure: &Failure, attempt: u32) -> std::time::Duration {
        match failure.class {
            Class::Resign | Class::Credentials => return std::time::Duration::ZERO,
            Class::Busy { .. } => return std::time::Duration::from_millis(PATIENCE.busy_ms),
            _ => {}
        }
        let mut chance = [0];
        self.doors.entropy.fill(&mut chance);
        let throttled = failure.class == Class::Retry { throttled: true };
        PATIENCE.delay(attempt, throttled, failure.wish_ms, chance.into_iter().next().unwrap_or(0))
    }

    /// The server's clock minus ours, if it was our clock that the server refused.
    fn corrected(&self, failure: &Failure) -> Option<Duration> {
        let by_clock = failure.code.as_deref().is_some_and(|code| code.starts_with("InvalidTimeStamp"));
        failure.date.filter(|_| by_clock).map(|date| date - self.doors.clock.now())
    }

    /// An attempt that is given up at `end`. Only reads have an end, and wait for a place: what happens to
    /// them is no matter, and what costs must not wait after its last check.
    async fn attempt_until<T: DeserializeOwned>(
        &self,
        policy: Policy<'_>,
        end: Option<End>,
        action: &Action,
        correction: Option<Duration>,
        key: &Credentials,
    ) -> Result<Reply<T>, Failure> {
        let attempt = async {
            if !policy.reads() {
                return self.attempt(action, correction, key).await;
            }
            let place = self.limiter.place(&action.service.to_string()).await;
            let result = self.attempt(action, correction, key).await;
            let throttled =
                result.as_ref().is_err_and(|failure| failure.class == Class::Retry { throttled: true });
            if result.is_ok() || throttled {
                place.answered(throttled);
            }
            result
        };
        let Some(end) = end else { return attempt.await };
        if Instant::now() >= end.at {
            return Err(too_late(end));
        }
        tokio::time::timeout_at(end.at, attempt).await.unwrap_or_else(|_| Err(too_late(end)))
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        action: &Action,
        correction: Option<Duration>,
        key: &Credentials,
    ) -> Result<Reply<T>, Failure> {
        let request = self.signed(action, correction.unwrap_or_else(|| self.correction.get()), key);
        let asked = self.doors.clock.now();
        let answer = self.doors.transport.send(request).await;
        let reply = answer.map_err(|error| {
            let message = concealed(&error.to_string(), key);
            tracing::debug!(action = action.name, at = %action.service, error = escape(&message), "no answer");
            no_answer(&error, message)
        })?;
        let date = reply.header("date").and_then(parse_date);
        let result = judge(&reply, date, key);
        // The clock of a proxy on the way is not the cloud's; and what decides is the clock of ECS, which
        // judges tokens and expiries, not that of another product.
        let from_cloud = matches!(action.service, Service::Ecs(_))
            && result.as_ref().map_or_else(|failure| failure.code.is_some(), |_| true);
        if let (true, Some(date)) = (from_cloud, date) {
            self.learn_offset(asked, date);
        }
        match &result {
            Ok(good) => tracing::debug!(
                action = action.name,
                at = %action.service,
                status = reply.status,
                request_id = good.request_id.as_deref(),
                "ok"
            ),
            Err(failure) => tracing::debug!(
                action = action.name,
                at = %action.service,
                status = failure.http_status,
                code = failure.code.as_deref(),
                request_id = failure.request_id.as_deref(),
                "failed"
            ),
        }
        result
    }

    /// A Date header was written between the question, at `asked` on the machine's clock, and the arrival of
    /// the answer: what is known and lies within is kept. Otherwise the later end is taken, as if the answer
    /// had needed no time on its way back to us: then a reading may seem older than it is, and never newer,
    /// also after a machine has slept while the answer was on its way.
    fn learn_offset(&self, asked: DateTime<Utc>, date: DateTime<Utc>) {
        let slack = Duration::seconds(OFFSET_S_MIN);
        let (earliest, latest) = (date - self.doors.clock.now(), date - asked);
        let fits = |known: Duration| earliest - slack <= known && known <= latest + slack;
        if !self.offset.get().is_some_and(fits) {
            self.offset.set(Some(latest));
        }
    }

    fn signed(&self, action: &Action, correction: Duration, key: &Credentials) -> HttpRequest {
        let mut nonce = [0; 16];
        self.doors.entropy.fill(&mut nonce);
        let unsigned = Unsigned {
            url: &self.endpoint.url(&action.service),
            action: action.name,
            version: action.service.version(),
            parameters: &action.parameters,
            nonce: &HEXLOWER.encode(&nonce),
            at: self.doors.clock.now() + correction,
            timeout_ms: ATTEMPT_TIMEOUT_MS,
        };
        unsigned.sign(self.signature, key)
    }

    /// The error of an answer that came with a good status and says in its body that nothing was told.
    /// It is not asked again.
    pub(super) fn refused(
        &self,
        action: &'static str,
        code: Option<&str>,
        message: &str,
        request_id: Option<String>,
    ) -> CallError {
        let code = code.map(plain).filter(|code| !code.is_empty());
        let failure = Failure {
            class: code.as_deref().map_or(Class::Refused, |code| class(code, 400)),
            code,
            message: Untrusted::new(shorten(&concealed(message, &self.keys.current()))),
            request_id,
            http_status: Some(200),
            maybe_done: false,
            is_unreadable: false,
            is_unsent: false,
            wish_ms: None,
            date: None,
        };
        failed(action, failure, 1, false)
    }
}

/// Reads an answer. A 2xx whose body is not what the action answers is as good as lost.
fn judge<T: DeserializeOwned>(
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
fn concealed(text: &str, key: &Credentials) -> String {
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

fn failed(action: &'static str, failure: Failure, attempts: u32, maybe_done: bool) -> CallError {
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

fn no_key(reason: &Reason) -> String {
    format!("no credentials any more: {reason}")
}

fn no_answer(error: &TransportError, message: String) -> Failure {
    Failure {
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
fn too_late(end: End) -> Failure {
    let error = TransportError::NoAnswer(end.why.to_owned());
    let message = error.to_string();
    no_answer(&error, message)
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
