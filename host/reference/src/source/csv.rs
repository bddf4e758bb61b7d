//! Comma-separated values. Every field is text; an empty one, quoted or not, is null.
//!
//! The fields are found by `csv-core`, which keeps quoted line breaks, takes LF and CRLF and skips blank lines. Around
//! it stands what a parser for any CSV leaves open: what RFC 4180 does not have ([`strict`]), a byte order mark, names that
//! can't be told apart, rows of another length than the header, bytes that are no UTF-8, and a file that ends inside a quoted
//! field. Each of these stops the source with the line's number; none is repaired. A last row without a line break may be
//! the rest of a longer one, with an ID that is another customer's: it is rejected.

mod records;
mod strict;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use serde_json::value::RawValue;

use self::records::{End, Records};
use super::{CHUNK_BYTES, Chunk, RejectedRow, Source, SourceError};
use destination_engine::arrow::cell;

/// What a field takes beside its text: its place and its validity.
const FIELD_BYTES: usize = 8;

/// How the text is laid out.
#[derive(Debug, Clone)]
pub(super) struct Format {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    /// The columns of a file without a header line.
    pub(super) columns: Option<Vec<String>>,
}

/// A CSV text.
pub(super) struct CsvSource<R> {
    name: String,
    records: Records<R>,
    columns: Vec<String>,
    schema: SchemaRef,
    chunk_rows: usize,
    ended: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', columns: None }
    }
}

impl<R: Read> CsvSource<R> {
    /// The columns, which are all texts.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Reads the header.
    pub(super) fn open(name: String, text: R, format: &Format, chunk_rows: usize) -> Result<Self, SourceError> {
        let mut records = Records::new(text, format);
        let columns = match &format.columns {
            Some(columns) => columns.clone(),
            None => read_header(&name, &mut records)?,
        };
        let fields: Vec<Field> = columns.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { name, records, columns, schema, chunk_rows, ended: false })
    }

    fn ragged(&self) -> SourceError {
        let (seen, expected) = (self.records.fields(), self.columns.len());
        let fields = if seen == 1 { "field" } else { "fields" };
        SourceError::new(&self.name, format!("has {seen} {fields} where there are {expected} columns"))
            .line(self.records.line)
            .hint("put a value that contains the delimiter, a quote or a line break in quotes")
    }
}

impl<R: Read> CsvSource<R> {
    /// The last row, which no line break ends.
    fn unended(&self, place: usize) -> Result<RejectedRow, SourceError> {
        let mut row = String::from("{");
        let mut start = 0;
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                row.push(',');
            }
            cell::push_string(&mut row, column);
            let end = self.records.ends().get(at).copied().unwrap_or(start);
            match self.records.text(start..end) {
                [] => row.push_str(":null"),
                value => {
                    row.push(':');
                    cell::push_string(&mut row, &String::from_utf8_lossy(value));
                }
            }
            start = end;
        }
        row.push('}');
        let failed = |error: serde_json::Error| SourceError::new(&self.name, error.to_string());
        Ok(RejectedRow {
            place,
            code: "unterminated-row",
            message: format!(
                "line {}: the file ends without a line break, so this row and more may have been cut off; complete the file, \
                 and end its last line with a line break",
                self.records.line
            ),
            row: RawValue::from_string(row).map_err(failed)?,
        })
    }
}

impl<R: Read + Send> Source for CsvSource<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        // A table of a thousand columns gets chunks of fewer rows, and room for no more.
        let row_bytes = self.columns.len() * FIELD_BYTES;
        let rows = self.chunk_rows.min(CHUNK_BYTES / row_bytes.max(1) + 1);
        let mut columns: Vec<Column> = self.columns.iter().map(|_| Column::with_rows(rows)).collect();
        let mut lines = Vec::with_capacity(rows);
        let mut rejected = Vec::new();
        let mut bytes = 0;
        while lines.len() < self.chunk_rows && bytes < CHUNK_BYTES {
            match self.records.read(&self.name)? {
                Some(End::Line) => {}
                Some(End::Text) => {
                    rejected.push(self.unended(lines.len())?);
                    self.ended = true;
                    break;
                }
                None => {
                    self.ended = true;
                    break;
                }
            }
            if self.records.fields() != columns.len() {
                return Err(self.ragged());
            }
            let mut start = 0;
            for (column, &end) in columns.iter_mut().zip(self.records.ends()) {
                column.push(self.records.text(start..end));
                start = end;
            }
            bytes += start + row_bytes;
            lines.push(self.records.line);
        }
        if lines.is_empty() && rejected.is_empty() {
            return Ok(None);
        }
        let arrays: Option<Vec<ArrayRef>> =
            columns.iter_mut().map(|column| Some(Arc::new(column.finish()?) as ArrayRef)).collect();
        let Some(arrays) = arrays else {
            return Err(not_utf8(&self.name, &self.columns, &columns, &lines));
        };
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map(|rows| Some(Chunk { rows, rejected }))
            .map_err(|error| SourceError::new(&self.name, error.to_string()))
    }
}

fn read_header<R: Read>(name: &str, records: &mut Records<R>) -> Result<Vec<String>, SourceError> {
    match records.read(name)? {
        Some(End::Line) => {}
        Some(End::Text) => {
            return Err(SourceError::new(
                name,
                "ends without a line break behind its header: it may have been cut off",
            )
            .line(records.line)
            .hint("complete the file, and end its last line with a line break"));
        }
        None => {
            return Err(SourceError::new(name, "is empty: not even a header line names the columns")
                .hint("an export that failed may leave an empty file; a source without rows still has its header"));
        }
    }
    let at = |message: String| SourceError::new(name, message).line(records.line);
    let mut columns = Vec::with_capacity(records.fields());
    let mut seen = HashMap::new();
    let mut start = 0;
    for (index, &end) in records.ends().iter().enumerate() {
        let bytes = records.text(start..end);
        start = end;
        let number = index + 1;
        let column = std::str::from_utf8(bytes).map_err(|_| {
            at(format!("the name of column {number} is not valid UTF-8")).hint("save the file as UTF-8")
        })?;
        if column.is_empty() {
            return Err(at(format!("column {number} has no name")).hint("name it in the header line, or remove it"));
        }
        if let Some(first) = seen.insert(column.to_owned(), number) {
            return Err(at(format!("columns {first} and {number} are both named {column:?}"))
                .hint("rename one of them: a mapping could mean either"));
        }
        columns.push(column.to_owned());
    }
    Ok(columns)
}

/// Finds the first field that is not UTF-8, once it is known that there is one.
fn not_utf8(name: &str, names: &[String], columns: &[Column], lines: &[u64]) -> SourceError {
    for (row, &line) in lines.iter().enumerate() {
        for (column, column_name) in columns.iter().zip(names) {
            if std::str::from_utf8(column.bytes_of(row)).is_err() {
                return SourceError::new(name, format!("the value of {column_name:?} is not valid UTF-8"))
                    .line(line)
                    .hint("save the file as UTF-8");
            }
        }
    }
    SourceError::new(name, "is not valid UTF-8").hint("save the file as UTF-8")
}

/// The values of one column of a chunk, one after the other.
struct Column {
    text: Vec<u8>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
    nulls: usize,
}

impl Column {
    fn with_rows(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { text: Vec::with_capacity(rows * 16), offsets, valid: Vec::with_capacity(rows), nulls: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        // A chunk holds CHUNK_BYTES and one record more: far below 2 GiB.
        self.offsets.push(i32::try_from(self.text.len()).unwrap_or(i32::MAX));
        self.valid.push(!bytes.is_empty());
        self.nulls += usize::from(bytes.is_empty());
    }

    fn bytes_of(&self, row: usize) -> &[u8] {
        let at = |index: usize| self.offsets.get(index).and_then(|&offset| usize::try_from(offset).ok());
        match (at(row), at(row + 1)) {
            (Some(start), Some(end)) => self.text.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The column as an array; `None` where a value is not UTF-8. The column keeps its bytes in that case.
    fn finish(&mut self) -> Option<StringArray> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let on_boundary = |&offset: &i32| usize::try_from(offset).is_ok_and(|offset| text.is_char_boundary(offset));
        if !self.offsets.iter().all(on_boundary) {
            return None;
        }
        let offsets = OffsetBuffer::new(std::mem::take(&mut self.offsets).into());
        let text = Buffer::from_vec(std::mem::take(&mut self.text));
        let nulls = (self.nulls > 0).then(|| NullBuffer::from(std::mem::take(&mut self.valid)));
        StringArray::try_new(offsets, text, nulls).ok()
    }
}

#[cfg(test)]
mod tests;
