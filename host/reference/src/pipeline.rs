//! A run: source → mapper → flow → workers, with bounded channels between them.
//!
//! [`Run`] is what the command `sync` does and what an engine that embeds the library builds. Everything that can be
//! wrong before the first row is an [`Error`]; from then on every run ends in a [`Report`](crate::report::Report), whatever
//! happened.

pub(crate) mod columns;
pub mod declared;
pub(crate) mod failure;
mod fields;
mod files;
mod flow;
pub mod job;
mod mapper;
mod preview;
mod reader;
pub mod removals;
mod resolution;
pub mod rows;
mod run;

#[cfg(all(test, feature = "sqlite-state"))]
mod tests;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use self::fields::{FieldComparison, compare_fields, plan};
use self::flow::batch::Size;
pub(crate) use self::mapper::Mapped;
pub use self::preview::{Preview, PreviewError, preview};
pub use self::resolution::{answer, resolve};
pub use self::run::Run;
pub(crate) use self::run::{map as map_rows, open_source};
use crate::fault::Fault;
use crate::pipeline::job::Job;
use crate::report::Failure;
use crate::report::dead_letter::DeadLetters;
use crate::report::observer::{Observer, ProgressSnapshot};
use crate::report::outcomes::{OutcomeFile, Outcomes, OutcomesError};
use crate::report::output::Output;
use crate::report::run_id::RunId;
use crate::source::SourceError;
use crate::state::lease::Lease;
use crate::state::{self, Ledger, StateError};
use crate::sync_file::{Limits, OutcomeTable, Rate, StateSpec, SyncName};
use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::{Change as RowChange, Column, Descriptor, EffectCount, Request};
use destination_engine::http::rate_limiter::Rate as RequestRate;
use destination_engine::plugin::answers::{Delivery as EffectsDelivery, Mapping, Report as Answer};
use destination_engine::plugin::config::ConfigError;
use destination_engine::plugin::instance::{CallError, CallOutcome};
use destination_engine::plugin::session::Session;
use destination_engine::redaction::Redaction;

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
    /// Where it is told what happened to each row.
    pub outcomes: Option<OutcomeFile>,
    /// Let removals through that would be withheld.
    pub allow_removals: bool,
    /// Send only rows that are new or differ from what was delivered.
    pub changed_only: bool,
    /// Send rows that did not change, too.
    pub resend: bool,
    /// Read a dead-letter file instead of the source, and remove nobody.
    pub replay: Option<PathBuf>,
    /// Read this many rows at most: a sample. Nobody is removed.
    pub most_rows: Option<NonZeroU64>,
    /// Files that the caller has read for this run (the sync file, the plugin), each by what it is called. None is written
    /// over.
    pub inputs: Vec<(String, PathBuf)>,
}

/// Why a run did not begin. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sync file does not fit the plugin or the source.
    #[error("the sync file has faults")]
    Faults(Vec<Fault>),
    /// A file that it would write is one that it reads, or writes already.
    #[error("files of the run are the same")]
    Files(Vec<Fault>),
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
    /// There is no place for the outcomes.
    #[error(transparent)]
    Outcomes(#[from] OutcomesError),
    /// The destination, or the plugin, did not answer what a run must know before the first row.
    #[error("{}", .0.message)]
    Destination(Failure),
    /// What the config names is not there, and nothing may be created.
    #[error("the {kind} {name:?} is not there")]
    NotThere {
        /// What it is, in the destination's word.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A stop was asked for before the first row was there.
    #[error("stopped by {0} before the first row")]
    Interrupted(&'static str),
    /// Something of the engine or the system around it.
    #[error("{0}")]
    Engine(String),
}

/// The result of a batch, and what the destination did on receiving it.
pub(crate) struct Delivered {
    pub(crate) report: Answer,
    pub(crate) effects: Vec<EffectCount>,
}

/// What maps and delivers: a plugin's session, or a script in tests.
pub(crate) trait Delivery: Clone + Send + Sync + 'static {
    fn map_batch(
        &self,
        columns: &[Column<'_>],
        changes: &[RowChange],
    ) -> impl Future<Output = Result<Mapping, CallError>> + Send;
    fn render_batch(&self, batch: &MappedBatch) -> impl Future<Output = Result<Vec<Request>, CallError>> + Send;
    fn send_batch(&self, batch: &MappedBatch) -> impl Future<Output = CallOutcome<Delivered>> + Send;
}

impl Delivery for Session {
    async fn map_batch(&self, columns: &[Column<'_>], changes: &[RowChange]) -> Result<Mapping, CallError> {
        Self::map_batch(self, columns, changes).await
    }

    async fn render_batch(&self, batch: &MappedBatch) -> Result<Vec<Request>, CallError> {
        Self::render_batch(self, batch).await
    }

    async fn send_batch(&self, batch: &MappedBatch) -> CallOutcome<Delivered> {
        match self.effects() {
            Some(effects) => {
                let CallOutcome { answer, traffic } = effects.send_batch(batch).await;
                let delivered = |it: EffectsDelivery| Delivered { report: it.report, effects: it.effects };
                CallOutcome { answer: answer.map(delivered), traffic }
            }
            None => {
                let CallOutcome { answer, traffic } = Self::send_batch(self, batch).await;
                CallOutcome { answer: answer.map(|report| Delivered { report, effects: Vec::new() }), traffic }
            }
        }
    }
}

/// Opens the state, where the run has one.
///
/// A mirror always has. An upsert has one if it is asked for changes alone, or if the sync has one already: what that
/// says must not grow stale.
fn open_ledger(
    state: Option<&StateSpec>,
    name: &SyncName,
    options: &Options,
    job: &Job,
    lease: &Lease,
) -> Result<Option<Box<dyn Ledger>>, Error> {
    let needed = job.mirrors() || options.changed_only;
    let Some(state) = state else {
        let what = "a mirror and a run of changes alone need a state: give the run one";
        return if needed { Err(Error::Faults(vec![Fault::new("state", what)])) } else { Ok(None) };
    };
    Ok(state::begin(state, name, (&job.target, &job.identity), (needed, options.dry_run), lease)?)
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

/// Makes a place for what is told of each row. A database may take its time.
async fn open_outcomes(
    run_id: &RunId,
    name: &SyncName,
    table: Option<OutcomeTable>,
    state: Option<&StateSpec>,
    secrets: &Redaction,
    options: &Options,
) -> Result<Option<Outcomes>, Error> {
    // A dry run writes what it is asked for by itself alone.
    let table = table.filter(|_| !options.dry_run);
    let until_then = state.map(|state| state.outcomes_until_then(name));
    let table = match (table, until_then) {
        (None, _) => None,
        (Some(table), Some(until_then)) => Some((table, until_then)),
        (Some(_), None) => {
            let what = "outcomes that go into a table are kept beside the state until then: give the run one";
            return Err(Error::Faults(vec![Fault::new("state", what)]));
        }
    };
    let (run_id, name, file, secrets) = (run_id.clone(), name.clone(), options.outcomes.clone(), secrets.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let table = table.as_ref().map(|(table, until_then)| (table, until_then.as_path(), &secrets));
        Outcomes::open(&run_id, name.as_str(), file.as_ref(), table)
    });
    Ok(opened.await.map_err(|error| Error::Engine(format!("the outcomes died: {error}")))??)
}

/// What a person should know before the first row.
fn warn(
    observer: &dyn Observer,
    name: &SyncName,
    job: &Job,
    ledger: Option<&dyn Ledger>,
    outputs: &Outputs,
    outcomes: Option<&Outcomes>,
) {
    let letters = outputs.dead_letters.as_ref().and_then(DeadLetters::left_behind);
    let letters = letters.map(|path| ("the rows that it had rejected", path));
    let outcomes = outcomes.into_iter().flat_map(Outcomes::left_behind).map(|path| ("the outcomes that it knew", path));
    for (what, path) in letters.into_iter().chain(outcomes) {
        observer.warn(
            &format!("an earlier run was interrupted; {what} are in {}", path.display()),
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
                name
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

/// Records in a batch where neither config nor plugin knows a limit: enough that a request's cost is shared, and few enough
/// that what is in doubt after a broken connection is soon sent again.
const DEFAULT_BATCH_RECORDS: u32 = 1000;

/// Bytes of a batch's payloads where the plugin knows no limit: most servers take more than this.
const DEFAULT_BATCH_BYTES: u64 = 1 << 20;

/// A batch is a request, so that what is confirmed is recorded request by request. A plugin may send fewer records in each: see
/// [`flow::division`].
fn size(descriptor: &Descriptor, job: &Job) -> Size {
    let bytes = descriptor.limits.batch_bytes.unwrap_or(DEFAULT_BATCH_BYTES);
    Size { records: batch_records(descriptor, job), bytes: usize::try_from(bytes).unwrap_or(usize::MAX) }
}

/// Records of a batch.
pub(crate) fn batch_records(descriptor: &Descriptor, job: &Job) -> usize {
    let limits = &descriptor.limits;
    let most = limits.batch_records.unwrap_or(DEFAULT_BATCH_RECORDS);
    let records = job.batch_records.map_or(most, |asked| asked.get().min(limits.batch_records.unwrap_or(u32::MAX)));
    (records as usize).max(1)
}

/// The rate at which requests may leave: the limits, and what the plugin says where they leave it open.
pub fn rate(limits: &Limits, descriptor: &Descriptor) -> RequestRate {
    let most = |rate, default: Option<u32>| match rate {
        Rate::PluginDefault => default.and_then(NonZeroU32::new),
        Rate::Unlimited => None,
        Rate::AtMost(most) => Some(most),
    };
    let mut rate = RequestRate::default();
    rate.per_second = most(limits.requests_per_second, descriptor.limits.requests_per_second);
    rate.per_minute = most(limits.requests_per_minute, descriptor.limits.requests_per_minute);
    rate.records_per_minute = limits.records_per_minute;
    rate
}
