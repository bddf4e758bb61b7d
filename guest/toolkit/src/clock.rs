//! The time, and waiting. A component's clock is the engine's; tests bring one that they move by hand.

pub(crate) const NANOSECONDS_A_SECOND: u64 = 1_000_000_000;

/// A clock that can be waited on.
pub trait Clock {
    /// Milliseconds since any fixed point; never falls.
    fn now_ms(&mut self) -> u64;

    /// Nanoseconds since 1970-01-01T00:00:00Z, as finely as the engine tells them.
    fn unix_nanoseconds(&mut self) -> u64;

    /// Seconds since 1970-01-01T00:00:00Z, to compare with dates that a server names.
    fn unix_seconds(&mut self) -> i64 {
        i64::try_from(self.unix_nanoseconds() / NANOSECONDS_A_SECOND).unwrap_or(i64::MAX)
    }

    /// Wait.
    fn sleep_ms(&mut self, milliseconds: u64);
}

#[cfg(target_family = "wasm")]
mod wasi;
#[cfg(target_family = "wasm")]
pub use self::wasi::WasiClock;
