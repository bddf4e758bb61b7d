//! The journal of a state that is held: what a run changes is appended to it, and is in it for good before the run goes on.
//!
//! Entries are numbered without a gap, and each is written on condition that none of its number is there. Who has taken a
//! state over writes an entry first; a holder that was paused until then finds the next number taken, and that its time is
//! over besides. An entry whose number was free because the journal was cut short since ([`compaction`](super::compaction)) is
//! found out by the lease, which is looked at again after each write: it is not confirmed, and nobody reads it.

use std::sync::Arc;

use bytes::Bytes;

use super::entry::{self, Position};
use super::holding::{Holding, PAUSE, Place, Renewal, put};
use super::store::{Condition, StoreError};
use super::worker::Worker;
use crate::state::StateError;

/// A journal that is appended to. Dropped, it gives the state back.
#[derive(Debug)]
pub(super) struct Journal {
    worker: Arc<Worker>,
    holding: Arc<Holding>,
    _renewal: Renewal,
    epoch: u64,
    end: End,
}

/// Where a journal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// The number of the next entry.
    pub(super) next: u64,
    /// The digest of the last one.
    pub(super) digest: String,
}

impl Journal {
    /// Of a state that was read to its end.
    pub(super) fn new(worker: &Arc<Worker>, holding: Arc<Holding>, renewal: Renewal, epoch: u64, end: End) -> Self {
        holding.appended(end.next - 1);
        Self { worker: Arc::clone(worker), holding, _renewal: renewal, epoch, end }
    }

    /// Fails where the state is not held any more.
    pub(super) fn check(&self) -> Result<(), StateError> {
        self.holding.check()
    }

    pub(super) fn end(&self) -> &End {
        &self.end
    }

    pub(super) fn holding(&self) -> &Arc<Holding> {
        &self.holding
    }

    /// Appends an entry; returns when it is there for good. `false`: another has its number.
    pub(super) fn try_append(&mut self, operations: &[u8]) -> Result<bool, StateError> {
        self.check()?;
        let position = Position { entry: self.end.next, epoch: self.epoch, previous: self.end.digest.clone() };
        let name = entry::name(position.entry);
        let place = self.holding.place().clone();
        let bytes: Bytes = entry::encode(&position, operations).map_err(|what| place.damaged(&name, what))?.into();
        let digest = entry::digest(&bytes);
        let holding = Arc::clone(&self.holding);
        let written = self.worker.wait(async move { insist(&holding, &place, &name, bytes).await });
        let Some(written) = written else { return Err(self.holding.place().died()) };
        if written? {
            // What was written after the lease's end may be in nobody's journal.
            self.check()?;
            self.holding.appended(self.end.next);
            self.end = End { next: self.end.next + 1, digest };
            return Ok(true);
        }
        Ok(false)
    }

    /// Appends an entry to a journal that nobody else appends to.
    pub(super) fn append(&mut self, operations: &[u8]) -> Result<(), StateError> {
        if self.try_append(operations)? {
            return Ok(());
        }
        let why = format!("another run has written {}", entry::name(self.end.next));
        self.holding.lose(&why);
        self.check()
    }

    /// Another has written an entry first.
    pub(super) fn skip(&mut self, end: End) {
        self.holding.appended(end.next - 1);
        self.end = end;
    }

    /// Gives the state back.
    pub(super) fn give_back(&self) -> Result<(), StateError> {
        let holding = Arc::clone(&self.holding);
        let given = self.worker.wait(async move { holding.give_back().await });
        given.unwrap_or_else(|| Err(self.holding.place().died()))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // A run that ended in order has done so already.
        if self.check().is_ok()
            && let Err(error) = self.give_back()
        {
            tracing::warn!("the state is not given back: {error}");
        }
    }
}

/// Writes a new part, and tries again for as long as the state is held.
async fn insist(holding: &Holding, place: &Place, name: &str, bytes: Bytes) -> Result<bool, StateError> {
    loop {
        match put(&*place.store, name, bytes.clone(), Condition::Absent).await {
            Ok(version) => return Ok(version.is_some()),
            Err(StoreError::Unavailable(message)) => {
                tracing::warn!("{} is written again: {message}", place.shown);
                tokio::time::sleep(PAUSE).await;
                holding.check()?;
            }
            Err(error) => return Err(place.failed(&error)),
        }
    }
}
