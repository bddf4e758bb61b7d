//! The time, and waiting. A component's clock is the engine's; tests bring one that they move by hand.

/// A clock that can be waited on.
pub trait Clock {
    /// Milliseconds since any fixed point; never falls.
    fn now_ms(&mut self) -> u64;

    /// Seconds since 1970-01-01T00:00:00Z, to compare with dates that a server names.
    fn unix_seconds(&mut self) -> i64;

    /// Wait.
    fn sleep_ms(&mut self, milliseconds: u64);
}

#[cfg(target_family = "wasm")]
mod wasi;
#[cfg(target_family = "wasm")]
pub use self::wasi::WasiClock;
