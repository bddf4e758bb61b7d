//! What is remembered between runs: for each sync, which keys were delivered and what was delivered of them.
//!
//! One SQLite file, which several syncs may share, each under its name. The file is locked by SQLite itself for as long
//! as it is open, so that a killed process leaves no lock behind. It is in WAL mode with `synchronous = FULL`: one flush
//! to disk a commit, and a commit that was made survives a power cut. That costs little, since there are no more commits
//! than requests, and it is what "no delivery is forgotten" rests on.
//!
//! A record's hash is NULL from before its batch is sent until the destination has confirmed it. Whatever happens in
//! between, the next run sends the key again if the source still has it, and a mirror removes it if it does not.

mod header;
mod ledger;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

pub use self::header::HeaderFault;
pub use self::ledger::{Change, Leaving, Ledger, Resend};
use crate::sync_file::SyncName;

/// Pages of the database that SQLite may keep in memory, in KiB. Ten million keys are some ten times as much.
const CACHE_KIB: i64 = 64 << 10;

/// Pages that the log may hold before they are moved into the file: 256 MiB. Keys that come in no order touch a page each;
/// the longer they gather in the log, the fewer times each page is moved. A first load of many keys is three times as
/// fast for it.
const LOG_PAGES: i64 = 64 << 10;

/// What the file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To look only. Every byte of the file stays as it is.
    Read,
    /// To look and write.
    Write,
}

/// Facts about a sync, by name, in the words of its sync file.
pub type Facts = BTreeMap<String, String>;

/// An open state file.
#[derive(Debug)]
pub struct State {
    connection: Connection,
    path: PathBuf,
    access: Access,
}

/// What a state file knows of one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the sync writes to.
    pub target: Facts,
    /// What shapes its keys.
    pub identity: Facts,
    /// Keys whose delivery was confirmed.
    pub delivered: u64,
    /// Keys that were sent, or about to be, and not confirmed.
    pub unconfirmed: u64,
}

/// A key in a state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as it was delivered.
    pub key: String,
    /// The hash of what was delivered; `None` where it was not confirmed.
    pub hash: Option<u64>,
}

/// Why a state file can't be used. The file itself is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is something else.
    #[error("the state file {} {fault}", path.display())]
    NotState {
        /// The file.
        path: PathBuf,
        /// What it is.
        fault: HeaderFault,
    },
    /// SQLite finds it damaged.
    #[error("the state file {} is damaged: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        message: String,
    },
    /// Another process has it open.
    #[error("the state file {} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to a sync of this name that writes elsewhere.
    #[error("the state of the sync `{name}` in {} is for another target: {changes}", path.display())]
    OtherTarget {
        /// The file.
        path: PathBuf,
        /// The sync.
        name: String,
        /// What differs.
        changes: String,
    },
    /// Reading or writing it failed.
    #[error("the state file {}: {message}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        message: String,
    },
}

impl StateError {
    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotState { fault: HeaderFault::Older(_), .. } => {
                "run the sync once, not as a dry run: it brings the file up to date".to_owned()
            }
            Self::NotState { fault: HeaderFault::Newer(_), .. } => {
                "use the release that wrote it, or a later one".to_owned()
            }
            Self::NotState { fault: HeaderFault::Foreign | HeaderFault::NotSqlite, .. } => {
                "check `state.path` in the sync file: it names a file of something else".to_owned()
            }
            Self::NotState { .. } | Self::Damaged { .. } => {
                "restore it from a backup. If there is none, move it away: the next run is then a first load, which \
                 sends every row and removes nothing"
                    .to_owned()
            }
            Self::InUse { .. } => {
                "wait until the other run has ended; syncs that are to run at the same time need a `state.path` each"
                    .to_owned()
            }
            Self::OtherTarget { name, .. } => format!(
                "give the sync another name to start afresh beside the old one, or forget what `{name}` delivered with \
                 `destination-host state reset`"
            ),
            Self::Io { .. } => {
                "check that the folder is there and may be written to, and that the disk is not full".to_owned()
            }
        }
    }

    /// Puts a name to what SQLite says.
    fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, message: error.to_string() }
            }
            _ => Self::Io { path, message: error.to_string() },
        }
    }
}

impl State {
    /// Opens a file that is there; `None` where there is none.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>, StateError> {
        let failed = |error: io::Error| StateError::Io { path: path.to_owned(), message: error.to_string() };
        let mut start = Vec::with_capacity(header::LENGTH);
        match File::open(path) {
            Ok(file) => file.take(header::LENGTH as u64).read_to_end(&mut start).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        header::check(&start, access).map_err(|fault| StateError::NotState { path: path.to_owned(), fault })?;
        let connection = connect(path, access).map_err(|error| StateError::sqlite(path, &error))?;
        let state = Self { connection, path: path.to_owned(), access };
        state.check()?;
        Ok(Some(state))
    }

    /// Opens the file to write to it, and makes it first where there is none.
    pub fn open_or_create(path: &Path) -> Result<Self, StateError> {
        if let Some(state) = Self::open(path, Access::Write)? {
            return Ok(state);
        }
        create(path)?;
        Self::open(path, Access::Write)?.ok_or_else(|| StateError::Io {
            path: path.to_owned(),
            message: "vanished as soon as it was made".to_owned(),
        })
    }

    /// Whether it knows a sync of this name.
    pub fn knows(&self, name: &SyncName) -> Result<bool, StateError> {
        self.find(name).map(|found| found.is_some())
    }

    /// What it knows of a sync; `None` where it knows nothing.
    pub fn summary(&self, name: &SyncName) -> Result<Option<Summary>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(None) };
        let counts = self.connection.query_row(
            "SELECT count(hash), count(*) - count(hash) FROM records WHERE sync = ?1",
            [row.id],
            |counts| Ok((counts.get::<_, i64>(0)?.cast_unsigned(), counts.get::<_, i64>(1)?.cast_unsigned())),
        );
        let (delivered, unconfirmed) = counts.map_err(|error| self.failed(&error))?;
        Ok(Some(Summary { target: row.target, identity: row.identity, delivered, unconfirmed }))
    }

    /// Hands every key of a sync to `each`, in the order of the keys.
    pub fn export(
        &self,
        name: &SyncName,
        mut each: impl FnMut(Entry) -> io::Result<()>,
    ) -> Result<io::Result<()>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(Ok(())) };
        let mut visit = || -> rusqlite::Result<io::Result<()>> {
            let mut select = self.connection.prepare("SELECT key, hash FROM records WHERE sync = ?1 ORDER BY key")?;
            let mut rows = select.query([row.id])?;
            while let Some(row) = rows.next()? {
                let hash: Option<i64> = row.get(1)?;
                let entry = Entry { key: row.get(0)?, hash: hash.map(i64::cast_unsigned) };
                if let Err(error) = each(entry) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        };
        visit().map_err(|error| self.failed(&error))
    }

    /// Forgets a sync and all its keys. Returns how many there were; `None` where it was not known.
    pub fn reset(&mut self, name: &SyncName) -> Result<Option<u64>, StateError> {
        let Some(row) = self.find(name)? else { return Ok(None) };
        let forget = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let keys = transaction.execute("DELETE FROM records WHERE sync = ?1", [row.id])?;
            transaction.execute("DELETE FROM syncs WHERE id = ?1", [row.id])?;
            transaction.commit()?;
            Ok(keys as u64)
        };
        forget(&mut self.connection).map(Some).map_err(|error| self.failed(&error))
    }

    /// Begins a run of a sync. A sync that the file does not know is written down, if the file may be written.
    ///
    /// Fails where the sync's target is not the one that the file knows.
    pub fn begin(self, name: &SyncName, target: &Facts, identity: &Facts) -> Result<Ledger, StateError> {
        let known = self.find(name)?;
        if let Some(known) = &known
            && known.target != *target
        {
            return Err(StateError::OtherTarget {
                path: self.path,
                name: name.to_string(),
                changes: changes(&known.target, target),
            });
        }
        let row = match known {
            Some(row) => row,
            None if self.access == Access::Read => {
                SyncRow { id: -1, target: target.clone(), identity: identity.clone(), next_record: 0 }
            }
            None => {
                let insert = self.connection.query_row(
                    "INSERT INTO syncs (name, target, identity) VALUES (?1, ?2, ?3) RETURNING id",
                    params![name.as_str(), facts_json(target), facts_json(identity)],
                    |row| row.get(0),
                );
                let id = insert.map_err(|error| self.failed(&error))?;
                SyncRow { id, target: target.clone(), identity: identity.clone(), next_record: 0 }
            }
        };
        Ledger::begin(self, row, identity.clone())
    }

    fn find(&self, name: &SyncName) -> Result<Option<SyncRow>, StateError> {
        let find = self.connection.query_row(
            "SELECT id, target, identity, next_record FROM syncs WHERE name = ?1",
            [name.as_str()],
            |row| {
                Ok(SyncRow {
                    id: row.get(0)?,
                    target: facts_from_json(&row.get::<_, String>(1)?),
                    identity: facts_from_json(&row.get::<_, String>(2)?),
                    next_record: row.get::<_, i64>(3)?.cast_unsigned(),
                })
            },
        );
        find.optional().map_err(|error| self.failed(&error))
    }

    /// Looks through the file's structure for damage.
    fn check(&self) -> Result<(), StateError> {
        let check = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match check {
            Ok(verdict) if verdict == "ok" => Ok(()),
            Ok(message) => Err(StateError::Damaged { path: self.path.clone(), message }),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &rusqlite::Error) -> StateError {
        StateError::sqlite(&self.path, error)
    }
}

/// A row of `syncs`.
#[derive(Debug)]
struct SyncRow {
    id: i64,
    target: Facts,
    identity: Facts,
    next_record: u64,
}

fn connect(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    if access == Access::Read {
        // What an interrupted run left in the log stays in the log: closing would move it into the file.
        let log = std::fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log)?;
        connection.pragma_update(None, "query_only", true)?;
    }
    // Before the first look at the file: the lock then covers everything, and no shared-memory file is needed.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.query_row("SELECT count(*) FROM syncs", [], |_| Ok(()))?;
    if access == Access::Write {
        // A reader's lock only becomes a writer's with the first write.
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT;")?;
        schema::migrate(&mut connection)?;
    }
    Ok(connection)
}

/// Makes a state file beside its place and moves it there whole, so that no half-made one is ever found.
fn create(path: &Path) -> Result<(), StateError> {
    let failed = |message: String| StateError::Io { path: path.to_owned(), message };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = folder
        .metadata()
        .and_then(|_| tempfile::Builder::new().prefix(".state-").tempfile_in(folder))
        .map_err(|error| failed(format!("cannot be made: {error}")))?
        .into_temp_path();
    let fill = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(&new)?;
        connection.pragma_update(None, "application_id", header::APPLICATION_ID)?;
        schema::migrate(&mut connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, error)| error)
    };
    fill().map_err(|error| StateError::sqlite(path, &error))?;
    match new.persist_noclobber(path) {
        Ok(()) => Ok(()),
        // Another process was quicker. Its file is as good.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(format!("cannot be made: {}", error.error))),
    }
}

/// The write-ahead log beside a database.
fn log_of(path: &Path) -> PathBuf {
    let mut log = OsString::from(path);
    log.push("-wal");
    PathBuf::from(log)
}

fn facts_json(facts: &Facts) -> String {
    let object: serde_json::Map<_, _> =
        facts.iter().map(|(name, value)| (name.clone(), serde_json::Value::String(value.clone()))).collect();
    serde_json::Value::Object(object).to_string()
}

/// Facts as they were written. Anything else reads as no facts, which differ from those of every sync.
fn facts_from_json(json: &str) -> Facts {
    serde_json::from_str(json).unwrap_or_default()
}

/// What differs between two sets of facts, in words.
pub fn changes(was: &Facts, is: &Facts) -> String {
    let shown = |value: Option<&String>| value.map_or("not set".to_owned(), |value| format!("{value:?}"));
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differing = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let told: Vec<String> = differing
        .map(|name| format!("{name} was {}, now it is {}", shown(was.get(name)), shown(is.get(name))))
        .collect();
    told.join("; ")
}
