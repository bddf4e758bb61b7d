//! Which STATE may be passed on: one of which everything before it is acknowledged.
//!
//! Pure, and one law for all protocols. A STATE stands for the first rows of some streams. It may go once the destination has
//! confirmed those rows, and once each earlier STATE that stands for one of these streams has gone: no STATE overtakes another. One
//! that stands for a whole table of a mirror waits for the end of everything: until the removals are done, who goes on behind it
//! would bring only a part of that table.

use std::collections::VecDeque;

use serde_json::value::RawValue;

/// A stream and so many of its first rows.
pub(crate) type Rows = (usize, u64);

/// How long a STATE waits, once its rows are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// No longer.
    Acknowledged,
    /// Until all runs have ended with nothing left to do: the removals of a mirror.
    Settled,
}

/// Which of the STATEs that may go are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The last one: each says all that those before it do.
    Last,
    /// Each.
    Each,
}

/// A STATE that may go, and what it stands for beyond those before it.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) state: Box<RawValue>,
    /// Rows.
    pub(crate) rows: u64,
    /// Those among them that were rejected.
    pub(crate) rejected: u64,
}

/// How far a stream is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    acknowledged: u64,
    /// Rows that some STATE stands for.
    told: u64,
    /// Rejected rows that no STATE stands for yet.
    rejected: u64,
}

/// A STATE that waits.
#[derive(Debug)]
struct Waiting {
    checkpoint: Checkpoint,
    covers: Vec<Rows>,
    until: Until,
}

/// The STATEs that wait.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    keep: Keep,
    /// By stream, in the order in which they began.
    streams: Vec<Progress>,
    waiting: VecDeque<Waiting>,
    settled: bool,
}

impl Checkpoints {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, streams: Vec::new(), waiting: VecDeque::new(), settled: false }
    }

    /// A STATE that stands for the first rows of some streams.
    pub(crate) fn add(&mut self, state: Box<RawValue>, covers: Vec<Rows>, until: Until) {
        let mut checkpoint = Checkpoint { state, rows: 0, rejected: 0 };
        for &(stream, rows) in &covers {
            let progress = self.stream(stream);
            checkpoint.rows += rows.saturating_sub(progress.told);
            checkpoint.rejected += std::mem::take(&mut progress.rejected);
            progress.told = rows;
        }
        // Where both wait for the end, or for the same rows, the later one says all that the earlier one does.
        let both_end = |before: &Waiting| (before.until, until) == (Until::Settled, Until::Settled);
        let replaces = |before: &Waiting| both_end(before) || (before.until == until && before.covers == covers);
        if self.keep == Keep::Last
            && let Some(before) = self.waiting.pop_back_if(|before| replaces(before))
        {
            checkpoint.rows += before.checkpoint.rows;
            checkpoint.rejected += before.checkpoint.rejected;
        }
        self.waiting.push_back(Waiting { checkpoint, covers, until });
    }

    /// The first rows of a stream are acknowledged.
    pub(crate) fn acknowledged(&mut self, stream: usize, rows: u64) {
        let progress = self.stream(stream);
        progress.acknowledged = progress.acknowledged.max(rows);
    }

    /// A row of a stream was rejected. That is told before it counts as acknowledged.
    pub(crate) fn rejected(&mut self, stream: usize, row: u64) {
        let stands_for_it =
            |waiting: &&mut Waiting| waiting.covers.iter().any(|&(at, rows)| at == stream && row <= rows);
        match self.waiting.iter_mut().find(stands_for_it) {
            Some(waiting) => waiting.checkpoint.rejected += 1,
            None => self.stream(stream).rejected += 1,
        }
    }

    /// All runs have ended with nothing left to do.
    pub(crate) fn settled(&mut self) {
        self.settled = true;
    }

    /// Takes out what need not wait any more, and returns what is to be passed on of it.
    pub(crate) fn take(&mut self) -> Vec<Checkpoint> {
        let mut passed: Vec<Checkpoint> = Vec::new();
        let mut blocked = vec![false; self.streams.len()];
        for waiting in std::mem::take(&mut self.waiting) {
            let overtakes = waiting.covers.iter().any(|&(stream, _)| blocked.get(stream).copied().unwrap_or_default());
            if overtakes || !self.have(&waiting) {
                for &(stream, _) in &waiting.covers {
                    if let Some(blocked) = blocked.get_mut(stream) {
                        *blocked = true;
                    }
                }
                self.waiting.push_back(waiting);
            } else {
                let mut checkpoint = waiting.checkpoint;
                if self.keep == Keep::Last
                    && let Some(before) = passed.pop()
                {
                    checkpoint.rows += before.rows;
                    checkpoint.rejected += before.rejected;
                }
                passed.push(checkpoint);
            }
        }
        passed
    }

    /// Whether no STATE waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn have(&self, waiting: &Waiting) -> bool {
        let acknowledged = |stream: usize| self.streams.get(stream).map_or(0, |progress| progress.acknowledged);
        (waiting.until == Until::Acknowledged || self.settled)
            && waiting.covers.iter().all(|&(stream, rows)| acknowledged(stream) >= rows)
    }

    fn stream(&mut self, stream: usize) -> &mut Progress {
        if self.streams.len() <= stream {
            self.streams.resize(stream + 1, Progress::default());
        }
        #[expect(clippy::indexing_slicing, reason = "it was made that long")]
        &mut self.streams[stream]
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use proptest::prelude::*;

    use super::*;

    fn state(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    /// What is passed on: the STATE, its rows, and the rejected ones among them.
    fn taken(checkpoints: &mut Checkpoints) -> Vec<(String, u64, u64)> {
        let told = |it: Checkpoint| (it.state.get().to_owned(), it.rows, it.rejected);
        checkpoints.take().into_iter().map(told).collect()
    }

    fn passed(state: &str, rows: u64, rejected: u64) -> (String, u64, u64) {
        (state.to_owned(), rows, rejected)
    }

    #[test]
    fn a_state_waits_for_the_rows_before_it() {
        let mut checkpoints = Checkpoints::new(Keep::Last);
        checkpoints.add(state("0"), vec![], Until::Acknowledged);
        assert_eq!(taken(&mut checkpoints), [passed("0", 0, 0)]);
        checkpoints.add(state("1"), vec![(0, 2)], Until::Acknowledged);
        checkpoints.add(state("2"), vec![(0, 2), (1, 1)], Until::Acknowledged);
        checkpoints.add(state("3"), vec![(0, 4), (1, 9)], Until::Settled);
        checkpoints.acknowledged(0, 1);
        assert_eq!(taken(&mut checkpoints), []);
        checkpoints.acknowledged(0, 4);
        assert_eq!(taken(&mut checkpoints), [passed("1", 2, 0)]);
        checkpoints.acknowledged(1, 9);
        assert_eq!(taken(&mut checkpoints), [passed("2", 1, 0)]);
        assert_eq!(taken(&mut checkpoints), []);
        assert!(!checkpoints.is_empty());
        checkpoints.settled();
        assert_eq!(taken(&mut checkpoints), [passed("3", 10, 0)]);
        assert!(checkpoints.is_empty());
    }

    #[test]
    fn of_states_that_wait_for_the_same_the_last_counts_where_one_is_kept() {
        let add = |keep| {
            let mut checkpoints = Checkpoints::new(keep);
            for (text, rows) in [("1", 1), ("2", 2), ("3", 2)] {
                checkpoints.add(state(text), vec![(0, rows)], Until::Settled);
            }
            checkpoints.settled();
            assert_eq!(taken(&mut checkpoints), []);
            checkpoints.rejected(0, 2);
            checkpoints.acknowledged(0, 2);
            checkpoints
        };
        assert_eq!(add(Keep::Last).waiting.len(), 1);
        assert_eq!(taken(&mut add(Keep::Last)), [passed("3", 2, 1)]);
        assert_eq!(taken(&mut add(Keep::Each)), [passed("1", 1, 0), passed("2", 1, 1), passed("3", 0, 0)]);
    }

    #[test]
    fn a_stream_does_not_wait_for_another() {
        let mut checkpoints = Checkpoints::new(Keep::Each);
        checkpoints.add(state("10"), vec![(0, 5)], Until::Acknowledged);
        checkpoints.add(state("20"), vec![(1, 1)], Until::Acknowledged);
        checkpoints.add(state("30"), vec![(0, 5), (1, 2)], Until::Acknowledged);
        checkpoints.add(state("40"), vec![(1, 3)], Until::Acknowledged);
        checkpoints.rejected(1, 2);
        checkpoints.acknowledged(1, 3);
        // The last one would say more than what stands before it.
        assert_eq!(taken(&mut checkpoints), [passed("20", 1, 0)]);
        checkpoints.acknowledged(0, 5);
        assert_eq!(taken(&mut checkpoints), [passed("10", 5, 0), passed("30", 1, 1), passed("40", 1, 0)]);
    }

    const STREAMS: usize = 3;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Read(usize, u64),
        /// So many more rows are settled, and these of them were rejected.
        Settle(usize, u64, u8),
        /// A STATE of one stream, or of all, that waits for its rows or for the end.
        State(Option<usize>, Until),
    }

    fn step() -> impl Strategy<Value = Step> {
        let stream = 0..STREAMS;
        prop_oneof![
            (stream.clone(), 0u64..4).prop_map(|(stream, rows)| Step::Read(stream, rows)),
            (stream.clone(), 0u64..6, any::<u8>()).prop_map(|(stream, rows, which)| Step::Settle(stream, rows, which)),
            (prop::option::of(stream), prop::bool::weighted(0.1)).prop_map(|(stream, end)| {
                Step::State(stream, if end { Until::Settled } else { Until::Acknowledged })
            }),
        ]
    }

    proptest! {
        /// However rows, answers and STATEs of several streams are mixed, in either protocol: no STATE goes before its rows are
        /// acknowledged, none overtakes another of its streams, none that could go stays, and together they tell of each row,
        /// and of each rejected one, exactly once.
        #[test]
        fn no_state_is_ahead_of_an_acknowledgement(
            steps in prop::collection::vec(step(), 0..80),
            keep in prop::sample::select(vec![Keep::Last, Keep::Each]),
            ends_well: bool,
        ) {
            let mut checkpoints = Checkpoints::new(keep);
            let (mut read, mut done) = ([0u64; STREAMS], [0u64; STREAMS]);
            let mut refused: Vec<Vec<u64>> = vec![Vec::new(); STREAMS];
            // Each STATE: what it covers, until when it waits, and whether it has gone.
            let mut states: Vec<(Vec<Rows>, Until, bool)> = Vec::new();
            let (mut rows_told, mut rejected_told, mut settled) = (0, 0, false);
            let last = steps.len();
            for at in 0..=last {
                match steps.get(at) {
                    Some(&Step::Read(stream, rows)) => read[stream] += rows,
                    Some(&Step::Settle(stream, rows, which)) => {
                        let from = done[stream];
                        done[stream] = (from + rows).min(read[stream]);
                        for row in from + 1..=done[stream] {
                            if which >> (row % 8) & 1 == 1 {
                                checkpoints.rejected(stream, row);
                                refused[stream].push(row);
                            }
                        }
                        checkpoints.acknowledged(stream, done[stream]);
                    }
                    Some(&Step::State(scope, until)) => {
                        let all = read.iter().copied().enumerate();
                        let covers: Vec<Rows> = all.filter(|(stream, _)| scope.is_none_or(|it| it == *stream)).collect();
                        checkpoints.add(state(&states.len().to_string()), covers.clone(), until);
                        states.push((covers, until, false));
                    }
                    None if ends_well => {
                        for stream in 0..STREAMS {
                            done[stream] = read[stream];
                            checkpoints.acknowledged(stream, read[stream]);
                        }
                        settled = true;
                        checkpoints.settled();
                    }
                    None => {}
                }
                for (text, rows, rejected) in taken(&mut checkpoints) {
                    let this: usize = text.parse().unwrap();
                    let (covers, until, gone) = states[this].clone();
                    prop_assert!(!gone && (until == Until::Acknowledged || settled));
                    prop_assert!(covers.iter().all(|&(stream, rows)| rows <= done[stream]), "{} is ahead", this);
                    let shares = |other: &(Vec<Rows>, Until, bool)| {
                        other.0.iter().any(|(stream, _)| covers.iter().any(|(its, _)| its == stream))
                    };
                    if keep == Keep::Each {
                        prop_assert!(states[..this].iter().all(|before| before.2 || !shares(before)), "{} overtakes", this);
                    }
                    states[this].2 = true;
                    // Where only the last one is passed on, those before it have gone with it.
                    if keep == Keep::Last {
                        for before in states.iter_mut().take(this).filter(|before| shares(before)) {
                            before.2 = true;
                        }
                    }
                    rows_told += rows;
                    rejected_told += rejected;
                }
            }
            if ends_well {
                prop_assert!(checkpoints.is_empty());
                let mut covered = [0u64; STREAMS];
                for &(stream, rows) in states.iter().flat_map(|(covers, ..)| covers) {
                    covered[stream] = covered[stream].max(rows);
                }
                prop_assert_eq!(rows_told, covered.iter().sum::<u64>());
                let rejected: usize =
                    (0..STREAMS).map(|at| refused[at].iter().filter(|row| **row <= covered[at]).count()).sum();
                prop_assert_eq!(rejected_told, rejected as u64);
            }
        }
    }
}
