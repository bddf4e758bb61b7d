//! Airbyte: a destination by its protocol. The messages of a source on standard input, each stream delivered as a sync of its own.
//!
//! What it shares with other protocols is in [`target`](crate::target). Here is what is Airbyte's: `airbyte/catalog` reads which
//! streams come, `airbyte/mode` says what a stream's sync mode asks of the plugin, `airbyte/message` reads a line, `airbyte/reader`
//! hands it to its stream, [`output`] writes lines, `airbyte/spec` describes the destination. Left out: files beside records, and
//! what Airbyte calls normalization.

mod catalog;
mod message;
mod mode;
pub mod output;
mod reader;
mod spec;

use std::io::{Read, Write};

pub use self::catalog::Catalog;
pub use self::mode::with_default_mode;
pub use self::spec::{destination_catalog, spec};
use crate::fault::Fault;
use crate::sync_file::TargetConfig;
use crate::target::checkpoints::Keep;
use crate::target::opening::{configured, keyed, of_stream};
use crate::target::passing::Passing;
use crate::target::schema::Conventions;
use crate::target::{Delivered, Target, faults_of};
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::CallError;

/// What Airbyte's sources add to the columns of a stream. The catalog has the columns that a person selected: others are left out.
const CONVENTIONS: Conventions =
    Conventions { deleted_at: "_ab_cdc_deleted_at", metadata: &["_ab_", "_airbyte_"], takes_undeclared: false };

/// Reads a source's messages to their end and delivers them. `states` takes the STATE messages, one a line.
///
/// Catalog and config are without fault: [`faults`] has found none.
pub async fn deliver(
    target: Target,
    catalog: Catalog,
    input: impl Read + Send + 'static,
    states: impl Write + Send + 'static,
) -> Delivered {
    // The platform counts the records of each STATE.
    let passing = Passing::new(Keep::Each, output::state, Box::new(states));
    target.deliver(passing, move |opening, passing| reader::Reader::new(opening).read(catalog, input, passing)).await
}

/// What keeps the streams of a catalog from being delivered, each fault with its stream.
///
/// # Errors
/// Where the plugin can't be asked.
pub async fn faults(plugin: &Plugin, config: &TargetConfig, catalog: &Catalog) -> Result<Vec<Fault>, CallError> {
    let mut all = Vec::new();
    for stream in &catalog.streams {
        let name = stream.full_name();
        let descriptor = plugin.descriptor();
        let destination = configured(config, &name)
            .and_then(|configured| mode::of_stream(descriptor, configured, stream))
            .and_then(|destination| keyed(descriptor, &name, &destination, &stream.schema));
        match destination {
            Ok(keyed) => {
                let found = faults_of(plugin, &keyed.destination).await?;
                let told = |fault: Fault| Fault { hint: fault.hint.clone(), ..of_stream(&name, fault.to_string()) };
                all.extend(found.into_iter().map(told));
            }
            Err(fault) => all.push(fault),
        }
    }
    Ok(all)
}
