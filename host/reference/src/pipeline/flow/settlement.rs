//! The end of a batch: each of its records is counted, recorded in the state, and set down as a dead letter where it was
//! rejected.

use std::collections::HashSet;

use tokio::task::{Id, JoinError};

use super::outcome::{Outcome, key_outcomes, outcomes};
use super::{Flow, Sent, count_change};
use crate::pipeline::failure::Work;
use crate::pipeline::{Delivered, Delivery};
use crate::report::Failure;
use crate::state::Change;
use destination_engine::bindings::EffectCount;
use destination_engine::http::hooks::CallTraffic;
use destination_engine::plugin::answers::Report as Answer;
use destination_engine::plugin::instance::CallOutcome;
use destination_engine::stop::Stop;

impl<D: Delivery> Flow<D> {
    /// Settles what a worker had in its hands.
    pub(super) fn settle_task(
        &mut self,
        done: Result<(Id, CallOutcome<Delivered>), JoinError>,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let (id, outcome) = match done {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(sent) = self.in_flight.remove(&id) else {
            return Err(Failure::engine("a worker ended that had no batch"));
        };
        let CallOutcome { answer, traffic } = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let failure = Failure::engine(format!("a worker died: {error}")).after(stop);
                self.give_up(&sent.batch, &failure);
                return Err(failure);
            }
        };
        self.retries += traffic.retries;
        match answer {
            Ok(Delivered { report: answer, effects }) => {
                for EffectCount { mut effect, count } in effects {
                    self.watch.secrets.apply(&mut effect);
                    self.effects.add(effect, count);
                }
                self.queue.settle(&sent.batch);
                let failure = answer.undelivered.as_ref();
                let failure = failure
                    .map(|rest| Failure::plugin(Work::Sending, &rest.failure, traffic.cause.clone()).after(stop));
                self.settle(&sent, &answer, &traffic, failure)
            }
            Err(error) => {
                let failure = Failure::call(Work::Sending, &error, traffic.cause).after(stop);
                self.give_up(&sent.batch, &failure);
                Err(failure)
            }
        }
    }

    /// Counts and records what the plugin says of a batch. `failure`: what stopped the delivery of a part of it.
    fn settle(
        &mut self,
        sent: &Sent,
        answer: &Answer,
        traffic: &CallTraffic,
        failure: Option<Failure>,
    ) -> Result<(), Failure> {
        let batch = &*sent.batch;
        let outcomes = outcomes(batch.len(), answer);
        self.acknowledged |= !answer.accepted.is_empty();
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
            if let Some((rows, row)) = batch.origin(record) {
                match outcome {
                    Outcome::Accepted => {}
                    Outcome::Rejected => self.note_rejected(rows.number(row)),
                    Outcome::Undelivered => self.lose(Some(rows.number(row))),
                }
            }
        }
        self.record_settled(batch, &outcomes, answer, failure.as_ref());
        // The state first: what was confirmed is recorded even where the dead letters can't be.
        self.record(sent, &outcomes, traffic.in_doubt())?;
        if batch.is_removals() {
            self.note_removals(batch, answer)?;
        }
        for rejection in answer.rejected.iter().filter(|_| !batch.is_removals()) {
            let record = rejection.record_index as usize;
            let reason = self.reason(&rejection.code, &rejection.message);
            let Some((rows, row)) = batch.origin(record) else {
                self.tally.add(&reason.code, &reason.message, None);
                continue;
            };
            let key = batch.records.get(record).map(|record| record.key);
            self.reject(rows, row, key, None, &reason)?;
        }
        self.flush_dead_letters()?;
        self.flush_outcomes()?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let refused = self.counts.rejected - self.unmapped_rows;
        let settled = self.counts.delivered + self.counts.unchanged + refused;
        if !answer.rejected.is_empty() && self.max_rejected().exceeded_by(refused, settled) {
            return Err(self.too_many_rejected());
        }
        Ok(())
    }

    /// `in_doubt`: a request of the batch may have taken effect though no answer says so.
    fn record(&mut self, sent: &Sent, outcomes: &[Outcome], in_doubt: bool) -> Result<(), Failure> {
        let Some(ledger) = &mut self.ledger else { return Ok(()) };
        let batch = &*sent.batch;
        let new: HashSet<&str> =
            batch.records.iter().zip(&sent.new).filter(|(_, new)| **new).map(|(record, _)| record.key).collect();
        for key in key_outcomes(batch, outcomes) {
            let Some(record) = batch.records.get(key.record) else { continue };
            match key.outcome {
                // What was repeated is recorded already.
                Outcome::Accepted if batch.change(key.record) == Some(Change::Repeated) => {}
                Outcome::Accepted => ledger.confirm(record, batch.content(key.record).unwrap_or_default())?,
                Outcome::Rejected => {
                    let forget = key.refused && !in_doubt && new.contains(record.key);
                    ledger.reject(record.key, forget)?;
                }
                Outcome::Undelivered => {}
            }
        }
        Ok(())
    }
}
