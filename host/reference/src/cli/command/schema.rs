//! `schema`: the JSON Schema of sync files, with the plugin's settings in their place.

use destination_engine::plugin::Plugin;
use destination_host::report::exit::Exit;
use destination_host::sync_file;

use crate::cli::problem::Problem;
use crate::cli::terminal::Terminal;

pub(super) fn run(plugin: &Plugin, terminal: &Terminal) -> Result<Exit, Problem> {
    let schema = sync_file::schema(&plugin.descriptor().config_schema)
        .map_err(|error| Problem::new(Exit::Failed, format!("the plugin's schema is no JSON: {error}")))?;
    terminal.data(&schema);
    Ok(Exit::Success)
}
