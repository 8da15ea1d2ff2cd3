//! `renewctl emulator serve|reset|advance|ledger`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::args::{Cli, EMULATOR_STATE, EmulatorCommand, LedgerFormat};
use super::doors::{Doors, Failure};
use super::emulator_state::{fresh_emulator, hold, look_at_emulator, open_emulator, saver};
use super::{Exit, result};
use crate::emulator;
use crate::system;
use crate::text::escape;

pub(super) async fn run(cli: &Cli, command: &EmulatorCommand, doors: &Doors) -> Result<Exit, Failure> {
    let (EmulatorCommand::Serve { state, .. }
    | EmulatorCommand::Reset { state, .. }
    | EmulatorCommand::Advance { state, .. }
    | EmulatorCommand::Ledger { state, .. }) = command;
    let state = state.state.as_ref().or(cli.common.emulator.as_ref());
    let state = state.cloned().unwrap_or_else(|| PathBuf::from(EMULATOR_STATE));
    match command {
        EmulatorCommand::Serve { port, .. } => serve(*port, &state, doors).await?,
        EmulatorCommand::Reset { world, .. } => {
            let _held = hold(doors, &state).await?;
            reset(world.as_deref(), &state, doors)?;
        }
        EmulatorCommand::Advance { by, .. } => {
            let _held = hold(doors, &state).await?;
            advance(by, &state, doors)?;
        }
        EmulatorCommand::Ledger { format, .. } => {
            let emulator = look_at_emulator(doors, &state)?;
            let text = match format {
                LedgerFormat::Text => emulator::ledger_text(&emulator),
                LedgerFormat::Json => emulator::ledger_json(&emulator),
            };
            result(doors, &text)?;
        }
    }
    Ok(Exit::Ok)
}

/// Serves until a signal stops it, which is its usual end; there is nothing to finish, because every change was saved
/// before its answer left.
async fn serve(port: u16, state: &Path, doors: &Doors) -> Result<(), Failure> {
    let _held = hold(doors, state).await?;
    let emulator = open_emulator(doors, state)?;
    let cannot = |error| Failure::error(format!("error: the emulator cannot listen on port {port}: {error}"));
    let listener = system::listen(port).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    result(doors, &format!("listening on http://{address}\n"))?;
    let (emulator, clock) = (Rc::new(RefCell::new(emulator)), Rc::clone(&doors.clock));
    let stop = async {
        let _ = doors.interrupts.arrived(1).await;
    };
    let serving = emulator::serve(listener, emulator, clock, saver(doors, state), stop);
    tokio::task::LocalSet::new().run_until(serving).await.map_err(cannot)
}

fn reset(world: Option<&Path>, state: &Path, doors: &Doors) -> Result<(), Failure> {
    let yaml = match world {
        None => emulator::DEMO_WORLD.to_owned(),
        Some(path) => {
            let shown = escape(&path.to_string_lossy());
            let bytes = doors.files.read(path).map_err(|error| {
                Failure::new(Exit::Usage, format!("error: {shown} cannot be read: {error}"))
            })?;
            String::from_utf8(bytes)
                .map_err(|_| Failure::new(Exit::Usage, format!("error: {shown} is not UTF-8 text")))?
        }
    };
    let name = world.map_or_else(|| "the demo world".to_owned(), |path| escape(&path.to_string_lossy()));
    let emulator = fresh_emulator(doors, state, &yaml, &name)?;
    let (state, now) = (escape(&state.to_string_lossy()), emulator.now(doors.clock.now()));
    let now = crate::calendar::show_beijing(now);
    result(doors, &format!("The emulator starts anew: {state}, its clock says {now}.\n"))
}

/// Longest jump: a century.
const ADVANCE_S_MAX: i64 = 100 * 366 * 86_400;

fn advance(by: &str, state: &Path, doors: &Doors) -> Result<(), Failure> {
    let seconds = emulator::span_s(by).filter(|seconds| (1..=ADVANCE_S_MAX).contains(seconds));
    let Some(seconds) = seconds else {
        let (by, help) = (escape(by), "write days, hours, minutes or seconds: 30d, 12h, '1d 4h'");
        return Err(Failure::new(
            Exit::Usage,
            format!("error: \"{by}\" is no time to advance by\n  help: {help}"),
        ));
    };
    let mut emulator = open_emulator(doors, state)?;
    let wall = doors.clock.now();
    emulator.live_on(wall);
    let seen = emulator.events().len();
    emulator.advance(seconds);
    emulator.live_on(wall);
    saver(doors, state)(&emulator).map_err(|error| {
        let shown = escape(&state.to_string_lossy());
        Failure::error(format!("error: {shown} cannot be written: {error}"))
    })?;
    let events = emulator::happened(emulator.events().get(seen..).unwrap_or_default());
    let now = crate::calendar::show_beijing(emulator.now(wall));
    let nothing = if events.is_empty() { " Nothing happened by itself." } else { "" };
    result(doors, &format!("The emulator's clock says {now}.{nothing}\n{events}"))
}
