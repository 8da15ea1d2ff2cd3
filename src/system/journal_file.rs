//! The journal in a file: locked, appended, made durable.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::files::{folder_of, is_stream, make_folder, sync_folder, try_lock};
use crate::ports::JournalStorage;

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
