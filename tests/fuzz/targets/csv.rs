//! The host's csv reader: any bytes are rows or an error, never a panic, and every chunk is as wide as it says.
#![no_main]

use destination_host::source::{self, Format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut rows) = source::read("fuzz", Format::Csv, std::io::Cursor::new(bytes.to_vec())) else { return };
    while let Ok(Some(chunk)) = rows.next_chunk() {
        assert!(!chunk.is_empty(), "a chunk has rows");
        assert!(chunk.rows.num_columns() <= rows.columns().len());
    }
});
