//! Sending, with a count of what it caused.

use super::Session;
use crate::arrow::records::MappedBatch;
use crate::plugin::answers::Delivery;
use crate::plugin::instance::CallOutcome;

/// The call of `effects`, of a plugin that has it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Effects(pub(super) Session);

impl Effects {
    /// As [`Session::send_batch`], with a count of what the destination did on receiving the records.
    ///
    /// # Errors
    /// As [`Session::send_batch`].
    pub async fn send_batch(&self, batch: &MappedBatch) -> CallOutcome<Delivery> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.send_batch_with_effects(batch).await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }
}
