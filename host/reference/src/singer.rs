//! A Singer target: the messages of a tap on standard input, delivered, each stream as a sync of its own.
//!
//! Records become the same chunks as the rows of a file and go the same way ([`Run`]). What is added is what a runner asks for:
//! a STATE is passed on once all records before it are acknowledged, and never earlier. `singer/message` reads a line,
//! `singer/reader` hands it to its stream, `singer/table` makes rows of records, `singer/checkpoints` says which STATE may go.
//! What a config may hold is [`TargetConfig`]'s to say. Left out: BATCH messages.

mod about;
mod checkpoints;
mod message;
mod passing;
mod reader;
mod stream;
mod table;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub use self::about::{about, plugin_definition};
use self::passing::{Passing, StreamObserver};
use self::reader::{Ended, Opened, Reader};
use crate::fault::Fault;
use crate::pipeline::job::Job;
use crate::pipeline::{self, Options, Run, declared, rate};
use crate::report::Report;
use crate::report::observer::{Observer, Observers};
use crate::report::run_id::RunId;
use crate::source::SourceError;
use crate::sync_file::TargetConfig;
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
    /// Streams of mirrors that removed nobody, since no version of their table was told to be complete.
    pub unlisted: Vec<String>,
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

    /// Reads the input to its end and delivers it. `states` takes the STATEs, one a line.
    pub async fn deliver(self, input: impl Read + Send + 'static, states: impl Write + Send + 'static) -> Delivered {
        let passing = Arc::new(Passing::new(Box::new(states)));
        let (opened, mut opening) = mpsc::unbounded_channel();
        let (end, mut ended) = oneshot::channel();
        let reader = Reader::new(self.plugin.clone(), Arc::clone(&self.config), Arc::clone(&passing), opened);
        let mut delivered = Delivered::default();
        // It may wait for input for as long as it likes, and nobody waits for it.
        let reading =
            thread::Builder::new().name("singer".to_owned()).spawn(move || drop(end.send(reader.read(input))));
        if let Err(error) = reading {
            delivered.failure = Some(TargetError::Engine(format!("can't start a thread: {error}")));
            return delivered;
        }
        let (mut runs, mut streams, mut reading) = (JoinSet::new(), 0, true);
        while reading || !runs.is_empty() || !opening.is_empty() {
            tokio::select! {
                Some(stream) = opening.recv() => {
                    runs.spawn(self.run(stream, streams, &passing));
                    streams += 1;
                }
                read = &mut ended, if reading => {
                    reading = false;
                    match read {
                        Ok(Ok(unlisted)) => delivered.unlisted = unlisted,
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
        delivered.holds_state_back = passing.holds_back();
        if let Some(error) = passing.failed() {
            delivered.failure.get_or_insert(TargetError::State(error));
        }
        delivered
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
        let passing = Arc::clone(passing);
        async move {
            let run = RunId::new(SystemTime::now());
            let dead_letters = config.dead_letters(&sync, run.as_str());
            if let Some(folder) = dead_letters.as_deref().and_then(std::path::Path::parent)
                && let Err(error) = std::fs::create_dir_all(folder)
            {
                return (sync.to_string(), Err(pipeline::Error::Output { path: folder.to_owned(), error }));
            }
            let options = Options {
                dead_letters: dead_letters.clone(),
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
            if let Ok(report) = &ran {
                if report.is_settled() {
                    passing.settled(stream);
                }
                // The file is there from the beginning, so that no row is rejected for want of it.
                if let Some(letters) = dead_letters.filter(|_| report.counts.rejected == 0) {
                    std::fs::remove_file(letters).ok();
                }
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
        // The key is the stream's to name. Until then one stands for it.
        let key = Job::new(plugin.descriptor(), destination, &[]).key_field;
        let unmapped = key.filter(|key| {
            destination.mappings().is_some_and(|mappings| mappings.iter().all(|mapping| mapping.destination != key))
        });
        let keyed = unmapped.map(|key| destination.with_mapping("key", &key));
        let found = declared::all_faults(plugin, keyed.as_ref().unwrap_or(destination)).await?;
        all.extend(found.into_iter().map(|fault| match stream {
            None => fault,
            Some(stream) => Fault { path: format!("streams.{stream}.{}", fault.path), ..fault },
        }));
    }
    Ok(all)
}
