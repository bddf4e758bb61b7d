//! The rows of many small CSV texts, for a comparison with other readers: each text comes on standard input behind its length
//! (four bytes, least first), and goes out as one line of JSON: its columns and rows, or the error.

use std::io::{self, BufWriter, Cursor, Read, Write};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use destination_host::source::{self, Format, SourceError};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut texts = io::stdin().lock();
    let mut answers = BufWriter::new(io::stdout().lock());
    let mut length = [0; 4];
    while texts.read_exact(&mut length).is_ok() {
        let mut text = vec![0; u32::from_le_bytes(length) as usize];
        texts.read_exact(&mut text)?;
        let answer = read(text).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(answers, "{answer}")?;
    }
    answers.flush()
}

fn read(text: Vec<u8>) -> Result<Value, SourceError> {
    let mut source = source::read("text", Format::Csv, Cursor::new(text))?;
    let mut rows = vec![json!(source.columns())];
    let mut rejected = 0;
    while let Some(chunk) = source.next_chunk()? {
        rejected += chunk.rejected.len();
        for row in 0..chunk.rows.num_rows() {
            let values = chunk.rows.columns().iter().map(|column| {
                let column = column.as_string::<i32>();
                if column.is_null(row) { "" } else { column.value(row) }
            });
            rows.push(json!(values.collect::<Vec<_>>()));
        }
    }
    Ok(json!({ "rows": rows, "rejected": rejected }))
}
