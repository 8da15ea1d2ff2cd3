//! A folder with a desired-state file and a journal, a world, and the runs of the binary there.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use renewctl::emulator::Emulator;

use super::fleet::{
    EARLY, EFFECT_DELAY_S, HOLD_S, SECRET, WANT, assert_converged, assert_no_charge_too_many, effects, world,
};
use super::judge::{Blow, Judge, Order, Seat, Slot, World};

/// A folder for a test: in memory where the system has such a place, because these tests make
/// thousands of lines durable and pull no plugs.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    builder.tempdir_in(memory).or_else(|_| builder.tempdir()).unwrap()
}

/// How one run ended.
#[derive(Debug)]
pub struct Run {
    /// `None`: by a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// How many requests it made.
    pub requests: usize,
    /// From the blow, if it was struck, to its end.
    pub lasted: Option<Duration>,
}

/// Where the worlds of one test begin: an earlier run has renewed one instance, and told its journal.
pub struct Base {
    state: String,
    /// The journal of that run.
    pub journal: Vec<u8>,
}

impl Base {
    /// The first run of the test's worlds.
    pub fn prepare(judge: &Judge, keys: usize) -> Self {
        let site = Site::new(judge, "k0", world(keys, EFFECT_DELAY_S), Order::Free);
        let run = site.run_with(None, |command| {
            command.args(["--target", EARLY]);
        });
        assert_eq!(run.code, Some(0), "{run:?}");
        let state = site.seat.world.court().emulator.to_state();
        Self { state, journal: fs::read(&site.seat.journal).unwrap() }
    }

    /// A world of its own that begins here.
    pub fn world(&self) -> Emulator {
        Emulator::from_state(&self.state).unwrap()
    }

    /// A place of its own that begins here.
    pub fn site<'a>(&self, judge: &'a Judge, key: &str) -> Site<'a> {
        let site = Site::new(judge, key, self.world(), Order::Free);
        site.put_journal(&self.journal);
        site
    }
}

/// A place where one process at a time runs.
pub struct Site<'a> {
    folder: tempfile::TempDir,
    judge: &'a Judge,
    pub seat: Seat,
    /// How many readings may overlap; with one, every run makes the same requests in the same order.
    pub parallelism: u8,
}

impl<'a> Site<'a> {
    /// A place with a world of its own.
    pub fn new(judge: &'a Judge, key: &str, emulator: Emulator, order: Order) -> Self {
        Self::beside(judge, key, World::new(emulator, order))
    }

    /// A place in a world that others may work in, too.
    pub fn beside(judge: &'a Judge, key: &str, world: Arc<World>) -> Self {
        let folder = folder();
        fs::write(folder.path().join("want.yaml"), WANT).unwrap();
        // Real names only: strace compares them.
        let journal = fs::canonicalize(folder.path()).unwrap().join("memory/journal.jsonl");
        let seat = Seat { key: key.to_owned(), world, journal, child: Slot::default() };
        Self { folder, judge, seat, parallelism: 1 }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put_journal(&self, bytes: &[u8]) {
        fs::create_dir_all(self.seat.journal.parent().unwrap()).unwrap();
        fs::write(&self.seat.journal, bytes).unwrap();
    }

    /// The arguments of [`Site::command`].
    pub fn arguments(&self) -> Vec<String> {
        self.arguments_with(&self.seat.journal.to_string_lossy())
    }

    /// The same with the journal in another place.
    pub fn arguments_with(&self, journal: &str) -> Vec<String> {
        let fixed = "apply --auto-approve -f want.yaml --verify-timeout 10s";
        let parallelism = self.parallelism.to_string();
        let own = ["--endpoint-url", &self.judge.url, "--journal", journal, "--parallelism", &parallelism];
        fixed.split(' ').chain(own).map(str::to_owned).collect()
    }

    /// An apply that asks nobody.
    pub fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.args(self.arguments());
        self.prepare(&mut command);
        command
    }

    /// Makes a command one of this place: its folder, its key.
    pub fn prepare(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", &self.seat.key);
        command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET);
        // Nothing here is HTTPS, and needs the machine's certificates.
        command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
    }

    /// One run, undisturbed.
    pub fn run(&self) -> Run {
        self.run_with(None, |_| ())
    }

    /// One run that is struck at one of its requests.
    pub fn run_struck(&self, blow: Blow) -> Run {
        self.run_with(Some(blow), |_| ())
    }

    /// One run of the binary with something added to its command.
    pub fn run_with(&self, blow: Option<Blow>, change: impl FnOnce(&mut Command)) -> Run {
        let mut command = self.command();
        change(&mut command);
        self.run_command(blow, &mut command)
    }

    /// One run of any command that ends as a run of the binary.
    pub fn run_command(&self, blow: Option<Blow>, command: &mut Command) -> Run {
        self.seat.world.enter(&self.seat.key, blow);
        self.run_entered(command)
    }

    /// One run of a process that its world knows already.
    pub fn run_entered(&self, command: &mut Command) -> Run {
        self.run_watched(command, |_, _| ())
    }

    /// The same; each line that it writes to stderr is looked at while it runs.
    pub fn run_watched(&self, command: &mut Command, watch: impl FnMut(&Child, &str) + Send) -> Run {
        self.judge.seat(&self.seat);
        let (out, err) = {
            // Held while it starts: its first request may come before `spawn` returns.
            let mut slot = self.seat.child.lock().unwrap();
            let child = slot.insert(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
            (child.stdout.take(), child.stderr.take())
        };
        let (out, err) = std::thread::scope(|scope| {
            let err = scope.spawn(move || self.watch(err, watch));
            (read_to_end(out), err.join().unwrap())
        });
        let status = self.seat.child.lock().unwrap().take().unwrap().wait().unwrap();
        let (requests, struck_at) = self.seat.world.leave(&self.seat.key);
        Run { code: status.code(), out, err, requests, lasted: struck_at.map(|at| at.elapsed()) }
    }

    fn watch(&self, err: Option<impl Read>, mut watch: impl FnMut(&Child, &str)) -> String {
        let (mut err, mut all) = (BufReader::new(err.unwrap()), Vec::new());
        loop {
            let so_far = all.len();
            if err.read_until(b'\n', &mut all).unwrap() == 0 {
                return String::from_utf8_lossy(&all).into_owned();
            }
            let line = String::from_utf8_lossy(&all[so_far..]).into_owned();
            watch(self.seat.child.lock().unwrap().as_ref().unwrap(), &line);
        }
    }

    /// Runs until a run ends with 0, as a nightly job would, and judges. Returns how many runs it took.
    /// What may be in doubt is held, so the hold's time passes between runs, but not before the first.
    pub fn converge(&self, case: &str) -> usize {
        for count in 1..=RUNS_MAX {
            let run = self.run();
            assert_no_charge_too_many(&self.seat.world.court(), case);
            if run.code == Some(0) {
                assert_converged(&self.seat.world.court(), case);
                return count;
            }
            // Held, or in doubt: a run that finds nothing else wrong says so.
            assert!(matches!(run.code, Some(3 | 7)), "{case}: {run:?}");
            self.seat.world.court().emulator.advance(HOLD_S);
        }
        panic!("{case}: it does not converge: {:?}", self.run());
    }

    /// Judges a disturbed run by what it did in its world. What disturbed it is `named` in its output if it
    /// did not do all that it should.
    pub fn assert_told(&self, base: &Base, run: &Run, named: Option<&str>, case: &str) {
        let before = effects(&base.world());
        let after = effects(&self.seat.world.court().emulator);
        match run.code {
            Some(0) => assert_converged(&self.seat.world.court(), case),
            Some(1) => assert_eq!(before, after, "{case}: 1 says that nothing had an effect: {run:?}"),
            Some(3 | 7) => assert_ne!(before, after, "{case}: nothing happened: {run:?}"),
            _ => panic!("{case}: {run:?}"),
        }
        let told = named.is_none_or(|name| run.err.contains(name) || run.out.contains(name));
        assert!(run.code == Some(0) || told, "{case}: nobody says why: {run:?}");
        // Nothing on stderr is a panic, and nothing says that it is safe when it is not.
        assert!(!run.err.contains("panicked"), "{case}: {run:?}");
        let nothing = ["Nothing was sent", "Nothing was charged"].iter().any(|text| run.err.contains(text));
        assert!(!nothing || before == after, "{case}: it was: {run:?}");
        assert!(!run.out.contains("nothing is sent") || before == after, "{case}: it was: {run:?}");
    }
}

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_renewctl");
/// Runs after a disturbed one: one in which something is held, one that does it, and one to spare.
const RUNS_MAX: usize = 3;

fn read_to_end(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).unwrap();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
