//! Notes how the runs of whole syncs go, for `status` and `--failed`. What can't be noted holds nothing up.
//!
//! Dry runs, samples and replays are not runs of the whole sync: they leave the note of the last one alone. So does a run
//! that is refused because another one is under way, or because its own files get in each other's way.

use std::io;
use std::sync::Arc;

use destination_host::pipeline::{Error, Options};
use destination_host::report::Report;
use destination_host::report::observer::{Observer, ProgressSnapshot};
use destination_host::sync_file::SyncFile;
use destination_host::syncs::last_run::LastRunFile;
use destination_host::syncs::not_begun;

use crate::cli::terminal::Terminal;

/// The note of one run.
pub(crate) struct Note {
    file: LastRunFile,
    terminal: Terminal,
}

impl Note {
    /// Of a run; `None` where it is none of the whole sync.
    pub(crate) fn of(sync: &SyncFile, options: &Options, terminal: &Terminal) -> Option<Arc<Self>> {
        let whole = !options.dry_run && options.replay.is_none() && options.most_rows.is_none();
        whole.then(|| Arc::new(Self { file: LastRunFile::of(sync), terminal: terminal.clone() }))
    }

    /// Notes how it ended.
    pub(crate) fn end(&self, report: &Report) {
        self.check(self.file.end(report));
    }

    /// Notes that it could not begin.
    pub(crate) fn not_begun(&self, sync: &SyncFile, error: &Error) {
        let in_use = matches!(error, Error::State(error) if error.is_in_use());
        if !in_use && !matches!(error, Error::Files(_)) {
            self.end(&not_begun(sync, error));
        }
    }

    fn check(&self, written: io::Result<()>) {
        if let Err(error) = written {
            let message = format!("how this run goes is not noted: {}: {error}", self.file.path().display());
            self.terminal.warning(&message, Some("`status` and `--failed` know nothing of this run"));
        }
    }
}

impl Observer for Note {
    fn begin(&self) {
        self.check(self.file.begin());
    }

    fn progress(&self, _: &ProgressSnapshot<'_>) {}
}
