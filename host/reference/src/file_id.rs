//! Which file a path leads to, whatever it is called: by device and inode, or by what Windows has instead.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// A file of this machine, told apart from all others that are there at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    /// On Windows the volume's serial number.
    device: u64,
    /// On Windows the file's index in its volume.
    inode: u64,
}

#[cfg(unix)]
impl FileId {
    /// The file that a path leads to.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        path.metadata().map(|there| Self::numbers(&there))
    }

    /// The file that is open.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|open| Self::numbers(&open))
    }

    fn numbers(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[cfg(windows)]
impl FileId {
    /// The file that a path leads to.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Self::numbers(winapi_util::Handle::from_path_any(path)?)
    }

    /// The file that is open.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Self::numbers(winapi_util::HandleRef::from_file(file))
    }

    fn numbers(handle: impl winapi_util::AsHandleRef) -> io::Result<Self> {
        let information = winapi_util::file::information(handle)?;
        Ok(Self { device: information.volume_serial_number(), inode: information.file_index() })
    }
}

/// What stands at a path that is no regular file, in words.
pub(crate) fn kind(metadata: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if metadata.is_dir() { "a folder" } else { "not a regular file" }
}

/// Options that make a file which its owner alone may read: it may hold customers' data. On Windows a file has the permissions of
/// its folder.
pub(crate) fn private() -> std::fs::OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "a mode is set on unix alone"))]
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes away what others may do with a file that was there before. Only its owner can.
pub(crate) fn make_private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(0o600);
            return file.set_permissions(permissions);
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
