//! The records of a text, one at a time.

use std::io::Read;
use std::ops::Range;

use csv_core::{ReadRecordResult, Reader};

use super::dialect::{DialectReader, Fields, Rest, Step};
use super::strict::{Breach, Strict};
use crate::source::{MOST_RECORD_BYTES, READ_BYTES, SourceError, UTF8_MARK};
use crate::sync_file::CsvDialect;

/// More fields than this make no record: they are a line of delimiters.
pub(super) const MOST_FIELDS: usize = 1 << 16;

/// How a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With its line.
    Line,
    /// With the text, in the middle of a line: more of it may be missing.
    Text,
}

/// A text's records.
pub(super) struct Records<R> {
    input: R,
    parser: Reader,
    strict: Strict,
    /// In their place, and its record, where the text is not written as RFC 4180 has it.
    dialect: Option<Box<(DialectReader, Fields)>>,
    buffer: Vec<u8>,
    unread: Range<usize>,
    /// What is wrong behind the unread bytes.
    breach: Option<Breach>,
    at_start: bool,
    input_ended: bool,
    /// The record as it stands in the text: what earlier fillings of the buffer had of it, and where the rest is in this one.
    carried: Vec<u8>,
    rest: Range<usize>,
    /// The bytes of the record's fields, without what stood between them.
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    /// The line on which the record begins.
    pub(super) line: u64,
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R, dialect: &CsvDialect) -> Self {
        // Without quotes it is a dialect.
        let quote = dialect.quote.unwrap_or(b'"');
        let parser = csv_core::ReaderBuilder::new().delimiter(dialect.delimiter).quote(quote).build();
        Self {
            input,
            parser,
            strict: Strict::new(dialect.delimiter, quote),
            dialect: (!dialect.is_plain()).then(|| Box::new((DialectReader::new(dialect), Fields::default()))),
            // One byte more, for the LF of a CR that would be the last.
            buffer: vec![0; READ_BYTES + 1],
            unread: 0..0,
            breach: None,
            at_start: true,
            input_ended: false,
            carried: Vec::new(),
            rest: 0..0,
            text: vec![0; 4 << 10],
            ends: vec![0; 64],
            fields: 0,
            line: 1,
        }
    }

    pub(super) fn fields(&self) -> usize {
        self.ends().len()
    }

    /// Where each field of the record ends among [`Self::text`].
    pub(super) fn ends(&self) -> &[usize] {
        match &self.dialect {
            None => self.ends.get(..self.fields).unwrap_or_default(),
            Some(dialect) => &dialect.1.ends,
        }
    }

    /// The bytes of some of the record's fields.
    pub(super) fn text(&self, range: Range<usize>) -> &[u8] {
        let text = self.dialect.as_ref().map_or(&self.text, |dialect| &dialect.1.text);
        text.get(range).unwrap_or_default()
    }

    /// Which fields are null; `None` where those are that are empty.
    pub(super) fn nulls(&self) -> Option<&[bool]> {
        self.dialect.as_ref().map(|dialect| dialect.1.nulls.as_slice())
    }

    /// Whether each field of the record is null.
    pub(super) fn are_null(&self) -> impl Iterator<Item = bool> {
        let nulls = self.nulls();
        self.values()
            .enumerate()
            .map(move |(at, value)| nulls.map_or(value.is_empty(), |nulls| nulls.get(at).copied().unwrap_or_default()))
    }

    /// The bytes of each field of the record.
    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends().iter().copied());
        starts.zip(self.ends()).map(|(start, &end)| self.text(start..end))
    }

    /// The record as it stands in the text, without the end of its line.
    pub(super) fn raw(&self) -> Vec<u8> {
        let mut raw = self.carried.clone();
        raw.extend_from_slice(self.buffer.get(self.rest.clone()).unwrap_or_default());
        while raw.last().is_some_and(|last| matches!(last, b'\r' | b'\n')) {
            raw.pop();
        }
        raw
    }

    /// Reads the next record and says how it ends; `None` at the end of the text.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<End>, SourceError> {
        match self.dialect.take() {
            None => self.read_plain(name),
            Some(mut dialect) => {
                let (reader, fields) = &mut *dialect;
                let read = self.read_dialect(name, reader, fields);
                self.dialect = Some(dialect);
                read
            }
        }
    }

    fn read_dialect(
        &mut self,
        name: &str,
        reader: &mut DialectReader,
        fields: &mut Fields,
    ) -> Result<Option<End>, SourceError> {
        fields.clear();
        loop {
            if self.unread.is_empty() {
                self.fill(name, reader.line(), true)?;
            }
            let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
            if unread.is_empty() {
                return Ok(None);
            }
            self.unread.start += reader.skip(unread);
            if !self.unread.is_empty() {
                break;
            }
        }
        self.line = reader.line();
        self.carried.clear();
        let mut start = self.unread.start;
        loop {
            if self.unread.is_empty() {
                self.carried.extend_from_slice(self.buffer.get(start..self.unread.end).unwrap_or_default());
                self.fill(name, reader.line(), true)?;
                start = self.unread.start;
            }
            let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
            if unread.is_empty() {
                self.rest = start..start;
                return match reader.finish(fields) {
                    Rest::Record => Ok(Some(End::Text)),
                    Rest::Quoted => Err(self.ends_in_quotes(name, fields.ends.len())),
                };
            }
            let (step, read) = reader.read(unread, fields);
            self.unread.start += read;
            self.rest = start..self.unread.start;
            match step {
                Step::More if fields.text.len() >= MOST_RECORD_BYTES => return Err(self.too_long(name)),
                Step::More if fields.ends.len() > MOST_FIELDS => return Err(self.too_many_fields(name)),
                Step::More => {}
                Step::Record if fields.text.starts_with(UTF8_MARK) => return Err(self.second_mark(name)),
                Step::Record => return Ok(Some(End::Line)),
                Step::Wrong(breach) => return Err(broken(name, reader.line(), fields.ends.len(), breach)),
            }
        }
    }

    fn read_plain(&mut self, name: &str) -> Result<Option<End>, SourceError> {
        self.fields = 0;
        self.skip_line_ends(name)?;
        self.line = self.parser.line();
        self.carried.clear();
        let mut start = self.unread.start;
        let mut written = 0;
        loop {
            if self.unread.is_empty() {
                self.carried.extend_from_slice(self.buffer.get(start..self.unread.end).unwrap_or_default());
                self.fill(name, self.parser.line(), false)?;
                start = self.unread.start;
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
            self.rest = start..self.unread.start;
            written += wrote;
            self.fields += ended;
            match result {
                ReadRecordResult::Record if self.text.starts_with(UTF8_MARK) && written >= UTF8_MARK.len() => {
                    return Err(self.second_mark(name));
                }
                ReadRecordResult::Record => return Ok(Some(if at_end { End::Text } else { End::Line })),
                ReadRecordResult::InputEmpty if at_end && (written > 0 || self.fields > 0) => {
                    return Err(self.ends_in_quotes(name, self.fields));
                }
                ReadRecordResult::InputEmpty if at_end => return Ok(None),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if written >= MOST_RECORD_BYTES => return Err(self.too_long(name)),
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.fields >= MOST_FIELDS => {
                    return Err(self.too_many_fields(name));
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn second_mark(&self, name: &str) -> SourceError {
        SourceError::new(name, "begins with a byte order mark, which only a file has at its start")
            .line(self.line)
            .hint(
                "this looks like two files, one behind the other; give each a sync of its own, or join them without it",
            )
    }

    fn ends_in_quotes(&self, name: &str, fields: usize) -> SourceError {
        let field = fields + 1;
        SourceError::new(
            name,
            format!("the text ends inside a quoted value, field {field} of the row that begins here"),
        )
        .line(self.line)
        .hint("close the quote, or check that the file is complete")
    }

    fn too_long(&self, name: &str) -> SourceError {
        SourceError::new(name, format!("the record is longer than {} MiB", MOST_RECORD_BYTES >> 20))
            .line(self.line)
            .hint("look for a quote that is opened here and never closed")
    }

    fn too_many_fields(&self, name: &str) -> SourceError {
        SourceError::new(name, format!("the record has more than {MOST_FIELDS} fields"))
            .line(self.line)
            .hint("check the file's delimiter")
    }

    /// Skips the rest of a CRLF and blank lines, so that the record's line is known before it is read.
    fn skip_line_ends(&mut self, name: &str) -> Result<(), SourceError> {
        loop {
            if self.unread.is_empty() {
                self.fill(name, self.parser.line(), false)?;
            }
            let Some(byte @ (b'\r' | b'\n')) = self.buffer.get(self.unread.clone()).and_then(<[u8]>::first) else {
                return Ok(());
            };
            self.parser.read_record(&[*byte], &mut [0], &mut [0]);
            self.unread.start += 1;
        }
    }

    /// Reads on, until there are bytes or the text has ended. Bytes behind one that is wrong are not handed out.
    fn fill(&mut self, name: &str, line: u64, is_dialect: bool) -> Result<(), SourceError> {
        if let Some(breach) = self.breach {
            return Err(broken(name, line, self.fields, breach));
        }
        let mut filled = 0_usize;
        loop {
            let last = filled.checked_sub(1).and_then(|last| self.buffer.get(last));
            // A pipe may hand over a byte at a time: enough for a mark must be there before the first is looked at, and an LF
            // before its CR is.
            let room = match last {
                Some(b'\r') => READ_BYTES + 1,
                _ if filled >= UTF8_MARK.len() => break,
                _ => READ_BYTES,
            };
            let Some(space) = self.buffer.get_mut(filled..room).filter(|space| !space.is_empty()) else { break };
            if self.input_ended {
                break;
            }
            match self.input.read(space) {
                Ok(0) => self.input_ended = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let before = self.buffer.get(..filled).unwrap_or_default();
                    let line = line + memchr::memchr_iter(b'\n', before).count() as u64;
                    return Err(SourceError::unreadable(name, &error).line(line));
                }
            }
        }
        self.unread = 0..filled;
        if std::mem::take(&mut self.at_start) && self.buffer.get(..filled).is_some_and(|all| all.starts_with(UTF8_MARK))
        {
            self.unread.start = UTF8_MARK.len();
        }
        if self.input_ended && self.buffer.get(self.unread.clone()).is_some_and(|unread| unread.ends_with(b"\r")) {
            // Half of a line's end ends no line.
            self.unread.end -= 1;
        }
        if !is_dialect
            && let Some((at, breach)) = self.strict.check(self.buffer.get(self.unread.clone()).unwrap_or_default())
        {
            self.unread.end = self.unread.start + at;
            self.breach = Some(breach);
        }
        if self.unread.is_empty() && (self.breach.is_some() || !self.input_ended) {
            return self.fill(name, line, is_dialect);
        }
        Ok(())
    }
}

fn broken(name: &str, line: u64, fields: usize, breach: Breach) -> SourceError {
    SourceError::new(name, format!("field {} {breach}", fields + 1)).line(line).hint(breach.hint())
}
