//! The engine that plugins run on: how they are compiled, interrupted and limited.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Config, Engine, WasmBacktraceDetails};

use crate::limits::Limits;
use crate::plugin::compile_cache;
pub use crate::plugin::compile_cache::{CacheRefused, CompileCache, Untrusted as CacheUntrusted, private_folder};
use crate::plugin::sandbox::output::Sink;

/// How often a plugin that computes is made to let others run; a call that has run out of time ends at the next tick.
const TICK: Duration = Duration::from_millis(10);

/// The engine can't be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("can't set up the WebAssembly engine: {0}")]
pub struct EngineError(pub(crate) String);

/// An engine with its limits. Cheap to clone; one a process.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    limits: Arc<Limits>,
    cache_refused: Option<Arc<CacheRefused>>,
    plugin_output: Option<Sink>,
}

impl Runtime {
    /// Set the engine up. A cache that can't be used costs time, not the run: it is warned of and left out.
    ///
    /// # Errors
    /// Where this machine can't run WebAssembly.
    pub fn new(limits: Limits, cache: CompileCache) -> Result<Self, EngineError> {
        // Instances are made on demand: a pool of them is reserved for all that could ever run, and we reuse them anyway.
        let (cache, cache_refused) = compile_cache::open(cache);
        let mut config = Config::new();
        config.wasm_component_model(true).epoch_interruption(true).cache(cache);
        // A crash names its functions, and their lines where the component has them: release builds do not.
        config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
        let failed = |e: wasmtime::Error| EngineError(format!("{e:#}"));
        let engine = Engine::new(&config).map_err(failed)?;
        start_ticking(&engine).map_err(|e| EngineError(format!("no thread for its timer: {e}")))?;
        Ok(Self { engine, limits: Arc::new(limits), cache_refused: cache_refused.map(Arc::new), plugin_output: None })
    }

    /// Why compiled code is not kept, where that is because others could have put theirs beside it. Someone should be told.
    #[must_use]
    pub fn cache_refused(&self) -> Option<&CacheRefused> {
        self.cache_refused.as_deref()
    }

    /// The same engine, which hands on what plugins write to standard output and standard error, line by line. For who develops
    /// a plugin: it could spell out a secret.
    #[must_use]
    pub fn with_plugin_output(self, sink: Sink) -> Self {
        Self { plugin_output: Some(sink), ..self }
    }

    pub(crate) fn plugin_output(&self) -> Option<Sink> {
        self.plugin_output.clone()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits)
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Advance the engine's epoch for as long as it is there.
fn start_ticking(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("plugin-timer".to_owned()).spawn(tick).map(drop)
}
