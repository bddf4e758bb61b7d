//! One run's view of its sync: which rows changed, what is about to be sent, what was confirmed, what has left.
//!
//! It writes before it sends: [`Ledger::note`] clears the hash of a record as its batch is about to leave, and the caller
//! commits before it does. What was never about to be sent is thus never taken for something that may have arrived. Rows
//! that did not change cost a look-up and no write; that they were seen is kept in a bitmap of record ids.

use std::path::PathBuf;

use roaring::RoaringTreemap;
use rusqlite::{Connection, OptionalExtension};

use super::{Access, Facts, State, StateError, SyncRow, changes, facts_json};
use crate::bindings::Action;
use crate::records::Record;

/// Whether rows that did not change are sent all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// Only rows that are new or differ.
    Changed,
    /// Every row.
    All,
}

/// How a row differs from what was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It does not: it need not be sent.
    Unchanged,
    /// It does not, and is sent all the same.
    Repeated,
    /// Its key was not delivered before, or it is not known to have been.
    Added,
    /// Its key was delivered with something else.
    Changed,
    /// It asks for a removal.
    Removed,
}

/// What a mirror would remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// Keys that were known before this run.
    pub known: u64,
    /// Those among them that the source does not have any more.
    pub leaving: u64,
    /// The first of them, in the order of the keys.
    pub first: Vec<String>,
}

/// An open sync of a state file.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    access: Access,
    sync: i64,
    identity: Facts,
    /// What the identity was when the last run ended with nothing withheld, where it was another.
    identity_was: Option<Facts>,
    /// Ids from here on were given out in this run.
    first_new: u64,
    next_record: u64,
    seen: RoaringTreemap,
    dirty: bool,
}

impl Ledger {
    pub(super) fn begin(state: State, row: SyncRow, identity: Facts) -> Result<Self, StateError> {
        let State { connection, path, access } = state;
        let identity_was = (row.identity != identity).then_some(row.identity);
        let ledger = Self {
            connection,
            path,
            access,
            sync: row.id,
            identity,
            identity_was,
            first_new: row.next_record,
            next_record: row.next_record,
            seen: RoaringTreemap::new(),
            dirty: false,
        };
        ledger.run("BEGIN")?;
        Ok(ledger)
    }

    /// What shapes the keys now and did not when they were delivered, in words; `None` where nothing does.
    pub fn identity_change(&self) -> Option<String> {
        self.identity_was.as_ref().map(|was| changes(was, &self.identity))
    }

    /// Judges records in the order of the source and marks their keys as seen. It reads only.
    ///
    /// Each record comes with the hash of what would be delivered.
    pub fn judge<'r>(
        &mut self,
        records: impl Iterator<Item = (Record<'r>, u64)>,
        resend: Resend,
    ) -> Result<Vec<Change>, StateError> {
        let Self { connection, path, sync, seen, .. } = self;
        let judge_all = || -> rusqlite::Result<Vec<Change>> {
            let mut select = connection.prepare_cached("SELECT id, hash FROM records WHERE sync = ?1 AND key = ?2")?;
            let mut changes = Vec::with_capacity(records.size_hint().0);
            for (record, hash) in records {
                let found = select
                    .query_row((*sync, record.key), |row| {
                        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned)))
                    })
                    .optional()?;
                if let Some((id, _)) = found {
                    seen.insert(id.cast_unsigned());
                }
                let delivered = found.and_then(|(_, delivered)| delivered);
                changes.push(change(record.action, delivered, hash, resend));
            }
            Ok(changes)
        };
        judge_all().map_err(|error| StateError::sqlite(path, &error))
    }

    /// Notes that a record is about to be sent. `true`: its key was not known, so that nothing of it can be at the
    /// destination yet.
    pub fn note(&mut self, record: Record<'_>, change: Change) -> Result<bool, StateError> {
        match change {
            // What is there is what will be there.
            Change::Unchanged | Change::Repeated => Ok(false),
            // Of a key that was never delivered nothing need be remembered: if the run is cut short, the source asks
            // for its removal again.
            Change::Removed => self.clear(record.key).map(|_| false),
            Change::Changed if self.clear(record.key)? => Ok(false),
            Change::Added | Change::Changed => {
                let id = self.next_record;
                let insert = "INSERT INTO records (sync, key, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                let new = self.write(insert, (self.sync, record.key, id.cast_signed()))?;
                if new {
                    self.next_record += 1;
                    self.seen.insert(id);
                } else {
                    self.clear(record.key)?;
                }
                Ok(new)
            }
        }
    }

    /// Marks a key as seen without a look at what its row holds: the row could not be mapped.
    pub fn touch(&mut self, key: &str) -> Result<(), StateError> {
        let found = self
            .connection
            .prepare_cached("SELECT id FROM records WHERE sync = ?1 AND key = ?2")
            .and_then(|mut select| select.query_row((self.sync, key), |row| row.get::<_, i64>(0)).optional());
        if let Some(id) = found.map_err(|error| self.failed(&error))? {
            self.seen.insert(id.cast_unsigned());
        }
        Ok(())
    }

    /// Writes down that a record was confirmed: what of it was delivered, or that it is gone.
    pub fn confirm(&mut self, record: Record<'_>, hash: u64) -> Result<(), StateError> {
        if record.action == Action::Delete {
            self.write("DELETE FROM records WHERE sync = ?1 AND key = ?2", (self.sync, record.key))?;
        } else {
            let update = "UPDATE records SET hash = ?3 WHERE sync = ?1 AND key = ?2";
            self.write(update, (self.sync, record.key, hash.cast_signed()))?;
        }
        Ok(())
    }

    /// Writes down that a record was refused. `new`: nothing of its key can be at the destination, so that it is
    /// forgotten; otherwise what is there is not what the source has.
    pub fn reject(&mut self, key: &str, new: bool) -> Result<(), StateError> {
        if new {
            self.write("DELETE FROM records WHERE sync = ?1 AND key = ?2", (self.sync, key))?;
        } else {
            self.clear(key)?;
        }
        Ok(())
    }

    /// Counts the keys that were known before this run and were not seen in it. `most` of them are named.
    pub fn leaving(&self, most: usize) -> Result<Leaving, StateError> {
        let mut found = Leaving { known: 0, leaving: 0, first: Vec::new() };
        self.scan("", |id, key| {
            found.known += u64::from(id < self.first_new);
            if !self.seen.contains(id) {
                found.leaving += 1;
                if found.first.len() < most {
                    found.first.push(key.to_owned());
                }
            }
            true
        })?;
        Ok(found)
    }

    /// The next keys after `after` that were not seen, in their order, at most `most`.
    pub fn leaving_after(&self, after: &str, most: usize) -> Result<Vec<String>, StateError> {
        let mut keys = Vec::new();
        self.scan(after, |id, key| {
            if !self.seen.contains(id) {
                keys.push(key.to_owned());
            }
            keys.len() < most
        })?;
        Ok(keys)
    }

    /// Makes everything so far last. It does nothing where nothing was written.
    pub fn commit(&mut self) -> Result<(), StateError> {
        if !self.dirty {
            return Ok(());
        }
        let update = "UPDATE syncs SET next_record = ?2 WHERE id = ?1";
        self.write(update, (self.sync, self.next_record.cast_signed()))?;
        self.run("COMMIT; BEGIN")?;
        self.dirty = false;
        Ok(())
    }

    /// Ends the run. `settled`: nothing was withheld, so that what shapes the keys now holds for all that are known.
    pub fn finish(mut self, settled: bool) -> Result<(), StateError> {
        if settled && self.identity_was.is_some() && self.access == Access::Write {
            let identity = facts_json(&self.identity);
            self.write("UPDATE syncs SET identity = ?2 WHERE id = ?1", (self.sync, identity))?;
        }
        self.commit()?;
        self.connection.close().map_err(|(_, error)| StateError::sqlite(&self.path, &error))
    }

    /// Hands ids and keys after `after` to `each`, in the order of the keys, until it says stop.
    fn scan(&self, after: &str, mut each: impl FnMut(u64, &str) -> bool) -> Result<(), StateError> {
        let mut visit = || -> rusqlite::Result<()> {
            let mut select = self
                .connection
                .prepare_cached("SELECT id, key FROM records WHERE sync = ?1 AND key > ?2 ORDER BY key")?;
            let mut rows = select.query((self.sync, after))?;
            while let Some(row) = rows.next()? {
                let key = row.get_ref(1)?.as_str().map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
                })?;
                if !each(row.get::<_, i64>(0)?.cast_unsigned(), key) {
                    break;
                }
            }
            Ok(())
        };
        visit().map_err(|error| self.failed(&error))
    }

    /// Forgets what of a key was delivered. `false` where the key is not known.
    fn clear(&mut self, key: &str) -> Result<bool, StateError> {
        self.write("UPDATE records SET hash = NULL WHERE sync = ?1 AND key = ?2", (self.sync, key))
    }

    /// Whether the statement wrote something.
    fn write(&mut self, statement: &str, values: impl rusqlite::Params) -> Result<bool, StateError> {
        let written = self.connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
        let rows = written.map_err(|error| self.failed(&error))?;
        self.dirty |= rows > 0;
        Ok(rows > 0)
    }

    fn run(&self, statements: &str) -> Result<(), StateError> {
        self.connection.execute_batch(statements).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> StateError {
        StateError::sqlite(&self.path, error)
    }
}

/// How a record differs from what was delivered of its key, if anything is known to have been.
fn change(action: Action, delivered: Option<u64>, hash: u64, resend: Resend) -> Change {
    match (action, delivered) {
        (Action::Delete, _) => Change::Removed,
        (_, None) => Change::Added,
        (_, Some(delivered)) if delivered != hash => Change::Changed,
        (_, Some(_)) => match resend {
            Resend::Changed => Change::Unchanged,
            Resend::All => Change::Repeated,
        },
    }
}
