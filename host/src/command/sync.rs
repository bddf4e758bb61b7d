//! `sync`: the rows, delivered.

use std::path::Path;
use std::sync::Arc;

use destination_host::exit::Exit;
use destination_host::pipeline::{self, Options};
use destination_host::plugin::Plugin;
use destination_host::report::Report;
use destination_host::stop::Stop;
use destination_host::sync_file::SyncFile;

use super::{client, sync_file};
use crate::cli::Sync;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::{signal, summary};

pub(super) async fn run(plugin: &Plugin, args: Sync, terminal: &Terminal) -> Result<Exit, Problem> {
    let stop = Stop::default();
    signal::listen(&stop, terminal)
        .map_err(|error| Problem::new(Exit::Failed, format!("can't listen to signals: {error}")))?;
    let sync = sync_file(plugin, &args.sync).await?;
    let options = Options {
        dry_run: args.dry_run,
        report: args.report,
        dead_letters: args.dead_letters,
        allow_removals: args.allow_removals,
        changed_only: args.changed_only,
        replay: args.replay,
    };
    deliver(plugin, &args.sync, &sync, &options, &stop, terminal).await.map(|report| report.exit)
}

/// Runs a sync and shows what became of it.
pub(crate) async fn deliver(
    plugin: &Plugin,
    path: &Path,
    sync: &SyncFile,
    options: &Options,
    stop: &Stop,
    terminal: &Terminal,
) -> Result<Report, Problem> {
    let progress = Arc::new(Progress::new(terminal, sync.name.as_str()));
    let client = client(&sync.network)?;
    let ran = pipeline::run(plugin, &client, sync, options, progress.clone(), stop).await;
    progress.finish();
    let report = ran.map_err(|error| Problem::run(path, error))?;
    let dead_letters = options.dead_letters.as_ref().map(|path| path.display().to_string());
    summary::show(&report, terminal, dead_letters.as_deref());
    Ok(report)
}
