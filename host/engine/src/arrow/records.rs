//! Mapped records: many in a few allocations, laid out as they cross into the sandbox.
//!
//! A batch of this type is always well formed: as many keys, actions and payloads as rows, and every text whole. What a
//! plugin answers is checked before it becomes one.

use crate::bindings::{Action, MappedBatchParam, MappedBatchResult, Strings, StringsResult};

/// One record, ready to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The index of the source row in the batch that it was mapped from.
    pub row: u32,
    /// The record's identity at the destination.
    pub key: &'a str,
    /// What the record asks of the destination.
    pub action: Action,
    /// The plugin's own; an engine may hash it to see whether a row changed. Empty for a removal that the engine made.
    pub payload: &'a str,
}

impl<'a> Record<'a> {
    /// The removal of a row that left the source, which the engine makes itself: the key as it was delivered, no payload.
    #[must_use]
    pub fn removal(row: u32, key: &'a str) -> Self {
        Self { row, key, action: Action::Delete, payload: "" }
    }
}

/// Records, ready to be sent, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MappedBatch {
    rows: Vec<u32>,
    keys: Texts,
    actions: Vec<Action>,
    payloads: Texts,
}

/// A batch whose keys or payloads are more than 4 GiB, which is more than a sandbox can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch of records holds at most 4 GiB of keys and 4 GiB of payloads; send it in parts")]
pub struct TooLarge;

impl MappedBatch {
    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The record at this index, if there are so many.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Record<'_>> {
        Some(Record {
            row: *self.rows.get(index)?,
            key: self.keys.get(index)?,
            action: *self.actions.get(index)?,
            payload: self.payloads.get(index)?,
        })
    }

    /// All records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        self.rows
            .iter()
            .zip(&self.actions)
            .zip(self.keys.iter().zip(self.payloads.iter()))
            .map(|((row, action), (key, payload))| Record { row: *row, key, action: *action, payload })
    }

    /// Bytes of all payloads together.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payloads.data.len()
    }

    /// Add a copy of a record.
    ///
    /// # Errors
    /// [`TooLarge`] past 4 GiB; the batch is as it was.
    pub fn push(&mut self, record: Record<'_>) -> Result<(), TooLarge> {
        let key_end = self.keys.end_with(record.key)?;
        let payload_end = self.payloads.end_with(record.payload)?;
        self.rows.push(record.row);
        self.actions.push(record.action);
        self.keys.push(record.key, key_end);
        self.payloads.push(record.payload, payload_end);
        Ok(())
    }

    /// Remove all records and keep the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.actions.clear();
        self.keys.clear();
        self.payloads.clear();
    }

    /// The batch as a parameter of a plugin's function.
    pub(crate) fn as_param(&self) -> MappedBatchParam<'_> {
        MappedBatchParam {
            rows: &self.rows,
            keys: self.keys.as_param(),
            actions: &self.actions,
            payloads: self.payloads.as_param(),
        }
    }

    /// Check a plugin's answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn from_answer(answer: MappedBatchResult) -> Result<Self, String> {
        let rows = answer.rows.len();
        if answer.actions.len() != rows {
            return Err(format!("{rows} rows but {} actions", answer.actions.len()));
        }
        Ok(Self {
            keys: Texts::from_answer(answer.keys, rows).map_err(|e| format!("keys: {e}"))?,
            payloads: Texts::from_answer(answer.payloads, rows).map_err(|e| format!("payloads: {e}"))?,
            rows: answer.rows,
            actions: answer.actions,
        })
    }

    /// The source rows of the records.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

/// Many strings in one: string `i` ends where string `i + 1` begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// Empty, or one more than there are strings.
    offsets: Vec<u32>,
    data: String,
}

impl Texts {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The string at this index, if there are so many.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let start = *self.offsets.get(index)?;
        let end = *self.offsets.get(index + 1)?;
        self.data.get(start as usize..end as usize)
    }

    /// All of them in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.offsets
            .array_windows()
            .map(|&[start, end]| self.data.get(start as usize..end as usize).unwrap_or_default())
    }

    /// Where the data would end with one string more.
    fn end_with(&self, text: &str) -> Result<u32, TooLarge> {
        u32::try_from(self.data.len() + text.len()).map_err(|_| TooLarge)
    }

    fn push(&mut self, text: &str, end: u32) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.data.push_str(text);
        self.offsets.push(end);
    }

    fn clear(&mut self) {
        self.offsets.clear();
        self.data.clear();
    }

    fn as_param(&self) -> Strings<'_> {
        Strings { offsets: &self.offsets, data: &self.data }
    }

    /// Check a plugin's answer.
    pub(crate) fn from_answer(answer: StringsResult, count: usize) -> Result<Self, String> {
        let StringsResult { offsets, data } = answer;
        if offsets.len() != count + 1 && !(count == 0 && offsets.is_empty()) {
            return Err(format!("{} offsets for {count} strings, not {}", offsets.len(), count + 1));
        }
        if let Some([a, b]) = offsets.array_windows().find(|[a, b]| a > b) {
            return Err(format!("the offsets fall from {a} to {b}"));
        }
        if let Some(at) = offsets.iter().find(|at| !data.is_char_boundary(**at as usize)) {
            return Err(format!("offset {at} does not stand between two characters of {} bytes", data.len()));
        }
        Ok(Self { offsets, data })
    }
}

#[cfg(test)]
mod tests;
