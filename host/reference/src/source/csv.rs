//! Comma-separated values. Every field is text; an empty one, quoted or not, is null.
//!
//! The fields are found by `csv-core`, which keeps quoted line breaks, takes LF and CRLF and skips blank lines. Around
//! it stands what a parser for any CSV leaves open: what RFC 4180 does not have ([`strict`]), a byte order mark, names that
//! can't be told apart, rows of another length than the header, bytes that are no UTF-8, and a file that ends inside a quoted
//! field. Each of these stops the source with the line's number; none is repaired. Where rows may be rejected, those are that have
//! fields too many or too few, or bytes that are no UTF-8: where the next row begins is known all the same. A last row without a line break may be
//! the rest of a longer one, with an ID that is another customer's: it is rejected. Texts of another [`dialect`] have a parser
//! of their own, with the same rules.

mod dialect;
mod records;
mod strict;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::value::RawValue;

use self::records::{End, Records};
use super::{CHUNK_BYTES, Chunk, RejectedRow, RowContent, Source, SourceError};
use crate::sync_file::{CsvDialect, OnError};
use destination_engine::arrow::cell;

/// The code of a row with fields too many or too few.
const RAGGED: &str = "ragged-row";
/// What a field takes beside its text: its place and its validity.
const FIELD_BYTES: usize = 8;

/// A CSV text.
pub(super) struct CsvSource<R> {
    name: String,
    records: Records<R>,
    columns: Vec<String>,
    schema: SchemaRef,
    /// Whether the first line names the columns.
    has_header: bool,
    /// Whether a record was read behind the header.
    begun: bool,
    on_error: OnError,
    chunk_rows: usize,
    ended: bool,
}

impl<R: Read> CsvSource<R> {
    /// The columns, which are all texts.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Reads the header.
    pub(super) fn open(
        name: String,
        text: R,
        dialect: &CsvDialect,
        on_error: OnError,
        chunk_rows: usize,
    ) -> Result<Self, SourceError> {
        let mut records = Records::new(text, dialect);
        let columns = match &dialect.columns {
            Some(columns) => columns.clone(),
            None => read_header(&name, &mut records)?,
        };
        let fields: Vec<Field> = columns.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let has_header = dialect.columns.is_none();
        Ok(Self { name, records, columns, schema, has_header, begun: false, on_error, chunk_rows, ended: false })
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
    /// The last row, which no line break ends. Its values are told where it has as many as there are columns.
    fn unended(&self, place: usize) -> Result<RejectedRow, SourceError> {
        let message = "the file ends without a line break, so this row and more may have been cut off";
        let error = SourceError::new(&self.name, message)
            .line(self.records.line)
            .hint("complete the file, and end its last line with a line break");
        let unended = RejectedRow::unreadable(place, "unterminated-row", error, self.records.raw());
        let values = self.records.values().zip(self.records.are_null());
        let values: Option<Vec<(&str, bool)>> =
            values.map(|(value, null)| Some((std::str::from_utf8(value).ok()?, null))).collect();
        let Some(values) = values.filter(|values| values.len() == self.columns.len()) else { return Ok(unended) };
        let mut row = String::from("{");
        for (column, value) in self.columns.iter().zip(values) {
            if row.len() > 1 {
                row.push(',');
            }
            cell::push_string(&mut row, column);
            row.push(':');
            match value {
                (_, true) => row.push_str("null"),
                (value, false) => cell::push_string(&mut row, value),
            }
        }
        row.push('}');
        let failed = |error: serde_json::Error| SourceError::new(&self.name, error.to_string());
        Ok(RejectedRow { content: RowContent::Values(RawValue::from_string(row).map_err(failed)?), ..unended })
    }

    /// Whether all values are the names of their columns: a customer would have the ID `customer_id`.
    fn repeats_header(&self) -> bool {
        let first = self.columns.first().map(String::as_bytes);
        first == self.records.values().next() && self.records.values().eq(self.columns.iter().map(String::as_bytes))
    }

    /// Whether all values of the first record are the names that the sync file gives the columns, in whatever case.
    fn is_header_after_all(&self) -> bool {
        let names = || self.columns.iter().map(String::as_bytes);
        names().count() == self.records.fields()
            && names().zip(self.records.values()).all(|(name, value)| name.eq_ignore_ascii_case(value))
    }

    /// Why the record is no row, where it is none. Whether all texts of a chunk are UTF-8 is known for less when it is full; here
    /// it is asked where a record alone is to be rejected.
    fn unreadable(&self, is_first: bool) -> Option<(&'static str, SourceError)> {
        if self.records.fields() != self.columns.len() {
            return Some((RAGGED, self.ragged()));
        }
        if self.has_header && self.repeats_header() {
            let error = SourceError::new(&self.name, "repeats the header line")
                .line(self.records.line)
                .hint("this looks like two files, one behind the other; leave the second header out, or name a folder of files");
            return Some(("repeated-header", error));
        }
        if is_first && !self.has_header && self.is_header_after_all() {
            let error = SourceError::new(&self.name, "is a header line, and `columns` says that there is none")
                .line(self.records.line)
                .hint("leave `columns` out, or remove this line");
            return Some(("repeated-header", error));
        }
        if self.on_error == OnError::Stop {
            return None;
        }
        let (column, _) =
            self.columns.iter().zip(self.records.values()).find(|(_, value)| std::str::from_utf8(value).is_err())?;
        Some(("invalid-text", not_utf8(&self.name, column, self.records.line)))
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
        while lines.len() + rejected.len() < self.chunk_rows && bytes < CHUNK_BYTES {
            let place = lines.len() + rejected.len();
            match self.records.read(&self.name)? {
                Some(End::Line) => {}
                Some(End::Text) => {
                    rejected.push(self.unended(place)?);
                    self.ended = true;
                    break;
                }
                None => {
                    self.ended = true;
                    break;
                }
            }
            let is_first = !std::mem::replace(&mut self.begun, true);
            if let Some((code, error)) = self.unreadable(is_first) {
                let raw = self.records.raw();
                // A quote that was never closed may have made one record of several lines: then rows are missing.
                if self.on_error == OnError::Stop || (code == RAGGED && raw.contains(&b'\n')) {
                    return Err(error);
                }
                bytes += raw.len() + row_bytes;
                rejected.push(RejectedRow::unreadable(place, code, error, raw));
                continue;
            }
            let mut start = 0;
            let ends = self.records.ends();
            match self.records.nulls() {
                None => {
                    for (column, &end) in columns.iter_mut().zip(ends) {
                        column.push(self.records.text(start..end));
                        start = end;
                    }
                }
                Some(nulls) => {
                    for ((column, &end), &null) in columns.iter_mut().zip(ends).zip(nulls) {
                        column.push_or_null(self.records.text(start..end), null);
                        start = end;
                    }
                }
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
            return Err(first_not_utf8(&self.name, &self.columns, &columns, &lines));
        };
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map(|rows| Some(Chunk { rejected, ..rows.into() }))
            .map_err(|error| SourceError::new(&self.name, error.to_string()))
    }
}

/// The records of a text as they are, a header among them: each value, or none where it is null. For a guess at a dialect.
pub(crate) fn records(text: &[u8], dialect: &CsvDialect) -> Result<Vec<Vec<Option<String>>>, SourceError> {
    let mut records = Records::new(text, dialect);
    let mut all = Vec::new();
    while records.read("the text")?.is_some() {
        let values = records.values().zip(records.are_null());
        all.push(values.map(|(value, null)| (!null).then(|| String::from_utf8_lossy(value).into_owned())).collect());
    }
    Ok(all)
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
    let first = records.values().next().unwrap_or_default();
    if first.starts_with(b"sep=") && records.fields() <= 2 {
        return Err(at("is a line for Excel alone, which names the delimiter".to_owned())
            .hint("remove this line, and set `delimiter` to the sign behind sep="));
    }
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
fn first_not_utf8(name: &str, names: &[String], columns: &[Column], lines: &[u64]) -> SourceError {
    for (row, &line) in lines.iter().enumerate() {
        for (column, column_name) in columns.iter().zip(names) {
            if std::str::from_utf8(column.bytes_of(row)).is_err() {
                return not_utf8(name, column_name, line);
            }
        }
    }
    SourceError::new(name, "is not valid UTF-8").hint("save the file as UTF-8")
}

fn not_utf8(name: &str, column: &str, line: u64) -> SourceError {
    SourceError::new(name, format!("the value of {column:?} is not valid UTF-8"))
        .line(line)
        .hint("save the file as UTF-8")
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
        self.push_or_null(bytes, bytes.is_empty());
    }

    fn push_or_null(&mut self, bytes: &[u8], null: bool) {
        self.text.extend_from_slice(bytes);
        // A chunk holds CHUNK_BYTES and one record more: far below 2 GiB.
        self.offsets.push(i32::try_from(self.text.len()).unwrap_or(i32::MAX));
        self.valid.push(!null);
        self.nulls += usize::from(null);
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
