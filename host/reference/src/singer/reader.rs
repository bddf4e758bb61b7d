//! The input, line by line, on a thread of its own: each message to the stream that it is for.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use tokio::sync::mpsc::UnboundedSender;

use super::message::{Message, MessageError, Schema};
use super::passing::Passing;
use super::stream::{Gone, Part, Stream, StreamSource};
use super::table::Layout;
use crate::fault::{Fault, nearest};
use crate::pipeline::job::Job;
use crate::source::{MOST_RECORD_BYTES, READ_BYTES, SourceError};
use crate::state::Facts;
use crate::sync_file::{Destination, StateSpec, SyncName, TargetConfig, sync_name};
use destination_engine::bindings::Descriptor;
use destination_engine::plugin::Plugin;

/// What the input is called in errors.
pub(super) const INPUT: &str = "standard input";
/// Parts of a stream that wait for its run.
const MOST_WAITING: usize = 1;

/// A stream whose run is to begin.
pub(super) struct Opened {
    pub(super) sync: SyncName,
    pub(super) destination: Destination,
    pub(super) source: StreamSource,
}

/// Why the reader has ended early.
#[derive(Debug)]
pub(super) enum Ended {
    /// A run has ended before its stream: it says why.
    Gone,
    /// The input can't be read on. `told`: the runs that have begun say so.
    Input { error: SourceError, told: bool },
    /// A stream can't be taken. `told`: the runs that have begun say so.
    Stream { fault: Fault, told: bool },
}

impl From<Gone> for Ended {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// Reads the input.
pub(super) struct Reader {
    pub(super) plugin: Plugin,
    pub(super) config: Arc<TargetConfig>,
    pub(super) passing: Arc<Passing>,
    pub(super) opened: UnboundedSender<Opened>,
    streams: Vec<Known>,
}

/// A stream that has begun.
struct Known {
    name: String,
    stream: Stream,
    mirrors: bool,
    target: Facts,
    state: StateSpec,
}

impl Reader {
    pub(super) fn new(
        plugin: Plugin,
        config: Arc<TargetConfig>,
        passing: Arc<Passing>,
        opened: UnboundedSender<Opened>,
    ) -> Self {
        Self { plugin, config, passing, opened, streams: Vec::new() }
    }

    /// Reads to the end.
    pub(super) fn read(mut self, input: impl Read) -> Result<Vec<String>, Ended> {
        let read = self.read_lines(input);
        let Err(ended) = read else {
            for known in &mut self.streams {
                known.stream.end(&known.name)?;
            }
            let unlisted = self.streams.iter().filter(|known| known.stream.lists_no_table());
            return Ok(unlisted.map(|known| known.name.clone()).collect());
        };
        let error = match &ended {
            Ended::Gone => return Err(ended),
            Ended::Input { error, .. } => error.clone(),
            Ended::Stream { fault, .. } => {
                SourceError { hint: fault.hint.clone(), ..SourceError::new(INPUT, fault.to_string()) }
            }
        };
        for known in &mut self.streams {
            known.stream.fail(error.clone())?;
        }
        Err(ended)
    }

    fn read_lines(&mut self, input: impl Read) -> Result<(), Ended> {
        let mut input = BufReader::with_capacity(READ_BYTES, input);
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            let most = MOST_RECORD_BYTES as u64 + 1;
            let read = input.by_ref().take(most).read_until(b'\n', &mut line);
            read.map_err(|error| self.failed(SourceError::new(INPUT, format!("cannot be read: {error}"))))?;
            if line.is_empty() {
                return Ok(());
            }
            if line.len() > MOST_RECORD_BYTES {
                let message = format!("is a message of more than {} MiB", MOST_RECORD_BYTES >> 20);
                return Err(self.failed(SourceError::new(INPUT, message).line(number)));
            }
            let Ok(text) = std::str::from_utf8(&line) else {
                return Err(self.failed(SourceError::new(INPUT, "is not valid UTF-8").line(number)));
            };
            if !text.trim_ascii().is_empty() {
                self.take(number, text)?;
            }
        }
    }

    fn take(&mut self, line: u64, text: &str) -> Result<(), Ended> {
        let message = Message::parse(text).map_err(|error| {
            let cut_short = matches!(&error, MessageError::Json(error) if error.is_eof()) && !text.ends_with('\n');
            let failed = if cut_short {
                SourceError::new(INPUT, "ends in the middle of a message").hint("the tap has failed: look at its log")
            } else {
                SourceError::new(INPUT, error.to_string()).hint(error.hint())
            };
            self.failed(failed.line(line))
        })?;
        match message {
            Message::Schema { stream, schema } => match self.known(&stream) {
                Some(known) => match known.stream.update(schema) {
                    Ok(told) => Ok(told?),
                    Err(change) => {
                        let message = format!("stream {stream:?} {change}");
                        Err(self.failed(SourceError::new(INPUT, message).line(line)))
                    }
                },
                None => self.open(&stream, &schema),
            },
            Message::Record { stream, record, version } => match self.known(&stream) {
                Some(known) => Ok(known.stream.record(line, record, version)?),
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
                let needs = self.streams.iter_mut().map(|known| known.stream.need()).collect();
                self.passing.add(state.to_owned(), needs);
                Ok(())
            }
        }
    }

    fn known(&mut self, name: &str) -> Option<&mut Known> {
        self.streams.iter_mut().find(|known| known.name == name)
    }

    fn before_schema(&self, kind: &str, stream: &str, line: u64) -> Ended {
        let message = format!("is a {kind} message of stream {stream:?}, which had no SCHEMA message yet");
        self.failed(SourceError::new(INPUT, message).line(line).hint(MessageError::NoType.hint()))
    }

    fn failed(&self, error: SourceError) -> Ended {
        Ended::Input { error, told: !self.streams.is_empty() }
    }

    fn refused(&self, fault: Fault) -> Ended {
        Ended::Stream { fault, told: !self.streams.is_empty() }
    }

    /// A stream begins: a sync of its own.
    fn open(&mut self, name: &str, schema: &Schema) -> Result<(), Ended> {
        let fault = |message: String| Fault::new(format!("stream {name:?}"), message);
        let Some(configured) = self.config.stream(name) else {
            let fault = fault("is not among `streams`".to_owned());
            let known: Vec<&str> = self.config.stream_names().collect();
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean {near:?}? otherwise deselect it in the tap"),
                None => format!("add it, or deselect it in the tap; configured are: {}", known.join(", ")),
            };
            return Err(self.refused(fault.hint(hint)));
        };
        let descriptor = self.plugin.descriptor();
        let (destination, layout) =
            keyed(descriptor, configured, schema).map_err(|(message, hint)| self.refused(fault(message).hint(hint)))?;
        let sync = sync_name(name);
        let job = Job::new(descriptor, &destination, &[]);
        let state = self.config.state(&sync);
        if let Some(other) = self.streams.iter().find(|known| known.state.is_shared_with(&state)) {
            let message = format!("would have the same state as stream {:?}: {}", other.name, state.place);
            return Err(self.refused(fault(message).hint("write {stream} into `state.path`")));
        }
        let rival = |known: &&Known| (known.mirrors || job.mirrors()) && known.target == job.target;
        if let Some(other) = self.streams.iter().find(rival) {
            let message =
                format!("would go to the same target as stream {:?}, and a mirror has one source", other.name);
            return Err(self.refused(fault(message).hint("give each its own target under `streams`")));
        }
        let (parts, receiver): (_, Receiver<Part>) = sync_channel(MOST_WAITING);
        let stream = Stream::new(schema.clone(), job.mirrors(), self.config.complete_after, parts);
        let source = StreamSource::new(name, schema, layout, receiver);
        self.streams.push(Known { name: name.to_owned(), stream, mirrors: job.mirrors(), target: job.target, state });
        self.opened.send(Opened { sync, destination, source }).map_err(|_| Ended::Gone)
    }
}

/// A stream's config with the key mapped, and what becomes of its columns; or what is wrong, and how to fix it.
///
/// A key property becomes the key field, unless a mapping, or a column of that name, says otherwise.
fn keyed(
    descriptor: &Descriptor,
    destination: &Destination,
    schema: &Schema,
) -> Result<(Destination, Layout), (String, String)> {
    let Some(field) = Job::new(descriptor, destination, &[]).key_field else {
        return Ok((destination.clone(), Layout::Mapped));
    };
    let the_key = || match schema.key.as_slice() {
        [key] => Ok(key.clone()),
        [] => Err((
            "has no key properties, and no mapping says what becomes the key".to_owned(),
            format!("map a column to {field:?}, or give the stream a primary key in the tap"),
        )),
        several => Err((
            format!("has {} key properties ({}), and one is needed", several.len(), several.join(", ")),
            format!("map one column to {field:?}"),
        )),
    };
    match destination.mappings() {
        Some(mappings) if mappings.iter().any(|mapping| mapping.destination == field) => {
            Ok((destination.clone(), Layout::Mapped))
        }
        Some(_) => Ok((destination.with_mapping(&the_key()?, &field), Layout::Mapped)),
        None if schema.properties.iter().any(|property| property.name == field) => {
            Ok((destination.clone(), Layout::Plain { key: None }))
        }
        None => Ok((destination.clone(), Layout::Plain { key: Some((the_key()?, field)) })),
    }
}
