//! `renewctl man`: the manual pages, made from the help texts.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use super::args::Cli;
use super::doors::{Doors, Failure};
use super::{Exit, result};
use crate::text::escape;

/// Prints the page of the program, or writes all pages into a folder.
pub(super) fn run(folder: Option<&Path>, doors: &Doors) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = folder else {
        result(doors, &page(&command).map_err(|error| cannot(&error))?)?;
        return Ok(Exit::Ok);
    };
    let mut pages = Vec::new();
    collect(&command, &mut pages).map_err(|error| cannot(&error))?;
    for (name, page) in &pages {
        let path = folder.join(name);
        doors.files.replace(&path, page.as_bytes()).map_err(|error| {
            let path = escape(&path.to_string_lossy());
            Failure::error(format!("error: {path} cannot be written: {error}"))
        })?;
    }
    let (number, folder) = (crate::text::count(pages.len(), "page"), escape(&folder.to_string_lossy()));
    result(doors, &format!("{number} written to {folder}.\n"))?;
    Ok(Exit::Ok)
}

fn cannot(error: &io::Error) -> Failure {
    Failure::error(format!("error: the manual cannot be made: {error}"))
}

fn page(command: &Command) -> io::Result<String> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The pages of a command and of all below it, with their file names: `renewctl-emulator-serve.1`.
fn collect(command: &Command, pages: &mut Vec<(String, String)>) -> io::Result<()> {
    pages.push((clap_mangen::Man::new(command.clone()).get_filename(), page(command)?));
    command.get_subcommands().try_for_each(|below| collect(below, pages))
}
