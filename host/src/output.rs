//! Files that a run writes beside its state: a place for each is made before the first request, so that what can't be
//! written is known before anything was sent.
//!
//! A file takes its place when it is whole, and replaces an older one only then. What is no file (a pipe, a terminal, a
//! device) is written to as it is. What goes in is the caller's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Bytes that a disk must have room for: more than a report of any usual run.
const ROOM: usize = 64 << 10;

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
        let place = match path.metadata() {
            Ok(there) if there.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
            }
            Ok(there) if !there.is_file() => {
                return Ok(Self(Target::Stream(OpenOptions::new().append(true).open(path)?)));
            }
            // A link stays a link: what it leads to is replaced.
            Ok(_) => path.canonicalize()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.metadata()?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".output-");
        // A temporary file is its owner's alone; this one is whoever's the user's mask says.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(&[0; ROOM])?;
        Ok(Self(Target::Whole { file, place }))
    }

    /// Writes the content and puts the file in its place.
    ///
    /// # Errors
    /// Where that fails. An older file is then still there.
    pub fn write(self, content: &[u8]) -> io::Result<()> {
        match self.0 {
            Target::Whole { mut file, place } => {
                file.rewind()?;
                file.write_all(content)?;
                file.as_file().set_len(content.len() as u64)?;
                file.as_file().sync_all()?;
                file.persist(&place).map_err(|error| error.error)?;
                Ok(())
            }
            Target::Stream(mut stream) => {
                stream.write_all(content)?;
                stream.flush()
            }
        }
    }
}

/// Makes an empty file at `path`, to be written little by little, and sees that there is room on its disk.
///
/// # Errors
/// Where it can't be written, or the disk is full.
pub fn create(path: &Path) -> io::Result<File> {
    let mut file = fs::File::create(path)?;
    if file.metadata()?.is_file() {
        file.write_all(&[0; ROOM])?;
        file.rewind()?;
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

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
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        Output::open(folder.path()).unwrap_err();
        for path in ["no/such/folder/file", "report.json/file"] {
            fs::write(folder.path().join("report.json"), "a file, no folder").unwrap();
            Output::open(&folder.path().join(path)).unwrap_err();
            create(&folder.path().join(path)).unwrap_err();
        }
    }

    #[test]
    fn a_file_that_grows_begins_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.ndjson");
        fs::write(&path, "of an earlier run").unwrap();
        create(&path).unwrap().write_all(b"a line\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a line\n");
    }
}
