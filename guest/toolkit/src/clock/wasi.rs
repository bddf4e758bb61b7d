//! The clock of the engine.

use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::clock::Clock;

const NANOSECONDS_A_MILLISECOND: u64 = 1_000_000;

/// wasi:clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct WasiClock;

impl Clock for WasiClock {
    fn now_ms(&mut self) -> u64 {
        monotonic_clock::now() / NANOSECONDS_A_MILLISECOND
    }

    fn unix_seconds(&mut self) -> i64 {
        i64::try_from(wall_clock::now().seconds).unwrap_or(i64::MAX)
    }

    fn sleep_ms(&mut self, milliseconds: u64) {
        monotonic_clock::subscribe_duration(milliseconds.saturating_mul(NANOSECONDS_A_MILLISECOND)).block();
    }
}
