//! The host's arrow reader: any bytes are rows or an error, and every chunk is as wide as it says.
//!
//! The arrow crate panics on buffers that lie; the reader catches that and tells it as an error. So a panic alone is no finding here:
//! the fuzzer's own hook, which ends the process at any, is taken out. One that nobody catches ends it all the same.
#![no_main]

use destination_host::source::{self, Format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let Ok(mut rows) = source::read("fuzz", Format::Arrow, std::io::Cursor::new(bytes.to_vec())) else { return };
    while let Ok(Some(chunk)) = rows.next_chunk() {
        assert!(!chunk.is_empty(), "a chunk has rows");
        assert!(chunk.rows.num_columns() <= rows.columns().len());
    }
});
