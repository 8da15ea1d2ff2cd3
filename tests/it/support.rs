//! A world to test in: the emulator behind the transport door, tokio's paused clock, a journal in
//! memory, a person made of prepared answers. The code under test is the real one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::cli::{Apply, Doors, Exit, Format, Session};
use renewctl::cloud::{self, Cloud, Credentials, Endpoint, Keys};
use renewctl::config::load;
use renewctl::desired::DesiredState;
use renewctl::emulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, Charge, Emulator, InProcess};
use renewctl::journal::fold::fold;
use renewctl::plan::Plan;
use renewctl::planning::{self, Moment};
use renewctl::ports::{
    Clock, Entropy, Environment, Files, HttpReply, HttpRequest, Interrupts, JournalStorage, Level,
    LocalFuture, Signal, Terminal, Transport, TransportError,
};
use renewctl::render::Style;

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Runs a test on one thread with a clock that jumps when everybody sleeps.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// The machine's clock: tokio's, counted from a fixed day.
pub struct SimClock {
    start: tokio::time::Instant,
    /// Seconds that went by while the one thread did something else than wait.
    pub stalled_s: Cell<i64>,
}

impl SimClock {
    pub fn new() -> Self {
        Self { start: tokio::time::Instant::now(), stalled_s: Cell::new(0) }
    }

    pub fn now_public(&self) -> DateTime<Utc> {
        self.now()
    }
}

impl Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.start.elapsed()).unwrap();
        time("2026-11-23T00:00:00Z") + elapsed + TimeDelta::seconds(self.stalled_s.get())
    }
}

/// Different bytes at every call, the same in every run.
#[derive(Default)]
pub struct CountingEntropy(Cell<u64>);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0.set(self.0.get() + 1);
            let mixed = self.0.get().wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

pub struct NoEnvironment;

impl Environment for NoEnvironment {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
}

pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::other("no files here"))
    }
    fn read_up_to(&self, _: &Path, _: usize) -> io::Result<Vec<u8>> {
        Err(io::Error::other("no files here"))
    }
    fn real_path(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::Error::other("no files here"))
    }
    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn std::any::Any>>> {
        Err(io::Error::other("no files here"))
    }
    fn is_stream(&self, _: &Path) -> bool {
        false
    }
    fn list(&self, _: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        Err(io::Error::other("no files here"))
    }
    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("no files here"))
    }
}

/// A journal in memory, which can be told to fail.
#[derive(Default)]
#[allow(clippy::type_complexity, reason = "one callback")]
pub struct MemoryJournal {
    pub bytes: RefCell<Vec<u8>>,
    /// Appends that still succeed; `None`: all.
    pub appends_left: Cell<Option<usize>>,
    /// Whether a failing append leaves half of its bytes, and the next one succeeds again.
    pub tears: Cell<bool>,
    pub locked_by_other: Cell<bool>,
    /// What happens while a line is written.
    pub on_append: RefCell<Option<Box<dyn Fn(&[u8])>>>,
}

impl JournalStorage for MemoryJournal {
    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.bytes.borrow().clone())
    }
    fn lock(&self) -> io::Result<bool> {
        Ok(!self.locked_by_other.get())
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(happens) = self.on_append.borrow().as_ref() {
            happens(bytes);
        }
        match self.appends_left.get() {
            Some(0) => {
                if self.tears.get() {
                    self.bytes.borrow_mut().extend_from_slice(&bytes[..bytes.len() / 2]);
                    self.appends_left.set(None);
                }
                return Err(io::Error::other("no space left on device"));
            }
            Some(left) => self.appends_left.set(Some(left - 1)),
            None => {}
        }
        self.bytes.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }
}

/// A person: what they will type, and all that they were shown.
#[derive(Default)]
#[allow(clippy::type_complexity, reason = "one callback")]
pub struct FakeTerminal {
    pub interactive: Cell<bool>,
    pub answers: RefCell<VecDeque<String>>,
    /// What happens in the world while the question stands.
    pub on_ask: RefCell<Option<Box<dyn Fn()>>>,
    pub out: RefCell<String>,
    pub err: RefCell<String>,
}

impl Terminal for FakeTerminal {
    fn is_interactive(&self) -> bool {
        self.interactive.get()
    }
    fn result(&self, text: &str) -> io::Result<()> {
        self.out.borrow_mut().push_str(text);
        Ok(())
    }
    fn note(&self, _: Level, text: &str) {
        let mut err = self.err.borrow_mut();
        err.push_str(text);
        err.push('\n');
    }
    fn ask(&self, prompt: &str) -> LocalFuture<'_, io::Result<Option<String>>> {
        self.err.borrow_mut().push_str(prompt);
        if let Some(happens) = self.on_ask.borrow().as_ref() {
            happens();
        }
        let answer = self.answers.borrow_mut().pop_front();
        self.err.borrow_mut().push('\n');
        Box::pin(std::future::ready(Ok(answer)))
    }
    fn progress(&self, _: usize, _: usize, _: &str) {}
}

/// Signals that a test sends: so many at once when the process makes a certain call.
pub struct FakeSignals {
    sent: tokio::sync::watch::Sender<usize>,
    /// Calls made so far.
    pub calls: Cell<usize>,
    /// At which call, and how many.
    pub at_call: Cell<Option<(usize, usize)>>,
    /// When the first one was sent.
    pub sent_at: Cell<Option<tokio::time::Instant>>,
}

impl Default for FakeSignals {
    fn default() -> Self {
        Self {
            sent: tokio::sync::watch::channel(0).0,
            calls: Cell::default(),
            at_call: Cell::default(),
            sent_at: Cell::default(),
        }
    }
}

impl FakeSignals {
    fn call(&self) {
        self.calls.set(self.calls.get() + 1);
        if let Some((_, signals)) = self.at_call.get().filter(|(call, _)| *call == self.calls.get()) {
            self.sent_at.set(Some(tokio::time::Instant::now()));
            self.sent.send_modify(|count| *count += signals);
        }
    }

    /// Sends one at this very moment.
    pub fn send(&self) {
        self.sent_at.set(Some(tokio::time::Instant::now()));
        self.sent.send_modify(|count| *count += 1);
    }

    /// A new process: nobody has sent it anything.
    pub fn reset(&self) {
        self.sent.send_modify(|count| *count = 0);
        self.at_call.set(None);
    }
}

impl Interrupts for FakeSignals {
    fn count(&self) -> usize {
        *self.sent.borrow()
    }
    fn arrived(&self, count: usize) -> LocalFuture<'_, Signal> {
        let mut seen = self.sent.subscribe();
        Box::pin(async move {
            seen.wait_for(|so_far| *so_far >= count).await.unwrap();
            Signal::Interrupt
        })
    }
}

/// What a transport does to a request of `RenewInstance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The process dies before the request leaves.
    BeforeSend,
    /// The process dies when the request has arrived, before the answer.
    AfterSend,
}

/// Passes everything on, until it is told that the process dies at a charge: then it never answers.
struct CuttingTransport {
    inner: InProcess,
    cut: Rc<Cell<Option<Cut>>>,
    signals: Rc<FakeSignals>,
    clock: Rc<SimClock>,
    sleep: Rc<Cell<Option<Sleep>>>,
}

/// The machine sleeps while the answer to the nth call (counted down) of an action is on its way, for so
/// many seconds.
pub type Sleep = (&'static str, usize, i64);

impl Transport for CuttingTransport {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        let cut = self.cut.get().filter(|_| request.body.contains("Action=RenewInstance"));
        Box::pin(async move {
            self.signals.call();
            if cut == Some(Cut::BeforeSend) {
                std::future::pending::<()>().await;
            }
            let sleep =
                self.sleep.get().filter(|(action, ..)| request.body.contains(&format!("Action={action}&")));
            let reply = self.inner.send(request).await;
            match sleep {
                Some((_, 1, seconds)) => {
                    self.clock.stalled_s.set(self.clock.stalled_s.get() + seconds);
                    self.sleep.set(None);
                }
                Some((action, nth, seconds)) => self.sleep.set(Some((action, nth - 1, seconds))),
                None => {}
            }
            if cut == Some(Cut::AfterSend) {
                std::future::pending::<()>().await;
            }
            reply
        })
    }
}

/// How an apply ended.
#[derive(Debug)]
pub struct Applied {
    pub exit: u8,
    pub out: String,
    pub err: String,
}

pub struct Sim {
    pub emulator: Rc<RefCell<Emulator>>,
    pub clock: Rc<SimClock>,
    pub journal: Rc<MemoryJournal>,
    pub cut: Rc<Cell<Option<Cut>>>,
    /// Signals to the process.
    pub signals: Rc<FakeSignals>,
    /// When the machine sleeps next.
    pub sleep: Rc<Cell<Option<Sleep>>>,
    /// What the next apply signs with; otherwise the emulator's own key.
    pub keys: Cell<Option<Keys>>,
    entropy: Rc<CountingEntropy>,
}

/// Options of one apply.
#[derive(Clone)]
pub struct Options {
    pub auto_approve: bool,
    pub answers: Vec<&'static str>,
    pub interactive: bool,
    pub max_charge: Option<&'static str>,
    pub json: bool,
    pub verify_timeout_s: u64,
    /// Columns of the terminal, if there is one.
    pub width: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auto_approve: true,
            answers: Vec::new(),
            interactive: false,
            max_charge: None,
            json: false,
            verify_timeout_s: 300,
            width: None,
        }
    }
}

impl Sim {
    /// A world from a world file's text. Must be made inside [`run`].
    pub fn new(world: &str) -> Self {
        let clock = Rc::new(SimClock::new());
        let emulator = Emulator::from_world(world, clock.now(), "00000000test").unwrap();
        Self {
            emulator: Rc::new(RefCell::new(emulator)),
            clock,
            journal: Rc::default(),
            cut: Rc::default(),
            signals: Rc::default(),
            sleep: Rc::default(),
            keys: Cell::default(),
            entropy: Rc::default(),
        }
    }

    pub fn cloud(&self) -> Cloud {
        self.cloud_with(8)
    }

    pub fn transport(&self) -> Rc<dyn Transport> {
        let inner = InProcess::new(Rc::clone(&self.emulator), self.clock.clone(), Rc::new(|_| Ok(())));
        let signals = Rc::clone(&self.signals);
        let (cut, clock, sleep) = (Rc::clone(&self.cut), Rc::clone(&self.clock), Rc::clone(&self.sleep));
        Rc::new(CuttingTransport { inner, cut, signals, clock, sleep })
    }

    pub fn cloud_with(&self, parallelism: usize) -> Cloud {
        let doors = cloud::Doors {
            transport: self.transport(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        let keys = self.keys.take();
        let keys = keys.unwrap_or_else(|| Credentials::new(ACCESS_KEY_ID, ACCESS_KEY_SECRET).into());
        Cloud::new(doors, keys, Endpoint::Regional, parallelism)
    }

    pub async fn apply(&self, files: &str) -> Applied {
        self.apply_with(files, &Options::default()).await
    }

    pub async fn apply_with(&self, files: &str, options: &Options) -> Applied {
        self.apply_while(files, options, None).await
    }

    /// An apply at a terminal, while the world changes between plan and confirmation.
    pub async fn apply_asked(
        &self,
        files: &str,
        answer: &'static str,
        happens: impl Fn() + 'static,
    ) -> Applied {
        let options =
            Options { auto_approve: false, interactive: true, answers: vec![answer], ..Options::default() };
        self.apply_while(files, &options, Some(Box::new(happens))).await
    }

    /// `files`: the text of one desired-state file.
    async fn apply_while(&self, files: &str, options: &Options, happens: Option<Box<dyn Fn()>>) -> Applied {
        let terminal = Rc::new(FakeTerminal::default());
        terminal.interactive.set(options.interactive);
        terminal.answers.borrow_mut().extend(options.answers.iter().map(|&answer| answer.to_owned()));
        *terminal.on_ask.borrow_mut() = happens;
        let doors = Doors {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            environment: Rc::new(NoEnvironment),
            files: Rc::new(NoFiles),
            terminal: terminal.clone(),
            interrupts: self.signals.clone(),
        };
        let mut desired = desired(files);
        desired.run_cap = options.max_charge.map(|text| text.parse().unwrap());
        let session = Session {
            cloud: self.cloud(),
            world: "emulator:test".to_owned(),
            is_emulator: true,
            own_clock: true,
        };
        let apply = Apply {
            format: if options.json { Format::Json } else { Format::Text },
            reports: Vec::new(),
            command: "renewctl apply -f renewals.yaml".to_owned(),
            style: Style { width: options.width, ..Style::default() },
            quiet: false,
            auto_approve: options.auto_approve,
            checksum: None,
            saved: None,
            verify_timeout: Duration::from_secs(options.verify_timeout_s),
            lock_timeout: Duration::ZERO,
            doors: &doors,
            desired: &desired,
            session: &session,
            journal_name: "journal.jsonl".to_owned(),
            storage: self.journal.clone(),
        };
        let exit = match apply.run().await {
            Ok(exit) => exit,
            Err(failure) => {
                terminal.note(Level::Error, &failure.message);
                failure.exit
            }
        };
        let (out, err) = (terminal.out.borrow().clone(), terminal.err.borrow().clone());
        Applied { exit: exit.code(), out, err }
    }

    /// Runs an apply whose process dies at its first charge.
    pub async fn apply_and_die(&self, files: &str, cut: Cut) {
        self.cut.set(Some(cut));
        let died = tokio::time::timeout(Duration::from_secs(20), self.apply(files)).await;
        assert!(died.is_err(), "the process should have died");
        self.cut.set(None);
    }

    pub async fn plan(&self, files: &str) -> Plan {
        self.plan_at(files, Moment::Reading).await
    }

    pub async fn plan_at(&self, files: &str, moment: Moment) -> Plan {
        self.plan_of(&desired(files), moment).await
    }

    pub async fn plan_of(&self, desired: &DesiredState, moment: Moment) -> Plan {
        let contents = renewctl::journal::parse(&self.journal.bytes.borrow());
        let memory = fold(&contents.lines, "emulator:test");
        planning::plan(desired, &self.cloud(), &memory, &FakeTerminal::default(), moment).await.unwrap().0
    }

    pub fn ledger(&self) -> Vec<Charge> {
        self.emulator.borrow().ledger().to_vec()
    }

    pub fn fault(&self, yaml: &str) {
        self.emulator.borrow_mut().add_fault(yaml).unwrap();
    }

    pub fn advance(&self, seconds: i64) {
        self.emulator.borrow_mut().advance(seconds);
    }

    pub fn expiry(&self, id: &str) -> DateTime<Utc> {
        self.emulator.borrow().instance(id, self.clock.now()).unwrap().paid_until
    }
}

pub fn desired(text: &str) -> DesiredState {
    desired_of(&[("renewals.yaml", text)])
}

/// What several files, each with its path, ask for together.
pub fn desired_of(files: &[(&str, &str)]) -> DesiredState {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec())).collect();
    let loaded = load(&files);
    loaded.config.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics)).into()
}

/// Exit code 0, with the output shown otherwise.
#[track_caller]
pub fn assert_exit(applied: &Applied, exit: Exit) {
    assert_eq!(applied.exit, exit.code(), "\n--- out\n{}\n--- err\n{}", applied.out, applied.err);
}

/// A world with one instance, which expires in ten days.
pub const ONE: &str = "
now: 2026-12-01T02:05:00Z
effect_delay: 5s
instances:
  - { id: i-one, name: one, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: '100.00' }
";

/// A file that wants fifteen days for it.
pub const WANT_ONE: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 500 CNY }
instances:
  - { id: i-one, min_remaining: 15d }
";

/// Three instances to renew, and one to set.
pub const FLEET: &str = "
now: 2026-12-01T12:30:00Z
effect_delay: 30s
instances:
  - { id: i-a, region: cn-beijing, expires_at: 2026-12-20T16:00:00Z, price_per_month: '100.00' }
  - { id: i-b, region: cn-shanghai, expires_at: 2026-12-21T16:00:00Z, price_per_month: '100.00' }
  - { id: i-c, region: cn-beijing, expires_at: 2026-12-22T16:00:00Z, price_per_month: '100.00' }
  - { id: i-d, region: cn-beijing, expires_at: 2027-08-22T16:00:00Z, price_per_month: '100.00' }
";

pub const WANT_FLEET: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 500 CNY }
instances:
  - { id: i-a, min_remaining: 28d, auto_renew: 1mo }
  - { id: i-b, region: cn-shanghai, min_remaining: 28d }
  - { id: i-c, min_remaining: 28d }
  - { id: i-d, auto_renew: 1mo }
";

/// How often each instance was charged.
pub fn charges(sim: &Sim) -> BTreeMap<String, usize> {
    let mut charges = BTreeMap::new();
    for charge in sim.ledger() {
        *charges.entry(charge.instance_id).or_default() += 1;
    }
    charges
}
