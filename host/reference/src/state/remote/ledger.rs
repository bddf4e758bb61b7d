//! A run's view of a sync whose state is elsewhere: the working copy answers, and each change of it goes into the journal.

use super::journal::Journal;
use crate::state::operation::{Operation, Operations};
use crate::state::{Change, Entry, Facts, Leaving, Ledger, Neighbour, Resend, StateError};
use destination_engine::arrow::records::Record;
use destination_engine::bindings::Action;

/// An open sync. It has its place to itself, so there are no neighbours.
#[derive(Debug)]
pub(super) struct RemoteLedger {
    copy: Box<dyn Ledger>,
    /// What was changed since the last commit.
    changes: Operations,
    /// `None` for a run that only looks.
    journal: Option<Journal>,
    identity: Facts,
}

impl RemoteLedger {
    pub(super) fn new(copy: Box<dyn Ledger>, changes: Operations, journal: Option<Journal>, identity: Facts) -> Self {
        Self { copy, changes, journal, identity }
    }
}

impl Ledger for RemoteLedger {
    fn identity_change(&self) -> Option<String> {
        self.copy.identity_change()
    }

    fn neighbours(&self) -> &[Neighbour] {
        self.copy.neighbours()
    }

    fn diff(
        &mut self,
        records: &mut dyn Iterator<Item = (Record<'_>, u64)>,
        resend: Resend,
    ) -> Result<Vec<Change>, StateError> {
        self.copy.diff(records, resend)
    }

    fn mark_pending(&mut self, record: Record<'_>, change: Change) -> Result<bool, StateError> {
        match change {
            Change::Unchanged | Change::Repeated => {}
            Change::Added | Change::Changed => self.changes.push(&Operation::Pending(record.key.into())),
            Change::Removed => self.changes.push(&Operation::Doubted(record.key.into())),
        }
        self.copy.mark_pending(record, change)
    }

    fn mark_seen(&mut self, key: &str) -> Result<(), StateError> {
        self.copy.mark_seen(key)
    }

    fn may_remove(&mut self, key: &str) -> Result<bool, StateError> {
        self.copy.may_remove(key)
    }

    fn confirm(&mut self, record: Record<'_>, hash: u64) -> Result<(), StateError> {
        let key = record.key.into();
        self.changes.push(&match record.action {
            Action::Delete => Operation::Removed(key),
            _ => Operation::Delivered(key, hash),
        });
        self.copy.confirm(record, hash)
    }

    fn reject(&mut self, key: &str, new: bool) -> Result<(), StateError> {
        let refused = if new { Operation::Refused(key.into()) } else { Operation::Doubted(key.into()) };
        self.changes.push(&refused);
        self.copy.reject(key, new)
    }

    fn leaving(&self, most: usize) -> Result<Leaving, StateError> {
        self.copy.leaving(most)
    }

    fn each_leaving(&self, each: &mut dyn FnMut(&str, bool)) -> Result<(), StateError> {
        self.copy.each_leaving(each)
    }

    fn leave_to_neighbours(&mut self) -> Result<u64, StateError> {
        self.copy.leave_to_neighbours()
    }

    fn known_after(&self, after: &str, most: usize) -> Result<Vec<Entry>, StateError> {
        self.copy.known_after(after, most)
    }

    fn leaving_after(&self, after: &str, most: usize) -> Result<Vec<String>, StateError> {
        self.copy.leaving_after(after, most)
    }

    fn removed_since(&self, since: i64) -> Result<u64, StateError> {
        self.copy.removed_since(since)
    }

    fn note_removals(&mut self, at: i64, since: i64, members: u64) -> Result<(), StateError> {
        self.changes.push(&Operation::Removals { at, since, members });
        self.copy.note_removals(at, since, members)
    }

    /// Returns when the changes are where they last, and the state is still held.
    fn commit(&mut self) -> Result<(), StateError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        if self.changes.is_empty() {
            return journal.check();
        }
        journal.append(&self.changes.take())
    }

    fn finish(mut self: Box<Self>, settled: bool) -> Result<(), StateError> {
        if settled && self.copy.identity_change().is_some() {
            self.changes.push(&Operation::Identity(self.identity.clone()));
        }
        self.commit()?;
        self.journal.take().map_or(Ok(()), |journal| journal.give_back())?;
        self.copy.finish(settled)
    }
}
