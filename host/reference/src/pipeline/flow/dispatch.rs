//! Batches on their way out: what a batch is about to change is on disk before it leaves.

use std::sync::Arc;

use super::batch::Batch;
use super::{Flow, Sent};
use crate::pipeline::Delivery;
use crate::report::Failure;
use crate::state::Change;
use destination_engine::stop::Stop;

impl<D: Delivery> Flow<D> {
    /// Hands batches to idle workers. What they are about to send is on disk before they do.
    pub(super) fn dispatch(&mut self) -> Result<(), Failure> {
        let workers = if self.acknowledged { self.plan.concurrency } else { 1 };
        let mut leaving = Vec::new();
        while self.failure.is_none() && self.workers.len() + leaving.len() < workers {
            let Some(batch) = self.queue.next() else { break };
            let new = match self.mark_pending(&batch) {
                Ok(new) => new,
                Err(failure) => {
                    // It was taken out of the queue, and is in nobody's hands.
                    self.give_up(&batch, &failure);
                    leaving.iter().for_each(|sent: &Sent| self.give_up(&sent.batch, &failure));
                    return Err(failure);
                }
            };
            leaving.push(Sent { batch: Arc::new(batch), new });
        }
        if let Err(error) = self.ledger.as_mut().map_or(Ok(()), |ledger| ledger.commit()) {
            let failure = error.into();
            leaving.iter().for_each(|sent| self.give_up(&sent.batch, &failure));
            return Err(failure);
        }
        for sent in leaving {
            let (delivery, batch) = (self.delivery.clone(), Arc::clone(&sent.batch));
            let worker = self.workers.spawn(async move { delivery.send_batch(&batch.records).await });
            self.in_flight.insert(worker.id(), sent);
        }
        Ok(())
    }

    /// Writes down what a batch is about to change; for each record whether its key was not known before.
    fn mark_pending(&mut self, batch: &Batch) -> Result<Vec<bool>, Failure> {
        let Some(ledger) = &mut self.ledger else { return Ok(Vec::new()) };
        let records = batch.records.iter().enumerate();
        let noted =
            records.map(|(at, record)| ledger.mark_pending(record, batch.change(at).unwrap_or(Change::Changed)));
        Ok(noted.collect::<Result<_, _>>()?)
    }

    /// Workers that have not ended when a stopping run must. What they have in their hands may or may not have arrived: its
    /// keys stay pending.
    pub(super) fn give_up_workers(&mut self, stop: &Stop) {
        self.workers.abort_all();
        self.workers.detach_all();
        let failure = Failure::interrupted(stop.asked().unwrap_or_default());
        for (_, sent) in std::mem::take(&mut self.in_flight) {
            self.give_up(&sent.batch, &failure);
        }
    }
}
