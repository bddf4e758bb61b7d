//! A state's lock: a file beside it that the system unlocks when the process ends, however it ends.
//!
//! SQLite locks the state file itself, too. That lock goes with the file: where somebody deletes or replaces the state in
//! the middle of a run, another host would find an unlocked one. This lock goes with the name. An unlocked lock file of a
//! killed run means nothing, and is taken over.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;

use super::place::{Place, io_error};
use crate::file_id::{FileId, private};
use crate::state::StateError;

/// How often a lock file that its owner removes in this moment is looked for again.
const TRIES: u32 = 100;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: Option<File>,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of a state, whether the state is there or not.
    pub(super) fn acquire(place: &Place) -> Result<Self, StateError> {
        let path = place.beside("-lock");
        let failed = |error: &io::Error| StateError::Io {
            path: place.shown.clone(),
            message: format!("cannot be made: its lock {}: {error}", path.display()),
        };
        for _ in 0..TRIES {
            refuse_irregular(place, &path)?;
            let file =
                private().create(true).truncate(false).write(true).open(&path).map_err(|error| failed(&error))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Self { file: Some(file), path }),
                // Its last owner removed it between our two looks.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StateError::InUse { path: place.shown.clone() }),
                // Some network file systems have no locks; SQLite's own is then all there is.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { file: None, path });
                }
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
        Err(StateError::InUse { path: place.shown.clone() })
    }

    /// Fails where another process holds the lock. Makes no file.
    pub(super) fn look(place: &Place) -> Result<(), StateError> {
        let path = place.beside("-lock");
        refuse_irregular(place, &path)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error(&place.shown, &error)),
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: place.shown.clone() }),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still locked, so that nobody holds it; and only where it is ours.
        if let Some(file) = &self.file
            && is_at(file, &self.path)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!("{} cannot be removed: {error}", self.path.display());
        }
    }
}

fn refuse_irregular(place: &Place, path: &std::path::Path) -> Result<(), StateError> {
    match path.symlink_metadata() {
        Ok(there) if !there.is_file() => Err(StateError::Io {
            path: place.shown.clone(),
            message: format!("its lock {} is {}", path.display(), crate::file_id::kind(&there)),
        }),
        _ => Ok(()),
    }
}

fn is_at(file: &File, path: &std::path::Path) -> bool {
    matches!((FileId::of(file), FileId::at(path)), (Ok(open), Ok(at)) if open == at)
}
