//! State that is not kept in a file of this machine: in an object store, or in PostgreSQL.
//!
//! What lasts is a snapshot and a journal of what was changed since, as parts in a [`Store`](store::Store); a run works on a private copy in
//! SQLite ([`State::scratch`]), which is gone when it ends. So a row costs what it costs with a file, and a commit one request. Each sync
//! has its state to itself, under its name.
//!
//! One run at a time: a run holds the state for a lease ([`holding`]), and is fenced when it has lost it. It can't commit, since the
//! entries of the journal are numbered and each number is written once ([`journal`]); and it can't send, since each request asks for the
//! lease before it leaves ([`Lease`]).
//!
//! Why not slatedb, a key-value store on object storage: it has the same parts underneath (numbered writes under conditions, an epoch, a
//! compaction), but its keys would be read through its own cache, a hundred thousand look-ups in two minutes where SQLite
//! takes a second; ten million keys would take more memory than a run has; it builds for five minutes; and PostgreSQL would need another
//! kind beside it. Why PostgreSQL holds the same parts, and not a table of keys: then one journal, one way to take over and one
//! set of tests are right for all kinds, and a commit is one statement.

mod compaction;
mod entry;
mod head;
mod holding;
mod journal;
mod ledger;
mod reading;
pub(crate) mod store;
mod worker;

#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use self::holding::Holding;
pub(crate) use self::holding::Place;
use self::journal::{End, Journal};
use self::ledger::RemoteLedger;
use self::worker::Worker;
use super::operation::{Operation, Operations};
use super::sqlite::State;
use super::sqlite::replay::Replay;
use crate::state::lease::Lease;
use crate::state::{Access, Entry, Facts, Ledger, RemoteFault, StateError, Summary};
use crate::sync_file::SyncName;

/// The state of one sync, open.
#[derive(Debug)]
pub(crate) struct RemoteState {
    // In this order: the journal gives the state back through the worker.
    journal: Option<Journal>,
    worker: Arc<Worker>,
    copy: State,
    name: SyncName,
}

impl RemoteState {
    /// Opens a state that is there; `None` where there is none. To write is to hold it, for as long as the `lease` is renewed; who
    /// only looks is refused where somebody holds it.
    pub(crate) fn open(
        place: &Place,
        name: &SyncName,
        access: Access,
        lease: (&Lease, u32),
    ) -> Result<Option<Self>, StateError> {
        match access {
            Access::Read => Self::look(place, name),
            Access::Write => Self::take(place, name, lease, false),
        }
    }

    /// Opens a state to write to it, and makes it first where there is none.
    pub(crate) fn open_or_create(place: &Place, name: &SyncName, lease: (&Lease, u32)) -> Result<Self, StateError> {
        Self::take(place, name, lease, true)?
            .ok_or_else(|| place.fault(RemoteFault::Unavailable("it was deleted as soon as it was made".to_owned())))
    }

    fn look(place: &Place, name: &SyncName) -> Result<Option<Self>, StateError> {
        let worker = worker()?;
        let head = |place: Place| {
            let died = place.died();
            let head = worker.wait(async move {
                let Some((head, _, written)) = place.head().await? else { return Ok(None) };
                place.is_free(&head, written).await?;
                Ok(Some(head))
            });
            head.unwrap_or(Err(died))
        };
        let Some(before) = head(place.clone())? else { return Ok(None) };
        let mut copy = State::scratch(&place.shown)?;
        let mut replay = Replay::begin(&mut copy, name)?;
        let read = reading::read(&worker, place, &before, &mut replay);
        // Nothing keeps a run from beginning meanwhile, and from deleting what was to be read.
        if head(place.clone())? != Some(before) {
            return Err(place.fault(RemoteFault::Changing));
        }
        read?;
        replay.end()?;
        Ok(Some(Self { journal: None, worker, copy, name: name.clone() }))
    }

    fn take(
        place: &Place,
        name: &SyncName,
        (lease, lease_seconds): (&Lease, u32),
        create: bool,
    ) -> Result<Option<Self>, StateError> {
        let worker = worker()?;
        let (from, lease) = (place.clone(), lease.clone());
        let taken = worker.wait(async move { Holding::take(&from, create, lease_seconds, &lease).await });
        let Some(holding) = taken.unwrap_or_else(|| Err(place.died()))?.map(Arc::new) else { return Ok(None) };
        let renewal = holding.renew(&worker, lease_seconds);
        let held = Arc::clone(&holding);
        let Some(head) = worker.wait(async move { held.head().await }) else { return Err(place.died()) };
        // From here on the state is given back whatever happens.
        let end = End { next: head.last + 1, digest: String::new() };
        let mut journal = Journal::new(&worker, holding, renewal, head.epoch, end);

        let mut copy = State::scratch(&place.shown)?;
        let mut replay = Replay::begin(&mut copy, name)?;
        let mut read = reading::read(&worker, place, &head, &mut replay)?;
        journal.skip(read.end.clone());
        // The first entry of an epoch keeps those before it out. One of them may have been quicker.
        while !journal.try_append(&[])? {
            read.go_on(&worker, place, read.end.next, head.epoch, &mut replay)?;
            journal.skip(read.end.clone());
        }
        replay.end()?;
        let due = compaction::is_due(&read);
        let mut state = Self { journal: Some(journal), worker, copy, name: name.clone() };
        if due {
            state.write_whole()?;
        } else if let Some(journal) = &state.journal {
            compaction::delete(&state.worker, journal, read.orphans);
        }
        Ok(Some(state))
    }

    /// Puts the working copy in the place of what is kept, in one step.
    fn write_whole(&mut self) -> Result<(), StateError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        compaction::write(&self.worker, journal, &self.copy, &self.name)?;
        let (place, holding) = (journal.holding().place(), Arc::clone(journal.holding()));
        let head = self.worker.wait(async move { holding.head().await }).ok_or_else(|| place.died())?;
        let obsolete = reading::orphans(&head, &reading::list(&self.worker, place)?);
        compaction::delete(&self.worker, journal, obsolete);
        Ok(())
    }

    /// Changes the working copy, then puts it in the place of what is kept, and gives the state back.
    fn replace<T>(
        mut self,
        change: impl FnOnce(&mut State, &SyncName) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let changed = change(&mut self.copy, &self.name)?;
        self.write_whole()?;
        self.journal.take().map_or(Ok(()), |journal| journal.give_back())?;
        Ok(changed)
    }

    /// Whether it knows the sync.
    pub(crate) fn knows(&self) -> Result<bool, StateError> {
        self.copy.knows(&self.name)
    }

    /// What it knows of the sync; `None` where it knows nothing.
    pub(crate) fn summary(&self) -> Result<Option<Summary>, StateError> {
        self.copy.summary(&self.name)
    }

    /// When runs removed members, in seconds since 1970, and how many.
    pub(crate) fn removals(&self) -> Result<Vec<(i64, u64)>, StateError> {
        self.copy.removals(&self.name)
    }

    /// Hands every key to `each`, in the order of the keys.
    pub(crate) fn export(&self, each: impl FnMut(Entry) -> io::Result<()>) -> Result<io::Result<()>, StateError> {
        self.copy.export(&self.name, each)
    }

    /// Takes in a sync that was exported, all of it or nothing.
    pub(crate) fn import(
        self,
        lines: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<Result<(), String>, StateError> {
        let mut unread = Ok(());
        let imported = self.replace(|copy, name| {
            unread = copy.import(name, lines)?;
            // What is kept stays as it is.
            unread.as_ref().map(drop).map_err(|what| StateError::Scratch { message: what.clone() })
        });
        if unread.is_err() { Ok(unread) } else { imported.map(Ok) }
    }

    /// Forgets the sync. Returns how many keys there were; `None` where it was not known.
    pub(crate) fn reset(self) -> Result<Option<u64>, StateError> {
        self.replace(State::reset)
    }

    /// Forgets single keys. Returns those that it did not know.
    pub(crate) fn forget(self, keys: &[String]) -> Result<Vec<&str>, StateError> {
        self.replace(|copy, name| copy.forget(name, keys))
    }

    /// Takes nothing for confirmed any more. Returns how many keys there are.
    pub(crate) fn recover(self) -> Result<u64, StateError> {
        self.replace(|copy, _| copy.doubt())
    }

    /// Begins a run.
    ///
    /// Fails where the sync's target is not the one that is known.
    pub(crate) fn begin(self, target: &Facts, identity: &Facts) -> Result<Box<dyn Ledger>, StateError> {
        let mut changes = Operations::default();
        if !self.copy.knows(&self.name)? {
            changes.push(&Operation::Sync { target: target.clone(), identity: identity.clone() });
        }
        let copy = self.copy.begin(&self.name, target, identity)?;
        Ok(Box::new(RemoteLedger::new(copy, changes, self.journal, identity.clone())))
    }

    /// Deletes all parts of a state that can't be read.
    pub(crate) fn wipe(place: &Place) -> Result<(), StateError> {
        let worker = worker()?;
        let from = place.clone();
        let wiped = worker.wait(async move {
            // One that somebody holds can be read.
            if let Ok(Some((head, _, written))) = from.head().await {
                from.is_free(&head, written).await?;
            }
            let wipe = async {
                for part in from.store.list().await? {
                    from.store.delete(&part).await?;
                }
                Ok(())
            };
            wipe.await.map_err(|error| from.failed(&error))
        });
        wiped.unwrap_or_else(|| Err(place.died()))
    }
}

fn worker() -> Result<Arc<Worker>, StateError> {
    Worker::new().map(Arc::new).map_err(|error| StateError::Scratch { message: error.to_string() })
}
