//! A plugin at work with one config: what an engine calls.
//!
//! Inside is a pool of instances. Each call takes an idle one, or starts one more, and gives it back if it is in good
//! order; so there are as many as there are calls at once, and a crash costs the next call a fresh start and nothing else.
//!
//! The calls of an optional interface are behind a type of their own, which there is only where the plugin has the interface.

mod effects;
mod inspection;
mod provisioning;

pub use self::effects::Effects;
pub use self::inspection::Inspection;
pub use self::provisioning::Provisioning;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;

use crate::arrow::columns::{ColumnError, Columns, Reading};
use crate::arrow::records::MappedBatch;
use crate::bindings::{Change, Column, ConnectionCheck, MappedRow, Problem, ProblemKind, Request, Row};
use crate::http::hooks::HttpHooks;
use crate::plugin::answers::{Failure, Mapping, Report};
use crate::plugin::config::PluginConfig;
use crate::plugin::exports::{ExportsPre, OptionalInterface};
use crate::plugin::instance::{CallError, CallOutcome, Instance};
use crate::plugin::one_row::OneRow;
use crate::plugin::runtime::Runtime;

/// A plugin with a config and a way out. Cheap to clone: all workers share one.
///
/// Every call may be made by any number of workers at once and be repeated. Dropping a call's future ends it.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    pre: ExportsPre,
    plugin: Arc<str>,
    config: PluginConfig,
    hook: HttpHooks,
    /// The one given back last is taken first: its memory is warm, and the plugin has the config read.
    idle: Mutex<Vec<Instance>>,
}

/// Rows that could not be mapped at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// A column can't be handed to a plugin.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The call gave no answer to work with.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Session {
    pub(crate) fn new(
        runtime: Runtime,
        pre: ExportsPre,
        plugin: Arc<str>,
        config: PluginConfig,
        hook: HttpHooks,
    ) -> Self {
        Self(Arc::new(Inner { runtime, pre, plugin, config, hook, idle: Mutex::default() }))
    }

    /// One cheap authenticated request, with the key and the path to the server of a sync: what it could verify and what
    /// not.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`] with what is wrong; otherwise see [`CallError`].
    pub async fn check_connection(&self) -> CallOutcome<ConnectionCheck> {
        match self.instance().await {
            Ok(mut instance) => {
                let outcome = instance.check_connection().await;
                self.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// Map one row: a batch of one, which is what a plugin without `map-row` is asked for. A row that can't be mapped is a
    /// permanent failure of kind `row`. No network.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn map_row(&self, columns: &[&str], row: Row<'_>) -> Result<MappedRow, CallError> {
        match self.map_row_alone(columns, Row { change: row.change, values: row.values }).await {
            Err(CallError::Failed(Failure::Permanent(problem))) if problem.kind == ProblemKind::Unsupported => {
                self.map_one(columns, row).await
            }
            answer => answer,
        }
    }

    /// The plugin's own `map-row`, which it may leave out: then it fails permanently, as `unsupported`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn map_row_alone(&self, columns: &[&str], row: Row<'_>) -> Result<MappedRow, CallError> {
        let mut instance = self.instance().await?;
        let answer = instance.map_row(columns, row).await;
        self.give_back(instance);
        answer
    }

    async fn map_one(&self, columns: &[&str], row: Row<'_>) -> Result<MappedRow, CallError> {
        let rejected = |message| {
            let problem = Problem { kind: ProblemKind::Row, message, status: None, retry_after_ms: None };
            CallError::Failed(Failure::Permanent(problem))
        };
        let read = OneRow::read(columns, &row).map_err(rejected)?;
        let mapping = self.map_batch(&read.columns(), &[row.change]).await?;
        match (mapping.batch.get(0), mapping.issues.into_iter().next()) {
            (Some(record), _) => {
                Ok(MappedRow { key: record.key.to_owned(), action: record.action, payload: record.payload.to_owned() })
            }
            (None, Some(issue)) => Err(rejected(issue.message)),
            (None, None) => Err(rejected("the row has no values".to_owned())),
        }
    }

    /// Map a batch of rows. `changes` has one entry for each row, or none: then every row is `added`. No network.
    ///
    /// # Errors
    /// See [`CallError`]. An answer in which a row is missing or stands twice is [`CallError::BadAnswer`].
    pub async fn map_batch(&self, columns: &[Column<'_>], changes: &[Change]) -> Result<Mapping, CallError> {
        let mut instance = self.instance().await?;
        let answer = instance.map_batch(columns, changes).await;
        self.give_back(instance);
        answer
    }

    /// Map Arrow rows, each column as what it is. No network.
    ///
    /// # Errors
    /// [`MapError::Column`] where a column's type has no form in the contract; otherwise see [`CallError`].
    pub async fn map(&self, rows: &RecordBatch) -> Result<Mapping, MapError> {
        let columns = Columns::new(rows, |_| Reading::Own)?;
        Ok(self.map_batch(&columns.borrowed(), &[]).await?)
    }

    /// The requests that [`Session::send_batch`] makes for these records when none is refused, byte for byte. No network.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn render_batch(&self, batch: &MappedBatch) -> Result<Vec<Request>, CallError> {
        let mut instance = self.instance().await?;
        let answer = instance.render_batch(batch).await;
        self.give_back(instance);
        answer
    }

    /// Deliver records; the plugin repeats what is worth it within its retry budget. Safe to repeat.
    ///
    /// # Errors
    /// In the outcome: [`CallError::Failed`] where nothing was accepted and nothing rejected. After any other error it is
    /// unknown which records arrived; an answer in which a record is missing or stands twice is [`CallError::BadAnswer`].
    pub async fn send_batch(&self, batch: &MappedBatch) -> CallOutcome<Report> {
        match self.instance().await {
            Ok(mut instance) => {
                let outcome = instance.send_batch(batch).await;
                self.give_back(instance);
                outcome
            }
            Err(error) => CallOutcome::not_made(error),
        }
    }

    /// Looking at what the destination holds, where the plugin can.
    #[must_use]
    pub fn inspection(&self) -> Option<Inspection> {
        self.has(OptionalInterface::Inspection).then(|| Inspection(self.clone()))
    }

    /// Creating what a sync needs, where the plugin can.
    #[must_use]
    pub fn provisioning(&self) -> Option<Provisioning> {
        self.has(OptionalInterface::Provisioning).then(|| Provisioning(self.clone()))
    }

    /// Sending with a count of what it caused, where the plugin can.
    #[must_use]
    pub fn effects(&self) -> Option<Effects> {
        self.has(OptionalInterface::Effects).then(|| Effects(self.clone()))
    }

    fn has(&self, interface: OptionalInterface) -> bool {
        self.0.pre.has(interface)
    }

    async fn instance(&self) -> Result<Instance, CallError> {
        let idle = self.idle().pop();
        if let Some(instance) = idle {
            return Ok(instance);
        }
        let Inner { runtime, pre, plugin, config, hook, .. } = &*self.0;
        Instance::start(runtime, pre, Arc::clone(plugin), config.clone(), hook.for_instance()).await
    }

    fn give_back(&self, instance: Instance) {
        if instance.is_reusable() {
            self.idle().push(instance);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        // A push or a pop can't stop halfway.
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("plugin", &self.0.plugin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
