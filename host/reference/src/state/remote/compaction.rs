//! A new snapshot in the place of the old one and the journal, so that a state is read in few requests however many runs it
//! has seen.
//!
//! The parts of the snapshot are written under names that no other has, then one write of the head puts them in force, and
//! then what they replace is deleted. Whoever ends in between leaves a whole state and some parts that nobody reads; the
//! next holder deletes those. A holder that has lost the state changes nothing by it, since the head is not his any more.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;

use super::entry;
use super::head::Chunk;
use super::journal::Journal;
use super::reading::Reading;
use super::store::Condition;
use super::worker::Worker;
use crate::state::operation::{Operation, Operations};
use crate::state::sqlite::State;
use crate::state::{Standing, StateError};
use crate::sync_file::SyncName;

/// What the names of a snapshot's parts begin with.
pub(super) const PREFIX: &str = "snapshot-";

/// Entries that a journal may have: each is a request for who reads it.
const MOST_ENTRIES: usize = 64;
/// Bytes that a journal may have beside a small snapshot.
const SMALL_BYTES: usize = 1 << 20;
/// Bytes of a part before it is packed.
const CHUNK_BYTES: usize = 8 << 20;
/// Parts that are deleted at the same time.
const AT_ONCE: usize = 16;

/// Whether a journal has grown so long that reading it costs more than writing a snapshot.
pub(super) fn is_due(reading: &Reading) -> bool {
    reading.entries > MOST_ENTRIES || reading.journal > SMALL_BYTES.max(reading.snapshot / 2)
}

/// Writes what the working copy knows of the sync as a snapshot; the journal begins again behind its end.
pub(super) fn write(worker: &Worker, journal: &Journal, copy: &State, name: &SyncName) -> Result<(), StateError> {
    let (holding, end) = (journal.holding(), journal.end().clone());
    let mut chunks =
        Chunks { worker, journal, epoch: holding.epoch(), lines: Operations::default(), written: Vec::new() };
    if let Some(sync) = copy.summary(name)? {
        chunks.push(&Operation::Sync { target: sync.target, identity: sync.identity })?;
        for (at, members) in copy.removals(name)? {
            chunks.push(&Operation::Removals { at, since: i64::MIN, members })?;
        }
        let mut failed = None;
        let exported = copy.export(name, |entry| {
            let key = entry.key.into();
            let pushed = chunks.push(&match entry.standing {
                Standing::Delivered(hash) => Operation::Delivered(key, hash),
                Standing::Pending => Operation::Pending(key),
                Standing::Removed => Operation::Removed(key),
            });
            pushed.map_err(|error| {
                failed = Some(error);
                std::io::ErrorKind::Other.into()
            })
        })?;
        match (exported, failed) {
            (Ok(()), _) => {}
            (Err(_), Some(error)) => return Err(error),
            (Err(error), None) => return Err(StateError::Scratch { message: error.to_string() }),
        }
        chunks.flush()?;
    }
    let (snapshot, holding) = (chunks.written, Arc::clone(holding));
    let changed = worker.wait(async move {
        let change = |head: &mut super::head::Head| {
            head.snapshot.clone_from(&snapshot);
            head.first = end.next;
        };
        holding.change(change).await
    });
    changed.unwrap_or_else(|| Err(journal.holding().place().died()))
}

/// Deletes parts that are in force no more. What can't be deleted now is deleted by a later run.
pub(super) fn delete(worker: &Worker, journal: &Journal, names: Vec<String>) {
    let store = Arc::clone(&journal.holding().place().store);
    let deleted = worker.wait(async move {
        for names in names.chunks(AT_ONCE) {
            for error in join_all(names.iter().map(|name| store.delete(name))).await.into_iter().filter_map(Result::err)
            {
                tracing::debug!("a part that is in force no more stays for now: {error}");
            }
        }
    });
    if deleted.is_none() {
        tracing::debug!("parts that are in force no more stay for now");
    }
}

/// A snapshot that is being written.
struct Chunks<'j> {
    worker: &'j Worker,
    journal: &'j Journal,
    epoch: u64,
    lines: Operations,
    written: Vec<Chunk>,
}

impl Chunks<'_> {
    fn push(&mut self, operation: &Operation<'_>) -> Result<(), StateError> {
        self.lines.push(operation);
        if self.lines.len() < CHUNK_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), StateError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.journal.check()?;
        let place = self.journal.holding().place().clone();
        let name = format!("{PREFIX}{:010}-{:06}", self.epoch, self.written.len());
        let bytes: Bytes =
            entry::pack(&self.lines.take(), entry::SMALL).map_err(|what| place.damaged(&name, what))?.into();
        let chunk = Chunk { name: name.clone(), digest: entry::digest(&bytes) };
        let written = self.worker.wait(async move {
            let put = place.store.put(&name, bytes, Condition::Any).await;
            put.map(drop).map_err(|error| place.failed(&error))
        });
        written.unwrap_or_else(|| Err(self.journal.holding().place().died()))?;
        self.written.push(chunk);
        Ok(())
    }
}
