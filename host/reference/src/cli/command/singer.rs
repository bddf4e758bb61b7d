//! `singer`: a target in Meltano, or behind any tap.
//!
//! Standard output belongs to the runner: it gets the STATEs, and nothing else.

use std::io;
use std::path::Path;
use std::sync::Arc;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::fault::Fault;
use destination_host::file;
use destination_host::report::exit::Exit;
use destination_host::report::observer::Observer;
use destination_host::singer::{self, Delivered, Target, TargetError};
use destination_host::sync_file::TargetConfig;

use super::client;
use crate::cli::arguments::{About, Singer};
use crate::cli::problem::Problem;
use crate::cli::progress::Progress;
use crate::cli::terminal::Terminal;
use crate::cli::{signal, summary};

/// Bytes of a config.
const MOST_BYTES: u64 = 4 << 20;

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
    let stop = Stop::default();
    signal::listen(&stop, terminal)
        .map_err(|error| Problem::new(Exit::Failed, format!("can't listen to signals: {error}")))?;
    let config = config(plugin, path, terminal).await?;
    let client = client(&config.network)?;
    let keeps_letters = config.keeps_rejected_rows();
    let shown = terminal.clone();
    let observer = move |sync: &str| Arc::new(Progress::new(&shown, sync)) as Arc<dyn Observer>;
    let target = Target::new(plugin.clone(), client, config, &stop, Box::new(observer));
    let delivered = target.deliver(io::stdin(), io::stdout()).await;
    Ok(show(delivered, keeps_letters, terminal))
}

/// Reads a config that must be without fault. From now on the terminal shows no secret of it.
async fn config(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<TargetConfig, Problem> {
    let failed = |reason: String| Problem::new(Exit::Usage, format!("the config {} {reason}", path.display()));
    let text = file::read(path, MOST_BYTES).map_err(|reason| failed(reason.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| failed("is not valid UTF-8".to_owned()))?;
    let faulty = |faults: Vec<Fault>| Problem::faults(path, faults);
    let config = TargetConfig::from_json(&text, Path::new("")).map_err(faulty)?;
    terminal.hide(&config.secrets(&plugin.descriptor().config_keys.secrets));
    let faults = singer::faults(plugin, &config).await?;
    if faults.is_empty() { Ok(config) } else { Err(faulty(faults)) }
}

/// Tells what came of it, on standard error.
fn show(delivered: Delivered, keeps_letters: bool, terminal: &Terminal) -> Exit {
    let letters_hint = match keeps_letters {
        true => "all of them are in the folder that `dead_letters` names, each with its row",
        false => "name a folder in `dead_letters` to keep all of them, each with its row",
    };
    for report in &delivered.reports {
        summary::show_in_log(report, terminal, letters_hint);
    }
    if delivered.reports.iter().any(|report| report.withheld.is_some()) {
        terminal.warning(
            "the state is held back until the removals are done",
            Some("in a config, --allow-removals is `state.allow_removals`: true; set it for one run"),
        );
    }
    for stream in &delivered.unlisted {
        terminal.warning(
            &format!("{stream}: nobody is removed, since the tap did not say that its table is complete"),
            Some("a mirror needs ACTIVATE_VERSION (full table), or rows with _sdc_deleted_at (log based)"),
        );
    }
    let rejected = delivered.reports.iter().any(|report| report.counts.rejected > 0);
    if delivered.holds_state_back && rejected && !keeps_letters {
        terminal.warning(
            "the state is held back at the first rejected row, so that the next run brings it again",
            Some("fix the row, or name a folder in `dead_letters` that keeps rejected rows and lets the state go on"),
        );
    }
    let reported = delivered.reports.iter().map(|report| report.verdict().exit());
    let failed = delivered.failure.map(|failure| show_failure(failure, terminal));
    reported.chain(failed).max_by_key(|exit| exit.gravity()).unwrap_or(Exit::Success)
}

fn show_failure(failure: TargetError, terminal: &Terminal) -> Exit {
    match failure {
        TargetError::Run { stream, error } => {
            let problem = Problem::run(Path::new(&stream), error);
            problem.show(terminal);
            problem.exit
        }
        TargetError::Stream(fault) => {
            terminal.error(&fault.to_string(), fault.hint.as_deref());
            Exit::Usage
        }
        TargetError::Input(error) => {
            terminal.error(&error.to_string(), error.hint.as_deref());
            Exit::Failed
        }
        TargetError::State(_) | TargetError::Interrupted(_) | TargetError::Engine(_) => {
            terminal.error(&failure.to_string(), None);
            Exit::Failed
        }
    }
}
