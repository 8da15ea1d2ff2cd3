//! A cloud that answers by a script, so that the client can be judged call by call.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::cloud::{Cloud, Credentials, Doors, Endpoint, ReadId};
use renewctl::ids::{ClientToken, InstanceId, RegionId};
use renewctl::ports::{Clock, HttpReply, HttpRequest, LocalFuture, Transport, TransportError};
use serde_json::{Value, json};

use crate::support::{CountingEntropy, time};

pub const KEY_ID: &str = "LTAI5tEXAMPLEKEYID000001";
pub const SECRET: &str = "EXAMPLEsecret/0123456789+abcDEF";
pub const TOKEN: &str = "CAISexample/token+with=signs0123456789";

pub type Answer = Result<HttpReply, TransportError>;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Sent {
    pub http: HttpRequest,
    pub parameters: BTreeMap<String, String>,
    /// Since the start, on the paused clock.
    pub at: Duration,
}

impl Sent {
    pub fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    pub fn action(&self) -> &str {
        self.get("Action")
    }

    /// The ids that it asks about, in either of the two forms.
    pub fn ids(&self) -> Vec<String> {
        match self.parameters.get("InstanceIds") {
            Some(list) => serde_json::from_str(list).unwrap(),
            None => self.get("InstanceId").split(',').map(str::to_owned).collect(),
        }
    }
}

/// The machine's clock: tokio's, and jumps.
pub struct TestClock {
    start: tokio::time::Instant,
    pub jump: Cell<TimeDelta>,
}

pub const START: &str = "2026-11-23T04:00:00Z";

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        time(START) + TimeDelta::from_std(self.start.elapsed()).unwrap() + self.jump.get()
    }
}

pub struct World {
    start: tokio::time::Instant,
    pub sent: RefCell<Vec<Sent>>,
    pub busiest: Cell<usize>,
    under_way: Cell<usize>,
    pub clock: Rc<TestClock>,
    #[allow(clippy::type_complexity, reason = "one callback")]
    answer: Box<dyn Fn(&Sent) -> (Duration, Answer)>,
}

struct Wire(Rc<World>);

impl Transport for Wire {
    fn send(&self, http: HttpRequest) -> LocalFuture<'_, Answer> {
        let world = Rc::clone(&self.0);
        Box::pin(async move {
            let query = http.url.split_once('?').map_or("", |(_, query)| query);
            let parameters = decoded(&format!("{query}&{}", http.body));
            let sent = Sent { parameters, http, at: world.start.elapsed() };
            world.sent.borrow_mut().push(sent.clone());
            world.under_way.set(world.under_way.get() + 1);
            world.busiest.set(world.busiest.get().max(world.under_way.get()));
            let (latency, answer) = (world.answer)(&sent);
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            world.under_way.set(world.under_way.get() - 1);
            answer
        })
    }
}

impl World {
    /// Answers every request by `answer`, after a latency. Made inside `run`.
    pub fn with_latency(answer: impl Fn(&Sent) -> (Duration, Answer) + 'static) -> Rc<Self> {
        let start = tokio::time::Instant::now();
        let clock = Rc::new(TestClock { start, jump: Cell::new(TimeDelta::zero()) });
        Rc::new(Self {
            start,
            sent: RefCell::default(),
            busiest: Cell::new(0),
            under_way: Cell::new(0),
            clock,
            answer: Box::new(answer),
        })
    }

    pub fn new(answer: impl Fn(&Sent) -> Answer + 'static) -> Rc<Self> {
        Self::with_latency(move |sent| (Duration::ZERO, answer(sent)))
    }

    /// Answers one after the other; the last one again and again.
    pub fn script(answers: impl IntoIterator<Item = Answer>) -> Rc<Self> {
        let queue = RefCell::new(answers.into_iter().collect::<VecDeque<_>>());
        Self::new(move |_| {
            let mut queue = queue.borrow_mut();
            if queue.len() > 1 { queue.pop_front().unwrap() } else { queue.front().unwrap().clone() }
        })
    }

    pub fn cloud_with(self: &Rc<Self>, credentials: Credentials, parallelism: usize) -> Cloud {
        let doors = Doors {
            transport: Rc::new(Wire(Rc::clone(self))),
            clock: self.clock.clone(),
            entropy: Rc::new(CountingEntropy::default()),
        };
        Cloud::new(doors, credentials, Endpoint::Regional, parallelism)
    }

    pub fn cloud_at(self: &Rc<Self>, endpoint: Endpoint) -> Cloud {
        let doors = Doors {
            transport: Rc::new(Wire(Rc::clone(self))),
            clock: self.clock.clone(),
            entropy: Rc::new(CountingEntropy::default()),
        };
        Cloud::new(doors, Credentials::new(KEY_ID, SECRET), endpoint, 8)
    }

    pub fn cloud(self: &Rc<Self>) -> Cloud {
        self.cloud_with(Credentials::new(KEY_ID, SECRET), 8)
    }

    pub fn calls(&self, action: &str) -> usize {
        self.sent.borrow().iter().filter(|sent| sent.action() == action).count()
    }
}

/// The pairs of a query, or of a form body.
pub fn decoded(body: &str) -> BTreeMap<String, String> {
    body.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (unescaped(name), unescaped(value)))
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub fn reply(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(HttpReply { status, headers, body: body.to_string().into_bytes() })
}

pub fn ok(body: impl ToString) -> Answer {
    reply(200, &[("x-acs-request-id", "REQ-HEADER")], body)
}

pub fn error(status: u16, code: &str) -> Answer {
    reply(status, &[], json!({"RequestId": "REQ-ERR", "Code": code, "Message": format!("about {code}")}))
}

pub fn throttled(wish_ms: u32) -> Answer {
    let body = json!({"RequestId": "REQ-T", "Code": "Throttling.User", "Message": "slower"});
    reply(400, &[("x-acs-retry-after", &wish_ms.to_string())], body)
}

pub fn lost() -> Answer {
    Err(TransportError::NoAnswer("the connection broke".to_owned()))
}

pub fn not_sent() -> Answer {
    Err(TransportError::NotSent("connection refused".to_owned()))
}

pub fn renewed() -> Answer {
    ok(json!({"OrderId": 201_234_567_890_123_i64, "RequestId": "REQ-OK"}))
}

pub fn instance(id: &str, region: &str) -> Value {
    json!({"InstanceId": id, "InstanceName": "web", "RegionId": region, "Status": "Running",
        "InstanceChargeType": "PrePaid", "ExpiredTime": "2026-12-02T16:00Z", "SaleCycle": "month",
        "OperationLocks": {"LockReason": []}, "ResourceGroupId": ""})
}

pub fn page(instances: &[Value], next: &str) -> Answer {
    ok(json!({"Instances": {"Instance": instances}, "TotalCount": 0, "NextToken": next, "RequestId": "R"}))
}

pub fn setting(id: &str) -> Value {
    json!({"InstanceId": id, "AutoRenewEnabled": true, "RenewalStatus": "AutoRenewal", "Duration": 1,
        "PeriodUnit": "Month", "EnableExpectedRenewDay": false})
}

pub fn settings(items: &[Value], total: usize) -> Answer {
    ok(json!({"InstanceRenewAttributes": {"InstanceRenewAttribute": items}, "TotalCount": total,
        "PageNumber": 1, "PageSize": 100, "RequestId": "R"}))
}

/// A region in which everything exists, is a subscription and renews monthly.
pub fn all_there(sent: &Sent) -> Answer {
    let ids = sent.ids();
    if sent.action() == "DescribeInstances" {
        page(&ids.iter().map(|id| instance(id, sent.get("RegionId"))).collect::<Vec<_>>(), "")
    } else {
        settings(&ids.iter().map(|id| setting(id)).collect::<Vec<_>>(), ids.len())
    }
}

pub fn region(text: &str) -> RegionId {
    RegionId::parse(text).unwrap()
}

pub fn beijing() -> RegionId {
    region("cn-beijing")
}

pub fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

pub fn token() -> ClientToken {
    ClientToken::parse("zassxyjeecr7y2ba35zqafrnho2awxuwkr2av5wbjqzdfzfbg2ta").unwrap()
}

pub fn read_id(region_id: &str, instance: &str) -> ReadId {
    ReadId { region: region(region_id), id: id(instance), auto_renew: true }
}

/// A gate that is always open.
pub struct Freely;

impl renewctl::cloud::Gate for Freely {
    fn may_resend(&self, _: renewctl::retry::Class) -> LocalFuture<'_, bool> {
        Box::pin(async { true })
    }
}
