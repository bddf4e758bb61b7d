//! The call of `effects`.

use super::{Call, CallError, CallOutcome, Instance, within};
use crate::arrow::records::MappedBatch;
use crate::plugin::answers::Delivery;

impl Instance {
    pub(crate) async fn send_batch_with_effects(&mut self, batch: &MappedBatch) -> CallOutcome<Delivery> {
        self.store.data().hook().begin_call(batch.len(), batch.payload_bytes());
        let answer = self.ask_to_send_with_effects(batch).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_send_with_effects(&mut self, batch: &MappedBatch) -> Result<Delivery, CallError> {
        let call = Call::SendBatchWithEffects;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.effects)?;
        let answer = exports.call_send_batch(&mut self.store, self.config.json(), batch.as_param());
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(call, answer)?;
        let mut delivery = self.checked(call, Delivery::from_answer(answer, batch.len()))?;
        self.sanitize_report(&mut delivery.report);
        for effect in &mut delivery.effects {
            self.config.sanitize(&mut effect.effect);
        }
        Ok(delivery)
    }
}
