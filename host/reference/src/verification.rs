//! What is really at the destination, beside what this sync delivered: `verify`.
//!
//! Of a sync that keeps members in a target, all keys there are listed and walked beside the state ([`members`]); where they
//! can't be listed, some keys are looked for one by one. Of a sync of records, rows of the source are compared value by value
//! ([`records`]). Nothing is changed at the destination here. A repair is noted in the state: what is missing is in doubt, what is
//! left over is known and not in the source; the next run of the sync sends the one and removes the other, under its own
//! guards. Keys that this sync never delivered are counted and never touched.

mod listing;
mod members;
mod records;
mod sample;
mod sorted_keys;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

pub use self::listing::Incomplete;
use self::listing::{Listing, Start};
use self::members::{Broken, Drift};
pub use self::members::{Keys, Members};
pub use self::records::{FoundDifference, Records};
use self::sample::Sample;
pub use self::sample::SampleSize;
use crate::pipeline::failure::Work;
use crate::pipeline::{self, job::Job};
use crate::report::Failure;
use crate::report::exit::Exit;
use crate::report::outcomes::{OutcomeFile, Outcomes, RowOutcome, RowStatus};
use crate::report::run_id::RunId;
use crate::state::lease::Lease;
use crate::state::{Change, Ledger, Standing, StateError};
use crate::sync_file::SyncFile;
use destination_engine::Inspection;
use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::bindings::{Action, SyncMode};
use destination_engine::http::client::HttpClient;
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::CallError;
use destination_engine::stop::Stop;

/// What is asked of a verification beside its sync file.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// How many rows are compared; of members, how many keys, where they can't be listed.
    pub sample: SampleSize,
    /// Where all keys and values go that differ.
    pub outcomes: Option<OutcomeFile>,
    /// Note in the state what is missing and what is left over, so that a run of the sync puts it right.
    pub repair: bool,
}

/// What a verification found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verification {
    /// What was looked at, and what came of it.
    pub found: Found,
    /// Whether a repair was noted in the state: a run of the sync carries it out.
    pub repair_noted: bool,
    /// Requests that it took.
    pub requests: u64,
    /// How long it took.
    pub seconds: f64,
}

/// What a verification looked at, and what came of it.
#[derive(Debug, Clone)]
pub enum Found {
    /// All members of the target, beside the state.
    Members(Members),
    /// A listing that may not have all members. Then nothing is known, and nothing is repaired.
    Incomplete(Incomplete),
    /// Some of the keys that the state knows.
    SomeMembers {
        /// Foreign keys are not among them.
        members: Members,
        /// Why they could not all be listed.
        because: String,
    },
    /// Rows of the source.
    Records(Records),
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It could not begin.
    #[error(transparent)]
    Run(#[from] pipeline::Error),
    /// The plugin can't look.
    #[error("this plugin can't look at what the destination holds: it does not have the interface `inspection`")]
    NoInspection,
    /// There is nothing to repair by.
    #[error("{0}")]
    NoRepair(String),
    /// It did not come to its end.
    #[error("{}", .0.message)]
    Failed(Failure),
}

impl VerifyError {
    fn call(what: &str, error: &CallError, cause: Option<String>) -> Self {
        let failure = Failure::call(Work::Asking, error, cause);
        Self::Failed(Failure { message: format!("{what}: {}", failure.message), ..failure })
    }

    fn sorting(error: &std::io::Error) -> Self {
        Self::Failed(Failure::engine(format!("the keys can't be sorted: a temporary file: {error}")))
    }
}

impl From<StateError> for VerifyError {
    fn from(error: StateError) -> Self {
        pipeline::Error::State(error).into()
    }
}

impl From<Broken> for VerifyError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::State(error) => error.into(),
            Broken::Io(error) => Self::sorting(&error),
            Broken::Twice(_) => Self::Failed(Failure::engine(broken.to_string())),
        }
    }
}

impl Verification {
    /// How the command ends, if no repair follows.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let equal = match &self.found {
            Found::Incomplete(_) => return Exit::Failed,
            Found::Members(members) | Found::SomeMembers { members, .. } => members.is_equal(),
            Found::Records(records) => records.is_equal(),
        };
        if equal { Exit::Success } else { Exit::Drift }
    }
}

/// Looks at what is there. `listed` is told how many members were listed so far.
///
/// # Errors
/// Where it could not be found out. Nothing is noted then.
pub async fn verify(
    plugin: &Plugin,
    client: &HttpClient,
    sync: &SyncFile,
    options: &VerifyOptions,
    stop: &Stop,
    listed: &mut (dyn FnMut(u64) + Send),
) -> Result<Verification, VerifyError> {
    let started = Instant::now();
    let descriptor = plugin.descriptor();
    let limiter = RateLimiter::new(pipeline::rate(&sync.limits, descriptor));
    let outgoing = HttpContext::new(client.clone(), limiter).until(stop.clone());
    let traffic = Arc::clone(&outgoing.traffic);
    let (session, destination) = pipeline::resolve(plugin, sync.destination.clone(), outgoing, false).await?;
    let inspection = session.inspection().ok_or(VerifyError::NoInspection)?;
    let job = Job::new(descriptor, &destination, &sync.computed);
    let keeps_members = job.mode.is_some_and(|mode| mode != SyncMode::Upsert);
    if options.repair && !job.mirrors() {
        return Err(VerifyError::NoRepair(
            "only a mirror is repaired: it knows what it delivered and what it removed. \
             `sync --resend-all` sends every row of this sync again"
                .to_owned(),
        ));
    }
    let outcomes = open_outcomes(sync, options)?;
    let ledger = if keeps_members { open_ledger(sync, &job, options.repair).await? } else { None };
    let verifying = Verifying { inspection, outcomes, stop: stop.clone() };
    let (found, repair_noted) = match ledger {
        Some(ledger) => verifying.members(ledger, options, listed).await?,
        None if job.mirrors() => return Err(VerifyError::Run(pipeline::Error::Faults(vec![not_delivered(sync)]))),
        None => {
            let size = pipeline::batch_records(descriptor, &job);
            let (source, _) = pipeline::open_source(sync, &destination, &job).await?;
            let rows = pipeline::map_rows(source, session, job)?;
            (Found::Records(verifying.records(rows, options.sample, size).await?), false)
        }
    };
    let requests = traffic.counts().requests;
    Ok(Verification { found, repair_noted, requests, seconds: started.elapsed().as_secs_f64() })
}

fn not_delivered(sync: &SyncFile) -> crate::fault::Fault {
    crate::fault::Fault::new("state", format!("nothing is remembered of `{}`: it was not run yet", sync.name))
        .hint("run `destination-host sync` first: members are compared with what it delivered")
}

fn open_outcomes(sync: &SyncFile, options: &VerifyOptions) -> Result<Option<Outcomes>, VerifyError> {
    let run_id = RunId::new(SystemTime::now());
    let opened = Outcomes::open(&run_id, sync.name.as_str(), options.outcomes.as_ref(), None);
    opened.map_err(|error| pipeline::Error::Outcomes(error).into())
}

/// The state of a sync; `None` where it has none.
async fn open_ledger(sync: &SyncFile, job: &Job, write: bool) -> Result<Option<Box<dyn Ledger>>, VerifyError> {
    let (spec, name, job) = (sync.state.clone(), sync.name.clone(), job.clone());
    // It only reads from the destination, so no request asks for the lease; to write to the state does.
    let lease = Lease::default();
    let open = move || crate::state::begin(&spec, &name, (&job.target, &job.identity), (false, !write), &lease);
    Ok(blocking(open).await??)
}

/// On a thread on which it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, VerifyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| VerifyError::Failed(Failure::engine(format!("a thread died: {error}"))))
}

/// A verification under way.
struct Verifying {
    inspection: Inspection,
    outcomes: Option<Outcomes>,
    stop: Stop,
}

impl Verifying {
    async fn members(
        self,
        ledger: Box<dyn Ledger>,
        options: &VerifyOptions,
        listed: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(Found, bool), VerifyError> {
        match Listing::read(&self.inspection, listed).await? {
            Start::Listed(listing) => {
                let repair = options.repair;
                blocking(move || self.compare(ledger, listing, repair)).await?
            }
            Start::NotWithThisConfig(because) if options.repair => {
                Err(VerifyError::NoRepair(format!("a repair needs a listing of all members: {because}")))
            }
            Start::NotWithThisConfig(because) => {
                let members = self.look_for_some(ledger, options.sample).await?;
                Ok((Found::SomeMembers { members, because }, false))
            }
        }
    }

    /// Walks the listed keys beside the state, and a second time to note what is to be repaired.
    fn compare(
        mut self,
        mut ledger: Box<dyn Ledger>,
        listing: Listing,
        repair: bool,
    ) -> Result<(Found, bool), VerifyError> {
        if let Some(incomplete) = listing.incomplete() {
            self.finish_outcomes()?;
            return Ok((Found::Incomplete(incomplete), false));
        }
        let mut keys = listing.keys.finish().map_err(|error| VerifyError::sorting(&error))?;
        let mut walk = keys.walk().map_err(|error| VerifyError::sorting(&error))?;
        let compared = members::compare(&mut walk, &mut *ledger, |_, key, drift| {
            self.note(key, drift);
            Ok(())
        });
        let members = match compared {
            Ok(members) => members,
            Err(Broken::Twice(key)) => {
                self.finish_outcomes()?;
                return Ok((Found::Incomplete(Incomplete::Twice(key)), false));
            }
            Err(error) => return Err(error.into()),
        };
        let repair = repair && !members.is_equal();
        if repair {
            let mut walk = keys.walk().map_err(|error| VerifyError::sorting(&error))?;
            members::compare(&mut walk, &mut *ledger, |ledger, key, drift| match drift {
                Drift::Foreign => Ok(()),
                // In doubt, or known and not in the source: what the next run sends, or removes.
                Drift::Missing | Drift::LeftOver => {
                    let record = Record { row: 0, key, action: Action::Add, payload: "" };
                    ledger.mark_pending(record, Change::Added).map(drop)
                }
            })?;
            ledger.commit()?;
        }
        ledger.finish(false)?;
        self.finish_outcomes()?;
        Ok((Found::Members(members), repair))
    }

    /// Looks for some of the keys that the state knows.
    async fn look_for_some(mut self, ledger: Box<dyn Ledger>, size: SampleSize) -> Result<Members, VerifyError> {
        let entries = blocking(move || draw(ledger, size)).await??;
        let mut members = Members::default();
        for entries in entries.chunks(LOOKED_FOR_AT_ONCE) {
            let mut batch = MappedBatch::default();
            for (row, (key, _)) in (0..).zip(entries) {
                // A record that says that the key should not be there differs from what is there where it is.
                batch
                    .push(Record::removal(row, key))
                    .map_err(|error| VerifyError::Failed(Failure::engine(error.to_string())))?;
            }
            let differences = records::differences(&self.inspection, &batch).await?;
            let mut there: Vec<bool> = vec![false; entries.len()];
            for difference in differences.iter().filter(|difference| difference.field.is_none()) {
                if let Some(there) = there.get_mut(difference.record_index as usize) {
                    *there = true;
                }
            }
            for ((key, standing), is_there) in entries.iter().zip(there) {
                members.seen += 1;
                if let Some(drift) = members.known(key, *standing, is_there) {
                    self.note(key, drift);
                }
            }
        }
        self.finish_outcomes()?;
        Ok(members)
    }

    async fn records(
        mut self,
        rows: tokio::sync::mpsc::Receiver<pipeline::Mapped>,
        sample: SampleSize,
        batch_records: usize,
    ) -> Result<Records, VerifyError> {
        let comparison = records::Comparison::new(&self.inspection, batch_records);
        let (records, differences) = comparison.run(rows, sample).await?;
        let differences: Vec<FoundDifference> = differences.collect();
        for difference in &differences {
            let status = match (&difference.field, &difference.expected) {
                (Some(_), _) => RowStatus::Differs,
                (None, Some(_)) => RowStatus::Missing,
                (None, None) => RowStatus::LeftOver,
            };
            self.write(&difference.key, status, difference.field.as_deref(), Some(&difference.told()));
        }
        self.finish_outcomes()?;
        Ok(records)
    }

    fn note(&mut self, key: &str, drift: Drift) {
        let status = match drift {
            Drift::Missing => RowStatus::Missing,
            Drift::LeftOver => RowStatus::LeftOver,
            Drift::Foreign => RowStatus::Foreign,
        };
        self.write(key, status, None, None);
    }

    fn write(&mut self, key: &str, status: RowStatus, code: Option<&str>, message: Option<&str>) {
        if let Some(outcomes) = &mut self.outcomes {
            let nothing =
                RowOutcome { row_number: None, key: Some(key), action: None, change: None, status, code, message };
            outcomes.write(&nothing);
        }
    }

    fn finish_outcomes(&mut self) -> Result<(), VerifyError> {
        let unfinished = self.outcomes.take().map(|outcomes| outcomes.finish(&self.stop)).unwrap_or_default();
        match unfinished.first() {
            Some(unfinished) => Err(VerifyError::Failed(Failure::outcomes(unfinished.to_string()))),
            None => Ok(()),
        }
    }
}

/// Keys that are looked for in one call.
const LOOKED_FOR_AT_ONCE: usize = 100;
/// Entries of a state that are read at a time.
const PAGE: usize = 10_000;

/// Some of the keys that a state knows.
fn draw(ledger: Box<dyn Ledger>, size: SampleSize) -> Result<Vec<(String, Standing)>, StateError> {
    let size = match size {
        SampleSize::Of(size) => size,
        SampleSize::All => NonZeroUsize::MAX,
    };
    let (mut sample, mut after) = (Sample::new(size), String::new());
    loop {
        let page = ledger.known_after(&after, PAGE)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        page.iter().for_each(|entry| sample.offer(&entry.key, || entry.standing));
    }
    ledger.finish(false)?;
    Ok(sample.into_drawn().collect())
}
