//! The clock of the engine.

use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::clock::{Clock, NANOSECONDS_A_SECOND};

const NANOSECONDS_A_MILLISECOND: u64 = 1_000_000;

/// wasi:clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct WasiClock;

impl Clock for WasiClock {
    fn now_ms(&mut self) -> u64 {
        monotonic_clock::now() / NANOSECONDS_A_MILLISECOND
    }

    fn unix_nanoseconds(&mut self) -> u64 {
        let now = wall_clock::now();
        now.seconds.saturating_mul(NANOSECONDS_A_SECOND).saturating_add(u64::from(now.nanoseconds))
    }

    fn sleep_ms(&mut self, milliseconds: u64) {
        monotonic_clock::subscribe_duration(milliseconds.saturating_mul(NANOSECONDS_A_MILLISECOND)).block();
    }
}
