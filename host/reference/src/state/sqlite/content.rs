//! What a database knows of its syncs: looked at, taken in, forgotten. How a run changes it is in [`ledger`](super::ledger).

use std::io;

use rusqlite::Connection;

use super::replay::Replay;
use super::{State, mark};
use crate::state::{Entry, Standing, StateError, Summary};
use crate::sync_file::SyncName;

/// What is known of a sync's keys after a key. Both tables are in this order: SQLite merges them as it goes. What was removed
/// and is about to be added again stands in both, until that is confirmed or refused.
pub(super) const KNOWN: &str = "
    SELECT key, hash, 0 FROM records WHERE sync = ?1 AND key > ?2
    UNION ALL
    SELECT key, NULL, 1 FROM removed WHERE sync = ?1 AND key > ?2
        AND NOT EXISTS (SELECT 1 FROM records WHERE records.sync = ?1 AND records.key = removed.key)
    ORDER BY key";

impl State {
    /// Whether it knows a sync of this name.
    pub fn knows(&self, name: &SyncName) -> Result<bool, StateError> {
        self.find(name).map(|found| found.is_some())
    }

    /// What it knows of a sync; `None` where it knows nothing.
    pub fn summary(&self, name: &SyncName) -> Result<Option<Summary>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(None) };
        let counts = self.connection.query_row(
            "SELECT count(hash), count(*) - count(hash), (SELECT count(*) FROM removed WHERE sync = ?1)
             FROM records WHERE sync = ?1",
            [row.id],
            |counts| Ok([0, 1, 2].map(|column| counts.get::<_, i64>(column).map(i64::cast_unsigned))),
        );
        let [delivered, unconfirmed, removed] = counts.map_err(|error| self.failed(&error))?;
        let count = |count: rusqlite::Result<u64>| count.map_err(|error| self.failed(&error));
        let (delivered, unconfirmed, removed) = (count(delivered)?, count(unconfirmed)?, count(removed)?);
        Ok(Some(Summary { target: row.target, identity: row.identity, delivered, unconfirmed, removed }))
    }

    /// Hands every key of a sync to `each`, in the order of the keys.
    pub fn export(
        &self,
        name: &SyncName,
        mut each: impl FnMut(Entry) -> io::Result<()>,
    ) -> Result<io::Result<()>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(Ok(())) };
        let mut written = Ok(());
        let visited = self.each_known(row.id, "", |key, standing| {
            written = each(Entry { key: key.to_owned(), standing });
            Ok(written.is_ok())
        });
        visited.map(|()| written)
    }

    /// Hands the keys after `after` of which a sync knows anything to `each`, in their order, until it says stop.
    pub(super) fn each_known(
        &self,
        sync: i64,
        after: &str,
        mut each: impl FnMut(&str, Standing) -> rusqlite::Result<bool>,
    ) -> Result<(), StateError> {
        let mut visit = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached(KNOWN)?;
            let mut rows = select.query((sync, after))?;
            while let Some(row) = rows.next()? {
                let standing = match (row.get(2)?, row.get::<_, Option<i64>>(1)?) {
                    (true, _) => Standing::Removed,
                    (false, Some(hash)) => Standing::Delivered(hash.cast_unsigned()),
                    (false, None) => Standing::Pending,
                };
                if !each(text(row, 0)?, standing)? {
                    break;
                }
            }
            Ok(())
        };
        visit().map_err(|error| self.failed(&error))
    }

    /// When runs of a sync removed members, in seconds since 1970, and how many.
    pub(in crate::state) fn removals(&self, name: &SyncName) -> Result<Vec<(i64, u64)>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(Vec::new()) };
        let read = || -> rusqlite::Result<Vec<(i64, u64)>> {
            let mut select = self.connection.prepare("SELECT at, members FROM removals WHERE sync = ?1 ORDER BY at")?;
            let rows = select.query_map([row.id], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
            rows.collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Forgets a sync and all its keys. Returns how many there were; `None` where it was not known.
    pub fn reset(&mut self, name: &SyncName) -> Result<Option<u64>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(None) };
        let forget = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let keys = transaction.execute("DELETE FROM records WHERE sync = ?1", [row.id])?;
            transaction.execute("DELETE FROM removed WHERE sync = ?1", [row.id])?;
            transaction.execute("DELETE FROM removals WHERE sync = ?1", [row.id])?;
            transaction.execute("DELETE FROM syncs WHERE id = ?1", [row.id])?;
            mark::renew(&transaction)?;
            transaction.commit()?;
            Ok(keys as u64)
        };
        forget(&mut self.connection).map(Some).map_err(|error| self.failed(&error))
    }

    /// Forgets single keys of a sync. Returns those that it did not know.
    pub fn forget<'k>(&mut self, name: &SyncName, keys: &'k [String]) -> Result<Vec<&'k str>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(keys.iter().map(String::as_str).collect()) };
        let forget = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let mut unknown = Vec::new();
            for key in keys {
                let known = transaction.execute("DELETE FROM records WHERE sync = ?1 AND key = ?2", (row.id, key))?;
                let removed = transaction.execute("DELETE FROM removed WHERE sync = ?1 AND key = ?2", (row.id, key))?;
                if known + removed == 0 {
                    unknown.push(key.as_str());
                }
            }
            mark::renew(&transaction)?;
            transaction.commit()?;
            Ok(unknown)
        };
        forget(&mut self.connection).map_err(|error| self.failed(&error))
    }

    /// Takes in a sync that was exported, all of it or nothing. What can't be read is told in words.
    pub(in crate::state) fn import(
        &mut self,
        name: &SyncName,
        lines: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<Result<(), String>, StateError> {
        let mut replay = Replay::begin(self, name)?;
        for lines in lines {
            let replayed = match lines {
                Ok(lines) => replay.run(&lines)?,
                Err(what) => Err(what),
            };
            if replayed.is_err() {
                replay.undo()?;
                return Ok(replayed);
            }
        }
        replay.end()?;
        mark::renew(&self.connection).map(Ok).map_err(|error| self.failed(&error))
    }

    /// Takes nothing for confirmed any more. Returns how many keys there are.
    pub(in crate::state) fn doubt(&mut self) -> Result<u64, StateError> {
        let doubt = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let keys = transaction.execute("UPDATE records SET hash = NULL", [])?;
            transaction.execute("DELETE FROM removed", [])?;
            mark::end(&transaction)?;
            transaction.commit()?;
            Ok(keys as u64)
        };
        doubt(&mut self.connection).map_err(|error| self.failed(&error))
    }
}

/// A text of a row, without a copy.
pub(super) fn text<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    row.get_ref(column)?.as_str().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
