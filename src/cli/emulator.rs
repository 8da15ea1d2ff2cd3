//! `renewctl emulator reset|ledger`.

use std::path::{Path, PathBuf};

use super::args::{Cli, EMULATOR_STATE, EmulatorCommand, Format};
use super::session::{Doors, Failure, fresh_emulator, look_at_emulator};
use super::{Exit, result};
use crate::emulator;
use crate::text::escape;

pub(super) fn run(cli: &Cli, command: &EmulatorCommand, doors: &Doors) -> Result<Exit, Failure> {
    let state = cli.common.emulator.clone().unwrap_or_else(|| PathBuf::from(EMULATOR_STATE));
    match command {
        EmulatorCommand::Reset { world } => reset(world.as_deref(), &state, doors)?,
        EmulatorCommand::Ledger { format } => {
            let emulator = look_at_emulator(doors, &state)?;
            let text = match format {
                Format::Text => emulator::ledger_text(&emulator),
                Format::Json => emulator::ledger_json(&emulator),
            };
            result(doors, &text)?;
        }
    }
    Ok(Exit::Ok)
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
