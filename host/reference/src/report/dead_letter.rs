//! Rejected rows, one JSON object a line: the row as the source had it, its number, and why it was rejected.
//!
//! Such a file can be fixed and fed back in. It is begun before the first request, so that no rejection is lost for want
//! of a place to write it, flushed with each batch, and takes its place at the end of the run.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::report::output::GrowingFile;

/// One rejected row.
#[derive(Debug, Serialize)]
pub struct DeadLetter<'a> {
    /// The row, by column; null where it could not be read.
    pub row: &'a RawValue,
    /// What the row's JSON does not tell, by column: which texts are days, and which stand for numbers or times that are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<&'a RawValue>,
    /// The row as it stands in its source, where it could not be read.
    #[serde(flatten)]
    pub raw: Option<RawRow<'a>>,
    /// Its number in the source, from 1.
    pub row_number: u64,
    /// The record's key, where the row got that far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// The column at fault, where it is one column's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<&'a str>,
    /// Why, for machines.
    pub code: &'a str,
    /// Why, for a person.
    pub message: &'a str,
}

/// The text of a row that could not be read.
#[derive(Debug, Serialize)]
pub struct RawRow<'a> {
    /// The text. What is not UTF-8 is shown as U+FFFD.
    raw: Cow<'a, str>,
    /// The bytes, where the text does not tell them.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

impl<'a> From<&'a [u8]> for RawRow<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        let raw = String::from_utf8_lossy(bytes);
        let raw_base64 = (raw.as_bytes() != bytes).then(|| BASE64_STANDARD.encode(bytes));
        Self { raw, raw_base64 }
    }
}

/// A file of rejected rows.
#[derive(Debug)]
pub struct DeadLetters {
    file: GrowingFile,
}

impl DeadLetters {
    /// Begins the file. An older one stays in its place until [`Self::finish`].
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: GrowingFile::open(path)? })
    }

    /// Where the letters are of a run that was killed before it could finish its file.
    pub fn left_behind(&self) -> Option<&Path> {
        self.file.left_behind()
    }

    /// Adds a row.
    pub fn write(&mut self, letter: &DeadLetter<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, letter)?;
        self.file.write_all(b"\n")
    }

    /// Hands everything so far to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Puts the file in its place. `complete`: all rows of the source are settled, and it replaces an older file;
    /// otherwise what the older one has is kept.
    pub fn finish(self, complete: bool) -> io::Result<()> {
        self.file.finish(complete)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_row_is_one_line_and_there_when_it_is_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.ndjson");
        std::fs::write(&path, "of an earlier run\n").unwrap();
        let mut letters = DeadLetters::create(&path).unwrap();
        let row = RawValue::from_string("{\"n\":1.10}".to_owned()).unwrap();
        let letter = DeadLetter {
            row: &row,
            types: None,
            raw: None,
            row_number: 7,
            key: Some("k"),
            column: None,
            code: "c",
            message: "a \"b\"\n",
        };
        letters.write(&letter).unwrap();
        letters.write(&DeadLetter { key: None, column: Some("n"), ..letter }).unwrap();
        letters.flush().unwrap();
        let flushed = std::fs::read_to_string(folder.path().join("dead.ndjson.part")).unwrap();
        letters.finish(true).unwrap();
        assert_eq!(flushed, std::fs::read_to_string(&path).unwrap());
        assert_eq!(
            flushed,
            "{\"row\":{\"n\":1.10},\"row_number\":7,\"key\":\"k\",\"code\":\"c\",\"message\":\"a \\\"b\\\"\\n\"}\n\
             {\"row\":{\"n\":1.10},\"row_number\":7,\"column\":\"n\",\"code\":\"c\",\"message\":\"a \\\"b\\\"\\n\"}\n"
        );
    }

    #[test]
    fn bytes_of_a_row_that_could_not_be_read_are_kept() {
        for (raw, told) in [
            (&b"1,\"x\",\t"[..], r#""raw":"1,\"x\",\t""#),
            (b"M\xFCller", "\"raw\":\"M\u{FFFD}ller\",\"raw_base64\":\"TfxsbGVy\""),
            ("\u{FFFD}".as_bytes(), "\"raw\":\"\u{FFFD}\""),
        ] {
            let raw = Some(RawRow::from(raw));
            let letter = DeadLetter {
                row: RawValue::NULL,
                types: None,
                raw,
                row_number: 1,
                key: None,
                column: None,
                code: "c",
                message: "m",
            };
            let expected = format!("{{\"row\":null,{told},\"row_number\":1,\"code\":\"c\",\"message\":\"m\"}}");
            assert_eq!(serde_json::to_string(&letter).unwrap(), expected);
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        DeadLetters::create(&folder.path().join("no/such/folder/dead.ndjson")).unwrap_err();
    }
}
