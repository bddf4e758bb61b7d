//! Record batches of any size as chunks of bounded size, laid out plainly.
//!
//! Files and databases cut their batches as they like: a million rows in one, or a dictionary that every row points
//! into. Here they become chunks that a worker can take: few enough rows and bytes, and dictionaries, runs and views
//! unpacked into the values that they stand for.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::CHUNK_BYTES;

/// A batch, and how far it has been handed out.
pub(super) struct Chunks {
    batch: RecordBatch,
    next: usize,
    rows: usize,
}

impl Chunks {
    /// Cuts a batch into chunks of at most `rows` rows.
    pub(super) fn of(batch: RecordBatch, rows: usize) -> Self {
        let bytes_a_row = batch.get_array_memory_size() / batch.num_rows().max(1);
        let rows = rows.min(CHUNK_BYTES / bytes_a_row.max(1) + 1).max(1);
        Self { batch, next: 0, rows }
    }

    /// The next chunk; `None` after the last.
    pub(super) fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let left = self.batch.num_rows().saturating_sub(self.next);
        if left == 0 {
            return None;
        }
        let chunk = self.batch.slice(self.next, left.min(self.rows));
        self.next += chunk.num_rows();
        Some(plain(&chunk))
    }
}

/// The same rows without dictionaries, runs and views.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema_ref();
    if schema.fields().iter().all(|field| unpacked(field.data_type()).is_none()) {
        return Ok(batch.clone());
    }
    let mut fields = Vec::with_capacity(schema.fields().len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        match unpacked(field.data_type()) {
            Some(plain) => {
                arrays.push(cast(array, &plain)?);
                // A value of a dictionary can be null where the field says that none is.
                fields.push(Arc::new(Field::new(field.name(), plain, true).with_metadata(field.metadata().clone())));
            }
            None => {
                arrays.push(Arc::clone(array));
                fields.push(Arc::clone(field));
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

/// The type of the values that a column stands for; `None` where it holds them itself.
pub(super) fn unpacked(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => Some(unpacked(values).unwrap_or_else(|| (**values).clone())),
        DataType::RunEndEncoded(_, values) => {
            Some(unpacked(values.data_type()).unwrap_or_else(|| values.data_type().clone()))
        }
        DataType::Utf8View => Some(DataType::Utf8),
        DataType::BinaryView => Some(DataType::Binary),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type};
    use arrow_array::{Array, DictionaryArray, Int64Array, RunArray, StringArray, StringViewArray};

    use super::*;

    fn all(mut chunks: Chunks) -> Vec<RecordBatch> {
        std::iter::from_fn(|| chunks.next()).collect::<Result<_, _>>().unwrap()
    }

    fn column(array: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("c", array)]).unwrap()
    }

    #[test]
    fn a_large_batch_is_cut_and_no_row_is_lost() {
        let batch = column(Arc::new(Int64Array::from_iter_values(0..1000)));
        let chunks = all(Chunks::of(batch, 300));
        assert_eq!(chunks.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [300, 300, 300, 100]);
        let values: Vec<i64> =
            chunks.iter().flat_map(|chunk| chunk.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        assert_eq!(values, (0..1000).collect::<Vec<_>>());
        assert!(all(Chunks::of(column(Arc::new(Int64Array::from(Vec::<i64>::new()))), 10)).is_empty());
    }

    #[test]
    fn wide_rows_make_small_chunks() {
        let text = "x".repeat(1 << 20);
        let batch = column(Arc::new(StringArray::from(vec![text.as_str(); 16])));
        let chunks = all(Chunks::of(batch, 1000));
        assert!(chunks.iter().all(|chunk| chunk.num_rows() <= 5), "{chunks:?}");
        assert_eq!(chunks.iter().map(RecordBatch::num_rows).sum::<usize>(), 16);
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let texts = ["a", "b", "a"];
        let dictionary: DictionaryArray<Int32Type> = texts.into_iter().collect();
        let runs: RunArray<Int32Type> = texts.into_iter().collect();
        let view: StringViewArray = texts.into_iter().map(Some).collect();
        for packed in [Arc::new(dictionary) as ArrayRef, Arc::new(runs), Arc::new(view)] {
            let name = packed.data_type().to_string();
            for rows in [2, 10] {
                let chunks = all(Chunks::of(column(Arc::clone(&packed)), rows));
                let seen: Vec<String> = chunks
                    .iter()
                    .flat_map(|chunk| {
                        chunk.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
                    })
                    .collect();
                assert_eq!(seen, texts, "{name}");
            }
        }
    }
}
