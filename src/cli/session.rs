//! What commands share: the files of `-f`, the cloud that they talk to, colours.

use std::cell::RefCell;
use std::collections::HashSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Exit;
use super::args::{Color, Common, FileArgs, SelectionArgs, WorkArgs};
use crate::cloud::{Cloud, Credentials, Doors as CloudDoors, Endpoint};
use crate::config::{FILE_BYTES_MAX, Loaded, load};
use crate::desired::DesiredState;
use crate::diagnostic::{Severity, render};
use crate::emulator::{self, Emulator};
use crate::plan::price::PriceError;
use crate::planning::PlanningError;
use crate::ports::{Clock, Entropy, Environment, Files, Level, Terminal};
use crate::render::{Style, View};
use crate::system;
use crate::text::{escape, nearest};

/// The doors that a command goes through.
pub struct Doors {
    /// The machine's clock.
    pub clock: Rc<dyn Clock>,
    /// Names of runs and worlds, nonces, jitter.
    pub entropy: Rc<dyn Entropy>,
    /// Credentials, and who runs this.
    pub environment: Rc<dyn Environment>,
    /// Desired-state files, and the emulator's state.
    pub files: Rc<dyn Files>,
    /// The person, or nobody.
    pub terminal: Rc<dyn Terminal>,
}

/// A command that ends early: what to say on stderr, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For people.
    pub message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// An error before anything was sent that changes anything.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::new(Exit::Error, message)
    }
}

impl From<PlanningError> for Failure {
    fn from(error: PlanningError) -> Self {
        let hint = match &error {
            PlanningError::Read(call) => call.hint.map(|hint| format!("\n  hint: {hint}")),
            PlanningError::Price(PriceError::Sum(_)) => None,
            PlanningError::Price(PriceError::OtherSite { .. }) => Some(
                "\n  hint: write the account's site into the file (site: china | international)".to_owned(),
            ),
            PlanningError::Past { .. } | PlanningError::Far { .. } => {
                return Self::new(Exit::Usage, format!("error: --as-of: {error}"));
            }
        };
        Self::error(format!(
            "error: no plan could be made: {error}{}\nNothing was changed.",
            hint.unwrap_or_default()
        ))
    }
}

/// How stdout and stderr look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    out_color: bool,
    /// Whether stderr has colours.
    pub(super) err_color: bool,
    out_width: Option<usize>,
    err_width: Option<usize>,
}

/// Columns of diagnostics where stderr is no terminal.
const ERR_WIDTH: usize = 100;

/// `--color`, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb, then whether it is a terminal. CI never
/// forces colours.
pub(super) fn screen(choice: Color, environment: &dyn Environment) -> Screen {
    let (out, err) = system::terminals();
    let both = |on| (on, on);
    let (out_width, err_width) = system::widths();
    let (out_color, err_color) = match choice {
        Color::Always => both(true),
        Color::Never => both(false),
        Color::Auto if environment.var("NO_COLOR").is_some() => both(false),
        Color::Auto if environment.var("CLICOLOR_FORCE").is_some_and(|value| value != "0") => both(true),
        Color::Auto if environment.var("TERM").is_some_and(|term| term == "dumb") => both(false),
        Color::Auto => (out, err),
    };
    Screen { out_color, err_color, out_width, err_width }
}

impl Screen {
    /// The style of text on stdout.
    pub(super) fn style(self, args: &WorkArgs) -> Style {
        let view = match (args.summary, args.diff) {
            (true, _) => View::Summary,
            (false, true) => View::Diff,
            (false, false) => View::Changes,
        };
        Style { color: self.out_color, all: args.all, width: self.out_width, view }
    }
}

/// Keeps the selected instances only. An id that the files do not name is an error: a typing error
/// must not make a plan look empty.
pub(super) fn select(desired: &mut DesiredState, args: &SelectionArgs) -> Result<(), Failure> {
    let known = |id: &String| desired.instances.iter().any(|wanted| wanted.entry.id.as_str() == id);
    if let Some(unknown) = args.target.iter().chain(&args.exclude).find(|id| !known(id)) {
        let ids = desired.instances.iter().map(|wanted| wanted.entry.id.as_str());
        let help =
            nearest(unknown, ids).map_or_else(String::new, |id| format!("\n  help: did you mean {id}?"));
        let unknown = escape(unknown);
        return Err(Failure::new(Exit::Usage, format!("error: no file names the instance {unknown}{help}")));
    }
    desired.instances.retain(|wanted| {
        let id = wanted.entry.id.as_str();
        let named = |ids: &[String]| ids.iter().any(|named| named == id);
        if args.target.is_empty() { !named(&args.exclude) } else { named(&args.target) }
    });
    Ok(())
}

/// Finds, reads and checks the files. All their errors come out in one run.
pub(super) fn desired_state(
    args: &FileArgs,
    doors: &Doors,
    screen: Screen,
) -> Result<(DesiredState, String), Failure> {
    let (paths, mut problems) = find(args, doors);
    let mut contents = Vec::with_capacity(paths.len());
    for path in paths {
        // One byte beyond the limit shows that a file is too large.
        match doors.files.read_up_to(&path, FILE_BYTES_MAX + 1) {
            Ok(bytes) => contents.push((path.to_string_lossy().into(), bytes)),
            Err(error) => problems.push(unreadable(&path, &error)),
        }
    }
    let Loaded { sources, diagnostics, config } = load(&contents);
    let text = render(&diagnostics, &sources, screen.err_color, screen.err_width.unwrap_or(ERR_WIDTH));
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    match config {
        Some(config) if !failed && problems.is_empty() => Ok((config.into(), text)),
        _ => {
            problems.push(text.trim_end().to_owned());
            problems.retain(|problem| !problem.is_empty());
            Err(Failure::new(Exit::Usage, problems.join("\n\n")))
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let path = escape(&path.to_string_lossy());
    format!(
        "error: {path} cannot be read: {error}\n  help: -f takes a file, or a folder with *.yaml or *.yml files"
    )
}

/// Files as given, of a folder its YAML files, and what could not be found. A file that is given
/// twice, in whatever spelling, counts once, by the first one.
fn find(args: &FileArgs, doors: &Doors) -> (Vec<PathBuf>, Vec<String>) {
    let (mut paths, mut problems) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for given in &args.files {
        let found = match doors.files.list(given) {
            Ok(None) => vec![given.clone()],
            Ok(Some(entries)) => entries.into_iter().filter(|path| is_yaml(path, doors)).collect(),
            Err(error) => {
                problems.push(unreadable(given, &error));
                continue;
            }
        };
        if found.is_empty() {
            let folder = escape(&given.to_string_lossy());
            problems.push(format!(
                "error: there is no *.yaml or *.yml file in {folder}\n  help: folders are not searched deeper, and hidden files do not count; name the folder that holds the files"
            ));
        }
        for path in found {
            // What has no real path, such as a pipe, is known by its name.
            let real = doors.files.real_path(&path).unwrap_or_else(|_| path.clone());
            if seen.insert(real) {
                paths.push(path);
            }
        }
    }
    (paths, problems)
}

/// Whether a shell would find it with `*.yaml` or `*.yml`, and it is no folder. Editors keep locks and
/// copies in hidden files.
fn is_yaml(path: &Path, doors: &Doors) -> bool {
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    yaml && !hidden && !matches!(doors.files.list(path), Ok(Some(_)))
}

/// The cloud of one command, and the name of its world in the journal.
pub struct Session {
    /// The client.
    pub cloud: Cloud,
    /// `cloud`, `emulator:<id>` or `endpoint:<url>`.
    pub world: String,
    /// An emulator's clock is its own, so that it says nothing of the machine's.
    pub is_emulator: bool,
}

/// Opens the session and runs `work` in it; an embedded emulator serves meanwhile.
pub(super) async fn with_session<F, T>(common: &Common, doors: &Doors, work: F) -> Result<T, Failure>
where
    F: AsyncFnOnce(Session) -> Result<T, Failure>,
{
    if let Some(state) = &common.emulator {
        return with_emulator(common, doors, state, work).await;
    }
    let endpoint = match &common.endpoint_url {
        None => Endpoint::Regional,
        Some(url) => Endpoint::parse(url)
            .map_err(|error| Failure::new(Exit::Usage, format!("error: --endpoint-url: {error}")))?,
    };
    let credentials = Credentials::from_environment(doors.environment.as_ref())
        .map_err(|error| Failure::error(format!("error: {error}")))?;
    let world = endpoint.world();
    let cloud = cloud(common, doors, credentials, endpoint)?;
    work(Session { cloud, world, is_emulator: false }).await
}

fn cloud(
    common: &Common,
    doors: &Doors,
    credentials: Credentials,
    endpoint: Endpoint,
) -> Result<Cloud, Failure> {
    let transport = system::HttpTransport::new(endpoint.is_loopback())
        .map_err(|error| Failure::error(format!("error: HTTPS cannot be set up: {error}")))?;
    let doors = CloudDoors {
        transport: Rc::new(transport),
        clock: Rc::clone(&doors.clock),
        entropy: Rc::clone(&doors.entropy),
    };
    Ok(Cloud::new(doors, credentials, endpoint, usize::from(common.parallelism)))
}

async fn with_emulator<F, T>(common: &Common, doors: &Doors, state: &Path, work: F) -> Result<T, Failure>
where
    F: AsyncFnOnce(Session) -> Result<T, Failure>,
{
    let emulator = open_emulator(doors, state)?;
    let world = format!("emulator:{}", emulator.id());
    let credentials = match emulator.key() {
        Some((id, secret, token)) => {
            let key = Credentials::new(id, secret);
            token.map_or(key.clone(), |token| key.with_security_token(token))
        }
        None => {
            return Err(Failure::new(Exit::Usage, "error: every key of the emulator's world is inactive"));
        }
    };
    let shown = escape(&state.to_string_lossy());
    let banner = format!("EMULATOR: nothing here is real and nothing is charged (state: {shown})");
    doors.terminal.note(Level::Info, &banner);
    let listener = system::listen(0)
        .await
        .map_err(|error| Failure::error(format!("error: the emulator cannot listen on loopback: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::error(format!("error: {error}")))?;
    let save = saver(doors, state);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        emulator::serve(listener, Rc::new(RefCell::new(emulator)), Rc::clone(&doors.clock), save, async {
            let _ = stopped.await;
        });
    let endpoint = Endpoint::parse(&format!("http://{address}"))
        .map_err(|error| Failure::error(format!("error: {error}")))?;
    let cloud = cloud(common, doors, credentials, endpoint)?;
    let work = async {
        let result = work(Session { cloud, world, is_emulator: true }).await;
        let _ = stop.send(());
        result
    };
    alongside(server, work).await
}

/// Runs the server for as long as the work needs it.
async fn alongside<T>(
    server: impl Future<Output = std::io::Result<()>>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let local = tokio::task::LocalSet::new();
    local.run_until(async { futures_util::future::join(server, work).await.1 }).await
}

/// The emulator's state from its file, or a fresh demo world, which is saved at once so that its
/// clock starts now.
pub(super) fn open_emulator(doors: &Doors, state: &Path) -> Result<Emulator, Failure> {
    match saved_emulator(doors, state)? {
        Some(emulator) => Ok(emulator),
        None => fresh_emulator(doors, state, emulator::DEMO_WORLD, "the demo world"),
    }
}

/// The emulator's state from its file; if there is none, an untouched demo world that is not saved.
pub(super) fn look_at_emulator(doors: &Doors, state: &Path) -> Result<Emulator, Failure> {
    if let Some(emulator) = saved_emulator(doors, state)? {
        return Ok(emulator);
    }
    let shown = escape(&state.to_string_lossy());
    doors.terminal.note(Level::Info, &format!("There is no emulator state at {shown} yet."));
    seed(doors, emulator::DEMO_WORLD, "the demo world")
}

fn saved_emulator(doors: &Doors, state: &Path) -> Result<Option<Emulator>, Failure> {
    let shown = escape(&state.to_string_lossy());
    match doors.files.read(state) {
        Ok(bytes) => Emulator::from_state(&String::from_utf8_lossy(&bytes)).map(Some).map_err(|error| {
            let help = "start anew with renewctl emulator reset";
            Failure::error(format!("error: {shown} is no emulator state: {error}\n  help: {help}"))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::error(format!("error: {shown} cannot be read: {error}"))),
    }
}

fn seed(doors: &Doors, world: &str, name: &str) -> Result<Emulator, Failure> {
    let id = random_id(doors.entropy.as_ref());
    Emulator::from_world(world, doors.clock.now(), &id)
        .map_err(|error| Failure::new(Exit::Usage, format!("error: {name} cannot be used: {error}")))
}

/// Seeds a fresh world and saves it.
pub(super) fn fresh_emulator(
    doors: &Doors,
    state: &Path,
    world: &str,
    name: &str,
) -> Result<Emulator, Failure> {
    let emulator = seed(doors, world, name)?;
    let save = saver(doors, state);
    save(&emulator).map_err(|error| {
        let shown = escape(&state.to_string_lossy());
        Failure::error(format!("error: {shown} cannot be written: {error}"))
    })?;
    Ok(emulator)
}

pub(super) fn saver(doors: &Doors, state: &Path) -> emulator::Save {
    let (files, path) = (Rc::clone(&doors.files), state.to_path_buf());
    Rc::new(move |emulator| files.replace(&path, emulator.to_state().as_bytes()))
}

/// A name for a world or a run: 16 hexadecimal digits.
pub(super) fn random_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}
