//! The beginning of a file, for a guess at how it is written.

use std::io::Read;

use super::compression::Compression;
use super::files::{self, Found};
use super::head::Headed;
use super::kind::{self, Expected};
use super::{meter::Metered, open_file};
use crate::file::Wanted;
use crate::source::{SourceError, UTF8_MARK};
use crate::sync_file::Input;

/// Bytes of a text that are looked at.
const MOST_BYTES: u64 = 1 << 20;

/// What a file is.
pub(crate) enum Sample {
    Parquet,
    Arrow,
    Ndjson,
    /// Another text: its first bytes, and whether these are all.
    Text(Vec<u8>, bool),
}

/// Looks at the beginning of the first file of an input.
pub(crate) fn sample(input: &Input) -> Result<Sample, SourceError> {
    let path = match files::find(input)? {
        Found::One(path) => path,
        Found::Many(set) => set.files().first().map(|file| file.path.clone()).unwrap_or_default(),
        Found::Stdin => {
            let error =
                SourceError::new(&input.to_string(), "can be read only once, and a sync would find nothing left");
            return Err(error.hint("name a file, and set path = \"-\" afterwards"));
        }
    };
    let name = path.display().to_string();
    let unreadable = |error| SourceError::unreadable(&name, &error);
    let file = open_file(&path, Wanted::Regular)?;
    let mut input = Headed::new(Metered::file(file, Default::default()).map_err(unreadable)?);
    let head = input.head(kind::HEAD_BYTES).map_err(unreadable)?;
    if kind::is_parquet(head) {
        return Ok(Sample::Parquet);
    }
    if kind::is_arrow(head) {
        return Ok(Sample::Arrow);
    }
    let compression = Compression::of(head);
    if let Some(compression) = compression {
        input = Headed::new(compression.unpack(input).map_err(unreadable)?);
    }
    let head = input.head(kind::HEAD_BYTES).map_err(unreadable)?;
    if head.strip_prefix(UTF8_MARK).unwrap_or(head).trim_ascii_start().starts_with(b"{") {
        return Ok(Sample::Ndjson);
    }
    kind::check(&name, head, Expected::Csv, compression)?;
    let mut bytes = Vec::new();
    input.take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    let is_whole = (bytes.len() as u64) < MOST_BYTES;
    Ok(Sample::Text(bytes, is_whole))
}
