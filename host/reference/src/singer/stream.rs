//! A stream of a tap: as it is read on the one side, and as the source of its sync's run on the other.

use std::sync::mpsc::{Receiver, SyncSender};

use super::checkpoints::Need;
use super::message::Schema;
use super::table::{DELETED_AT, Layout, Records, Table};
use crate::source::{CHUNK_BYTES, CHUNK_ROWS, Chunk, Extent, Source, SourceError};
use crate::sync_file::CompleteAfter;

/// What a stream's run is told by the reader of the input.
#[derive(Debug)]
pub(super) enum Part {
    Records(Records),
    Schema(Schema),
    End(Extent),
    Failed(SourceError),
}

/// The run behind a stream has ended before the stream did.
#[derive(Debug)]
pub(super) struct Gone;

/// A stream as the reader of the input knows it.
pub(super) struct Stream {
    schema: Schema,
    /// Whether its sync is a mirror.
    mirrors: bool,
    records: Records,
    /// Records so far.
    rows: u64,
    version: Version,
    /// Whether a STATE has come behind the last record.
    state_follows: bool,
    complete_after: CompleteAfter,
    parts: SyncSender<Part>,
}

/// What is known of the version of a table that is read from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// No record had one.
    None,
    /// Records of this one alone so far, or none yet.
    Open(i64),
    /// All its records have come, and none of another one.
    Complete(i64),
    /// Records of several, or with one and without.
    Mixed,
}

impl Stream {
    pub(super) fn new(schema: Schema, mirrors: bool, complete_after: CompleteAfter, parts: SyncSender<Part>) -> Self {
        Self {
            schema,
            mirrors,
            records: Records::default(),
            rows: 0,
            version: Version::None,
            state_follows: false,
            complete_after,
            parts,
        }
    }

    /// The tap tells the schema again, or another one.
    pub(super) fn update(&mut self, schema: Schema) -> Result<Result<(), Gone>, SchemaChange> {
        if schema == self.schema {
            return Ok(Ok(()));
        }
        if schema.key != self.schema.key {
            return Err(SchemaChange { was: self.schema.key.join(", "), is: schema.key.join(", ") });
        }
        let told = self.flush().and_then(|()| self.tell(Part::Schema(schema.clone())));
        self.schema = schema;
        Ok(told)
    }

    pub(super) fn record(&mut self, line: u64, record: &str, version: Option<i64>) -> Result<(), Gone> {
        self.version = match (self.version, version) {
            (Version::None, None) => Version::None,
            (Version::None, Some(version)) if self.rows == 0 => Version::Open(version),
            (Version::Open(open) | Version::Complete(open), Some(version)) if open == version || self.rows == 0 => {
                Version::Open(version)
            }
            _ => Version::Mixed,
        };
        self.rows += 1;
        self.state_follows = false;
        self.records.push(line, record);
        if self.records.len() >= CHUNK_ROWS || self.records.bytes() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// The tap says that a version is complete. At the beginning of a table it says so, too: then its records are still to
    /// come.
    pub(super) fn activate(&mut self, version: i64) {
        self.version = match self.version {
            Version::None if self.rows == 0 => Version::Complete(version),
            Version::Open(open) if open == version => Version::Complete(version),
            Version::Complete(_) if self.rows == 0 => Version::Complete(version),
            Version::Complete(complete) if complete == version => self.version,
            _ => Version::Mixed,
        };
    }

    /// A STATE comes. What it waits for in this stream: a mirror of a whole table is not behind a STATE until its removals are done: a tap
    /// that went on in the middle of the table would bring only a part of it.
    pub(super) fn need(&mut self) -> Need {
        self.state_follows = true;
        let has_an_end = self.version != Version::None || self.complete_after == CompleteAfter::State;
        if self.mirrors && self.is_whole_table() && has_an_end { Need::End(self.rows) } else { Need::Rows(self.rows) }
    }

    /// Ends the stream cleanly.
    pub(super) fn end(&mut self, name: &str) -> Result<(), Gone> {
        self.flush()?;
        let whole_table = self.mirrors && self.is_whole_table();
        let part = match (self.version, self.complete_after) {
            _ if !whole_table => Part::End(Extent::Changes),
            (Version::Complete(_), _) => Part::End(Extent::All),
            (Version::Open(_) | Version::None, CompleteAfter::State) if self.state_follows => Part::End(Extent::All),
            (Version::Open(_) | Version::None, CompleteAfter::State) => Part::Failed(
                SourceError::new(name, "ends without a STATE behind the last record of its table: nobody is removed")
                    .hint("look whether the tap has failed, and run again"),
            ),
            (Version::Open(version), CompleteAfter::ActivateVersion) => Part::Failed(
                SourceError::new(
                    name,
                    format!("ends within version {version} of its table, before ACTIVATE_VERSION: nobody is removed"),
                )
                .hint(
                    "look whether the tap has failed, and run again; for a tap that sends ACTIVATE_VERSION only at the \
                     beginning: complete_after = \"state\"",
                ),
            ),
            (Version::Mixed, _) => Part::Failed(
                SourceError::new(name, "has records of several versions of its table: nobody is removed")
                    .hint("run again; if it persists, look for a newer version of the tap"),
            ),
            (Version::None, CompleteAfter::ActivateVersion) => Part::End(Extent::Changes),
        };
        self.tell(part)
    }

    /// Whether nobody is removed for want of a complete table, though the sync is a mirror.
    pub(super) fn lists_no_table(&self) -> bool {
        let told = self.version != Version::None || self.complete_after == CompleteAfter::State;
        self.mirrors && self.is_whole_table() && !told && self.rows > 0
    }

    /// The input has failed: what came before it is still sent.
    pub(super) fn fail(&mut self, error: SourceError) -> Result<(), Gone> {
        self.flush()?;
        self.tell(Part::Failed(error))
    }

    /// Whether the tap reads the table from its beginning: a bookmark, or a column that tells of rows that left, is for others.
    fn is_whole_table(&self) -> bool {
        !self.schema.bookmarked && !self.schema.properties.iter().any(|property| property.name == DELETED_AT)
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

/// A stream's records are named by other properties than before.
#[derive(Debug, thiserror::Error)]
#[error("names its records by {is:?} now, and by {was:?} before")]
pub(super) struct SchemaChange {
    was: String,
    is: String,
}

/// A stream as the source of a run.
pub(super) struct StreamSource {
    name: String,
    columns: Vec<String>,
    table: Table,
    parts: Receiver<Part>,
    extent: Extent,
}

impl StreamSource {
    pub(super) fn new(name: &str, schema: &Schema, layout: Layout, parts: Receiver<Part>) -> Self {
        let columns = Table::columns(schema, &layout);
        let table = Table::new(name.to_owned(), schema, layout);
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::singer::message::{Format, Property};

    /// What a table is for a mirror, after these messages: a record of a version, or the activation of one.
    fn ended(bookmarked: bool, deletions: bool, messages: &[(bool, Option<i64>)]) -> (Need, Result<Extent, String>) {
        ended_after(CompleteAfter::ActivateVersion, bookmarked, deletions, messages, true)
    }

    fn ended_after(
        complete_after: CompleteAfter,
        bookmarked: bool,
        deletions: bool,
        messages: &[(bool, Option<i64>)],
        state_comes: bool,
    ) -> (Need, Result<Extent, String>) {
        let (sender, receiver) = sync_channel(100);
        let property = |name: &str| Property { name: name.to_owned(), format: Format::AsItIs };
        let mut properties = vec![property("id")];
        properties.extend(deletions.then(|| property(DELETED_AT)));
        let schema = Schema { properties, key: vec!["id".to_owned()], bookmarked };
        let mut stream = Stream::new(schema, true, complete_after, sender);
        for &(is_record, version) in messages {
            if is_record {
                stream.record(1, "{}", version).unwrap();
            } else {
                stream.activate(version.unwrap());
            }
        }
        let need = if state_comes { stream.need() } else { Need::Rows(0) };
        stream.end("s").unwrap();
        let last = receiver.try_iter().last().unwrap();
        match last {
            Part::End(extent) => (need, Ok(extent)),
            Part::Failed(error) => (need, Err(error.message)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_complete_version_is_all_that_there_is() {
        const R: bool = true;
        const A: bool = false;
        let (all, changes) = (Ok(Extent::All), Ok(Extent::Changes));
        assert_eq!(ended(false, false, &[(R, Some(1)), (R, Some(1)), (A, Some(1))]), (Need::End(2), all.clone()));
        // A table's first run activates its version before the records, too.
        assert_eq!(ended(false, false, &[(A, Some(1)), (R, Some(1)), (A, Some(1))]), (Need::End(1), all.clone()));
        // An empty table: the guard against empty sources decides.
        assert_eq!(ended(false, false, &[(A, Some(1))]), (Need::End(0), all));
        // No versions at all.
        assert_eq!(ended(false, false, &[(R, None), (R, None)]), (Need::Rows(2), changes.clone()));
        // What is behind a bookmark, and a log of changes, is never all.
        assert_eq!(ended(true, false, &[(R, Some(1)), (A, Some(1))]), (Need::Rows(1), changes.clone()));
        assert_eq!(ended(false, true, &[(A, Some(1)), (R, Some(1)), (A, Some(1))]), (Need::Rows(1), changes));
    }

    #[test]
    fn a_tap_that_tells_no_end_may_be_taken_by_its_state() {
        let after = CompleteAfter::State;
        for messages in [&[(false, Some(1)), (true, Some(1))][..], &[(true, None), (true, None)], &[]] {
            let rows = messages.iter().filter(|(is_record, _)| *is_record).count() as u64;
            let (need, ended) = ended_after(after, false, false, messages, true);
            assert_eq!((need, ended), (Need::End(rows), Ok(Extent::All)), "{messages:?}");
            assert!(ended_after(after, false, false, messages, false).1.is_err(), "{messages:?}");
        }
        assert_eq!(ended_after(after, true, false, &[(true, None)], true), (Need::Rows(1), Ok(Extent::Changes)));
    }

    #[test]
    fn a_table_that_breaks_off_is_no_table() {
        for messages in [
            &[(true, Some(1))][..],
            &[(false, Some(1)), (true, Some(1))],
            &[(true, Some(1)), (false, Some(1)), (true, Some(1))],
            &[(true, Some(1)), (true, Some(2)), (false, Some(2))],
            &[(true, Some(1)), (false, Some(2))],
            &[(true, None), (true, Some(1)), (false, Some(1))],
            &[(true, Some(1)), (true, None), (false, Some(1))],
        ] {
            let (need, ended) = ended(false, false, messages);
            assert!(matches!(need, Need::End(_)), "{messages:?}");
            assert!(ended.unwrap_err().ends_with("nobody is removed"), "{messages:?}");
        }
    }
}
