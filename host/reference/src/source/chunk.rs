//! What a source hands over at a time.

use arrow_array::RecordBatch;
use serde_json::value::RawValue;

use super::SourceError;
use destination_engine::bindings::Change;

/// Rows that were read together, and those among them that can't be used.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The rows that can be mapped.
    pub rows: RecordBatch,
    /// The others, in the order of the source.
    pub rejected: Vec<RejectedRow>,
    /// How each of `rows` differs from what the source said before; empty where it does not say: then they are all added.
    pub changes: Vec<Change>,
}

/// A row that is there and can't be used. It is counted and kept as a rejected one; whose it is, is not known, so that a mirror
/// takes nobody for one that left.
#[derive(Debug, Clone)]
pub struct RejectedRow {
    /// Its place among all rows of the chunk, the rejected ones included, from 0.
    pub place: usize,
    /// Why, for machines.
    pub code: &'static str,
    /// Why, for a person.
    pub message: String,
    /// What it holds.
    pub content: RowContent,
}

/// What a row holds that can't be used.
#[derive(Debug, Clone)]
pub enum RowContent {
    /// Its values, as a JSON object by column.
    Values(Box<RawValue>),
    /// Its bytes as they stand in the source, where no values could be made of them.
    Raw(Vec<u8>),
}

impl RejectedRow {
    /// A row that can't be read: what would stop the source, and the row's bytes.
    pub(super) fn unreadable(place: usize, code: &'static str, error: SourceError, raw: Vec<u8>) -> Self {
        let SourceError { line, message, hint, .. } = error;
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Self { place, code, message: format!("{line}{message}{hint}"), content: RowContent::Raw(raw) }
    }
}

impl Chunk {
    /// How many rows there are, the rejected ones included.
    pub fn len(&self) -> usize {
        self.rows.num_rows() + self.rejected.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first rows, at most `most` of them.
    #[must_use]
    pub fn first(mut self, most: usize) -> Self {
        if self.len() > most {
            self.rejected.retain(|row| row.place < most);
            self.rows = self.rows.slice(0, self.rows.num_rows().min(most - self.rejected.len()));
            self.changes.truncate(self.rows.num_rows());
        }
        self
    }

    /// The place of each row that can be mapped, where some others stand among them; `None` where they follow each other.
    pub fn places(&self) -> Option<Vec<usize>> {
        if self.rejected.is_empty() {
            return None;
        }
        let mut rejected = self.rejected.iter().map(|row| row.place).peekable();
        Some((0..self.len()).filter(|place| rejected.next_if_eq(place).is_none()).collect())
    }
}

impl From<RecordBatch> for Chunk {
    fn from(rows: RecordBatch) -> Self {
        Self { rows, rejected: Vec::new(), changes: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;

    fn chunk(rows: i64, rejected: &[usize]) -> Chunk {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let content = RowContent::Raw(Vec::new());
        let rejected = rejected.iter().map(|&place| RejectedRow {
            place,
            code: "c",
            message: String::new(),
            content: content.clone(),
        });
        let rows = RecordBatch::try_from_iter([("n", values)]).unwrap();
        Chunk { rejected: rejected.collect(), ..rows.into() }
    }

    #[test]
    fn rejected_rows_keep_their_places_among_the_others() {
        assert_eq!(chunk(3, &[]).places(), None);
        assert_eq!(chunk(3, &[0, 2, 5]).places(), Some(vec![1, 3, 4]));
        assert_eq!(chunk(0, &[0]).places(), Some(vec![]));
    }

    #[test]
    fn the_first_rows_are_counted_with_the_rejected_ones() {
        let first = |most| {
            let first = chunk(3, &[0, 2, 5]).first(most);
            (first.rows.num_rows(), first.rejected.len(), first.len())
        };
        assert_eq!(
            [first(0), first(1), first(2), first(3), first(6), first(9)].map(|(_, _, all)| all),
            [0, 1, 2, 3, 6, 6]
        );
        assert_eq!(first(4), (2, 2, 4));
    }
}
