//! Real files, and what makes them last.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::ports::Files;

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
        // What is not there yet has its name within the nearest folder that is.
        let mut there = std::path::absolute(path)?;
        let mut missing = Vec::new();
        let mut real = loop {
            match (fs::canonicalize(&there), there.components().next_back()) {
                (Ok(real), _) => break real,
                (Err(error), None) => return Err(error),
                (Err(_), Some(part)) => missing.push(part.as_os_str().to_owned()),
            }
            there.pop();
        };
        for part in missing.iter().rev() {
            if part == ".." {
                real.pop();
            } else {
                real.push(part);
            }
        }
        Ok(real)
    }

    fn is_stream(&self, path: &Path) -> bool {
        is_stream(path)
    }

    fn is_output(&self, path: &Path) -> bool {
        is_output(path)
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
        if is_stream(path) {
            return OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        // What a link leads to is replaced, not the link.
        let path = &match fs::canonicalize(path) {
            Err(_) if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) => {
                return Err(io::Error::other("it is a link that leads nowhere"));
            }
            real => real.unwrap_or_else(|_| path.to_path_buf()),
        };
        let folder = folder_of(path);
        make_folder(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(&folder)
    }
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

#[cfg(unix)]
fn is_output(path: &Path) -> bool {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;

    let Some(given) = fs::metadata(path).ok().filter(fs::Metadata::is_file) else { return false };
    let (stdout, stderr) = (io::stdout(), io::stderr());
    [stdout.as_fd(), stderr.as_fd()].into_iter().any(|stream| {
        // A stream that was closed goes to no file.
        let file = stream.try_clone_to_owned().and_then(|stream| File::from(stream).metadata());
        file.is_ok_and(|file| (file.dev(), file.ino()) == (given.dev(), given.ino()))
    })
}

/// Elsewhere files have no number that tells them apart.
#[cfg(not(unix))]
fn is_output(_: &Path) -> bool {
    false
}

/// Makes a folder that is missing, with those that lead to it, durably: a file that is made durable in a
/// folder that is not would be lost with it.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
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
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Takes the lock; `false` if somebody else holds it. Some network file systems have no locks: there
/// everybody gets it, because it is a courtesy, and no safety hangs on it.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
