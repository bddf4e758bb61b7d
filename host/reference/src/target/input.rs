//! The input, line by line: one message each.

use std::io::{BufRead, BufReader, Read};

use crate::source::{MOST_RECORD_BYTES, READ_BYTES, SourceError};

/// What the input is called in errors.
pub(crate) const INPUT: &str = "standard input";

/// The lines of an input.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

/// A line, and its number from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'l> {
    pub(crate) number: u64,
    pub(crate) text: &'l str,
}

impl Line<'_> {
    /// What is wrong with it as JSON. Where the text stops in the middle and no line follows, it was cut short: `hint` says by whom.
    pub(crate) fn is_cut_short(&self, error: &serde_json::Error) -> bool {
        error.is_eof() && !self.text.ends_with('\n')
    }

    /// An error at this line.
    pub(crate) fn error(&self, message: impl Into<String>) -> SourceError {
        SourceError::new(INPUT, message).line(self.number)
    }
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(READ_BYTES, input), line: Vec::new(), number: 0 }
    }

    /// The next line that is not empty; `None` at the end of the input.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, SourceError> {
        loop {
            self.line.clear();
            self.number += 1;
            let most = MOST_RECORD_BYTES as u64 + 1;
            let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.line);
            read.map_err(|error| SourceError::new(INPUT, format!("cannot be read: {error}")))?;
            if self.line.is_empty() {
                return Ok(None);
            }
            if self.line.len() > MOST_RECORD_BYTES {
                let message = format!("is a message of more than {} MiB", MOST_RECORD_BYTES >> 20);
                return Err(SourceError::new(INPUT, message).line(self.number));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        match std::str::from_utf8(&self.line) {
            Ok(text) => Ok(Some(Line { number: self.number, text })),
            Err(_) => Err(SourceError::new(INPUT, "is not valid UTF-8").line(self.number)),
        }
    }
}
