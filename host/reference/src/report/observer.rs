//! Who is told how a run is getting on while it runs: a progress line, metrics, the timeline of a report.

use std::sync::Arc;
use std::time::Duration;

use crate::report::Counts;
use crate::report::effects::Effects;
use destination_engine::http::hooks::Traffic;

/// Told how a run is getting on.
pub trait Observer: Send + Sync {
    /// After each batch or chunk, and once at the end.
    fn progress(&self, moment: &ProgressSnapshot<'_>);

    /// The first `rows` rows of the source are settled: the destination has confirmed them, they need not be sent, or they were
    /// rejected and are in the file of dead letters. It never counts a row behind one that waits, was lost, or was rejected
    /// without such a file. Removals that the engine made are no rows: [`Report::is_settled`](crate::report::Report::is_settled).
    fn acknowledged(&self, rows: u64) {
        let _ = rows;
    }

    /// A row of the source was rejected: its number, from 1. That is told before it counts as acknowledged.
    fn rejected(&self, row: u64) {
        let _ = row;
    }

    /// The run begins: its source is open, its state is locked, and its files have their places.
    fn begin(&self) {}

    /// Something that is no error and that a person should know, before the first row. `hint` says what to do about it.
    fn warn(&self, message: &str, hint: Option<&str>) {
        let _ = (message, hint);
    }
}

/// How a run is getting on.
#[derive(Debug, Clone, Copy)]
pub struct ProgressSnapshot<'a> {
    /// Since the run began.
    pub elapsed: Duration,
    /// The outcome of the rows so far.
    pub counts: &'a Counts,
    /// The part of the source that was read, from 0 to 1; `None` where it is not known how much there is.
    pub read: Option<f64>,
    /// What went over the wire. It goes on counting: a look at it later is a look at a later moment.
    pub traffic: &'a Arc<Traffic>,
    /// Requests that were made again.
    pub retries: u64,
    /// What the destination did besides storing the records.
    pub effects: &'a Effects,
}

/// Several observers, told one after the other.
#[derive(Clone, Default)]
pub struct Observers(pub Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn progress(&self, moment: &ProgressSnapshot<'_>) {
        self.0.iter().for_each(|observer| observer.progress(moment));
    }

    fn acknowledged(&self, rows: u64) {
        self.0.iter().for_each(|observer| observer.acknowledged(rows));
    }

    fn rejected(&self, row: u64) {
        self.0.iter().for_each(|observer| observer.rejected(row));
    }

    fn begin(&self) {
        self.0.iter().for_each(|observer| observer.begin());
    }

    fn warn(&self, message: &str, hint: Option<&str>) {
        self.0.iter().for_each(|observer| observer.warn(message, hint));
    }
}

/// An observer that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn progress(&self, _: &ProgressSnapshot<'_>) {}
}
