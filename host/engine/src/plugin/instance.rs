//! One plugin at work: its calls under their limits, their answers checked, their faults told apart.
//!
//! An instance serves one call at a time and any number in a row. One that trapped, ran into a limit or was left in the
//! middle of a call is in an unknown state and is not used again: `is_reusable` says so, and
//! [`crate::plugin::session`] heeds it.

mod effects;
mod inspection;
mod provisioning;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::error::Elapsed;
use wasmtime::Store;

use crate::arrow::records::MappedBatch;
use crate::bindings::{self, Change, Column, ConfigIssue, ConnectionCheck, Descriptor, MappedRow, Request, Row};
use crate::http::hooks::{CallLog, CallTraffic, HttpHooks};
use crate::limits::Limits;
use crate::plugin::answers::{Failure, Mapping, Report};
use crate::plugin::config::PluginConfig;
use crate::plugin::exports::{Exports, ExportsPre};
use crate::plugin::runtime::Runtime;
use crate::plugin::sandbox::output::Output;
use crate::plugin::sandbox::{OutOfMemory, Sandbox};

/// A function of the plugin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as in the WIT, which describes them")]
#[non_exhaustive]
pub enum Call {
    Describe,
    ValidateConfig,
    CheckConnection,
    MapRow,
    MapBatch,
    RenderBatch,
    SendBatch,
    RouteLimits,
    Discover,
    CompareFields,
    ListKeys,
    CompareRecords,
    Plan,
    Create,
    Resolve,
    SendBatchWithEffects,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Describe => "describe",
            Self::ValidateConfig => "validate-config",
            Self::CheckConnection => "check-connection",
            Self::MapRow => "map-row",
            Self::MapBatch => "map-batch",
            Self::RenderBatch => "render-batch",
            Self::SendBatch => "send-batch",
            Self::RouteLimits => "route-limits",
            Self::Discover => "discover",
            Self::CompareFields => "compare-fields",
            Self::ListKeys => "list-keys",
            Self::CompareRecords => "compare-records",
            Self::Plan => "plan",
            Self::Create => "create",
            Self::Resolve => "resolve",
            Self::SendBatchWithEffects => "effects.send-batch",
        })
    }
}

impl Call {
    fn time(self, limits: &Limits) -> Duration {
        match self {
            Self::CheckConnection
            | Self::SendBatch
            | Self::Discover
            | Self::CompareFields
            | Self::ListKeys
            | Self::CompareRecords
            | Self::Plan
            | Self::Create
            | Self::Resolve
            | Self::SendBatchWithEffects => limits.network_call,
            Self::Describe
            | Self::ValidateConfig
            | Self::MapRow
            | Self::MapBatch
            | Self::RenderBatch
            | Self::RouteLimits => limits.pure_call,
        }
    }
}

/// What a call ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// This many bytes of memory.
    Memory(usize),
    /// This much time.
    Time(Duration),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(f, "{} MiB of memory", bytes / (1024 * 1024)),
            Self::Time(time) => write!(f, "{time:?}"),
        }
    }
}

/// A call that gave no answer to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The plugin did its work and says that the call failed, and whether it is worth another.
    #[error("{}", .0.problem().message)]
    Failed(Failure),
    /// The plugin crashed.
    #[error("{plugin} crashed in {call}: {reason}")]
    Trap {
        /// The plugin's name.
        plugin: Arc<str>,
        /// The function.
        call: Call,
        /// The engine's word for the crash, and where it was.
        reason: String,
    },
    /// The plugin used up what a call may.
    #[error("{plugin} used up the {limit} that {call} may take")]
    Limit {
        /// The plugin's name.
        plugin: Arc<str>,
        /// The function.
        call: Call,
        /// What it ran into.
        limit: Limit,
    },
    /// The plugin's answer contradicts itself or the question.
    #[error("{plugin} gave a wrong answer to {call}: {reason}")]
    BadAnswer {
        /// The plugin's name.
        plugin: Arc<str>,
        /// The function.
        call: Call,
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin could not be started.
    #[error("can't start {plugin}: {reason}")]
    Start {
        /// The plugin's name.
        plugin: Arc<str>,
        /// What the engine says.
        reason: String,
    },
}

/// How a call that sends ended, and what it did on the wire.
#[derive(Debug)]
pub struct CallOutcome<T> {
    /// The plugin's answer, or why there is none.
    pub answer: Result<T, CallError>,
    /// What the host saw of it.
    pub traffic: CallTraffic,
}

impl<T> CallOutcome<T> {
    /// There was no instance to call.
    pub(crate) fn not_made(error: CallError) -> Self {
        Self { answer: Err(error), traffic: CallTraffic::default() }
    }
}

/// A plugin with its own memory and a config.
pub(crate) struct Instance {
    store: Store<Sandbox>,
    exports: Exports,
    plugin: Arc<str>,
    config: PluginConfig,
    limits: Arc<Limits>,
    call: CallLog,
    /// False from the start of a call until it ended well.
    healthy: bool,
}

impl Instance {
    /// An instance for the calls that need no network.
    pub(crate) async fn offline(
        runtime: &Runtime,
        pre: &ExportsPre,
        plugin: Arc<str>,
        config: PluginConfig,
    ) -> Result<Self, CallError> {
        Self::start(runtime, pre, plugin, config, HttpHooks::offline(runtime.limits())).await
    }

    pub(crate) async fn start(
        runtime: &Runtime,
        pre: &ExportsPre,
        plugin: Arc<str>,
        config: PluginConfig,
        hook: HttpHooks,
    ) -> Result<Self, CallError> {
        let limits = runtime.limits();
        let call = hook.call_log();
        let output = Output::new(runtime.plugin_output(), config.redaction().clone());
        let mut store = Store::new(runtime.engine(), Sandbox::new(&limits, hook, output));
        store.limiter(Sandbox::limiter);
        // A plugin that computes gives way at each tick, so that the time-out around its call gets to run.
        store.epoch_deadline_async_yield_and_update(1);
        // Starting runs code of the plugin's, within the same time as a call.
        let started = tokio::time::timeout(limits.pure_call, pre.instantiate(&mut store)).await;
        let reason = match started {
            Ok(Ok(exports)) => return Ok(Self { store, exports, plugin, config, limits, call, healthy: true }),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("it took more than {:?}", limits.pure_call),
        };
        Err(CallError::Start { plugin, reason })
    }

    pub(crate) async fn describe(&mut self) -> Result<Descriptor, CallError> {
        let time = self.begin(Call::Describe);
        let answer = self.exports.destination.call_describe(&mut self.store);
        let answer = tokio::time::timeout(time, answer).await;
        self.end(Call::Describe, answer)
    }

    pub(crate) async fn validate_config(&mut self) -> Result<Vec<ConfigIssue>, CallError> {
        let time = self.begin(Call::ValidateConfig);
        let exports = &self.exports.destination;
        let answer = exports.call_validate_config(&mut self.store, self.config.json());
        let answer = tokio::time::timeout(time, answer).await;
        let mut issues = self.end(Call::ValidateConfig, answer)?;
        self.sanitize_issues(&mut issues);
        Ok(issues)
    }

    fn sanitize_issues(&self, issues: &mut [ConfigIssue]) {
        for issue in issues {
            self.config.sanitize(&mut issue.message);
            issue.hint.iter_mut().for_each(|hint| self.config.sanitize(hint));
        }
    }

    pub(crate) async fn check_connection(&mut self) -> CallOutcome<ConnectionCheck> {
        let answer = self.ask_for_check().await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_for_check(&mut self) -> Result<ConnectionCheck, CallError> {
        let time = self.begin(Call::CheckConnection);
        let exports = &self.exports.destination;
        let answer = exports.call_check_connection(&mut self.store, self.config.json());
        let answer = within(time, &self.call, answer).await;
        let mut check = self.end(Call::CheckConnection, answer)?;
        check.verified.iter_mut().chain(&mut check.unverified).for_each(|text| self.config.sanitize(text));
        Ok(check)
    }

    pub(crate) async fn map_row(&mut self, columns: &[&str], row: Row<'_>) -> Result<MappedRow, CallError> {
        let time = self.begin(Call::MapRow);
        let exports = &self.exports.destination;
        let answer = exports.call_map_row(&mut self.store, self.config.json(), columns, row);
        let answer = tokio::time::timeout(time, answer).await;
        self.end(Call::MapRow, answer)
    }

    pub(crate) async fn map_batch(&mut self, columns: &[Column<'_>], changes: &[Change]) -> Result<Mapping, CallError> {
        let rows = columns.first().map_or(changes.len(), |column| column.values.len());
        let time = self.begin(Call::MapBatch);
        let exports = &self.exports.destination;
        let answer = exports.call_map_batch(&mut self.store, self.config.json(), columns, changes);
        let answer = tokio::time::timeout(time, answer).await;
        let answer = self.end(Call::MapBatch, answer)?;
        let mut mapping = self.checked(Call::MapBatch, Mapping::from_answer(answer, rows))?;
        for issue in &mut mapping.issues {
            self.config.sanitize(&mut issue.message);
            self.config.sanitize(&mut issue.code);
        }
        Ok(mapping)
    }

    pub(crate) async fn render_batch(&mut self, batch: &MappedBatch) -> Result<Vec<Request>, CallError> {
        let time = self.begin(Call::RenderBatch);
        let exports = &self.exports.destination;
        let answer = exports.call_render_batch(&mut self.store, self.config.json(), batch.as_param());
        let answer = tokio::time::timeout(time, answer).await;
        self.end(Call::RenderBatch, answer)
    }

    pub(crate) async fn send_batch(&mut self, batch: &MappedBatch) -> CallOutcome<Report> {
        self.store.data().hook().begin_call(batch.len(), batch.payload_bytes());
        let answer = self.ask_to_send(batch).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_send(&mut self, batch: &MappedBatch) -> Result<Report, CallError> {
        let time = self.begin(Call::SendBatch);
        let exports = &self.exports.destination;
        let answer = exports.call_send_batch(&mut self.store, self.config.json(), batch.as_param());
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(Call::SendBatch, answer)?;
        let mut report = self.checked(Call::SendBatch, Report::from_answer(answer, batch.len()))?;
        self.sanitize_report(&mut report);
        Ok(report)
    }

    fn sanitize_report(&self, report: &mut Report) {
        for rejection in &mut report.rejected {
            self.config.sanitize(&mut rejection.message);
            self.config.sanitize(&mut rejection.code);
        }
        if let Some(undelivered) = &mut report.undelivered {
            self.sanitize(&mut undelivered.failure);
        }
    }

    /// Whether the instance can be used for another call.
    pub(crate) fn is_reusable(&self) -> bool {
        self.healthy && self.store.data().memory_used() <= self.limits.kept_memory
    }

    /// The plugin's optional interface that a call is of. A session hands out no such call where it is not there.
    fn has<'a, T>(&self, call: Call, interface: &'a Option<T>) -> Result<&'a T, CallError> {
        let missing = || CallError::BadAnswer {
            plugin: Arc::clone(&self.plugin),
            call,
            reason: "it does not export the interface of this function".to_owned(),
        };
        interface.as_ref().ok_or_else(missing)
    }

    fn begin(&mut self, call: Call) -> Duration {
        self.healthy = false;
        self.store.set_epoch_deadline(1);
        call.time(&self.limits)
    }

    fn end<T>(
        &mut self,
        call: Call,
        answer: Result<wasmtime::Result<Result<T, bindings::Failure>>, Elapsed>,
    ) -> Result<T, CallError> {
        let plugin = Arc::clone(&self.plugin);
        match answer {
            Ok(Ok(Ok(answer))) => {
                self.healthy = true;
                Ok(answer)
            }
            Ok(Ok(Err(failure))) => {
                self.healthy = true;
                let mut failure = self.checked(call, Failure::from_answer(failure))?;
                self.sanitize(&mut failure);
                Err(CallError::Failed(failure))
            }
            Ok(Err(trap)) => Err(match trap.downcast_ref::<OutOfMemory>() {
                Some(OutOfMemory { limit }) => CallError::Limit { plugin, call, limit: Limit::Memory(*limit) },
                None => {
                    let mut reason = format!("{trap:#}");
                    self.config.sanitize(&mut reason);
                    CallError::Trap { plugin, call, reason }
                }
            }),
            Err(_) => Err(CallError::Limit { plugin, call, limit: Limit::Time(call.time(&self.limits)) }),
        }
    }

    /// An instance that answers nonsense is not asked again.
    fn checked<T>(&mut self, call: Call, answer: Result<T, String>) -> Result<T, CallError> {
        answer.map_err(|mut reason| {
            self.healthy = false;
            self.config.sanitize(&mut reason);
            CallError::BadAnswer { plugin: Arc::clone(&self.plugin), call, reason }
        })
    }

    fn sanitize(&self, failure: &mut Failure) {
        let (Failure::Transient(problem) | Failure::Permanent(problem)) = failure;
        self.config.sanitize(&mut problem.message);
    }
}

/// The end of a call, or that it took longer than `time` without an answer to one of its requests.
async fn within<T>(time: Duration, log: &CallLog, call: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut call = std::pin::pin!(call);
    loop {
        let before = log.ended();
        match tokio::time::timeout(time, call.as_mut()).await {
            Err(_) if log.ended() != before => {}
            ended => return ended,
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("plugin", &self.plugin).field("healthy", &self.healthy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
