//! One JSON object a line. Digits, and whatever else JSON can say, are kept to the letter.
//!
//! Columns are the keys seen so far: the first chunk fixes the starting list, later ones may add to it, and a key that a
//! row does not have is null there. What type a column has is [`cells`]' to say, where a line ends is [`lines`]', and what is
//! wrong with one is [`fault`]'s. A
//! dead-letter file is read by the same code: the row stands under its `row` key.

mod cells;
mod fault;
mod lines;
mod sound;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::sync::Arc;

use arrow::datatypes::Schema;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::cells::{Cells, Columns};
use self::lines::{Line, LineReader};
use super::{Chunk, Source, SourceError, excerpt};

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// A row.
    Rows,
    /// A row and why it was rejected.
    DeadLetters,
}

/// A text of JSON lines.
pub(super) struct NdjsonSource<R> {
    name: String,
    reader: LineReader<R>,
    kind: Lines,
    columns: Columns,
    chunk_rows: usize,
    /// The first chunk: it was read to know the columns.
    first: Option<RecordBatch>,
}

/// A line of a dead-letter file, so far as it is read back.
#[derive(Deserialize)]
struct DeadLetter<'a> {
    #[serde(borrow)]
    row: &'a RawValue,
}

impl<R: Read> NdjsonSource<R> {
    /// Reads the first chunk. `columns` are there whatever it holds.
    pub(super) fn open(
        name: String,
        text: R,
        kind: Lines,
        columns: Vec<String>,
        chunk_rows: usize,
    ) -> Result<Self, SourceError> {
        let columns = Columns::new(columns);
        let mut source = Self { name, reader: LineReader::new(text), kind, columns, chunk_rows, first: None };
        source.first = source.read_chunk()?;
        Ok(source)
    }

    fn read_chunk(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let chunk = self.reader.take(&self.name, self.chunk_rows)?;
        let rows = chunk.lines.len();
        if rows == 0 {
            return Ok(None);
        }
        let bad_line = |line: &Line, fault| fault::told(&self.name, self.kind, line, chunk.text_of(line), &fault);
        let mut cells = Cells::new(&mut self.columns);
        for line in &chunk.lines {
            let text = chunk.text_of(line);
            let row = match self.kind {
                Lines::Rows => Ok(text),
                Lines::DeadLetters => serde_json::from_str::<DeadLetter<'_>>(text).map(|letter| letter.row.get()),
            };
            row.and_then(|row| cells.add_row(row)).map_err(|error| bad_line(line, error.into()))?;
        }
        let (fields, arrays): (Vec<_>, Vec<_>) = cells
            .finish()
            .map_err(|(row, fault)| match chunk.lines.get(row) {
                Some(line) => bad_line(line, fault),
                None => SourceError::new(&self.name, "has a row that can't be read"),
            })?
            .into_iter()
            .unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map(Some)
            .map_err(|error| SourceError::new(&self.name, error.to_string()))
    }
}

impl<R: Read + Send> Source for NdjsonSource<R> {
    fn columns(&self) -> &[String] {
        self.columns.names()
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let rows = match self.first.take() {
            Some(first) => Some(first),
            None => self.read_chunk()?,
        };
        Ok(rows.map(Chunk::from))
    }
}
