//! When a failed request gets another attempt, and how long to wait before it. Pure: time comes in as numbers.
//!
//! The rules, all times in milliseconds since the call began:
//!
//! - one request is attempted at most `max_attempts` times;
//! - no wait ends later than `max_elapsed`; a request that needs no wait is always made;
//! - the own wait before attempt n+1 is drawn evenly from 0 to `initial_backoff · 2ⁿ⁻¹`, at most `max_backoff`: workers
//!   that failed together do not come back together;
//! - if the server named a time, the own wait is added to it: never earlier than asked, and still not all at once.

use serde_json::Value;

use crate::config::{Issue, Issues, Table, wrong_type};

/// How often and how long a transient failure is retried. All times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts for one request, the first among them.
    pub max_attempts: u64,
    /// The longest wait before the second attempt; it doubles from there.
    pub initial_backoff: u64,
    /// The longest wait of the plugin's own.
    pub max_backoff: u64,
    /// For the whole call: no wait ends later than this after its start.
    pub max_elapsed: u64,
}

/// The keys of `retry`.
pub const KEYS: [&str; 4] = ["max_attempts", "initial_backoff_ms", "max_backoff_ms", "max_elapsed_ms"];

impl Retry {
    /// Where a config says nothing.
    pub const DEFAULT: Self = Self { max_attempts: 5, initial_backoff: 500, max_backoff: 30_000, max_elapsed: 300_000 };

    /// The setting `retry` of a config: an object of the four, each with a default.
    #[must_use]
    pub fn read(table: &Table<'_>, issues: &mut Issues) -> Self {
        let empty = serde_json::Map::new();
        let entries = match table.get("retry") {
            None => &empty,
            Some(Value::Object(entries)) => entries,
            Some(other) => {
                issues.push(
                    "retry",
                    wrong_type(other, "{max_attempts, initial_backoff_ms, max_backoff_ms, max_elapsed_ms}"),
                );
                &empty
            }
        };
        let table = Table::new(table.path("retry"), entries);
        table.reject_unknown(&KEYS, issues);
        // The upper bounds keep a slip of the pen from making a sync hang for days, and a call within what engines give it.
        let retry = Self {
            max_attempts: table.integer("max_attempts", 1..=100, Self::DEFAULT.max_attempts, issues),
            initial_backoff: table.integer("initial_backoff_ms", 0..=600_000, Self::DEFAULT.initial_backoff, issues),
            max_backoff: table.integer("max_backoff_ms", 0..=3_600_000, Self::DEFAULT.max_backoff, issues),
            max_elapsed: table.integer("max_elapsed_ms", 0..=3_600_000, Self::DEFAULT.max_elapsed, issues),
        };
        if retry.max_backoff < retry.initial_backoff {
            let issue = Issue::new(format!(
                "is {}: expected at least initial_backoff_ms, {}",
                retry.max_backoff, retry.initial_backoff
            ));
            issues.push(table.path("max_backoff_ms"), issue);
        }
        retry
    }
}

/// What to do after a transient failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again after so many milliseconds.
    Wait(u64),
    /// Stop.
    GiveUp(GiveUpReason),
}

/// Why the attempts end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUpReason {
    /// There were enough of them.
    Attempts,
    /// The time is spent.
    Time,
    /// The server asks for more time than is left.
    RetryAfter,
}

/// Decide after attempt number `attempts` of a request failed, `elapsed` milliseconds into the call.
#[must_use]
pub fn decide(retry: &Retry, attempts: u64, elapsed: u64, retry_after: Option<u64>, jitter: &mut Jitter) -> Decision {
    let asked = retry_after.unwrap_or(0);
    let left = retry.max_elapsed.saturating_sub(elapsed);
    if asked > left {
        return Decision::GiveUp(GiveUpReason::RetryAfter);
    }
    if attempts >= retry.max_attempts {
        return Decision::GiveUp(GiveUpReason::Attempts);
    }
    if left == 0 {
        return Decision::GiveUp(GiveUpReason::Time);
    }
    Decision::Wait(asked + jitter.up_to(ceiling(retry, attempts)).min(left - asked))
}

/// The longest own wait after so many attempts.
fn ceiling(retry: &Retry, attempts: u64) -> u64 {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    retry.initial_backoff.saturating_mul(factor).min(retry.max_backoff)
}

/// Numbers that differ from worker to worker. They spread load and guard nothing, so a seed from the clock is enough.
#[derive(Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An even draw from 0 to `ceiling`, both included.
    fn up_to(&mut self, ceiling: u64) -> u64 {
        // The product's upper half lies below the second factor.
        let product = u128::from(self.next()) * (u128::from(ceiling) + 1);
        u64::try_from(product >> 64).unwrap_or(ceiling)
    }

    /// The next number of the SplitMix64 sequence.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RETRY: Retry = Retry { max_attempts: 5, initial_backoff: 500, max_backoff: 30_000, max_elapsed: 300_000 };

    fn decided(attempts: u64, elapsed: u64, retry_after: Option<u64>) -> Decision {
        decide(&RETRY, attempts, elapsed, retry_after, &mut Jitter::new(1))
    }

    #[test]
    fn the_ceiling_doubles_up_to_its_bound() {
        let ceilings: Vec<u64> = (1..=9).map(|attempts| ceiling(&RETRY, attempts)).collect();
        assert_eq!(ceilings, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(ceiling(&RETRY, u64::MAX), 30_000);
    }

    #[test]
    fn attempts_and_time_end() {
        assert!(matches!(decided(4, 0, None), Decision::Wait(_)));
        assert_eq!(decided(5, 0, None), Decision::GiveUp(GiveUpReason::Attempts));
        assert!(matches!(decided(1, 299_999, None), Decision::Wait(0 | 1)));
        assert_eq!(decided(1, 300_000, None), Decision::GiveUp(GiveUpReason::Time));
        assert_eq!(decided(1, u64::MAX, None), Decision::GiveUp(GiveUpReason::Time));
    }

    #[test]
    fn a_server_that_asks_for_too_much_ends_the_call() {
        assert!(matches!(decided(1, 100_000, Some(200_000)), Decision::Wait(200_000)));
        assert_eq!(decided(1, 100_001, Some(200_000)), Decision::GiveUp(GiveUpReason::RetryAfter));
        assert_eq!(decided(1, 0, Some(u64::MAX)), Decision::GiveUp(GiveUpReason::RetryAfter));
        // What the server asks for is not cut down to the own bound.
        assert!(matches!(decided(1, 0, Some(120_000)), Decision::Wait(120_000..=120_500)));
    }

    #[test]
    fn draws_are_spread_over_the_whole_range() {
        let mut jitter = Jitter::new(7);
        let mut counts = [0_u32; 4];
        for _ in 0..4_000 {
            counts[usize::try_from(jitter.up_to(3)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (900..=1_100).contains(count)), "{counts:?}");
        assert_eq!(Jitter::new(7).up_to(0), 0);
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_bounds(
            seed: u64,
            attempts in 1..200_u64,
            elapsed in 0..600_000_u64,
            retry_after in proptest::option::of(0..600_000_u64),
            max_attempts in 1..100_u64,
            initial_backoff in 0..60_000_u64,
            more in 0..60_000_u64,
            max_elapsed in 0..600_000_u64,
        ) {
            let retry = Retry { max_attempts, initial_backoff, max_backoff: initial_backoff + more, max_elapsed };
            if let Decision::Wait(wait) = decide(&retry, attempts, elapsed, retry_after, &mut Jitter::new(seed)) {
                let asked = retry_after.unwrap_or(0);
                prop_assert!(attempts < max_attempts);
                prop_assert!(wait >= asked);
                prop_assert!(wait - asked <= retry.max_backoff);
                prop_assert!(elapsed + wait <= max_elapsed);
            }
        }

        #[test]
        fn a_draw_is_never_above_its_ceiling(seed: u64, ceiling: u64) {
            prop_assert!(Jitter::new(seed).up_to(ceiling) <= ceiling);
        }
    }
}
