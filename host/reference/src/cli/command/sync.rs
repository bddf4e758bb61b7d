//! `sync`: the rows, delivered.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::pipeline::job::{Job, mode_name};
use destination_host::pipeline::{Options, Run};
use destination_host::report::Report;
use destination_host::report::exit::Exit;
use destination_host::report::metrics::{self, Metrics};
use destination_host::report::observer::{Observer, Observers};
use destination_host::sync_file::{DEFAULTS, SyncFile, SyncName};
use destination_host::syncs::last_run::LastRunFile;

use super::selection::Selection;
use super::{client, sync_file, syncs};
use crate::cli::arguments::{PluginChoice, Sync};
use crate::cli::note::Note;
use crate::cli::problem::Problem;
use crate::cli::progress::Progress;
use crate::cli::terminal::{Style, Terminal, paint};
use crate::cli::{signal, summary};

pub(super) async fn run(plugin: &Plugin, args: Sync, terminal: &Terminal) -> Result<Exit, Problem> {
    let stop = Stop::default();
    signal::listen(&stop, terminal)
        .map_err(|error| Problem::new(Exit::Failed, format!("can't listen to signals: {error}")))?;
    let path = match Selection::of(&args.syncs)? {
        Selection::One(path) if args.select.is_empty() => path,
        several => return syncs::run(plugin, several.files(), args, &stop, terminal).await,
    };
    let sync = sync_file(plugin, &path, terminal).await?;
    if args.failed && !has_failed(&LastRunFile::of(&sync))? {
        terminal.stdout(&format!("{} `{}` did not fail last time: nothing to do", paint(Style::Good, "✔"), sync.name));
        return Ok(Exit::Success);
    }
    let options = options(&args, &path, &sync.name);
    let metrics = match args.metrics {
        Some(address) => {
            let metrics = serve_metrics(address, terminal).await?;
            Some(metrics.run(labels(plugin, &sync)) as Arc<dyn Observer>)
        }
        None => None,
    };
    deliver(plugin, &path, &sync, &options, &stop, metrics, terminal).await.map(|report| report.verdict().exit())
}

/// What stands for a sync's name in the name of a file.
pub(super) const PLACEHOLDER: &str = "{sync}";

/// What the command line asks of one run of a sync, whose file is at `path`.
pub(super) fn options(args: &Sync, path: &Path, name: &SyncName) -> Options {
    let named = |file: &Path| PathBuf::from(file.to_string_lossy().replace(PLACEHOLDER, name.as_str()));
    Options {
        dry_run: args.dry_run,
        report: args.report.as_deref().map(named),
        html_report: args.report_html.as_deref().map(named),
        dead_letters: args.dead_letters.as_deref().map(named),
        outcomes: args.outcomes.as_ref().map(|file| file.at(named(file.path()))),
        allow_removals: args.allow_removals,
        changed_only: args.changed_only,
        resend: args.resend_all,
        replay: args.replay.clone(),
        most_rows: args.limit,
        inputs: inputs(&args.plugin, path),
    }
}

/// The files that the command line has read for a run, each by what it is called.
pub(super) fn inputs(plugin: &PluginChoice, sync: &Path) -> Vec<(String, PathBuf)> {
    let defaults = sync.with_file_name(DEFAULTS);
    let read = [
        ("--component", plugin.file()),
        ("--signature-policy", plugin.policy()),
        ("the sync file", Some(sync)),
        ("the defaults", Some(&defaults)),
    ];
    read.into_iter().filter_map(|(role, path)| Some((role.to_owned(), path?.to_owned()))).collect()
}

/// Whether the last run of a sync failed, or did not end, so far as is known: where no note is left, or none could be written,
/// rows may be undelivered.
pub(super) fn has_failed(file: &LastRunFile) -> Result<bool, Problem> {
    let last = file.read().map_err(|error| {
        let message = format!("what is known of the last run cannot be read: {}: {error}", file.path().display());
        Problem::new(Exit::Failed, message).hint("delete the file, or run without --failed")
    })?;
    Ok(last.is_none_or(|last| last.failed != Some(false)))
}

/// Serves the numbers of the runs that are added to it.
pub(super) async fn serve_metrics(address: SocketAddr, terminal: &Terminal) -> Result<Metrics, Problem> {
    let metrics = Metrics::default();
    let bound = metrics::serve(metrics.clone(), address)
        .await
        .map_err(|error| Problem::new(Exit::Usage, format!("--metrics: {error}")).hint("name another port"))?;
    terminal.stderr(&format!("metrics at http://{bound}/metrics"));
    Ok(metrics)
}

/// What says which run a number is of.
pub(super) fn labels(plugin: &Plugin, sync: &SyncFile) -> Vec<(&'static str, String)> {
    let job = Job::new(plugin.descriptor(), &sync.destination, &sync.computed);
    let mut labels = vec![("sync", sync.name.to_string())];
    labels.extend(job.object_type.map(|name| ("object_type", name)));
    labels.extend(job.mode.map(|mode| ("sync_mode", mode_name(mode).to_owned())));
    labels
}

/// Runs a sync and shows its result.
pub(crate) async fn deliver(
    plugin: &Plugin,
    path: &Path,
    sync: &SyncFile,
    options: &Options,
    stop: &Stop,
    metrics: Option<Arc<dyn Observer>>,
    terminal: &Terminal,
) -> Result<Report, Problem> {
    let progress = Arc::new(Progress::new(terminal, sync.name.as_str()));
    let client = client(&sync.network)?;
    let note = Note::of(sync, options, terminal);
    let noted = note.iter().map(|note| Arc::clone(note) as Arc<dyn Observer>);
    let observers = metrics.into_iter().chain(noted).chain([Arc::clone(&progress) as Arc<dyn Observer>]);
    let observers = Observers(observers.collect());
    let run = Run::of(plugin, &client, sync).options(options.clone()).observer(Arc::new(observers)).stop(stop);
    let ran = run.deliver().await;
    progress.finish();
    if let Some(note) = note {
        match &ran {
            Ok(report) => note.end(report),
            Err(error) => note.not_begun(sync, error),
        }
    }
    let report = ran.map_err(|error| Problem::run(path, error))?;
    let dead_letters = options.dead_letters.as_ref().map(|path| path.display().to_string());
    summary::show(&report, terminal, dead_letters.as_deref());
    Ok(report)
}
