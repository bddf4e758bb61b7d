//! How the last run of each sync went, for `status` and `--failed`: a small JSON file beside the sync's state.
//!
//! It is written when a run begins and again when it ends, each time whole, so that a run that was killed is one that has not
//! ended. It holds counts and messages. Which runs are noted is the caller's to say.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::output::Output;
use crate::report::run_id::rfc3339;
use crate::report::{Report, Verdict};
use crate::sync_file::{StateSpec, SyncFile, SyncName};

/// How the last run of a sync went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// The sync's name.
    pub sync: String,
    /// When it began: RFC 3339, in UTC.
    pub started: String,
    /// When it ended; `None` while it runs, and for ever where it was killed.
    pub ended: Option<String>,
    /// Whether it failed; `None` where it has not ended.
    pub failed: Option<bool>,
    /// Its report, where it ended.
    pub report: Option<Value>,
}

/// The file of a sync's last run.
#[derive(Debug, Clone)]
pub struct LastRunFile {
    path: PathBuf,
    sync: String,
    started: SystemTime,
}

impl LastRunFile {
    /// Of a sync: beside its state, under its name; beside its sync file where the state is no file.
    pub fn of(sync: &SyncFile) -> Self {
        Self::beside(&sync.state, &sync.name)
    }

    /// Of a sync of this name, whose state is or would be there.
    pub fn beside(state: &StateSpec, name: &SyncName) -> Self {
        let path = state.folder.join(format!("{name}.last-run.json"));
        Self { path, sync: name.to_string(), started: SystemTime::now() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; `None` where the sync was never run.
    ///
    /// # Errors
    /// Where it can't be read, or is not what [`Self::begin`] and [`Self::end`] write.
    pub fn read(&self) -> io::Result<Option<LastRun>> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&text).map(Some).map_err(io::Error::from)
    }

    /// Notes that a run has begun.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn begin(&self) -> io::Result<()> {
        self.write(None, None, None)
    }

    /// Notes how it ended.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn end(&self, report: &Report) -> io::Result<()> {
        let failed = matches!(report.verdict(), Verdict::Failed(_));
        let report = serde_json::from_slice(&report.json()?)?;
        self.write(Some(rfc3339(SystemTime::now())), Some(failed), Some(report))
    }

    fn write(&self, ended: Option<String>, failed: Option<bool>, report: Option<Value>) -> io::Result<()> {
        let last = LastRun { sync: self.sync.clone(), started: rfc3339(self.started), ended, failed, report };
        let mut json = serde_json::to_vec_pretty(&last)?;
        json.push(b'\n');
        let written = Output::open(&self.path).and_then(|file| file.write(&json));
        if written.is_err() {
            self.remove_older();
        }
        written
    }

    /// Removes the note of an older run, which would be taken for this one's where this one's can't be written.
    fn remove_older(&self) {
        let of_this_run = |last: LastRun| last.started == rfc3339(self.started);
        if !self.read().is_ok_and(|last| last.is_some_and(of_this_run)) {
            // Where that fails too, the folder can't be written to, which is told.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
