//! A destination plugin, loaded: compiled, its imports checked, its description read.
//!
//! A component that wants more than it is granted, or that is not a destination, is refused here and by name, before any of
//! it runs. Calls with a config go through the [`Session`] that [`Plugin::session`] opens.

pub mod answers;
mod compile_cache;
pub mod config;
pub mod exports;
pub mod instance;
mod one_row;
pub mod runtime;
pub mod sandbox;
pub mod session;
pub mod trust;

use std::sync::Arc;

use wasmtime::component::Component;

use crate::bindings::{ConfigIssue, Descriptor};
use crate::http::hooks::{HttpContext, HttpHooks};
use crate::plugin::answers::RouteLimit;
use crate::plugin::config::{ConfigError, PluginConfig};
use crate::plugin::exports::ExportsPre;
pub use crate::plugin::exports::{DESTINATION, OptionalInterface};
use crate::plugin::instance::{CallError, Instance};
use crate::plugin::runtime::{EngineError, Runtime};
use crate::plugin::sandbox::imports::{Forbidden, Interfaces};
use crate::plugin::session::Session;
use crate::plugin::trust::{Trust, Untrusted};

/// Why a component is not a plugin that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The engine can't be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The bytes are not a component.
    #[error("{plugin} is not a WebAssembly component: {reason}")]
    NotAComponent {
        /// The plugin's name.
        plugin: String,
        /// What the compiler says.
        reason: String,
    },
    /// The component imports what no plugin is granted.
    #[error("{plugin} imports what no plugin is granted: {}", listed(.imports))]
    NotGranted {
        /// The plugin's name.
        plugin: String,
        /// All such imports.
        imports: Vec<Forbidden>,
    },
    /// The component does not export the interface of a destination, or another version of it.
    #[error("{plugin} is not a compatible destination plugin: it does not export {DESTINATION}{}", exports_instead(.found))]
    NotADestination {
        /// The plugin's name.
        plugin: String,
        /// The version of the interface that it does export, if any.
        found: Option<String>,
    },
    /// The imports or exports bear the right names but other types.
    #[error("{plugin} does not fit this host: {reason}")]
    Mismatch {
        /// The plugin's name.
        plugin: String,
        /// What does not fit.
        reason: String,
    },
    /// The plugin can't say what it is.
    #[error("{plugin} can't be asked what it is: {source}")]
    Describe {
        /// The plugin's name.
        plugin: String,
        /// What happened.
        source: CallError,
    },
}

fn listed(imports: &[Forbidden]) -> String {
    imports.iter().map(Forbidden::to_string).collect::<Vec<_>>().join("; ")
}

fn exports_instead(found: &Option<String>) -> String {
    found.as_ref().map_or_else(String::new, |found| format!("; it exports {found}"))
}

/// A loaded plugin. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
    trust: Arc<Trust>,
}

struct Inner {
    runtime: Runtime,
    name: Arc<str>,
    pre: ExportsPre,
    descriptor: Descriptor,
    route_limits: Vec<RouteLimit>,
}

impl Plugin {
    /// Compile a component, or take its code from the runtime's cache, check it and ask it what it is.
    ///
    /// `name` stands for the plugin in every error: a file's name, say.
    ///
    /// # Errors
    /// Where the bytes are not a component, where it wants more than it is granted, where it is not a destination of the
    /// version that this host speaks, or can't describe itself.
    pub async fn load(runtime: &Runtime, component: &[u8], name: &str) -> Result<Self, LoadError> {
        let not_a_component = |reason| LoadError::NotAComponent { plugin: name.to_owned(), reason };
        let interfaces = Interfaces::read(component).map_err(not_a_component)?;
        check_imports(&interfaces, name)?;
        check_exports(&interfaces, name)?;
        let component = compile(runtime, component, name).await?;

        let mismatch = |e: wasmtime::Error| LoadError::Mismatch { plugin: name.to_owned(), reason: format!("{e:#}") };
        let linker = sandbox::linker(runtime.engine()).map_err(|e| EngineError(format!("{e:#}")))?;
        let pre = linker.instantiate_pre(&component).and_then(ExportsPre::new).map_err(mismatch)?;

        let name: Arc<str> = name.into();
        let describe = async {
            let mut instance = Instance::offline(runtime, &pre, Arc::clone(&name), PluginConfig::none()).await?;
            let descriptor = instance.describe().await?;
            let route_limits = match pre.has(OptionalInterface::Inspection) {
                true => instance.route_limits().await?,
                false => Vec::new(),
            };
            Ok((descriptor, route_limits))
        };
        let described = describe.await.map_err(|source| LoadError::Describe { plugin: name.to_string(), source });
        let (descriptor, route_limits) = described?;
        let inner = Inner { runtime: runtime.clone(), name, pre, descriptor, route_limits };
        Ok(Self { inner: Arc::new(inner), trust: Arc::default() })
    }

    /// The same plugin, allowed what its user trusts it with. Without this it is trusted with nothing.
    #[must_use]
    pub fn trusted(self, trust: Trust) -> Self {
        Self { trust: Arc::new(trust), ..self }
    }

    /// What the plugin asks for with this config and is not trusted with; [`Plugin::session`] fails with the first.
    #[must_use]
    pub fn untrusted(&self, config: &str) -> Vec<Untrusted> {
        self.trust.refuses(self.descriptor(), config)
    }

    /// What the plugin says of itself, asked once when it was loaded.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.inner.descriptor
    }

    /// Whether the plugin has an optional interface.
    #[must_use]
    pub fn has(&self, interface: OptionalInterface) -> bool {
        self.inner.pre.has(interface)
    }

    /// The limits of single requests, as the plugin says; asked once when it was loaded. [`Plugin::session`] has the rate limiter
    /// keep them.
    #[must_use]
    pub fn route_limits(&self) -> &[RouteLimit] {
        &self.inner.route_limits
    }

    /// What another instance of the plugin says of itself.
    ///
    /// # Errors
    /// Where the plugin could not be asked, or failed.
    pub async fn describe(&self) -> Result<Descriptor, CallError> {
        let Inner { runtime, name, pre, .. } = &*self.inner;
        Instance::offline(runtime, pre, Arc::clone(name), PluginConfig::none()).await?.describe().await
    }

    /// All faults that the plugin finds in a config; none is a valid config. Without network, and for any text.
    ///
    /// # Errors
    /// Where the plugin could not be asked, or failed.
    pub async fn validate_config(&self, config: &str) -> Result<Vec<ConfigIssue>, CallError> {
        let config = PluginConfig::unread(config, self.descriptor());
        let Inner { runtime, name, pre, .. } = &*self.inner;
        Instance::offline(runtime, pre, Arc::clone(name), config).await?.validate_config().await
    }

    /// The plugin at work with this config (a JSON object), sending through `outgoing` to the endpoints that the config names
    /// and nowhere else.
    ///
    /// # Errors
    /// Where the config is not a JSON object, one of its endpoints is no URL that requests may go to, or the plugin asks for
    /// more than it is trusted with. Whether it is right otherwise is for [`Plugin::validate_config`] to say.
    pub fn session(&self, config: &str, outgoing: HttpContext) -> Result<Session, ConfigError> {
        let (config, policy) = PluginConfig::read(config, self.descriptor(), &self.trust)?;
        let Inner { runtime, name, pre, route_limits, .. } = &*self.inner;
        for limit in route_limits {
            outgoing.rate_limiter.limit_route(limit.route.clone(), limit.per_second);
        }
        let hook = HttpHooks::network(outgoing, Arc::new(policy), config.secrets().clone(), runtime.limits());
        Ok(Session::new(runtime.clone(), pre.clone(), Arc::clone(name), config, hook))
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// Off the executor's threads: without a cache this takes a tenth of a second and more.
async fn compile(runtime: &Runtime, component: &[u8], name: &str) -> Result<Component, LoadError> {
    let engine = runtime.engine().clone();
    let bytes = component.to_vec();
    let compiled = tokio::task::spawn_blocking(move || Component::from_binary(&engine, &bytes)).await;
    let reason = match compiled {
        Ok(Ok(component)) => return Ok(component),
        Ok(Err(error)) => format!("{error:#}"),
        Err(stopped) => stopped.to_string(),
    };
    Err(LoadError::NotAComponent { plugin: name.to_owned(), reason })
}

fn check_imports(interfaces: &Interfaces, name: &str) -> Result<(), LoadError> {
    let imports = interfaces.forbidden();
    if imports.is_empty() { Ok(()) } else { Err(LoadError::NotGranted { plugin: name.to_owned(), imports }) }
}

fn check_exports(interfaces: &Interfaces, name: &str) -> Result<(), LoadError> {
    let exports = &interfaces.exports;
    if exports.iter().any(|export| export == DESTINATION) {
        return Ok(());
    }
    let interface = DESTINATION.split('@').next().unwrap_or(DESTINATION);
    let found = exports.iter().find(|export| export.split('@').next() == Some(interface));
    Err(LoadError::NotADestination { plugin: name.to_owned(), found: found.cloned() })
}

#[cfg(test)]
pub(crate) mod misbehaving_plugin;
#[cfg(test)]
mod tests;
