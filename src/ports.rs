//! The doors to the world: traits for the clock, chance, the network, the environment, files, the
//! journal's storage and the terminal.
//!
//! Everything with an effect goes through one of them. Two things stand behind them: `system` (the
//! real ones) and, for tests, doors made of plain memory. This file holds no behaviour.

use std::any::Any;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use chrono::{DateTime, Utc};
use secrecy::SecretSlice;

/// A future on the one thread that this program has.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The machine's own clock. What decides is the cloud's time; this one stamps requests and logs.
pub trait Clock {
    /// Now, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// Unpredictable bytes, for nonces and for jitter. Never for a `ClientToken`.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Environment variables. Implementations treat an empty variable as unset, because the post step
/// of the official CI action sets its variables to empty strings.
pub trait Environment {
    /// The value of the variable `name`, if it is set and not empty.
    fn var(&self, name: &str) -> Option<String>;
}

/// The verb of an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads, without a body.
    Get,
    /// Sends.
    Post,
    /// Asks for a token of the metadata service.
    Put,
}

impl Method {
    /// The verb.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// One HTTP request. Its headers, its query or its body hold a signature: do not log them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The verb.
    pub method: Method,
    /// Absolute URL; its query is encoded already.
    pub url: String,
    /// Header names in lower case, with their values; without the host.
    pub headers: Vec<(String, String)>,
    /// The body; a form says so in its content type.
    pub body: String,
    /// The longest wait for the whole answer, in milliseconds.
    pub timeout_ms: u64,
}

/// One HTTP reply, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

impl HttpReply {
    /// The first value of the header `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why an attempt brought no reply. The difference decides whether a charge may have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection was made: the server cannot have seen the request.
    #[error("no connection: {0}")]
    NotSent(String),
    /// The request may have arrived, the answer did not (whole).
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// The only seam to the network. One call is one attempt: no retry, no redirect.
pub trait Transport {
    /// Sends `request` and waits for the whole reply.
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>>;
}

/// A program to run, without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRequest {
    /// Its name, or the path to it.
    pub program: String,
    /// What it is told.
    pub arguments: Vec<String>,
    /// The longest it may run, in milliseconds; then it is ended.
    pub timeout_ms: u64,
}

/// Why a program brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// It is not there, or cannot be run.
    #[error("it cannot be started: {0}")]
    NotStarted(String),
    /// It ended with an error.
    #[error("it failed ({0})")]
    Failed(String),
    /// It did not end.
    #[error("it was ended after {0} seconds")]
    TimedOut(u64),
    /// It printed too much.
    #[error("it printed more than {0} bytes")]
    Endless(usize),
}

/// Programs of the user that print keys. They get no input, and what they write to stderr is dropped.
pub trait Processes {
    /// Runs a program to its end and returns what it wrote to stdout.
    fn run(&self, request: ProcessRequest) -> LocalFuture<'_, Result<SecretSlice<u8>, ProcessError>>;
}

/// Files that are not the journal.
pub trait Files {
    /// The whole content of a file.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The first bytes of a file, at most `bytes`: enough to see that it is too large, or endless.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn read_up_to(&self, path: &Path, bytes: usize) -> io::Result<Vec<u8>>;
    /// Takes an exclusive lock, creating the file if needed; it lasts as long as the result lives.
    /// `Ok(None)`: somebody else holds it.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any>>>;
    /// The one name of a file that may be given by several, also of one that is not there yet, or whose
    /// folder is not: absolute, without links.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn real_path(&self, path: &Path) -> io::Result<PathBuf>;
    /// Whether it is there and neither a file nor a folder: a pipe or a device.
    fn is_stream(&self, path: &Path) -> bool;
    /// Whether it is a file that this process's stdout or stderr goes to, by whatever name.
    fn is_output(&self, _path: &Path) -> bool {
        false
    }
    /// The entries of a folder (full paths, sorted), or `None` if `path` is no folder.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>>;
    /// Replaces a file whole or not at all, durably; makes its folder if it is missing. A pipe or a
    /// device is written to, and a link that leads nowhere is an error.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;
}

/// Where the journal's bytes lie. The format is in `journal`, not here.
pub trait JournalStorage {
    /// All bytes so far; empty if there is no journal yet. Creates nothing.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn read(&self) -> io::Result<Vec<u8>>;
    /// Takes the exclusive lock, creating the journal if needed; taking it twice is no harm.
    /// `Ok(false)`: another run holds it.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn lock(&self) -> io::Result<bool>;
    /// Appends `bytes` and returns when they are durable.
    ///
    /// # Errors
    /// Whatever the operating system says. After an error nothing may be assumed of the tail.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
}

/// Why somebody wants the run to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C at the terminal, SIGINT.
    Interrupt,
    /// The system or a CI runner, SIGTERM.
    Terminate,
}

/// The signals that ask the program to end.
pub trait Interrupts {
    /// How many have come so far.
    fn count(&self) -> usize;
    /// Waits until `count` of them have come; returns the last one.
    fn arrived(&self, count: usize) -> LocalFuture<'_, Signal>;
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Look again.
    Warning,
    /// The run ends, or did not do all that it should.
    Error,
}

/// The person at the terminal, or nobody.
pub trait Terminal {
    /// Whether somebody is there to answer: stdin and stderr are terminals.
    fn is_interactive(&self) -> bool;
    /// Writes to stdout: the result, and nothing else.
    ///
    /// # Errors
    /// Whatever the operating system says (a closed pipe, for one).
    fn result(&self, text: &str) -> io::Result<()>;
    /// Writes to stderr: what is good to know, warnings, errors.
    fn note(&self, level: Level, text: &str);
    /// Asks on stderr and reads one line without its end; `None` at the end of input.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn ask(&self, prompt: &str) -> LocalFuture<'_, io::Result<Option<String>>>;
    /// Shows how far a long read is; hidden when stderr is no terminal.
    fn progress(&self, done: usize, total: usize, what: &str);
}
