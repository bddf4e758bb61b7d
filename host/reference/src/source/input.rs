//! The bytes of a source, before anything makes rows of them: which files they are in, how many have been read, whether they
//! are packed, and whether they begin like what is expected.

pub(super) mod compression;
#[cfg(test)]
mod drip;
pub(super) mod encoding;
pub(super) mod files;
pub(super) mod head;
pub(super) mod kind;
pub(super) mod meter;
pub(super) mod sample;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::file::{self, Wanted};

use self::compression::Compression;
use self::head::Headed;
use self::kind::Expected;
use self::meter::Metered;
use super::SourceError;

/// Bytes, wherever they come from.
pub(super) type Bytes = Box<dyn Read + Send>;

/// The input, unpacked where it is a compressed text, and only where it begins like what is expected.
pub(super) fn checked(name: &str, input: Metered, expected: Expected) -> Result<Headed, SourceError> {
    let unreadable = |error| SourceError::unreadable(name, &error);
    let mut input = Headed::new(input);
    let head = input.head(kind::HEAD_BYTES).map_err(unreadable)?;
    let compression = Compression::of(head).filter(|_| expected.is_text());
    if let Some(compression) = compression {
        input = Headed::new(compression.unpack(input).map_err(unreadable)?);
    }
    kind::check(name, input.head(kind::HEAD_BYTES).map_err(unreadable)?, expected, compression)?;
    Ok(input)
}

/// Opens a file that must be there.
pub(super) fn open_file(path: &Path, wanted: Wanted) -> Result<File, SourceError> {
    file::open(path, wanted)
        .map_err(|message| SourceError { absent: true, ..SourceError::new(&path.display().to_string(), message) })
}
