//! The judge: emulated worlds behind one HTTP server on loopback, within the test.
//!
//! Each process signs with a key of its own, which says who it is and in which world it works. The
//! judge counts the requests of each, can strike at one of them, and decides whose turn it is when
//! several processes work in one world: all by counting, never by waiting for time to pass.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::emulator::{Call, Emulator, Reply};
use renewctl::ports::HttpReply;

use super::fleet::{EFFECT_DELAY_S, HOLD_MIN_S};
use super::wire;
use crate::dice::Dice;

/// A process that was started, as long as it may be struck.
pub type Slot = Arc<Mutex<Option<Child>>>;

/// What is done to a process at one of its requests; then the request is dropped, or goes on.
pub type Strike = fn(&mut Child) -> ControlFlow<()>;

/// SIGKILL.
fn kill(child: &mut Child) -> ControlFlow<()> {
    child.kill().unwrap();
    ControlFlow::Break(())
}

/// Nothing: the process lives, and only its connection closes.
pub fn hang_up(_: &mut Child) -> ControlFlow<()> {
    ControlFlow::Break(())
}

/// At which moment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived, and nothing has happened.
    Before,
    /// It has happened, and nothing was answered.
    After,
}

/// A strike that is to come.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// At which request of the process, from 1.
    pub nth: usize,
    pub moment: Moment,
    pub strike: Strike,
}

impl Blow {
    /// SIGKILL at a request.
    pub fn kill(nth: usize, moment: Moment) -> Self {
        Self { nth, moment, strike: kill }
    }
}

/// In which order the requests of several processes are handled.
pub enum Order {
    /// As they come.
    Free,
    /// The first requests of this action wait for each other: for every process that still runs.
    Together(&'static str),
    /// One at a time: when every running process waits, the dice choose.
    Dice(Dice),
}

/// What the judge knows of one world.
pub struct Court {
    pub emulator: Emulator,
    order: Order,
    processes: BTreeMap<String, Process>,
    /// Whether an effect shows to the process that has charged, when it reads. Otherwise it takes its time.
    pub shows: bool,
    /// All requests that arrived.
    pub seen: Vec<Seen>,
    /// What must not be charged for before this time of the world: it is held.
    pub held: Option<(String, DateTime<Utc>)>,
    /// Charges that came without their intent in the journal, or for what is held.
    pub forbidden: Vec<String>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who sent it.
    pub key: String,
    /// Of a charge, the instance; otherwise empty.
    pub charges: String,
}

#[derive(Default)]
struct Process {
    requests: usize,
    blow: Option<Blow>,
    /// It has a request that waits for its turn.
    waits: bool,
    /// It has charged and not read since then.
    charged: bool,
    /// It has passed the gate of [`Order::Together`].
    passed: bool,
}

/// A world, and those who wait for their turn in it.
pub struct World {
    court: Mutex<Court>,
    changed: Condvar,
}

impl World {
    /// A world, and the order of requests in it.
    pub fn new(emulator: Emulator, order: Order) -> Arc<Self> {
        let court = Court {
            emulator,
            order,
            processes: BTreeMap::new(),
            shows: true,
            seen: Vec::new(),
            held: None,
            forbidden: Vec::new(),
        };
        Arc::new(Self { court: Mutex::new(court), changed: Condvar::new() })
    }

    /// The court, for a look or a change.
    pub fn court(&self) -> MutexGuard<'_, Court> {
        self.court.lock().unwrap()
    }

    /// From now on requests are handled as they come.
    pub fn set_free(&self) {
        self.court().order = Order::Free;
    }

    /// A process begins: its requests are counted from 1.
    pub fn enter(&self, key: &str, blow: Option<Blow>) {
        self.court().processes.insert(key.to_owned(), Process { blow, ..Process::default() });
    }

    /// A process has ended, and nobody waits for it any more. Returns how many requests it made.
    pub fn leave(&self, key: &str) -> usize {
        let mut court = self.court();
        let left = court.processes.remove(key);
        court.choose();
        self.changed.notify_all();
        left.map_or(0, |process| process.requests)
    }

    /// Handles a request of a process in its turn. `None`: the connection closes without an answer.
    fn take(&self, seat: &Seat, call: &Call) -> Option<HttpReply> {
        let action = wire::parameter(call, "Action");
        let mut court = self.court();
        let nth = court.arrive(&seat.key, action)?;
        court.choose();
        self.changed.notify_all();
        while !court.may_go(&seat.key) {
            court = self.changed.wait(court).unwrap();
        }
        court.handle(seat, call, action, nth)
    }
}

impl Court {
    /// Counts a request, and lets it wait if the order says so. `None`: its process has ended.
    fn arrive(&mut self, key: &str, action: &str) -> Option<usize> {
        let process = self.processes.get_mut(key)?;
        process.requests += 1;
        process.waits = match &self.order {
            Order::Free => false,
            Order::Together(gate) => action == *gate && !process.passed,
            Order::Dice(_) => true,
        };
        Some(process.requests)
    }

    /// Lets go who may go, when everybody waits.
    fn choose(&mut self) {
        let mut all: Vec<&mut Process> = self.processes.values_mut().collect();
        if !all.iter().all(|process| process.waits || process.passed) {
            return;
        }
        if let Order::Dice(dice) = &mut self.order {
            if !all.is_empty() {
                let chosen = usize::try_from(dice.roll(all.len() as u64)).unwrap();
                all[chosen].waits = false;
            }
            return;
        }
        for process in all {
            // A process that waits nowhere has passed already.
            process.passed = true;
            process.waits = false;
        }
    }

    fn may_go(&self, key: &str) -> bool {
        self.processes.get(key).is_none_or(|process| !process.waits)
    }

    fn handle(&mut self, seat: &Seat, call: &Call, action: &str, nth: usize) -> Option<HttpReply> {
        let charges = action == "RenewInstance";
        let id = if charges { wire::parameter(call, "InstanceId") } else { "" };
        self.seen.push(Seen { key: seat.key.clone(), charges: id.to_owned() });
        let process = self.processes.get_mut(&seat.key)?;
        let blow = process.blow.take_if(|blow| blow.nth == nth);
        if is_struck(seat, blow, Moment::Before) {
            return None;
        }
        // An effect shows to the reading that waits for it, and not before.
        if action == "DescribeInstances" && std::mem::take(&mut process.charged) {
            self.emulator.advance(EFFECT_DELAY_S);
        }
        process.charged |= charges && blow.is_none() && self.shows;
        if charges {
            self.expect_intent(seat, wire::parameter(call, "ClientToken"));
            self.expect_no_hold(id);
        }
        let answer = self.emulator.answer(call, Utc::now());
        match answer.reply {
            Reply::Http(reply) if !is_struck(seat, blow, Moment::After) => Some(reply),
            _ => None,
        }
    }

    /// The last of a run's requests was for a charge, and what came of it is not known: then nothing may
    /// be charged for this instance while the journal holds it.
    pub fn expect_hold(&mut self, id: &str) {
        if !id.is_empty() {
            let until = self.emulator.now(Utc::now()) + TimeDelta::seconds(HOLD_MIN_S);
            self.held = Some((id.to_owned(), until));
        }
    }

    fn expect_no_hold(&mut self, id: &str) {
        let now = self.emulator.now(Utc::now());
        if self.held.as_ref().is_some_and(|(held, until)| held == id && now < *until) {
            self.forbidden.push(format!("{id} is held"));
        }
    }

    fn expect_intent(&mut self, seat: &Seat, token: &str) {
        let journal = std::fs::read(&seat.journal).unwrap_or_default();
        let text = String::from_utf8_lossy(&journal);
        if token.is_empty() || !text.lines().any(|line| line.contains("intent") && line.contains(token)) {
            self.forbidden.push(format!("{} sent {token} without an intent", seat.key));
        }
    }
}

/// Strikes if it is the moment. Whether the request ends with it.
fn is_struck(seat: &Seat, blow: Option<Blow>, moment: Moment) -> bool {
    let blow = blow.filter(|blow| blow.moment == moment);
    blow.is_some_and(|blow| (blow.strike)(seat.child.lock().unwrap().as_mut().unwrap()).is_break())
}

/// One process at a time: who it is, where it works, and where its journal lies.
#[derive(Clone)]
pub struct Seat {
    pub key: String,
    pub world: Arc<World>,
    pub journal: PathBuf,
    pub child: Slot,
}

/// The server.
pub struct Judge {
    /// Where it listens: the same for all worlds, so that a journal goes with any of them.
    pub url: String,
    seats: Arc<Mutex<BTreeMap<String, Seat>>>,
}

impl Judge {
    /// Opens the server. It serves as long as the test process lives.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seats = Arc::new(Mutex::new(BTreeMap::new()));
        let known = Arc::clone(&seats);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, known) = (stream.unwrap(), Arc::clone(&known));
                std::thread::spawn(move || serve(&stream, &known));
            }
        });
        Self { url, seats }
    }

    /// Who signs with the seat's key works from now on in the seat's world.
    pub fn seat(&self, seat: &Seat) {
        self.seats.lock().unwrap().insert(seat.key.clone(), seat.clone());
    }
}

fn serve(stream: &TcpStream, seats: &Mutex<BTreeMap<String, Seat>>) {
    let _ = stream.set_nodelay(true);
    let mut requests = BufReader::new(stream);
    while let Some(call) = wire::read(&mut requests) {
        let key = wire::parameter(&call, "AccessKeyId");
        let seat = seats.lock().unwrap().get(key).cloned();
        let reply = seat.and_then(|seat| seat.world.take(&seat, &call));
        if reply.is_none_or(|reply| wire::write(&mut &*stream, &reply).is_err()) {
            break;
        }
    }
}
