//! The folder in which compiled plugins are kept, and whether it may be trusted. A host keeps its own caches by the same rules
//! ([`private_folder`]).
//!
//! What lies there is native code that the next start runs, so it is as good as the program itself. It is used only where
//! nobody but its owner, who runs this process, and root could have written to it: not into the folder, and not by putting
//! another folder in its place, which is what write access to a parent gives.

use std::fmt;
use std::path::PathBuf;

use wasmtime::{Cache, CacheConfig};

/// Where compiled code is kept between runs. Compiling takes a tenth of a second and more, loading compiled code a few
/// milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileCache {
    /// In the user's cache directory.
    #[default]
    User,
    /// In this directory. It is made if it is not there.
    Directory(PathBuf),
    /// Nowhere: each load compiles.
    Off,
}

/// A folder in which others could have put code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheRefused {
    /// The folder for compiled plugins.
    pub folder: PathBuf,
    /// The folder or file that can't be trusted: that one, or one above or in it.
    pub at: PathBuf,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for CacheRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, at, reason, .. } = self;
        write!(f, "compiled plugins are not kept in {}: {} {reason}", folder.display(), at.display())
    }
}

/// The cache, where there is one. A folder that can't be used costs time, not the run; one that can't be trusted is said.
pub(crate) fn open(wanted: CompileCache) -> (Option<Cache>, Option<CacheRefused>) {
    let unavailable = |reason: String| {
        tracing::warn!("compiled plugins are not kept, so each start takes longer: {reason}");
        (None, None)
    };
    let mut config = CacheConfig::new();
    let folder = match wanted {
        CompileCache::Off => return (None, None),
        CompileCache::Directory(folder) => Some(folder),
        CompileCache::User => users_folder(COMPILED),
    };
    match folder.as_deref().map(trusted) {
        Some(Ok(folder)) => {
            config.with_directory(folder);
        }
        Some(Err(Untrusted::Refused(refused))) => return (None, Some(refused)),
        Some(Err(Untrusted::Unavailable(reason))) => return unavailable(reason),
        None => return unavailable(NO_PLACE.to_owned()),
    }
    match Cache::new(config) {
        Ok(cache) => (Some(cache), None),
        Err(error) => unavailable(format!("{error:#}")),
    }
}

/// Why there is no cache in a folder.
#[derive(Debug)]
pub enum Untrusted {
    /// Others could have written to it.
    Refused(CacheRefused),
    /// It is not there and can't be made.
    Unavailable(String),
}

/// The name of the folder for compiled plugins.
const COMPILED: &str = "destination-host";

/// A folder of this name in the user's cache directory, made if it is not there, that nobody but the user and root can write to.
///
/// # Errors
/// Where there is no such place, or others can write to it or to what is above it. On Windows it is the user's folder for
/// local data of programs, whose permissions are not looked at.
pub fn private_folder(name: &str) -> Result<PathBuf, Untrusted> {
    match users_folder(name) {
        Some(folder) => trusted(&folder),
        None => Err(Untrusted::Unavailable(NO_PLACE.to_owned())),
    }
}

#[cfg(unix)]
const NO_PLACE: &str = "neither XDG_CACHE_HOME nor HOME is set";
#[cfg(not(unix))]
const NO_PLACE: &str = "LOCALAPPDATA is not set";

/// Windows lets only the user, administrators and the system into this folder.
#[cfg(not(unix))]
fn users_folder(name: &str) -> Option<PathBuf> {
    let caches = std::env::var_os("LOCALAPPDATA").map(PathBuf::from).filter(|path| path.is_absolute())?;
    Some(caches.join(name))
}

#[cfg(not(unix))]
fn trusted(folder: &std::path::Path) -> Result<PathBuf, Untrusted> {
    match std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize()) {
        Ok(folder) => Ok(folder),
        Err(error) => Err(Untrusted::Unavailable(format!("{}: {error}", folder.display()))),
    }
}

#[cfg(unix)]
use owned::{trusted, users_folder};

#[cfg(unix)]
mod owned {
    use std::env;
    use std::fs::{self, DirBuilder, Metadata};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    use std::path::{Path, PathBuf};

    use super::{CacheRefused, Untrusted};

    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const OPEN_TO_OTHERS: u32 = 0o077;
    /// In such a folder only a file's owner may rename or remove it.
    const STICKY: u32 = 0o1000;
    const ROOT: u32 = 0;

    pub(super) fn users_folder(name: &str) -> Option<PathBuf> {
        let absolute = |variable| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(below_home)))?;
        Some(caches.join(name))
    }

    /// Makes the folder where it is not there, and looks at it, at what is above it, and, if others may look into it, at
    /// what is in it.
    pub(super) fn trusted(folder: &Path) -> Result<PathBuf, Untrusted> {
        let unavailable = |error: io::Error| Untrusted::Unavailable(format!("{}: {error}", folder.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unavailable)?;
        let real = folder.canonicalize().map_err(unavailable)?;
        let user = rustix::process::geteuid().as_raw();
        let refused = |at: &Path, reason: String, hint: String| {
            let (folder, at) = (folder.to_owned(), at.to_owned());
            Untrusted::Refused(CacheRefused { folder, at, reason, hint })
        };
        let own = |at: &Path, there: &Metadata| {
            if there.uid() != user {
                let reason = format!("belongs to the user {}, not to the user {user} who runs this", there.uid());
                let hint = "set XDG_CACHE_HOME to a folder of that user's own".to_owned();
                return Err(refused(at, reason, hint));
            }
            if there.mode() & WRITABLE_BY_OTHERS != 0 {
                let hint = format!("chmod go-w {}", at.display());
                return Err(refused(at, mode_reason(there), hint));
            }
            Ok(())
        };
        let there = real.metadata().map_err(unavailable)?;
        own(&real, &there)?;
        for above in real.ancestors().skip(1) {
            let there = above.metadata().map_err(unavailable)?;
            if there.uid() != user && there.uid() != ROOT {
                let reason = format!("belongs to the user {}, who could replace what is below it", there.uid());
                let hint =
                    format!("set XDG_CACHE_HOME to a folder that the user {user} or root owns, with all above it");
                return Err(refused(above, reason, hint));
            }
            if there.mode() & WRITABLE_BY_OTHERS != 0 && there.mode() & STICKY == 0 {
                let hint = format!("chmod go-w {}, or set XDG_CACHE_HOME to another folder", above.display());
                return Err(refused(above, mode_reason(&there), hint));
            }
        }
        if there.mode() & OPEN_TO_OTHERS != 0 {
            let mut folders = vec![real.clone()];
            while let Some(within) = folders.pop() {
                for entry in fs::read_dir(&within).map_err(unavailable)? {
                    let path = entry.map_err(unavailable)?.path();
                    let there = path.symlink_metadata().map_err(unavailable)?;
                    own(&path, &there)?;
                    if there.is_dir() {
                        folders.push(path);
                    }
                }
            }
        }
        Ok(real)
    }

    fn mode_reason(there: &Metadata) -> String {
        format!("may be written to by others (mode {:04o})", there.mode() & 0o7777)
    }

    #[cfg(test)]
    mod tests {
        #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;

        use super::*;

        fn chmod(path: &Path, mode: u32) {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }

        fn refused(folder: &Path) -> Option<CacheRefused> {
            match trusted(folder) {
                Ok(_) => None,
                Err(Untrusted::Refused(refused)) => Some(refused),
                Err(Untrusted::Unavailable(reason)) => {
                    Some(CacheRefused { folder: folder.to_owned(), at: PathBuf::new(), reason, hint: String::new() })
                }
            }
        }

        #[test]
        fn a_folder_is_made_for_its_owner_alone() {
            let above = tempfile::tempdir().unwrap();
            let folder = above.path().join("caches/plugins");
            assert_eq!(refused(&folder), None);
            assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        }

        #[test]
        fn a_folder_that_others_may_write_to_is_refused_wherever_it_is() {
            let above = tempfile::tempdir().unwrap();
            let folder = above.path().join("caches/plugins");
            let inner = folder.join("modules");
            fs::create_dir_all(&inner).unwrap();
            chmod(&folder, 0o755);
            chmod(&folder.join(".."), 0o755);
            chmod(&inner, 0o755);
            assert_eq!(refused(&folder), None);
            for (at, mode) in
                [(&folder, 0o777), (&folder, 0o775), (&inner, 0o775), (&above.path().join("caches"), 0o777)]
            {
                let before = at.metadata().unwrap().mode();
                chmod(at, mode);
                let refused = refused(&folder).unwrap();
                assert_eq!(refused.at, at.canonicalize().unwrap());
                assert!(refused.to_string().contains(&format!("{mode:04o}")), "{refused}");
                assert!(refused.hint.contains("chmod go-w"), "{}", refused.hint);
                chmod(at, before);
            }
            // As /tmp is: others may add to it, and take nothing away.
            chmod(&above.path().join("caches"), 0o1777);
            assert_eq!(refused(&folder), None);
        }

        #[test]
        fn a_folder_of_another_user_is_refused() {
            let above = tempfile::tempdir().unwrap();
            let folder = above.path().join("caches/plugins");
            fs::create_dir_all(&folder).unwrap();
            const NOBODY: u32 = 65_534;
            if std::os::unix::fs::chown(&folder, Some(NOBODY), None).is_err() {
                // Only root can give a folder away.
                return;
            }
            assert!(refused(&folder).unwrap().to_string().contains("belongs to the user 65534"));
            std::os::unix::fs::chown(&folder, Some(0), None).unwrap();
            std::os::unix::fs::chown(folder.join(".."), Some(NOBODY), None).unwrap();
            assert!(refused(&folder).unwrap().reason.contains("could replace what is below it"));
        }
    }
}
