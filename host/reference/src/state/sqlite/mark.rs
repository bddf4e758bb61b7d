//! The mark of a run in its state file: whether the file and SQLite's log beside it belong together.
//!
//! What a run confirms stands in the log (`-wal`) until it is moved into the file. A log that is lost would be as if the run
//! had not been, and one of another file would be taken for this file's: SQLite notices neither. So a run writes a random
//! number, its nonce, into the file before the first batch leaves, and writes it again with each commit, so that whatever
//! log is beside the file has it too:
//!
//! - the file says that a run has not ended, and there is no log: the log is lost;
//! - file and log have different nonces: they do not belong together. But for one moment: between the commit of a new nonce
//!   and its move into the file the log names the nonce before, which is the file's, and has all that came since.
//!
//! Every end of a run has a nonce of its own, too, and so has whatever else changes the file: one nonce is one content of the
//! file, but for what the log adds to it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

/// A run's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    nonce: String,
    /// The nonce before.
    base: String,
    /// Whether the run has not ended in order.
    pub(super) unfinished: bool,
    /// Commits since the nonce was made.
    commits: i64,
}

/// Why a file and its log can't be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogFault {
    /// There is none, and there should be one.
    Lost,
    /// It is not this file's.
    Foreign,
}

/// Bytes of a log's header, and of the header of the first page in it.
const LOG_HEADER: usize = 32 + 24;

/// The mark as it is read with the log; `None` where the file is of a version that has none.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Option<Mark>> {
    let there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'run'";
    if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    connection
        .query_row("SELECT nonce, base, unfinished, commits FROM run", [], |row| {
            Ok(Mark { nonce: row.get(0)?, base: row.get(1)?, unfinished: row.get(2)?, commits: row.get(3)? })
        })
        .optional()
}

/// The mark in the file alone, as if there were no log. The caller holds the file's lock.
pub(super) fn read_without_log(file: &Path) -> rusqlite::Result<Option<Mark>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable_uri(file), flags)?;
    // A kill while pages were moved may leave the file shorter than its header says. The log has the rest.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    read(&connection)
}

/// Whether a file with this mark and the log that is beside it are of one run. `with_log` is what both say together.
pub(super) fn check(in_file: Option<&Mark>, with_log: Option<&Mark>, log_has_pages: bool) -> Result<(), LogFault> {
    let together = match (in_file, with_log) {
        // A file of an earlier version.
        (None, None) => true,
        // It was being brought up to date.
        (None, Some(with_log)) => with_log.base.is_empty() && with_log.commits == 0,
        (Some(_), None) => false,
        (Some(in_file), Some(with_log)) => {
            in_file.nonce == with_log.nonce || (with_log.base == in_file.nonce && with_log.commits == 0)
        }
    };
    if !together {
        return Err(LogFault::Foreign);
    }
    let unfinished = in_file.is_some_and(|mark| mark.unfinished);
    if unfinished && !log_has_pages { Err(LogFault::Lost) } else { Ok(()) }
}

/// Marks the beginning of a run. The caller commits.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    renew(connection)?;
    connection.execute("UPDATE run SET unfinished = 1", []).map(drop)
}

/// Writes the mark again, so that it is in the log. The caller commits.
pub(super) fn repeat(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE run SET commits = commits + 1")?.execute([]).map(drop)
}

/// Marks the end of a run. The caller commits.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    renew(connection)?;
    connection.execute("UPDATE run SET unfinished = 0", []).map(drop)
}

/// Marks a change that is no run's. The caller commits.
pub(super) fn renew(connection: &Connection) -> rusqlite::Result<()> {
    let update = "UPDATE run SET base = nonce, nonce = lower(hex(randomblob(16))), commits = 0";
    connection.execute(update, []).map(drop)
}

/// Moves all that the log has into the file.
///
/// # Errors
/// Where that fails, or a part can't be moved.
pub(super) fn move_log(connection: &Connection) -> rusqlite::Result<()> {
    let (busy, pages, moved) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    if busy == 0 && pages == moved {
        return Ok(());
    }
    let what = format!("{moved} of {pages} pages of its log could be moved into it");
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR), Some(what)))
}

/// Whether a log is one that SQLite wrote pages to, and not lost or emptied.
pub(super) fn has_pages(log: &Path) -> io::Result<bool> {
    let mut start = Vec::with_capacity(LOG_HEADER);
    match fs::symlink_metadata(log) {
        Ok(there) if there.is_file() => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    File::open(log)?.take(LOG_HEADER as u64).read_to_end(&mut start)?;
    Ok(begins_with_a_page(&start))
}

/// Whether a log begins with a header and a page of its salt. A header whose page is of the salt before is that of a log
/// which SQLite had just begun to write over: that it does only when all pages are in the file.
fn begins_with_a_page(start: &[u8]) -> bool {
    let number = |at: usize| Some(u32::from_be_bytes(start.get(at..at + 4)?.try_into().ok()?));
    let magic = matches!(number(0), Some(0x377f_0682 | 0x377f_0683));
    match (number(16), number(20), number(40), number(44)) {
        (Some(first), Some(second), Some(page_first), Some(page_second)) => {
            let whole = (first, second) == (page_first, page_second);
            magic && (whole || first == page_first.wrapping_add(1))
        }
        _ => false,
    }
}

/// A file's name for SQLite that makes it look at the file alone, and lock nothing.
fn immutable_uri(file: &Path) -> String {
    let mut uri = String::from("file:");
    let bytes = file.as_os_str().as_encoded_bytes();
    let drive = bytes.get(1) == Some(&b':') && cfg!(windows);
    if drive || bytes.starts_with(b"/") {
        uri.push_str(if drive { "///" } else { "//" });
    }
    for &byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'.' | b'-' | b'_' | b':' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(nonce: &str, base: &str, unfinished: bool, commits: i64) -> Mark {
        Mark { nonce: nonce.to_owned(), base: base.to_owned(), unfinished, commits }
    }

    #[test]
    fn a_file_and_a_log_of_one_run_are_taken_and_others_are_not() {
        let ended = mark("a", "", false, 3);
        let begun = mark("b", "a", true, 0);
        let running = mark("b", "a", true, 9);
        let ending = mark("c", "b", false, 0);
        for (in_file, with_log, log_has_pages, verdict) in [
            (Some(&ended), Some(&ended), false, Ok(())),
            (Some(&ended), Some(&ended), true, Ok(())),
            // Killed before the mark was moved into the file: nothing was sent.
            (Some(&ended), Some(&begun), true, Ok(())),
            (Some(&begun), Some(&running), true, Ok(())),
            (Some(&running), Some(&ending), true, Ok(())),
            // All that the log has was moved into the file.
            (Some(&running), Some(&running), true, Ok(())),
            (Some(&running), Some(&running), false, Err(LogFault::Lost)),
            // The file as it was before the run, beside the log of the run.
            (Some(&ended), Some(&running), true, Err(LogFault::Foreign)),
            (Some(&ended), Some(&ending), true, Err(LogFault::Foreign)),
            (Some(&running), Some(&mark("d", "c", true, 0)), true, Err(LogFault::Foreign)),
            (Some(&mark("z", "", true, 1)), Some(&running), true, Err(LogFault::Foreign)),
            (Some(&running), Some(&mark("z", "y", true, 0)), true, Err(LogFault::Foreign)),
            (Some(&running), None, true, Err(LogFault::Foreign)),
            (None, None, true, Ok(())),
            (None, Some(&mark("n", "", false, 0)), true, Ok(())),
            (None, Some(&running), true, Err(LogFault::Foreign)),
        ] {
            assert_eq!(check(in_file, with_log, log_has_pages), verdict, "{in_file:?} {with_log:?} {log_has_pages}");
        }
    }

    #[test]
    fn a_log_that_was_cut_off_is_told_from_one_that_is_being_written_over() {
        let log = |magic: u32, salts: [u32; 2], page: [u32; 2]| {
            let mut bytes = magic.to_be_bytes().to_vec();
            bytes.resize(16, 0);
            salts.iter().for_each(|salt| bytes.extend(salt.to_be_bytes()));
            bytes.resize(40, 0);
            page.iter().for_each(|salt| bytes.extend(salt.to_be_bytes()));
            bytes.resize(LOG_HEADER, 0);
            bytes
        };
        let whole = log(0x377f_0682, [7, 8], [7, 8]);
        assert!(begins_with_a_page(&whole));
        assert!(begins_with_a_page(&log(0x377f_0683, [8, 99], [7, 8])), "written over");
        for lost in [&whole[..40], &whole[..0], &log(1, [7, 8], [7, 8]), &log(0x377f_0682, [7, 8], [0, 0])] {
            assert!(!begins_with_a_page(lost));
        }
    }

    #[test]
    fn a_name_of_any_letters_is_one_file() {
        let uri = immutable_uri(Path::new("/a b/ü?#%.sqlite"));
        assert_eq!(uri, "file:///a%20b/%C3%BC%3F%23%25.sqlite?immutable=1");
        assert_eq!(immutable_uri(Path::new("s.sqlite")), "file:s.sqlite?immutable=1");
    }
}
