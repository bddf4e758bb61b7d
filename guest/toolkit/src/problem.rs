//! Problems as the border knows them, and the text of their messages.

pub mod quote;
pub mod suggest;

use crate::bindings::{Failure, Problem, ProblemKind};

/// A problem without an HTTP answer behind it.
#[must_use]
pub fn problem(kind: ProblemKind, message: impl Into<String>) -> Problem {
    Problem { kind, message: message.into(), status: None, retry_after_ms: None }
}

/// The config is not valid, or does not fit the rows.
#[must_use]
pub fn configuration(message: impl Into<String>) -> Failure {
    Failure::Permanent(problem(ProblemKind::Configuration, message))
}

/// What was handed over cannot come from this plugin and a working engine.
#[must_use]
pub fn internal(message: impl Into<String>) -> Failure {
    Failure::Permanent(problem(ProblemKind::Internal, message))
}

/// Parts of a message, joined. What a server says may end in a full stop: that is dropped here, and only here.
#[must_use]
pub fn joined(between: &str, parts: &[&str]) -> String {
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

/// A time as people say it: `300 ms`, `5 min`.
#[must_use]
pub fn duration(milliseconds: u64) -> String {
    for (unit, name) in [(3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
        if milliseconds >= unit && milliseconds.is_multiple_of(unit) {
            return format!("{} {name}", milliseconds / unit);
        }
    }
    format!("{milliseconds} ms")
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

    #[test]
    fn durations_are_shown_in_their_unit() {
        for (milliseconds, shown) in
            [(0, "0 ms"), (300, "300 ms"), (1_000, "1 s"), (90_000, "90 s"), (300_000, "5 min"), (86_400_000, "24 h")]
        {
            assert_eq!(duration(milliseconds), shown);
        }
    }
}
