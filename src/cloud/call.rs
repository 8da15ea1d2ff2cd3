//! The one place that sends, signs and retries.
//!
//! Each attempt has a new nonce, timestamp and signature; a charge keeps its ClientToken, because the
//! token is one of the action's parameters. Nothing here knows what an action means.

use std::cell::Cell;
use std::rc::Rc;

use chrono::{DateTime, Duration, Utc};
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;

use super::answer::{Failure, Reply, concealed, failed, judge, no_key};
use super::credentials::{Credentials, Keys, Reason};
use super::endpoint::{Endpoint, Service};
use super::error::CallError;
use super::limiter::Limiter;
use super::policy::{End, Policy};
use super::replies::parse_date;
use super::server_clock::ServerClock;
use super::sign::Signature;
use super::sign::request::Unsigned;
use super::wire::Action;
use crate::ports::{Clock, Entropy, HttpRequest, Transport};
use crate::retry::{Class, PATIENCE};
use crate::text::{Untrusted, escape};
use tokio::time::Instant;

/// The longest wait for one answer. The official SDKs allow RenewInstance 19 s or more.
const ATTEMPT_TIMEOUT_MS: u64 = 30_000;
/// What a client stands on.
pub struct Doors {
    /// The network.
    pub transport: Rc<dyn Transport>,
    /// The machine's clock, for timestamps.
    pub clock: Rc<dyn Clock>,
    /// Nonces and jitter.
    pub entropy: Rc<dyn Entropy>,
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

pub(super) struct Sender {
    doors: Doors,
    keys: Keys,
    endpoint: Endpoint,
    signature: Signature,
    limiter: Limiter,
    /// When reads are given up.
    reads_until: Cell<Option<Instant>>,
    server_clock: ServerClock,
    /// Added to timestamps once the server has refused ours and taken these.
    correction: Cell<Duration>,
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
            server_clock: ServerClock::default(),
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
        self.doors.clock.now() + self.server_clock.offset().unwrap_or_else(Duration::zero)
    }

    pub(super) fn server_offset(&self) -> Option<Duration> {
        self.server_clock.offset()
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
            match policy.gate() {
                Some(gate) => tokio::select! { () = wait => {}, () = gate.closes() => {} },
                None => wait.await,
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
            if let Some(gate) = policy.gate()
                && (!gate.may_resend(failure.class).await || closed)
            {
                return Err(failed(action.name, failure, attempts, maybe_done));
            }
        }
    }

    /// Waits for a key: for another one in place of `refused`, or for any that serves. A read gives up at its
    /// end, and what has an effect once nothing may be sent any more: what is known of it must not be lost over
    /// a wait. Tells whether it took time.
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
            match (policy.gate(), end) {
                (Some(gate), _) => {
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

    /// Sees to it that there is a key before the first attempt. If that takes time, its gate is asked about
    /// what has an effect: what was known may have grown old.
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
            Err(Keyless::Late(end)) => return Err(failed(action, Failure::too_late(end.why), 0, false)),
        };
        match policy.gate() {
            Some(gate) if took_time && (!gate.may_resend(Class::Resign).await || closed) => {
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
            return Err(Failure::too_late(end.why));
        }
        tokio::time::timeout_at(end.at, attempt).await.unwrap_or_else(|_| Err(Failure::too_late(end.why)))
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
            Failure::no_answer(&error, message)
        })?;
        let date = reply.header("date").and_then(parse_date);
        let result = judge(&reply, date, key);
        // The clock of a proxy on the way is not the cloud's; and what decides is the clock of ECS, which
        // judges tokens and expiries, not that of another product.
        let from_cloud = matches!(action.service, Service::Ecs(_))
            && result.as_ref().map_or_else(|failure| failure.code.is_some(), |_| true);
        if let (true, Some(date)) = (from_cloud, date) {
            self.server_clock.learn(asked, date, self.doors.clock.now());
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
        let failure = Failure::told(code, message, request_id, &self.keys.current());
        failed(action, failure, 1, false)
    }
}
