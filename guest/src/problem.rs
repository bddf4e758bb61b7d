//! Problems as the border knows them, made in one place.

use crate::bindings::exports::etl::destination::destination::{Failure, Problem, ProblemKind};

/// A problem without an HTTP answer behind it.
pub(crate) fn problem(kind: ProblemKind, message: impl Into<String>) -> Problem {
    Problem { kind, message: message.into(), status: None, retry_after_ms: None }
}

/// The config is not valid, or does not fit the rows.
pub(crate) fn configuration(message: impl Into<String>) -> Failure {
    Failure::Permanent(problem(ProblemKind::Configuration, message))
}

/// What was handed over cannot be what this plugin or a sound engine made.
pub(crate) fn internal(message: impl Into<String>) -> Failure {
    Failure::Permanent(problem(ProblemKind::Internal, message))
}
