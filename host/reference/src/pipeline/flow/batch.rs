//! Records on their way to the destination, cut into batches, with the order of each key kept.
//!
//! Pure. Batches leave in the order in which they were filled; one that has a key which is in flight in an earlier batch
//! waits until that one is settled. So what a key holds at the end is what the source said last, however many batches
//! are under way, and a batch that fails can't overtake its successor.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::pipeline::rows::Rows;
use crate::state::Change;
use destination_engine::arrow::records::{MappedBatch, Record, TooLarge};

/// The most that a batch holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// A record to be sent.
pub(crate) struct Item<'a> {
    pub(crate) record: Record<'a>,
    /// The row that it came from, among these; `None` for a removal that the engine made.
    pub(crate) rows: Option<&'a Arc<Rows>>,
    pub(crate) key: KeyHash,
    /// Of what is delivered; see [`content_hash`].
    pub(crate) content: u64,
    pub(crate) change: Change,
}

/// The hash of a key. Two keys that share one wait for each other, which does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    pub(crate) fn of(key: &str) -> Self {
        Self(xxh3_64(key.as_bytes()))
    }
}

/// The hash of what a record delivers: its action and its payload.
pub(crate) fn content_hash(record: &Record<'_>) -> u64 {
    // The action changes the seed, so that it costs no copy.
    xxhash_rust::xxh3::xxh3_64_with_seed(record.payload.as_bytes(), record.action as u64)
}

/// Records that are sent together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    number: u64,
    pub(crate) records: MappedBatch,
    keys: Vec<KeyHash>,
    contents: Vec<u64>,
    changes: Vec<Change>,
    /// Where the rows of each stretch of records are, by its first record.
    origins: Vec<(usize, Option<Arc<Rows>>)>,
    /// Earlier batches with a key of this one.
    waits_for: BTreeSet<u64>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// How a record differs from what was delivered.
    pub(crate) fn change(&self, record: usize) -> Option<Change> {
        self.changes.get(record).copied()
    }

    /// The hash of what a record delivers.
    pub(crate) fn content(&self, record: usize) -> Option<u64> {
        self.contents.get(record).copied()
    }

    /// The row that a record came from, and its place among those rows; `None` for a removal that the engine made.
    pub(crate) fn origin(&self, record: usize) -> Option<(&Rows, usize)> {
        let after = self.origins.partition_point(|(first, _)| *first <= record);
        let (_, rows) = self.origins.get(after.checked_sub(1)?)?;
        Some((rows.as_ref()?, self.records.get(record)?.row as usize))
    }

    /// The number of the first row in it; `None` for removals that the engine made.
    pub(crate) fn first_row(&self) -> Option<u64> {
        let (rows, row) = self.origin(0)?;
        Some(rows.number(row))
    }

    /// Whether it consists of removals that the engine made.
    pub(crate) fn is_removals(&self) -> bool {
        self.origins.iter().all(|(_, rows)| rows.is_none())
    }

    fn push(&mut self, item: &Item<'_>) -> Result<(), TooLarge> {
        self.records.push(item.record)?;
        let same = match (self.origins.last(), item.rows) {
            (Some((_, Some(last))), Some(rows)) => Arc::ptr_eq(last, rows),
            (Some((_, None)), None) => true,
            _ => false,
        };
        if !same {
            self.origins.push((self.keys.len(), item.rows.cloned()));
        }
        self.keys.push(item.key);
        self.contents.push(item.content);
        self.changes.push(item.change);
        Ok(())
    }
}

/// All batches that are not settled.
#[derive(Debug)]
pub(crate) struct Queue {
    size: Size,
    /// The batch that is being filled.
    open: Batch,
    /// Batches that are full and were not sent.
    ready: VecDeque<Batch>,
    in_flight: BTreeSet<u64>,
    /// For each key, the number of the last batch that has it.
    last: HashMap<KeyHash, u64, BuildHasherDefault<AsItIs>>,
}

impl Queue {
    pub(crate) fn new(size: Size) -> Self {
        let last = HashMap::default();
        Self { size, open: Batch::default(), ready: VecDeque::new(), in_flight: BTreeSet::new(), last }
    }

    /// From the next record on, batches have another size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// Adds a record at the end.
    pub(crate) fn push(&mut self, item: &Item<'_>) -> Result<(), TooLarge> {
        let bytes = self.open.records.payload_bytes() + item.record.payload.len();
        if self.open.len() >= self.size.records || (self.open.len() > 0 && bytes > self.size.bytes) {
            self.close();
        }
        self.open.push(item)?;
        let number = self.open.number;
        if let Some(before) = self.last.insert(item.key, number).filter(|&before| before != number) {
            self.open.waits_for.insert(before);
        }
        Ok(())
    }

    /// Makes the records so far ready, though they do not fill a batch.
    pub(crate) fn close(&mut self) {
        if self.open.len() > 0 {
            let next = Batch { number: self.open.number + 1, ..Batch::default() };
            self.ready.push_back(std::mem::replace(&mut self.open, next));
        }
        // A full batch stays open until the next record comes. It need not wait for it.
    }

    /// Whether a record of this key waits or is in flight.
    pub(crate) fn has(&self, key: KeyHash) -> bool {
        self.last.contains_key(&key)
    }

    /// The number of the first row that was not sent.
    pub(crate) fn first_row(&self) -> Option<u64> {
        self.ready.front().unwrap_or(&self.open).first_row()
    }

    /// How many batches are ready.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next batch, to be sent now; `None` where there is none or it must wait.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        if self.ready.is_empty() && self.open.len() >= self.size.records {
            self.close();
        }
        // Batches leave in order: whatever the first one waits for is in flight or settled.
        let blocked = self.ready.front()?.waits_for.iter().any(|number| self.in_flight.contains(number));
        if blocked {
            return None;
        }
        let batch = self.ready.pop_front()?;
        self.in_flight.insert(batch.number);
        Some(batch)
    }

    /// Notes that a batch has come to its end, whatever that is.
    pub(crate) fn settle(&mut self, batch: &Batch) {
        self.in_flight.remove(&batch.number);
        for key in &batch.keys {
            if self.last.get(key) == Some(&batch.number) {
                self.last.remove(key);
            }
        }
    }

    /// Takes out everything that was not sent.
    pub(crate) fn drain(&mut self) -> Vec<Batch> {
        self.close();
        let drained: Vec<Batch> = self.ready.drain(..).collect();
        for batch in &drained {
            self.settle(batch);
        }
        drained
    }

    /// Whether everything is settled.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.len() == 0 && self.ready.is_empty() && self.in_flight.is_empty()
    }
}

/// The hasher of what is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use proptest::prelude::*;

    use super::*;
    use destination_engine::bindings::Action;

    fn push(queue: &mut Queue, key: &str, payload: &str, rows: Option<(&Arc<Rows>, u32)>) {
        let record = Record { row: rows.map_or(0, |(_, row)| row), key, action: Action::Upsert, payload };
        let rows = rows.map(|(rows, _)| rows);
        let item = Item { record, rows, key: KeyHash::of(key), content: 0, change: Change::Added };
        queue.push(&item).unwrap();
    }

    fn queue(records: usize, bytes: usize) -> Queue {
        Queue::new(Size { records, bytes })
    }

    fn keys(batch: &Batch) -> Vec<String> {
        batch.records.iter().map(|record| record.key.to_owned()).collect()
    }

    #[test]
    fn batches_are_cut_by_records_and_by_bytes() {
        let mut queue = queue(3, 10);
        for (key, payload) in
            [("a", "1"), ("b", "1"), ("c", "1"), ("d", "12345"), ("e", "123456"), ("f", "a long payload")]
        {
            push(&mut queue, key, payload, None);
        }
        queue.close();
        let cut: Vec<_> = std::iter::from_fn(|| queue.next()).map(|batch| keys(&batch)).collect();
        assert_eq!(cut, [vec!["a", "b", "c"], vec!["d"], vec!["e"], vec!["f"]]);
    }

    #[test]
    fn a_full_batch_does_not_wait_for_the_next_record() {
        let mut queue = queue(1, 100);
        push(&mut queue, "a", "", None);
        assert_eq!(keys(&queue.next().unwrap()), ["a"]);
        assert!(queue.next().is_none());
    }

    #[test]
    fn nothing_is_no_batch() {
        let mut queue = queue(3, 10);
        queue.close();
        assert!(queue.next().is_none());
        assert!(queue.is_empty());
    }

    #[test]
    fn a_key_in_flight_holds_back_the_batch_that_has_it_again() {
        let mut queue = queue(2, 100);
        for key in ["a", "b", "c", "a", "d", "e"] {
            push(&mut queue, key, "", None);
        }
        queue.close();
        let first = queue.next().unwrap();
        assert!(queue.next().is_none(), "the second batch has a key of the first");
        assert!(queue.has(KeyHash::of("b")));
        queue.settle(&first);
        assert!(!queue.has(KeyHash::of("b")));
        assert!(queue.has(KeyHash::of("a")), "it waits again");
        let (second, third) = (queue.next().unwrap(), queue.next().unwrap());
        assert_eq!((keys(&second), keys(&third)), (vec!["c".into(), "a".into()], vec!["d".into(), "e".into()]));
        queue.settle(&third);
        queue.settle(&second);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_key_twice_in_one_batch_waits_for_nothing() {
        let mut queue = queue(10, 100);
        push(&mut queue, "a", "1", None);
        push(&mut queue, "a", "2", None);
        queue.close();
        assert_eq!(queue.next().unwrap().len(), 2);
    }

    #[test]
    fn what_is_drained_was_not_sent() {
        let mut queue = queue(1, 100);
        for key in ["a", "b", "c"] {
            push(&mut queue, key, "", None);
        }
        let sent = queue.next().unwrap();
        let drained: Vec<_> = queue.drain().iter().flat_map(keys).collect();
        assert_eq!(drained, ["b", "c"]);
        assert!(!queue.is_empty());
        queue.settle(&sent);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_record_finds_its_row() {
        let rows = |first| {
            let values: ArrayRef = Arc::new(Int64Array::from(vec![0; 5]));
            Arc::new(Rows::new(RecordBatch::try_from_iter([("n", values)]).unwrap(), first))
        };
        let (early, late) = (rows(1), rows(6));
        let mut queue = queue(10, 100);
        push(&mut queue, "a", "", Some((&early, 3)));
        push(&mut queue, "b", "", Some((&early, 4)));
        push(&mut queue, "c", "", Some((&late, 0)));
        queue.close();
        let batch = queue.next().unwrap();
        let numbers: Vec<_> = (0..3)
            .map(|record| {
                let (rows, row) = batch.origin(record).unwrap();
                rows.number(row)
            })
            .collect();
        assert_eq!(numbers, [4, 5, 6]);
        assert!(batch.origin(3).is_none());
        assert!(!batch.is_removals());
    }

    #[test]
    fn content_is_action_and_payload() {
        let record = Record { row: 0, key: "a", action: Action::Add, payload: "x" };
        let same = Record { row: 1, key: "b", ..record };
        assert_eq!(content_hash(&record), content_hash(&same));
        assert_ne!(content_hash(&record), content_hash(&Record { action: Action::Delete, ..record }));
        assert_ne!(content_hash(&record), content_hash(&Record { payload: "y", ..record }));
    }

    proptest! {
        /// Whatever the order in which batches settle, each key's records arrive in the order of the source.
        #[test]
        fn the_order_of_a_key_is_kept(
            keys in prop::collection::vec(0u8..6, 1..60),
            size in 1usize..5,
            workers in 1usize..5,
            choices in prop::collection::vec(any::<prop::sample::Index>(), 200),
        ) {
            let mut queue = queue(size, 1000);
            for (at, key) in keys.iter().enumerate() {
                push(&mut queue, &key.to_string(), &at.to_string(), None);
            }
            queue.close();
            let (mut in_flight, mut arrived, mut choices) = (Vec::new(), Vec::new(), choices.into_iter().cycle());
            while !queue.is_empty() {
                while in_flight.len() < workers {
                    let Some(batch) = queue.next() else { break };
                    in_flight.push(batch);
                }
                prop_assert!(!in_flight.is_empty(), "nothing moves");
                // A batch may arrive at any time before it is settled: here just before.
                let batch: Batch = in_flight.swap_remove(choices.next().unwrap().index(in_flight.len()));
                arrived.extend(batch.records.iter().map(|record| {
                    (record.key.to_owned(), record.payload.parse::<usize>().unwrap())
                }));
                queue.settle(&batch);
            }
            prop_assert_eq!(arrived.len(), keys.len());
            for key in 0u8..6 {
                let order: Vec<_> = arrived.iter().filter(|(of, _)| *of == key.to_string()).map(|(_, at)| at).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
