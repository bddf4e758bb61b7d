//! A remote state, read into a working copy: its snapshot, then its journal.
//!
//! Every part that the head names must be there and be what was written, and no entry of the journal may be missing. What is
//! not so is an error that names it, and never a state that knows less.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;

use super::entry;
use super::head::Head;
use super::holding::Place;
use super::journal::End;
use super::worker::Worker;
use crate::state::sqlite::replay::Replay;
use crate::state::{RemoteFault, StateError};

/// Parts that are fetched at the same time. Each is in memory until its turn comes.
const AT_ONCE: usize = 8;

/// What was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where the journal ends.
    pub(super) end: End,
    /// Bytes of the snapshot.
    pub(super) snapshot: usize,
    /// Entries of the journal, and their bytes.
    pub(super) entries: usize,
    pub(super) journal: usize,
    /// Parts that no head names any more: of a run that ended while it wrote a snapshot.
    pub(super) orphans: Vec<String>,
}

/// Reads the state that a head stands for.
pub(super) fn read(
    worker: &Worker,
    place: &Place,
    head: &Head,
    replay: &mut Replay<'_>,
) -> Result<Reading, StateError> {
    let names = list(worker, place)?;
    let end = End { next: head.first, digest: String::new() };
    let mut reading = Reading { end, snapshot: 0, entries: 0, journal: 0, orphans: orphans(head, &names) };
    for chunks in head.snapshot.chunks(AT_ONCE) {
        let parts = fetch(worker, place, chunks.iter().map(|chunk| chunk.name.clone()).collect())?;
        for (chunk, (name, bytes)) in chunks.iter().zip(parts) {
            if entry::digest(&bytes) != chunk.digest {
                return Err(place.damaged(&name, "is not what was written"));
            }
            let lines = entry::unpack(&bytes).map_err(|what| place.damaged(&name, what))?;
            replay.run(&lines)?.map_err(|what| place.damaged(&name, what))?;
            reading.snapshot += bytes.len();
        }
    }
    let there: HashSet<u64> = names.iter().filter_map(|name| entry::number(name)).collect();
    let last = there.iter().copied().max().unwrap_or(0).max(head.last);
    if let Some(missing) = (head.first..=last).find(|number| !there.contains(number)) {
        return Err(place.fault(RemoteFault::PartLost { part: entry::name(missing) }));
    }
    reading.go_on(worker, place, last, head.epoch, replay)?;
    Ok(reading)
}

impl Reading {
    /// Reads the journal on to an entry. None of it is of an epoch after this one.
    pub(super) fn go_on(
        &mut self,
        worker: &Worker,
        place: &Place,
        last: u64,
        epoch: u64,
        replay: &mut Replay<'_>,
    ) -> Result<(), StateError> {
        let numbers: Vec<u64> = (self.end.next..=last).collect();
        for numbers in numbers.chunks(AT_ONCE) {
            let parts = fetch(worker, place, numbers.iter().copied().map(entry::name).collect())?;
            for (number, (name, bytes)) in numbers.iter().zip(parts) {
                let (position, lines) = entry::decode(&bytes).map_err(|what| place.damaged(&name, what))?;
                let follows = self.entries == 0 || position.previous == self.end.digest;
                if position.entry != *number || !follows || position.epoch > epoch {
                    return Err(place.damaged(&name, "does not follow the entry before it"));
                }
                replay.run(&lines)?.map_err(|what| place.damaged(&name, what))?;
                self.entries += 1;
                self.journal += bytes.len();
                self.end = End { next: number + 1, digest: entry::digest(&bytes) };
            }
        }
        Ok(())
    }
}

/// The names of all parts.
pub(super) fn list(worker: &Worker, place: &Place) -> Result<Vec<String>, StateError> {
    let (store, shown) = (Arc::clone(&place.store), place.clone());
    let listed = worker.wait(async move { store.list().await.map_err(|error| shown.failed(&error)) });
    listed.unwrap_or_else(|| Err(place.died()))
}

/// Parts that must be there, each with its name.
pub(super) fn fetch(worker: &Worker, place: &Place, names: Vec<String>) -> Result<Vec<(String, Bytes)>, StateError> {
    let from = place.clone();
    let fetched = worker.wait(async move {
        let parts = names.into_iter().map(|name| async {
            match from.store.get(&name).await.map_err(|error| from.failed(&error))? {
                Some(stored) => Ok((name, stored.bytes)),
                None => Err(from.fault(RemoteFault::PartLost { part: name })),
            }
        });
        try_join_all(parts).await
    });
    fetched.unwrap_or_else(|| Err(place.died()))
}

/// Parts that are in force no more, or never were.
pub(super) fn orphans(head: &Head, names: &[String]) -> Vec<String> {
    let snapshot: HashSet<&str> = head.snapshot.iter().map(|chunk| chunk.name.as_str()).collect();
    let is_orphan = |name: &&String| match entry::number(name) {
        Some(number) => number < head.first,
        None => name.starts_with(super::compaction::PREFIX) && !snapshot.contains(name.as_str()),
    };
    names.iter().filter(is_orphan).cloned().collect()
}
