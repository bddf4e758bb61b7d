//! A run: source → mapper → flow → workers, with bounded channels between them.
//!
//! [`run`] is what the command `sync` does and what an engine that embeds the library calls. Everything that can be
//! wrong before the first row is an [`Error`]; from then on every run ends in a [`Report`], whatever happened.

mod failure;
mod files;
mod flow;
pub mod job;
mod mapper;
mod preview;
mod reader;
pub mod removals;
pub mod rows;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;

use self::flow::batch::Size;
use self::flow::{Flow, FlowResult, Plan, RunContext};
use self::mapper::Mapped;
pub use self::preview::{Preview, PreviewError, preview};
use crate::fault::Fault;
use crate::pipeline::job::{Job, mode_name};
use crate::report::dead_letter::DeadLetters;
use crate::report::html_report;
use crate::report::observer::{Observer, Observers, ProgressSnapshot};
use crate::report::output::Output;
use crate::report::timeline::TimelineObserver;
use crate::report::{Failure, Report};
use crate::source::{self, CHUNK_ROWS, Meter, Source, SourceError};
use crate::state::{Access, Ledger, Resend, State, StateError};
use crate::sync_file::{Input, Limits, Rate, SourceSpec, SyncFile};
use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::{Column, Descriptor};
use destination_engine::http::client::HttpClient;
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::{Rate as RequestRate, RateLimiter};
use destination_engine::plugin::Plugin;
use destination_engine::plugin::answers::{Mapping, Report as Answer};
use destination_engine::plugin::config::ConfigError;
use destination_engine::plugin::instance::{CallError, CallOutcome};
use destination_engine::plugin::session::Session;
use destination_engine::stop::Stop;

/// What a run is asked beside its sync file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Send nothing and write nothing: say what would be done.
    pub dry_run: bool,
    /// Where the report goes as JSON.
    pub report: Option<PathBuf>,
    /// Where the report goes as a page for people.
    pub html_report: Option<PathBuf>,
    /// Where rejected rows go.
    pub dead_letters: Option<PathBuf>,
    /// Let removals through that would be withheld.
    pub allow_removals: bool,
    /// Send only rows that are new or differ from what was delivered.
    pub changed_only: bool,
    /// Send rows that did not change, too.
    pub resend: bool,
    /// Read a dead-letter file instead of the source, and remove nobody.
    pub replay: Option<PathBuf>,
    /// Files that the caller has read for this run (the sync file, the plugin), each by what it is called. None is written
    /// over.
    pub inputs: Vec<(&'static str, PathBuf)>,
}

/// Why a run did not begin. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sync file does not fit the plugin or the source.
    #[error("the sync file has faults")]
    Faults(Vec<Fault>),
    /// The source's beginning can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state can't be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The plugin can't work with the config.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file can't be written.
    #[error("{} cannot be written: {error}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A stop was asked for before the first row was there.
    #[error("stopped by {0} before the first row")]
    Interrupted(&'static str),
    /// Something of the engine or the system around it.
    #[error("{0}")]
    Engine(String),
}

/// What maps and delivers: a plugin's session, or a script in tests.
pub(crate) trait Delivery: Clone + Send + Sync + 'static {
    fn map_batch(&self, columns: &[Column<'_>]) -> impl Future<Output = Result<Mapping, CallError>> + Send;
    fn send_batch(&self, batch: &MappedBatch) -> impl Future<Output = CallOutcome<Answer>> + Send;
}

impl Delivery for Session {
    async fn map_batch(&self, columns: &[Column<'_>]) -> Result<Mapping, CallError> {
        Self::map_batch(self, columns, &[]).await
    }

    async fn send_batch(&self, batch: &MappedBatch) -> CallOutcome<Answer> {
        Self::send_batch(self, batch).await
    }
}

/// Delivers the rows of a sync. `sync` is valid: its plugin has found no fault in it.
pub async fn run(
    plugin: &Plugin,
    client: &HttpClient,
    sync: &SyncFile,
    options: &Options,
    observer: Arc<dyn Observer>,
    stop: &Stop,
) -> Result<Report, Error> {
    let started = Instant::now();
    let collisions = files::collisions(sync, options);
    if !collisions.is_empty() {
        return Err(Error::Faults(collisions));
    }
    let descriptor = plugin.descriptor();
    let job = Job::new(descriptor, &sync.destination, &sync.computed);
    let outgoing =
        HttpContext::new(client.clone(), RateLimiter::new(rate(&sync.limits, descriptor))).until(stop.clone());
    let traffic = Arc::clone(&outgoing.traffic);
    let session = plugin.session(&sync.destination.json(), outgoing)?;
    let spec = match &options.replay {
        Some(path) => &SourceSpec::DeadLetters { input: Input::File(path.clone()) },
        None => &sync.source,
    };
    // The first rows of standard input may be long in coming.
    let (source, meter) = tokio::select! {
        opened = open_source(spec, sync, &job, CHUNK_ROWS) => opened?,
        reason = stop.wait() => return Err(Error::Interrupted(reason)),
    };
    // The state's lock first: a run that is refused has touched no output.
    let ledger = open_ledger(sync, options, &job)?;
    let outputs = Outputs::open(options)?;
    warn(&*observer, sync, &job, ledger.as_ref(), outputs.dead_letters.as_ref());
    let plan = Plan {
        size: size(descriptor, &job),
        concurrency: sync.limits.concurrency as usize,
        resend: match job.mirrors() || options.changed_only {
            true if !options.resend => Resend::Changed,
            _ => Resend::All,
        },
        stateful: job.mirrors() || options.changed_only || ledger.is_some(),
        removals: (job.mirrors() && options.replay.is_none()).then_some(sync.state.max_removals),
        allow_removals: options.allow_removals,
        max_rejected: sync.limits.max_rejected,
        dry_run: options.dry_run,
        now: seconds(SystemTime::now()),
    };
    let timeline = Arc::new(TimelineObserver::default());
    let observers = Observers(vec![observer, Arc::clone(&timeline) as Arc<dyn Observer>]);
    let mapped = map(source, session.clone(), job.clone())?;
    let flow = Flow::new(
        plan,
        session,
        RunContext {
            started,
            traffic: Arc::clone(&traffic),
            meter,
            observer: Arc::new(observers),
            secrets: sync.secrets.clone(),
        },
        ledger,
        outputs.dead_letters,
    );
    let outflow = follow(flow, mapped, stop).await?;

    let traffic = traffic.counts();
    let mut report = Report {
        sync: sync.name.to_string(),
        object_type: job.object_type,
        sync_mode: job.mode.map(mode_name),
        dry_run: options.dry_run,
        counts: outflow.counts,
        withheld: outflow.withheld,
        rejections: outflow.rejections,
        refused_removals: outflow.refused_removals,
        requests: traffic.requests,
        retries: outflow.retries,
        bytes_sent: traffic.bytes_sent,
        seconds: started.elapsed().as_secs_f64(),
        failure: outflow.failure,
    };
    report.redact(&sync.secrets);
    if let Some((file, path)) = outputs.html_report {
        let page = html_report::page(&report, &timeline.take(), &traffic);
        if let Err(error) = page.and_then(|page| file.write(page.as_bytes())) {
            report.fail(Failure::output(&path, &error));
        }
    }
    // Last, so that it tells of the page too.
    if let Some((file, path)) = outputs.report {
        let written = report.json().map_err(std::io::Error::from).and_then(|json| file.write(&json));
        if let Err(error) = written {
            report.fail(Failure::output(&path, &error));
        }
    }
    Ok(report)
}

/// Starts reading and mapping.
fn map<D: Delivery>(source: Box<dyn Source>, delivery: D, job: Job) -> Result<Receiver<Mapped>, Error> {
    let rows = reader::spawn(source).map_err(|error| Error::Engine(format!("can't start a thread: {error}")))?;
    Ok(mapper::spawn(rows, delivery, Arc::new(job)))
}

/// Lets mapped rows flow to their end.
async fn follow<D: Delivery>(flow: Flow<D>, mapped: Receiver<Mapped>, stop: &Stop) -> Result<FlowResult, Error> {
    let (runtime, stop) = (Handle::current(), stop.clone());
    // Writing to the state blocks: it gets a thread on which that holds up nobody else.
    let flow = tokio::task::spawn_blocking(move || runtime.block_on(flow.run(mapped, &stop)));
    flow.await.map_err(|error| Error::Engine(format!("the run died: {error}")))
}

/// Opens a source and compares its columns with the mappings.
async fn open_source(
    spec: &SourceSpec,
    sync: &SyncFile,
    job: &Job,
    chunk_rows: usize,
) -> Result<(Box<dyn Source>, Arc<Meter>), Error> {
    let (spec, computed) = (spec.clone(), sync.computed.clone());
    let opened = tokio::task::spawn_blocking(move || source::open(&spec, &computed, chunk_rows)).await;
    let (source, meter) = opened.map_err(|error| Error::Engine(format!("the source died: {error}")))??;
    // Without a column there is no row either, and nothing to miss: an empty NDJSON file.
    if !source.columns().is_empty() {
        let missing = source::missing_columns(source.columns(), &sync.destination, job.key_field.as_deref());
        if !missing.is_empty() {
            return Err(Error::Faults(missing));
        }
    }
    Ok((source, meter))
}

/// Opens the state, where the run has one.
///
/// A mirror always has. An upsert has one if it is asked for changes alone, or if the sync has one already: what that
/// says must not grow stale.
fn open_ledger(sync: &SyncFile, options: &Options, job: &Job) -> Result<Option<Ledger>, StateError> {
    let needed = job.mirrors() || options.changed_only;
    let path = &sync.state.path;
    let state = if options.dry_run {
        State::open(path, Access::Read)?
    } else if needed {
        Some(State::open_or_create(path)?)
    } else {
        State::open(path, Access::Write)?
    };
    match state {
        Some(state) if needed || state.knows(&sync.name)? => {
            state.begin(&sync.name, &job.target, &job.identity).map(Some)
        }
        _ => Ok(None),
    }
}

/// The files that a run writes beside its state, opened before the first request.
struct Outputs {
    report: Option<(Output, PathBuf)>,
    html_report: Option<(Output, PathBuf)>,
    dead_letters: Option<DeadLetters>,
}

impl Outputs {
    fn open(options: &Options) -> Result<Self, Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| Error::Output { path, error }
        };
        let open = |path: &Option<PathBuf>| -> Result<_, Error> {
            let opened = path.as_ref().map(|path| Ok((Output::open(path).map_err(failed(path))?, path.clone())));
            opened.transpose()
        };
        let (report, html_report) = (open(&options.report)?, open(&options.html_report)?);
        let dead_letters = match &options.dead_letters {
            // A dry run rejects nothing for good, and the letters of an earlier run are not its own.
            Some(path) if !options.dry_run => Some(DeadLetters::create(path).map_err(failed(path))?),
            _ => None,
        };
        Ok(Self { report, html_report, dead_letters })
    }
}

/// What a person should know before the first row.
fn warn(observer: &dyn Observer, sync: &SyncFile, job: &Job, ledger: Option<&Ledger>, letters: Option<&DeadLetters>) {
    if let Some(left_behind) = letters.and_then(DeadLetters::left_behind) {
        observer.warn(
            &format!("an earlier run was interrupted; the rows that it had rejected are in {}", left_behind.display()),
            Some("this run writes a new file; remove the old one when you need it no more"),
        );
    }
    let neighbours = ledger.filter(|_| job.mirrors()).map(Ledger::neighbours).unwrap_or_default();
    if !neighbours.is_empty() {
        let names: Vec<String> = neighbours.iter().map(|neighbour| format!("`{}`", neighbour.name)).collect();
        let (verb, hold) = if names.len() == 1 { ("writes", "it holds") } else { ("write", "they hold") };
        observer.warn(
            &format!(
                "{} {verb} to the same target as `{}`: members that {hold} too are not removed by this run",
                names.join(" and "),
                sync.name
            ),
            Some("give each audience one mirror; `state reset` forgets a sync that is not run any more"),
        );
    }
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A batch is a request, so that what is confirmed is recorded request by request.
fn size(descriptor: &Descriptor, job: &Job) -> Size {
    let limits = &descriptor.limits;
    let records = job.batch_records.map_or(limits.batch_records, |asked| asked.get().min(limits.batch_records));
    Size { records: (records as usize).max(1), bytes: usize::try_from(limits.batch_bytes).unwrap_or(usize::MAX) }
}

fn rate(limits: &Limits, descriptor: &Descriptor) -> RequestRate {
    let most = |rate, default| match rate {
        Rate::PluginDefault => NonZeroU32::new(default),
        Rate::Unlimited => None,
        Rate::AtMost(most) => Some(most),
    };
    RequestRate {
        per_second: most(limits.requests_per_second, descriptor.limits.requests_per_second),
        per_minute: most(limits.requests_per_minute, descriptor.limits.requests_per_minute),
        records_per_minute: limits.records_per_minute,
    }
}
