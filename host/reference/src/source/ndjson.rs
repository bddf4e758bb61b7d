//! One JSON object a line. Digits, and whatever else JSON can say, are kept to the letter.
//!
//! Columns are the keys seen so far: the first chunk fixes the starting list, later ones may add to it, and a key that a
//! row does not have is null there. What type a column has is [`cells`]' to say, where a line ends is [`lines`]', and what is
//! wrong with one is [`fault`]'s. A line that can't be read hides no other, so that it can be rejected alone. A dead-letter file is
//! read by the same code: the row stands under its `row` key, and what its JSON does not tell under `types`.

mod cells;
mod fault;
mod lines;
mod objects;
mod sound;
mod told;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

use self::cells::{Cells, Columns};
use self::fault::Fault;
use self::lines::{Line, LineReader};
pub(crate) use self::objects::Objects;
use super::{Chunk, RejectedRow, Source, SourceError, excerpt};
use crate::sync_file::OnError;
use destination_engine::arrow::untold::Untold;

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
    on_error: OnError,
    chunk_rows: usize,
    /// The first chunk: it was read to know the columns.
    first: Option<Chunk>,
}

/// The row that a line holds.
struct Row<'t> {
    json: &'t str,
    /// What its JSON does not tell, by column.
    untold: BTreeMap<String, Untold>,
}

/// A line of a dead-letter file, so far as it is read back.
#[derive(Deserialize)]
struct DeadLetter<'a> {
    #[serde(borrow)]
    row: &'a RawValue,
    #[serde(default)]
    types: BTreeMap<String, String>,
    /// What stands in its place where the row could not be read.
    #[serde(borrow, default)]
    raw: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    raw_base64: Option<Cow<'a, str>>,
}

impl<'t> Row<'t> {
    /// A row whose JSON tells everything.
    fn of(json: &'t str) -> Self {
        Self { json, untold: BTreeMap::new() }
    }
}

impl DeadLetter<'_> {
    /// What the row's JSON does not tell.
    fn untold(&self) -> Result<BTreeMap<String, Untold>, serde_json::Error> {
        let named = |(column, name): (&String, &String)| match Untold::named(name) {
            Some(untold) => Ok((column.clone(), untold)),
            None => Err(serde_json::Error::custom(format!("`types` has {name:?}, which this release does not know"))),
        };
        self.types.iter().map(named).collect()
    }

    /// The bytes of a row that could not be read.
    fn unreadable(&self) -> Option<Vec<u8>> {
        let text = self.raw.as_ref().filter(|_| self.row.get() == RawValue::NULL.get())?;
        let bytes = self.raw_base64.as_ref().and_then(|bytes| BASE64_STANDARD.decode(bytes.as_bytes()).ok());
        Some(bytes.unwrap_or_else(|| text.as_bytes().to_vec()))
    }
}

impl<R: Read> NdjsonSource<R> {
    /// Reads the first chunk. `columns` are there whatever it holds.
    pub(super) fn open(
        name: String,
        text: R,
        kind: Lines,
        columns: Vec<String>,
        on_error: OnError,
        chunk_rows: usize,
    ) -> Result<Self, SourceError> {
        let columns = Columns::new(columns);
        let mut source = Self { name, reader: LineReader::new(text), kind, columns, on_error, chunk_rows, first: None };
        source.first = source.read_chunk()?;
        Ok(source)
    }

    fn read_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let chunk = self.reader.take(&self.name, self.chunk_rows)?;
        if chunk.lines.is_empty() {
            return Ok(None);
        }
        let columns_before = self.columns.names().len();
        let all: Vec<&Line> = chunk.lines.iter().collect();
        match values(&mut self.columns, rows_of(self.kind, &chunk, &all)) {
            Ok(values) => batch(&self.name, values, all.len()).map(|rows| Some(rows.into())),
            Err(fault) if self.on_error == OnError::Stop => Err(self.told(&chunk, &all, &fault)),
            Err(_) => {
                // A key that only a rejected row has is no column.
                self.columns.truncate(columns_before);
                self.without_faults(&chunk, all).map(Some)
            }
        }
    }

    /// The lines that can be read, and the others as rejected rows.
    fn without_faults(&mut self, chunk: &lines::Chunk, all: Vec<&Line>) -> Result<Chunk, SourceError> {
        let (mut good, mut rejected) = (Vec::with_capacity(all.len()), Vec::new());
        for (place, line) in all.into_iter().enumerate() {
            let alone = values(&mut Columns::new(Vec::new()), rows_of(self.kind, chunk, &[line]));
            let Err((_, fault)) = alone else {
                good.push(line);
                continue;
            };
            let error = fault::told(&self.name, self.kind, line, chunk.text_of(line).unwrap_or_default(), &fault);
            let code = fault.code(line);
            let raw = if let Fault::Unreadable(raw) = fault { raw } else { chunk.bytes_of(line).to_vec() };
            rejected.push(RejectedRow::unreadable(place, code, error, raw));
        }
        let values = values(&mut self.columns, rows_of(self.kind, chunk, &good));
        let values = values.map_err(|fault| self.told(chunk, &good, &fault))?;
        Ok(Chunk { rejected, ..batch(&self.name, values, good.len())?.into() })
    }

    fn told(&self, chunk: &lines::Chunk, lines: &[&Line], (place, fault): &(usize, Fault)) -> SourceError {
        match lines.get(*place) {
            Some(line) => fault::told(&self.name, self.kind, line, chunk.text_of(line).unwrap_or_default(), fault),
            None => SourceError::new(&self.name, "has a row that can't be read"),
        }
    }
}

/// The rows of `name` as a batch, from the values of each column.
fn batch(name: &str, values: Vec<(Field, ArrayRef)>, rows: usize) -> Result<RecordBatch, SourceError> {
    let (fields, arrays): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| SourceError::new(name, error.to_string()))
}

/// The rows that some lines hold.
fn rows_of<'c>(kind: Lines, chunk: &'c lines::Chunk, lines: &[&Line]) -> impl Iterator<Item = Result<Row<'c>, Fault>> {
    let row = move |line: &&Line| chunk.text_of(line).ok_or(Fault::NotUtf8).and_then(|text| row_of(kind, text));
    lines.iter().map(row)
}

/// The values of some rows, by column; or the place of the first row that can't be read, and why.
fn values<'t>(
    columns: &mut Columns,
    rows: impl Iterator<Item = Result<Row<'t>, Fault>>,
) -> Result<Vec<(Field, ArrayRef)>, (usize, Fault)> {
    let mut cells = Cells::new(columns);
    for (place, row) in rows.enumerate() {
        row.and_then(|row| cells.add_row(row.json, &row.untold)).map_err(|fault| (place, fault))?;
    }
    cells.finish()
}

/// The row that a line holds.
fn row_of(kind: Lines, text: &str) -> Result<Row<'_>, Fault> {
    match kind {
        Lines::Rows => Ok(Row::of(text)),
        Lines::DeadLetters => {
            let letter: DeadLetter<'_> = serde_json::from_str(text).map_err(Fault::Json)?;
            if let Some(raw) = letter.unreadable() {
                return Err(Fault::Unreadable(raw));
            }
            let untold = letter.untold().map_err(Fault::Json)?;
            Ok(Row { json: letter.row.get(), untold })
        }
    }
}

impl<R: Read + Send> Source for NdjsonSource<R> {
    fn columns(&self) -> &[String] {
        self.columns.names()
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.read_chunk(),
        }
    }
}
