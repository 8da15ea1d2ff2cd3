//! The cloud's side of a seed: the emulator, requests on their way to it, and who caused what.
//!
//! A request is carried out when it arrives, whatever has become of its sender.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use renewctl::emulator::{Buyer, Call, Charge, Emulator, Happening, Reply};
use renewctl::ports::HttpReply;

use crate::clock::Hands;
use crate::coverage::{Coverage, Seen};
use crate::dice::Dice;
use crate::draw::Scenario;
use crate::judge::Judge;
use crate::policies::Policy;
use crate::prices::Prices;
use crate::process::{Process, Quoted};
use crate::trace::Trace;

/// Who sent a request.
#[derive(Clone)]
pub enum Sender {
    Run(Rc<Process>),
    Person,
}

impl Sender {
    pub fn name(&self) -> String {
        match self {
            Self::Run(process) => format!("run {}", process.number),
            Self::Person => "a person".to_owned(),
        }
    }
}

/// A charge as it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: String,
    /// As the run sent it.
    pub token: String,
    /// The expiry that its sender had seen.
    pub observed: DateTime<Utc>,
    pub at: DateTime<Utc>,
    /// If it was quoted.
    pub quoted: Option<Quoted>,
    /// Number of the instance.
    pub number: usize,
}

struct Flight {
    arrives: DateTime<Utc>,
    ticket: u64,
    sender: Sender,
    action: String,
    call: Call,
    charge: Option<Sent>,
    /// It is refused for a reason that passes at once.
    transient: bool,
}

/// Turns a seed into that of the moving prices.
const MOVING: u64 = 0x00C0_57A5_7A1E;

pub struct World {
    pub scenario: Scenario,
    pub dice: Dice,
    pub hands: Rc<Hands>,
    pub emulator: RefCell<Emulator>,
    pub judge: Judge,
    pub seen: Coverage,
    pub trace: Trace,
    pub policy: Policy,
    pub prices: Prices,
    /// Nothing goes wrong any more.
    pub calm: Cell<bool>,
    flights: RefCell<Vec<Flight>>,
    tickets: Cell<u64>,
    landed: RefCell<BTreeMap<u64, HttpReply>>,
    charges: Cell<usize>,
    events: Cell<usize>,
}

impl World {
    /// Must be made inside the runtime.
    pub fn new(scenario: Scenario, seed: u64, policy: Policy, trace: Trace) -> Self {
        let hands = Rc::new(Hands::new(scenario.now));
        let yaml = scenario.world();
        let emulator = Emulator::from_world(&yaml, hands.now(), "00000000sim")
            .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        Self {
            judge: Judge::new(&scenario),
            scenario,
            dice: Dice::new(!seed),
            hands,
            emulator: RefCell::new(emulator),
            seen: Coverage::default(),
            trace,
            policy,
            prices: Prices::new(Dice::new(!seed ^ MOVING)),
            calm: Cell::new(false),
            flights: RefCell::default(),
            tickets: Cell::new(0),
            landed: RefCell::default(),
            charges: Cell::new(0),
            events: Cell::new(0),
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.hands.now()
    }

    pub fn say(&self, text: impl FnOnce() -> String) {
        self.trace.say(self.now(), text);
    }

    /// Puts a request on its way. It will arrive even if nobody waits for it.
    pub fn launch(
        &self,
        sender: Sender,
        action: &str,
        call: Call,
        arrives: DateTime<Utc>,
        charge: Option<Sent>,
        transient: bool,
    ) -> u64 {
        let ticket = self.tickets.get();
        self.tickets.set(ticket + 1);
        let action = action.to_owned();
        self.flights.borrow_mut().push(Flight { arrives, ticket, sender, action, call, charge, transient });
        ticket
    }

    /// What came of a request that has arrived.
    pub fn landed(&self, ticket: u64) -> Option<HttpReply> {
        self.drain();
        self.landed.borrow_mut().remove(&ticket)
    }

    /// The charges of a run that are still on their way.
    pub fn charges_on_their_way(&self, process: &Process) -> Vec<Sent> {
        let flights = self.flights.borrow();
        let ours = flights
            .iter()
            .filter(|flight| matches!(&flight.sender, Sender::Run(run) if run.number == process.number));
        ours.filter_map(|flight| flight.charge.clone()).collect()
    }

    /// Lets everything arrive that is due, and everything happen that happens by itself.
    pub fn drain(&self) {
        loop {
            let now = self.now();
            let next = {
                let flights = self.flights.borrow();
                let due = flights.iter().enumerate().filter(|(_, flight)| flight.arrives <= now);
                due.min_by_key(|(_, flight)| (flight.arrives, flight.ticket)).map(|(index, _)| index)
            };
            let Some(index) = next else { break };
            let flight = self.flights.borrow_mut().swap_remove(index);
            let reply = self.carry_out(&flight);
            self.landed.borrow_mut().insert(flight.ticket, reply);
        }
        self.emulator.borrow_mut().live_on(self.now());
        self.digest(None, self.now());
    }

    fn carry_out(&self, flight: &Flight) -> HttpReply {
        self.seen.note(Seen::Calls);
        let id = flight.charge.as_ref().map(|sent| sent.id.clone());
        let answer = {
            let mut emulator = self.emulator.borrow_mut();
            emulator.live_on(flight.arrives);
            if let (true, Some(id)) = (flight.transient, &id) {
                emulator.set_lock(id, Some("security"));
            }
            let answer = emulator.answer(&flight.call, flight.arrives);
            if let (true, Some(id)) = (flight.transient, &id) {
                emulator.set_lock(id, self.judge.lock_of(id).as_deref());
            }
            answer
        };
        let Reply::Http(reply) = answer.reply else { unreachable!("the emulator has no faults here") };
        let before = self.charges.get();
        self.digest(Some(flight), flight.arrives);
        self.trace.say(flight.arrives, || {
            let charge = flight.charge.as_ref();
            let of = charge.map_or_else(String::new, |sent| format!(" of {} for {}", sent.id, sent.observed));
            let body = String::from_utf8_lossy(&reply.body);
            let body: String = if reply.status == 200 && charge.is_none() {
                String::new()
            } else {
                body.chars().take(160).collect()
            };
            format!(
                "      cloud: {}{of} from {}: {} {body}",
                flight.action,
                flight.sender.name(),
                reply.status
            )
        });
        if let Some(sent) = &flight.charge {
            if reply.status == 200 && self.charges.get() == before {
                self.seen.note(Seen::RepeatedCharges);
            }
            if flight.transient && reply.status != 200 {
                self.seen.note(Seen::Transient);
            }
            if crate::clock::beijing_day(sent.at) != crate::clock::beijing_day(flight.arrives) {
                self.seen.note(Seen::ChargesAfterMidnight);
            }
        }
        if let (Sender::Run(process), true, 200) =
            (&flight.sender, flight.action == "ModifyInstanceAutoRenewAttribute", reply.status)
        {
            process.settings.set(process.settings.get() + 1);
        }
        if flight.action == "ModifyInstanceAutoRenewAttribute" {
            self.judge.settings_changed(flight.arrives, &flight.sender);
        }
        reply
    }

    /// Tells the judge of everything that is new in the ledger and the events.
    fn digest(&self, flight: Option<&Flight>, at: DateTime<Utc>) {
        let (charges, events): (Vec<Charge>, Vec<_>) = {
            let emulator = self.emulator.borrow();
            let (from, events) = (self.charges.get(), self.events.get());
            if emulator.ledger().len() == from && emulator.events().len() == events {
                return;
            }
            (emulator.ledger()[from..].to_vec(), emulator.events()[events..].to_vec())
        };
        self.charges.set(self.charges.get() + charges.len());
        self.events.set(self.events.get() + events.len());
        for charge in &charges {
            let who = if charge.by == Buyer::Platform {
                "the platform".to_owned()
            } else {
                flight.map_or_else(String::new, |flight| flight.sender.name())
            };
            self.trace.say(charge.at, || {
                format!(
                    "  **  {who} is charged {} for {}: {} {}, {} -> {}, order {}",
                    charge.amount,
                    charge.instance_id,
                    charge.period,
                    charge.unit,
                    charge.expires_before,
                    charge.expires_after,
                    charge.order_id
                )
            });
            match (charge.by, flight) {
                (Buyer::Platform, _) => self.judge.platform_charged(self, charge),
                (Buyer::Api, Some(flight)) => match (&flight.sender, &flight.charge) {
                    (Sender::Run(process), Some(sent)) => self.judge.run_charged(self, process, sent, charge),
                    _ => self.judge.person_charged(self, charge),
                },
                (Buyer::Api, None) => self.judge.person_charged(self, charge),
            }
        }
        for event in &events {
            if matches!(event.what, Happening::Stopped | Happening::Released) {
                self.trace
                    .say(at, || format!("  !!  {}: {:?} at {}", event.instance_id, event.what, event.at));
            }
            match event.what {
                Happening::Stopped => self.judge.stopped(self, &event.instance_id, event.at),
                Happening::Released => self.judge.released(self, &event.instance_id, event.at),
                _ => {}
            }
        }
    }
}
