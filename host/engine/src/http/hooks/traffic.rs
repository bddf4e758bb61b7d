//! What went over the wire, counted: for reports and metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use crate::http::client::FaultKind;

/// Upper bounds of the durations that are told apart, in seconds: from a server nearby to one that gives up.
const DURATIONS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counts of one deployment's requests, shared by all that send to it.
#[derive(Debug)]
pub struct Traffic {
    counts: Mutex<Counts>,
    /// How long answers took, in seconds, from departure to their end.
    durations: Histogram,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { counts: Mutex::default(), durations: Histogram::new(DURATIONS) }
    }
}

/// The counts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// Time from departure to the end of the answer, added up over all answers.
    pub answering: Duration,
}

impl Traffic {
    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// How long answers took, in seconds.
    pub fn durations(&self) -> Histogram {
        self.durations.clone()
    }

    /// A request waits for its turn for as long as what is returned is kept.
    pub(super) fn waits(&self) -> InFlightGuard<'_> {
        InFlightGuard::new(self, |counts| &mut counts.waiting)
    }

    /// A request is under way for as long as what is returned is kept.
    pub(super) fn in_flight(&self) -> InFlightGuard<'_> {
        InFlightGuard::new(self, |counts| &mut counts.in_flight)
    }

    pub(super) fn departed(&self, waited: Duration, bytes: usize) {
        let counts = &mut *self.lock();
        counts.requests += 1;
        counts.bytes_sent += bytes as u64;
        counts.waited += waited;
    }

    pub(super) fn answered(&self, status: u16, bytes: usize, took: Duration) {
        self.durations.observe(took.as_secs_f64());
        let counts = &mut *self.lock();
        *counts.statuses.entry(status).or_default() += 1;
        counts.bytes_received += bytes as u64;
        counts.answering += took;
    }

    pub(super) fn failed(&self, kind: FaultKind) {
        *self.lock().faults.entry(kind).or_default() += 1;
    }

    pub(super) fn denied(&self) {
        self.lock().denied += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counting can't stop halfway.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is somewhere. It may be given up at any time, so that leaving is noted when this is dropped.
pub(super) struct InFlightGuard<'a> {
    traffic: &'a Traffic,
    place: fn(&mut Counts) -> &mut u64,
}

impl<'a> InFlightGuard<'a> {
    fn new(traffic: &'a Traffic, place: fn(&mut Counts) -> &mut u64) -> Self {
        *place(&mut traffic.lock()) += 1;
        Self { traffic, place }
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        let mut counts = self.traffic.lock();
        let there = (self.place)(&mut counts);
        *there = there.saturating_sub(1);
    }
}
