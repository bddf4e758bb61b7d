//! STATEs passed on to the runner: written as soon as everything before them is acknowledged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;

use super::checkpoints::{Checkpoint, Checkpoints, Keep, Rows, Until};
use crate::report::observer::{Observer, ProgressSnapshot};

/// How a protocol writes a STATE: a line without its end.
pub(crate) type StateLine = fn(&Checkpoint) -> String;

/// The STATEs that wait, and where they go. Shared by the reader of the input and the streams' runs.
pub(crate) struct Passing(Mutex<Held>);

struct Held {
    checkpoints: Checkpoints,
    line: StateLine,
    output: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Passing {
    pub(crate) fn new(keep: Keep, line: StateLine, output: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(Held { checkpoints: Checkpoints::new(keep), line, output, failed: None }))
    }

    /// A STATE, and what it stands for.
    pub(crate) fn add(&self, state: Box<RawValue>, covers: Vec<Rows>, until: Until) {
        self.change(|checkpoints| checkpoints.add(state, covers, until));
    }

    /// All runs have ended with nothing left to do.
    pub(crate) fn settled(&self) {
        self.change(Checkpoints::settled);
    }

    /// Whether a STATE waits still.
    pub(crate) fn holds_back(&self) -> bool {
        !self.held().checkpoints.is_empty()
    }

    /// Why a STATE could not be written.
    pub(crate) fn failed(&self) -> Option<io::Error> {
        self.held().failed.take()
    }

    fn change(&self, change: impl FnOnce(&mut Checkpoints)) {
        let mut held = self.held();
        change(&mut held.checkpoints);
        for checkpoint in held.checkpoints.take() {
            // After one that was lost there is no other: the runner may be gone.
            if held.failed.is_none() {
                let line = format!("{}\n", (held.line)(&checkpoint));
                let written = held.output.write_all(line.as_bytes()).and_then(|()| held.output.flush());
                held.failed = written.err();
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells how far a stream is acknowledged.
pub(crate) struct StreamObserver {
    pub(crate) passing: Arc<Passing>,
    pub(crate) stream: usize,
}

impl Observer for StreamObserver {
    fn progress(&self, _: &ProgressSnapshot<'_>) {}

    fn rejected(&self, row: u64) {
        // It lets nothing go.
        self.passing.held().checkpoints.rejected(self.stream, row);
    }

    fn acknowledged(&self, rows: u64) {
        self.passing.change(|checkpoints| checkpoints.acknowledged(self.stream, rows));
    }
}
