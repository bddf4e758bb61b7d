//! A stream of messages: where they are put in on the one side, and the source of its sync's run on the other.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::schema::{Conventions, Schema};
use super::table::{Layout, Records, Table};
use crate::source::{CHUNK_BYTES, CHUNK_ROWS, Chunk, Extent, Source, SourceError};

/// Parts of a stream that wait for its run.
const MOST_WAITING: usize = 1;

/// What a stream's run is told by the reader of the input.
#[derive(Debug)]
pub(crate) enum Part {
    Records(Records),
    Schema(Schema),
    End(Extent),
    Failed(SourceError),
}

/// The run behind a stream has ended before the stream did.
#[derive(Debug)]
pub(crate) struct Gone;

/// A stream as the reader of the input knows it.
pub(crate) struct Stream {
    records: Records,
    /// Records so far.
    rows: u64,
    parts: SyncSender<Part>,
}

impl Stream {
    /// A stream, and what its run is told.
    pub(crate) fn new() -> (Self, Receiver<Part>) {
        Self::with_room_for(MOST_WAITING)
    }

    pub(crate) fn with_room_for(parts: usize) -> (Self, Receiver<Part>) {
        let (parts, receiver) = sync_channel(parts);
        (Self { records: Records::default(), rows: 0, parts }, receiver)
    }

    /// A record; `line` is that of its message.
    pub(crate) fn record(&mut self, line: u64, record: &str) -> Result<(), Gone> {
        self.rows += 1;
        self.records.push(line, record);
        if self.records.len() >= CHUNK_ROWS || self.records.bytes() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Records so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The stream has another schema from here on.
    pub(crate) fn update(&mut self, schema: Schema) -> Result<(), Gone> {
        self.flush()?;
        self.tell(Part::Schema(schema))
    }

    /// Ends the stream cleanly.
    pub(crate) fn end(&mut self, extent: Extent) -> Result<(), Gone> {
        self.flush()?;
        self.tell(Part::End(extent))
    }

    /// The input has failed. What is confirmed stays; what is still on its way to the plugin is not sent.
    pub(crate) fn fail(&mut self, error: SourceError) -> Result<(), Gone> {
        self.flush()?;
        self.tell(Part::Failed(error))
    }

    fn flush(&mut self) -> Result<(), Gone> {
        if self.records.len() == 0 {
            return Ok(());
        }
        let records = std::mem::take(&mut self.records);
        self.tell(Part::Records(records))
    }

    fn tell(&self, part: Part) -> Result<(), Gone> {
        self.parts.send(part).map_err(|_| Gone)
    }
}

/// A stream as the source of a run.
pub(crate) struct StreamSource {
    name: String,
    columns: Vec<String>,
    table: Table,
    parts: Receiver<Part>,
    extent: Extent,
}

impl StreamSource {
    pub(crate) fn new(
        name: &str,
        schema: &Schema,
        layout: Layout,
        conventions: &'static Conventions,
        parts: Receiver<Part>,
    ) -> Self {
        let columns = Table::columns(schema, &layout, conventions);
        let table = Table::new(name.to_owned(), schema, layout, conventions);
        Self { name: name.to_owned(), columns, table, parts, extent: Extent::Changes }
    }
}

impl Source for StreamSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            match self.parts.recv() {
                Ok(Part::Records(records)) => return self.table.chunk(&records).map(Some),
                Ok(Part::Schema(schema)) => self.table.update(&schema),
                Ok(Part::End(extent)) => {
                    self.extent = extent;
                    return Ok(None);
                }
                Ok(Part::Failed(error)) => return Err(error),
                Err(_) => return Err(SourceError::new(&self.name, "stopped without an end")),
            }
        }
    }

    fn extent(&self) -> Extent {
        self.extent
    }
}
