//! The engine that plugins run on: how they are compiled, interrupted and limited.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Cache, CacheConfig, Config, Engine};

use crate::limits::Limits;

/// How often a plugin that computes is made to let others run; a call that has run out of time ends at the next tick.
const TICK: Duration = Duration::from_millis(10);

/// The engine can't be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("can't set up the WebAssembly engine: {0}")]
pub struct EngineError(pub(crate) String);

/// Where compiled code is kept between runs. Compiling takes a tenth of a second and more, loading compiled code a few
/// milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CompileCache {
    /// In the user's cache directory.
    #[default]
    User,
    /// In this directory. Its owner must trust whoever can write to it: what lies there is run.
    Directory(PathBuf),
    /// Nowhere: each load compiles.
    Off,
}

/// An engine with its limits. Cheap to clone; one a process.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    limits: Arc<Limits>,
}

impl Runtime {
    /// Set the engine up. A cache that can't be used costs time, not the run: it is warned of and left out.
    ///
    /// # Errors
    /// Where this machine can't run WebAssembly.
    pub fn new(limits: Limits, cache: CompileCache) -> Result<Self, EngineError> {
        // Instances are made on demand: a pool of them is reserved for all that could ever run, and we reuse them anyway.
        let mut config = Config::new();
        config.wasm_component_model(true).epoch_interruption(true).cache(open_cache(cache));
        let failed = |e: wasmtime::Error| EngineError(format!("{e:#}"));
        let engine = Engine::new(&config).map_err(failed)?;
        start_ticking(&engine).map_err(|e| EngineError(format!("no thread for its timer: {e}")))?;
        Ok(Self { engine, limits: Arc::new(limits) })
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

fn open_cache(wanted: CompileCache) -> Option<Cache> {
    let mut config = CacheConfig::new();
    match wanted {
        CompileCache::Off => return None,
        CompileCache::User => {}
        CompileCache::Directory(path) => {
            config.with_directory(path);
        }
    }
    Cache::new(config)
        .inspect_err(|e| tracing::warn!("compiled plugins are not kept, so each start takes longer: {e:#}"))
        .ok()
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
