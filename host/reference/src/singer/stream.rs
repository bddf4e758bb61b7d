//! A stream of a tap: what its versions, bookmarks and STATEs say of the table behind it.

use super::CONVENTIONS;
use crate::source::{Extent, SourceError};
use crate::sync_file::CompleteAfter;
use crate::target::checkpoints::Until;
use crate::target::schema::Schema;
use crate::target::stream::{self, Gone};

/// A stream as the reader of the input knows it.
pub(super) struct Stream {
    /// Where its messages go.
    rows: stream::Stream,
    schema: Schema,
    /// Whether the stream brings only what is behind a bookmark.
    bookmarked: bool,
    /// Whether its sync is a mirror.
    mirrors: bool,
    version: Version,
    /// Whether a STATE has come behind the last record.
    state_follows: bool,
    complete_after: CompleteAfter,
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
    pub(super) fn new(
        rows: stream::Stream,
        schema: Schema,
        bookmarked: bool,
        mirrors: bool,
        complete_after: CompleteAfter,
    ) -> Self {
        Self { rows, schema, bookmarked, mirrors, version: Version::None, state_follows: false, complete_after }
    }

    /// The tap tells the schema again, or another one.
    pub(super) fn update(&mut self, schema: Schema, bookmarked: bool) -> Result<Result<(), Gone>, SchemaChange> {
        self.bookmarked = bookmarked;
        if schema == self.schema {
            return Ok(Ok(()));
        }
        if schema.key != self.schema.key {
            return Err(SchemaChange { was: self.schema.key.join(", "), is: schema.key.join(", ") });
        }
        let told = self.rows.update(schema.clone());
        self.schema = schema;
        Ok(told)
    }

    pub(super) fn record(&mut self, line: u64, record: &str, version: Option<i64>) -> Result<(), Gone> {
        self.version = match (self.version, version) {
            (Version::None, None) => Version::None,
            (Version::None, Some(version)) if self.rows.rows() == 0 => Version::Open(version),
            (Version::Open(open) | Version::Complete(open), Some(version))
                if open == version || self.rows.rows() == 0 =>
            {
                Version::Open(version)
            }
            _ => Version::Mixed,
        };
        self.state_follows = false;
        self.rows.record(line, record)
    }

    /// The tap says that a version is complete. At the beginning of a table it says so, too: then its records are still to
    /// come.
    pub(super) fn activate(&mut self, version: i64) {
        self.version = match self.version {
            Version::None if self.rows.rows() == 0 => Version::Complete(version),
            Version::Open(open) if open == version => Version::Complete(version),
            Version::Complete(_) if self.rows.rows() == 0 => Version::Complete(version),
            Version::Complete(complete) if complete == version => self.version,
            _ => Version::Mixed,
        };
    }

    /// A STATE comes. The rows that it stands for in this stream, and how long it waits for it: a mirror of a whole table is not
    /// behind a STATE until its removals are done.
    pub(super) fn state(&mut self) -> (u64, Until) {
        self.state_follows = true;
        let has_an_end = self.version != Version::None || self.complete_after == CompleteAfter::State;
        let until =
            if self.mirrors && self.is_whole_table() && has_an_end { Until::Settled } else { Until::Acknowledged };
        (self.rows.rows(), until)
    }

    /// Ends the stream cleanly.
    pub(super) fn end(&mut self, name: &str) -> Result<(), Gone> {
        let whole_table = self.mirrors && self.is_whole_table();
        let extent = match (self.version, self.complete_after) {
            _ if !whole_table => Ok(Extent::Changes),
            (Version::Complete(_), _) => Ok(Extent::All),
            (Version::Open(_) | Version::None, CompleteAfter::State) if self.state_follows => Ok(Extent::All),
            (Version::Open(_) | Version::None, CompleteAfter::State) => Err(SourceError::new(
                name,
                "ends without a STATE behind the last record of its table: nobody is removed",
            )
            .hint("look whether the tap has failed, and run again")),
            (Version::Open(version), CompleteAfter::ActivateVersion) => Err(SourceError::new(
                name,
                format!("ends within version {version} of its table, before ACTIVATE_VERSION: nobody is removed"),
            )
            .hint(
                "look whether the tap has failed, and run again; for a tap that sends ACTIVATE_VERSION only at the \
                     beginning: complete_after = \"state\"",
            )),
            (Version::Mixed, _) => {
                Err(SourceError::new(name, "has records of several versions of its table: nobody is removed")
                    .hint("run again; if it persists, look for a newer version of the tap"))
            }
            (Version::None, CompleteAfter::ActivateVersion) => Ok(Extent::Changes),
        };
        match extent {
            Ok(extent) => self.rows.end(extent),
            Err(error) => self.rows.fail(error),
        }
    }

    /// Whether nobody is removed for want of a complete table, though the sync is a mirror.
    pub(super) fn lists_no_table(&self) -> bool {
        let told = self.version != Version::None || self.complete_after == CompleteAfter::State;
        self.mirrors && self.is_whole_table() && !told && self.rows.rows() > 0
    }

    /// The input has failed.
    pub(super) fn fail(&mut self, error: SourceError) -> Result<(), Gone> {
        self.rows.fail(error)
    }

    /// Whether the tap reads the table from its beginning: a bookmark, or a column that tells of rows that left, is for others.
    fn is_whole_table(&self) -> bool {
        !self.bookmarked && !self.schema.has(CONVENTIONS.deleted_at)
    }
}

/// A stream's records are named by other properties than before.
#[derive(Debug, thiserror::Error)]
#[error("names its records by {is:?} now, and by {was:?} before")]
pub(super) struct SchemaChange {
    was: String,
    is: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::target::schema::{Format, Property};
    use crate::target::stream::Part;

    /// What a table is for a mirror, after these messages: a record of a version, or the activation of one.
    fn ended(
        bookmarked: bool,
        deletions: bool,
        messages: &[(bool, Option<i64>)],
    ) -> ((u64, Until), Result<Extent, String>) {
        ended_after(CompleteAfter::ActivateVersion, bookmarked, deletions, messages, true)
    }

    fn ended_after(
        complete_after: CompleteAfter,
        bookmarked: bool,
        deletions: bool,
        messages: &[(bool, Option<i64>)],
        state_comes: bool,
    ) -> ((u64, Until), Result<Extent, String>) {
        let (rows, parts) = stream::Stream::with_room_for(100);
        let property = |name: &str| Property { name: name.to_owned(), format: Format::AsItIs };
        let mut properties = vec![property("id")];
        properties.extend(deletions.then(|| property(CONVENTIONS.deleted_at)));
        let schema = Schema { properties, key: vec!["id".to_owned()] };
        let mut stream = Stream::new(rows, schema, bookmarked, true, complete_after);
        for &(is_record, version) in messages {
            if is_record {
                stream.record(1, "{}", version).unwrap();
            } else {
                stream.activate(version.unwrap());
            }
        }
        let waits = if state_comes { stream.state() } else { (0, Until::Acknowledged) };
        stream.end("s").unwrap();
        let last = parts.try_iter().last().unwrap();
        match last {
            Part::End(extent) => (waits, Ok(extent)),
            Part::Failed(error) => (waits, Err(error.message)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_complete_version_is_all_that_there_is() {
        const R: bool = true;
        const A: bool = false;
        use Until::{Acknowledged, Settled};
        let (all, changes) = (Ok(Extent::All), Ok(Extent::Changes));
        assert_eq!(ended(false, false, &[(R, Some(1)), (R, Some(1)), (A, Some(1))]), ((2, Settled), all.clone()));
        // A table's first run activates its version before the records, too.
        assert_eq!(ended(false, false, &[(A, Some(1)), (R, Some(1)), (A, Some(1))]), ((1, Settled), all.clone()));
        // An empty table: the guard against empty sources decides.
        assert_eq!(ended(false, false, &[(A, Some(1))]), ((0, Settled), all));
        // No versions at all.
        assert_eq!(ended(false, false, &[(R, None), (R, None)]), ((2, Acknowledged), changes.clone()));
        // What is behind a bookmark, and a log of changes, is never all.
        assert_eq!(ended(true, false, &[(R, Some(1)), (A, Some(1))]), ((1, Acknowledged), changes.clone()));
        assert_eq!(ended(false, true, &[(A, Some(1)), (R, Some(1)), (A, Some(1))]), ((1, Acknowledged), changes));
    }

    #[test]
    fn a_tap_that_tells_no_end_may_be_taken_by_its_state() {
        let after = CompleteAfter::State;
        for messages in [&[(false, Some(1)), (true, Some(1))][..], &[(true, None), (true, None)], &[]] {
            let rows = messages.iter().filter(|(is_record, _)| *is_record).count() as u64;
            let ended = ended_after(after, false, false, messages, true);
            assert_eq!(ended, ((rows, Until::Settled), Ok(Extent::All)), "{messages:?}");
            assert!(ended_after(after, false, false, messages, false).1.is_err(), "{messages:?}");
        }
        assert_eq!(
            ended_after(after, true, false, &[(true, None)], true),
            ((1, Until::Acknowledged), Ok(Extent::Changes))
        );
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
            let ((_, until), ended) = ended(false, false, messages);
            assert_eq!(until, Until::Settled, "{messages:?}");
            assert!(ended.unwrap_err().ends_with("nobody is removed"), "{messages:?}");
        }
    }
}
