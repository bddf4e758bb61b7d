//! A plugin's config as the host sees it: a JSON text, its secrets, and the endpoints it allows.
//!
//! The host understands none of it but what the descriptor's `config-keys` name.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::bindings::Descriptor;
use crate::egress::{EndpointError, Policy};

/// What stands in the place of a secret.
const HIDDEN: &str = "[hidden]";

/// A value shorter than this is not taken out of texts: no real key is so short, and ordinary words would be torn.
const SHORTEST_SECRET: usize = 4;

/// A config that no plugin can be called with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The text is not a JSON object.
    #[error("the plugin's config must be a JSON object: {0}")]
    NotAnObject(String),
    /// An endpoint is no URL that requests may go to.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// A config and the secrets in it. Cheap to clone; it is never printed.
#[derive(Clone)]
pub(crate) struct PluginConfig {
    json: Arc<str>,
    secrets: Arc<[String]>,
}

impl PluginConfig {
    /// Read the config's secrets and endpoints.
    pub(crate) fn read(json: &str, descriptor: &Descriptor) -> Result<(Self, Policy), ConfigError> {
        // The text around a JSON error's place may be a secret: the place alone is told.
        let not_an_object = |e: serde_json::Error| {
            ConfigError::NotAnObject(format!("{:?} error at line {} column {}", e.classify(), e.line(), e.column()))
        };
        let object: Map<String, Value> = serde_json::from_str(json).map_err(not_an_object)?;
        let keys = &descriptor.config_keys;
        let endpoints = keys.endpoints.iter().filter_map(|key| Some((key.as_str(), object.get(key)?.as_str()?)));
        let policy = Policy::of_endpoints(endpoints)?;
        Ok((Self::with_secrets(json, &object, &keys.secrets), policy))
    }

    /// Any text, for a call that judges it. What secrets it has are known if it can be read.
    pub(crate) fn unread(json: &str, descriptor: &Descriptor) -> Self {
        let object: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        Self::with_secrets(json, &object, &descriptor.config_keys.secrets)
    }

    /// For calls that take no config.
    pub(crate) fn none() -> Self {
        Self { json: "".into(), secrets: Arc::default() }
    }

    fn with_secrets(json: &str, object: &Map<String, Value>, keys: &[String]) -> Self {
        let secrets = keys
            .iter()
            .filter_map(|key| object.get(key)?.as_str().map(str::trim))
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .map(str::to_owned)
            .collect();
        Self { json: json.into(), secrets }
    }

    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// The text without the config's secrets. A plugin is trusted not to show them, and checked.
    pub(crate) fn redact(&self, text: &mut String) {
        for secret in self.secrets.iter() {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
    }
}

impl fmt::Debug for PluginConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginConfig").finish_non_exhaustive()
    }
}
