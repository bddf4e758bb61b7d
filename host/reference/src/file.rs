//! Files that others name: opened only where they are what is asked for, and read only so far.

use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::Path;

/// What may stand at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A file of known length.
    Regular,
    /// A file, or a pipe that has a name.
    Stream,
}

/// Opens a file. What it is, is looked at first: to open a pipe waits until another program writes to it.
///
/// # Errors
/// What stands there instead, or why it can't be opened, in words that follow its name.
pub fn open(path: &Path, wanted: Wanted) -> Result<File, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "can't be opened: permission denied".to_owned(),
        _ => format!("can't be opened: {error}"),
    };
    let about = std::fs::metadata(path).map_err(failed)?;
    if let Some(what) = instead(about.file_type(), wanted) {
        return Err(format!("is {what}, and a file is expected"));
    }
    File::open(path).map_err(failed)
}

/// All bytes of a regular file, at most `most` of them.
///
/// # Errors
/// As [`open`] has them, or that it is larger.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = open(path, Wanted::Regular)?;
    let read = file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("can't be read: {error}"))?;
    if read as u64 > most {
        return Err(format!("is larger than {} MiB", most >> 20));
    }
    Ok(bytes)
}

/// What a path leads to that is not wanted.
fn instead(found: FileType, wanted: Wanted) -> Option<&'static str> {
    if found.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return (wanted == Wanted::Regular).then_some("a pipe");
        }
        if found.is_char_device() || found.is_block_device() {
            return Some("a device");
        }
        if found.is_socket() {
            return Some("a socket");
        }
    }
    #[cfg(not(unix))]
    let _ = wanted;
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path, wanted| open(path, wanted).err().unwrap();
        assert_eq!(refused(folder.path(), Wanted::Stream), "is a folder, and a file is expected");
        assert_eq!(refused(&folder.path().join("nowhere"), Wanted::Stream), "is not there");
        #[cfg(unix)]
        assert_eq!(refused(Path::new("/dev/zero"), Wanted::Regular), "is a device, and a file is expected");
    }

    #[test]
    fn no_more_is_read_than_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
        assert_eq!(read(&path, 2 << 20).unwrap().len(), 2 << 20);
        assert_eq!(read(&path, (2 << 20) - 1).unwrap_err(), "is larger than 1 MiB");
    }
}
