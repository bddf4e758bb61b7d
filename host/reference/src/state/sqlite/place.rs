//! Where a state file is, and whether it is still there.
//!
//! SQLite finds a database's log by the database's name alone, and goes on writing to files that have no name any more.
//! So which file was opened is remembered by device and inode, and looked at again before each batch leaves: a state that
//! was deleted or replaced in the middle of a run is then a failure of the run, and not a member who is forgotten.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::file_id::{self, FileId};
use crate::state::StateError;

/// The place of a state file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As the user names it.
    pub(super) shown: PathBuf,
    /// With a link followed: SQLite puts its companions beside the file itself.
    pub(super) real: PathBuf,
}

impl Place {
    pub(super) fn new(path: &Path) -> Result<Self, StateError> {
        let real = match path.symlink_metadata() {
            Ok(there) if there.is_symlink() => path.canonicalize().map_err(|error| io_error(path, &error))?,
            _ => path.to_owned(),
        };
        Ok(Self { shown: path.to_owned(), real })
    }

    /// A file beside it, named like it.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.real);
        name.push(suffix);
        PathBuf::from(name)
    }

    /// SQLite's write-ahead log.
    pub(super) fn log(&self) -> PathBuf {
        self.beside("-wal")
    }

    /// Whether there is a file. What is no regular file is an error, and is never opened: a named pipe would wait for a
    /// writer.
    pub(super) fn is_there(&self) -> Result<bool, StateError> {
        match fs::metadata(&self.real) {
            Ok(there) if !there.is_file() => {
                Err(StateError::NotRegular { path: self.shown.clone(), kind: file_id::kind(&there) })
            }
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error(&self.shown, &error)),
        }
    }

    /// Opens the file to read; `None` where there is none.
    pub(super) fn open(&self) -> Result<Option<File>, StateError> {
        if !self.is_there()? {
            return Ok(None);
        }
        File::open(&self.real).map(Some).map_err(|error| io_error(&self.shown, &error))
    }

    /// Fails where another file, or none, is at the path now.
    pub(super) fn holds(&self, file: FileId) -> Result<(), StateError> {
        same(&self.real, file, &self.shown)
    }

    /// Fails where another log, or none, is beside the file now.
    pub(super) fn holds_log(&self, log: FileId) -> Result<(), StateError> {
        same(&self.log(), log, &self.shown)
    }
}

fn same(at: &Path, file: FileId, shown: &Path) -> Result<(), StateError> {
    let replaced = |how| Err(StateError::Replaced { path: shown.to_owned(), file: at.to_owned(), how });
    match FileId::at(at) {
        Ok(there) if there == file => Ok(()),
        Ok(_) => replaced("replaced by another file"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => replaced("deleted or moved away"),
        Err(error) => Err(io_error(shown, &error)),
    }
}

pub(super) fn io_error(path: &Path, error: &io::Error) -> StateError {
    StateError::Io { path: path.to_owned(), message: error.to_string() }
}
