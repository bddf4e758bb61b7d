//! What a plugin asks for beyond its config, and what its user has allowed: to have secrets itself, and to send to servers that
//! no config names.
//!
//! Pure. The descriptor says what is asked, [`Trust`] what is allowed; a plugin that asks for more is not started with that
//! config.

use serde_json::{Map, Value};

use crate::bindings::{ConfigKeys, Descriptor, Endpoint, SecretUse};
use crate::http::egress::{Origin, OriginError};

/// What the user of a host allows a plugin. By default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// To have the value of a secret, where it says that it needs it: it could then give it away.
    pub with_secrets: bool,
    /// To send rows, and secrets in headers, to these origins.
    pub origins: Vec<Origin>,
}

/// What a plugin asks for and is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The value of a secret.
    #[error(
        "the plugin asks for the value of `{key}` itself, not for a header that the host fills: it could give it away"
    )]
    Secret {
        /// The config's key.
        key: String,
    },
    /// A server that the config does not name.
    #[error("the plugin sends to {origin}, which it names itself: no key of the config does")]
    Origin {
        /// Scheme, host and port.
        origin: Origin,
    },
    /// An origin that requests can't go to.
    #[error("the plugin names {origin:?} as a server that it sends to: {reason}")]
    NoOrigin {
        /// As the plugin wrote it.
        origin: String,
        /// What is wrong with it.
        reason: OriginError,
    },
}

impl Trust {
    /// The origins that the plugin names itself, all of them allowed.
    pub(crate) fn origins(&self, keys: &ConfigKeys) -> Result<Vec<Origin>, Untrusted> {
        let own = keys.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::ConfigKey(_) => None,
            Endpoint::Origin(origin) => Some(origin),
        });
        own.map(|text| {
            let origin = Origin::of_url(text).map_err(|reason| Untrusted::NoOrigin { origin: text.clone(), reason })?;
            if self.origins.contains(&origin) { Ok(origin) } else { Err(Untrusted::Origin { origin }) }
        })
        .collect()
    }

    /// Whether each secret that this config holds is kept from the plugin, or may be given to it.
    pub(crate) fn secrets(&self, keys: &ConfigKeys, config: &Map<String, Value>) -> Result<(), Untrusted> {
        let asked = |secret: &&crate::bindings::Secret| {
            secret.used_in == SecretUse::Plugin && config.contains_key(&secret.config_key)
        };
        match keys.secrets.iter().find(asked) {
            Some(secret) if !self.with_secrets => Err(Untrusted::Secret { key: secret.config_key.clone() }),
            _ => Ok(()),
        }
    }

    /// What the plugin asks for with this config (any text) and is not allowed.
    pub(crate) fn refuses(&self, descriptor: &Descriptor, config: &str) -> Vec<Untrusted> {
        let object = serde_json::from_str(config).unwrap_or_default();
        let keys = &descriptor.config_keys;
        [self.origins(keys).err(), self.secrets(keys, &object).err()].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::Secret;

    fn keys(endpoint: Endpoint, used_in: SecretUse) -> ConfigKeys {
        ConfigKeys {
            endpoints: vec![endpoint],
            secrets: vec![Secret { config_key: "token".to_owned(), used_in }],
            target: Vec::new(),
            identity: Vec::new(),
            batch_records: None,
        }
    }

    fn config() -> Map<String, Value> {
        Map::from_iter([("token".to_owned(), Value::from("s3cret"))])
    }

    #[test]
    fn nothing_is_allowed_unless_it_was() {
        let asks = keys(Endpoint::Origin("https://api.example.com".to_owned()), SecretUse::Plugin);
        let origin = Origin::of_url("https://api.example.com").ok();
        let nothing = Trust::default();
        assert_eq!(nothing.origins(&asks).err(), origin.clone().map(|origin| Untrusted::Origin { origin }));
        assert_eq!(nothing.secrets(&asks, &config()), Err(Untrusted::Secret { key: "token".to_owned() }));
        assert_eq!(nothing.secrets(&asks, &Map::new()), Ok(()), "no secret, nothing to give away");

        let trust = Trust { with_secrets: true, origins: origin.clone().into_iter().collect() };
        assert_eq!(trust.origins(&asks).ok(), Some(origin.into_iter().collect()));
        assert_eq!(trust.secrets(&asks, &config()), Ok(()));
    }

    #[test]
    fn what_the_config_names_and_the_host_keeps_needs_no_trust() {
        let asks = keys(Endpoint::ConfigKey("url".to_owned()), SecretUse::Headers);
        assert_eq!(Trust::default().origins(&asks), Ok(Vec::new()));
        assert_eq!(Trust::default().secrets(&asks, &config()), Ok(()));
    }

    #[test]
    fn an_origin_that_is_none_is_refused_whoever_is_trusted() {
        for text in ["http://api.example.com", "api.example.com", "https://API.example.com"] {
            let asks = keys(Endpoint::Origin(text.to_owned()), SecretUse::Headers);
            assert!(matches!(Trust::default().origins(&asks), Err(Untrusted::NoOrigin { .. })), "{text}");
        }
    }
}
