//! A mapped batch as it comes back from an engine: checked, and with one record for each key.

use std::borrow::Cow;
use std::collections::hash_map::Entry;

use crate::bindings::{Action, Failure, MappedBatch};
use crate::columns::{Strings, TextIndex};
use crate::problem;

/// The records to deliver, each key once.
#[derive(Debug)]
pub struct Records<'a> {
    /// In the order of the batch.
    pub kept: Vec<Record<'a>>,
    /// In the order of the batch.
    pub superseded: Vec<Superseded>,
}

/// One record.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its index in the batch.
    pub batch_index: u32,
    /// Its key, of which this is the only record.
    pub key: &'a str,
    /// What is sent for it.
    pub item: Cow<'a, str>,
}

/// A record whose key comes again later: it is delivered or rejected with that one.
#[derive(Debug)]
pub struct Superseded {
    /// Its index in the batch.
    pub batch_index: u32,
    /// The index of the later one in [`Records::kept`].
    pub by: usize,
}

impl<'a> Records<'a> {
    /// Check a batch and drop all but the last record of each key. `item` gives what is sent for a record, from its index, key,
    /// action and payload; an engine has no payload for a row that left its source, so that of a delete may be empty.
    ///
    /// # Errors
    /// A batch that is malformed, or what `item` fails with.
    pub fn read(
        batch: &'a MappedBatch,
        item: &dyn Fn(u32, &'a str, Action, &'a str) -> Result<Cow<'a, str>, Failure>,
    ) -> Result<Self, Failure> {
        let strings = |what: &str, strings| {
            Strings::read(strings).map_err(|fault| problem::internal(format!("the batch's {what}: {fault}")))
        };
        let keys = strings("keys", &batch.keys)?;
        let payloads = strings("payloads", &batch.payloads)?;
        let count = batch.actions.len();
        if [batch.rows.len(), keys.len(), payloads.len()] != [count; 3] {
            return Err(problem::internal(format!(
                "the batch has {} rows, {} keys, {count} actions and {} payloads: expected the same number of each",
                batch.rows.len(),
                keys.len(),
                payloads.len()
            )));
        }
        let mut last = TextIndex::with_capacity_and_hasher(count, Default::default());
        let mut kept = Vec::with_capacity(count);
        let mut superseded = Vec::new();
        for (index, action) in batch.actions.iter().enumerate().rev() {
            let batch_index = u32::try_from(index)
                .map_err(|_| problem::internal("the batch has more records than can be counted"))?;
            let key = keys.get(index).unwrap_or_default();
            let item = item(batch_index, key, *action, payloads.get(index).unwrap_or_default())?;
            match last.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(kept.len());
                    kept.push(Record { batch_index, key, item });
                }
                Entry::Occupied(later) => superseded.push(Superseded { batch_index, by: *later.get() }),
            }
        }
        kept.reverse();
        superseded.reverse();
        for record in &mut superseded {
            record.by = kept.len() - 1 - record.by;
        }
        Ok(Self { kept, superseded })
    }

    /// Some of the kept records, by their indices.
    #[must_use]
    pub fn some(&self, indices: &[usize]) -> Vec<&Record<'a>> {
        indices.iter().filter_map(|index| self.kept.get(*index)).collect()
    }

    /// What is sent for some of the kept records, by their indices.
    #[must_use]
    pub fn items(&self, indices: &[usize]) -> Vec<&str> {
        indices.iter().filter_map(|index| self.kept.get(*index)).map(|record| record.item.as_ref()).collect()
    }
}
