//! A run, put together and carried out: from a sync file, or from rows and a config of the embedder's own.
//!
//! What the rows go through is in [`flow`](super::flow); here the parts are opened, in an order in which a run that is
//! refused has touched no output, and the report is written in the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;

use super::fields;
use super::files::Files;
use super::flow::{Flow, FlowResult, Plan, Records, RunContext};
use super::mapper::{self, Mapped};
use super::resolution::resolve;
use super::{Delivery, Error, Options, Outputs, files, open_ledger, open_outcomes, rate, reader, seconds, size, warn};
use crate::pipeline::job::{Job, mode_name};
use crate::report::observer::{Observer, Observers, Unobserved};
use crate::report::run_id::RunId;
use crate::report::timeline::TimelineObserver;
use crate::report::{Failure, Report, html_report};
use crate::source::{self, CHUNK_ROWS, FirstRows, Meter, Source};
use crate::state::lease::Lease;
use crate::state::{Ledger, Resend};
use crate::sync_file::{
    Computed, Destination, Input, Limits, OnError, OutcomeTable, SourceSpec, StateSpec, SyncFile, SyncName,
};
use destination_engine::http::client::HttpClient;
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_engine::redaction::Redaction;
use destination_engine::stop::Stop;

/// A run of a sync: what is read, where it goes, and what is remembered of it.
///
/// ```no_run
/// # use destination_host::pipeline::Run;
/// # use destination_host::source::Source;
/// # async fn example(
/// #     plugin: &destination_host::engine::Plugin,
/// #     client: &destination_host::engine::HttpClient,
/// #     rows: impl Source + 'static,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use destination_host::sync_file::{Destination, SyncName};
///
/// let config = r#"{"deployment_url": "https://yourcompany.talon.one", "api_key": "...",
///                  "object_type": "customer_profiles"}"#;
/// let run = Run::new(plugin, client, SyncName::new("crm-profiles")?, Destination::from_json(config)?, rows);
/// let report = run.deliver().await?;
/// println!("{} of {} rows delivered", report.counts.delivered, report.counts.rows_read);
/// # Ok(())
/// # }
/// ```
#[must_use = "a run delivers nothing until `deliver` is called"]
pub struct Run<'a> {
    plugin: &'a Plugin,
    client: &'a HttpClient,
    name: SyncName,
    destination: Destination,
    rows: Rows,
    limits: Limits,
    state: Option<StateSpec>,
    outcome_table: Option<OutcomeTable>,
    secrets: Redaction,
    options: Options,
    observer: Arc<dyn Observer>,
    stop: Stop,
    limiter: Option<Arc<RateLimiter>>,
}

/// Where a run's rows come from.
enum Rows {
    /// What a sync file names; opened when the run begins.
    Spec(SourceSpec, Vec<Computed>),
    /// The embedder's own.
    Own(Box<dyn Source>),
}

impl<'a> Run<'a> {
    /// A run of the embedder's own rows. `destination` is a config that the plugin has found valid.
    ///
    /// It has no state: it sends every row. A mirror needs one ([`Self::state`]).
    pub fn new(
        plugin: &'a Plugin,
        client: &'a HttpClient,
        name: SyncName,
        destination: Destination,
        source: impl Source + 'static,
    ) -> Self {
        Self {
            plugin,
            client,
            name,
            destination,
            rows: Rows::Own(Box::new(source)),
            limits: Limits::default(),
            state: None,
            outcome_table: None,
            secrets: Redaction::default(),
            options: Options::default(),
            observer: Arc::new(Unobserved),
            stop: Stop::default(),
            limiter: None,
        }
    }

    /// The run that a sync file describes. `sync` is valid: its plugin has found no fault in it.
    pub fn of(plugin: &'a Plugin, client: &'a HttpClient, sync: &SyncFile) -> Self {
        Self {
            plugin,
            client,
            name: sync.name.clone(),
            destination: sync.destination.clone(),
            rows: Rows::Spec(sync.source.clone(), sync.computed.clone()),
            limits: sync.limits,
            state: Some(sync.state.clone()),
            outcome_table: sync.outcomes.clone(),
            secrets: sync.secrets.clone(),
            options: Options { inputs: files::read_by(sync), ..Options::default() },
            observer: Arc::new(Unobserved),
            stop: Stop::default(),
            limiter: None,
        }
    }

    /// How fast it may be, and when it is to stop. Default: what the plugin's descriptor says.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What is remembered between runs, and where.
    pub fn state(mut self, state: StateSpec) -> Self {
        self.state = Some(state);
        self
    }

    /// A table of a database that takes what happened to each row.
    pub fn outcome_table(mut self, table: OutcomeTable) -> Self {
        self.outcome_table = Some(table);
        self
    }

    /// Values that no output may show. The config's secrets are to be among them.
    pub fn secrets(mut self, secrets: Redaction) -> Self {
        self.secrets = secrets;
        self
    }

    /// What is asked of this run alone.
    pub fn options(mut self, options: Options) -> Self {
        let read = std::mem::take(&mut self.options.inputs);
        self.options = options;
        self.options.inputs.extend(read);
        self
    }

    /// Who is told how it is getting on.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// What ends it early, in order.
    pub fn stop(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// A limiter that it shares with other runs, in place of one of its own.
    pub fn rate_limiter(mut self, limiter: Arc<RateLimiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Delivers the rows.
    ///
    /// # Errors
    /// Where the run can't begin: then nothing was sent. From the first row on, what goes wrong is in the report.
    pub async fn deliver(self) -> Result<Report, Error> {
        let (started, run_id) = (Instant::now(), RunId::new(SystemTime::now()));
        let Self { plugin, client, name, destination, rows, limits, .. } = self;
        let Self { state, outcome_table, secrets, options, observer, stop, limiter, .. } = self;
        let collisions = files::collisions(&Files {
            name: &name,
            input: rows.input(),
            state: state.as_ref(),
            outcome_table: outcome_table.as_ref(),
            options: &options,
        });
        if !collisions.is_empty() {
            return Err(Error::Files(collisions));
        }
        let descriptor = plugin.descriptor();
        let rate = rate(&limits, descriptor);
        let limiter = limiter.unwrap_or_else(|| RateLimiter::new(rate));
        // What the requests ask before they leave, and what holding the state gives.
        let lease = Lease::default();
        let outgoing = HttpContext::new(client.clone(), limiter).until(stop.clone());
        let outgoing = match state.as_ref().is_some_and(|state| state.file().is_none()) {
            true => outgoing.cleared_by(Arc::new(lease.clone())),
            false => outgoing,
        };
        let traffic = Arc::clone(&outgoing.traffic);
        let resolved = resolve(plugin, destination, outgoing, !options.dry_run);
        let (session, destination) = tokio::select! {
            resolved = resolved => resolved?,
            reason = stop.wait() => return Err(Error::Interrupted(reason)),
        };
        let job = Job::new(descriptor, &destination, rows.computed());
        // The first rows of standard input may be long in coming.
        let opened = async {
            let (source, meter) = rows.open(&options, &destination, &job).await?;
            let (source, comparison) = fields::compare_source(&session, source, &job).await?;
            Ok::<_, Error>((source, meter, comparison))
        };
        let (source, meter, comparison) = tokio::select! {
            opened = opened => opened?,
            reason = stop.wait() => return Err(Error::Interrupted(reason)),
        };
        if !comparison.faults.is_empty() {
            return Err(Error::Faults(comparison.faults));
        }
        // The state's lock first: a run that is refused has touched no output.
        let ledger = open_state(state.clone(), name.clone(), options.clone(), job.clone(), lease).await?;
        let outcomes = open_outcomes(&run_id, &name, outcome_table, state.as_ref(), &secrets, &options).await?;
        let outputs = Outputs::open(&options)?;
        observer.begin();
        warn(&*observer, &name, &job, ledger.as_deref(), &outputs, outcomes.as_ref());
        for note in &comparison.notes {
            observer.warn(&note.to_string(), note.hint.as_deref());
        }
        let part_of_the_rows = options.replay.is_some() || options.most_rows.is_some();
        let plan = Plan {
            size: size(descriptor, &job),
            concurrency: limits.concurrency as usize,
            resend: match job.mirrors() || options.changed_only {
                true if !options.resend => Resend::Changed,
                _ => Resend::All,
            },
            stateful: job.mirrors() || options.changed_only || ledger.is_some(),
            mirrors: job.mirrors(),
            removals: state.filter(|_| job.mirrors() && !part_of_the_rows).map(|state| state.max_removals),
            allow_removals: options.allow_removals,
            max_rejected: limits.max_rejected,
            dry_run: options.dry_run,
            rate,
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
                secrets: secrets.clone(),
            },
            Records { ledger, dead_letters: outputs.dead_letters, outcomes },
        );
        let outflow = follow(flow, mapped, &stop).await?;

        let traffic = traffic.counts();
        let mut report = Report {
            run_id,
            sync: name.to_string(),
            object_type: job.object_type,
            sync_mode: job.mode.map(mode_name),
            dry_run: options.dry_run,
            estimate: outflow.estimate,
            counts: outflow.counts,
            withheld: outflow.withheld,
            rejections: outflow.rejections,
            refused_removals: outflow.refused_removals,
            requests: traffic.requests,
            retries: outflow.retries,
            bytes_sent: traffic.bytes_sent,
            effects: outflow.effects,
            seconds: started.elapsed().as_secs_f64(),
            failure: outflow.failure,
        };
        report.redact(&secrets);
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
}

impl Rows {
    /// The text or files that are read; `None` for a database and for the embedder's own rows.
    fn input(&self) -> Option<&Input> {
        match self {
            Self::Spec(spec, _) => spec.input(),
            Self::Own(_) => None,
        }
    }

    /// The columns that are made from others.
    fn computed(&self) -> &[Computed] {
        match self {
            Self::Spec(_, computed) => computed,
            Self::Own(_) => &[],
        }
    }

    /// Opens the source, or the dead letters that are read in its place.
    async fn open(
        self,
        options: &Options,
        destination: &Destination,
        job: &Job,
    ) -> Result<(Box<dyn Source>, Arc<Meter>), Error> {
        let on_error = match &self {
            Self::Spec(spec, _) => spec.on_error(),
            Self::Own(_) => OnError::default(),
        };
        let letters = |path: &PathBuf| SourceSpec::DeadLetters { input: Input::File(path.clone()), on_error };
        let replay = options.replay.as_ref().map(letters);
        let (source, meter) = match (replay, self) {
            (Some(letters), Self::Spec(_, computed)) => open(letters, computed, CHUNK_ROWS).await?,
            (Some(letters), Self::Own(_)) => open(letters, Vec::new(), CHUNK_ROWS).await?,
            (None, Self::Spec(spec, computed)) => open(spec, computed, CHUNK_ROWS).await?,
            (None, Self::Own(source)) => (source, Arc::default()),
        };
        mapped_columns_are_there(&*source, destination, job)?;
        Ok(match options.most_rows {
            Some(most) => (Box::new(FirstRows::new(source, most)), meter),
            None => (source, meter),
        })
    }
}

/// Opens the source of a sync file, whose mapped columns are there.
pub(crate) async fn open_source(
    sync: &SyncFile,
    destination: &Destination,
    job: &Job,
) -> Result<(Box<dyn Source>, Arc<Meter>), Error> {
    let (source, meter) = open(sync.source.clone(), sync.computed.clone(), CHUNK_ROWS).await?;
    mapped_columns_are_there(&*source, destination, job)?;
    Ok((source, meter))
}

/// Opens the state on a thread on which that holds up nobody: one that is not in a file is read over the network.
async fn open_state(
    state: Option<StateSpec>,
    name: SyncName,
    options: Options,
    job: Job,
    lease: Lease,
) -> Result<Option<Box<dyn Ledger>>, Error> {
    let opened = tokio::task::spawn_blocking(move || open_ledger(state.as_ref(), &name, &options, &job, &lease)).await;
    opened.map_err(|error| Error::Engine(format!("the state died: {error}")))?
}

/// Opens a source on a thread on which that holds up nobody.
pub(super) async fn open(
    spec: SourceSpec,
    computed: Vec<Computed>,
    chunk_rows: usize,
) -> Result<(Box<dyn Source>, Arc<Meter>), Error> {
    let opened = tokio::task::spawn_blocking(move || source::open(&spec, &computed, chunk_rows)).await;
    Ok(opened.map_err(|error| Error::Engine(format!("the source died: {error}")))??)
}

/// Compares a source's columns with the mappings.
pub(super) fn mapped_columns_are_there(source: &dyn Source, destination: &Destination, job: &Job) -> Result<(), Error> {
    // Without a column there is no row either, and nothing to miss: an empty NDJSON file.
    if source.columns().is_empty() {
        return Ok(());
    }
    let missing = job.missing_columns(source.columns(), destination);
    if missing.is_empty() { Ok(()) } else { Err(Error::Faults(missing)) }
}

/// Starts reading and mapping.
pub(crate) fn map<D: Delivery>(source: Box<dyn Source>, delivery: D, job: Job) -> Result<Receiver<Mapped>, Error> {
    let rows = reader::spawn(source).map_err(|error| Error::Engine(format!("can't start a thread: {error}")))?;
    Ok(mapper::spawn(rows, delivery, Arc::new(job)))
}

/// Lets mapped rows flow to their end.
pub(super) async fn follow<D: Delivery>(
    flow: Flow<D>,
    mapped: Receiver<Mapped>,
    stop: &Stop,
) -> Result<FlowResult, Error> {
    let (runtime, stop) = (Handle::current(), stop.clone());
    // Writing to the state blocks: it gets a thread on which that holds up nobody else.
    let flow = tokio::task::spawn_blocking(move || runtime.block_on(flow.run(mapped, &stop)));
    flow.await.map_err(|error| Error::Engine(format!("the run died: {error}")))
}
