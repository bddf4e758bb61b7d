//! A source whose first rows were looked at before they are asked for.

use super::{Chunk, Extent, Source, SourceError};

/// A source that hands out its first chunk again.
pub(crate) struct Peeked {
    source: Box<dyn Source>,
    /// What the source said first, until it is asked for.
    first: Option<Result<Option<Chunk>, SourceError>>,
}

impl Peeked {
    /// Reads the first chunk. That blocks for as long as the input takes.
    pub(crate) fn new(mut source: Box<dyn Source>) -> Self {
        let first = Some(source.next_chunk());
        Self { source, first }
    }

    /// The first chunk; `None` where the source has no rows, or can't be read: who asks for rows is told then.
    pub(crate) fn first(&self) -> Option<&Chunk> {
        self.first.as_ref()?.as_ref().ok()?.as_ref()
    }
}

impl Source for Peeked {
    fn columns(&self) -> &[String] {
        self.source.columns()
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        self.first.take().unwrap_or_else(|| self.source.next_chunk())
    }

    fn extent(&self) -> Extent {
        self.source.extent()
    }
}
