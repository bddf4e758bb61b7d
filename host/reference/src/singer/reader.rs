//! The tap's output, message by message: each to the stream that it is for.

use std::io::Read;

use super::CONVENTIONS;
use super::message::{Message, MessageError};
use super::stream::Stream;
use crate::fault::Fault;
use crate::sync_file::CompleteAfter;
use crate::target::Ended;
use crate::target::checkpoints::Until;
use crate::target::input::{Line, Lines};
use crate::target::opening::Opening;
use crate::target::passing::Passing;
use crate::target::schema::Schema;

/// Reads the input.
pub(super) struct Reader {
    opening: Opening,
    streams: Vec<Known>,
}

/// A stream that has begun.
struct Known {
    name: String,
    stream: Stream,
}

impl Reader {
    pub(super) fn new(opening: Opening) -> Self {
        Self { opening, streams: Vec::new() }
    }

    /// Reads to the end. Returns what a person should know of single streams.
    pub(super) fn read(mut self, input: impl Read, passing: &Passing) -> Result<Vec<Fault>, Ended> {
        if let Err(ended) = self.read_messages(input, passing) {
            if let Some(error) = ended.as_told() {
                for known in &mut self.streams {
                    known.stream.fail(error.clone())?;
                }
            }
            return Err(ended);
        }
        for known in &mut self.streams {
            known.stream.end(&known.name)?;
        }
        let unlisted = self.streams.iter().filter(|known| known.stream.lists_no_table());
        let warnings = unlisted.map(|known| {
            Fault::new(&known.name, "nobody is removed, since the tap did not say that its table is complete")
                .hint("a mirror needs ACTIVATE_VERSION (full table), or rows with _sdc_deleted_at (log based)")
        });
        Ok(warnings.collect())
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
                    line.error("ends in the middle of a message").hint("the tap has failed: look at its log")
                }
                _ => line.error(error.to_string()).hint(error.hint()),
            };
            self.opening.failed(failed)
        })?;
        match message {
            Message::Schema { stream, schema, bookmarked } => match self.known(&stream) {
                Some(known) => match known.stream.update(schema, bookmarked) {
                    Ok(told) => Ok(told?),
                    Err(change) => Err(self.opening.failed(line.error(format!("stream {stream:?} {change}")))),
                },
                None => self.open(&stream, schema, bookmarked),
            },
            Message::Record { stream, record, version } => match self.known(&stream) {
                Some(known) => Ok(known.stream.record(line.number, record, version)?),
                None => Err(self.before_schema("RECORD", &stream, line)),
            },
            Message::ActivateVersion { stream, version } => match self.known(&stream) {
                Some(known) => {
                    known.stream.activate(version);
                    Ok(())
                }
                None => Err(self.before_schema("ACTIVATE_VERSION", &stream, line)),
            },
            Message::State(state) => {
                let told: Vec<(u64, Until)> = self.streams.iter_mut().map(|known| known.stream.state()).collect();
                let settled = told.iter().any(|(_, until)| *until == Until::Settled);
                let until = if settled { Until::Settled } else { Until::Acknowledged };
                passing.add(state.to_owned(), told.iter().map(|(rows, _)| *rows).enumerate().collect(), until);
                Ok(())
            }
        }
    }

    fn known(&mut self, name: &str) -> Option<&mut Known> {
        self.streams.iter_mut().find(|known| known.name == name)
    }

    fn before_schema(&self, kind: &str, stream: &str, line: &Line<'_>) -> Ended {
        let message = format!("is a {kind} message of stream {stream:?}, which had no SCHEMA message yet");
        self.opening.failed(line.error(message).hint(MessageError::NoType.hint()))
    }

    /// A stream begins: a sync of its own.
    fn open(&mut self, name: &str, schema: Schema, bookmarked: bool) -> Result<(), Ended> {
        let destination = self.opening.configured(name).map_err(|fault| self.opening.refused(fault))?.clone();
        let (rows, mirrors) = self.opening.open(name, &destination, &schema, &CONVENTIONS)?;
        let complete_after = self.opening.config().complete_after.unwrap_or(CompleteAfter::ActivateVersion);
        let stream = Stream::new(rows, schema, bookmarked, mirrors, complete_after);
        self.streams.push(Known { name: name.to_owned(), stream });
        Ok(())
    }
}
