//! What went over the wire, counted: for reports and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http::client::FaultKind;

/// Counts of one deployment's requests, shared by all that send to it.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<Counts>);

/// The counts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests that left, whatever the answer was.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_sent: u64,
    /// Bytes of the answers' bodies.
    pub bytes_received: u64,
    /// Answers by HTTP status; 429 among them.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without a whole answer, by kind.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Requests that the egress policy did not let out. They are not among `requests`.
    pub denied: u64,
    /// Requests that wait for their turn at this moment.
    pub waiting: u64,
    /// Requests that left and have no whole answer yet.
    pub in_flight: u64,
    /// Time that requests waited for their turn, added up over all workers.
    pub waited: Duration,
    /// How long answers took, from departure to their end.
    pub durations: Durations,
}

/// How many answers took how long: a histogram.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// The time of all answers added up.
    pub sum: Duration,
    /// Answers up to each of the bounds and above the one before it, and last those above all bounds.
    counts: [u64; Self::BOUNDS.len() + 1],
}

impl Durations {
    /// The durations that are told apart: from a server nearby to one that gives up.
    pub const BOUNDS: [Duration; 11] = [
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
    ];

    /// Each bound with the number of answers up to it and above the one before it; the last has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        Self::BOUNDS.into_iter().map(Some).chain([None]).zip(self.counts)
    }

    fn observe(&mut self, took: Duration) {
        self.sum += took;
        if let Some(count) = self.counts.get_mut(Self::BOUNDS.partition_point(|bound| *bound < took)) {
            *count += 1;
        }
    }
}

impl Traffic {
    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// A request waits for its turn for as long as what is returned is kept.
    pub(super) fn waits(self: &Arc<Self>) -> InFlightGuard {
        InFlightGuard::new(self, |counts| &mut counts.waiting)
    }

    /// A request is under way for as long as what is returned is kept.
    pub(super) fn in_flight(self: &Arc<Self>) -> InFlightGuard {
        InFlightGuard::new(self, |counts| &mut counts.in_flight)
    }

    pub(super) fn departed(&self, waited: Duration, bytes: usize) {
        let counts = &mut *self.lock();
        counts.requests += 1;
        counts.bytes_sent += bytes as u64;
        counts.waited += waited;
    }

    pub(super) fn answered(&self, status: u16, bytes: usize, took: Duration) {
        let counts = &mut *self.lock();
        *counts.statuses.entry(status).or_default() += 1;
        counts.bytes_received += bytes as u64;
        counts.durations.observe(took);
    }

    /// More of an answer that is counted already.
    pub(super) fn received(&self, bytes: usize) {
        self.lock().bytes_received += bytes as u64;
    }

    pub(super) fn failed(&self, kind: FaultKind) {
        *self.lock().faults.entry(kind).or_default() += 1;
    }

    pub(super) fn denied(&self) {
        self.lock().denied += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counting can't stop halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is somewhere. It may be given up at any time, so that leaving is noted when this is dropped.
pub(super) struct InFlightGuard {
    traffic: Arc<Traffic>,
    place: fn(&mut Counts) -> &mut u64,
}

impl InFlightGuard {
    fn new(traffic: &Arc<Traffic>, place: fn(&mut Counts) -> &mut u64) -> Self {
        *place(&mut traffic.lock()) += 1;
        Self { traffic: Arc::clone(traffic), place }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let mut counts = self.traffic.lock();
        let there = (self.place)(&mut counts);
        *there = there.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_up_to_its_bound() {
        let mut durations = Durations::default();
        for milliseconds in [0, 10, 11, 25, 30_000, 30_001, 90_000] {
            durations.observe(Duration::from_millis(milliseconds));
        }
        let counted: Vec<_> = durations.buckets().filter(|(_, count)| *count > 0).collect();
        let bound = |milliseconds| Some(Duration::from_millis(milliseconds));
        assert_eq!(counted, [(bound(10), 2), (bound(25), 2), (bound(30_000), 1), (None, 2)]);
        assert_eq!(durations.sum, Duration::from_millis(150_047));
    }
}
