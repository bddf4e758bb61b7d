//! Problems as the border knows them, and the text of their messages.

pub(crate) mod quote;
pub(crate) mod suggest;

use crate::bindings::exports::etl::destination::destination::{Failure, Problem, ProblemKind};

/// A problem without an HTTP answer behind it.
pub(crate) fn problem(kind: ProblemKind, message: impl Into<String>) -> Problem {
    Problem { kind, message: message.into(), status: None, retry_after_ms: None }
}

/// The config is not valid, or does not fit the rows.
pub(crate) fn configuration(message: impl Into<String>) -> Failure {
    Failure::Permanent(problem(ProblemKind::Configuration, message))
}

/// What was handed over cannot come from this plugin and a working engine.
pub(crate) fn internal(message: impl Into<String>) -> Failure {
    Failure::Permanent(problem(ProblemKind::Internal, message))
}

/// Parts of a message, joined. What a server says may end in a full stop: that is dropped here, and only here.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn joined(between: &str, parts: &[&str]) -> String {
    let mut whole = String::new();
    for part in parts {
        let part = part.trim().trim_end_matches([' ', '.', ';', ':', ',']);
        if !whole.is_empty() && !part.is_empty() {
            whole.push_str(between);
        }
        whole.push_str(part);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_joined_once() {
        for (parts, whole) in [
            (["it said: no such attribute.", "create it first"], "it said: no such attribute; create it first"),
            (["it said: no; ", "create it first..."], "it said: no; create it first"),
            (["", "create it first"], "create it first"),
            (["why? ", ". "], "why?"),
        ] {
            assert_eq!(joined("; ", &parts), whole);
        }
    }
}
