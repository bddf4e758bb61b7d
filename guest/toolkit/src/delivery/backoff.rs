//! The waits between the attempts of one call.

use super::message;
use super::retry::{self, Decision, Jitter, Retry};
use crate::bindings::{Failure, Problem};
use crate::clock::Clock;
use crate::problem::joined;

/// What is left of a call's budget for repeating requests.
#[derive(Debug)]
pub struct Backoff {
    retry: Retry,
    /// When the call began, by the clock.
    started: u64,
    jitter: Jitter,
}

impl Backoff {
    /// For a call that began at this time, by the clock. Workers that begin together get other seeds.
    #[must_use]
    pub fn new(retry: &Retry, seed: u64, started: u64) -> Self {
        Self { retry: *retry, started, jitter: Jitter::new(seed) }
    }

    /// Wait before another attempt, after so many of a request.
    ///
    /// # Errors
    /// There is no other one: the problem, and why.
    pub fn wait(&mut self, attempts: u64, problem: &Problem, clock: &mut dyn Clock) -> Result<(), Failure> {
        let now = clock.now_ms();
        let asked = problem.retry_after_ms;
        let elapsed = now.saturating_sub(self.started);
        let ended = match retry::decide(&self.retry, attempts, elapsed, asked, &mut self.jitter) {
            Decision::GiveUp(reason) => message::gave_up(&self.retry, reason, asked),
            Decision::Wait(milliseconds) => {
                clock.sleep_ms(milliseconds);
                // An engine that ends its run ends all waits at once. Going on would repeat without a pause.
                let slept = clock.now_ms().saturating_sub(now);
                if slept >= milliseconds / 2 {
                    return Ok(());
                }
                message::wait_ended().to_owned()
            }
        };
        Err(Failure::Transient(ended_by(problem, &ended)))
    }
}

/// A problem that ended the attempts, and why nothing more was attempted.
pub(super) fn ended_by(problem: &Problem, why: &str) -> Problem {
    Problem { message: joined("; ", &[problem.message.as_str(), why]), ..problem.clone() }
}
