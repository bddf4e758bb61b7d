//! Looking at what the destination holds.

use super::Session;
use crate::arrow::records::MappedBatch;
use crate::bindings::{Column, Comparison, Difference, Discovery};
use crate::plugin::answers::KeyPage;
use crate::plugin::instance::CallOutcome;

/// The calls of `inspection`, of a plugin that has it. Nothing is changed by them. Cheap to clone.
///
/// The plugin pulls answers of any length, at the pace at which it is called: it may keep one open from one call to the next, and
/// nothing of it is collected. Dropping the session ends it.
#[derive(Debug, Clone)]
pub struct Inspection(pub(super) Session);

impl Inspection {
    /// The fields and targets that are there.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed) where the config lacks what it takes to look, or the
    /// destination did not answer.
    pub async fn discover(&self) -> CallOutcome<Discovery> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.discover().await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// The config's mappings against the fields that are there. Columns carry names and types, and may be without rows. None: the
    /// config lacks what it takes to look, and nothing was asked.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed) where the destination did not answer.
    pub async fn compare_fields(&self, columns: &[Column<'_>]) -> CallOutcome<Option<Comparison>> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.compare_fields(columns).await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// One page of the keys at the target; the first without a cursor, and the next with [`KeyPage::next`] of the one before.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed) where the keys changed meanwhile, the listing was cut short, or
    /// the destination did not answer.
    pub async fn list_keys(&self, cursor: Option<&str>) -> CallOutcome<KeyPage> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.list_keys(cursor).await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// Where the destination holds something else than these records say, in rising order of records.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed) where the destination did not answer.
    pub async fn compare_records(&self, batch: &MappedBatch) -> CallOutcome<Vec<Difference>> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.compare_records(batch).await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }
}
