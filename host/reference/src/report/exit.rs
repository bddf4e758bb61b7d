//! The exit codes, in one place.

use std::process::ExitCode;

use serde::{Serialize, Serializer};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is delivered; or there was nothing to deliver, and the command did what it does.
    Success,
    /// It failed: nothing is known of what was not delivered. Takes precedence over all that follow.
    Failed,
    /// The command line or the sync file has faults; nothing was tried.
    Usage,
    /// Some rows were rejected.
    Rejected,
    /// Removals were withheld. Takes precedence over rejected rows.
    Withheld,
    /// What is at the destination is not what was delivered.
    Drift,
}

impl Exit {
    /// How bad it is, compared with others: of several runs, the worst one's is the process's.
    #[must_use]
    pub fn gravity(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Rejected => 1,
            Self::Withheld => 2,
            Self::Drift => 3,
            Self::Usage => 4,
            Self::Failed => 5,
        }
    }

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Rejected => 3,
            Self::Withheld => 4,
            Self::Drift => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// As its code.
impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}
