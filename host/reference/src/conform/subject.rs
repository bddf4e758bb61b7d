//! The plugin on trial, with its config and a sample of rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use destination_engine::bindings::{Descriptor, Endpoint, ObjectType, SecretUse, SyncMode};
use destination_engine::http::client::{ClientSettings, HttpClient};
use destination_engine::http::hooks::{HttpContext, Traffic};
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::session::Session;
use destination_engine::stop::Stop;
use serde_json::{Map, Value};

use super::Confirmation;
use super::sample::Batch;
use crate::pipeline::job::{OBJECT_TYPE, SYNC_MODE, mode_name};

pub(super) struct Subject {
    pub(super) plugin: Plugin,
    pub(super) config: Map<String, Value>,
    pub(super) sample: Batch,
    /// The columns of the sample that the config maps, all of them where it maps none.
    pub(super) mapped: Vec<String>,
    pub(super) confirmation: Option<Confirmation>,
    /// One for all sessions: to make one takes longer than most calls.
    client: Result<HttpClient, String>,
    /// Requests that were not let out.
    denied: AtomicU64,
}

impl Subject {
    pub(super) fn new(
        plugin: Plugin,
        config: Map<String, Value>,
        rows: Option<Batch>,
        confirmation: Option<Confirmation>,
    ) -> Self {
        let descriptor = plugin.descriptor();
        let object_type = object_type(descriptor, &config);
        let key_field = object_type.map_or("id", |it| it.key_field.as_str()).to_owned();
        let mappings = config.get("mappings").and_then(Value::as_array).filter(|_| descriptor.field_mapping);
        let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let sources: Vec<String> = mappings.into_iter().flatten().filter_map(|entry| text(entry, "source")).collect();
        let key = mappings.into_iter().flatten().find_map(|entry| {
            (text(entry, "destination").as_ref() == Some(&key_field)).then(|| text(entry, "source")).flatten()
        });
        let key = key.unwrap_or(key_field);
        let sample = rows.unwrap_or_else(|| Batch::made_up(&key, &sources));
        let mapped = if sources.is_empty() { sample.names().map(str::to_owned).collect() } else { sources };
        let client = HttpClient::new(&ClientSettings::default()).map_err(|error| error.to_string());
        Self { plugin, config, sample, mapped, confirmation, client, denied: AtomicU64::new(0) }
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        self.plugin.descriptor()
    }

    pub(super) fn object_type(&self) -> Option<&ObjectType> {
        object_type(self.descriptor(), &self.config)
    }

    pub(super) fn count_denied(&self, requests: u64) {
        self.denied.fetch_add(requests, Ordering::Relaxed);
    }

    /// That requests went elsewhere than to the endpoints, since this was last asked.
    pub(super) fn elsewhere(&self) -> Option<String> {
        let denied = self.denied.swap(0, Ordering::Relaxed);
        (denied > 0).then(|| format!("{denied} requests to other servers were not let out"))
    }

    /// The config in another mode.
    pub(super) fn config_in(&self, mode: SyncMode) -> Map<String, Value> {
        let mut config = self.config.clone();
        config.insert(SYNC_MODE.to_owned(), mode_name(mode).into());
        config
    }

    /// A session from which no request leaves, since its config may name the real server.
    pub(super) fn session(&self, config: &Map<String, Value>) -> Result<Session, String> {
        let stopped = Stop::default();
        stopped.ask("a call that only computes");
        self.open(config, stopped).map(|(session, _)| session)
    }

    /// A session that sends, for a config whose endpoints are at this machine; and what its requests are counted in.
    pub(super) fn session_at(&self, config: &Map<String, Value>) -> Result<(Session, Arc<Traffic>), String> {
        self.open(config, Stop::default())
    }

    fn open(&self, config: &Map<String, Value>, stop: Stop) -> Result<(Session, Arc<Traffic>), String> {
        let outgoing = HttpContext::new(self.client.clone()?, RateLimiter::unlimited()).until(stop);
        let traffic = Arc::clone(&outgoing.traffic);
        let session = self.plugin.session(&text_of(config), outgoing).map_err(|error| error.to_string())?;
        Ok((session, traffic))
    }

    /// The secrets of the config that are used so.
    pub(super) fn secrets(&self, used_in: Option<SecretUse>) -> Vec<&str> {
        let keys = self.descriptor().config_keys.secrets.iter();
        keys.filter(|secret| used_in.is_none_or(|used_in| secret.used_in == used_in))
            .filter_map(|secret| self.config.get(&secret.config_key)?.as_str())
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// The config with each endpoint at this server, its path as it was; or why it can't be there.
    pub(super) fn config_at(&self, config: &Map<String, Value>, url: &str) -> Result<Map<String, Value>, String> {
        let mut config = config.clone();
        let mut moved = 0;
        for endpoint in &self.descriptor().config_keys.endpoints {
            match endpoint {
                Endpoint::Origin(origin) => return Err(format!("it sends to {origin}, which no config moves")),
                Endpoint::ConfigKey(key) => {
                    if let Some(Value::String(value)) = config.get_mut(key) {
                        *value = format!("{url}{}", path_of(value));
                        moved += 1;
                    }
                }
            }
        }
        if moved == 0 { Err("the config names no endpoint".to_owned()) } else { Ok(config) }
    }
}

fn object_type<'d>(descriptor: &'d Descriptor, config: &Map<String, Value>) -> Option<&'d ObjectType> {
    match (config.get(OBJECT_TYPE).and_then(Value::as_str), descriptor.object_types.as_slice()) {
        (Some(name), types) => types.iter().find(|it| it.name == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// What comes after a URL's host.
fn path_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(after_scheme..).unwrap_or_default();
    rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default()
}

pub(super) fn text_of(config: &Map<String, Value>) -> String {
    Value::Object(config.clone()).to_string()
}

/// What no plugin may do, whatever it is asked: crash, take too much, contradict itself.
pub(super) fn fault_of(error: &CallError) -> Option<String> {
    match error {
        CallError::Failed(_) => None,
        CallError::Trap { call, reason, .. } => {
            Some(format!("{call} crashed: {}", reason.lines().last().unwrap_or_default().trim()))
        }
        // What else may come to be an error of a call is none of the plugin's own answers.
        _ => Some(error.to_string()),
    }
}

/// An error in one line.
pub(super) fn told(error: &CallError) -> String {
    fault_of(error).unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_endpoint_stays() {
        for (url, path) in [
            ("https://yourcompany.talon.one", ""),
            ("https://hooks.example.com/in?x=1", "/in?x=1"),
            ("https://h:8443/", "/"),
            ("h", ""),
        ] {
            assert_eq!(path_of(url), path);
        }
    }
}
