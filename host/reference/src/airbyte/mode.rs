//! What a stream's destination sync mode asks of the plugin: its config with the mode that comes of it.

use serde_json::Value;

use super::catalog::{ConfiguredStream, DestinationSyncMode};
use crate::fault::Fault;
use crate::pipeline::job::{OBJECT_TYPE, SYNC_MODE, mode_name, object_type};
use crate::sync_file::Destination;
use crate::target::opening;
use destination_engine::bindings::{Descriptor, SyncMode};

/// The destination sync modes that are known here.
pub(super) const SUPPORTED: [DestinationSyncMode; 3] =
    [DestinationSyncMode::Append, DestinationSyncMode::Overwrite, DestinationSyncMode::AppendDedup];

/// The plugin's config for a stream. `overwrite` is a mirror; the others are what the config says, or else the mode that adds.
///
/// # Errors
/// Where the plugin has no such mode for these objects, or the config says otherwise.
pub(super) fn of_stream(
    descriptor: &Descriptor,
    configured: &Destination,
    stream: &ConfiguredStream,
) -> Result<Destination, Fault> {
    let refused = |message: String, hint: String| Err(opening::of_stream(&stream.full_name(), message).hint(hint));
    let asked = stream.destination_sync_mode.name();
    // What is wrong with an object type is the plugin's to say.
    let Some(objects) = object_type(descriptor, configured) else { return Ok(configured.clone()) };
    if let Some(other) = stream.object_name.as_ref().filter(|name| **name != objects.name) {
        let hint = format!("choose {:?}, or set `{OBJECT_TYPE}` for this stream under `streams`", objects.name);
        return refused(
            format!("goes to the object {other:?}, and the config's `{OBJECT_TYPE}` is {:?}", objects.name),
            hint,
        );
    }
    match stream.destination_sync_mode {
        DestinationSyncMode::Append | DestinationSyncMode::AppendDedup => Ok(with_default_mode(descriptor, configured)),
        DestinationSyncMode::Overwrite if !objects.sync_modes.contains(&SyncMode::Mirror) => refused(
            format!("has the destination sync mode {asked}, and nothing is ever removed from `{}`", objects.name),
            "choose append_dedup, which creates and updates".to_owned(),
        ),
        DestinationSyncMode::Overwrite => match configured.text(SYNC_MODE) {
            Some(other) if other != mode_name(SyncMode::Mirror) => refused(
                format!(
                    "has the destination sync mode {asked}, which is a mirror, and the config's `{SYNC_MODE}` is {other:?}"
                ),
                format!("choose append, or take `{SYNC_MODE}` out of the config"),
            ),
            _ => Ok(with_mode(configured, SyncMode::Mirror)),
        },
        DestinationSyncMode::Update | DestinationSyncMode::SoftDelete => refused(
            format!("has the destination sync mode {asked}, which this destination does not support"),
            format!("choose one of: {}", SUPPORTED.map(DestinationSyncMode::name).join(", ")),
        ),
    }
}

/// A config with the mode that adds, where it and the plugin leave the mode open.
#[must_use]
pub fn with_default_mode(descriptor: &Descriptor, configured: &Destination) -> Destination {
    let chosen = object_type(descriptor, configured)
        .filter(|objects| objects.default_mode.is_none() && configured.text(SYNC_MODE).is_none())
        .and_then(|objects| {
            [SyncMode::Upsert, SyncMode::Add].into_iter().find(|mode| objects.sync_modes.contains(mode))
        });
    chosen.map_or_else(|| configured.clone(), |mode| with_mode(configured, mode))
}

fn with_mode(configured: &Destination, mode: SyncMode) -> Destination {
    configured.with([(SYNC_MODE.to_owned(), Value::from(mode_name(mode)))])
}
