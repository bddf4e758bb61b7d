//! What an input is by its first bytes. A table that was compressed, or saved by another program's default, is named for what it
//! is, with what to do: a parser's complaint about its bytes helps nobody.

use super::compression::Compression;
use crate::source::{SourceError, UTF8_MARK};

/// Bytes that tell.
pub(in crate::source) const HEAD_BYTES: usize = 512;

/// What a source reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Expected {
    Csv,
    Ndjson,
    Arrow,
    Parquet,
}

impl Expected {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Ndjson => "JSON lines",
            Self::Arrow => "an Arrow stream",
            Self::Parquet => "a Parquet file",
        }
    }

    /// Text may be compressed as a whole.
    pub(in crate::source) fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson)
    }
}

const UNPACK: &str = "unpack it first, or pipe it in: path = \"-\" is standard input";
const SAVE_AS_CSV: &str = "open it in the program that wrote it and save it as CSV in UTF-8";
const TAKE_TABLE: &str = "name a file that holds the table itself: CSV, JSON lines, Parquet or Arrow";
const AS_UTF8: &str = "save the file as UTF-8";

/// First bytes, what they are the beginning of, and what to do.
const KINDS: [(&[u8], &str, &str); 22] = [
    (b"\x1F\x8B", "is compressed with gzip", UNPACK),
    (b"\x28\xB5\x2F\xFD", "is compressed with zstd", UNPACK),
    (b"BZh", "is compressed with bzip2", UNPACK),
    (b"\xFD7zXZ\0", "is compressed with xz", UNPACK),
    (b"\x04\x22\x4D\x18", "is compressed with lz4", UNPACK),
    (b"\xFF\x06\0\0sNaPpY", "is compressed with snappy", UNPACK),
    (b"7z\xBC\xAF\x27\x1C", "is a 7z archive", UNPACK),
    (b"Rar!\x1A\x07", "is a RAR archive", UNPACK),
    (b"PK\x03\x04", "is a zip archive: an Excel workbook (.xlsx) is one", SAVE_AS_CSV),
    (b"PK\x05\x06", "is an empty zip archive", TAKE_TABLE),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "is an old Office document, such as an Excel workbook (.xls)", SAVE_AS_CSV),
    (b"%PDF-", "is a PDF", TAKE_TABLE),
    (b"SQLite format 3\0", "is an SQLite database", "read it with type = \"adbc\" and a query"),
    (b"Obj\x01", "is an Avro file", TAKE_TABLE),
    (b"ORC", "is an ORC file", TAKE_TABLE),
    (b"\xFF\xFE\0\0", "is encoded in UTF-32", AS_UTF8),
    (b"\0\0\xFE\xFF", "is encoded in UTF-32", AS_UTF8),
    (UTF_16[0], "is encoded in UTF-16", AS_UTF8),
    (UTF_16[1], "is encoded in UTF-16", AS_UTF8),
    (PARQUET, "is a Parquet file", "set type = \"parquet\""),
    (ARROW_FILE, "is an Arrow file", "set type = \"arrow\""),
    (ARROW_STREAM, "is an Arrow stream", "set type = \"arrow\""),
];
/// Where a tar archive says that it is one, and how.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// The marks of UTF-16.
const UTF_16: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];
const PARQUET: &[u8] = b"PAR1";
const ARROW_FILE: &[u8] = b"ARROW1\0\0";
const ARROW_STREAM: &[u8] = b"\xFF\xFF\xFF\xFF";

/// Refuses an input that begins like something else than what is expected. One that begins like nothing known is left to its
/// reader. `within` is what it was unpacked from.
pub(in crate::source) fn check(
    name: &str,
    head: &[u8],
    expected: Expected,
    within: Option<Compression>,
) -> Result<(), SourceError> {
    let known = KINDS.iter().find(|(start, ..)| head.starts_with(start)).filter(|(start, ..)| match expected {
        // It is decoded.
        Expected::Csv if UTF_16.contains(start) => false,
        Expected::Parquet => *start != PARQUET,
        Expected::Arrow => ![ARROW_FILE, ARROW_STREAM].contains(start),
        // Three letters may begin a header as well.
        Expected::Csv | Expected::Ndjson => *start != b"ORC" || head.contains(&0),
    });
    let (what, hint) = match known {
        // It can't be piped in.
        Some((_, what, _)) if expected == Expected::Parquet && Compression::of(head).is_some() => {
            ((*what).to_owned(), "unpack it first; a Parquet file compresses its columns itself".to_owned())
        }
        Some((_, what, hint)) => ((*what).to_owned(), (*hint).to_owned()),
        None => match text(head, expected) {
            Some(found) => found,
            None => return Ok(()),
        },
    };
    let what = within.map_or_else(|| what.clone(), |within| format!("unpacked from {within}, it {what}"));
    let message = format!("{what}, and {} is expected", expected.name());
    Err(SourceError { absent: !expected.is_text(), ..SourceError::new(name, message).hint(hint) })
}

/// What a text is that is not the expected one.
fn text(head: &[u8], expected: Expected) -> Option<(String, String)> {
    let found = |what: &str, hint: &str| Some((what.to_owned(), hint.to_owned()));
    if expected != Expected::Csv && utf16_without_mark(head).is_some() {
        return found("is encoded in UTF-16", AS_UTF8);
    }
    let start = head.strip_prefix(UTF8_MARK).unwrap_or(head).trim_ascii_start();
    let begins = |mark: &[u8]| start.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if [&b"<!doctype html"[..], b"<html"].into_iter().any(begins) {
        return found("is an HTML page", "what was downloaded may be a sign-in page; fetch the file itself");
    }
    if head.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return found(
            "is a tar archive",
            "take the table out of it; several files: put them into a folder and name that",
        );
    }
    if begins(b"<?xml") {
        return found("is XML", TAKE_TABLE);
    }
    if expected == Expected::Csv && (begins(b"{\"") || begins(b"[{\"")) {
        return found("is JSON", "set type = \"ndjson\", with one object a line");
    }
    if !expected.is_text() && is_text(head) {
        return found("is a text", "set type = \"csv\" or \"ndjson\", as it is");
    }
    None
}

/// Whether a Parquet file begins so.
pub(in crate::source) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(PARQUET)
}

/// Whether an Arrow stream or file begins so.
pub(in crate::source) fn is_arrow(head: &[u8]) -> bool {
    head.starts_with(ARROW_FILE) || head.starts_with(ARROW_STREAM)
}

/// Characters, lines and tabs. The last character may be cut.
fn is_text(head: &[u8]) -> bool {
    const LONGEST_CHARACTER: usize = 4;
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() + LONGEST_CHARACTER > head.len() => {
            head.get(..error.valid_up_to()).and_then(|head| std::str::from_utf8(head).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.contains(|c: char| c.is_control() && !c.is_whitespace())
}

/// The order of UTF-16 without its mark: every second byte of what begins a table is 0.
pub(crate) fn utf16_without_mark(head: &[u8]) -> Option<&'static str> {
    let (pairs, _) = head.get(..head.len().min(8)).unwrap_or_default().as_chunks::<2>();
    let all = |is: fn(&[u8; 2]) -> bool| pairs.len() >= 2 && pairs.iter().all(is);
    match (all(|[a, b]| *a != 0 && *b == 0), all(|[a, b]| *a == 0 && *b != 0)) {
        (true, _) => Some("utf-16le"),
        (_, true) => Some("utf-16be"),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn what_is_not_expected_is_named_with_what_to_do() {
        let utf16: Vec<u8> = "id,name".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let all = [Expected::Csv, Expected::Ndjson, Expected::Arrow, Expected::Parquet];
        let texts = &all[..2];
        for (head, expected, said) in [
            (&b"\x1F\x8B\x08\0"[..], &all[..], "is compressed with gzip"),
            (b"\x28\xB5\x2F\xFD\x04", &all, "is compressed with zstd"),
            (b"BZh91AY", &all, "is compressed with bzip2"),
            (b"\xFD7zXZ\0\0", &all, "is compressed with xz"),
            (b"PK\x03\x04\x14\0", &all, "an Excel workbook (.xlsx)"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", &all, "(.xls)"),
            (b"%PDF-1.7", &all, "is a PDF"),
            (b"SQLite format 3\0", &all, "is an SQLite database"),
            (b"\xFF\xFEi\0d\0", &all[1..], "is encoded in UTF-16"),
            (&utf16, &all[1..], "is encoded in UTF-16"),
            (b"\xFF\xFE\0\0i\0\0\0", &all, "is encoded in UTF-32"),
            (b"\n <!DOCTYPE HTML><html>", &all, "is an HTML page"),
            (b"<?xml version='1.0'?>", &all, "is XML"),
            (b"PAR1\x15\x04", &all[..3], "is a Parquet file, and"),
            (b"ARROW1\0\0\xFF\xFF\xFF\xFF", texts, "is an Arrow file"),
            (b"\xFF\xFF\xFF\xFF\x10\0\0\0", texts, "is an Arrow stream"),
            (b"{\"id\": 1}\n", &all[..1], "is JSON, and CSV is expected"),
            (b"id,name\n1,x\n", &all[2..], "is a text, and"),
        ] {
            for &expected in expected {
                let error = check("x", head, expected, None).unwrap_err();
                assert!(error.to_string().contains(said), "{error}");
                assert!(error.hint.is_some());
            }
        }
    }

    #[test]
    fn what_was_unpacked_says_from_what() {
        let mut tar = [b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, said) in [
            (&tar[..], "unpacked from gzip, it is a tar archive, and CSV is expected"),
            (b"\x1F\x8B\x08", "unpacked from gzip, it is compressed with gzip, and CSV is expected"),
        ] {
            let error = check("x", head, Expected::Csv, Some(Compression::Gzip)).unwrap_err();
            assert_eq!(error.to_string(), format!("x: {said}"));
        }
    }

    #[test]
    fn what_is_expected_or_unknown_passes() {
        for (head, expected) in [
            (&b""[..], Expected::Csv),
            (b"", Expected::Parquet),
            (b"PAR1\x15", Expected::Parquet),
            (b"ARROW1\0\0", Expected::Arrow),
            (b"\xFF\xFF\xFF\xFF\x10", Expected::Arrow),
            (b"ORCID,name\n", Expected::Csv),
            (b"\xEF\xBB\xBFid,name\n", Expected::Csv),
            (b"{\"a\":1}", Expected::Ndjson),
            (b"id\n\xFF\n", Expected::Csv),
            (b"\0\x01\x02\x03\xFE", Expected::Arrow),
        ] {
            check("x", head, expected, None).unwrap();
        }
    }
}
