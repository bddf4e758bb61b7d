//! A mapped batch as it comes back from an engine: checked, and with one record for each key.

use std::borrow::Cow;
use std::collections::hash_map::Entry;

use crate::api::membership;
use crate::bindings::exports::etl::destination::destination::{Action, Failure, MappedBatch};
use crate::columns::Strings;
use crate::columns::index::TextIndex;
use crate::config::{Config, Object};
use crate::problem;

/// The records to deliver, each key once.
pub(crate) struct Records<'a> {
    /// In the order of the batch.
    pub(crate) kept: Vec<Record<'a>>,
    /// In the order of the batch.
    pub(crate) superseded: Vec<Superseded>,
}

/// One record.
pub(crate) struct Record<'a> {
    /// Its index in the batch.
    pub(crate) batch_index: u32,
    pub(crate) key: &'a str,
    /// The JSON that is sent for it.
    pub(crate) item: Cow<'a, str>,
}

/// A record whose key comes again later: it is delivered or rejected with that one.
pub(crate) struct Superseded {
    /// Its index in the batch.
    pub(crate) batch_index: u32,
    /// The index of the later one in [`Records::kept`].
    pub(crate) by: usize,
}

impl<'a> Records<'a> {
    /// Check a batch and drop all but the last record of each key.
    ///
    /// # Errors
    /// A batch that is malformed, or that asks for what the config's object type does not do.
    pub(crate) fn read(config: &Config, batch: &'a MappedBatch) -> Result<Self, Failure> {
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
            let item = item(config.object, batch_index, key, *action, payloads.get(index).unwrap_or_default())?;
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

    /// The JSON of some of the kept records, by their indices.
    pub(crate) fn items(&self, indices: &[usize]) -> impl Iterator<Item = &str> + Clone {
        indices.iter().filter_map(|index| self.kept.get(*index)).map(|record| record.item.as_ref())
    }
}

/// The JSON of a record. An engine has none for a row that left its source: that one is written here.
fn item<'a>(object: Object, index: u32, key: &str, action: Action, payload: &'a str) -> Result<Cow<'a, str>, Failure> {
    match (object, action) {
        (Object::Profiles, Action::Upsert) | (Object::Audience { .. }, Action::Add | Action::Delete) => {}
        (Object::Profiles, Action::Add | Action::Delete) => {
            return Err(problem::configuration(format!(
                "record {index} is not an upsert: a sync of customer_profiles creates and updates, and does nothing else"
            )));
        }
        (Object::Audience { .. }, Action::Upsert) => {
            return Err(problem::configuration(format!(
                "record {index} is an upsert: a sync of customer_profile_audiences adds and deletes, and does nothing else"
            )));
        }
    }
    if key.is_empty() {
        return Err(problem::internal(format!("record {index} has an empty key")));
    }
    match (object, action) {
        _ if !payload.is_empty() => Ok(Cow::Borrowed(payload)),
        (Object::Audience { id, .. }, Action::Delete) => {
            let mut item = String::with_capacity(key.len() + 80);
            membership::write(key, action, id, &mut item);
            Ok(Cow::Owned(item))
        }
        _ => Err(problem::internal(format!("record {index} has no payload: only a delete may have none"))),
    }
}

#[cfg(test)]
mod tests;
