//! What the targets of all protocols do alike: read their config, deliver what comes, and tell what came of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::fault::Fault;
use destination_host::file;
use destination_host::report::exit::Exit;
use destination_host::report::observer::Observer;
use destination_host::report::output::Output;
use destination_host::report::{FailureKind, Report};
use destination_host::sync_file::TargetConfig;
use destination_host::syncs::Reports;
use destination_host::target::{Delivered, Target, TargetError};

use super::client;
use crate::cli::problem::Problem;
use crate::cli::progress::Progress;
use crate::cli::terminal::Terminal;
use crate::cli::{signal, summary};

/// Bytes of a config or a catalog.
const MOST_BYTES: u64 = 4 << 20;

/// Reads a config. From now on the terminal shows no secret of it. The plugin has not judged its part yet.
pub(super) fn config(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<TargetConfig, Problem> {
    let text = read("config", path)?;
    let config = TargetConfig::from_json(&text, Path::new("")).map_err(|faults| Problem::faults(path, faults))?;
    terminal.hide(&config.secrets(&plugin.descriptor().config_keys.secrets));
    Ok(config)
}

/// Reads a text file that the command line names.
pub(super) fn read(what: &str, path: &Path) -> Result<String, Problem> {
    let failed = |reason: String| Problem::new(Exit::Usage, format!("the {what} {} {reason}", path.display()));
    let bytes = file::read(path, MOST_BYTES).map_err(|reason| failed(reason.to_string()))?;
    String::from_utf8(bytes).map_err(|_| failed("is not valid UTF-8".to_owned()))
}

/// A config or a catalog in which there are no faults.
pub(super) fn without<T>(faults: Vec<Fault>, path: &Path, value: T) -> Result<T, Problem> {
    if faults.is_empty() { Ok(value) } else { Err(Problem::faults(path, faults)) }
}

/// Delivers what comes, by a protocol, and writes the report where the config wants one. Signals end it in order.
pub(super) async fn deliver<D: Future<Output = Delivered>>(
    plugin: &Plugin,
    config: TargetConfig,
    terminal: &Terminal,
    by_protocol: impl FnOnce(Target) -> D,
) -> Result<Delivered, Problem> {
    let stop = Stop::default();
    signal::listen(&stop, terminal)
        .map_err(|error| Problem::new(Exit::Failed, format!("can't listen to signals: {error}")))?;
    let unwritable = |path: &Path, error: std::io::Error| {
        Problem::new(Exit::Failed, format!("{} cannot be written: {error}", path.display()))
    };
    let report = match config.report.clone() {
        Some(path) => Some((Output::open(&path).map_err(|error| unwritable(&path, error))?, path)),
        None => None,
    };
    let client = client(&config.network)?;
    let shown = terminal.clone();
    let observer = move |sync: &str| Arc::new(Progress::new(&shown, sync)) as Arc<dyn Observer>;
    let began = Instant::now();
    let target = Target::new(plugin.clone(), client, config, &stop, Box::new(observer));
    let mut delivered = by_protocol(target).await;
    if let Some((file, path)) = report {
        let reports = Reports::new(std::mem::take(&mut delivered.reports), began.elapsed().as_secs_f64());
        let written = reports.json().map_err(std::io::Error::from).and_then(|json| file.write(&json));
        delivered.reports = reports.syncs;
        written.map_err(|error| unwritable(&path, error))?;
    }
    Ok(delivered)
}

/// What came of the input, once it is told.
pub(super) struct Shown {
    pub(super) exit: Exit,
    pub(super) reports: Vec<Report>,
    pub(super) holds_state_back: bool,
    /// What ended the streams early, beside what is in their reports.
    pub(super) failed: Option<(FailureKind, Problem)>,
}

/// Tells what came of it, in the log.
pub(super) fn show(delivered: Delivered, keeps_letters: bool, terminal: &Terminal) -> Shown {
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
    for warning in &delivered.warnings {
        terminal.warning(&warning.to_string(), warning.hint.as_deref());
    }
    let rejected = delivered.reports.iter().any(|report| report.counts.rejected > 0);
    if delivered.holds_state_back && rejected && !keeps_letters {
        terminal.warning(
            "the state is held back at the first rejected row, so that the next run brings it again",
            Some("fix the row, or name a folder in `dead_letters` that keeps rejected rows and lets the state go on"),
        );
    }
    let reported = delivered.reports.iter().map(|report| report.verdict().exit());
    let failed = delivered.failure.map(|failure| (failure.kind(), problem(failure)));
    if let Some((_, problem)) = &failed {
        problem.show(terminal);
    }
    let exits = reported.chain(failed.iter().map(|(_, problem)| problem.exit));
    let exit = exits.max_by_key(|exit| exit.gravity()).unwrap_or(Exit::Success);
    Shown { exit, reports: delivered.reports, holds_state_back: delivered.holds_state_back, failed }
}

/// What ended the streams early, and how to fix it.
fn problem(failure: TargetError) -> Problem {
    match failure {
        TargetError::Run { stream, error } => Problem::run(Path::new(&stream), error),
        TargetError::Stream(fault) => hinted(Exit::Usage, fault.to_string(), fault.hint),
        TargetError::Input(error) => hinted(Exit::Failed, error.to_string(), error.hint),
        TargetError::State(_) | TargetError::Interrupted(_) | TargetError::Engine(_) => {
            Problem::new(Exit::Failed, failure.to_string())
        }
    }
}

fn hinted(exit: Exit, message: String, hint: Option<String>) -> Problem {
    let problem = Problem::new(exit, message);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
