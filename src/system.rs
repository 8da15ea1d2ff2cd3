//! The real world behind the doors: this file is the only one that touches the clock, chance, the
//! environment, the network, files, the terminal and the process.
//!
//! It decides nothing.
#![allow(clippy::disallowed_methods, reason = "this is the one impure file")]

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretSlice};
use tokio::io::AsyncReadExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::ports::{
    Clock, Entropy, Environment, Files, HttpReply, HttpRequest, Interrupts, JournalStorage, Level,
    LocalFuture, Method, ProcessError, ProcessRequest, Processes, Signal, Terminal, Transport,
    TransportError,
};

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The operating system's randomness. If it fails, there is no safe way to go on with equal nonces,
/// but also no charge at risk: the counter below keeps them distinct within the run.
#[derive(Debug, Default)]
pub struct SystemEntropy {
    fallback: Cell<u64>,
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_ok() {
            return;
        }
        for chunk in bytes.chunks_mut(8) {
            let next = self.fallback.get().wrapping_add(1);
            self.fallback.set(next);
            let nanos = Utc::now().timestamp_nanos_opt().unwrap_or_default().cast_unsigned();
            let mixed = (nanos ^ next.rotate_left(32)).to_le_bytes();
            chunk.copy_from_slice(mixed.get(..chunk.len()).unwrap_or_default());
        }
    }
}

/// The process environment. Empty variables count as unset.
#[derive(Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// Real files.
#[derive(Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_up_to(&self, path: &Path, bytes: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.take(u64::try_from(bytes).unwrap_or(u64::MAX)).read_to_end(&mut content)?;
        Ok(content)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any>>> {
        make_folder(&folder_of(path))?;
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(try_lock(&file)?.then_some(Box::new(file) as Box<dyn Any>))
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        // A file that is not there yet has its name within a folder that is.
        fs::canonicalize(path).or_else(|error| {
            let name = path.file_name().ok_or(error)?;
            fs::canonicalize(folder_of(path)).map(|folder| folder.join(name))
        })
    }

    fn is_stream(&self, path: &Path) -> bool {
        is_stream(path)
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        if !fs::metadata(path)?.is_dir() {
            return Ok(None);
        }
        let mut paths: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?;
        paths.sort();
        Ok(Some(paths))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        // What a link leads to is replaced, not the link; and a pipe or a device is written to.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        let folder = folder_of(path);
        make_folder(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(&folder)
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Makes a folder that is missing, with those that lead to it, durably: a file that is made durable in a
/// folder that is not would be lost with it.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder_of(folder);
    make_folder(&parent)?;
    match fs::create_dir(folder) {
        // Another run may have made it meanwhile.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => Err(error),
        _ => sync_folder(&parent),
    }
}

/// Makes a new name in a folder durable; where folders cannot be opened, the system does it itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The journal in a file.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    open: RefCell<Option<File>>,
}

impl JournalFile {
    /// A journal at `path`; nothing is created before it is locked.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: RefCell::new(None) }
    }

    /// A pipe would be waited for, a device may never end, and neither keeps anything.
    fn refuse_stream(&self) -> io::Result<()> {
        if is_stream(&self.path) {
            return Err(io::Error::other("it is a pipe or a device, and a journal has to be a file"));
        }
        Ok(())
    }
}

impl JournalStorage for JournalFile {
    fn read(&self) -> io::Result<Vec<u8>> {
        self.refuse_stream()?;
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    fn lock(&self) -> io::Result<bool> {
        if self.open.borrow().is_some() {
            return Ok(true);
        }
        self.refuse_stream()?;
        let folder = folder_of(&self.path);
        make_folder(&folder)?;
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        if !try_lock(&file)? {
            return Ok(false);
        }
        file.sync_all()?;
        sync_folder(&folder)?;
        *self.open.borrow_mut() = Some(file);
        Ok(true)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.borrow();
        let Some(mut file) = open.as_ref() else { return Err(io::Error::other("the journal is not locked")) };
        file.write_all(bytes)?;
        file.sync_data()
    }
}

/// Takes the lock; `false` if somebody else holds it. Some network file systems have no locks: there
/// everybody gets it, because it is a courtesy, and no safety hangs on it.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The terminal.
#[derive(Debug, Default)]
pub struct SystemTerminal {
    quiet: bool,
    json: bool,
    bar: RefCell<Option<indicatif::ProgressBar>>,
}

impl SystemTerminal {
    /// The terminal; `quiet` hides progress, `json` makes each note one line of JSON, in the form of
    /// the logs.
    pub fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, ..Self::default() }
    }
}

impl Terminal for SystemTerminal {
    fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn result(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn note(&self, level: Level, text: &str) {
        // A closed stderr must not end a run that is spending money.
        match level {
            _ if !self.json => drop(writeln!(io::stderr().lock(), "{text}")),
            Level::Info => tracing::info!("{text}"),
            Level::Warning => tracing::warn!("{text}"),
            Level::Error => tracing::error!("{text}"),
        }
    }

    /// A thread reads, so that a signal can end the run while the question stands.
    fn ask(&self, prompt: &str) -> LocalFuture<'_, io::Result<Option<String>>> {
        let prompt = prompt.to_owned();
        Box::pin(async move {
            let mut err = io::stderr().lock();
            write!(err, "{prompt}")?;
            err.flush()?;
            drop(err);
            let (answer, answered) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || drop(answer.send(read_line())));
            answered.await.unwrap_or_else(|_| Err(io::Error::other("nothing could be read")))
        })
    }

    fn progress(&self, done: usize, total: usize, what: &str) {
        if self.quiet || self.json || !io::stderr().is_terminal() {
            return;
        }
        let mut slot = self.bar.borrow_mut();
        if let Some(other) = slot.take_if(|bar| bar.message() != what) {
            other.finish_and_clear();
        }
        let length = u64::try_from(total).unwrap_or(u64::MAX);
        let bar = slot.get_or_insert_with(|| {
            let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({elapsed})");
            let style = style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
            indicatif::ProgressBar::new(length).with_style(style).with_message(what.to_owned())
        });
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        if done >= total {
            bar.finish_and_clear();
            *slot = None;
        }
    }
}

fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The process's signals. From the first question about them on SIGINT and SIGTERM no longer end the
/// process: who waits for them does. Before that, while files are read, they still do.
#[derive(Default)]
pub struct SystemInterrupts(OnceCell<tokio::sync::watch::Receiver<(usize, Signal)>>);

impl SystemInterrupts {
    fn heard(&self) -> &tokio::sync::watch::Receiver<(usize, Signal)> {
        self.0.get_or_init(|| {
            let (told, heard) = tokio::sync::watch::channel((0, Signal::Interrupt));
            if let Err(error) = listen_for_signals(told) {
                // Then the system's own way remains, which is to end the process.
                tracing::warn!("signals cannot be heeded: {error}");
            }
            heard
        })
    }
}

/// Counts signals, inside the runtime, for as long as it lives.
fn listen_for_signals(told: tokio::sync::watch::Sender<(usize, Signal)>) -> io::Result<()> {
    let tell = move |signal| told.send_modify(|(count, last)| (*count, *last) = (*count + 1, signal));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => tell(Signal::Interrupt),
                    Some(()) = terminate.recv() => tell(Signal::Terminate),
                    else => break,
                }
            }
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            tell(Signal::Interrupt);
        }
    });
    Ok(())
}

impl Interrupts for SystemInterrupts {
    fn count(&self) -> usize {
        self.heard().borrow().0
    }

    fn arrived(&self, count: usize) -> LocalFuture<'_, Signal> {
        let mut heard = self.heard().clone();
        Box::pin(async move {
            let signal = heard.wait_for(|(so_far, _)| *so_far >= count).await.map(|seen| seen.1);
            match signal {
                Ok(signal) => signal,
                // Nobody listens any more: no signal will come.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// Whether stdout and stderr are terminals, for colour.
pub fn terminals() -> (bool, bool) {
    (io::stdout().is_terminal(), io::stderr().is_terminal())
}

/// How many columns stdout and stderr have, if they are terminals.
pub fn widths() -> (Option<usize>, Option<usize>) {
    let columns = |size: Option<(terminal_size::Width, _)>| size.map(|(width, _)| usize::from(width.0));
    let out = columns(terminal_size::terminal_size_of(io::stdout()));
    (out, columns(terminal_size::terminal_size_of(io::stderr())))
}

/// Whom a client talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// HTTPS to anybody, through the proxies that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    Web,
    /// This machine, without proxies.
    Loopback {
        /// Without TLS, and so without the machine's root certificates: to read them takes longer than all the
        /// rest of a run.
        plain: bool,
    },
    /// Plain HTTP to this machine and to private addresses, without proxies. Which ones is the caller's rule.
    Nearby,
    /// Plain HTTP to the metadata service, without proxies: it is next door, or not there at all.
    Metadata,
}

/// HTTP by the rules of a [`Reach`]. No redirect, no retry: every resend is the caller's.
pub struct HttpTransport {
    reach: Reach,
    /// A file with PEM text.
    roots: Option<PathBuf>,
    /// Made when it is first needed.
    client: OnceCell<Result<reqwest::Client, String>>,
}

/// The longest reply that is read: a page of a hundred instances is some hundred kilobytes.
const REPLY_BYTES_MAX: usize = 16 << 20;
/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for a connection to a helper with keys (the official SDKs have the same number).
const CONNECT_TIMEOUT_NEARBY: Duration = Duration::from_secs(5);
/// The longest wait for a connection to the metadata service (the official SDKs have the same number).
const CONNECT_TIMEOUT_METADATA: Duration = Duration::from_secs(1);

impl HttpTransport {
    /// A client that trusts the machine's root certificates, or only those of the file `roots` (PEM).
    pub fn new(reach: Reach, roots: Option<PathBuf>) -> Self {
        Self { reach, roots, client: OnceCell::new() }
    }

    /// Sets it up now, to tell early that it cannot be.
    ///
    /// # Errors
    /// If TLS cannot be set up, for example without root certificates.
    pub fn set_up(&self) -> Result<(), String> {
        self.client().map(drop)
    }

    fn client(&self) -> Result<&reqwest::Client, String> {
        self.client.get_or_init(|| self.build()).as_ref().map_err(Clone::clone)
    }

    fn build(&self) -> Result<reqwest::Client, String> {
        // A second call fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connect_timeout = match self.reach {
            Reach::Web | Reach::Loopback { .. } => CONNECT_TIMEOUT,
            Reach::Nearby => CONNECT_TIMEOUT_NEARBY,
            Reach::Metadata => CONNECT_TIMEOUT_METADATA,
        };
        let builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("renewctl/", env!("CARGO_PKG_VERSION")));
        let web = self.reach == Reach::Web;
        let builder = if web { builder.https_only(true) } else { builder.no_proxy() };
        let tls = matches!(self.reach, Reach::Web | Reach::Loopback { plain: false });
        let builder = match (&self.roots, tls) {
            (_, false) => builder.tls_certs_only([]),
            (None, true) => builder,
            (Some(path), true) => builder.tls_certs_only(root_certificates(path)?),
        };
        builder.build().map_err(|error| chain(&error))
    }
}

fn root_certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let shown = crate::text::escape(&path.to_string_lossy());
    let pem = fs::read(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let roots = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| format!("{shown} holds no certificates: {}", chain(&error)))?;
    if roots.is_empty() { Err(format!("{shown} holds no certificates")) } else { Ok(roots) }
}

/// An error with its causes, without the URL.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl Transport for HttpTransport {
    fn send(&self, request: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(async move {
            let method = match request.method {
                Method::Get => reqwest::Method::GET,
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
            };
            let client = self.client().map_err(TransportError::NotSent)?;
            let mut builder =
                client.request(method, &request.url).timeout(Duration::from_millis(request.timeout_ms));
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            let mut response = builder.body(request.body).send().await.map_err(|error| {
                let unsent = error.is_connect() || error.is_builder();
                let text = chain(&error.without_url());
                if unsent { TransportError::NotSent(text) } else { TransportError::NoAnswer(text) }
            })?;
            let status = response.status().as_u16();
            let headers = response
                .headers()
                .iter()
                .map(|(name, value)| {
                    (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
            let mut body = Vec::new();
            while let Some(part) = response
                .chunk()
                .await
                .map_err(|error| TransportError::NoAnswer(chain(&error.without_url())))?
            {
                if body.len() + part.len() > REPLY_BYTES_MAX {
                    return Err(TransportError::NoAnswer("the answer does not end".to_owned()));
                }
                body.extend_from_slice(&part);
            }
            Ok(HttpReply { status, headers, body })
        })
    }
}

/// Programs of this machine.
#[derive(Debug, Default)]
pub struct SystemProcesses;

/// The longest output that is read: a key with its token is some kilobytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

impl Processes for SystemProcesses {
    fn run(&self, request: ProcessRequest) -> LocalFuture<'_, Result<SecretSlice<u8>, ProcessError>> {
        Box::pin(async move {
            let not_started = |error: io::Error| ProcessError::NotStarted(error.to_string());
            let mut child = tokio::process::Command::new(&request.program)
                .args(&request.arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .map_err(not_started)?;
            let stdout = child.stdout.take();
            let work = async {
                // Of its whole size from the start, so that no copy is left behind while it grows.
                let mut output = Vec::with_capacity(OUTPUT_BYTES_MAX + 1);
                if let Some(stdout) = stdout {
                    let limit = u64::try_from(OUTPUT_BYTES_MAX + 1).unwrap_or(u64::MAX);
                    stdout.take(limit).read_to_end(&mut output).await.map_err(not_started)?;
                }
                let output = SecretSlice::from(output);
                if output.expose_secret().len() > OUTPUT_BYTES_MAX {
                    return Err(ProcessError::Endless(OUTPUT_BYTES_MAX));
                }
                let status = child.wait().await.map_err(not_started)?;
                if status.success() { Ok(output) } else { Err(ProcessError::Failed(status.to_string())) }
            };
            let limit = Duration::from_millis(request.timeout_ms);
            let ended = tokio::time::timeout(limit, work).await;
            ended.unwrap_or(Err(ProcessError::TimedOut(limit.as_secs())))
        })
    }
}

/// Opens a listener on loopback; port 0 lets the system choose.
///
/// # Errors
/// Whatever the operating system says.
pub async fn listen(port: u16) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(("127.0.0.1", port)).await
}

/// Stderr that never fails: a reader that went away must not end a run that is spending money.
struct Unbreakable;

impl Write for Unbreakable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the library's logs to stderr: warnings, or with `verbose` every call. With `json` each is one
/// line of JSON with a timestamp, and so is each note of the terminal.
pub fn log_to_stderr(verbose: bool, color: bool, json: bool) {
    let level = match (verbose, json) {
        (true, _) => tracing::Level::DEBUG,
        (false, true) => tracing::Level::INFO,
        (false, false) => tracing::Level::WARN,
    };
    // Only our own calls: those of the HTTP library would bury them.
    let targets = Targets::new().with_default(tracing::Level::WARN).with_target("renewctl", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Unbreakable)
        .log_internal_errors(false)
        .with_target(false);
    let registry = tracing_subscriber::registry().with(targets);
    // A second call fails and changes nothing.
    let _ = if json {
        let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
        tracing::subscriber::set_global_default(registry.with(lines))
    } else {
        tracing::subscriber::set_global_default(registry.with(lines.with_ansi(color).without_time()))
    };
}
