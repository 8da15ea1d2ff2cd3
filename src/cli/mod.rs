//! The face: arguments in, text and an exit code out.
//!
//! [`run`] is the whole program behind `main`. A command that does more than print has a file of its own.

mod apply;
mod args;
mod command_line;
mod doors;
mod emulator;
mod emulator_state;
mod exit;
mod files;
mod manual;
mod moment;
mod plan;
mod reports;
mod screen;
mod session;

use std::ffi::OsString;
use std::rc::Rc;

use clap::{CommandFactory as _, Parser as _};

pub use apply::Apply;
pub use doors::{Doors, Failure};
pub use exit::Exit;
pub use reports::{Format, ReportFile};
pub use session::Session;

use args::{Cli, Command, LogFormat, Schema};
use files::desired_state;
use screen::{Screen, screen};

use crate::ports::Level;
use crate::system::{
    SystemClock, SystemEntropy, SystemEnvironment, SystemFiles, SystemTerminal, log_to_stderr,
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
    let doors = Doors {
        clock: Rc::new(SystemClock),
        entropy: Rc::new(SystemEntropy::default()),
        environment: Rc::new(SystemEnvironment),
        files: Rc::new(SystemFiles),
        terminal: Rc::new(SystemTerminal::new(cli.common.quiet, json_logs)),
    };
    let screen = screen(&cli.common, doors.environment.as_ref());
    log_to_stderr(cli.common.verbose, screen.err_color, json_logs);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            doors.terminal.note(Level::Error, &format!("error: no runtime: {error}"));
            return Exit::Error;
        }
    };
    match runtime.block_on(dispatch(&cli, &doors, screen)) {
        Ok(exit) => exit,
        Err(failure) => {
            doors.terminal.note(Level::Error, &failure.message);
            failure.exit
        }
    }
}

async fn dispatch(cli: &Cli, doors: &Doors, screen: Screen) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Validate(args) => {
            let (desired, warnings) = desired_state(&args.files, doors, screen)?;
            note(doors, cli.common.quiet, &warnings);
            let (files, instances) = (desired.files.len(), desired.instances.len());
            let (files, instances) =
                (crate::text::count(files, "file"), crate::text::count(instances, "instance"));
            result(doors, &format!("Valid: {files}, {instances}.\n"))?;
            Ok(Exit::Ok)
        }
        Command::Plan(args) => plan::run(cli, args, doors, screen).await,
        Command::Apply(args) => apply::run(cli, args, doors, screen).await,
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
