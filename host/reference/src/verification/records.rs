//! Rows of the source beside what the destination holds for them, value by value. Whether two values are equal is the plugin's to
//! say.

use std::collections::BTreeMap;

use super::VerifyError;
use super::members::Keys;
use super::sample::{Sample, SampleSize};
use crate::pipeline::Mapped;
use crate::report::Failure;
use destination_engine::Inspection;
use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::bindings::{Action, Difference};
use tokio::sync::mpsc::Receiver;

/// Records that differ and are told of; past that the rest of the rows is not looked at.
const MOST_DIFFERING: usize = 100_000;
/// Values that are shown.
const MOST_SHOWN: usize = 10;

/// What came of comparing rows with what the destination holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that could not be mapped, and were not compared.
    pub unmapped: u64,
    /// Records that were compared.
    pub compared: u64,
    /// Those of them that the destination does not have, or has and should not.
    pub absent_or_left: Keys,
    /// Those in which a value differs.
    pub differing: u64,
    /// In how many records each field differs.
    pub fields: BTreeMap<String, u64>,
    /// The first values that differ.
    pub first: Vec<FoundDifference>,
    /// Whether it stopped before the last row: too many records differ to tell of all.
    pub stopped: bool,
}

/// A value, or a whole record, that the destination holds otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDifference {
    /// The record's key.
    pub key: String,
    /// The field; `None` for the record as a whole.
    pub field: Option<String>,
    /// What the row says; of a whole record, `None` where it should not be there.
    pub expected: Option<String>,
    /// What the destination holds, if anything.
    pub found: Option<String>,
}

impl FoundDifference {
    /// In words, without the key.
    #[must_use]
    pub fn told(&self) -> String {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        match (&self.field, &self.expected) {
            (Some(field), _) => format!("{field}: expected {}, found {}", shown(&self.expected), shown(&self.found)),
            (None, Some(_)) => "is not there".to_owned(),
            (None, None) => "is there and should not be".to_owned(),
        }
    }
}

impl Records {
    /// Whether no difference was found.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.absent_or_left.count == 0 && self.differing == 0
    }
}

/// What is compared of a record.
type Content = (Action, String);

/// Compares rows as they come, or a sample of them once all have come.
pub(super) struct Comparison<'a> {
    inspection: &'a Inspection,
    batch_records: usize,
    records: Records,
    /// Of the records that differ: a later row of the same key is the one that counts.
    differing: BTreeMap<String, Vec<FoundDifference>>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(inspection: &'a Inspection, batch_records: usize) -> Self {
        Self { inspection, batch_records, records: Records::default(), differing: BTreeMap::new() }
    }

    /// Compares the rows to their end. All differences that were found come with the figures, in the order of the keys.
    pub(super) async fn run(
        mut self,
        mut rows: Receiver<Mapped>,
        size: SampleSize,
    ) -> Result<(Records, impl Iterator<Item = FoundDifference>), VerifyError> {
        let mut sample = match size {
            SampleSize::Of(size) => Some(Sample::new(size)),
            SampleSize::All => None,
        };
        let mut waiting: BTreeMap<String, Content> = BTreeMap::new();
        loop {
            let (chunk, mapping) = match rows.recv().await {
                Some(Mapped::Rows(chunk, mapping)) => (chunk, mapping),
                Some(Mapped::End(_)) => break,
                broken => {
                    let failure = broken.and_then(Mapped::into_failure).map(|(failure, _)| failure);
                    let failure = failure.unwrap_or_else(|| Failure::engine("the mapper died"));
                    return Err(VerifyError::Failed(failure));
                }
            };
            self.records.rows += chunk.len() as u64;
            self.records.unmapped += (chunk.rejected.len() + mapping.issues.len()) as u64;
            for record in mapping.batch.iter() {
                let content = || (record.action, record.payload.to_owned());
                match &mut sample {
                    Some(sample) => sample.offer(record.key, content),
                    None => drop(waiting.insert(record.key.to_owned(), content())),
                }
                if waiting.len() == self.batch_records {
                    self.compare(std::mem::take(&mut waiting).into_iter()).await?;
                }
            }
            if self.differing.len() >= MOST_DIFFERING {
                self.records.stopped = true;
                break;
            }
        }
        match sample {
            Some(sample) => self.compare(sample.into_drawn()).await?,
            None => self.compare(waiting.into_iter()).await?,
        }
        Ok(self.finish())
    }

    /// Compares these, some at a time.
    async fn compare(&mut self, mut records: impl Iterator<Item = (String, Content)>) -> Result<(), VerifyError> {
        loop {
            let mut batch = MappedBatch::default();
            for (row, (key, (action, payload))) in (0..).zip(records.by_ref().take(self.batch_records)) {
                let record = Record { row, key: &key, action, payload: &payload };
                batch.push(record).map_err(|error| VerifyError::Failed(Failure::engine(error.to_string())))?;
            }
            if batch.is_empty() {
                return Ok(());
            }
            let differences = differences(self.inspection, &batch).await?;
            self.records.compared += batch.len() as u64;
            batch.iter().for_each(|record| drop(self.differing.remove(record.key)));
            for Difference { record_index, field, expected, found } in differences {
                let Some(record) = batch.get(record_index as usize) else { continue };
                let difference = FoundDifference { key: record.key.to_owned(), field, expected, found };
                self.differing.entry(record.key.to_owned()).or_default().push(difference);
            }
        }
    }

    fn finish(mut self) -> (Records, impl Iterator<Item = FoundDifference>) {
        for (key, differences) in &self.differing {
            if differences.iter().any(|difference| difference.field.is_none()) {
                self.records.absent_or_left.add(key);
            } else {
                self.records.differing += 1;
            }
            for difference in differences {
                if let Some(field) = &difference.field {
                    *self.records.fields.entry(field.clone()).or_default() += 1;
                }
                if self.records.first.len() < MOST_SHOWN {
                    self.records.first.push(difference.clone());
                }
            }
        }
        (self.records, self.differing.into_values().flatten())
    }
}

/// What the plugin finds.
pub(super) async fn differences(inspection: &Inspection, batch: &MappedBatch) -> Result<Vec<Difference>, VerifyError> {
    let outcome = inspection.compare_records(batch).await;
    outcome.answer.map_err(|error| VerifyError::call("what is there can't be compared", &error, outcome.traffic.cause))
}
