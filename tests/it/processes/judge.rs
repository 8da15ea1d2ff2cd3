//! The judge: emulated worlds behind one HTTP server on loopback, within the test.
//!
//! Each process signs with a key of its own, which says who it is and in which world it works. The
//! judge counts the requests of each, can strike at one of them, and decides whose turn it is when
//! several processes work in one world: all by counting, never by waiting for time to pass.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::emulator::{Call, Emulator, Reply};
use renewctl::ports::HttpReply;
use rustix::process::{Pid, Signal, kill_process};

use super::fleet::{EFFECT_DELAY_S, HOLD_MIN_S};
use super::wire;
use crate::dice::Dice;

/// A process that was started, as long as it may be struck.
pub type Slot = Arc<Mutex<Option<Child>>>;

/// What becomes of a request at which a process was struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is handled and answered, as if nothing had happened.
    GoesOn,
    /// Its connection closes.
    HangsUp,
    /// It is never answered, and its connection stays open.
    Silence,
    /// Neither it nor any later one is ever answered.
    Deaf,
}

/// At which moment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived, and nothing has happened.
    Before,
    /// It has happened, and nothing was answered.
    After,
}

/// What is to befall a process.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// At which of its requests, from 1.
    pub nth: usize,
    pub moment: Moment,
    /// What it is sent.
    pub signals: &'static [Signal],
    pub then: Then,
}

impl Blow {
    /// SIGKILL at a request.
    pub fn kill(nth: usize, moment: Moment) -> Self {
        Self { nth, moment, signals: &[Signal::KILL], then: Then::HangsUp }
    }

    /// The process lives, and its request is lost.
    pub fn hang_up(nth: usize, moment: Moment) -> Self {
        Self { nth, moment, signals: &[], then: Then::HangsUp }
    }
}

/// Sends signals to a process, one after the other.
pub fn strike(child: &Child, signals: &[Signal]) {
    for signal in signals {
        kill_process(Pid::from_child(child), *signal).unwrap();
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
    /// How many processes have begun.
    begun: usize,
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
    /// Whether it changes something in the world.
    pub acts: bool,
}

#[derive(Default)]
struct Process {
    /// Which of the world's processes it is.
    number: usize,
    requests: usize,
    blow: Option<Blow>,
    /// When it was struck, and what became of that request.
    struck: Option<(Instant, Then)>,
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
            begun: 0,
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
        let mut court = self.court();
        court.begun += 1;
        let process = Process { number: court.begun, blow, ..Process::default() };
        court.processes.insert(key.to_owned(), process);
    }

    /// A process has ended, and nobody waits for it any more. Returns how many requests it made, and when
    /// it was struck.
    pub fn leave(&self, key: &str) -> (usize, Option<Instant>) {
        let mut court = self.court();
        let left = court.processes.remove(key);
        court.choose();
        self.changed.notify_all();
        left.map_or((0, None), |process| (process.requests, process.struck.map(|struck| struck.0)))
    }

    /// Handles a request of a process in its turn. `whose` is the number of the process that the connection
    /// belongs to, from its first request on: what one that has ended left behind is lost.
    fn take(&self, seat: &Seat, call: &Call, whose: &mut Option<usize>) -> Fate {
        let action = wire::parameter(call, "Action");
        let mut court = self.court();
        let Some(nth) = court.arrive(&seat.key, action, whose) else { return Fate::Closed };
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
    fn arrive(&mut self, key: &str, action: &str, whose: &mut Option<usize>) -> Option<usize> {
        let process = self.processes.get_mut(key)?;
        if *whose.get_or_insert(process.number) != process.number {
            return None;
        }
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

    fn handle(&mut self, seat: &Seat, call: &Call, action: &str, nth: usize) -> Fate {
        let charges = action == "RenewInstance";
        let id = if charges { wire::parameter(call, "InstanceId") } else { "" };
        let acts = !["Describe", "Query", "Get"].iter().any(|reads| action.starts_with(reads));
        self.seen.push(Seen { key: seat.key.clone(), charges: id.to_owned(), acts });
        let Some(process) = self.processes.get_mut(&seat.key) else { return Fate::Closed };
        if process.struck.is_some_and(|(_, then)| then == Then::Deaf) {
            return Fate::Silent;
        }
        let blow = process.blow.take_if(|blow| blow.nth == nth);
        if let Some(fate) = process.strike(seat, blow, Moment::Before) {
            return fate;
        }
        // An effect shows to the reading that waits for it, and not before.
        if action == "DescribeInstances" && std::mem::take(&mut process.charged) {
            self.emulator.advance(EFFECT_DELAY_S);
        }
        let is_answered = blow.is_none_or(|blow| blow.then == Then::GoesOn);
        process.charged |= charges && is_answered && self.shows;
        if charges {
            self.expect_intent(seat, wire::parameter(call, "ClientToken"));
            self.expect_no_hold(id);
        }
        let answer = self.emulator.answer(call, Utc::now());
        let struck = match self.processes.get_mut(&seat.key) {
            Some(process) => process.strike(seat, blow, Moment::After),
            None => None,
        };
        match (struck, answer.reply) {
            (Some(fate), _) => fate,
            (None, Reply::Http(reply)) => Fate::Answered(reply),
            (None, Reply::Hangup) => Fate::Closed,
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

impl Process {
    /// Strikes if it is the moment. `Some`: the request ends with it, so.
    fn strike(&mut self, seat: &Seat, blow: Option<Blow>, moment: Moment) -> Option<Fate> {
        let blow = blow.filter(|blow| blow.moment == moment)?;
        strike(seat.child.lock().unwrap().as_ref().unwrap(), blow.signals);
        self.struck = Some((Instant::now(), blow.then));
        match blow.then {
            Then::GoesOn => None,
            Then::HangsUp => Some(Fate::Closed),
            Then::Silence | Then::Deaf => Some(Fate::Silent),
        }
    }
}

/// How a request ends.
enum Fate {
    Answered(HttpReply),
    /// Its connection closes without an answer.
    Closed,
    /// Its connection stays open without an answer.
    Silent,
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
    let (mut requests, mut whose) = (BufReader::new(stream), None);
    while let Some(call) = wire::read(&mut requests) {
        let key = wire::parameter(&call, "AccessKeyId");
        let seat = seats.lock().unwrap().get(key).cloned();
        let fate = seat.map_or(Fate::Closed, |seat| seat.world.take(&seat, &call, &mut whose));
        let goes_on = match fate {
            Fate::Answered(reply) => wire::write(&mut &*stream, &reply).is_ok(),
            Fate::Closed => false,
            // Until the client closes it.
            Fate::Silent => io::copy(&mut requests, &mut io::sink()).is_err(),
        };
        if !goes_on {
            break;
        }
    }
}
