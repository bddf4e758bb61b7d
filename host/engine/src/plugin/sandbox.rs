//! What a plugin runs in: the store's data, its limits, and the few imports it is granted.
//!
//! Nothing of the process is inherited: no files, environment, arguments, standard streams or sockets. What a plugin gets is
//! time (`wasi:clocks`), waiting (`wasi:io`) and HTTP (`wasi:http`), whose requests go through [`crate::http::hooks`]; what else
//! it may import gives it nothing ([`crate::plugin::sandbox::refusals`]).

mod clock;
pub mod imports;
pub mod output;
mod refusals;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{clocks, io};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use self::clock::{Clock, Clocks};
use self::output::Output;
use crate::http::hooks::HttpHooks;
use crate::limits::Limits;

/// The data of one store.
pub(crate) struct Sandbox {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hook: HttpHooks,
    memory: MemoryLimit,
}

impl Sandbox {
    pub(crate) fn new(limits: &Limits, hook: HttpHooks, output: Output) -> Self {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits.headers);
        Self {
            table: ResourceTable::new(),
            wasi: refusals::context(output),
            http,
            hook,
            memory: MemoryLimit { limit: limits.memory, used: 0 },
        }
    }

    /// For [`wasmtime::Store::limiter`].
    pub(crate) fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    /// What the plugin's requests go through.
    pub(crate) fn hook(&self) -> &HttpHooks {
        &self.hook
    }

    fn stoppable_clocks(&mut self) -> Clock<'_> {
        let stop = self.hook.stop();
        Clock { wasi: self.clocks(), stop }
    }

    /// Bytes of memory that the instance has taken.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory.used
    }
}

/// The imports in [`GRANTED`](crate::plugin::sandbox::imports::GRANTED), those that give nothing, and no other.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    io::error::add_to_linker::<Sandbox, Tables>(l, |s| &mut s.table)?;
    io::poll::add_to_linker::<Sandbox, Tables>(l, |s| &mut s.table)?;
    io::streams::add_to_linker::<Sandbox, Tables>(l, |s| &mut s.table)?;
    clocks::monotonic_clock::add_to_linker::<Sandbox, Clocks>(l, Sandbox::stoppable_clocks)?;
    clocks::wall_clock::add_to_linker::<Sandbox, WasiClocks>(l, Sandbox::clocks)?;
    let stable_only = http::types::LinkOptions::default();
    http::types::add_to_linker::<Sandbox, WasiHttp>(l, &stable_only, Sandbox::http)?;
    http::outgoing_handler::add_to_linker::<Sandbox, WasiHttp>(l, Sandbox::http)?;
    refusals::add_to_linker(l)?;
    Ok(linker)
}

/// Names the view of the store that `wasi:io` works on.
struct Tables;

impl HasData for Tables {
    type Data<'a> = &'a mut ResourceTable;
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hook }
    }
}

/// The cap on an instance's memory. Passing it ends the call, with an error that can be told from other traps.
struct MemoryLimit {
    limit: usize,
    used: usize,
}

/// The plugin wanted more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("the plugin needs more than the {limit} bytes of memory it may have")]
pub(crate) struct OutOfMemory {
    pub(crate) limit: usize,
}

/// Entries of all function tables: some twenty times what a plugin of this kind has.
const TABLE_ENTRIES: usize = 100_000;

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            return Err(OutOfMemory { limit: self.limit }.into());
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ENTRIES)
    }
}
