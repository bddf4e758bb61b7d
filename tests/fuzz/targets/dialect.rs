//! The host's csv reader with any dialect: any bytes are rows, rejected rows or an error, never a panic; what is rejected has bytes of
//! the text, and without compression and encodings the rest takes no more than there is.
#![no_main]

use arbitrary::Arbitrary;
use destination_host::source::{self, RowContent};
use destination_host::sync_file::{CsvDialect, Encoding, OnError};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    trim: bool,
    null: Option<String>,
    encoding: Option<u8>,
    columns: bool,
    reject: bool,
    text: &'a [u8],
}

const ENCODINGS: [&str; 5] = ["utf-8", "windows-1252", "utf-16le", "shift_jis", "gb18030"];

fuzz_target!(|input: Input<'_>| {
    let sign = |sign: u8| Some(sign & 0x7F).filter(|sign| !matches!(sign, 0 | b'\n' | b'\r'));
    let dialect = CsvDialect {
        delimiter: sign(input.delimiter).unwrap_or(b','),
        quote: input.quote.and_then(sign),
        escape: input.escape.and_then(sign),
        comment: input.comment.and_then(sign),
        trim: input.trim,
        nulls: input.null.map(|null| vec![null]),
        encoding: input.encoding.and_then(|at| Encoding::named(ENCODINGS[usize::from(at) % ENCODINGS.len()])),
        columns: input.columns.then(|| vec!["a".to_owned(), "b".to_owned()]),
    };
    let on_error = if input.reject { OnError::Reject } else { OnError::Stop };
    let text = input.text.to_vec();
    let Ok(mut rows) = source::read_csv("fuzz", &dialect, on_error, std::io::Cursor::new(text.clone())) else { return };
    while let Ok(Some(chunk)) = rows.next_chunk() {
        assert!(!chunk.is_empty(), "a chunk has rows");
        assert_eq!(chunk.rows.num_columns(), rows.columns().len());
        assert_eq!(chunk.places().map_or(chunk.rows.num_rows(), |places| places.len()), chunk.rows.num_rows());
        for row in &chunk.rejected {
            assert!(row.place < chunk.len());
            if let RowContent::Raw(raw) = &row.content
                && dialect.encoding.is_none()
                && !text.starts_with(b"\xFF\xFE")
                && !text.starts_with(b"\xFE\xFF")
                && !raw.is_empty()
                && text.len() >= raw.len()
            {
                assert!(text.windows(raw.len()).any(|window| window == raw) || is_packed(&text), "its bytes are kept");
            }
        }
    }
});

/// Whether a text begins like a compressed one.
fn is_packed(text: &[u8]) -> bool {
    [&b"\x1F\x8B"[..], b"\x28\xB5\x2F\xFD", b"BZh", b"\xFD7zXZ"].iter().any(|mark| text.starts_with(mark))
        || text.get(1..4) == Some(b"\x2A\x4D\x18")
}
