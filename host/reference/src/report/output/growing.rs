//! A file that is written little by little and takes its place at the end of the run.
//!
//! Until then it stands beside its place, as `NAME.part`, and is locked: a second run that wants the same place is
//! refused. What a killed run had written is found there by the next one, which keeps it as `NAME.interrupted`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::{Destination, ROOM, is_at};
use crate::file_id::{self, make_private, private};

/// Bytes that are read at a time on the way back to the last line break.
const STEP: u64 = 64 << 10;
/// Bytes that are read at a time.
const READ_BYTES: usize = 128 << 10;
/// Files of interrupted runs that may lie beside each other.
const MOST_INTERRUPTED: u32 = 1000;

/// A file of lines that is written little by little.
#[derive(Debug)]
pub struct GrowingFile {
    to: BufWriter<File>,
    /// Where it stands until it is whole, and where then; `None` where it is a stream.
    places: Option<Places>,
    left_behind: Option<PathBuf>,
}

#[derive(Debug)]
struct Places {
    part: PathBuf,
    whole: PathBuf,
}

impl GrowingFile {
    /// Begins a file that is to take its place at `path`, and sees that there is room on its disk. An older one stays there
    /// until [`Self::finish`].
    ///
    /// # Errors
    /// Where it can't be written, another run is writing it, or the disk is full.
    pub fn open(path: &Path) -> io::Result<Self> {
        let whole = match Destination::of(path)? {
            Destination::Stream(stream) => {
                return Ok(Self { to: BufWriter::new(stream), places: None, left_behind: None });
            }
            Destination::File(whole) => whole,
        };
        let part = part_of(&whole);
        let mut left_behind = None;
        loop {
            let mut file = open_locked(&part)?;
            if !is_at(&file, &part) {
                // The run that had it has just finished.
                continue;
            }
            // Whoever made it may have let others read it.
            make_private(&file)?;
            let lines = end_of_last_line(&mut file)?;
            if lines > 0 {
                file.set_len(lines)?;
                let kept = free_name(&whole)?;
                fs::rename(&part, &kept)?;
                left_behind = Some(kept);
                continue;
            }
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&[0; ROOM])?;
            file.rewind()?;
            file.set_len(0)?;
            return Ok(Self { to: BufWriter::new(file), places: Some(Places { part, whole }), left_behind });
        }
    }

    /// Where the lines are that a run before this one wrote and did not come to finish.
    pub fn left_behind(&self) -> Option<&Path> {
        self.left_behind.as_deref()
    }

    /// Whether it is a pipe or a device, which can't be read back.
    pub(crate) fn is_stream(&self) -> bool {
        self.places.is_none()
    }

    /// What was written so far, from its beginning.
    ///
    /// # Errors
    /// Where it can't be written or read.
    pub(crate) fn read(&mut self) -> io::Result<BufReader<File>> {
        self.to.flush()?;
        let mut file = self.to.get_ref().try_clone()?;
        file.rewind()?;
        Ok(BufReader::with_capacity(READ_BYTES, file))
    }

    /// Removes what was written: it is elsewhere now.
    ///
    /// # Errors
    /// Where it can't be removed.
    pub(crate) fn discard(self) -> io::Result<()> {
        self.places.map_or(Ok(()), |places| fs::remove_file(places.part))
    }

    /// Keeps what was written as what an interrupted run leaves, and says where that is.
    ///
    /// # Errors
    /// Where it can't be moved there. It then stands beside its place.
    pub(crate) fn keep(mut self) -> io::Result<PathBuf> {
        let Some(Places { part, whole }) = &self.places else { return Err(io::ErrorKind::Unsupported.into()) };
        let kept = free_name(whole)?;
        fs::rename(part, &kept)?;
        // What can't be written any more is missing there, and was told.
        let _ = self.to.flush();
        Ok(kept)
    }

    /// Puts the file in its place. `complete`: it replaces an older one; otherwise lines of the older one that it does not
    /// have are kept behind its own, and where it has none the older one stays as it is.
    ///
    /// # Errors
    /// Where that fails. The file then stands beside its place.
    pub fn finish(self, complete: bool) -> io::Result<()> {
        let mut file = self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        let Some(Places { part, whole }) = self.places else { return file.flush() };
        if !complete {
            if file.metadata()?.len() == 0 {
                return fs::remove_file(&part);
            }
            match File::open(&whole) {
                Ok(older) => add_lines(&mut file, older)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        file.sync_all()?;
        fs::rename(&part, &whole)
    }
}

impl Write for GrowingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Where a file stands until it is whole.
pub(crate) fn part_of(whole: &Path) -> PathBuf {
    with_suffix(whole, ".part")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn open_locked(part: &Path) -> io::Result<File> {
    match part.symlink_metadata() {
        Ok(there) if !there.is_file() => {
            let message =
                format!("{} is {}, where it would be written until it is whole", part.display(), file_id::kind(&there));
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        _ => {}
    }
    let file = private().create(true).truncate(false).read(true).write(true).open(part)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another run is writing it now, to {}; name another file, or wait", part.display());
            Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
        }
        // A file system without locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Where the last whole line of a file ends; 0 where it has none.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut bytes = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        bytes.clear();
        (&mut *file).take(end - start).read_to_end(&mut bytes)?;
        if let Some(found) = memchr::memrchr(b'\n', &bytes) {
            return Ok(start + found as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// A name for what an interrupted run left, at which nothing is yet.
fn free_name(whole: &Path) -> io::Result<PathBuf> {
    let names = (1..=MOST_INTERRUPTED).map(|number| match number {
        1 => with_suffix(whole, ".interrupted"),
        _ => with_suffix(whole, &format!(".interrupted-{number}")),
    });
    for name in names {
        match name.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(name),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    let message = format!("{MOST_INTERRUPTED} files of interrupted runs lie beside it; move them away");
    Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
}

/// Adds the lines of another file that are not there yet.
fn add_lines(file: &mut File, older: File) -> io::Result<()> {
    file.rewind()?;
    let mut there = HashSet::new();
    for line in BufReader::new(&*file).split(b'\n') {
        there.insert(xxh3_64(&line?));
    }
    file.seek(SeekFrom::End(0))?;
    let mut to = BufWriter::new(file);
    for line in BufReader::new(older).split(b'\n') {
        let line = line?;
        if there.insert(xxh3_64(&line)) {
            to.write_all(&line)?;
            to.write_all(b"\n")?;
        }
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn an_older_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.ndjson");
        fs::write(&path, "older\n").unwrap();
        let mut file = GrowingFile::open(&path).unwrap();
        file.write_all(b"a line\n").unwrap();
        file.flush().unwrap();
        assert_eq!(read(&path), "older\n");
        file.finish(true).unwrap();
        assert_eq!(read(&path), "a line\n");
        GrowingFile::open(&path).unwrap().finish(true).unwrap();
        assert_eq!(read(&path), "", "nothing to say is said too");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_run_that_failed_loses_no_older_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.ndjson");
        GrowingFile::open(&path).unwrap().finish(false).unwrap();
        assert!(!path.exists());
        fs::write(&path, "older\nboth\n").unwrap();
        GrowingFile::open(&path).unwrap().finish(false).unwrap();
        assert_eq!(read(&path), "older\nboth\n");
        let mut file = GrowingFile::open(&path).unwrap();
        file.write_all(b"new\nboth\n").unwrap();
        file.finish(false).unwrap();
        assert_eq!(read(&path), "new\nboth\nolder\n");
    }

    #[test]
    fn a_second_run_is_refused_and_takes_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.ndjson");
        let mut first = GrowingFile::open(&path).unwrap();
        first.write_all(b"a\n").unwrap();
        first.flush().unwrap();
        let error = GrowingFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("another run is writing it now") && error.contains("dead.ndjson.part"), "{error}");
        first.write_all(b"b\n").unwrap();
        first.finish(true).unwrap();
        assert_eq!(read(&path), "a\nb\n");
    }

    #[test]
    fn what_a_killed_run_wrote_is_kept_up_to_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.ndjson");
        let line = format!("{}\n", "x".repeat(200_000));
        let long = format!("{line}{}", "y".repeat(200_000));
        for (left, kept, name) in [
            ("a\nb\n{\"row", Some("a\nb\n"), "dead.ndjson.interrupted"),
            ("{\"row", None, ""),
            (&long, Some(line.as_str()), "dead.ndjson.interrupted-2"),
        ] {
            fs::write(part_of(&path), left).unwrap();
            let file = GrowingFile::open(&path).unwrap();
            let found = file.left_behind().map(Path::to_owned);
            assert_eq!(found.as_deref().map(read).as_deref(), kept);
            assert_eq!(found.is_some_and(|found| found.ends_with(name)), kept.is_some());
            file.finish(true).unwrap();
            assert_eq!(read(&path), "");
        }
    }
}
