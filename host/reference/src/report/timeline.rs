//! A run over time: a bounded number of samples, however long it takes.
//!
//! Each sample has counts since the beginning, so that leaving one out loses detail and no sum. When there are too many,
//! every other one goes and the rest stand twice as far apart.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::report::observer::{Observer, ProgressSnapshot};

/// Samples that are kept: a chart has no more pixels to tell them apart.
const MOST_SAMPLES: usize = 240;
/// Between two samples, to begin with.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);

/// Counts since the beginning of a run, at one moment of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    /// Rows that are settled in one way or another.
    pub(crate) rows: u64,
    /// Rows and removals that were rejected.
    pub(crate) rejected: u64,
    /// Requests that left.
    pub(crate) requests: u64,
    /// Time that requests waited for their turn, added up over all workers.
    pub(crate) waited: Duration,
}

/// The samples of a run.
#[derive(Debug)]
pub(crate) struct Timeline {
    samples: Vec<Sample>,
    interval: Duration,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { samples: vec![Sample::default()], interval: FIRST_INTERVAL }
    }
}

impl Timeline {
    /// Takes a sample. One that comes soon after another takes its place.
    pub(crate) fn add(&mut self, sample: Sample) {
        let (interval, last) = (self.interval, self.samples.len().saturating_sub(1));
        // The last one is kept up to date until it is far enough from the one before.
        let soon = last > 0
            && self.samples.get(last - 1).is_some_and(|before| sample.at.saturating_sub(before.at) <= interval);
        match self.samples.last_mut() {
            Some(newest) if soon => *newest = sample,
            _ => self.samples.push(sample),
        }
        if self.samples.len() > MOST_SAMPLES {
            self.interval *= 2;
            let newest = self.samples.len() - 1;
            let mut at = 0..;
            self.samples.retain(|_| at.next().is_some_and(|at| at % 2 == 0 || at == newest));
        }
    }

    /// The samples, the first of them at the very beginning.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

/// Samples a run that it observes.
#[derive(Debug, Default)]
pub(crate) struct TimelineObserver(Mutex<Timeline>);

impl TimelineObserver {
    /// What was sampled so far.
    pub(crate) fn take(&self) -> Timeline {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for TimelineObserver {
    fn progress(&self, moment: &ProgressSnapshot<'_>) {
        let (counts, traffic) = (moment.counts, moment.traffic.counts());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(Sample {
            at: moment.elapsed,
            rows: counts.delivered + counts.unchanged + counts.rejected + counts.undelivered + counts.planned,
            rejected: counts.rejected + counts.failed_removals,
            requests: traffic.requests,
            waited: traffic.waited,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(at: u64) -> Sample {
        Sample { at: Duration::from_millis(at), rows: at * 3, rejected: at / 7, requests: at, ..Sample::default() }
    }

    proptest! {
        /// However many samples come, few are kept, in order, and the ends are exact.
        #[test]
        fn few_are_kept_and_no_sum_is_lost(steps in prop::collection::vec(0u64..500, 1..2000)) {
            let mut timeline = Timeline::default();
            let mut at = 0;
            for step in steps {
                at += step;
                timeline.add(sample(at));
            }
            let samples = timeline.samples();
            prop_assert!(samples.len() <= MOST_SAMPLES);
            prop_assert_eq!(samples.first(), Some(&Sample::default()));
            prop_assert_eq!(samples.last(), Some(&sample(at)));
            prop_assert!(samples.is_sorted_by_key(|sample| sample.at));
        }
    }

    #[test]
    fn samples_stand_apart_and_further_as_they_grow_many() {
        let mut timeline = Timeline::default();
        (0..1_000_000).step_by(10).for_each(|at| timeline.add(sample(at)));
        let apart = timeline.samples().windows(2).map(|two| two[1].at - two[0].at);
        let (interval, last) = (timeline.interval, timeline.samples().len() - 2);
        assert!(apart.enumerate().all(|(at, apart)| apart > interval / 2 || at == last));
        assert!(timeline.samples().len() > MOST_SAMPLES / 2);
    }
}
