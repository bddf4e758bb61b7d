//! What stops a run, in the report's words.

use std::path::Path;

use super::Error;
use super::mapper::Mapped;
use crate::human_format::{count, counted};
use crate::report::{Counts, Failure, FailureKind, Rejections};
use crate::source::SourceError;
use crate::state::StateError;
use crate::sync_file::SyncName;
use crate::sync_file::threshold::Threshold;
use destination_engine::bindings::ProblemKind;
use destination_engine::plugin::instance::CallError;
use destination_engine::stop::Stop;

impl Failure {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: None, hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A run that could not begin.
    pub(crate) fn not_begun(error: &Error) -> Self {
        let kind = match error {
            Error::Faults(_) | Error::Files(_) | Error::Config(_) => FailureKind::Configuration,
            Error::Destination(failure) => failure.kind,
            Error::NotThere { .. } => FailureKind::NotFound,
            Error::Source(_) => FailureKind::Source,
            Error::State(_) => FailureKind::State,
            Error::Output { .. } | Error::Outcomes(_) => FailureKind::Output,
            Error::Interrupted(_) => FailureKind::Interrupted,
            Error::Engine(_) => FailureKind::Internal,
        };
        match error {
            Error::Faults(faults) | Error::Files(faults) => {
                let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                let hint = faults.iter().find_map(|fault| fault.hint.clone());
                Self { hint, ..Self::new(kind, told.join("; ")) }
            }
            Error::Source(error) => error.clone().into(),
            Error::Destination(failure) => failure.clone(),
            Error::State(error) => Self::new(kind, error.to_string()).hint(error.hint()),
            _ => Self::new(kind, error.to_string()),
        }
    }

    /// A sync that this one goes after failed.
    pub(crate) fn skipped(failed: &SyncName) -> Self {
        Self::new(FailureKind::Skipped, format!("skipped: it goes after `{failed}`, which failed"))
            .hint("fix that one, then run again with --failed")
    }

    /// Someone asked for a stop.
    pub(crate) fn interrupted(reason: &str) -> Self {
        Self::new(FailureKind::Interrupted, format!("stopped by {reason}; what was confirmed is recorded"))
            .hint("run the same command again to deliver the rest")
    }

    /// What is to be said of a failure once a stop was asked for: a call that did not succeed then was not let.
    pub(crate) fn after(self, stop: &Stop) -> Self {
        match stop.asked() {
            None => self,
            Some(reason) => Self::interrupted(reason),
        }
    }

    /// More rows were rejected than may be.
    pub(crate) fn too_many_rejected(counts: &Counts, max: Threshold, commonest: Option<&Rejections>) -> Self {
        let mut message = format!(
            "{} rejected, more than limits.max_rejected allows ({} and a share of {})",
            counted(counts.rejected, "row"),
            count(max.count.into()),
            max.ratio
        );
        if let Some(reason) = commonest {
            let rows = counted(reason.rows, "row");
            message.push_str(&format!("; most often: {} ({rows}): {}", reason.code, reason.message));
        }
        Self::new(FailureKind::TooManyRejected, message)
            .hint("fix the cause and run again; if so many rejected rows are expected, raise limits.max_rejected")
    }

    /// The dead letters can't be written.
    pub(crate) fn dead_letters(error: &std::io::Error) -> Self {
        Self::new(FailureKind::DeadLetters, format!("the dead letters cannot be written: {error}"))
            .hint("check that the disk is not full; rows that were rejected since are sent again by the next run")
    }

    /// What happened to each row can't be written, or not where it was wanted.
    pub(crate) fn outcomes(message: String) -> Self {
        Self::new(FailureKind::Output, message)
            .hint("what the summary says was delivered was; only the lines about it are missing or elsewhere")
    }

    /// A file of the run can't be written, now that the rows are through.
    pub(crate) fn output(path: &Path, error: &std::io::Error) -> Self {
        Self::new(FailureKind::Output, format!("{} cannot be written: {error}", path.display()))
            .hint("the rows are where the summary says; only the file is missing")
    }

    /// The engine's own fault.
    pub(crate) fn engine(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, what)
    }

    /// A plugin's problem, or that of the sandbox around it.
    pub(crate) fn call(work: Work, error: &CallError, cause: Option<String>) -> Self {
        match error {
            CallError::Failed(failure) => Self::plugin(work, failure, cause),
            _ => Self::new(FailureKind::Plugin, error.to_string()).hint(match work {
                Work::Sending => "this is a fault of the plugin; records in its hands are sent again by the next run",
                Work::Asking => "this is a fault of the plugin",
            }),
        }
    }

    /// A plugin's own verdict.
    pub(crate) fn plugin(
        work: Work,
        failure: &destination_engine::plugin::answers::Failure,
        cause: Option<String>,
    ) -> Self {
        let problem = failure.problem();
        let mut failed = Self::new(problem.kind.into(), problem.message.clone());
        if matches!(problem.kind, ProblemKind::Connection | ProblemKind::Timeout) {
            // The plugin sees that there was no connection; why, the host's client knows.
            failed.cause = cause;
        }
        if failure.is_transient() {
            failed.hint(match work {
                Work::Sending => "run the same command again later; to send a row twice does no harm",
                Work::Asking => "run the same command again later",
            })
        } else {
            failed
        }
    }
}

/// What a plugin was at when it failed, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Mapping or sending rows.
    Sending,
    /// Looking at what the destination holds, or preparing it: no row is on its way.
    Asking,
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::new(FailureKind::State, error.to_string()).hint(error.hint())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { kind: FailureKind::Source, message: error.to_string(), cause: None, hint: error.hint }
    }
}

impl Mapped {
    /// Why the rows ended before their end, and how many were lost over it.
    pub(crate) fn into_failure(self) -> Option<(Failure, usize)> {
        match self {
            Self::Rows(..) | Self::End(_) => None,
            Self::Source(error) => Some((error.into(), 0)),
            Self::Column(error, rows) => Some((Failure::new(FailureKind::Configuration, error.to_string()), rows)),
            Self::Call(error, rows) => Some((Failure::call(Work::Sending, &error, None), rows)),
        }
    }
}

impl From<ProblemKind> for FailureKind {
    fn from(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Configuration => Self::Configuration,
            ProblemKind::Row => Self::Row,
            ProblemKind::Authentication => Self::Authentication,
            ProblemKind::NotFound => Self::NotFound,
            ProblemKind::Refused => Self::Refused,
            ProblemKind::Connection => Self::Connection,
            ProblemKind::Timeout => Self::Timeout,
            ProblemKind::RateLimited => Self::RateLimited,
            ProblemKind::Server => Self::Server,
            // Only `map-row` may answer so, and a run does not call it.
            ProblemKind::Unsupported | ProblemKind::Internal => Self::Internal,
        }
    }
}
