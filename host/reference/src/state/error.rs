//! Why a state file can't be used, and what to do about it.

use std::path::PathBuf;

use super::lease::Holder;

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
    /// Another process holds it.
    #[error("the state {state} is in use by {holder}")]
    Held {
        /// Where it is kept.
        state: String,
        /// Who it is.
        holder: Holder,
        /// When it is free at the latest if that process has died: in so many seconds.
        seconds: u64,
    },
    /// This run held it, and does not any more.
    #[error("the run has lost the state {state}: {why}")]
    LeaseLost {
        /// Where it is kept.
        state: String,
        /// What happened.
        why: String,
    },
    /// The place where it is kept fails, or what is there does.
    #[error("the state {state} {fault}")]
    Remote {
        /// Where it is kept.
        state: String,
        /// What is wrong with it.
        fault: RemoteFault,
    },
    /// It belongs to a sync of this name that writes elsewhere.
    #[error("the state of the sync `{name}` in {state} is for another target: {changes}")]
    OtherTarget {
        /// The state: a file, or where else it is kept.
        state: String,
        /// The sync.
        name: String,
        /// What differs.
        changes: String,
    },
    /// This build can't read it.
    #[error("the state {state} cannot be used: this build of the host leaves such states out")]
    LeftOut {
        /// Where it is kept.
        state: String,
        /// The feature that it needs.
        feature: &'static str,
    },
    /// The working copy of a state that is kept elsewhere failed.
    #[error("the working copy of the state, a temporary file, failed: {message}")]
    Scratch {
        /// What SQLite says.
        message: String,
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
    /// Whether another process has the state.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse { .. } | Self::Held { .. })
    }

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
            Self::Held { seconds, .. } => format!(
                "wait until that run has ended. If its process has died, the state is free in {seconds} s at the latest: run the \
                 same command again then"
            ),
            Self::LeaseLost { .. } => "nothing was sent or written after that was noticed; run the same command again".to_owned(),
            Self::Remote { fault, .. } => fault.hint().to_owned(),
            Self::OtherTarget { name, .. } => format!(
                "give the sync another name to start afresh beside the old one, or forget what `{name}` delivered with \
                 `destination-host state reset`"
            ),
            Self::LeftOut { feature, .. } => format!("build the host with the feature `{feature}`"),
            Self::Scratch { .. } => "check that the disk with the folder for temporary files (TMPDIR) has room".to_owned(),
            Self::Io { .. } => {
                "check that the folder is there and may be written to, and that the disk is not full".to_owned()
            }
        }
    }
}

/// What is wrong with a state that is not kept in a file. Nothing was changed in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteFault {
    /// It can't be reached now.
    #[error("cannot be reached: {0}")]
    Unavailable(String),
    /// It can't be used as it is named.
    #[error("cannot be used: {0}")]
    Refused(String),
    /// The part that says which others there are is missing.
    #[error("has lost its part head.json, but others are there: {found}")]
    HeadLost {
        /// One of those.
        found: String,
    },
    /// A part is missing.
    #[error("has lost its part {part}")]
    PartLost {
        /// Its name.
        part: String,
    },
    /// A part is not what was written.
    #[error("is damaged: its part {part} {what}")]
    Damaged {
        /// Its name.
        part: String,
        /// What is there.
        what: String,
    },
    /// Another run has begun while it was read.
    #[error("changes while it is read: another run has begun")]
    Changing,
    /// The place writes whether the condition holds or not.
    #[error(
        "cannot be kept there: the store ignores conditions on writes (If-None-Match, If-Match), so that nothing would keep \
             two runs apart"
    )]
    NoConditions,
}

impl RemoteFault {
    /// Whether what is there is not what was written.
    #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::HeadLost { .. } | Self::PartLost { .. } | Self::Damaged { .. })
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "check the network and the service, then run the same command again",
            Self::Refused(_) => {
                "check `state.url`, the credentials, and what they may do there: read, write, list and delete"
            }
            Self::HeadLost { .. } | Self::PartLost { .. } | Self::Damaged { .. } => {
                "restore what is missing from a backup or from the store's earlier versions. If there is none, \
                 `destination-host state reset` forgets the sync: its next run is then a first load, which sends every row and \
                 removes nothing"
            }
            Self::Changing => "run the same command again when that run has ended",
            Self::NoConditions => {
                "use a store that has conditional writes: Amazon S3, Google Cloud Storage, Azure, or another in a release that has \
                 them; or PostgreSQL"
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
