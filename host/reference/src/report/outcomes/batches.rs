//! Lines of outcomes as Arrow columns, some at a time.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_cast::parse::string_to_timestamp_nanos;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use super::line::{Line, Lines};

/// Lines of a batch.
const LINES: usize = 8_192;
/// Bytes of text after which a batch ends early: a message may have thousands.
const BYTES: usize = 4 << 20;

/// The columns, in the order of a line's keys.
pub(super) fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("run_id", false),
        Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        text("sync", false),
        Field::new("row_number", DataType::Int64, true),
        text("key", true),
        text("action", true),
        text("change", true),
        text("outcome", false),
        text("code", true),
        text("message", true),
    ]))
}

/// Lines as record batches.
pub(super) struct Batches {
    lines: Lines,
    schema: SchemaRef,
}

impl Batches {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, schema: schema() }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let mut columns = Columns::default();
        while columns.lines < LINES && columns.bytes < BYTES {
            match self.lines.next()? {
                Some(line) => columns.push(&line)?,
                None => break,
            }
        }
        if columns.lines == 0 {
            return Ok(None);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns.finish()).map(Some)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// The columns of some lines.
#[derive(Default)]
struct Columns {
    lines: usize,
    bytes: usize,
    run_id: StringBuilder,
    time: TimestampMicrosecondBuilder,
    sync: StringBuilder,
    row_number: Int64Builder,
    key: StringBuilder,
    action: StringBuilder,
    change: StringBuilder,
    outcome: StringBuilder,
    code: StringBuilder,
    message: StringBuilder,
}

impl Columns {
    fn push(&mut self, line: &Line<'_>) -> Result<(), ArrowError> {
        self.lines += 1;
        self.bytes += [&line.key, &line.message].into_iter().flatten().map(|text| text.len()).sum::<usize>();
        self.run_id.append_value(&line.run_id);
        self.time.append_value(string_to_timestamp_nanos(&line.time)? / 1_000);
        self.sync.append_value(&line.sync);
        self.row_number.append_option(line.row_number.map(u64::cast_signed));
        self.outcome.append_value(&line.outcome);
        for (column, text) in [
            (&mut self.key, &line.key),
            (&mut self.action, &line.action),
            (&mut self.change, &line.change),
            (&mut self.code, &line.code),
            (&mut self.message, &line.message),
        ] {
            column.append_option(text.as_deref());
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.run_id.finish()),
            Arc::new(self.time.finish().with_timezone("UTC")),
            Arc::new(self.sync.finish()),
            Arc::new(self.row_number.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.action.finish()),
            Arc::new(self.change.finish()),
            Arc::new(self.outcome.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.message.finish()),
        ]
    }
}
