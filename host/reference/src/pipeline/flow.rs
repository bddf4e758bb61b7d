//! The one place through which all rows go: compared with the state, batched, sent, and recorded.
//!
//! It owns the state file, the dead letters and the counts, and runs on a thread of its own, since writing to the state
//! blocks. What comes out of the mapper is taken in by `intake`, handed to workers by `dispatch`, and recorded by
//! `settlement`, in one transaction with what goes out next. New rows are taken only while batches are wanted: memory does
//! not grow with the rows, however slow the destination.

pub(super) mod batch;
mod dispatch;
pub(crate) mod division;
mod intake;
mod outcome;
mod rejection;
mod removal;
mod row_outcomes;
mod settlement;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::Receiver;
use tokio::task::{Id, JoinSet};

use self::batch::{Batch, Queue, Size};
use self::division::Division;
use super::mapper::Mapped;
use super::{Delivered, Delivery, Observer, ProgressSnapshot};
use crate::report::dead_letter::DeadLetters;
use crate::report::effects::Effects;
use crate::report::outcomes::Outcomes;
use crate::report::{Counts, Estimate, Failure, RefusedRemovals, RejectionTally, Rejections, Withheld};
use crate::source::{Extent, Meter};
use crate::state::{Change, Ledger, Resend};
use crate::sync_file::{MaxRejected, MaxRemovals};
use destination_engine::http::hooks::Traffic;
use destination_engine::http::rate_limiter::Rate;
use destination_engine::plugin::instance::CallOutcome;
use destination_engine::redaction::Redaction;
use destination_engine::stop::Stop;

/// How a run goes about its rows.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Batches of this size.
    pub(crate) size: Size,
    /// Batches under way at the same time, once the first one was acknowledged.
    pub(crate) concurrency: usize,
    /// Whether rows that did not change are sent.
    pub(crate) resend: Resend,
    /// Whether what was delivered is known, so that rows can be told new from changed.
    pub(crate) stateful: bool,
    /// Whether the destination is to hold what the source does, so that only what this sync added is removed.
    pub(crate) mirrors: bool,
    /// Whether keys that left the source are removed, and under which limits.
    pub(crate) removals: Option<MaxRemovals>,
    /// Whether a person lets all removals through.
    pub(crate) allow_removals: bool,
    /// Rejected rows that stop the run.
    pub(crate) max_rejected: MaxRejected,
    /// Nothing is sent and nothing written.
    pub(crate) dry_run: bool,
    /// How fast requests may leave.
    pub(crate) rate: Rate,
    /// When the run began, in seconds since 1970.
    pub(crate) now: i64,
}

/// What a flow came to.
#[derive(Debug)]
pub(crate) struct FlowResult {
    pub(crate) counts: Counts,
    pub(crate) rejections: Vec<Rejections>,
    pub(crate) withheld: Option<Withheld>,
    pub(crate) refused_removals: Vec<RefusedRemovals>,
    /// Requests that were made again.
    pub(crate) retries: u64,
    pub(crate) effects: Effects,
    /// Of a dry run: what it would have cost.
    pub(crate) estimate: Option<Estimate>,
    pub(crate) failure: Option<Failure>,
}

/// What a run is watched by, and with.
pub(crate) struct RunContext {
    /// When the run began.
    pub(crate) started: Instant,
    /// What the client of the run's requests has seen.
    pub(crate) traffic: Arc<Traffic>,
    /// How much of the source was read.
    pub(crate) meter: Arc<Meter>,
    pub(crate) observer: Arc<dyn Observer>,
    /// Values that no message shows.
    pub(crate) secrets: Redaction,
}

/// Where a run writes down what it does, as far as it does.
#[derive(Default)]
pub(crate) struct Records {
    /// What is remembered between runs.
    pub(crate) ledger: Option<Box<dyn Ledger>>,
    /// The rejected rows.
    pub(crate) dead_letters: Option<DeadLetters>,
    /// What happened to each row.
    pub(crate) outcomes: Option<Outcomes>,
}

/// A run's rows on their way.
pub(crate) struct Flow<D> {
    pub(super) plan: Plan,
    pub(super) delivery: D,
    pub(super) watch: RunContext,
    pub(super) queue: Queue,
    pub(super) workers: JoinSet<CallOutcome<Delivered>>,
    /// What each worker has in its hands.
    pub(super) in_flight: HashMap<Id, Sent>,
    /// Whether the destination has confirmed anything. Until then one batch goes at a time: a mistake that all rows share
    /// costs one batch and not as many as there are workers.
    pub(super) acknowledged: bool,
    /// How the plugin divides records into requests, once that is known.
    pub(super) division: Option<Division>,
    pub(super) ledger: Option<Box<dyn Ledger>>,
    pub(super) dead_letters: Option<DeadLetters>,
    pub(super) outcomes: Option<Outcomes>,
    pub(super) counts: Counts,
    pub(super) tally: RejectionTally,
    /// Rows that could not be mapped.
    pub(super) unmapped_rows: u64,
    /// Those of them whose key is not known.
    pub(super) unnamed_rows: u64,
    /// The first row that is settled without being acknowledged: lost, or rejected and kept nowhere.
    pub(super) lost_from: Option<u64>,
    pub(super) retries: u64,
    pub(super) effects: Effects,
    pub(super) withheld: Option<Withheld>,
    pub(super) refused_removals: Vec<RefusedRemovals>,
    pub(super) failure: Option<Failure>,
}

/// A batch that was handed to a worker.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) batch: Arc<Batch>,
    /// For each record whether its key was not known before.
    pub(super) new: Vec<bool>,
}

impl<D: Delivery> Flow<D> {
    pub(crate) fn new(plan: Plan, delivery: D, watch: RunContext, records: Records) -> Self {
        let Records { ledger, dead_letters, outcomes } = records;
        let queue = Queue::new(plan.size);
        Self {
            plan,
            delivery,
            watch,
            queue,
            workers: JoinSet::new(),
            in_flight: HashMap::new(),
            acknowledged: false,
            division: None,
            ledger,
            dead_letters,
            outcomes,
            counts: Counts::default(),
            tally: RejectionTally::default(),
            unmapped_rows: 0,
            unnamed_rows: 0,
            lost_from: None,
            retries: 0,
            effects: Effects::default(),
            withheld: None,
            refused_removals: Vec::new(),
            failure: None,
        }
    }

    /// Delivers all rows, then the removals, and closes the state.
    pub(crate) async fn run(mut self, rows: Receiver<Mapped>, stop: &Stop) -> FlowResult {
        self.deliver(Some(rows), stop).await;
        if self.failure.is_none()
            && let Some(max) = self.plan.removals
        {
            self.remove(max, stop).await;
        }
        let settled = self.failure.is_none() && self.withheld.is_none() && self.plan.removals.is_some();
        let finished = self.ledger.take().map_or(Ok(()), |ledger| ledger.finish(settled));
        self.note_failure(finished.map_err(Failure::from));
        let complete = self.failure.is_none();
        let letters = self.dead_letters.take().map_or(Ok(()), |letters| letters.finish(complete));
        self.note_failure(letters.map_err(|error| Failure::dead_letters(&error)));
        for unfinished in self.outcomes.take().map(|outcomes| outcomes.finish(stop)).unwrap_or_default() {
            self.note_failure(Err(Failure::outcomes(unfinished.to_string())));
        }
        self.tell();
        FlowResult {
            estimate: self.estimate(),
            counts: self.counts,
            rejections: self.tally.finish(),
            withheld: self.withheld,
            refused_removals: self.refused_removals,
            retries: self.retries,
            effects: self.effects,
            failure: self.failure,
        }
    }

    /// Tells the observer how it is getting on.
    fn tell(&self) {
        self.watch.observer.progress(&ProgressSnapshot {
            elapsed: self.watch.started.elapsed(),
            counts: &self.counts,
            read: self.watch.meter.share(),
            traffic: &self.watch.traffic,
            retries: self.retries,
            effects: &self.effects,
        });
    }

    /// Takes rows until they end, and returns when they and all that was queued before are settled.
    pub(super) async fn deliver(&mut self, mut rows: Option<Receiver<Mapped>>, stop: &Stop) {
        loop {
            if let Some(reason) = stop.asked()
                && self.failure.is_none()
            {
                self.note_failure(Err(Failure::interrupted(reason)));
            }
            if self.failure.is_some() {
                // The source and the mapper find their way closed, and end.
                rows = None;
            }
            let sent = self.dispatch();
            // What was confirmed has just been committed.
            if sent.is_ok() {
                self.watch.observer.acknowledged(self.acknowledged_rows());
            }
            self.note_failure(sent);
            if rows.is_none() && self.workers.is_empty() && (self.queue.is_empty() || self.failure.is_some()) {
                return;
            }
            let wants_rows = self.queue.ready() < self.plan.concurrency;
            tokio::select! {
                biased;
                reason = stop.wait(), if self.failure.is_none() => {
                    self.note_failure(Err(Failure::interrupted(reason)));
                }
                Some(done) = self.workers.join_next_with_id() => {
                    let settled = self.settle_task(done, stop);
                    self.note_failure(settled);
                    // Those that are done as well share one commit: elsewhere than on a disk it is a round trip.
                    while let Some(done) = self.workers.try_join_next_with_id() {
                        let settled = self.settle_task(done, stop);
                        self.note_failure(settled);
                    }
                }
                mapped = next(&mut rows), if rows.is_some() && wants_rows => {
                    if let Some(Mapped::End(extent)) = &mapped {
                        if *extent == Extent::Changes {
                            self.plan.removals = None;
                        }
                        rows = None;
                        self.queue.close();
                    }
                    if let Some(Mapped::Rows(_, mapping)) = &mapped {
                        self.learn_division(mapping.batch.iter(), stop).await;
                    }
                    let taken = self.take(mapped);
                    self.note_failure(taken);
                }
                () = stop.calls_over(), if !self.workers.is_empty() => self.give_up_workers(stop),
                // A queue of which nothing is in flight always has a batch that can leave.
                else => return,
            }
            self.tell();
        }
    }

    /// The first failure ends the run: what was not sent will not be.
    pub(super) fn note_failure(&mut self, result: Result<(), Failure>) {
        let Err(failure) = result else { return };
        for batch in self.queue.drain() {
            self.undeliver(&batch, &failure);
        }
        self.failure.get_or_insert(failure);
    }

    /// Takes a batch for undelivered.
    pub(super) fn give_up(&mut self, batch: &Batch, failure: &Failure) {
        self.queue.settle(batch);
        self.undeliver(batch, failure);
    }

    /// Rows up to the first one that is not acknowledged.
    fn acknowledged_rows(&self) -> u64 {
        let in_flight = self.in_flight.values().filter_map(|sent| sent.batch.first_row());
        let first = in_flight.chain(self.queue.first_row()).chain(self.lost_from).min();
        first.map_or(self.counts.rows_read, |first| first.saturating_sub(1))
    }

    /// From this row on nothing counts as acknowledged any more.
    pub(super) fn lose(&mut self, row: Option<u64>) {
        self.lost_from = self.lost_from.into_iter().chain(row).min();
    }

    fn undeliver(&mut self, batch: &Batch, failure: &Failure) {
        self.lose(batch.first_row());
        self.count_undelivered(batch, batch.len());
        self.record_undelivered(batch, failure);
    }

    pub(super) fn count_undelivered(&mut self, batch: &Batch, records: usize) {
        let counter = if batch.is_removals() { &mut self.counts.failed_removals } else { &mut self.counts.undelivered };
        *counter += records as u64;
    }
}

async fn next(rows: &mut Option<Receiver<Mapped>>) -> Option<Mapped> {
    rows.as_mut()?.recv().await
}

fn count_change(counts: &mut Counts, change: Change) {
    match change {
        Change::Added => counts.added += 1,
        Change::Changed => counts.changed += 1,
        Change::Unchanged | Change::Repeated | Change::Removed => {}
    }
}
