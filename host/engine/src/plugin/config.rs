//! A plugin's config as the host sees it: a JSON text, its secrets, and the endpoints it allows.
//!
//! The host understands none of it but what the descriptor's `config-keys` name.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::bindings::{Descriptor, Endpoint};
use crate::http::egress::{EndpointError, Policy};
use crate::http::secrets::Secrets;
use crate::plugin::trust::{Trust, Untrusted};
use crate::redaction::Redaction;

/// A config that no plugin can be called with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not a JSON object.
    #[error("the plugin's config must be a JSON object: {0}")]
    NotAnObject(String),
    /// An endpoint is no URL that requests may go to.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The plugin asks for more than its user has allowed it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

/// Characters of one text of a plugin's that are passed on. A message is a sentence or two; a plugin, or a server behind it,
/// that says megabytes fills nobody's log.
const LONGEST_TEXT: usize = 4096;

/// A config, and its secrets. Cheap to clone; it is never printed.
#[derive(Clone)]
pub(crate) struct PluginConfig {
    json: Arc<str>,
    secrets: Secrets,
    /// Keys whose values say where secrets go, and the secrets: nobody but the user changes them.
    fixed: Arc<[String]>,
}

impl PluginConfig {
    /// Read the config's secrets and endpoints. What a plugin gets of it has no secret any more.
    pub(crate) fn read(json: &str, descriptor: &Descriptor, trust: &Trust) -> Result<(Self, Policy), ConfigError> {
        // The text around a JSON error's place may be a secret: the place alone is told.
        let not_an_object = |e: serde_json::Error| {
            ConfigError::NotAnObject(format!("{:?} error at line {} column {}", e.classify(), e.line(), e.column()))
        };
        let object: Map<String, Value> = serde_json::from_str(json).map_err(not_an_object)?;
        let keys = &descriptor.config_keys;
        let endpoints = keys.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::ConfigKey(key) => Some((key.as_str(), object.get(key)?.as_str()?)),
            Endpoint::Origin(_) => None,
        });
        let policy = Policy::of_endpoints(endpoints)?.and(trust.origins(keys)?);
        trust.secrets(keys, &object)?;
        let secrets = Secrets::of(&object, &keys.secrets);
        let json = Value::Object(secrets.hide(object)).to_string();
        let endpoints = keys.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::ConfigKey(key) => Some(key),
            Endpoint::Origin(_) => None,
        });
        let fixed = endpoints.chain(keys.secrets.iter().map(|secret| &secret.config_key)).cloned().collect();
        Ok((Self { json: json.into(), secrets, fixed }, policy))
    }

    /// Any text, secrets and all, for a call that judges it: by an instance without network, used for nothing else.
    pub(crate) fn unread(json: &str, descriptor: &Descriptor) -> Self {
        let object: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        Self {
            json: json.into(),
            secrets: Secrets::of(&object, &descriptor.config_keys.secrets),
            fixed: Arc::default(),
        }
    }

    /// For calls that take no config.
    pub(crate) fn none() -> Self {
        Self { json: "".into(), secrets: Secrets::default(), fixed: Arc::default() }
    }

    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// What a plugin made of this config, with the secrets in their places again.
    ///
    /// # Errors
    /// Where it is not a JSON object, or has other endpoints or secrets: the secrets would go elsewhere.
    pub(crate) fn resolved(&self, answer: &str) -> Result<String, String> {
        let object = |json: &str| serde_json::from_str::<Map<String, Value>>(json).ok();
        let mut resolved = object(answer).ok_or("the config is not a JSON object")?;
        let before = object(&self.json).unwrap_or_default();
        if let Some(key) = self.fixed.iter().find(|key| before.get(*key) != resolved.get(*key)) {
            return Err(format!("it changed `{key}` of the config: an endpoint or a secret stays as it is"));
        }
        self.secrets.restore(&mut resolved);
        Ok(Value::Object(resolved).to_string())
    }

    /// What takes the secrets out of texts.
    pub(crate) fn redaction(&self) -> &Redaction {
        self.secrets.redaction()
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A text of the plugin's as it may be shown: without secrets, and not without end.
    pub(crate) fn sanitize(&self, text: &mut String) {
        self.secrets.redact(text);
        if let Some((cut, _)) = text.char_indices().nth(LONGEST_TEXT) {
            let left_out = text.len() - cut;
            text.truncate(cut);
            text.push_str(&format!("… ({left_out} bytes left out)"));
        }
    }
}

impl fmt::Debug for PluginConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginConfig").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::bindings::{ConfigKeys, Limits, Secret, SecretUse};

    fn config() -> PluginConfig {
        let descriptor = Descriptor {
            name: String::new(),
            label: String::new(),
            description: String::new(),
            version: String::new(),
            object_types: Vec::new(),
            field_mapping: false,
            limits: Limits {
                batch_records: None,
                batch_bytes: None,
                requests_per_second: None,
                requests_per_minute: None,
            },
            config_keys: ConfigKeys {
                endpoints: vec![Endpoint::ConfigKey("url".to_owned())],
                secrets: ["key", "other"]
                    .map(|key| Secret { config_key: key.to_owned(), used_in: SecretUse::Headers })
                    .into(),
                target: Vec::new(),
                identity: Vec::new(),
                batch_records: None,
            },
            config_schema: String::new(),
        };
        let json = r#"{"url":"https://acme.example","key":"0123-secret","name":"VIP"}"#;
        PluginConfig::read(json, &descriptor, &Trust::default()).unwrap().0
    }

    #[test]
    fn a_resolved_config_has_its_secrets_again() {
        let config = config();
        let resolved = config.json().replace("\"name\":\"VIP\"", "\"id\":7");
        let resolved: Value = serde_json::from_str(&config.resolved(&resolved).unwrap()).unwrap();
        assert_eq!(resolved, serde_json::json!({"url": "https://acme.example", "key": "0123-secret", "id": 7}));
    }

    #[test]
    fn a_resolved_config_that_would_take_a_secret_elsewhere_is_refused() {
        let config = config();
        for (from, to, named) in [
            ("https://acme.example", "https://evil.example", "`url`"),
            ("\"key\":\"kept-by-the-host-0\"", "\"key\":\"x\"", "`key`"),
            ("\"key\":\"kept-by-the-host-0\",", "", "`key`"),
            ("\"name\"", "\"other\"", "`other`"),
        ] {
            let changed = config.json().replace(from, to);
            assert_ne!(changed, config.json());
            let error = config.resolved(&changed).unwrap_err();
            assert!(error.contains(named) && !error.contains("secret\""), "{error}");
        }
        for not_an_object in ["", "[]", "null"] {
            assert!(config.resolved(not_an_object).is_err());
        }
    }
}
