//! The tables of a state file, as the steps that lead to them: a new file takes all of them, an older one those that it
//! lacks. Its version (`user_version` in SQLite's header) is the number of steps that it took.
//!
//! A step that was released is never changed: files are out there that took it. What a file is, before any step, is
//! [`header`](super::header)'s to tell.

use rusqlite::Connection;

/// The steps, oldest first.
const STEPS: &[&str] = &[
    "
    CREATE TABLE syncs (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        -- What the sync writes to, and what shapes its keys: JSON objects.
        target TEXT NOT NULL,
        identity TEXT NOT NULL,
        -- The id of the next record.
        next_record INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE records (
        sync INTEGER NOT NULL REFERENCES syncs (id),
        key TEXT NOT NULL,
        -- Counted up within a sync and never given out again: a run notes the ones it has seen in a bitmap.
        id INTEGER NOT NULL,
        -- Of what was delivered; NULL where the destination has not confirmed it.
        hash INTEGER,
        PRIMARY KEY (sync, key)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- One row: the mark of the last run; see mark.rs.
    CREATE TABLE run (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        nonce TEXT NOT NULL,
        base TEXT NOT NULL,
        unfinished INTEGER NOT NULL,
        commits INTEGER NOT NULL
    ) STRICT;
    INSERT INTO run VALUES (1, lower(hex(randomblob(16))), '', 0, 0);
    -- Confirmed removals of a mirror's runs, for a limit over time.
    CREATE TABLE removals (
        sync INTEGER NOT NULL REFERENCES syncs (id),
        -- When the run began, in seconds since 1970.
        at INTEGER NOT NULL,
        members INTEGER NOT NULL,
        PRIMARY KEY (sync, at)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Keys whose removal was confirmed, until they are added again. Not a mark in `records`: those are read for each row.
    CREATE TABLE removed (
        sync INTEGER NOT NULL REFERENCES syncs (id),
        key TEXT NOT NULL,
        PRIMARY KEY (sync, key)
    ) STRICT, WITHOUT ROWID;
",
];

/// The version that this release writes, and the latest that it reads.
pub(super) const VERSION: u32 = count(STEPS);

/// Takes the steps that a database lacks, all or none.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    take(connection, STEPS)
}

fn take(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Some(lacking @ [_, ..]) = steps.get(version as usize..) else { return Ok(()) };
    let transaction = connection.transaction()?;
    for step in lacking {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", version + count(lacking))?;
    transaction.commit()
}

#[expect(clippy::cast_possible_truncation, reason = "a handful")]
const fn count(steps: &[&str]) -> u32 {
    steps.len() as u32
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    const FIRST: &str = "CREATE TABLE t (a); INSERT INTO t VALUES (1)";
    const SECOND: &str = "ALTER TABLE t ADD b DEFAULT 2";
    const BROKEN: &str = "UPDATE t SET a = 9; INSERT INTO no_such_table VALUES (1)";

    fn version(connection: &Connection) -> u32 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_database_takes_the_steps_that_it_lacks_and_keeps_what_it_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        for steps in [&[FIRST][..], &[FIRST, SECOND], &[FIRST, SECOND]] {
            take(&mut connection, steps).unwrap();
            assert_eq!(version(&connection) as usize, steps.len());
        }
        let row: (u32, u32) =
            connection.query_row("SELECT a, b FROM t", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, (1, 2));
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        take(&mut connection, &[FIRST]).unwrap();
        take(&mut connection, &[FIRST, SECOND, BROKEN]).unwrap_err();
        assert_eq!(version(&connection), 1);
        let columns: u32 =
            connection.query_row("SELECT count(*) FROM pragma_table_info('t')", [], |row| row.get(0)).unwrap();
        assert_eq!(columns, 1);
        let value: u32 = connection.query_row("SELECT a FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(value, 1);
    }

    /// What a release wrote, the next one reads: every step is there for ever.
    #[test]
    fn the_first_version_is_a_step() {
        let mut connection = Connection::open_in_memory().unwrap();
        take(&mut connection, &STEPS[..1]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO syncs VALUES (1, 'a', '{}', '{}', 1); INSERT INTO records VALUES (1, 'k', 0, 7)",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection), VERSION);
        let hash: i64 = connection.query_row("SELECT hash FROM records WHERE key = 'k'", [], |row| row.get(0)).unwrap();
        assert_eq!(hash, 7);
    }
}
