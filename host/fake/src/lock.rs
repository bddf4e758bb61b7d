//! Taking a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks whatever happened to another holder: a panic elsewhere is that test's failure, not the next one's.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
