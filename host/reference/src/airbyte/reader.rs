//! The source's output, message by message: each to the stream that it is for.

use std::io::Read;

use super::catalog::{Catalog, ConfiguredStream, DestinationSyncMode, StreamId, SyncMode};
use super::message::{Message, MessageError, Status};
use super::{CONVENTIONS, mode};
use crate::fault::Fault;
use crate::source::{Extent, SourceError};
use crate::target::Ended;
use crate::target::checkpoints::Until;
use crate::target::input::{INPUT, Line, Lines};
use crate::target::opening::{Opening, of_stream};
use crate::target::passing::Passing;
use crate::target::stream::Stream;

/// Reads the input.
pub(super) struct Reader {
    opening: Opening,
    /// Those of the catalog, in its order.
    streams: Vec<Known>,
}

/// A stream that has begun.
struct Known {
    name: String,
    configured: ConfiguredStream,
    rows: Stream,
    /// Whether its sync is a mirror.
    mirrors: bool,
    /// How the source ended it: with nothing behind that.
    ended: Option<Status>,
}

impl Reader {
    pub(super) fn new(opening: Opening) -> Self {
        Self { opening, streams: Vec::new() }
    }

    /// Reads to the end. Returns what a person should know of single streams.
    pub(super) fn read(mut self, catalog: Catalog, input: impl Read, passing: &Passing) -> Result<Vec<Fault>, Ended> {
        let read = self.open(catalog).and_then(|()| self.read_messages(input, passing));
        if let Err(ended) = read {
            if let Some(error) = ended.as_told() {
                for known in &mut self.streams {
                    known.rows.fail(error.clone())?;
                }
            }
            return Err(ended);
        }
        let mut unfinished = Vec::new();
        for known in &mut self.streams {
            let (extent, shortcoming) = known.end();
            known.rows.end(extent)?;
            unfinished.extend(shortcoming);
        }
        if !unfinished.is_empty() {
            // All that came is delivered, and what failed is the source.
            let error = SourceError::new(INPUT, unfinished.join("; "))
                .hint("look at the source's log, and run again once it succeeds");
            return Err(Ended::Input { error, told: false });
        }
        Ok(self.streams.iter().filter_map(Known::removes_nobody).collect())
    }

    /// All streams begin at once: what an empty one means for a mirror is its guard's to say.
    fn open(&mut self, catalog: Catalog) -> Result<(), Ended> {
        let descriptor = self.opening.descriptor().clone();
        for configured in catalog.streams {
            let name = configured.full_name();
            let destination = self
                .opening
                .configured(&name)
                .and_then(|destination| mode::of_stream(&descriptor, destination, &configured))
                .map_err(|fault| self.opening.refused(fault))?;
            let (rows, mirrors) = self.opening.open(&name, &destination, &configured.schema, &CONVENTIONS)?;
            self.streams.push(Known { name, configured, rows, mirrors, ended: None });
        }
        Ok(())
    }

    fn read_messages(&mut self, input: impl Read, passing: &Passing) -> Result<(), Ended> {
        let mut lines = Lines::new(input);
        while let Some(line) = lines.next().map_err(|error| self.opening.failed(error))? {
            self.take(&line, passing)?;
        }
        Ok(())
    }

    fn take(&mut self, line: &Line<'_>, passing: &Passing) -> Result<(), Ended> {
        let message = Message::parse(line.text).map_err(|error| {
            let failed = match &error {
                MessageError::Json(json) if line.is_cut_short(json) => {
                    line.error("ends in the middle of a message").hint("the source has failed: look at its log")
                }
                _ => line.error(error.to_string()).hint(error.hint()),
            };
            self.opening.failed(failed)
        })?;
        match message {
            Message::Record(record) => match self.streams.iter_mut().find(|known| record.is_of(&known.configured.id)) {
                Some(known) => {
                    known.ended = None;
                    Ok(known.rows.record(line.number, record.data())?)
                }
                None => Err(self.not_in_catalog("RECORD", &record.stream(), line)),
            },
            Message::Status { stream, status } => match self.place(&stream).and_then(|at| self.streams.get_mut(at)) {
                Some(known) => {
                    known.ended = matches!(status, Status::Complete | Status::Incomplete).then_some(status);
                    Ok(())
                }
                None => Err(self.not_in_catalog("TRACE", &stream, line)),
            },
            Message::State { stream: Some(stream), state } => match self.place(&stream) {
                Some(at) => {
                    self.pass(passing, state.to_owned(), at..at + 1);
                    Ok(())
                }
                None => Err(self.not_in_catalog("STATE", &stream, line)),
            },
            Message::State { stream: None, state } => {
                self.pass(passing, state.to_owned(), 0..self.streams.len());
                Ok(())
            }
            Message::Other => Ok(()),
        }
    }

    /// Hands over a STATE that stands for the records of some streams so far.
    fn pass(&self, passing: &Passing, state: Box<serde_json::value::RawValue>, streams: std::ops::Range<usize>) {
        let covered = || self.streams.iter().enumerate().filter(|(at, _)| streams.contains(at));
        let settled = covered().any(|(_, known)| known.follows_its_table());
        let until = if settled { Until::Settled } else { Until::Acknowledged };
        passing.add(state, covered().map(|(at, known)| (at, known.rows.rows())).collect(), until);
    }

    fn place(&self, stream: &StreamId) -> Option<usize> {
        self.streams.iter().position(|known| known.configured.id == *stream)
    }

    fn not_in_catalog(&self, kind: &str, stream: &StreamId, line: &Line<'_>) -> Ended {
        let message = format!("is a {kind} message of stream {:?}, which is not in the catalog", stream.full_name());
        let known: Vec<&str> = self.streams.iter().map(|known| known.name.as_str()).collect();
        self.opening.failed(line.error(message).hint(format!("the catalog has: {}", known.join(", "))))
    }
}

impl Known {
    /// Whether its sync is a mirror of all that the source reads.
    fn follows_its_table(&self) -> bool {
        self.mirrors && self.configured.is_whole_table()
    }

    /// What its records were, now that the input has ended, and what its source has left undone.
    fn end(&self) -> (Extent, Option<String>) {
        let unfinished = |how: &str| (Extent::Changes, Some(format!("stream {:?} {how}", self.name)));
        match (self.ended, self.follows_its_table()) {
            (Some(Status::Complete), true) => (Extent::All, None),
            (Some(Status::Incomplete), true) => unfinished("has failed at its source (INCOMPLETE): nobody is removed"),
            (Some(Status::Incomplete), false) => {
                unfinished("has failed at its source (INCOMPLETE): what came is delivered")
            }
            (_, true) => unfinished("ends without the status COMPLETE behind its last record: nobody is removed"),
            (_, false) => (Extent::Changes, None),
        }
    }

    /// Why nobody is removed, though the sync is a mirror, and neither its catalog nor its rows say who has left.
    fn removes_nobody(&self) -> Option<Fault> {
        let tells_who_left = self.configured.schema.has(CONVENTIONS.deleted_at);
        if !self.mirrors || self.follows_its_table() || tells_who_left || self.rows.rows() == 0 {
            return None;
        }
        let configured = &self.configured;
        let why = match (configured.sync_mode, configured.destination_sync_mode, configured.generations) {
            (SyncMode::Incremental, ..) => "an incremental stream brings only what changed".to_owned(),
            (_, DestinationSyncMode::Overwrite | DestinationSyncMode::AppendDedup, Some(generations)) => {
                format!("generations from {} to {} stay", generations.minimum, generations.current)
            }
            (_, mode, _) => format!("the destination sync mode {} keeps what is there", mode.name()),
        };
        let hint = format!(
            "a mirror needs \"Full refresh | Overwrite\", or rows with {} (change data capture)",
            CONVENTIONS.deleted_at
        );
        Some(of_stream(&self.name, format!("nobody is removed: {why}")).hint(hint))
    }
}
