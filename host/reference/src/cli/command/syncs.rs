//! `sync` with several sync files: one process, one summary, one report.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::fault::Fault;
use destination_host::pipeline::Options;
use destination_host::report::exit::Exit;
use destination_host::report::observer::{Observer, Observers};
use destination_host::report::outcomes::OutcomeFile;
use destination_host::report::output::Output;
use destination_host::sync_file::SyncName;
use destination_host::syncs::last_run::LastRunFile;
use destination_host::syncs::{Member, Reports, Syncs};
use indicatif::MultiProgress;

use super::client;
use super::selection;
use super::sync::{PLACEHOLDER, has_failed, labels, options, serve_metrics};
use crate::cli::arguments::Sync;
use crate::cli::note::Note;
use crate::cli::problem::Problem;
use crate::cli::progress::Progress;
use crate::cli::summary;
use crate::cli::terminal::{Style, Terminal, paint};

pub(super) async fn run(
    plugin: &Plugin,
    files: &[PathBuf],
    args: Sync,
    stop: &Stop,
    terminal: &Terminal,
) -> Result<Exit, Problem> {
    let faults = faults_of_several(&args);
    if !faults.is_empty() {
        return Err(Problem::usage("several syncs are run", faults));
    }
    let members = selection::read(plugin, files, terminal).await?;
    let known: Vec<String> = members.iter().map(|member| member.sync.name.to_string()).collect();
    let mut syncs = Syncs::new(plugin, members).map_err(|faults| {
        let with_paths =
            faults.into_iter().filter_map(|(place, fault)| Some((files.get(place)?.as_path(), vec![fault])));
        Problem::faults_of_several(with_paths.collect())
    })?;
    if !args.select.is_empty() {
        syncs.retain(|member| args.select.iter().any(|pattern| pattern.matches(member.sync.name.as_str())));
        if syncs.members().is_empty() {
            let message = "no sync has a name that --select names";
            return Err(Problem::new(Exit::Usage, message).hint(format!("there are: {}", known.join(", "))));
        }
    }
    if args.failed {
        let mut failed = HashMap::new();
        for member in syncs.members() {
            failed.insert(member.sync.name.clone(), has_failed(&LastRunFile::of(&member.sync))?);
        }
        syncs.retain(|member| failed.get(&member.sync.name).copied().unwrap_or_default());
        if syncs.members().is_empty() {
            terminal.stdout(&format!("{} no sync failed last time: nothing to do", paint(Style::Good, "✔")));
            return Ok(Exit::Success);
        }
    }
    let report_file = match &args.report {
        Some(path) => Some((Output::open(path).map_err(|error| not_written(path, &error))?, path.clone())),
        None => None,
    };
    let metrics = match args.metrics {
        Some(address) => Some(serve_metrics(address, terminal).await?),
        None => None,
    };
    let mut clients = Vec::new();
    for member in syncs.members() {
        clients.push(client(&member.sync.network)?);
    }
    let watched = |member: &Member| Some(metrics.as_ref()?.run(labels(plugin, &member.sync)) as Arc<dyn Observer>);
    let reports = deliver(&syncs, &clients, &args, watched, stop, terminal).await;
    summary::show_all(&reports, args.dead_letters.as_deref(), terminal);
    if let Some((file, path)) = report_file {
        let written = reports.json().map_err(std::io::Error::from).and_then(|json| file.write(&json));
        written.map_err(|error| not_written(&path, &error))?;
    }
    Ok(reports.exit())
}

/// Who watches a run: its line on the terminal, and its note for later.
type Watchers = (Arc<Progress>, Option<Arc<Note>>);

async fn deliver(
    syncs: &Syncs<'_>,
    clients: &[destination_engine::http::client::HttpClient],
    args: &Sync,
    watched: impl Fn(&Member) -> Option<Arc<dyn Observer>>,
    stop: &Stop,
    terminal: &Terminal,
) -> Reports {
    let bars = MultiProgress::new();
    let running: RefCell<HashMap<SyncName, Watchers>> = RefCell::default();
    // All of them, before the first begins: where the process is killed, `--failed` knows those that it did not come to.
    let options = |member: &Member| Options { report: None, ..options(args, &member.path, &member.sync.name) };
    let notes = syncs.members().iter().filter_map(|member| Note::of(&member.sync, &options(member), terminal));
    notes.for_each(|note| note.begin());
    let states: Vec<_> =
        syncs.members().iter().filter_map(|member| Some((&member.sync.name, member.sync.state.file()?))).collect();
    syncs
        .deliver(
            clients,
            |member, run| {
                let name = &member.sync.name;
                let mut options = options(member);
                let others = states.iter().filter(|(_, path)| Some(*path) != member.sync.state.file());
                options
                    .inputs
                    .extend(others.map(|(other, path)| (format!("the state of `{other}`"), (*path).to_owned())));
                let note = Note::of(&member.sync, &options, terminal);
                let progress = Arc::new(Progress::among(&bars, terminal, name.as_str()));
                let noted = note.iter().map(|note| Arc::clone(note) as Arc<dyn Observer>);
                let observers =
                    watched(member).into_iter().chain(noted).chain([Arc::clone(&progress) as Arc<dyn Observer>]);
                let observers = Observers(observers.collect());
                running.borrow_mut().insert(name.clone(), (progress, note));
                run.options(options).observer(Arc::new(observers)).stop(stop)
            },
            |member, ended| {
                let (progress, note) = match running.borrow_mut().remove(&member.sync.name) {
                    Some((progress, note)) => (Some(progress), note),
                    None => (None, Note::of(&member.sync, &options(member), terminal)),
                };
                progress.iter().for_each(|progress| progress.finish());
                if let Some(note) = note {
                    match ended.error {
                        Some(error) => note.not_begun(&member.sync, error),
                        None => note.end(ended.report),
                    }
                }
                summary::show_ended(ended.report, terminal);
            },
        )
        .await
}

/// What one sync can be asked and several can't.
fn faults_of_several(args: &Sync) -> Vec<Fault> {
    let mut faults = Vec::new();
    let files = [
        ("--dead-letters", args.dead_letters.as_deref(), "ndjson"),
        ("--report-html", args.report_html.as_deref(), "html"),
        ("--outcomes", args.outcomes.as_ref().map(OutcomeFile::path), "parquet"),
    ];
    for (name, file, extension) in files {
        if file.is_some_and(|file| !file.to_string_lossy().contains(PLACEHOLDER)) {
            let fault = Fault::new(name, format!("names one file for all of them; write {PLACEHOLDER} in its name"));
            faults.push(fault.hint(format!("for example {name} 'results/{PLACEHOLDER}.{extension}'")));
        }
    }
    if args.report.as_ref().is_some_and(|file| file.to_string_lossy().contains(PLACEHOLDER)) {
        let fault =
            Fault::new("--report", format!("is one report of all of them; {PLACEHOLDER} stands for no name there"));
        faults.push(fault.hint("for example --report report.json"));
    }
    if args.replay.is_some() {
        faults.push(Fault::new("--replay", "reads the rejected rows of one sync").hint("name that sync's file alone"));
    }
    faults
}

fn not_written(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(Exit::Failed, format!("{} cannot be written: {error}", path.display()))
}
