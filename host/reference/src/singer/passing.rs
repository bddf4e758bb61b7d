//! STATEs passed on to the runner: written as soon as everything before them is acknowledged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;

use super::checkpoints::{Checkpoints, Need};
use crate::report::observer::{Observer, ProgressSnapshot};

/// The STATEs that wait, and where they go. Shared by the reader of the input and the streams' runs.
pub(super) struct Passing(Mutex<Held>);

struct Held {
    checkpoints: Checkpoints,
    output: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Passing {
    pub(super) fn new(output: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(Held { checkpoints: Checkpoints::default(), output, failed: None }))
    }

    /// A STATE, and what it waits for in each stream.
    pub(super) fn add(&self, state: Box<RawValue>, needs: Vec<Need>) {
        self.change(|checkpoints| checkpoints.add(state, needs));
    }

    /// A stream's run has ended with nothing left to do.
    pub(super) fn settled(&self, stream: usize) {
        self.change(|checkpoints| checkpoints.settled(stream));
    }

    /// Whether a STATE waits still.
    pub(super) fn holds_back(&self) -> bool {
        !self.held().checkpoints.is_empty()
    }

    /// Why a STATE could not be written.
    pub(super) fn failed(&self) -> Option<io::Error> {
        self.held().failed.take()
    }

    fn change(&self, change: impl FnOnce(&mut Checkpoints)) {
        let mut held = self.held();
        change(&mut held.checkpoints);
        let Some(state) = held.checkpoints.take() else { return };
        // After one that was lost there is no other: the runner may be gone.
        if held.failed.is_none() {
            let line = format!("{}\n", state.get().trim());
            let written = held.output.write_all(line.as_bytes()).and_then(|()| held.output.flush());
            held.failed = written.err();
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells how far a stream is acknowledged.
pub(super) struct StreamObserver {
    pub(super) passing: Arc<Passing>,
    pub(super) stream: usize,
}

impl Observer for StreamObserver {
    fn progress(&self, _: &ProgressSnapshot<'_>) {}

    fn acknowledged(&self, rows: u64) {
        self.passing.change(|checkpoints| checkpoints.acknowledged(self.stream, rows));
    }
}
