//! One run of `renewctl apply` as a process: the real code between a wire, a disk and a person, until
//! it ends or is killed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::cli::{Apply, Doors, Exit, Failure, Format, Saved, Session, saved_plan};
use renewctl::cloud::{self, Cloud, Credentials, Endpoint};
use renewctl::desired::DesiredState;
use renewctl::emulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
use renewctl::plan::file::SavedPlan;
use renewctl::ports::{Environment, Files, JournalStorage, Level, LocalFuture, Terminal};
use renewctl::render::Style;
use tokio::sync::Notify;

use crate::clock::MachineClock;
use crate::coverage::Seen;
use crate::dice::Dice;
use crate::disk::{Disk, Handle};
use crate::draw::{Weather, amount};
use crate::prices;
use crate::saved::{self, SavedFile};
use crate::signals::{Ears, Signalling, Signals};
use crate::transport::Wire;
use crate::world::{Sent, World};

/// What a run was told of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// When the cloud answered.
    pub answered: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A price that a run was told, in cents.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    pub cents: i64,
    /// When the cloud answered.
    pub answered: DateTime<Utc>,
    /// What it was told at first, which is what it has planned with.
    pub planned: i64,
}

/// A run as others see it: by its requests, its journal lines and its end.
pub struct Process {
    pub number: usize,
    /// Which version of the files.
    pub version: usize,
    /// The saved plan that it carries out.
    pub saved: Option<Rc<SavedFile>>,
    pub weather: Weather,
    pub signals: Signals,
    pub dead: Cell<bool>,
    pub death: Notify,
    /// Its exit code, once it has ended by itself.
    pub exit: Cell<Option<u8>>,
    pub began: Cell<DateTime<Utc>>,
    /// The last reading of each instance that reached it.
    pub readings: RefCell<BTreeMap<String, Reading>>,
    /// What a reading after a charge of it was sent has shown: that the expiry moved.
    pub moved: RefCell<BTreeMap<String, bool>>,
    /// Durable intents, by token: instance and the expiry it was made for.
    pub intents: RefCell<BTreeMap<String, (String, DateTime<Utc>)>>,
    /// Prices it was told, by instance and months (weeks are not quoted).
    pub quotes: RefCell<BTreeMap<(String, u32), Quoted>>,
    /// Charges that reached the ledger, with the part of the file.
    pub charged: RefCell<Vec<(Sent, usize)>>,
    /// Whether auto-renewal was on, by the last answer that reached it.
    pub auto_renewing: RefCell<BTreeMap<String, bool>>,
    /// It was told that no charge will be taken.
    pub refused_all: Cell<bool>,
    /// Its journal, and how much of it was there before it wrote.
    pub found: RefCell<Option<(Rc<Disk>, usize)>>,
    /// Settings that the cloud took from it.
    pub settings: Cell<u64>,
    /// Requests that change something, which it has begun to send.
    pub sent: RefCell<BTreeSet<String>>,
}

impl Process {
    pub fn new(world: &World, number: usize, version: usize, weather: Weather) -> Self {
        Self {
            number,
            version,
            saved: None,
            weather,
            signals: Signals::default(),
            dead: Cell::new(false),
            death: Notify::new(),
            exit: Cell::new(None),
            began: Cell::new(world.now()),
            readings: RefCell::default(),
            moved: RefCell::default(),
            intents: RefCell::default(),
            quotes: RefCell::default(),
            charged: RefCell::default(),
            auto_renewing: RefCell::default(),
            refused_all: Cell::new(false),
            found: RefCell::default(),
            settings: Cell::new(0),
            sent: RefCell::default(),
        }
    }

    /// A signal may come at any call and at any line of the journal.
    pub fn may_be_signalled(&self, world: &World) {
        if self.weather.signal > 0 && world.dice.chance(self.weather.signal) {
            self.signals.send(world, self.number);
        }
    }

    /// It is gone from now on: nothing that it does has an effect, nothing reaches it.
    pub fn die(&self, world: &World, how: &str) {
        world.seen.note(Seen::Crashes);
        world.say(|| format!("run {} is killed {how}", self.number));
        self.dead.set(true);
        self.death.notify_one();
    }
}

/// How a run is started.
pub struct Start {
    pub after: TimeDelta,
    pub killed_after: Option<TimeDelta>,
    pub signalling: Option<Signalling>,
    pub skew: TimeDelta,
    pub verify_timeout_s: u64,
    pub typed: bool,
    /// It names the id of its saved plan.
    pub checked: bool,
    pub parallelism: usize,
    /// Whether its journal's lock works.
    pub locks: bool,
    /// Whether no other run is under way.
    pub alone: bool,
}

/// How a run ended, and what it said.
pub struct Ended {
    pub exit: Option<u8>,
    pub said: String,
}

/// Runs one process to its end.
pub async fn run(
    world: &Rc<World>,
    process: &Rc<Process>,
    desired: &DesiredState,
    disk: &Rc<Disk>,
    start: &Start,
) -> Ended {
    world.hands.sleep(start.after).await;
    process.began.set(world.now());
    world.seen.note(Seen::Runs);
    let saved = if process.saved.is_some() { ", with a saved plan" } else { "" };
    world.say(|| format!("run {} begins, version {} of the files{saved}", process.number, process.version));
    let terminal = Rc::new(Screen::new(world, process, start.typed));
    let killed = async {
        match start.killed_after {
            Some(after) => world.hands.sleep(after).await,
            None => std::future::pending().await,
        }
    };
    let exit = tokio::select! {
        biased;
        () = process.death.notified() => None,
        exit = apply(world, process, desired, disk, start, &terminal) => Some(exit),
        () = killed => {
            world.seen.note(Seen::CrashByTimer);
            process.die(world, "from outside");
            None
        }
        () = process.signals.play(world, process, start.signalling) => {
            world.seen.note(Seen::CrashAfterSignal);
            process.die(world, "because it did not end after a signal");
            None
        }
    };
    let exit = exit.filter(|_| !process.dead.get());
    process.exit.set(exit);
    world.drain();
    let said = terminal.said.take();
    if let Some(code) = exit {
        world.seen.note(match code {
            0 => Seen::Exit0,
            1 => Seen::Exit1,
            3 => Seen::Exit3,
            4 => Seen::Exit4,
            5 => Seen::Exit5,
            6 => Seen::Exit6,
            7 => Seen::Exit7,
            8 => Seen::Exit8,
            130 | 143 => Seen::ExitSignal,
            _ => Seen::ExitOther,
        });
        world.say(|| format!("run {} ends with {code}\n{}", process.number, indented(&said)));
        world.judge.ended(world, process, code, &said);
    }
    Ended { exit, said }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("            | {line}")).collect();
    lines.join("\n")
}

/// Makes a saved plan, as `plan --out` does; `None`: it could not, or was killed.
pub async fn save(
    world: &Rc<World>,
    process: &Rc<Process>,
    desired: &DesiredState,
    disk: &Rc<Disk>,
    start: &Start,
) -> Option<SavedFile> {
    process.began.set(world.now());
    world.say(|| format!("run {} plans, version {} of the files", process.number, process.version));
    let terminal = Rc::new(Screen::new(world, process, false));
    let doors = doors(world, process, start, terminal.clone());
    let (session, desired) = (session(world, process, &doors, start), with_run_cap(world, desired));
    let saved = tokio::select! {
        biased;
        () = process.death.notified() => None,
        made = saved::make(world, process.version, &desired, &session, disk, terminal.as_ref()) => made,
    };
    world.drain();
    world.judge.planned(world, process);
    let saved = saved.filter(|_| !process.dead.get())?;
    read(world, process, &saved).ok().map(|_| saved)
}

fn doors(world: &Rc<World>, process: &Rc<Process>, start: &Start, terminal: Rc<dyn Terminal>) -> Doors {
    Doors {
        clock: Rc::new(MachineClock { hands: Rc::clone(&world.hands), skew: start.skew }),
        entropy: Rc::new(Dice::new(world.dice.next())),
        environment: Rc::new(Nothing),
        files: Rc::new(Nothing),
        terminal,
        interrupts: Rc::new(Ears(Rc::clone(process))),
    }
}

fn session(world: &Rc<World>, process: &Rc<Process>, doors: &Doors, start: &Start) -> Session {
    let transport = Rc::new(Wire { world: Rc::clone(world), process: Rc::clone(process) });
    let (clock, entropy) = (Rc::clone(&doors.clock), Rc::clone(&doors.entropy));
    Session {
        cloud: Cloud::new(
            cloud::Doors { transport, clock, entropy },
            Credentials::new(ACCESS_KEY_ID, ACCESS_KEY_SECRET),
            Endpoint::Regional,
            start.parallelism,
        ),
        world: "emulator:sim".to_owned(),
        is_emulator: true,
        own_clock: true,
    }
}

fn with_run_cap(world: &World, desired: &DesiredState) -> DesiredState {
    let currency = world.scenario.currency();
    let run_cap = world.scenario.run_cap.map(|cents| format!("{} {currency}", amount(cents)));
    DesiredState { run_cap: run_cap.map(|cap| cap.parse().unwrap()), ..desired.clone() }
}

/// The one place that builds the code under test.
async fn apply(
    world: &Rc<World>,
    process: &Rc<Process>,
    desired: &DesiredState,
    disk: &Rc<Disk>,
    start: &Start,
    terminal: &Rc<Screen>,
) -> u8 {
    let doors = doors(world, process, start, terminal.clone());
    let session = session(world, process, &doors, start);
    let storage: Rc<dyn JournalStorage> =
        Rc::new(Handle::new(Rc::clone(world), Rc::clone(process), Rc::clone(disk), start));
    // Whoever has a saved plan has its files, too, and their cap.
    let (desired, saved) = match &process.saved {
        None => (with_run_cap(world, desired), None),
        Some(saved) => match read(world, process, saved) {
            Ok(SavedPlan { plan, desired, world }) => {
                (desired, Some(Saved { plan, world, path: PLAN_FILE.into() }))
            }
            Err(failure) => return end(terminal, &failure),
        },
    };
    let apply = Apply {
        format: Format::Text,
        reports: Vec::new(),
        command: String::new(),
        style: Style::default(),
        quiet: false,
        auto_approve: !start.typed,
        checksum: saved.as_ref().filter(|_| start.checked).map(|saved| saved.plan.id.to_string()),
        saved: saved.as_ref(),
        lock_timeout: Duration::ZERO,
        verify_timeout: Duration::from_secs(start.verify_timeout_s),
        doors: &doors,
        desired: &desired,
        session: &session,
        journal_name: "journal.jsonl".to_owned(),
        storage,
    };
    apply.run().await.map_or_else(|failure| end(terminal, &failure), Exit::code)
}

fn end(terminal: &Screen, failure: &Failure) -> u8 {
    terminal.note(Level::Error, &failure.message);
    failure.exit.code()
}

/// What the program calls a saved plan.
const PLAN_FILE: &str = "plan.json";

/// Reads a saved plan as the program does. Nobody alters one here, so that it can always be read.
fn read(world: &World, process: &Process, saved: &SavedFile) -> Result<SavedPlan, Failure> {
    let read = saved_plan(Path::new(PLAN_FILE), &saved.bytes);
    if let Err(failure) = &read {
        world.judge.unreadable(world, process, &failure.message);
    }
    read
}

/// No environment and no files.
struct Nothing;

impl Environment for Nothing {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
}

fn none<T>() -> io::Result<T> {
    Err(io::Error::other("there are no files here"))
}

impl Files for Nothing {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        none()
    }
    fn read_up_to(&self, _: &Path, _: usize) -> io::Result<Vec<u8>> {
        none()
    }
    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn std::any::Any>>> {
        none()
    }
    fn real_path(&self, _: &Path) -> io::Result<PathBuf> {
        none()
    }
    fn is_stream(&self, _: &Path) -> bool {
        false
    }
    fn list(&self, _: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        none()
    }
    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        none()
    }
}

/// A person who agrees, after a while, or a CI job's log.
struct Screen {
    world: Rc<World>,
    process: Rc<Process>,
    typed: bool,
    said: RefCell<String>,
}

impl Screen {
    fn new(world: &Rc<World>, process: &Rc<Process>, typed: bool) -> Self {
        let (world, process) = (Rc::clone(world), Rc::clone(process));
        Self { world, process, typed, said: RefCell::default() }
    }
}

impl Terminal for Screen {
    fn is_interactive(&self) -> bool {
        self.typed
    }
    fn result(&self, text: &str) -> io::Result<()> {
        self.said.borrow_mut().push_str(text);
        Ok(())
    }
    fn note(&self, _: Level, text: &str) {
        let mut said = self.said.borrow_mut();
        said.push_str(text);
        said.push('\n');
    }
    fn ask(&self, prompt: &str) -> LocalFuture<'_, io::Result<Option<String>>> {
        let dice = &self.world.dice;
        self.world.hands.stall(if dice.chance(300) { dice.between(0, 3_600_000) } else { 4000 });
        prices::may_move(&self.world, self.process.quotes.borrow().keys().map(|(id, _)| id.as_str()));
        self.said.borrow_mut().push_str(prompt);
        // What to type stands last in the question, in brackets; otherwise it is yes.
        let answer = prompt.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let answer = answer.map_or("yes", |(answer, _)| answer).to_owned();
        Box::pin(std::future::ready(Ok(Some(answer))))
    }
    fn progress(&self, _: usize, _: usize, _: &str) {}
}
