//! A target in a pipeline of others: messages on standard input, delivered, each stream as a sync of its own.
//!
//! What the protocols share, Singer ([`singer`](crate::singer)) and Airbyte ([`airbyte`](crate::airbyte)). Records become the same
//! chunks as the rows of a file and go the same way ([`Run`]). What is added is what a runner asks for: a STATE is passed on once all
//! records before it are acknowledged, and never earlier. `target/input` reads lines, `target/opening` begins a stream's sync,
//! `target/table` makes rows of records, `target/checkpoints` says which STATE may go. What a config may hold is [`TargetConfig`]'s to
//! say. Left out: what a message looks like, and what tells that a table is complete. That is for each protocol.

pub(crate) mod checkpoints;
pub(crate) mod input;
pub(crate) mod opening;
pub(crate) mod passing;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod stream;
pub(crate) mod table;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use self::input::INPUT;
use self::opening::{Opened, Opening};
use self::passing::{Passing, StreamObserver};
use self::stream::Gone;
use crate::fault::Fault;
use crate::pipeline::job::Job;
use crate::pipeline::{self, Options, Run, declared, rate};
use crate::report::observer::{Observer, Observers};
use crate::report::outcomes::OutcomeFile;
use crate::report::run_id::RunId;
use crate::report::{Failure, FailureKind, Report};
use crate::source::SourceError;
use crate::sync_file::{Destination, TargetConfig};
use destination_engine::http::client::HttpClient;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::CallError;
use destination_engine::redaction::Redaction;
use destination_engine::stop::Stop;

/// Who is told how the run of a stream is getting on; asked with the name of its sync.
pub type ObserverOf = dyn Fn(&str) -> Arc<dyn Observer> + Send + Sync;

/// A target that is about to read its input.
pub struct Target {
    plugin: Plugin,
    client: HttpClient,
    config: Arc<TargetConfig>,
    secrets: Redaction,
    limiter: Arc<RateLimiter>,
    observer: Box<ObserverOf>,
    stop: Stop,
}

/// What came of the input.
#[derive(Debug, Default)]
pub struct Delivered {
    /// The runs of the streams, in the order in which they ended.
    pub reports: Vec<Report>,
    /// What ended them early, beside what is in their reports.
    pub failure: Option<TargetError>,
    /// Whether a STATE was not passed on.
    pub holds_state_back: bool,
    /// What a person should know of single streams: a mirror that removed nobody, since no table was told to be complete.
    pub warnings: Vec<Fault>,
}

/// Why a target's input was not taken to its end.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The input is not what it should be.
    #[error(transparent)]
    Input(SourceError),
    /// A stream can't be taken.
    #[error("{0}")]
    Stream(Fault),
    /// The run of a stream could not begin.
    #[error("{stream}: {error}")]
    Run {
        /// The name of its sync.
        stream: String,
        /// Why.
        error: pipeline::Error,
    },
    /// A STATE could not be passed on.
    #[error("STATE cannot be written: {0}")]
    State(std::io::Error),
    /// A stop was asked for before the first stream began.
    #[error("stopped by {0}")]
    Interrupted(&'static str),
    /// Something of the system around it.
    #[error("{0}")]
    Engine(String),
}

impl TargetError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Input(_) => FailureKind::Source,
            Self::Stream(_) => FailureKind::Configuration,
            Self::Run { error, .. } => Failure::not_begun(error).kind,
            Self::State(_) => FailureKind::Output,
            Self::Interrupted(_) => FailureKind::Interrupted,
            Self::Engine(_) => FailureKind::Internal,
        }
    }
}

/// Why the reader of the input has ended early.
#[derive(Debug)]
pub(crate) enum Ended {
    /// A run has ended before its stream: it says why.
    Gone,
    /// The input can't be read on. `told`: the runs that have begun say so.
    Input { error: SourceError, told: bool },
    /// A stream can't be taken. `told`: the runs that have begun say so.
    Stream { fault: Fault, told: bool },
}

impl Ended {
    /// It, as the runs that have begun are told it.
    pub(crate) fn as_told(&self) -> Option<SourceError> {
        match self {
            Self::Gone => None,
            Self::Input { error, .. } => Some(error.clone()),
            Self::Stream { fault, .. } => {
                Some(SourceError { hint: fault.hint.clone(), ..SourceError::new(INPUT, fault.to_string()) })
            }
        }
    }
}

impl From<Gone> for Ended {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl Target {
    /// A target. Its config is one in which [`faults`] has found nothing.
    pub fn new(
        plugin: Plugin,
        client: HttpClient,
        config: TargetConfig,
        stop: &Stop,
        observer: Box<ObserverOf>,
    ) -> Self {
        let descriptor = plugin.descriptor();
        let secrets = config.secrets(&descriptor.config_keys.secrets);
        let limiter = RateLimiter::new(rate(&config.limits, descriptor));
        Self { plugin, client, config: Arc::new(config), secrets, limiter, observer, stop: stop.clone() }
    }

    /// Delivers what `read` reads, on a thread of its own: it opens streams, fills them, and hands over STATEs. It returns what a
    /// person should know of single streams.
    pub(crate) async fn deliver(
        self,
        passing: Passing,
        read: impl FnOnce(Opening, &Passing) -> Result<Vec<Fault>, Ended> + Send + 'static,
    ) -> Delivered {
        let passing = Arc::new(passing);
        let (opened, mut opening) = mpsc::unbounded_channel();
        let (end, mut ended) = oneshot::channel();
        let streams_to_open = Opening::new(self.plugin.clone(), Arc::clone(&self.config), opened);
        let shared = Arc::clone(&passing);
        let mut delivered = Delivered::default();
        // It may wait for input for as long as it likes, and nobody waits for it.
        let reading = thread::Builder::new()
            .name("messages".to_owned())
            .spawn(move || drop(end.send(read(streams_to_open, &shared))));
        if let Err(error) = reading {
            delivered.failure = Some(TargetError::Engine(format!("can't start a thread: {error}")));
            return delivered;
        }
        let (mut runs, mut streams, mut reading, mut read_to_the_end) = (JoinSet::new(), 0, true, false);
        while reading || !runs.is_empty() || !opening.is_empty() {
            tokio::select! {
                Some(stream) = opening.recv() => {
                    runs.spawn(self.run(stream, streams, &passing));
                    streams += 1;
                }
                read = &mut ended, if reading => {
                    reading = false;
                    match read {
                        Ok(Ok(warnings)) => {
                            delivered.warnings = warnings;
                            read_to_the_end = true;
                        }
                        Ok(Err(ended)) => delivered.fail(ended),
                        Err(_) => delivered.failure = Some(TargetError::Engine("the reader of the input died".to_owned())),
                    }
                }
                Some(run) = runs.join_next(), if !runs.is_empty() => {
                    let well = delivered.take(run);
                    // What the others have is delivered all the same, once there is no more to come.
                    if !well && reading {
                        self.stop.ask("the failure of a stream");
                    }
                }
                reason = self.stop.wait(), if reading => {
                    reading = false;
                    if streams == 0 {
                        delivered.failure.get_or_insert(TargetError::Interrupted(reason));
                    }
                }
            }
        }
        if read_to_the_end && delivered.failure.is_none() && delivered.reports.iter().all(|it| self.is_settled(it)) {
            passing.settled();
        }
        delivered.holds_state_back = passing.holds_back();
        if let Some(error) = passing.failed() {
            delivered.failure.get_or_insert(TargetError::State(error));
        }
        delivered
    }

    /// Whether nothing of a stream is left for another run: no row, no removal, and no rejected row that is kept nowhere.
    fn is_settled(&self, report: &Report) -> bool {
        report.is_settled() && (report.counts.rejected == 0 || self.config.keeps_rejected_rows())
    }

    /// The run of a stream.
    fn run(
        &self,
        opened: Opened,
        stream: usize,
        passing: &Arc<Passing>,
    ) -> impl Future<Output = (String, Result<Report, pipeline::Error>)> + Send + 'static {
        let Opened { sync, destination, source } = opened;
        let (plugin, client, config) = (self.plugin.clone(), self.client.clone(), Arc::clone(&self.config));
        let (secrets, limiter, stop) = (self.secrets.clone(), Arc::clone(&self.limiter), self.stop.clone());
        let acknowledged = StreamObserver { passing: Arc::clone(passing), stream };
        let observer = Observers(vec![Arc::new(acknowledged), (self.observer)(sync.as_str())]);
        async move {
            let run = RunId::new(SystemTime::now());
            let dead_letters = config.dead_letters(&sync, run.as_str());
            let outcomes = config.outcomes(&sync, run.as_str());
            let files = dead_letters.as_deref().into_iter().chain(outcomes.iter().map(OutcomeFile::path));
            for folder in files.filter_map(Path::parent) {
                if let Err(error) = std::fs::create_dir_all(folder) {
                    return (sync.to_string(), Err(pipeline::Error::Output { path: folder.to_owned(), error }));
                }
            }
            let options = Options {
                dead_letters: dead_letters.clone(),
                outcomes,
                allow_removals: config.allow_removals,
                ..Options::default()
            };
            let ran = Run::new(&plugin, &client, sync.clone(), destination, source)
                .limits(config.limits)
                .state(config.state(&sync))
                .secrets(secrets)
                .options(options)
                .observer(Arc::new(observer))
                .stop(&stop)
                .rate_limiter(limiter)
                .deliver()
                .await;
            // The file is there from the beginning, so that no row is rejected for want of it.
            if let Ok(report) = &ran
                && let Some(letters) = dead_letters.filter(|_| report.counts.rejected == 0)
            {
                std::fs::remove_file(letters).ok();
            }
            (sync.to_string(), ran)
        }
    }
}

impl Delivered {
    fn fail(&mut self, ended: Ended) {
        let failure = match ended {
            Ended::Gone | Ended::Input { told: true, .. } | Ended::Stream { told: true, .. } => return,
            Ended::Input { error, .. } => TargetError::Input(error),
            Ended::Stream { fault, .. } => TargetError::Stream(fault),
        };
        self.failure.get_or_insert(failure);
    }

    /// Takes what came of a run; whether the others may go on.
    fn take(&mut self, run: Result<(String, Result<Report, pipeline::Error>), tokio::task::JoinError>) -> bool {
        match run {
            Ok((_, Ok(report))) => {
                let well = report.failure.is_none();
                self.reports.push(report);
                return well;
            }
            Ok((stream, Err(error))) => self.failure.get_or_insert(TargetError::Run { stream, error }),
            Err(error) => self.failure.get_or_insert(TargetError::Engine(format!("a run died: {error}"))),
        };
        false
    }
}

/// The faults of a config that can be seen before the first message, each at its key.
///
/// # Errors
/// Where the plugin can't be asked.
pub async fn faults(plugin: &Plugin, config: &TargetConfig) -> Result<Vec<Fault>, CallError> {
    let mut all = Vec::new();
    for (stream, destination) in config.destinations() {
        let found = faults_of(plugin, destination).await?;
        all.extend(found.into_iter().map(|fault| match stream {
            None => fault,
            Some(stream) => Fault { path: format!("streams.{stream}.{}", fault.path), ..fault },
        }));
    }
    Ok(all)
}

/// The faults of the plugin's part of a config.
///
/// # Errors
/// Where the plugin can't be asked.
pub async fn faults_of(plugin: &Plugin, destination: &Destination) -> Result<Vec<Fault>, CallError> {
    declared::all_faults(plugin, &with_any_key(plugin, destination)).await
}

/// A config in which the key is mapped. What it is mapped from is the stream's to say: until then a column stands for it.
#[must_use]
pub fn with_any_key(plugin: &Plugin, destination: &Destination) -> Destination {
    let key = Job::new(plugin.descriptor(), destination, &[]).key_field;
    let unmapped = key.filter(|key| {
        destination.mappings().is_some_and(|mappings| mappings.iter().all(|mapping| mapping.destination != key))
    });
    unmapped.map_or_else(|| destination.clone(), |key| destination.with_mapping("key", &key))
}
