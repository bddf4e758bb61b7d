//! One run's view of its sync: which rows changed, what is about to be sent, what was confirmed, what has left.
//!
//! It writes before it sends: [`Ledger::mark_pending`] clears the hash of a record as its batch is about to leave, and the caller
//! commits before it does. What was never about to be sent is thus never taken for something that may have arrived. Rows
//! that did not change cost a look-up and no write; that they were seen is kept in a bitmap of record ids.

use roaring::RoaringTreemap;
use rusqlite::OptionalExtension;

use super::content::text;
use super::place::io_error;
use super::{OpenFile, State, SyncRow, facts_from_json, facts_json, mark};
use crate::file_id::FileId;
use crate::state::{Access, Change, Entry, Facts, Leaving, Ledger, Neighbour, Resend, Standing, StateError, changes};
use destination_engine::arrow::records::Record;
use destination_engine::bindings::Action;

pub(super) const NOTE_REMOVALS: &str = "INSERT INTO removals (sync, at, members) VALUES (?1, ?2, ?3)
                                         ON CONFLICT DO UPDATE SET members = members + excluded.members";
pub(super) const FORGET_REMOVALS: &str = "DELETE FROM removals WHERE sync = ?1 AND at <= ?2";

/// An open sync of a state file.
#[derive(Debug)]
pub(super) struct SqliteLedger {
    state: State,
    sync: i64,
    neighbours: Vec<Neighbour>,
    identity: Facts,
    /// What the identity was when the last run ended with nothing withheld, where it was another.
    identity_was: Option<Facts>,
    /// Ids from here on were given out in this run.
    first_new: u64,
    next_record: u64,
    seen: RoaringTreemap,
    /// Whether keys are remembered as removed: a run that has none of them never looks for one.
    any_removed: bool,
    dirty: bool,
    /// SQLite's log, once this run has marked its beginning in the file.
    log: Option<FileId>,
}

impl SqliteLedger {
    pub(super) fn begin(state: State, row: SyncRow, identity: Facts) -> Result<Self, StateError> {
        let identity_was = (row.identity != identity).then_some(row.identity);
        let neighbours = neighbours(&state, row.id, &row.target)?;
        let removed = "SELECT EXISTS (SELECT 1 FROM removed WHERE sync = ?1)";
        let any_removed = state.connection.query_row(removed, [row.id], |row| row.get(0));
        let any_removed = any_removed.map_err(|error| state.failed(&error))?;
        let ledger = Self {
            state,
            sync: row.id,
            neighbours,
            identity,
            identity_was,
            first_new: row.next_record,
            next_record: row.next_record,
            seen: RoaringTreemap::new(),
            any_removed,
            dirty: false,
            log: None,
        };
        ledger.run("BEGIN")?;
        Ok(ledger)
    }

    /// Commits with the mark of this run, and moves it from the log into the file: from here on a log that is lost is
    /// noticed.
    fn begin_run(&mut self) -> Result<(), StateError> {
        self.state.keep_log(true)?;
        mark::begin(&self.state.connection).map_err(|error| self.failed(&error))?;
        self.run("COMMIT")?;
        mark::move_log(&self.state.connection).map_err(|error| self.failed(&error))?;
        if let Some(OpenFile { place, .. }) = &self.state.file {
            let log = FileId::at(&place.log()).map_err(|error| io_error(&place.shown, &error))?;
            self.log = Some(log);
        }
        self.run("BEGIN")
    }

    /// Fails where the file or its log is not the one that was opened.
    fn check_place(&self) -> Result<(), StateError> {
        match &self.state.file {
            Some(file) if self.state.access == Access::Write => {
                file.is_in_place()?;
                self.log.map_or(Ok(()), |log| file.place.holds_log(log))
            }
            _ => Ok(()),
        }
    }

    /// Whether another sync of the same target holds a key.
    fn is_shared(&self, key: &str) -> rusqlite::Result<bool> {
        let mut held = self.state.connection.prepare_cached("SELECT 1 FROM records WHERE sync = ?1 AND key = ?2")?;
        for neighbour in &self.neighbours {
            if held.exists((neighbour.id, key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hands ids and keys after `after` to `each`, in the order of the keys, until it says stop.
    fn scan(&self, after: &str, mut each: impl FnMut(u64, &str) -> rusqlite::Result<bool>) -> Result<(), StateError> {
        let mut visit = || -> rusqlite::Result<()> {
            let mut select = self
                .state
                .connection
                .prepare_cached("SELECT id, key FROM records WHERE sync = ?1 AND key > ?2 ORDER BY key")?;
            let mut rows = select.query((self.sync, after))?;
            while let Some(row) = rows.next()? {
                if !each(row.get::<_, i64>(0)?.cast_unsigned(), text(row, 1)?)? {
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
        let written =
            self.state.connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
        let rows = written.map_err(|error| self.failed(&error))?;
        self.dirty |= rows > 0;
        Ok(rows > 0)
    }

    fn run(&self, statements: &str) -> Result<(), StateError> {
        self.state.connection.execute_batch(statements).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> StateError {
        self.state.failed(error)
    }
}

impl Ledger for SqliteLedger {
    fn identity_change(&self) -> Option<String> {
        self.identity_was.as_ref().map(|was| changes(was, &self.identity))
    }

    fn neighbours(&self) -> &[Neighbour] {
        &self.neighbours
    }

    fn diff(
        &mut self,
        records: &mut dyn Iterator<Item = (Record<'_>, u64)>,
        resend: Resend,
    ) -> Result<Vec<Change>, StateError> {
        let Self { state, sync, seen, .. } = self;
        let diff_all = || -> rusqlite::Result<Vec<Change>> {
            let mut select =
                state.connection.prepare_cached("SELECT id, hash FROM records WHERE sync = ?1 AND key = ?2")?;
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
        diff_all().map_err(|error| state.failed(&error))
    }

    fn mark_pending(&mut self, record: Record<'_>, change: Change) -> Result<bool, StateError> {
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

    fn mark_seen(&mut self, key: &str) -> Result<(), StateError> {
        let found = self
            .state
            .connection
            .prepare_cached("SELECT id FROM records WHERE sync = ?1 AND key = ?2")
            .and_then(|mut select| select.query_row((self.sync, key), |row| row.get::<_, i64>(0)).optional());
        if let Some(id) = found.map_err(|error| self.failed(&error))? {
            self.seen.insert(id.cast_unsigned());
        }
        Ok(())
    }

    fn may_remove(&mut self, key: &str) -> Result<bool, StateError> {
        let known = self
            .state
            .connection
            .prepare_cached("SELECT 1 FROM records WHERE sync = ?1 AND key = ?2")
            .and_then(|mut select| select.exists((self.sync, key)));
        if !known.map_err(|error| self.failed(&error))? {
            return Ok(false);
        }
        if self.is_shared(key).map_err(|error| self.failed(&error))? {
            if self.state.access == Access::Read {
                return Ok(false);
            }
            self.write("DELETE FROM records WHERE sync = ?1 AND key = ?2", (self.sync, key))?;
            return Ok(false);
        }
        Ok(true)
    }

    fn confirm(&mut self, record: Record<'_>, hash: u64) -> Result<(), StateError> {
        if record.action == Action::Delete {
            self.write("DELETE FROM records WHERE sync = ?1 AND key = ?2", (self.sync, record.key))?;
            self.write("INSERT INTO removed VALUES (?1, ?2) ON CONFLICT DO NOTHING", (self.sync, record.key))?;
            self.any_removed = true;
        } else {
            if self.any_removed {
                self.write("DELETE FROM removed WHERE sync = ?1 AND key = ?2", (self.sync, record.key))?;
            }
            let update = "UPDATE records SET hash = ?3 WHERE sync = ?1 AND key = ?2";
            self.write(update, (self.sync, record.key, hash.cast_signed()))?;
        }
        Ok(())
    }

    fn reject(&mut self, key: &str, new: bool) -> Result<(), StateError> {
        if new {
            self.write("DELETE FROM records WHERE sync = ?1 AND key = ?2", (self.sync, key))?;
        } else {
            self.clear(key)?;
        }
        Ok(())
    }

    fn leaving(&self, most: usize) -> Result<Leaving, StateError> {
        let mut found = Leaving { known: 0, leaving: 0, shared: 0, first: Vec::new() };
        self.scan("", |id, key| {
            found.known += u64::from(id < self.first_new);
            if !self.seen.contains(id) {
                found.leaving += 1;
                found.shared += u64::from(self.is_shared(key)?);
                if found.first.len() < most {
                    found.first.push(key.to_owned());
                }
            }
            Ok(true)
        })?;
        Ok(found)
    }

    fn each_leaving(&self, each: &mut dyn FnMut(&str, bool)) -> Result<(), StateError> {
        self.scan("", |id, key| {
            if !self.seen.contains(id) {
                each(key, self.is_shared(key)?);
            }
            Ok(true)
        })
    }

    fn leave_to_neighbours(&mut self) -> Result<u64, StateError> {
        if self.neighbours.is_empty() {
            return Ok(0);
        }
        let mut shared = Vec::new();
        self.scan("", |id, key| {
            if !self.seen.contains(id) && self.is_shared(key)? {
                shared.push(key.to_owned());
            }
            Ok(true)
        })?;
        for key in &shared {
            self.write("DELETE FROM records WHERE sync = ?1 AND key = ?2", (self.sync, key))?;
        }
        Ok(shared.len() as u64)
    }

    fn known_after(&self, after: &str, most: usize) -> Result<Vec<Entry>, StateError> {
        let mut known = Vec::new();
        self.state.each_known(self.sync, after, |key, standing| {
            if standing != Standing::Removed || !self.is_shared(key)? {
                known.push(Entry { key: key.to_owned(), standing });
            }
            Ok(known.len() < most)
        })?;
        Ok(known)
    }

    fn leaving_after(&self, after: &str, most: usize) -> Result<Vec<String>, StateError> {
        let mut keys = Vec::new();
        self.scan(after, |id, key| {
            if !self.seen.contains(id) {
                keys.push(key.to_owned());
            }
            Ok(keys.len() < most)
        })?;
        Ok(keys)
    }

    fn removed_since(&self, since: i64) -> Result<u64, StateError> {
        let sum = "SELECT coalesce(sum(members), 0) FROM removals WHERE sync = ?1 AND at > ?2";
        let sum = self.state.connection.query_row(sum, (self.sync, since), |row| row.get::<_, i64>(0));
        sum.map(i64::cast_unsigned).map_err(|error| self.failed(&error))
    }

    fn note_removals(&mut self, at: i64, since: i64, members: u64) -> Result<(), StateError> {
        self.write(NOTE_REMOVALS, (self.sync, at, members.cast_signed()))?;
        self.write(FORGET_REMOVALS, (self.sync, since))?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StateError> {
        self.check_place()?;
        // What is not to last is one transaction from its beginning to its end.
        if !self.dirty || self.state.file.is_none() {
            return Ok(());
        }
        let update = "UPDATE syncs SET next_record = ?2 WHERE id = ?1";
        self.write(update, (self.sync, self.next_record.cast_signed()))?;
        if self.log.is_some() {
            mark::repeat(&self.state.connection).map_err(|error| self.failed(&error))?;
            self.run("COMMIT; BEGIN")?;
        } else {
            self.begin_run()?;
        }
        self.dirty = false;
        Ok(())
    }

    fn finish(mut self: Box<Self>, settled: bool) -> Result<(), StateError> {
        let writes = self.state.access == Access::Write && self.state.file.is_some();
        if settled && self.identity_was.is_some() && writes {
            let identity = facts_json(&self.identity);
            self.write("UPDATE syncs SET identity = ?2 WHERE id = ?1", (self.sync, identity))?;
        }
        if writes {
            self.commit()?;
            if self.log.is_some() || self.state.unfinished {
                mark::end(&self.state.connection).map_err(|error| self.failed(&error))?;
            }
            self.run("COMMIT")?;
            self.check_place()?;
            self.state.keep_log(false)?;
        }
        let State { connection, file, .. } = self.state;
        let Some(OpenFile { place, .. }) = &file else { return Ok(()) };
        connection.close().map_err(|(_, error)| StateError::sqlite(&place.shown, &error))
    }
}

/// The other syncs of a file with this target.
fn neighbours(state: &State, sync: i64, target: &Facts) -> Result<Vec<Neighbour>, StateError> {
    let find = || -> rusqlite::Result<Vec<Neighbour>> {
        let mut select = state.connection.prepare("SELECT id, name, target FROM syncs WHERE id <> ?1 ORDER BY name")?;
        let mut rows = select.query([sync])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if facts_from_json(&row.get::<_, String>(2)?) == *target {
                found.push(Neighbour { id: row.get(0)?, name: row.get(1)? });
            }
        }
        Ok(found)
    };
    find().map_err(|error| state.failed(&error))
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
