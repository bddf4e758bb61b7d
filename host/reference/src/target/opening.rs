//! Streams that begin: each becomes a sync, if its config fits the stream and no other stream is in its way.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::Ended;
use super::schema::{Conventions, Schema};
use super::stream::{Stream, StreamSource};
use super::table::Layout;
use crate::fault::{Fault, nearest};
use crate::pipeline::job::Job;
use crate::source::SourceError;
use crate::state::Facts;
use crate::sync_file::{Destination, StateSpec, SyncName, TargetConfig, sync_name};
use destination_engine::bindings::Descriptor;
use destination_engine::plugin::Plugin;

/// A stream whose run is to begin.
pub(crate) struct Opened {
    pub(crate) sync: SyncName,
    pub(crate) destination: Destination,
    pub(crate) source: StreamSource,
}

/// Opens the streams of an input.
pub(crate) struct Opening {
    plugin: Plugin,
    config: Arc<TargetConfig>,
    opened: UnboundedSender<Opened>,
    begun: Vec<Begun>,
}

/// What is to be known of a stream that has begun.
struct Begun {
    name: String,
    mirrors: bool,
    target: Facts,
    state: StateSpec,
}

/// A config for a stream, with its key mapped.
pub(crate) struct Keyed {
    pub(crate) destination: Destination,
    layout: Layout,
}

impl Opening {
    pub(crate) fn new(plugin: Plugin, config: Arc<TargetConfig>, opened: UnboundedSender<Opened>) -> Self {
        Self { plugin, config, opened, begun: Vec::new() }
    }

    pub(crate) fn descriptor(&self) -> &Descriptor {
        self.plugin.descriptor()
    }

    pub(crate) fn config(&self) -> &TargetConfig {
        &self.config
    }

    /// The input can't be read on.
    pub(crate) fn failed(&self, error: SourceError) -> Ended {
        Ended::Input { error, told: !self.begun.is_empty() }
    }

    /// A stream can't be taken.
    pub(crate) fn refused(&self, fault: Fault) -> Ended {
        Ended::Stream { fault, told: !self.begun.is_empty() }
    }

    /// The plugin's config for a stream of this name.
    pub(crate) fn configured(&self, name: &str) -> Result<&Destination, Fault> {
        configured(&self.config, name)
    }

    /// A stream begins. Returns it, and whether its sync is a mirror.
    pub(crate) fn open(
        &mut self,
        name: &str,
        destination: &Destination,
        schema: &Schema,
        conventions: &'static Conventions,
    ) -> Result<(Stream, bool), Ended> {
        let fault = |message: String| of_stream(name, message);
        let descriptor = self.plugin.descriptor();
        let Keyed { destination, layout } =
            keyed(descriptor, name, destination, schema).map_err(|fault| self.refused(fault))?;
        let sync = sync_name(name);
        let job = Job::new(descriptor, &destination, &[]);
        let state = self.config.state(&sync);
        if let Some(other) = self.begun.iter().find(|begun| begun.state.is_shared_with(&state)) {
            let message = format!("would have the same state as stream {:?}: {}", other.name, state.place);
            return Err(self.refused(fault(message).hint("write {stream} into `state.path`")));
        }
        let rival = |begun: &&Begun| (begun.mirrors || job.mirrors()) && begun.target == job.target;
        if let Some(other) = self.begun.iter().find(rival) {
            let message =
                format!("would go to the same target as stream {:?}, and a mirror has one source", other.name);
            return Err(self.refused(fault(message).hint("give each its own target under `streams`")));
        }
        let (stream, parts) = Stream::new();
        let source = StreamSource::new(name, schema, layout, conventions, parts);
        let mirrors = job.mirrors();
        self.begun.push(Begun { name: name.to_owned(), mirrors, target: job.target, state });
        self.opened.send(Opened { sync, destination, source }).map_err(|_| Ended::Gone)?;
        Ok((stream, mirrors))
    }
}

/// The plugin's config for a stream of this name.
pub(crate) fn configured<'c>(config: &'c TargetConfig, name: &str) -> Result<&'c Destination, Fault> {
    config.stream(name).ok_or_else(|| {
        let known: Vec<&str> = config.stream_names().collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean {near:?}? otherwise deselect it in the source"),
            None => format!("add it, or deselect it in the source; configured are: {}", known.join(", ")),
        };
        of_stream(name, "is not among `streams`").hint(hint)
    })
}

/// A fault of a stream.
pub(crate) fn of_stream(name: &str, message: impl Into<String>) -> Fault {
    Fault::new(format!("stream {name:?}"), message)
}

/// A stream's config with the key mapped, and what becomes of its columns.
///
/// A key property becomes the key field, unless a mapping, or a column of that name, says otherwise.
pub(crate) fn keyed(
    descriptor: &Descriptor,
    name: &str,
    destination: &Destination,
    schema: &Schema,
) -> Result<Keyed, Fault> {
    let keyed = |destination, layout| Ok(Keyed { destination, layout });
    let Some(field) = Job::new(descriptor, destination, &[]).key_field else {
        return keyed(destination.clone(), Layout::Mapped);
    };
    let the_key = || match schema.key.as_slice() {
        [key] => Ok(key.clone()),
        [] => Err(of_stream(name, "has no key properties, and no mapping says what becomes the key")
            .hint(format!("map a column to {field:?}, or give the stream a primary key in the source"))),
        several => Err(of_stream(
            name,
            format!("has {} key properties ({}), and one is needed", several.len(), several.join(", ")),
        )
        .hint(format!("map one column to {field:?}"))),
    };
    match destination.mappings() {
        Some(mappings) if mappings.iter().any(|mapping| mapping.destination == field) => {
            keyed(destination.clone(), Layout::Mapped)
        }
        Some(_) => keyed(destination.with_mapping(&the_key()?, &field), Layout::Mapped),
        None if schema.has(&field) => keyed(destination.clone(), Layout::Plain { key: None }),
        None => keyed(destination.clone(), Layout::Plain { key: Some((the_key()?, field)) }),
    }
}
