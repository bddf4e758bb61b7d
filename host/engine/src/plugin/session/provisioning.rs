//! Creating what a sync needs.

use super::Session;
use crate::bindings::{Column, MissingObject};
use crate::plugin::instance::CallOutcome;

/// The calls of `provisioning`, of a plugin that has it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provisioning(pub(super) Session);

impl Provisioning {
    /// What is missing at the destination for this config and rows of these columns, which may be without rows. Nothing is created.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed) where the config lacks what it takes to look, or the
    /// destination did not answer.
    pub async fn plan(&self, columns: &[Column<'_>]) -> CallOutcome<Vec<MissingObject>> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.plan(columns).await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// Create some of what [`Provisioning::plan`] named. Safe to repeat: what is there is left as it is.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed); some of it may have been created.
    pub async fn create(&self, objects: &[MissingObject]) -> CallOutcome<()> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.create(objects).await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// The config with names resolved, secrets in their places: for [`Plugin::session`](crate::Plugin::session). It holds them, so it is not to be shown.
    /// One in which nothing is to be resolved comes back with the same meaning, and no request is made.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`](crate::CallError::Failed) where a name stands for nothing, or the destination did not
    /// answer. A config in which an endpoint or a secret changed is [`CallError::BadAnswer`](crate::CallError::BadAnswer): it
    /// would take the secrets elsewhere.
    pub async fn resolve(&self) -> CallOutcome<String> {
        match self.0.instance().await {
            Ok(mut instance) => {
                let outcome = instance.resolve().await;
                self.0.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }
}
