//! Changes that a journal tells of, made in a database in their order.

use rusqlite::params;

use super::ledger::{FORGET_REMOVALS, NOTE_REMOVALS};
use super::{State, facts_json};
use crate::state::StateError;
use crate::state::operation::{self, Operation};
use crate::sync_file::SyncName;

/// A database that changes are made in: those of one sync.
#[derive(Debug)]
pub(in crate::state) struct Replay<'s> {
    state: &'s mut State,
    name: &'s str,
    /// The sync's number; `None` while it is not known.
    sync: Option<i64>,
    /// The number of its next record.
    next: u64,
    /// Whether a key may be remembered as removed.
    any_removed: bool,
}

impl<'s> Replay<'s> {
    /// Goes on from what is there.
    pub(in crate::state) fn begin(state: &'s mut State, name: &'s SyncName) -> Result<Self, StateError> {
        let row = state.find(name)?;
        let any_removed = row.is_some();
        let (sync, next) = row.map_or((None, 0), |row| (Some(row.id), row.next_record));
        state.connection.execute_batch("BEGIN").map_err(|error| state.failed(&error))?;
        Ok(Self { state, name: name.as_str(), sync, next, any_removed })
    }

    /// Makes changes. What can't be read, and a change of a sync that is not known, is told in words.
    pub(in crate::state) fn run(&mut self, lines: &[u8]) -> Result<Result<(), String>, StateError> {
        for operation in operation::read(lines) {
            let operation = match operation {
                Ok(operation) => operation,
                Err(what) => return Ok(Err(format!("is damaged: {what}"))),
            };
            match self.change(&operation) {
                Ok(true) => {}
                Ok(false) => return Ok(Err("tells of a sync that no part before it begins".to_owned())),
                Err(error) => return Err(self.state.failed(&error)),
            }
        }
        Ok(Ok(()))
    }

    pub(in crate::state) fn end(self) -> Result<(), StateError> {
        let end = || {
            let update = "UPDATE syncs SET next_record = ?2 WHERE id = ?1";
            self.state.connection.execute(update, (self.sync, self.next.cast_signed()))?;
            self.state.connection.execute_batch("COMMIT")
        };
        end().map_err(|error| self.state.failed(&error))
    }

    /// Makes none of the changes.
    pub(in crate::state) fn undo(self) -> Result<(), StateError> {
        self.state.connection.execute_batch("ROLLBACK").map_err(|error| self.state.failed(&error))
    }

    /// `false`: the sync is not known.
    fn change(&mut self, operation: &Operation<'_>) -> rusqlite::Result<bool> {
        let connection = &self.state.connection;
        if let Operation::Sync { target, identity } = operation {
            let insert = "INSERT INTO syncs (name, target, identity) VALUES (?1, ?2, ?3)
                          ON CONFLICT DO UPDATE SET target = excluded.target, identity = excluded.identity RETURNING id";
            let values = params![self.name, facts_json(target), facts_json(identity)];
            self.sync = Some(connection.query_row(insert, values, |row| row.get(0))?);
            return Ok(true);
        }
        let Some(sync) = self.sync else { return Ok(false) };
        let write =
            |statement: &str, key: &str| connection.prepare_cached(statement)?.execute((sync, key)).map(|_| true);
        let mut put = |key: &str, hash: Option<u64>| {
            let id = self.next.cast_signed();
            self.next += 1;
            connection.prepare_cached(PUT)?.execute((sync, key, id, hash.map(u64::cast_signed)))
        };
        match operation {
            Operation::Sync { .. } => Ok(true),
            Operation::Identity(identity) => {
                write("UPDATE syncs SET identity = ?2 WHERE id = ?1", &facts_json(identity))
            }
            Operation::Pending(key) => put(key, None).map(|_| true),
            Operation::Doubted(key) => write("UPDATE records SET hash = NULL WHERE sync = ?1 AND key = ?2", key),
            Operation::Delivered(key, hash) => {
                put(key, Some(*hash))?;
                if self.any_removed { write(FORGET_REMOVED, key) } else { Ok(true) }
            }
            Operation::Removed(key) => {
                self.any_removed = true;
                write(FORGET, key)?;
                write("INSERT INTO removed (sync, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING", key)
            }
            Operation::Refused(key) => write(FORGET, key),
            Operation::Removals { at, since, members } => {
                connection.prepare_cached(NOTE_REMOVALS)?.execute((sync, at, members.cast_signed()))?;
                connection.prepare_cached(FORGET_REMOVALS)?.execute((sync, since)).map(|_| true)
            }
        }
    }
}

const PUT: &str = "INSERT INTO records (sync, key, id, hash) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET hash = excluded.hash";
const FORGET: &str = "DELETE FROM records WHERE sync = ?1 AND key = ?2";
const FORGET_REMOVED: &str = "DELETE FROM removed WHERE sync = ?1 AND key = ?2";
