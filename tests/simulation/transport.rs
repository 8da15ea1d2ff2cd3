//! The wire between a run and the cloud: it delays, loses, garbles, and it kills.
//!
//! It also sees every request and every answer that arrives, which is what the judge goes by.

use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::cloud::sign;
use renewctl::emulator::{ACCESS_KEY_SECRET, Call};
use renewctl::ports::{HttpReply, HttpRequest, LocalFuture, Transport, TransportError};
use serde_json::json;

use crate::coverage::Seen;
use crate::people;
use crate::process::Process;
use crate::world::{Sender, Sent, World};

pub type Parameters = Vec<(String, String)>;

/// One run's wire.
pub struct Wire {
    pub world: Rc<World>,
    pub process: Rc<Process>,
}

/// What happens to a request and its answer.
enum Fate {
    Good,
    NotSent,
    LostBefore,
    LostAfter,
    /// It is carried out when its sender has given up.
    Late,
    /// An answer of the cloud or of something on the way, before or after it is carried out.
    Says {
        after: bool,
        reply: HttpReply,
    },
    /// The right answer, cut in half.
    Half,
    /// The right answer, without what it should hold.
    Empty,
    /// The cloud itself refuses it for a reason that is over at once.
    Transient,
    DiesBefore,
    DiesInFlight,
    DiesAfter,
}

impl Transport for Wire {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(self.carry(request))
    }
}

impl Wire {
    async fn carry(&self, request: HttpRequest) -> Result<HttpReply, TransportError> {
        let (world, process) = (&self.world, &self.process);
        if process.dead.get() {
            return std::future::pending().await;
        }
        world.drain();
        if world.dice.chance(process.weather.people) {
            people::act(world);
        }
        let parameters = decode(&request.body);
        let action = get(&parameters, "Action").to_owned();
        world.judge.begins(world, process, &action, &parameters);
        let fate = self.fate(&action);
        if matches!(fate, Fate::NotSent) {
            world.seen.note(Seen::NotSent);
            world.say(|| format!("run {}: {action}: no connection", process.number));
            return Err(TransportError::NotSent("connection refused".to_owned()));
        }
        if matches!(fate, Fate::DiesBefore) {
            world.seen.note(Seen::CrashBeforeSend);
            process.die(world, &format!("before {action}"));
            return std::future::pending().await;
        }
        let charge = world.judge.sends(world, process, &action, &parameters);
        process.may_be_signalled(world);
        world.say(|| format!("run {} -> {}", process.number, described(&parameters)));
        let (out, back) = self.latency();
        let timeout = TimeDelta::milliseconds(i64::try_from(request.timeout_ms).unwrap());
        if let Fate::LostBefore = fate {
            world.seen.note(Seen::LostBefore);
            return self.no_answer(out, "connection reset").await;
        }
        if let Fate::Says { after: false, reply } = fate {
            world.hands.sleep(out + back).await;
            return Ok(self.deliver(&action, &parameters, reply, None));
        }
        let call = self.call(request, &parameters, charge.as_ref());
        let late = matches!(fate, Fate::Late) || out >= timeout;
        let out = if matches!(fate, Fate::Late) {
            timeout + TimeDelta::seconds(world.dice.between(1, world.scenario.flight_s_max - 30))
        } else {
            out
        };
        let arrives = world.now() + out;
        let transient = matches!(fate, Fate::Transient);
        let ticket = world.launch(Sender::Run(Rc::clone(process)), &action, call, arrives, charge, transient);
        if matches!(fate, Fate::DiesInFlight) {
            world.seen.note(Seen::CrashInFlight);
            process.die(world, &format!("while {action} is on its way"));
            return std::future::pending().await;
        }
        if late {
            world.seen.note(Seen::Late);
            return self.no_answer(timeout, "timed out").await;
        }
        world.hands.sleep_until(arrives).await;
        let Some(reply) = world.landed(ticket) else { unreachable!("it was due") };
        if matches!(fate, Fate::DiesAfter) {
            world.seen.note(Seen::CrashBeforeReply);
            process.die(world, &format!("before the answer to {action}"));
            return std::future::pending().await;
        }
        if out + back >= timeout {
            return self.no_answer(timeout - out, "timed out").await;
        }
        world.hands.sleep(back).await;
        if world.scenario.suspended && world.dice.chance(30) {
            world.hands.stall(world.dice.between(10_000, 7_200_000));
        }
        match fate {
            Fate::LostAfter => {
                world.seen.note(Seen::LostAfter);
                self.no_answer(TimeDelta::zero(), "connection reset").await
            }
            Fate::Says { reply, .. } => Ok(self.deliver(&action, &parameters, reply, None)),
            Fate::Half => {
                world.seen.note(Seen::Half);
                let len = reply.body.len() / 2;
                let body = reply.body[..len].to_vec();
                Ok(self.deliver(&action, &parameters, HttpReply { body, ..reply }, None))
            }
            Fate::Empty => {
                world.seen.note(Seen::Empty);
                let body = json!({ "RequestId": "E", "Instances": { "Instance": [] }, "TotalCount": 0 });
                let body = body.to_string().into_bytes();
                Ok(self.deliver(&action, &parameters, HttpReply { body, ..reply }, None))
            }
            _ => Ok(self.deliver(&action, &parameters, reply, Some(arrives))),
        }
    }

    async fn no_answer(&self, after: TimeDelta, why: &str) -> Result<HttpReply, TransportError> {
        self.world.hands.sleep(after).await;
        self.world.say(|| format!("run {}: no answer: {why}", self.process.number));
        Err(TransportError::NoAnswer(why.to_owned()))
    }

    /// An answer arrives. `answered`: when the cloud gave it, if it is the cloud's own, and whole.
    fn deliver(
        &self,
        action: &str,
        parameters: &Parameters,
        reply: HttpReply,
        answered: Option<DateTime<Utc>>,
    ) -> HttpReply {
        self.world.drain();
        self.process.may_be_signalled(&self.world);
        if answered.is_none() {
            self.world.say(|| {
                let body: String = String::from_utf8_lossy(&reply.body).chars().take(100).collect();
                format!("run {} is told of {action}: {} {body}", self.process.number, reply.status)
            });
        }
        if action == "RenewInstance" {
            self.world.judge.told(&self.process, &reply);
        }
        if let (Some(answered), 200) = (answered, reply.status) {
            self.world.judge.receives(&self.process, action, parameters, &reply, answered);
        }
        reply
    }

    /// There and back.
    fn latency(&self) -> (TimeDelta, TimeDelta) {
        let dice = &self.world.dice;
        if dice.chance(self.process.weather.slow) {
            self.world.seen.note(Seen::Slow);
            let (out, back) = (dice.between(0, 20_000), dice.between(0, 20_000));
            return (TimeDelta::milliseconds(out), TimeDelta::milliseconds(back));
        }
        (TimeDelta::milliseconds(dice.between(2, 60)), TimeDelta::milliseconds(dice.between(2, 60)))
    }

    fn fate(&self, action: &str) -> Fate {
        let (dice, seen, weather) = (&self.world.dice, &self.world.seen, &self.process.weather);
        // Most of the few calls are readings, and what kills at a charge matters more.
        let charge = action == "RenewInstance";
        if dice.chance(if charge { weather.crash * 4 } else { weather.crash }) {
            return match dice.roll(3) {
                0 => Fate::DiesBefore,
                1 => Fate::DiesInFlight,
                _ => Fate::DiesAfter,
            };
        }
        if charge && dice.chance(weather.transient) {
            return Fate::Transient;
        }
        if charge && weather.throttled > 0 && dice.chance(weather.throttled) {
            seen.note(Seen::Throttled);
            return self.throttled(dice.between(1_000, 58_000));
        }
        if !dice.chance(weather.of(action)) {
            return Fate::Good;
        }
        let writes = charge || action == "ModifyInstanceAutoRenewAttribute";
        match dice.roll(20) {
            0 => Fate::NotSent,
            1 | 2 => Fate::LostBefore,
            3..=5 => Fate::LostAfter,
            6 if self.world.scenario.flight_s_max > 0 => Fate::Late,
            7 => self.says(Seen::Error5xxBefore, false, 500, "InternalError"),
            8 => self.says(Seen::Error5xxAfter, true, 500, "InternalError"),
            9 => self.says(Seen::Error5xxBefore, false, 503, "ServiceUnavailable"),
            10 => self.says(Seen::Throttled, false, 400, "Throttling.User"),
            11 => self.busy_own(),
            12 if writes => {
                let code = dice.pick(&["LastOrderProcessing", "LastRequestProcessing", "OperationConflict"]);
                self.says(Seen::BusyOther, false, 400, code)
            }
            13 if charge => {
                let code = dice.pick(&["IdempotenceParamNotMatch", "IdempotentParameterMismatch"]);
                self.says(Seen::Claimed, false, 400, code)
            }
            14 => {
                let code = dice.pick(&["OperationDenied.NoStock", "Forbidden.RAM", "InvalidParameter"]);
                self.says(Seen::Refused, false, 403, code)
            }
            15 if charge && dice.chance(300) => {
                let code = dice.pick(&["InsufficientBalance", "Forbidden.RiskControl", "InvalidPayMethod"]);
                self.says(Seen::Stopped, false, 403, code)
            }
            16 if dice.chance(200) => {
                self.says(Seen::Credentials, false, 403, "InvalidSecurityToken.Expired")
            }
            17 => {
                seen.note(Seen::Garbage);
                let (status, after) = (dice.pick(&[200, 200, 408, 502, 504]), dice.chance(500));
                Fate::Says { after, reply: page(status, self.world.now()) }
            }
            18 if action == "DescribeInstances" => Fate::Empty,
            19 => self.says(Seen::Throttled, false, 429, "Throttling.Api"),
            _ => Fate::Half,
        }
    }

    fn busy_own(&self) -> Fate {
        let dice = &self.world.dice;
        let code = dice.pick(&["LastTokenProcessing", "Idempotence.Processing"]);
        self.says(Seen::BusyOwn, dice.chance(500), 403, code)
    }

    /// The cloud names how long it wants to be left alone.
    fn throttled(&self, wish_ms: i64) -> Fate {
        let mut reply = error(400, "Throttling.User", self.world.now());
        reply.headers.push(("x-acs-retry-after".to_owned(), wish_ms.to_string()));
        Fate::Says { after: false, reply }
    }

    fn says(&self, what: Seen, after: bool, status: u16, code: &str) -> Fate {
        self.world.seen.note(what);
        let mut reply = error(status, code, self.world.now());
        if what == Seen::Throttled && self.world.dice.chance(200) {
            reply.headers.push(("x-acs-retry-after".to_owned(), "45000".to_owned()));
        }
        Fate::Says { after, reply }
    }

    /// The request as the cloud gets it: with another token under another policy, with pages of ten
    /// where pages are small. Then it is signed anew.
    fn call(&self, request: HttpRequest, parameters: &Parameters, charge: Option<&Sent>) -> Call {
        let (world, process) = (&self.world, &self.process);
        let token = charge.and_then(|sent| world.policy.token(world, process, sent, parameters));
        let pages = world.scenario.small_pages
            && parameters.iter().any(|(name, _)| name == "MaxResults" || name == "PageSize");
        let body = if token.is_none() && !pages {
            request.body
        } else {
            let mut parameters = parameters.clone();
            for (name, value) in &mut parameters {
                match (name.as_str(), &token) {
                    ("ClientToken", Some(token)) => value.clone_from(token),
                    ("MaxResults" | "PageSize", _) if pages => "10".clone_into(value),
                    _ => {}
                }
            }
            signed(parameters)
        };
        to_call(&request.url, request.headers, body)
    }
}

/// A signed form body.
pub fn signed(mut parameters: Parameters) -> String {
    parameters.retain(|(name, _)| name != "Signature");
    let query = sign::canonical_query(&parameters);
    let signature = sign::v1::signature(&sign::v1::string_to_sign("POST", &query), ACCESS_KEY_SECRET);
    format!("{query}&Signature={}", sign::percent_encode(&signature))
}

pub fn to_call(url: &str, headers: Vec<(String, String)>, body: String) -> Call {
    let host = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    Call { method: "POST".to_owned(), host, path_and_query: "/".to_owned(), headers, body: body.into_bytes() }
}

pub fn get<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

fn decode(body: &str) -> Parameters {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), unescape(value))).collect()
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
            let (high, low) = (digit(), digit());
            out.push(u8::try_from(high * 16 + low).unwrap());
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}

fn described(parameters: &Parameters) -> String {
    let shown: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| {
            [
                "InstanceId",
                "InstanceIds",
                "Period",
                "PriceUnit",
                "PeriodUnit",
                "RenewalStatus",
                "Duration",
                "ResourceId",
            ]
            .contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}={}", value.chars().take(60).collect::<String>()))
        .collect();
    let token: String = get(parameters, "ClientToken").chars().take(8).collect();
    let token = if token.is_empty() { token } else { format!(" token {token}…") };
    format!("{} {}{token}", get(parameters, "Action"), shown.join(" "))
}

fn headers(date: DateTime<Utc>, content_type: &str) -> Vec<(String, String)> {
    let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    vec![("content-type".to_owned(), content_type.to_owned()), ("date".to_owned(), date)]
}

fn error(status: u16, code: &str, now: DateTime<Utc>) -> HttpReply {
    let body = json!({ "RequestId": "F", "HostId": "ecs", "Code": code, "Message": "because" });
    HttpReply { status, headers: headers(now, "application/json"), body: body.to_string().into_bytes() }
}

/// The page of something on the way, whose clock is wrong.
fn page(status: u16, now: DateTime<Utc>) -> HttpReply {
    let body = b"<html>sign in to the network, please</html>".to_vec();
    HttpReply { status, headers: headers(now + TimeDelta::hours(1), "text/html"), body }
}
