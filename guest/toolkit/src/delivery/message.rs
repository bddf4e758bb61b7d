//! Messages about a delivery: why it ended, and which record is too large.

use super::retry::{GiveUpReason, Retry};
use crate::http::retry_after::LONGEST_MS;
use crate::problem::{duration, joined};

/// Why nothing more is attempted. `asked` is the wait that the server asked for.
pub(super) fn gave_up(retry: &Retry, reason: GiveUpReason, asked: Option<u64>) -> String {
    match reason {
        GiveUpReason::Attempts if retry.max_attempts == 1 => "not retried: retry.max_attempts is 1".to_owned(),
        GiveUpReason::Attempts => format!("given up after {} attempts (retry.max_attempts)", retry.max_attempts),
        GiveUpReason::Time => format!("given up after {} (retry.max_elapsed_ms)", duration(retry.max_elapsed)),
        GiveUpReason::RetryAfter => format!(
            "it asked to wait {} (Retry-After), longer than what is left of the {} of retry.max_elapsed_ms",
            asked.map_or_else(String::new, retry_after),
            duration(retry.max_elapsed)
        ),
    }
}

/// The engine ended a wait: it is about to end the run.
pub(super) fn wait_ended() -> &'static str {
    "not retried: the engine ended the wait before the next attempt"
}

/// The engine, a proxy or the network blocked the next attempt.
pub(super) fn retry_blocked(denied: &str) -> String {
    format!("the next attempt was blocked: {denied}")
}

fn retry_after(milliseconds: u64) -> String {
    let more = if milliseconds >= LONGEST_MS { " or more" } else { "" };
    duration(milliseconds) + more
}

/// A record that is larger than any request of this plugin's.
pub(super) fn too_large(bytes: usize) -> String {
    format!("the record takes {bytes} bytes, more than a request may have: shorten its values or map fewer columns")
}

/// For a record that was not sent, as a later one has its ID.
pub(super) fn about_the_last(message: &str) -> String {
    joined("; ", &[message, "this is about the last row with this ID in the batch: only that one is sent"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_at_the_limit_may_be_longer() {
        assert_eq!(retry_after(300_000), "5 min");
        assert_eq!(retry_after(LONGEST_MS), "24 h or more");
    }
}
