//! Which STATE may be passed on: the last one of which everything before it is acknowledged.
//!
//! Pure. A STATE waits for the rows that each stream had when it came. Rows are acknowledged in the order of the source, so
//! what the first waiting STATE waits for, the later ones do too.

use std::collections::VecDeque;

use serde_json::value::RawValue;

/// What a STATE waits for in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// These first rows.
    Rows(u64),
    /// These first rows, and the end of its run with nothing left to do: the removals of a mirror.
    End(u64),
}

/// How far a stream is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    rows: u64,
    settled: bool,
}

/// The STATEs that wait.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// By stream, in the order in which they came.
    streams: Vec<Progress>,
    waiting: VecDeque<(Box<RawValue>, Vec<Need>)>,
}

impl Checkpoints {
    /// A STATE that waits. `needs`: by stream, those that have come so far.
    pub(super) fn add(&mut self, state: Box<RawValue>, needs: Vec<Need>) {
        // Where both wait for the same end, or for the same rows, the later one says all that the earlier one does.
        let same_end =
            |before: &[Need]| before.iter().zip(&needs).any(|both| matches!(both, (Need::End(_), Need::End(_))));
        if self.waiting.back().is_some_and(|(_, before)| *before == needs || same_end(before)) {
            self.waiting.pop_back();
        }
        self.waiting.push_back((state, needs));
    }

    /// The first rows of a stream are acknowledged.
    pub(super) fn acknowledged(&mut self, stream: usize, rows: u64) {
        if let Some(progress) = self.stream(stream) {
            progress.rows = progress.rows.max(rows);
        }
    }

    /// A stream's run has ended with nothing left to do.
    pub(super) fn settled(&mut self, stream: usize) {
        if let Some(progress) = self.stream(stream) {
            progress.settled = true;
        }
    }

    /// Takes out what need not wait any more, and returns the last of it.
    pub(super) fn take(&mut self) -> Option<Box<RawValue>> {
        let mut last = None;
        while self.waiting.front().is_some_and(|(_, needs)| self.have(needs)) {
            last = self.waiting.pop_front();
        }
        last.map(|(state, _)| state)
    }

    /// Whether a STATE waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn have(&self, needs: &[Need]) -> bool {
        needs.iter().enumerate().all(|(stream, need)| {
            let progress = self.streams.get(stream).copied().unwrap_or_default();
            match *need {
                Need::Rows(rows) => progress.rows >= rows,
                Need::End(rows) => progress.settled && progress.rows >= rows,
            }
        })
    }

    fn stream(&mut self, stream: usize) -> Option<&mut Progress> {
        if self.streams.len() <= stream {
            self.streams.resize(stream + 1, Progress::default());
        }
        self.streams.get_mut(stream)
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

    fn taken(checkpoints: &mut Checkpoints) -> Option<String> {
        checkpoints.take().map(|state| state.get().to_owned())
    }

    #[test]
    fn a_state_waits_for_the_rows_before_it() {
        let mut checkpoints = Checkpoints::default();
        checkpoints.add(state("0"), vec![]);
        assert_eq!(taken(&mut checkpoints), Some("0".to_owned()));
        checkpoints.add(state("1"), vec![Need::Rows(2)]);
        checkpoints.add(state("2"), vec![Need::Rows(2), Need::Rows(1)]);
        checkpoints.add(state("3"), vec![Need::Rows(4), Need::End(9)]);
        checkpoints.acknowledged(0, 1);
        assert_eq!(taken(&mut checkpoints), None);
        checkpoints.acknowledged(0, 4);
        assert_eq!(taken(&mut checkpoints), Some("1".to_owned()));
        checkpoints.acknowledged(1, 9);
        assert_eq!(taken(&mut checkpoints), Some("2".to_owned()));
        assert_eq!(taken(&mut checkpoints), None);
        assert!(!checkpoints.is_empty());
        checkpoints.settled(1);
        assert_eq!(taken(&mut checkpoints), Some("3".to_owned()));
        assert!(checkpoints.is_empty());
    }

    #[test]
    fn of_states_that_wait_for_the_same_the_last_counts() {
        let mut checkpoints = Checkpoints::default();
        for (text, rows) in [("1", 1), ("2", 2), ("3", 2)] {
            checkpoints.add(state(text), vec![Need::End(rows)]);
        }
        assert_eq!(checkpoints.waiting.len(), 1);
        checkpoints.settled(0);
        assert_eq!(taken(&mut checkpoints), None);
        checkpoints.acknowledged(0, 2);
        assert_eq!(taken(&mut checkpoints), Some("3".to_owned()));
    }

    proptest! {
        /// However rows and acknowledgements are mixed: what comes out waits for nothing any more, and what could come out did.
        #[test]
        fn the_last_that_need_not_wait_is_taken(steps in prop::collection::vec((0usize..3, 0u64..4, 0u8..3), 0..60)) {
            let mut checkpoints = Checkpoints::default();
            let (mut read, mut done) = ([0u64; 3], [0u64; 3]);
            let mut states: Vec<[u64; 3]> = Vec::new();
            let mut passed = None;
            for (stream, rows, kind) in steps {
                match kind {
                    0 => read[stream] += rows,
                    1 => {
                        done[stream] = (done[stream] + rows).min(read[stream]);
                        checkpoints.acknowledged(stream, done[stream]);
                    }
                    _ => {
                        checkpoints.add(state(&states.len().to_string()), read.map(Need::Rows).to_vec());
                        states.push(read);
                    }
                }
                if let Some(text) = taken(&mut checkpoints) {
                    passed = Some(text.parse::<usize>().unwrap());
                }
                let ready = states.iter().rposition(|needs| (0..3).all(|at| needs[at] <= done[at]));
                prop_assert_eq!(passed, ready);
            }
        }
    }
}
