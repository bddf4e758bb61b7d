//! Why a state file can't be used, and what to do about it.

use std::path::PathBuf;

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
    /// Something else than a file is at its path.
    #[error("the state file {} is {kind}, not a regular file", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// SQLite's log is not there, and holds what a run that did not end has confirmed.
    #[error(
        "the state file {} is that of a run that did not end, and its log {} is missing or empty: what that run sent is \
         not known",
        path.display(), log.display()
    )]
    LogLost {
        /// The file.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// SQLite's log is another file's.
    #[error("{} does not belong to the state file {}: one of the two was replaced", log.display(), path.display())]
    LogForeign {
        /// The file.
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// SQLite's log is there, and the file is not.
    #[error("the state file {} is missing, but its log {} is there", path.display(), log.display())]
    FileLost {
        /// The file.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// The file, or its log, is another one than at the start of the run.
    #[error("the state file {} was changed during the run: {} was {how}", path.display(), file.display())]
    Replaced {
        /// The state file.
        path: PathBuf,
        /// The file that is not what it was: the state file or its log.
        file: PathBuf,
        /// What was done to it.
        how: &'static str,
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
    /// This build can't read it.
    #[error("the state file {} cannot be used: this build of the host leaves state files out", path.display())]
    LeftOut {
        /// The file.
        path: PathBuf,
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
    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotState { fault: HeaderFault::Older(..), .. } => {
                "run the sync once, not as a dry run: it brings the file up to date".to_owned()
            }
            Self::NotState { fault: HeaderFault::Newer(..), .. } => {
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
            Self::NotRegular { .. } => {
                "set `state.path` in the sync file to the path of a regular file, or of one that is not there yet".to_owned()
            }
            Self::LogLost { .. } => "put the log back beside the file. If it is lost, run `destination-host state recover` \
                                     with the sync file: the next run then sends every row again. Members that the \
                                     interrupted run added and that have left the source since stay members"
                .to_owned(),
            Self::LogForeign { .. } => {
                "put back the file and the log that belong together. If they are lost, move the log away and run \
                 `destination-host state recover` with the sync file: the next run then sends every row again"
                    .to_owned()
            }
            Self::FileLost { .. } => "put the state file back. If it is lost, move the log away: the next run is then a \
                                      first load, which sends every row and removes nothing"
                .to_owned(),
            Self::Replaced { .. } => {
                "put the file and its log back as they were, with nothing else at their paths, and run the same command \
                 again; nothing was sent after the change was seen"
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
            Self::LeftOut { .. } => "build the host with the feature `sqlite-state`".to_owned(),
            Self::Io { .. } => {
                "check that the folder is there and may be written to, and that the disk is not full".to_owned()
            }
        }
    }
}

/// Why a file is no state file of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// No bytes at all.
    #[error("is empty (0 bytes), as a full disk may leave it")]
    Empty,
    /// NUL bytes where the header should be.
    #[error("begins with nothing but NUL bytes, as a full disk or a crash may leave it")]
    Nul,
    /// Something else altogether.
    #[error("is not a SQLite database")]
    NotSqlite,
    /// A database of another program.
    #[error("is a SQLite database of another program")]
    Foreign,
    /// Tables of this version, which this release does not know; it knows the second one.
    #[error("has format version {0}; this release knows version {1}")]
    Newer(u32, u32),
    /// Tables of this version, which would have to be brought to the second one first, and the file is only to be looked at.
    #[error("has format version {0}, and this release wants to read version {1}")]
    Older(u32, u32),
}
