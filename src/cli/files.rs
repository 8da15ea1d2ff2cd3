//! The files of `-f`: found, read, checked, and the part of them that is worked on.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Exit;
use super::args::{FileArgs, WorkArgs};
use super::doors::{Doors, Failure};
use super::emulator_state::lock_path;
use super::screen::Screen;
use crate::config::{FILE_BYTES_MAX, Loaded, load};
use crate::desired::{DesiredState, Selection};
use crate::diagnostic::{Severity, render};
use crate::plan::file::SourceText;
use crate::text::{escape, nearest};

/// Keeps the selected instances only. An id that the files do not name is an error: a typing error
/// must not make a plan look empty.
pub(super) fn select(desired: &mut DesiredState, selection: &Selection) -> Result<(), Failure> {
    desired.select(selection).map_err(|unknown| {
        let ids = desired.instances.iter().map(|wanted| wanted.entry.id.as_str());
        let help =
            nearest(&unknown, ids).map_or_else(String::new, |id| format!("\n  help: did you mean {id}?"));
        let unknown = escape(&unknown);
        Failure::new(Exit::Usage, format!("error: no file names the instance {unknown}{help}"))
    })
}

/// What was read of the files.
pub(super) struct ReadFiles {
    /// What they ask for.
    pub(super) desired: DesiredState,
    /// Warnings, ready to be shown.
    pub(super) warnings: String,
    /// Their texts.
    pub(super) sources: Vec<SourceText>,
}

/// Finds, reads and checks the files. All their errors come out in one run.
pub(super) fn desired_state(args: &FileArgs, doors: &Doors, screen: Screen) -> Result<ReadFiles, Failure> {
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
    let text = render(&diagnostics, &sources, screen.err_color, screen.err_columns());
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    match config {
        Some(config) if !failed && problems.is_empty() => {
            // What was loaded is UTF-8.
            let source = |(path, bytes): (std::rc::Rc<str>, Vec<u8>)| SourceText {
                path,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            };
            let sources = contents.into_iter().map(source).collect();
            Ok(ReadFiles { desired: config.into(), warnings: text, sources })
        }
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

/// Whether its name ends in .yaml or .yml, in any case of letters, and it is no folder. Editors keep
/// locks and copies in hidden files.
fn is_yaml(path: &Path, doors: &Doors) -> bool {
    let yaml = |extension: &OsStr| ["yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    let yaml = path.extension().is_some_and(yaml);
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    yaml && !hidden && !matches!(doors.files.list(path), Ok(Some(_)))
}

/// Refuses files that would replace what the run lives on: the journal, the emulator's state, a file of
/// `-f`, `plan` if it reads one, or another one that it writes; and those that would become files of `-f`.
pub(super) fn check_writes(
    args: &WorkArgs,
    plan: Option<&Path>,
    out: Option<&Path>,
    emulator: Option<&Path>,
    doors: &Doors,
) -> Result<(), Failure> {
    let (files, _) = find(&args.files, doors);
    let state = emulator.into_iter().flat_map(|state| [state.to_path_buf(), lock_path(state)]);
    let reads: Vec<PathBuf> = files
        .into_iter()
        .chain([args.journal.clone()])
        .chain(plan.map(Path::to_path_buf))
        .chain(state)
        .collect();
    let reports = args.report.iter().map(|report| ("--report", report.path.as_path()));
    let writes = reports.chain(out.map(|out| ("--out", out)));
    check_paths(writes, &reads, &args.files.files, doors)
}

/// Refuses to write over what is read, or twice to one file, or among the files of `folders`.
pub(super) fn check_paths<'a>(
    writes: impl IntoIterator<Item = (&'a str, &'a Path)>,
    reads: &[PathBuf],
    folders: &[PathBuf],
    doors: &Doors,
) -> Result<(), Failure> {
    let real = |path: &Path| doors.files.real_path(path).unwrap_or_else(|_| path.to_path_buf());
    let reads: HashSet<PathBuf> = reads.iter().map(|path| real(path)).collect();
    let folders: Vec<PathBuf> = folders.iter().map(|folder| real(folder)).collect();
    let mut taken = HashSet::new();
    for (flag, given) in writes {
        let (path, shown) = (real(given), escape(&given.to_string_lossy()));
        let among = path.parent().is_some_and(|parent| folders.iter().any(|folder| folder == parent));
        let why = if reads.contains(&path) {
            format!("{flag} would replace {shown}, which this run reads")
        } else if among && is_yaml(&path, doors) {
            format!("{flag} would put {shown} among the files of -f")
        } else if given.as_os_str() == "-" {
            "--report and --out write to files".to_owned()
        } else if doors.files.is_output(given) {
            format!("{flag} would replace {shown}, which stdout or stderr goes to")
        } else if !taken.insert(path) {
            format!("two reports would go to {shown}")
        } else {
            continue;
        };
        let help = "write each report to a file of its own; what goes to stdout is chosen by --format";
        return Err(Failure::new(Exit::Usage, format!("error: {why}\n  help: {help}")));
    }
    Ok(())
}
