//! An imitation of the API for subscription instances (ECS, the balance, the caller, roles and their sessions,
//! an instance's metadata service): same requests, same refusals, a ledger of every charge, and faults on demand.
//!
//! It shares no rule with the client: its own decoding and encoding, calendar, term and token tables.
//! So it can judge the client. Where the documentation is silent its behaviour is a constant or a
//! switch marked "assumed". It never touches a clock, a file or a socket of its own: the time is
//! handed in, saving is handed in, and the listener is opened by `system`.

mod api;
pub mod calendar;
mod fault;
pub mod gateway;
mod in_process;
mod ledger;
mod life;
mod metadata;
mod order;
mod roles;
mod serve;
mod state;
mod terms;
mod world;

use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use chrono::{DateTime, Utc};

use crate::ports::HttpReply;
use api::{ApiError, Context};
use fault::{Effect, Fault};
use gateway::Request;
use state::State;

pub use in_process::InProcess;
pub use ledger::{happened, ledger_json, ledger_text};
pub use life::{Event, Happening};
pub use serve::serve;
pub use state::{Buyer, Charge, InstanceView};
pub use world::{WorldError, span_s};

/// The emulator's key id, unless the world says otherwise.
pub const ACCESS_KEY_ID: &str = "emulator";
/// The secret of [`ACCESS_KEY_ID`].
pub const ACCESS_KEY_SECRET: &str = "emulator-secret";
/// The world's account, unless the world says otherwise: that of the documentation's samples.
pub const ACCOUNT: &str = "1234567890123456";
/// The world that a fresh emulator starts with.
pub const DEMO_WORLD: &str = include_str!("../../examples/worlds/demo.yaml");
/// Calls that are remembered, so that a server that runs for days does not grow.
const CALLS_MAX: usize = 100_000;

/// Keeps the state, durably.
pub type Save = Rc<dyn Fn(&Emulator) -> io::Result<()>>;

/// One HTTP request as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// GET or POST; PUT at the metadata service.
    pub method: String,
    /// The Host header.
    pub host: String,
    /// Path and query.
    pub path_and_query: String,
    /// Header names in lower case, with values.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Wait so long before answering.
    pub delay_ms: u64,
    /// The answer, or none.
    pub reply: Reply,
    /// Whether the state changed and has to be saved before the answer leaves.
    pub changed: bool,
}

/// An answer, or a closed connection.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An HTTP reply.
    Http(HttpReply),
    /// The connection is closed without an answer.
    Hangup,
}

/// A request that passed the gateway, for tests.
#[derive(Clone, Debug)]
pub struct Record {
    /// The action.
    pub action: String,
    /// All parameters but the signature.
    pub parameters: Vec<(String, String)>,
    /// When, by the world's clock.
    pub at: DateTime<Utc>,
    /// The error code, if it was refused.
    pub code: Option<String>,
}

/// A world with its API.
pub struct Emulator {
    state: State,
    nonces: BTreeSet<String>,
    metadata_tokens: metadata::Tokens,
    records: Vec<Record>,
}

impl Emulator {
    /// Seeds a fresh world from a world file. `wall` is the machine's time: the world's clock runs on
    /// from its start with it. `id` names this world.
    ///
    /// # Errors
    /// [`WorldError`] with line and column where the file is wrong.
    pub fn from_world(yaml: &str, wall: DateTime<Utc>, id: &str) -> Result<Self, WorldError> {
        Ok(Self::with(world::seed(yaml, wall, id)?))
    }

    /// Takes up a saved world.
    ///
    /// # Errors
    /// [`WorldError`] if the text is no state of this version.
    pub fn from_state(json: &str) -> Result<Self, WorldError> {
        Ok(Self::with(State::from_json(json)?))
    }

    fn with(state: State) -> Self {
        Self {
            state,
            nonces: BTreeSet::new(),
            metadata_tokens: metadata::Tokens::default(),
            records: Vec::new(),
        }
    }

    /// The world as text, for saving.
    pub fn to_state(&self) -> String {
        self.state.to_json()
    }

    /// The world's name.
    pub fn id(&self) -> &str {
        &self.state.id
    }

    /// The world's time.
    pub fn now(&self, wall: DateTime<Utc>) -> DateTime<Utc> {
        self.state.now(wall)
    }

    /// All charges, in order.
    pub fn ledger(&self) -> &[Charge] {
        &self.state.ledger
    }

    /// Requests that passed the gateway since this emulator was loaded, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many of [`Emulator::records`] named `action`.
    pub fn call_count(&self, action: &str) -> usize {
        self.records.iter().filter(|record| record.action == action).count()
    }

    /// How many calls of `action` passed the gateway in this world's life; faults count them.
    pub fn answered(&self, action: &str) -> u64 {
        self.state.counts.get(action).copied().unwrap_or(0)
    }

    /// How an instance stands, charges not yet visible included.
    pub fn instance(&self, id: &str, wall: DateTime<Utc>) -> Option<InstanceView> {
        self.state.instances.get(id).map(|instance| instance.view(self.now(wall)))
    }

    /// Lets the world's clock jump forward. What happens by itself meanwhile happens at the next
    /// answer, or with [`Emulator::live_on`].
    pub fn advance(&mut self, seconds: i64) {
        self.state.advanced_s = self.state.advanced_s.saturating_add(seconds);
    }

    /// Lets everything happen that has happened by itself until now.
    pub fn live_on(&mut self, wall: DateTime<Utc>) {
        let now = self.now(wall);
        life::live_on(&mut self.state, now);
    }

    /// What happened by itself, in order.
    pub fn events(&self) -> &[Event] {
        &self.state.events
    }

    /// Id, secret and session token of a key: the one with this id, if the world has it, otherwise the
    /// first one, in order of id, that is not disabled and has every right, or at least is not disabled.
    pub fn key(&self, id: Option<&str>) -> Option<(&str, &str, Option<&str>)> {
        let asked = id.and_then(|id| self.state.keys.get(id));
        let active = || self.state.keys.values().filter(|key| !key.inactive);
        let key = asked.or_else(|| active().find(|key| key.deny.is_empty())).or_else(|| active().next())?;
        Some((&key.id, &key.secret, key.token.as_deref()))
    }

    /// Somebody else sets an expiry: visible at once.
    pub fn set_expiry(&mut self, id: &str, expires_at: DateTime<Utc>) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.expires_at = expires_at;
            instance.pending.clear();
        }
    }

    /// Somebody else changes a setting; `months` counts only for AutoRenewal.
    pub fn set_setting(&mut self, id: &str, status: &str, months: i64) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.auto_renew = state::AutoRenew {
                status: status.to_owned(),
                duration: months,
                ..state::AutoRenew::off(status)
            };
            instance.auto_renew_since = self.state.lived_until;
        }
    }

    /// Somebody else puts a lock on an instance, or takes it off.
    pub fn set_lock(&mut self, id: &str, lock: Option<&str>) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.lock = lock.map(str::to_owned);
        }
    }

    /// Somebody else changes a price.
    pub fn set_price(&mut self, id: &str, per_month: rust_decimal::Decimal) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.price_per_month = Some(per_month);
        }
    }

    /// Somebody else converts an instance to pay-as-you-go.
    pub fn set_pay_as_you_go(&mut self, id: &str) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.charge_type = state::ChargeType::PostPaid;
        }
    }

    /// Somebody else removes an instance.
    pub fn remove(&mut self, id: &str) {
        self.state.instances.remove(id);
    }

    /// Takes all faults off.
    pub fn clear_faults(&mut self) {
        self.state.faults.clear();
    }

    /// Adds a fault, written as in a world file.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn add_fault(&mut self, yaml: &str) -> Result<(), WorldError> {
        let fault: Fault = serde_yaml::from_str(yaml).map_err(|error| WorldError::Form(error.to_string()))?;
        if let Some(problem) = fault.problem() {
            return Err(WorldError::Form(problem));
        }
        self.state.faults.push(fault);
        Ok(())
    }

    /// Answers one request. `wall` is the machine's time.
    pub fn answer(&mut self, call: &Call, wall: DateTime<Utc>) -> Answer {
        self.state.requests += 1;
        let events = self.state.events.len();
        self.live_on(wall);
        let lived = self.state.events.len() > events;
        if metadata::serves(&call.path_and_query) {
            let now = self.now(wall);
            let (reply, changed) = metadata::answer(call, &mut self.state, &mut self.metadata_tokens, now);
            return Answer { delay_ms: 0, reply: Reply::Http(reply), changed: changed || lived };
        }
        let request_id = request_id(self.state.requests, &self.state.id);
        let request = gateway::read(call);
        let checked = gateway::check(&request, &self.state, &mut self.nonces, wall);
        if let Err(error) = checked {
            // The gateway has the machine's clock, so that a client can correct its own.
            let date = if error.code.starts_with("InvalidTimeStamp") {
                wall + self.state.skew()
            } else {
                self.now(wall)
            };
            return Answer {
                delay_ms: 0,
                reply: encode(&request, Err(error), &request_id, date),
                changed: lived,
            };
        }
        let now = self.now(wall);
        let action = request.get("Action").unwrap_or_default().to_owned();
        // DescribeRenewalPrice calls it ResourceId.
        let instance = request.get("InstanceId").or_else(|| request.get("ResourceId"));
        let effect = self.state.next_effect(&action, instance);
        let (reply, delay_ms, code) = self.act(&request, &request_id, now, effect.as_ref());
        // Faults count calls, and only a count that was saved is found by the next command.
        let changed = lived || api::writes(&action) || !self.state.faults.is_empty();
        self.remember(&request, action, now, code);
        Answer { delay_ms, reply, changed }
    }

    fn act(
        &mut self,
        request: &Request,
        request_id: &str,
        now: DateTime<Utc>,
        effect: Option<&Effect>,
    ) -> (Reply, u64, Option<String>) {
        match effect {
            Some(Effect::Hangup { after: false }) => return (Reply::Hangup, 0, None),
            Some(Effect::Error { after: false, error }) => {
                let code = Some(error.code.clone());
                return (encode(request, Err(error.clone()), request_id, now), 0, code);
            }
            _ => {}
        }
        let result = api::handle(&mut Context { state: &mut self.state, request, request_id, now });
        let code = result.as_ref().err().map(|error| error.code.clone());
        match effect {
            Some(Effect::Hangup { .. }) => (Reply::Hangup, 0, code),
            Some(Effect::Error { error, .. }) => {
                (encode(request, Err(error.clone()), request_id, now), 0, Some(error.code.clone()))
            }
            Some(Effect::Delay { ms }) => (encode(request, result, request_id, now), *ms, code),
            None => (encode(request, result, request_id, now), 0, code),
        }
    }

    fn remember(&mut self, request: &Request, action: String, at: DateTime<Utc>, code: Option<String>) {
        if self.records.len() < CALLS_MAX {
            let parameters =
                request.parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
            self.records.push(Record { action, parameters, at, code });
        }
    }
}

/// A RequestId in the usual form; it names the world and the number of the request.
fn request_id(number: u64, world: &str) -> String {
    let tail: String = world.bytes().filter(u8::is_ascii_hexdigit).take(8).map(char::from).collect();
    format!("{number:08X}-EA00-4E00-8E00-{:0>12}", tail.to_ascii_uppercase())
}

fn encode(
    request: &Request,
    result: Result<String, ApiError>,
    request_id: &str,
    date: DateTime<Utc>,
) -> Reply {
    let action = request.get("Action").unwrap_or_default();
    let (status, json, retry_after_ms) = match result {
        Ok(json) => (200, json, None),
        Err(error) => (error.http, error.to_json(request_id, &request.host, action), error.retry_after_ms),
    };
    let xml = request.get("Format").is_none_or(|format| !format.eq_ignore_ascii_case("json"));
    let (content_type, body) = if xml {
        ("text/xml;charset=utf-8", api::xml(&json, action, status))
    } else {
        ("application/json;charset=utf-8", json)
    };
    let mut headers = vec![
        ("content-type".to_owned(), content_type.to_owned()),
        ("date".to_owned(), date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        ("x-acs-request-id".to_owned(), request_id.to_owned()),
    ];
    if let Some(ms) = retry_after_ms {
        headers.push(("x-acs-retry-after".to_owned(), ms.to_string()));
    }
    Reply::Http(HttpReply { status, headers, body: body.into_bytes() })
}
