//! How many records left in the last minute, for a limit on records rather than requests.
//!
//! Even spacing alone would let a large request after a small one through too early: here the minute is counted.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use super::{HEADROOM, MINUTE};

/// The records of the last minute.
#[derive(Debug)]
pub(super) struct RecordWindow {
    limit: NonZeroU32,
    left: VecDeque<(Instant, u32)>,
}

impl RecordWindow {
    pub(super) fn new(limit: NonZeroU32) -> Self {
        Self { limit, left: VecDeque::new() }
    }

    /// Between this request and the next, at an even pace.
    pub(super) fn interval(&self, records: u32) -> Duration {
        (MINUTE + HEADROOM) / self.limit.get() * records.min(self.limit.get())
    }

    /// When so many records may leave. More than the limit allows at all leave alone.
    pub(super) fn earliest(&mut self, now: Instant, records: u32) -> Instant {
        while self.left.front().is_some_and(|(at, _)| *at + MINUTE + HEADROOM <= now) {
            self.left.pop_front();
        }
        let mut sum: u64 = self.left.iter().map(|(_, records)| u64::from(*records)).sum();
        let mut earliest = now;
        for (at, gone) in &self.left {
            if sum + u64::from(records) <= u64::from(self.limit.get()) {
                break;
            }
            earliest = *at + MINUTE + HEADROOM;
            sum -= u64::from(*gone);
        }
        earliest
    }

    pub(super) fn departed(&mut self, now: Instant, records: u32) {
        self.left.push_back((now, records));
    }
}
