//! The host's parquet reader: any file is rows or an error, and every chunk is as wide as it says.
//!
//! The parquet crate may panic on a file that lies; as in `arrow`, a panic that the reader catches is no finding.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use destination_host::source;
use destination_host::sync_file::Draft;
use libfuzzer_sys::fuzz_target;

/// Parquet is read from a file: one for each process, in memory where the system has that.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = parent.join(format!("fuzz-parquet-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
});

static DRAFT: LazyLock<Draft> = LazyLock::new(|| {
    let text = "name = \"fuzz\"\n[destination]\n[source]\ntype = \"parquet\"\npath = \"rows.parquet\"\n";
    Draft::parse(text, &FOLDER, &|_| Err(std::env::VarError::NotPresent)).expect("a sync file")
});

fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    fs::write(FOLDER.join("rows.parquet"), bytes).expect("a file");
    let spec = DRAFT.source().expect("a source");
    let Ok((mut rows, _)) = source::open(spec, DRAFT.computed(), 1000) else { return };
    while let Ok(Some(chunk)) = rows.next_chunk() {
        assert!(!chunk.is_empty(), "a chunk has rows");
        assert!(chunk.rows.num_columns() <= rows.columns().len());
    }
});
