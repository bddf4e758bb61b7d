//! `sync`: the rows, delivered.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::pipeline::job::{Job, mode_name};
use destination_host::pipeline::{self, Options};
use destination_host::report::Report;
use destination_host::report::exit::Exit;
use destination_host::report::metrics::{self, Metrics};
use destination_host::report::observer::{Observer, Observers};
use destination_host::sync_file::SyncFile;

use super::{client, sync_file};
use crate::cli::arguments::Sync;
use crate::cli::problem::Problem;
use crate::cli::progress::Progress;
use crate::cli::terminal::Terminal;
use crate::cli::{signal, summary};

pub(super) async fn run(
    plugin: &Plugin,
    component: Option<&Path>,
    args: Sync,
    terminal: &Terminal,
) -> Result<Exit, Problem> {
    let stop = Stop::default();
    signal::listen(&stop, terminal)
        .map_err(|error| Problem::new(Exit::Failed, format!("can't listen to signals: {error}")))?;
    let sync = sync_file(plugin, &args.sync, terminal).await?;
    let read = [("--component", component), ("the sync file", Some(args.sync.as_path()))];
    let options = Options {
        dry_run: args.dry_run,
        report: args.report,
        html_report: args.report_html,
        dead_letters: args.dead_letters,
        allow_removals: args.allow_removals,
        changed_only: args.changed_only,
        resend: args.resend_all,
        replay: args.replay,
        inputs: read.into_iter().filter_map(|(role, path)| Some((role, path?.to_owned()))).collect(),
    };
    let metrics = match args.metrics {
        Some(address) => Some(measure(plugin, &sync, address, terminal).await?),
        None => None,
    };
    deliver(plugin, &args.sync, &sync, &options, &stop, metrics, terminal).await.map(|report| report.verdict().exit())
}

/// Serves the run's numbers.
async fn measure(
    plugin: &Plugin,
    sync: &SyncFile,
    address: SocketAddr,
    terminal: &Terminal,
) -> Result<Arc<dyn Observer>, Problem> {
    let job = Job::new(plugin.descriptor(), &sync.destination, &sync.computed);
    let mut labels = vec![("sync", sync.name.to_string())];
    labels.extend(job.object_type.map(|name| ("object_type", name)));
    labels.extend(job.mode.map(|mode| ("sync_mode", mode_name(mode).to_owned())));
    let metrics = Metrics::new(labels);
    let bound = metrics::serve(metrics.clone(), address)
        .await
        .map_err(|error| Problem::new(Exit::Usage, format!("--metrics: {error}")).hint("name another port"))?;
    terminal.stderr(&format!("metrics at http://{bound}/metrics"));
    Ok(Arc::new(metrics))
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
    let observers = Observers(metrics.into_iter().chain([Arc::clone(&progress) as Arc<dyn Observer>]).collect());
    let ran = pipeline::run(plugin, &client, sync, options, Arc::new(observers), stop).await;
    progress.finish();
    let report = ran.map_err(|error| Problem::run(path, error))?;
    let dead_letters = options.dead_letters.as_ref().map(|path| path.display().to_string());
    summary::show(&report, terminal, dead_letters.as_deref());
    Ok(report)
}
