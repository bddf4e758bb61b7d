//! What stops a run, in the report's words.

use std::path::Path;

use super::mapper::Mapped;
use crate::bindings::ProblemKind;
use crate::instance::CallError;
use crate::outgoing::Traffic;
use crate::report::Failure;
use crate::source::SourceError;
use crate::state::StateError;

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: None, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Someone asked for a stop.
    pub(crate) fn interrupted(reason: &str) -> Self {
        Self::new("interrupted", format!("stopped by {reason}; what was in flight was finished and recorded"))
            .hint("run the same command again to deliver the rest")
    }

    /// The dead letters can't be written.
    pub(crate) fn dead_letters(error: &std::io::Error) -> Self {
        Self::new("dead-letters", format!("the dead letters cannot be written: {error}"))
            .hint("check that the disk is not full; rows that were rejected since are sent again by the next run")
    }

    /// A file of the run can't be written, now that the rows are through.
    pub(crate) fn output(path: &Path, error: &std::io::Error) -> Self {
        Self::new("output", format!("{} cannot be written: {error}", path.display()))
            .hint("the rows are where the summary says; only the file is missing")
    }

    /// The engine's own fault.
    pub(crate) fn engine(what: impl Into<String>) -> Self {
        Self::new("internal", what)
    }

    /// A plugin's problem, or that of the sandbox around it.
    pub(crate) fn call(error: &CallError, traffic: Option<&Traffic>) -> Self {
        match error {
            CallError::Failed(failure) => Self::plugin(failure, traffic),
            CallError::Trap { .. }
            | CallError::Limit { .. }
            | CallError::BadAnswer { .. }
            | CallError::Start { .. } => Self::new("plugin", error.to_string())
                .hint("this is a fault of the plugin; records in its hands are sent again by the next run"),
        }
    }

    /// A plugin's own verdict.
    pub(crate) fn plugin(failure: &crate::answers::Failure, traffic: Option<&Traffic>) -> Self {
        let problem = failure.problem();
        let mut failed = Self::new(kind_name(problem.kind), problem.message.clone());
        if matches!(problem.kind, ProblemKind::Connection | ProblemKind::Timeout) {
            // The plugin sees that there was no connection; why, the host's client knows.
            failed.cause = traffic.and_then(Traffic::last_fault);
        }
        if failure.is_transient() {
            failed.hint("run the same command again later; to send a row twice does no harm")
        } else {
            failed
        }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::new("state", error.to_string()).hint(error.hint())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { kind: "source", message: error.to_string(), cause: None, hint: error.hint }
    }
}

impl Mapped {
    /// Why the rows ended before their end, and how many were lost over it.
    pub(crate) fn into_failure(self) -> Option<(Failure, usize)> {
        match self {
            Self::Rows(..) | Self::End => None,
            Self::Source(error) => Some((error.into(), 0)),
            Self::Column(error, rows) => Some((Failure::new("configuration", error.to_string()), rows)),
            Self::Call(error, rows) => Some((Failure::call(&error, None), rows)),
        }
    }
}

/// A kind's name in a report: as in the contract.
fn kind_name(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Configuration => "configuration",
        ProblemKind::Row => "row",
        ProblemKind::Authentication => "authentication",
        ProblemKind::NotFound => "not-found",
        ProblemKind::Refused => "refused",
        ProblemKind::Connection => "connection",
        ProblemKind::Timeout => "timeout",
        ProblemKind::RateLimited => "rate-limited",
        ProblemKind::Server => "server",
        ProblemKind::Internal => "internal",
    }
}
