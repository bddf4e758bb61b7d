//! The lines of a text, some thousands at a time.

use std::io::Read;

use crate::source::{CHUNK_BYTES, MOST_RECORD_BYTES, READ_BYTES, SourceError, UTF8_MARK};

/// Reads a text line by line. Blank lines are skipped, and counted.
pub(super) struct LineReader<R> {
    input: R,
    ended: bool,
    at_start: bool,
    /// The number of the line that `rest` begins with.
    line: u64,
    /// What was read and not yet taken.
    rest: Vec<u8>,
}

/// Some lines of a text.
pub(super) struct Chunk {
    text: Text,
    pub(super) lines: Vec<Line>,
}

/// What should be UTF-8.
enum Text {
    Utf8(String),
    Bytes(Vec<u8>),
}

/// The place of a line.
pub(super) struct Line {
    start: usize,
    end: usize,
    /// Its number in the text, from 1.
    pub(super) number: u64,
    /// Whether a line break ends it. The last line of a text may have none.
    pub(super) terminated: bool,
}

impl Line {
    /// A whole line whose text is kept elsewhere.
    pub(super) fn numbered(number: u64) -> Self {
        Self { start: 0, end: 0, number, terminated: true }
    }
}

impl Chunk {
    /// The line without the white space around it; `None` where it is not UTF-8.
    pub(super) fn text_of(&self, line: &Line) -> Option<&str> {
        let text = match &self.text {
            Text::Utf8(text) => text.get(line.start..line.end)?,
            Text::Bytes(_) => std::str::from_utf8(self.bytes_of(line)).ok()?,
        };
        Some(text.trim_ascii())
    }

    /// The line as it stands in the text, without its end.
    pub(super) fn bytes_of(&self, line: &Line) -> &[u8] {
        let bytes = match &self.text {
            Text::Utf8(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
        };
        let bytes = bytes.get(line.start..line.end).unwrap_or_default();
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }
}

impl<R: Read> LineReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, ended: false, at_start: true, line: 1, rest: Vec::new() }
    }

    /// The next lines, at most `most` of them. No lines: the text has ended.
    pub(super) fn take(&mut self, name: &str, most: usize) -> Result<Chunk, SourceError> {
        let mut text = std::mem::take(&mut self.rest);
        let mut lines = Vec::new();
        // Where the current line starts, and up to where no line break was found.
        let (mut start, mut searched) = (0, 0);
        loop {
            while lines.len() < most && start < CHUNK_BYTES {
                let Some(found) = memchr::memchr(b'\n', text.get(searched..).unwrap_or_default()) else { break };
                let end = searched + found;
                self.push(&mut lines, &text, start, end, true);
                (start, searched) = (end + 1, end + 1);
            }
            if lines.len() >= most || start >= CHUNK_BYTES {
                self.rest = text.split_off(start);
                break;
            }
            searched = text.len();
            if self.ended {
                self.push(&mut lines, &text, start, searched, false);
                break;
            }
            if text.len() - start > MOST_RECORD_BYTES {
                return Err(SourceError::new(name, format!("the line is longer than {} MiB", MOST_RECORD_BYTES >> 20))
                    .line(self.line)
                    .hint("write each row as one JSON object on a line of its own"));
            }
            self.read_on(name, &mut text)?;
            if self.at_start && (text.len() >= UTF8_MARK.len() || self.ended) {
                self.at_start = false;
                if text.starts_with(UTF8_MARK) {
                    text.drain(..UTF8_MARK.len());
                    searched = 0;
                }
            }
        }
        let text = String::from_utf8(text).map_or_else(|error| Text::Bytes(error.into_bytes()), Text::Utf8);
        Ok(Chunk { text, lines })
    }

    fn push(&mut self, lines: &mut Vec<Line>, text: &[u8], start: usize, end: usize, terminated: bool) {
        if !text.get(start..end).unwrap_or_default().trim_ascii().is_empty() {
            lines.push(Line { start, end, number: self.line, terminated });
        }
        self.line += 1;
    }

    fn read_on(&mut self, name: &str, text: &mut Vec<u8>) -> Result<(), SourceError> {
        let filled = text.len();
        text.resize(filled + READ_BYTES, 0);
        let read = loop {
            match self.input.read(text.get_mut(filled..).unwrap_or_default()) {
                Ok(read) => break Ok(read),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let read = read.map_err(|error| SourceError::unreadable(name, &error).line(self.line))?;
        text.truncate(filled + read);
        self.ended = read == 0;
        Ok(())
    }
}
