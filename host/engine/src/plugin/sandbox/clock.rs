//! A plugin's monotonic clock: WASI's own, except that a wait ends at once when a stop is asked for.
//!
//! A plugin waits between attempts, and as long as a server asks it to. Nothing tells it that the run is over; so its
//! waits end, and its next request is not let out ([`crate::http::hooks`]).

use std::time::Duration;

use tokio::time::Instant;
use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::clocks::WasiClocksCtxView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::stop::Stop;

/// The store's clocks, and what ends their waits.
pub(crate) struct Clock<'a> {
    pub(crate) wasi: WasiClocksCtxView<'a>,
    pub(crate) stop: Stop,
}

/// Names this view of the store for the linker.
pub(crate) struct Clocks;

impl HasData for Clocks {
    type Data<'a> = Clock<'a>;
}

impl monotonic_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.wasi.now()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.wasi.resolution()
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.wasi.now()?;
        self.subscribe_duration(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        // A time so far away that it can't be said never comes.
        let until = Instant::now().checked_add(Duration::from_nanos(nanoseconds));
        let wait = self.wasi.table.push(Wait { until, stop: self.stop.clone() })?;
        subscribe(self.wasi.table, wait)
    }
}

/// A point in time, or a stop that comes before it.
struct Wait {
    until: Option<Instant>,
    stop: Stop,
}

#[async_trait]
impl Pollable for Wait {
    async fn ready(&mut self) {
        // A plugin that asks again and again for a time that has passed must not keep others from running.
        tokio::task::yield_now().await;
        match self.until {
            Some(until) => tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                _ = self.stop.wait() => {}
            },
            None => {
                self.stop.wait().await;
            }
        }
    }
}
