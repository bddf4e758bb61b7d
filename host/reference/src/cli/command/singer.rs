//! `singer`: a target in Meltano, or behind any tap.
//!
//! Standard output belongs to the runner: it gets the STATEs, and nothing else.

use std::io;

use destination_engine::plugin::Plugin;
use destination_host::report::exit::Exit;
use destination_host::{singer, target};

use super::target::{config, deliver, show, without};
use crate::cli::arguments::{About, Singer};
use crate::cli::problem::Problem;
use crate::cli::terminal::Terminal;

pub(super) async fn run(plugin: &Plugin, args: &Singer, terminal: &Terminal) -> Result<Exit, Problem> {
    if args.about {
        let described = match args.format {
            About::Json => singer::about(plugin.descriptor()),
            About::Meltano => singer::plugin_definition(plugin.descriptor()),
        };
        let text = described.and_then(|described| serde_json::to_string_pretty(&described));
        let text =
            text.map_err(|error| Problem::new(Exit::Failed, format!("the plugin's schema is no JSON: {error}")))?;
        terminal.data(&text);
        return Ok(Exit::Success);
    }
    let Some(path) = &args.config else {
        return Err(Problem::new(Exit::Usage, "a config is needed").hint("--config FILE.json, or --about"));
    };
    let config = config(plugin, path, terminal)?;
    let config = without(target::faults(plugin, &config).await?, path, config)?;
    let keeps_letters = config.keeps_rejected_rows();
    let delivered =
        deliver(plugin, config, terminal, |target| singer::deliver(target, io::stdin(), io::stdout())).await?;
    Ok(show(delivered, keeps_letters, terminal).exit)
}
