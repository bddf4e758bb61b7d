//! State in a file: one SQLite file, which several syncs may share, each under its name. It is locked for as long as it is open, by name
//! ([`mod@lock`]) and by SQLite itself, and a killed process leaves it unlocked. It is in WAL mode with `synchronous = FULL`: one flush
//! to disk a commit, and a commit that was made survives a power cut. That costs little, since there are no more commits
//! than requests, and it is what "no delivery is forgotten" rests on.
//!
//! SQLite's log beside the file is a part of it. A log that is lost, or another file's, is refused by name ([`mark`]); a
//! file that is replaced while it is open ends the run ([`place`]).

mod content;
mod header;
mod ledger;
mod lock;
mod mark;
mod place;
pub(super) mod replay;
mod schema;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use self::ledger::SqliteLedger;
use self::lock::Lock;
use self::mark::LogFault;
use self::place::{Place, io_error};
use crate::file_id::{self, FileId};
use crate::state::{Access, Facts, Ledger, StateError, changes};
use crate::sync_file::SyncName;

/// Pages of the database that SQLite may keep in memory, in KiB. Ten million keys are some ten times as much.
const CACHE_KIB: i64 = 64 << 10;

/// Pages that the log may hold before they are moved into the file: 256 MiB. Keys that come in no order touch a page each;
/// the longer they gather in the log, the fewer times each page is moved. A first load of many keys is three times as
/// fast for it.
const LOG_PAGES: i64 = 64 << 10;

/// An open state file.
#[derive(Debug)]
pub struct State {
    // In this order, so that the connection is closed first: closing any other handle of the file gives SQLite's lock up.
    connection: Connection,
    /// `None` for one that is not to last ([`State::scratch`]).
    file: Option<OpenFile>,
    /// What it is called in messages.
    shown: String,
    access: Access,
    /// Whether a run of it has not ended in order.
    unfinished: bool,
}

/// The file that a database is in.
#[derive(Debug)]
struct OpenFile {
    file: File,
    place: Place,
    /// Nobody holds one who only looks.
    _lock: Option<Lock>,
}

impl State {
    /// Opens a file that is there; `None` where there is none.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>, StateError> {
        let place = Place::new(path)?;
        if !place.is_there()? {
            refuse_orphans(&place)?;
            return Ok(None);
        }
        let lock = lock(&place, access)?;
        Self::open_locked(place, access, lock, LostLog::Refuse)
    }

    /// Opens the file to write to it, and makes it first where there is none.
    pub fn open_or_create(path: &Path) -> Result<Self, StateError> {
        let place = Place::new(path)?;
        place.is_there()?;
        let lock = lock(&place, Access::Write)?;
        if !place.is_there()? {
            refuse_orphans(&place)?;
            create(&place)?;
        }
        Self::open_locked(place, Access::Write, lock, LostLog::Refuse)?.ok_or_else(|| StateError::Io {
            path: path.to_owned(),
            message: "vanished as soon as it was made".to_owned(),
        })
    }

    /// One that is gone when it is dropped, and takes little memory however much is in it: the working copy of a state that
    /// is kept elsewhere, at `shown`.
    #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
    pub(super) fn scratch(shown: &str) -> Result<Self, StateError> {
        let make = || -> rusqlite::Result<Connection> {
            // SQLite's name for a file that has none: made once the cache is full, and deleted before it is written to.
            let mut connection = Connection::open("")?;
            // What is lost is read again from where it is kept.
            connection.pragma_update(None, "journal_mode", "OFF")?;
            connection.pragma_update(None, "synchronous", "OFF")?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            schema::migrate(&mut connection)?;
            Ok(connection)
        };
        let connection = make().map_err(|error| StateError::Scratch { message: error.to_string() })?;
        let shown = shown.to_owned();
        Ok(Self { connection, file: None, shown, access: Access::Write, unfinished: false })
    }

    /// Makes a file usable of which a part is lost: its log, or what came after a backup. Of every sync in it nothing
    /// counts as confirmed any more, so that the next run sends every row again; no removal either, since the key may have
    /// been added again. Returns how many keys there are; `None` where there is no file.
    pub fn recover(path: &Path) -> Result<Option<u64>, StateError> {
        let place = Place::new(path)?;
        if !place.is_there()? {
            return Ok(None);
        }
        let lock = lock(&place, Access::Write)?;
        let Some(mut state) = Self::open_locked(place, Access::Write, lock, LostLog::Accept)? else { return Ok(None) };
        let keys = state.doubt()?;
        state.keep_log(false)?;
        Ok(Some(keys))
    }

    fn open_locked(
        place: Place,
        access: Access,
        lock: Option<Lock>,
        lost_log: LostLog,
    ) -> Result<Option<Self>, StateError> {
        let Some(file) = place.open()? else {
            refuse_orphans(&place)?;
            return Ok(None);
        };
        let mut start = Vec::with_capacity(header::LENGTH);
        let begin = (&file).take(header::LENGTH as u64).read_to_end(&mut start);
        begin.map_err(|error| io_error(&place.shown, &error))?;
        header::check(&start, access).map_err(|fault| StateError::NotState { path: place.shown.clone(), fault })?;
        refuse_foreign_companions(&place)?;
        let log_has_pages = mark::has_pages(&place.log()).map_err(|error| io_error(&place.shown, &error))?;

        let connection =
            connect(&place.real, &place.log(), access).map_err(|error| StateError::sqlite(&place.shown, &error))?;
        let file = OpenFile { file, place, _lock: lock };
        file.is_in_place()?;
        let shown = file.place.shown.display().to_string();
        let mut state = Self { connection, file: None, shown, access, unfinished: false };
        let checked = state.check_log(&file.place, log_has_pages, lost_log);
        state.file = Some(file);
        checked?;
        if access == Access::Write {
            // What comes next names the nonce before it, and that has to be the file's.
            mark::move_log(&state.connection).map_err(|error| state.failed(&error))?;
            schema::migrate(&mut state.connection).map_err(|error| state.failed(&error))?;
        }
        state.check()?;
        Ok(Some(state))
    }

    /// Compares the file with its log, before anything of the log is moved into the file.
    fn check_log(&mut self, place: &Place, log_has_pages: bool, lost_log: LostLog) -> Result<(), StateError> {
        let failed = |error: rusqlite::Error| StateError::sqlite(&place.shown, &error);
        let in_file = mark::read_without_log(&place.real).map_err(failed)?;
        let with_log = mark::read(&self.connection).map_err(failed)?;
        let (path, log) = (place.shown.clone(), place.log());
        match mark::check(in_file.as_ref(), with_log.as_ref(), log_has_pages) {
            Ok(()) => {}
            Err(LogFault::Lost) if lost_log == LostLog::Accept => {}
            Err(LogFault::Lost) => return Err(StateError::LogLost { path, log }),
            Err(LogFault::Foreign) => return Err(StateError::LogForeign { path, log }),
        }
        self.unfinished = with_log.is_some_and(|mark| mark.unfinished);
        // An unfinished run's log is needed until a run ends in order. Who only looks leaves any log where it is.
        let keep_log = if self.access == Access::Read { log_has_pages } else { self.unfinished };
        self.keep_log(keep_log)
    }

    /// Whether closing leaves the log beside the file, or moves it into the file.
    fn keep_log(&self, keep: bool) -> Result<(), StateError> {
        let set = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep);
        set.map(drop).map_err(|error| self.failed(&error))
    }

    /// Begins a run of a sync. A sync that the file does not know is written down, if the file may be written.
    ///
    /// Fails where the sync's target is not the one that the file knows.
    pub fn begin(self, name: &SyncName, target: &Facts, identity: &Facts) -> Result<Box<dyn Ledger>, StateError> {
        let known = self.find(name)?;
        if let Some(known) = &known
            && known.target != *target
        {
            return Err(StateError::OtherTarget {
                state: self.shown,
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
        Ok(Box::new(SqliteLedger::begin(self, row, identity.clone())?))
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
            Ok(message) => {
                let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
                Err(self.failed(&rusqlite::Error::SqliteFailure(corrupt, Some(message))))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &rusqlite::Error) -> StateError {
        match &self.file {
            Some(file) => StateError::sqlite(&file.place.shown, error),
            None => StateError::Scratch { message: error.to_string() },
        }
    }
}

impl OpenFile {
    /// Fails where another file, or none, is at its path now.
    fn is_in_place(&self) -> Result<(), StateError> {
        let open = FileId::of(&self.file).map_err(|error| io_error(&self.place.shown, &error))?;
        self.place.holds(open)
    }
}

/// Whether a file may be opened whose log is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LostLog {
    Refuse,
    Accept,
}

fn lock(place: &Place, access: Access) -> Result<Option<Lock>, StateError> {
    match access {
        Access::Read => Lock::look(place).map(|()| None),
        Access::Write => Lock::acquire(place).map(Some),
    }
}

/// Companions of a file that is not there would be taken for those of a new one.
fn refuse_orphans(place: &Place) -> Result<(), StateError> {
    for log in [place.log(), place.beside("-journal")] {
        match log.symlink_metadata() {
            Ok(there) if there.is_file() && there.len() == 0 => {}
            Ok(_) => return Err(StateError::FileLost { path: place.shown.clone(), log }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(&place.shown, &error)),
        }
    }
    Ok(())
}

/// A state file never has a rollback journal, so one that is there is not its own; and a log is a file.
fn refuse_foreign_companions(place: &Place) -> Result<(), StateError> {
    for (log, may_be) in [(place.log(), true), (place.beside("-journal"), false)] {
        match log.symlink_metadata() {
            Ok(there) if there.is_file() && (may_be || there.len() == 0) => {}
            Ok(_) => return Err(StateError::LogForeign { path: place.shown.clone(), log }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(&place.shown, &error)),
        }
    }
    Ok(())
}

/// A row of `syncs`.
#[derive(Debug)]
struct SyncRow {
    id: i64,
    target: Facts,
    identity: Facts,
    next_record: u64,
}

fn connect(path: &Path, log: &Path, access: Access) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Until it is known that file and log belong together, closing moves nothing into the file.
    let log = fs::metadata(log).is_ok_and(|log| log.len() > 0);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log)?;
    if access == Access::Read {
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
    }
    Ok(connection)
}

/// Makes a state file beside its place and moves it there whole, so that no half-made one is ever found. The state's lock
/// is held: what is left there is of a run that was killed.
fn create(place: &Place) -> Result<(), StateError> {
    let failed =
        |error: &io::Error| StateError::Io { path: place.shown.clone(), message: format!("cannot be made: {error}") };
    let new = place.beside("-new");
    for suffix in ["-new", "-new-wal", "-new-shm", "-new-journal"] {
        match fs::remove_file(place.beside(suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
    }
    file_id::private().write(true).create_new(true).open(&new).map_err(|error| failed(&error))?;
    let fill = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(&new)?;
        connection.pragma_update(None, "application_id", header::APPLICATION_ID)?;
        schema::migrate(&mut connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, error)| error)
    };
    fill().map_err(|error| StateError::sqlite(&place.shown, &error))?;
    // Without a lock another process may have been quicker: its file is as good, and is not replaced.
    match fs::hard_link(&new, &place.real) {
        Ok(()) => fs::remove_file(&new).map_err(|error| failed(&error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&new).map_err(|error| failed(&error))
        }
        // A file system without hard links.
        Err(_) => fs::rename(&new, &place.real).map_err(|error| failed(&error)),
    }
}

impl StateError {
    /// Puts a name to what SQLite says.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
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

fn facts_json(facts: &Facts) -> String {
    let object: serde_json::Map<_, _> =
        facts.iter().map(|(name, value)| (name.clone(), serde_json::Value::String(value.clone()))).collect();
    serde_json::Value::Object(object).to_string()
}

/// Facts as they were written. Anything else reads as no facts, which differ from those of every sync.
fn facts_from_json(json: &str) -> Facts {
    serde_json::from_str(json).unwrap_or_default()
}
