//! The first rows of a source, as if they were all.

use std::num::NonZeroU64;

use super::{Chunk, Source, SourceError};

/// The first rows of a source. It ends cleanly after them; what comes later is not read.
pub(crate) struct FirstRows {
    source: Box<dyn Source>,
    left: u64,
}

impl FirstRows {
    /// At most so many rows.
    pub(crate) fn new(source: Box<dyn Source>, most: NonZeroU64) -> Self {
        Self { source, left: most.get() }
    }
}

impl Source for FirstRows {
    fn columns(&self) -> &[String] {
        self.source.columns()
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.left == 0 {
            return Ok(None);
        }
        let chunk = self.source.next_chunk()?;
        let chunk = chunk.map(|chunk| chunk.first(usize::try_from(self.left).unwrap_or(usize::MAX)));
        self.left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Ok(chunk)
    }
}
