//! The one place through which all rows go: judged against the state, batched, sent, and recorded.
//!
//! It owns the state file, the dead letters and the counts, and runs on a thread of its own, since writing to the state
//! blocks. Workers send; what they bring back is recorded here, in one transaction with what goes out next. It takes new
//! rows only while batches are wanted: memory does not grow with the rows, however slow the destination.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use super::batch::{Batch, Item, KeyHash, Queue, Size, content_hash};
use super::fate::{Outcome, fates, outcomes};
use super::mapper::Mapped;
use super::{Delivery, Moment, Observer};
use crate::answers::{Mapping, Report as Answer};
use crate::bindings::RowIssue;
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::instance::CallError;
use crate::outgoing::Traffic;
use crate::report::{Counts, Failure, RejectionTally, Rejections, Withheld};
use crate::rows::Rows;
use crate::source::Meter;
use crate::state::{Change, Ledger, Resend};
use crate::stop::Stop;
use crate::sync_file::MaxRemovals;

/// How a run goes about its rows.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Batches of this size.
    pub(crate) size: Size,
    /// Batches under way at the same time.
    pub(crate) concurrency: usize,
    /// Whether rows that did not change are sent.
    pub(crate) resend: Resend,
    /// Whether what was delivered is known, so that rows can be told new from changed.
    pub(crate) stateful: bool,
    /// Whether keys that left the source are removed, and under which limits.
    pub(crate) removals: Option<MaxRemovals>,
    /// Whether a person lets all removals through.
    pub(crate) allow_removals: bool,
    /// Nothing is sent and nothing written.
    pub(crate) dry_run: bool,
}

/// What a flow came to.
#[derive(Debug)]
pub(crate) struct Outflow {
    pub(crate) counts: Counts,
    pub(crate) rejections: Vec<Rejections>,
    pub(crate) withheld: Option<Withheld>,
    /// Requests that plugins made again.
    pub(crate) retries: u64,
    pub(crate) failure: Option<Failure>,
}

/// What a run is watched by, and with.
pub(crate) struct Watch {
    /// When the run began.
    pub(crate) started: Instant,
    /// What the client of the run's requests has seen.
    pub(crate) traffic: Arc<Traffic>,
    /// How much of the source was read.
    pub(crate) meter: Arc<Meter>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// A run's rows on their way.
pub(crate) struct Flow<D> {
    pub(super) plan: Plan,
    delivery: D,
    watch: Watch,
    pub(super) queue: Queue,
    workers: JoinSet<(Sent, Result<Answer, CallError>)>,
    pub(super) ledger: Option<Ledger>,
    dead_letters: Option<DeadLetters>,
    pub(super) counts: Counts,
    tally: RejectionTally,
    /// Rows that could not be mapped and whose key is not known.
    pub(super) unnamed_rows: u64,
    retries: u64,
    /// Requests of which an answer tells whether they were repeated.
    told_requests: u64,
    /// Batches that failed without telling their requests.
    silent_batches: u64,
    pub(super) withheld: Option<Withheld>,
    pub(super) failure: Option<Failure>,
}

/// A batch that was handed to a worker.
#[derive(Debug)]
struct Sent {
    batch: Arc<Batch>,
    /// For each record whether its key was not known before.
    new: Vec<bool>,
}

impl<D: Delivery> Flow<D> {
    pub(crate) fn new(
        plan: Plan,
        delivery: D,
        watch: Watch,
        ledger: Option<Ledger>,
        dead_letters: Option<DeadLetters>,
    ) -> Self {
        let queue = Queue::new(plan.size);
        Self {
            plan,
            delivery,
            watch,
            queue,
            workers: JoinSet::new(),
            ledger,
            dead_letters,
            counts: Counts::default(),
            tally: RejectionTally::default(),
            unnamed_rows: 0,
            retries: 0,
            told_requests: 0,
            silent_batches: 0,
            withheld: None,
            failure: None,
        }
    }

    /// Delivers all rows, then the removals, and closes the state.
    pub(crate) async fn run(mut self, rows: Receiver<Mapped>, stop: &Stop) -> Outflow {
        self.deliver(Some(rows), stop).await;
        if self.failure.is_none()
            && let Some(max) = self.plan.removals
        {
            self.remove(max, stop).await;
        }
        let settled = self.failure.is_none() && self.withheld.is_none() && self.plan.removals.is_some();
        let finished = self.ledger.take().map_or(Ok(()), |ledger| ledger.finish(settled));
        self.note_failure(finished.map_err(Failure::from));
        self.tell();
        let retries = self.all_retries();
        Outflow {
            counts: self.counts,
            rejections: self.tally.finish(),
            withheld: self.withheld,
            retries,
            failure: self.failure,
        }
    }

    /// Tells the observer how it is getting on.
    fn tell(&self) {
        self.watch.observer.progress(&Moment {
            elapsed: self.watch.started.elapsed(),
            counts: &self.counts,
            read: self.watch.meter.share(),
            traffic: &self.watch.traffic,
            retries: self.retries,
        });
    }

    /// A batch that failed altogether does not tell its requests. Those that nobody tells of are its own, and all but the
    /// first of them were made again.
    fn all_retries(&self) -> u64 {
        let silent = self.watch.traffic.counts().requests.saturating_sub(self.told_requests);
        self.retries + silent.saturating_sub(self.silent_batches)
    }

    /// Takes rows until they end, and returns when they and all that was queued before are settled.
    pub(super) async fn deliver(&mut self, mut rows: Option<Receiver<Mapped>>, stop: &Stop) {
        loop {
            if self.failure.is_some() {
                // The source and the mapper find their way closed, and end.
                rows = None;
            }
            let sent = self.dispatch();
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
                Some(done) = self.workers.join_next() => {
                    let settled = self.settle_task(done);
                    self.note_failure(settled);
                }
                mapped = next(&mut rows), if rows.is_some() && wants_rows => {
                    if matches!(mapped, Some(Mapped::End)) {
                        rows = None;
                        self.queue.close();
                    }
                    let taken = self.take(mapped);
                    self.note_failure(taken);
                }
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
            self.count_undelivered(&batch, batch.len());
        }
        self.failure.get_or_insert(failure);
    }

    fn take(&mut self, mapped: Option<Mapped>) -> Result<(), Failure> {
        match mapped {
            Some(Mapped::Rows(values, mapping)) => {
                let rows = Rows::new(values, self.counts.rows_read + 1);
                self.counts.rows_read += rows.len() as u64;
                let taken = self.reject_unmapped(&rows, &mapping.issues);
                let taken = taken.and_then(|()| self.judge(&mapping));
                match taken {
                    Ok(changes) => self.enqueue(rows, &mapping, &changes),
                    Err(failure) => {
                        self.counts.undelivered += mapping.batch.len() as u64;
                        Err(failure)
                    }
                }
            }
            Some(Mapped::End) => Ok(()),
            Some(failed) => match failed.into_failure() {
                Some((failure, rows)) => {
                    self.counts.rows_read += rows as u64;
                    self.counts.undelivered += rows as u64;
                    Err(failure)
                }
                None => Ok(()),
            },
            None => Err(Failure::engine("the source stopped without an end")),
        }
    }

    /// Records rows that the plugin could not map. They are not rows that left.
    fn reject_unmapped(&mut self, rows: &Rows, issues: &[RowIssue]) -> Result<(), Failure> {
        self.counts.rejected += issues.len() as u64;
        for issue in issues {
            match (&issue.key, &mut self.ledger) {
                (Some(key), Some(ledger)) => ledger.touch(key)?,
                (Some(_), None) => {}
                (None, _) => self.unnamed_rows += 1,
            }
            let row = issue.row as usize;
            self.tally.add(&issue.code, &issue.message, Some(rows.number(row)));
            let (key, column) = (issue.key.as_deref(), issue.column.as_deref());
            self.write_dead_letter(rows, row, key, column, &issue.code, &issue.message)?;
        }
        self.flush_dead_letters()
    }

    /// Tells how each mapped record differs from what was delivered, with the hash of what it delivers.
    fn judge(&mut self, mapping: &Mapping) -> Result<Vec<(Change, u64)>, Failure> {
        let records = mapping.batch.iter();
        if !self.plan.stateful {
            return Ok(records.map(|_| (Change::Repeated, 0)).collect());
        }
        let contents: Vec<u64> = records.map(|record| content_hash(&record)).collect();
        let changes = match &mut self.ledger {
            Some(ledger) => ledger.judge(mapping.batch.iter().zip(contents.iter().copied()), self.plan.resend)?,
            // A dry run of a sync that has no state yet.
            None => vec![Change::Added; contents.len()],
        };
        Ok(changes.into_iter().zip(contents).collect())
    }

    /// Puts what must be sent into the queue.
    fn enqueue(&mut self, rows: Rows, mapping: &Mapping, changes: &[(Change, u64)]) -> Result<(), Failure> {
        let mut sending = Vec::with_capacity(changes.len());
        let mut sending_keys = std::collections::HashSet::new();
        for (record, &(change, content)) in mapping.batch.iter().zip(changes) {
            let key = KeyHash::of(record.key);
            let change = match change {
                // An earlier row of this key is on its way with something else: the state does not know that yet.
                Change::Unchanged | Change::Repeated
                    if self.plan.stateful && (self.queue.has(key) || sending_keys.contains(&key)) =>
                {
                    Change::Changed
                }
                change => change,
            };
            if change == Change::Unchanged {
                self.counts.unchanged += 1;
                continue;
            }
            if self.plan.stateful {
                sending_keys.insert(key);
            }
            sending.push((record, key, content, change));
        }
        if self.plan.dry_run {
            self.counts.planned += sending.len() as u64;
            sending.iter().for_each(|(_, _, _, change)| count_change(&mut self.counts, *change));
            return Ok(());
        }
        // Few rows of many that are kept would keep all of them in memory until their batch is full.
        let few = sending.len() < rows.len() / 2;
        let rows = if few {
            let kept: Vec<u32> = sending.iter().map(|(record, ..)| record.row).collect();
            for (place, (record, ..)) in (0..).zip(&mut sending) {
                record.row = place;
            }
            rows.pick(&kept).map_err(|error| Failure::engine(error.to_string()))?
        } else {
            rows
        };
        let rows = Arc::new(rows);
        for (record, key, content, change) in sending {
            let item = Item { record, rows: Some(&rows), key, content, change };
            self.queue.push(&item).map_err(|error| Failure::engine(error.to_string()))?;
        }
        Ok(())
    }

    /// Hands batches to idle workers. What they are about to send is on disk before they do.
    fn dispatch(&mut self) -> Result<(), Failure> {
        let mut leaving = Vec::new();
        while self.failure.is_none() && self.workers.len() + leaving.len() < self.plan.concurrency {
            let Some(batch) = self.queue.next() else { break };
            let new = match self.note(&batch) {
                Ok(new) => new,
                Err(failure) => {
                    // It was taken out of the queue, and is in nobody's hands.
                    self.give_up(&batch);
                    leaving.iter().for_each(|sent: &Sent| self.give_up(&sent.batch));
                    return Err(failure);
                }
            };
            leaving.push(Sent { batch: Arc::new(batch), new });
        }
        if let Err(error) = self.ledger.as_mut().map_or(Ok(()), Ledger::commit) {
            leaving.iter().for_each(|sent| self.give_up(&sent.batch));
            return Err(error.into());
        }
        for sent in leaving {
            let delivery = self.delivery.clone();
            self.workers.spawn(async move {
                let answer = delivery.send_batch(&sent.batch.records).await;
                (sent, answer)
            });
        }
        Ok(())
    }

    /// Writes down what a batch is about to change; for each record whether its key was not known before.
    fn note(&mut self, batch: &Batch) -> Result<Vec<bool>, Failure> {
        let Some(ledger) = &mut self.ledger else { return Ok(Vec::new()) };
        let records = batch.records.iter().enumerate();
        let noted = records.map(|(at, record)| ledger.note(record, batch.change(at).unwrap_or(Change::Changed)));
        Ok(noted.collect::<Result<_, _>>()?)
    }

    fn give_up(&mut self, batch: &Batch) {
        self.queue.settle(batch);
        self.count_undelivered(batch, batch.len());
    }

    fn settle_task(
        &mut self,
        done: Result<(Sent, Result<Answer, CallError>), tokio::task::JoinError>,
    ) -> Result<(), Failure> {
        let (sent, answer) = done.map_err(|error| Failure::engine(format!("a worker died: {error}")))?;
        self.queue.settle(&sent.batch);
        match answer {
            Ok(answer) => self.settle(&sent, &answer),
            Err(error) => {
                self.silent_batches += 1;
                self.count_undelivered(&sent.batch, sent.batch.len());
                Err(Failure::call(&error, Some(&self.watch.traffic)))
            }
        }
    }

    /// Records what became of a batch.
    fn settle(&mut self, sent: &Sent, answer: &Answer) -> Result<(), Failure> {
        let batch = &*sent.batch;
        let outcomes = outcomes(batch.len(), answer);
        self.retries += u64::from(answer.retries);
        self.told_requests += u64::from(answer.requests);
        self.counts.superseded += u64::from(answer.superseded);
        for (record, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Outcome::Accepted if batch.is_removals() => self.counts.removed += 1,
                Outcome::Accepted => {
                    self.counts.delivered += 1;
                    batch.change(record).into_iter().for_each(|change| count_change(&mut self.counts, change));
                }
                Outcome::Rejected if batch.is_removals() => self.counts.failed_removals += 1,
                Outcome::Rejected => self.counts.rejected += 1,
                Outcome::Undelivered => self.count_undelivered(batch, 1),
            }
        }
        // The state first: what was confirmed is recorded even where the dead letters can't be.
        self.record(sent, &outcomes)?;
        for rejection in &answer.rejected {
            let record = rejection.record_index as usize;
            let origin = batch.origin(record);
            let number = origin.map(|(rows, row)| rows.number(row));
            self.tally.add(&rejection.code, &rejection.message, number);
            if let Some((rows, row)) = origin {
                let key = batch.records.get(record).map(|record| record.key);
                self.write_dead_letter(rows, row, key, None, &rejection.code, &rejection.message)?;
            }
        }
        self.flush_dead_letters()?;
        match &answer.undelivered {
            Some(undelivered) => Err(Failure::plugin(&undelivered.failure, Some(&self.watch.traffic))),
            None => Ok(()),
        }
    }

    fn record(&mut self, sent: &Sent, outcomes: &[Outcome]) -> Result<(), Failure> {
        let Some(ledger) = &mut self.ledger else { return Ok(()) };
        let batch = &*sent.batch;
        let new: std::collections::HashSet<&str> =
            batch.records.iter().zip(&sent.new).filter(|(_, new)| **new).map(|(record, _)| record.key).collect();
        for fate in fates(batch, outcomes) {
            let Some(record) = batch.records.get(fate.record) else { continue };
            match fate.outcome {
                // What was repeated is recorded already.
                Outcome::Accepted if batch.change(fate.record) == Some(Change::Repeated) => {}
                Outcome::Accepted => ledger.confirm(record, batch.content(fate.record).unwrap_or_default())?,
                Outcome::Rejected => {
                    let forget = fate.refused && new.contains(record.key);
                    ledger.reject(record.key, forget)?;
                }
                Outcome::Undelivered => {}
            }
        }
        Ok(())
    }

    fn count_undelivered(&mut self, batch: &Batch, records: usize) {
        let counter = if batch.is_removals() { &mut self.counts.failed_removals } else { &mut self.counts.undelivered };
        *counter += records as u64;
    }

    fn write_dead_letter(
        &mut self,
        rows: &Rows,
        row: usize,
        key: Option<&str>,
        column: Option<&str>,
        code: &str,
        message: &str,
    ) -> Result<(), Failure> {
        let Some(letters) = &mut self.dead_letters else { return Ok(()) };
        let json = rows.json(row).map_err(|error| Failure::engine(error.to_string()))?;
        let letter = DeadLetter { row: &json, row_number: rows.number(row), key, column, code, message };
        letters.write(&letter).map_err(|error| Failure::dead_letters(&error))
    }

    fn flush_dead_letters(&mut self) -> Result<(), Failure> {
        let flushed = self.dead_letters.as_mut().map_or(Ok(()), DeadLetters::flush);
        flushed.map_err(|error| Failure::dead_letters(&error))
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
