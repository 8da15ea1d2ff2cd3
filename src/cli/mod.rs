//! The face: arguments in, text and an exit code out.
//!
//! [`run`] is the whole program behind `main`. A command that does more than print has a file of its own.

mod apply;
mod args;
mod command_line;
mod doctor;
mod doors;
mod emulator;
mod emulator_state;
mod exit;
mod files;
mod history;
mod manual;
mod moment;
mod plan;
mod policy;
mod recover;
mod reports;
mod screen;
mod session;
mod show;

use std::ffi::OsString;
use std::rc::Rc;

use clap::{CommandFactory as _, Parser as _};

pub use apply::{Apply, Saved};
pub use doors::{Doors, Failure};
pub use exit::Exit;
pub use reports::{Format, ReportFile};
pub use session::Session;
pub use show::saved_plan;

use args::{Cli, Command, EmulatorCommand, LogFormat, Schema};
use files::{ReadFiles, desired_state};
use screen::{Screen, screen};

use crate::ports::{Level, Terminal as _};
use crate::system::{
    SystemClock, SystemEntropy, SystemEnvironment, SystemFiles, SystemInterrupts, SystemTerminal,
    log_to_stderr,
};

/// The schema of desired-state files, for editors.
const DESIRED_STATE_SCHEMA: &str = include_str!("../../schemas/desired-state.schema.json");
/// The schema of plans as JSON, for programs that read them.
const PLAN_SCHEMA: &str = include_str!("../../schemas/plan.schema.json");

/// Runs the program with the real world behind its doors.
pub fn run(arguments: impl Iterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let asked_for_json = words.windows(2).any(|two| two == ["--log-format", "json"])
        || words.iter().any(|word| word == "--log-format=json");
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no error; what clap cannot print, nobody reads.
            if error.use_stderr() && asked_for_json {
                log_to_stderr(false, false, true);
                tracing::error!("{}", error.to_string().trim_end());
            } else {
                let _ = error.print();
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let json_logs = cli.common.log_format == LogFormat::Json;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return no_runtime(&error),
    };
    let doors = Doors {
        clock: Rc::new(SystemClock),
        entropy: Rc::new(SystemEntropy::default()),
        environment: Rc::new(SystemEnvironment),
        files: Rc::new(SystemFiles),
        terminal: Rc::new(SystemTerminal::new(cli.common.quiet, json_logs)),
        interrupts: Rc::new(SystemInterrupts::default()),
    };
    let screen = screen(&cli.common, doors.environment.as_ref());
    log_to_stderr(cli.common.verbose, screen.err_color, json_logs);
    let ended = runtime.block_on(dispatch(&cli, &doors, screen));
    // A name that is being looked up has a thread of its own, and may take longer than anybody waits.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit,
        Err(failure) => {
            doors.terminal.note(Level::Error, &failure.message);
            failure.exit
        }
    }
}

fn no_runtime(error: &std::io::Error) -> Exit {
    SystemTerminal::default().note(Level::Error, &format!("error: no runtime: {error}"));
    Exit::Error
}

/// A signal ends every command at once, except one that is under way to spend money: `apply` heeds
/// signals itself, and so does the emulator's server, whose usual end it is.
async fn dispatch(cli: &Cli, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    let heeds = matches!(cli.command, Command::Apply(_) | Command::Emulator(EmulatorCommand::Serve { .. }));
    let work = command(cli, doors, screen);
    if heeds {
        return work.await;
    }
    doors.unless_interrupted(1, work).await.unwrap_or_else(|signal| Err(Failure::interrupted(signal)))
}

async fn command(cli: &Cli, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Validate(args) => {
            let ReadFiles { desired, warnings, .. } = desired_state(&args.files, doors, screen)?;
            note(doors, cli.common.quiet, &warnings);
            let (files, instances) = (desired.files.len(), desired.instances.len());
            let (files, instances) =
                (crate::text::count(files, "file"), crate::text::count(instances, "instance"));
            result(doors, &format!("Valid: {files}, {instances}.\n"))?;
            Ok(Exit::Ok)
        }
        Command::Plan(args) => plan::run(cli, args, doors, screen).await,
        Command::Apply(args) => apply::run(cli, args, doors, screen).await,
        Command::Show(args) => show::run(cli, args, doors, screen),
        Command::Recover(args) => recover::run(cli, args, doors).await,
        Command::History(args) => history::run(args, cli.common.quiet, doors),
        Command::Doctor(args) => doctor::run(cli, args, doors, screen).await,
        Command::Policy(args) => policy::run(args, cli.common.quiet, doors, screen),
        Command::Emulator(command) => emulator::run(cli, command, doors).await,
        Command::Schema { of } => {
            let schema = match of {
                Schema::DesiredState => DESIRED_STATE_SCHEMA,
                Schema::Plan => PLAN_SCHEMA,
            };
            result(doors, schema)?;
            Ok(Exit::Ok)
        }
        Command::Man { out } => manual::run(out.as_deref(), doors),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "renewctl", &mut script);
            result(doors, &String::from_utf8_lossy(&script))?;
            Ok(Exit::Ok)
        }
    }
}

/// Writes a result to stdout. A reader that went away is no error of the run.
fn result(doors: &Doors, text: &str) -> Result<(), Failure> {
    match doors.terminal.result(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::error(format!("error: the result cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a warning to stderr, unless `-q`.
fn note(doors: &Doors, quiet: bool, text: &str) {
    if !text.is_empty() && !quiet {
        doors.terminal.note(Level::Warning, text.trim_end());
    }
}
