//! Files that a run writes beside its state: a place for each is made before the first request, so that what can't be
//! written is known before anything was sent.
//!
//! A file takes its place when it is whole, and replaces an older one only then. What is no file (a pipe, a terminal, a
//! device) is written to as it is. What goes in is the caller's. They may hold customers' data: their owner alone may read
//! them.

mod growing;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub use self::growing::GrowingFile;
pub(crate) use self::growing::part_of;
use crate::file_id::FileId;

/// Bytes that a disk must have room for: more than a report of any usual run.
const ROOM: usize = 64 << 10;

/// What the names of temporary files begin with. Each is locked by the run that made it.
const PREFIX: &str = ".output-";
/// Letters after that.
const RANDOM_LETTERS: usize = 6;
/// Links that are followed to a file that is not there yet.
const MOST_LINKS: u32 = 16;

/// A place for one file.
#[derive(Debug)]
pub struct Output(Target);

#[derive(Debug)]
enum Target {
    /// A file that moves to its place when it is whole. Until then it holds [`ROOM`] on the disk.
    Whole { file: NamedTempFile, place: PathBuf },
    /// Something that can't be replaced.
    Stream(File),
}

impl Output {
    /// Makes room for a file at `path`, which may hold an older one. Its folder must be there.
    ///
    /// # Errors
    /// Where it can't be written, or the disk is full.
    pub fn open(path: &Path) -> io::Result<Self> {
        let place = match Destination::of(path)? {
            Destination::Stream(stream) => return Ok(Self(Target::Stream(stream))),
            Destination::File(place) => place,
        };
        let folder = folder_of(&place);
        folder.metadata()?;
        remove_left_behind(folder);
        let mut file = locked_temporary(folder)?;
        file.write_all(&[0; ROOM])?;
        Ok(Self(Target::Whole { file, place }))
    }

    /// Writes the content and puts the file in its place.
    ///
    /// # Errors
    /// Where that fails. An older file is then still there.
    pub fn write(self, content: &[u8]) -> io::Result<()> {
        self.write_with(|file| file.write_all(content))
    }

    /// Lets `write` write the content, and puts the file in its place.
    ///
    /// # Errors
    /// Where that fails. An older file is then still there.
    pub(crate) fn write_with(self, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        match self.0 {
            Target::Whole { mut file, place } => {
                file.rewind()?;
                write(file.as_file_mut())?;
                let end = file.stream_position()?;
                file.as_file().set_len(end)?;
                file.as_file().sync_all()?;
                file.persist(&place).map_err(|error| error.error)?;
                Ok(())
            }
            Target::Stream(mut stream) => {
                write(&mut stream)?;
                stream.flush()
            }
        }
    }
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) enum Destination {
    /// To something that can't be replaced.
    Stream(File),
    /// To a file, or to where one can be made. Links are followed: a link stays a link.
    File(PathBuf),
}

impl Destination {
    /// Where this path leads.
    fn of(path: &Path) -> io::Result<Self> {
        match path.metadata() {
            Ok(there) if there.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder")),
            // Even where it is a file: the rest of what this process prints goes to the same one.
            Ok(there) => match FileId::at(path).ok().and_then(standard_stream) {
                Some(stream) => Ok(Self::Stream(stream)),
                None if there.is_file() => path.canonicalize().map(Self::File),
                None => OpenOptions::new().append(true).open(path).map(Self::Stream),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::File(not_yet_there(path, MOST_LINKS))),
            Err(error) => Err(error),
        }
    }
}

/// The path at which a file would be made: its folder's true path, and the name that links lead to.
pub(crate) fn not_yet_there(path: &Path, links: u32) -> PathBuf {
    if let Some(fewer) = links.checked_sub(1)
        && let Ok(target) = fs::read_link(path)
    {
        return not_yet_there(&folder_of(path).join(target), fewer);
    }
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The folder of a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Standard output or standard error, where this file is one of the two.
pub(crate) fn standard_stream(file: FileId) -> Option<File> {
    #[cfg(unix)]
    let streams = {
        use std::os::fd::AsFd;
        [io::stdout().as_fd().try_clone_to_owned(), io::stderr().as_fd().try_clone_to_owned()]
    };
    #[cfg(windows)]
    let streams = {
        use std::os::windows::io::AsHandle;
        [io::stdout().as_handle().try_clone_to_owned(), io::stderr().as_handle().try_clone_to_owned()]
    };
    streams.into_iter().flatten().map(File::from).find(|stream| FileId::of(stream).is_ok_and(|of| of == file))
}

/// A temporary file that is locked, so that no other run takes it for one that was left behind.
fn locked_temporary(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM_LETTERS).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // Another run that looks around may have been quicker than the lock.
            Ok(()) if is_at(file.as_file(), file.path()) => return Ok(file),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // A file system without locks.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// Whether an open file is the one at this path.
fn is_at(file: &File, path: &Path) -> bool {
    match (FileId::of(file), fs::symlink_metadata(path), FileId::at(path)) {
        (Ok(open), Ok(there), Ok(at)) => !there.is_symlink() && open == at,
        _ => false,
    }
}

/// Removes what runs that were killed left in a folder. What can't be removed does no harm.
fn remove_left_behind(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(|random| {
            random.len() == RANDOM_LETTERS && random.bytes().all(|letter| letter.is_ascii_alphanumeric())
        });
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        if file.try_lock().is_ok() && fs::remove_file(&path).is_ok() {
            tracing::info!("removed {}, which an interrupted run left behind", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_takes_its_place_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        drop(Output::open(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        for content in ["new".to_owned(), "x".repeat(3 * ROOM)] {
            Output::open(&path).unwrap().write(content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["report.json"], "nothing is left beside it");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        Output::open(folder.path()).unwrap_err();
        for path in ["no/such/folder/file", "report.json/file"] {
            fs::write(folder.path().join("report.json"), "a file, no folder").unwrap();
            Output::open(&folder.path().join(path)).unwrap_err();
            GrowingFile::open(&folder.path().join(path)).unwrap_err();
        }
    }

    /// A run that is killed leaves its temporary files; one that is still there keeps its own.
    #[test]
    fn what_a_killed_run_left_is_removed_and_what_a_running_one_uses_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (left, kept) = (folder.path().join(".output-aB3dE6"), folder.path().join(".output-notes.txt"));
        fs::write(&left, [0; 100]).unwrap();
        fs::write(&kept, "somebody's").unwrap();
        let first = Output::open(&folder.path().join("a.json")).unwrap();
        assert!(!left.exists() && kept.exists());
        let second = Output::open(&folder.path().join("b.json")).unwrap();
        first.write(b"a").unwrap();
        second.write(b"b").unwrap();
        assert_eq!(names(folder.path()), [".output-notes.txt", "a.json", "b.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owners_alone_and_a_link_stays_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (link, place) = (folder.path().join("link"), folder.path().join("real.json"));
        std::os::unix::fs::symlink("real.json", &link).unwrap();
        for content in ["first", "second"] {
            // The link leads to a file that is not there the first time.
            Output::open(&link).unwrap().write(content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&place).unwrap(), content);
            assert!(link.is_symlink());
            assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}
