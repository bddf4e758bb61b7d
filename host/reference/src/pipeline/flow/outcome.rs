//! What a batch's outcome means for each key of it: what the state is to remember.
//!
//! Pure. Where a key stands in a batch more than once, its last record decides; but a key of which anything may have
//! arrived is never forgotten.

use std::collections::HashMap;

use crate::pipeline::flow::batch::Batch;
use destination_engine::plugin::answers::Report;

/// The result of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Confirmed.
    Accepted,
    /// Refused.
    Rejected,
    /// Not known.
    Undelivered,
}

/// The result of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyOutcome {
    /// Its last record in the batch.
    pub(crate) record: usize,
    /// The result of that record.
    pub(crate) outcome: Outcome,
    /// Whether all its records were refused: nothing of it arrived in this batch.
    pub(crate) refused: bool,
}

/// The result of each record. A record that the report leaves out is undelivered.
pub(crate) fn outcomes(records: usize, report: &Report) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Undelivered; records];
    let rejected = report.rejected.iter().map(|rejection| (rejection.record_index, Outcome::Rejected));
    for (index, outcome) in report.accepted.iter().map(|&index| (index, Outcome::Accepted)).chain(rejected) {
        if let Some(slot) = outcomes.get_mut(index as usize) {
            *slot = outcome;
        }
    }
    outcomes
}

/// The outcome of each key.
pub(crate) fn key_outcomes(batch: &Batch, outcomes: &[Outcome]) -> Vec<KeyOutcome> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(outcomes.len());
    let mut keys: Vec<KeyOutcome> = Vec::with_capacity(outcomes.len());
    for ((record, mapped), &outcome) in batch.records.iter().enumerate().zip(outcomes) {
        let refused = outcome == Outcome::Rejected;
        match places.get(mapped.key).and_then(|&place| keys.get_mut(place)) {
            Some(known) => *known = KeyOutcome { record, outcome, refused: known.refused && refused },
            None => {
                places.insert(mapped.key, keys.len());
                keys.push(KeyOutcome { record, outcome, refused });
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::pipeline::flow::batch::{Item, KeyHash, Queue, Size};
    use crate::state::Change;
    use destination_engine::arrow::records::Record;
    use destination_engine::bindings::{Action, Rejection};

    fn batch(keys: &[&str]) -> Batch {
        let mut queue = Queue::new(Size { records: 100, bytes: 1000 });
        for key in keys {
            let record = Record { row: 0, key, action: Action::Upsert, payload: "" };
            let item = Item { record, rows: None, key: KeyHash::of(key), content: 0, change: Change::Added };
            queue.push(&item).unwrap();
        }
        queue.close();
        queue.next().unwrap()
    }

    #[test]
    fn every_record_has_an_outcome() {
        let rejection = Rejection { record_index: 2, code: String::new(), message: String::new() };
        let report = Report {
            accepted: vec![0],
            rejected: vec![rejection],
            undelivered: None,
            superseded: 0,
            requests: 1,
            retries: 0,
        };
        assert_eq!(
            outcomes(4, &report),
            [Outcome::Accepted, Outcome::Undelivered, Outcome::Rejected, Outcome::Undelivered]
        );
    }

    #[test]
    fn the_last_record_of_a_key_decides() {
        use Outcome::{Accepted, Rejected, Undelivered};
        let keys = key_outcomes(
            &batch(&["a", "b", "a", "c", "b", "d", "d"]),
            &[Rejected, Accepted, Accepted, Undelivered, Rejected, Rejected, Rejected],
        );
        assert_eq!(
            keys,
            [
                KeyOutcome { record: 2, outcome: Accepted, refused: false },
                KeyOutcome { record: 4, outcome: Rejected, refused: false },
                KeyOutcome { record: 3, outcome: Undelivered, refused: false },
                KeyOutcome { record: 6, outcome: Rejected, refused: true },
            ]
        );
    }
}
