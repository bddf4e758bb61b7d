//! Comma-separated values. Every field is text; an empty one, quoted or not, is null.
//!
//! The fields are found by `csv-core`, which keeps quoted line breaks, takes LF and CRLF and skips blank lines. Around
//! it stands what a parser for any CSV leaves open: a byte-order mark, names that can't be told apart, rows of another
//! length than the header, bytes that are no UTF-8, and a file that ends inside a quoted field. Each of these stops the
//! source with the line's number; none is repaired.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use csv_core::{ReadRecordResult, Reader};

use super::{CHUNK_BYTES, MOST_RECORD_BYTES, READ_BYTES, Source, SourceError, UTF8_MARK};

/// What a field takes beside its text: its place and its validity.
const FIELD_BYTES: usize = 8;
/// More fields than this make no record: they are a line of delimiters.
const MOST_FIELDS: usize = 1 << 16;
const UTF16_MARKS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

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

impl<R: Read> CsvSource<R> {
    /// Reads the header.
    pub(super) fn open(name: String, text: R, format: &Format, chunk_rows: usize) -> Result<Self, SourceError> {
        let mut records = Records::new(text, format);
        records.skip_mark(&name)?;
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

impl<R: Read + Send> Source for CsvSource<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        // A table of a thousand columns gets chunks of fewer rows, and room for no more.
        let row_bytes = self.columns.len() * FIELD_BYTES;
        let rows = self.chunk_rows.min(CHUNK_BYTES / row_bytes.max(1) + 1);
        let mut columns: Vec<Column> = self.columns.iter().map(|_| Column::with_rows(rows)).collect();
        let mut lines = Vec::with_capacity(rows);
        let mut bytes = 0;
        while lines.len() < self.chunk_rows && bytes < CHUNK_BYTES {
            if !self.records.read(&self.name)? {
                self.ended = true;
                break;
            }
            if self.records.fields() != columns.len() {
                return Err(self.ragged());
            }
            let mut start = 0;
            for (column, &end) in columns.iter_mut().zip(self.records.ends()) {
                column.push(self.records.text.get(start..end).unwrap_or_default());
                start = end;
            }
            bytes += start + row_bytes;
            lines.push(self.records.line);
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let arrays: Option<Vec<ArrayRef>> =
            columns.iter_mut().map(|column| Some(Arc::new(column.finish()?) as ArrayRef)).collect();
        let Some(arrays) = arrays else {
            return Err(not_utf8(&self.name, &self.columns, &columns, &lines));
        };
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map(Some)
            .map_err(|error| SourceError::new(&self.name, error.to_string()))
    }
}

fn read_header<R: Read>(name: &str, records: &mut Records<R>) -> Result<Vec<String>, SourceError> {
    if !records.read(name)? {
        return Err(SourceError::new(name, "is empty: not even a header line names the columns")
            .hint("an export that failed may leave an empty file; a source without rows still has its header"));
    }
    let at = |message: String| SourceError::new(name, message).line(records.line);
    let mut columns = Vec::with_capacity(records.fields());
    let mut seen = HashMap::new();
    let mut start = 0;
    for (index, &end) in records.ends().iter().enumerate() {
        let bytes = records.text.get(start..end).unwrap_or_default();
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

/// The records of a text, one at a time.
struct Records<R> {
    input: R,
    parser: Reader,
    buffer: Vec<u8>,
    unread: std::ops::Range<usize>,
    input_ended: bool,
    /// The bytes of the record's fields, without what stood between them.
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    /// The line on which the record begins.
    line: u64,
}

impl<R: Read> Records<R> {
    fn new(input: R, format: &Format) -> Self {
        let parser = csv_core::ReaderBuilder::new().delimiter(format.delimiter).quote(format.quote).build();
        Self {
            input,
            parser,
            buffer: vec![0; READ_BYTES],
            unread: 0..0,
            input_ended: false,
            text: vec![0; 4 << 10],
            ends: vec![0; 64],
            fields: 0,
            line: 1,
        }
    }

    fn fields(&self) -> usize {
        self.fields
    }

    /// Where each field of the record ends in `text`.
    fn ends(&self) -> &[usize] {
        self.ends.get(..self.fields).unwrap_or_default()
    }

    /// Reads the next record. `false` at the clean end of the text.
    fn read(&mut self, name: &str) -> Result<bool, SourceError> {
        self.skip_line_ends(name)?;
        self.line = self.parser.line();
        self.fields = 0;
        let mut written = 0;
        loop {
            if self.unread.is_empty() {
                self.fill(name)?;
            }
            // At the end of the text the parser is given one line break more. Only a quoted field swallows it.
            let at_end = self.unread.is_empty();
            let input = if at_end { b"\n" } else { self.buffer.get(self.unread.clone()).unwrap_or_default() };
            let (result, read, wrote, ended) = self.parser.read_record(
                input,
                self.text.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(self.fields..).unwrap_or_default(),
            );
            if !at_end {
                self.unread.start += read;
            }
            written += wrote;
            self.fields += ended;
            match result {
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::InputEmpty if at_end && (written > 0 || self.fields > 0) => {
                    return Err(SourceError::new(name, "the text ends inside a quoted field that begins here")
                        .line(self.line)
                        .hint("close the quote, or check that the file is complete"));
                }
                ReadRecordResult::InputEmpty if at_end => return Ok(false),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if written >= MOST_RECORD_BYTES => {
                    return Err(SourceError::new(
                        name,
                        format!("the record is longer than {} MiB", MOST_RECORD_BYTES >> 20),
                    )
                    .line(self.line)
                    .hint("look for a quote that is opened here and never closed"));
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.fields >= MOST_FIELDS => {
                    return Err(SourceError::new(name, format!("the record has more than {MOST_FIELDS} fields"))
                        .line(self.line)
                        .hint("check the file's delimiter"));
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// Skips the rest of a CRLF and blank lines, so that the record's line is known before it is read.
    fn skip_line_ends(&mut self, name: &str) -> Result<(), SourceError> {
        loop {
            if self.unread.is_empty() {
                self.fill(name)?;
            }
            let Some(byte @ (b'\r' | b'\n')) = self.buffer.get(self.unread.clone()).and_then(<[u8]>::first) else {
                return Ok(());
            };
            self.parser.read_record(&[*byte], &mut [0], &mut [0]);
            self.unread.start += 1;
        }
    }

    /// Skips a UTF-8 byte-order mark and refuses a UTF-16 one.
    fn skip_mark(&mut self, name: &str) -> Result<(), SourceError> {
        self.fill(name)?;
        let start = self.buffer.get(self.unread.clone()).unwrap_or_default();
        if UTF16_MARKS.iter().any(|mark| start.starts_with(mark)) {
            return Err(SourceError::new(name, "is encoded in UTF-16").hint("save the file as UTF-8"));
        }
        if start.starts_with(UTF8_MARK) {
            self.unread.start += UTF8_MARK.len();
        }
        Ok(())
    }

    /// Reads on, until there are bytes or the text has ended.
    fn fill(&mut self, name: &str) -> Result<(), SourceError> {
        let mut filled = 0;
        // A pipe may hand over a byte at a time: enough for a mark must be there before the first is looked at.
        while !self.input_ended && filled < UTF8_MARK.len() {
            match self.input.read(self.buffer.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => self.input_ended = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(SourceError::new(name, format!("cannot be read on: {error}")).line(self.parser.line()));
                }
            }
        }
        self.unread = 0..filled;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
