//! The emulator's state file: opened, seeded, saved, and held by one command at a time.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::Exit;
use super::doors::{Doors, Failure, random_id};
use crate::emulator::{self, Emulator};
use crate::ports::Level;
use crate::text::escape;

/// How often, and how many times, another command's end is waited for: ten seconds.
const HOLD_EVERY: Duration = Duration::from_millis(50);
const HOLD_TRIES: usize = 200;

/// The lock of a state: beside it.
pub(super) fn lock_path(state: &Path) -> PathBuf {
    let mut lock = state.as_os_str().to_owned();
    lock.push(".lock");
    PathBuf::from(lock)
}

/// Holds the state against other commands, for as long as the result lives. A server holds it until it
/// is stopped; anything else is short, and waited for, unless a signal comes.
pub(super) async fn hold(doors: &Doors, state: &Path) -> Result<Box<dyn Any>, Failure> {
    let held = doors.unless_interrupted(1, wait_and_hold(doors, state)).await;
    held.unwrap_or_else(|signal| Err(Failure::interrupted(signal)))
}

async fn wait_and_hold(doors: &Doors, state: &Path) -> Result<Box<dyn Any>, Failure> {
    // Beside the real file, so that two names of it share one lock.
    let lock = lock_path(&doors.files.real_path(state).unwrap_or_else(|_| state.to_path_buf()));
    for _ in 0..HOLD_TRIES {
        match doors.files.lock(&lock) {
            Ok(Some(held)) => return Ok(held),
            Ok(None) => tokio::time::sleep(HOLD_EVERY).await,
            Err(error) => {
                let lock = escape(&lock.to_string_lossy());
                return Err(Failure::error(format!("error: {lock} cannot be locked: {error}")));
            }
        }
    }
    let state = escape(&state.to_string_lossy());
    let help =
        "end it first, or send your calls to the server with --endpoint-url, or use another state file";
    Err(Failure::error(format!(
        "error: another command works on the emulator's state {state}, or serves it\n  help: {help}"
    )))
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
