//! The config of a sync: parsed once into types that hold nothing invalid. All faults are reported together.

mod api_key;
mod audience;
mod deployment_url;
pub(crate) mod field_mapping;
mod table;

use serde_json::Value;

pub(crate) use self::api_key::ApiKey;
pub(crate) use self::audience::AudienceId;
pub use self::deployment_url::{DeploymentUrl, Scheme};
pub(crate) use self::field_mapping::Mappings;
use self::table::{Fault, Faults, Table, wrong_type};
use crate::bindings::exports::etl::destination::destination::ConfigIssue;

/// The JSON Schema of the config (draft 2020-12), for forms.
pub(crate) const SCHEMA: &str = include_str!("config/schema.json");

/// Records that Talon.One takes in one request.
pub(crate) const MAX_BATCH_SIZE: u64 = 1000;

/// The config's keys.
const KEYS: [&str; 12] = [
    "deployment_url",
    "api_key",
    "object_type",
    "audience_id",
    "sync_mode",
    "mappings",
    "integration_id_prefix",
    "nulls",
    "batch_size",
    "retry",
    "connect_timeout_ms",
    "request_timeout_ms",
];

/// The keys of `retry`.
const RETRY_KEYS: [&str; 4] = ["max_attempts", "initial_backoff_ms", "max_backoff_ms", "max_elapsed_ms"];

/// An ID has at most this many characters, its prefix included.
pub(crate) const MAX_ID_CHARACTERS: usize = 1000;

/// A valid config. It has no `Debug`: it holds the key.
#[derive(Clone)]
pub struct Config {
    pub(crate) deployment_url: DeploymentUrl,
    pub(crate) api_key: ApiKey,
    pub(crate) object: Object,
    /// None: columns map to themselves.
    pub(crate) mappings: Option<Mappings>,
    pub(crate) integration_id_prefix: String,
    pub(crate) nulls: Nulls,
    /// Records in one request, 1 to 1000.
    pub(crate) batch_size: usize,
    pub(crate) retry: Retry,
    pub(crate) timeouts: Timeouts,
}

/// What a sync writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// Customer profiles, created or updated.
    Profiles,
    /// The members of one audience.
    Audience {
        /// Which one.
        id: AudienceId,
        /// How rows become members.
        mode: AudienceMode,
    },
}

impl Object {
    /// The audience that is written to, if it is one.
    pub(crate) fn audience(self) -> Option<AudienceId> {
        match self {
            Self::Profiles => None,
            Self::Audience { id, .. } => Some(id),
        }
    }
}

/// How rows change an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudienceMode {
    /// Every row is added.
    Add,
    /// Every row is removed.
    Remove,
    /// Rows are added, rows that left the source are removed.
    Mirror,
}

/// What becomes of a null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// The attribute keeps the value it has in Talon.One.
    Omit,
    /// JSON null is sent: the attribute is cleared.
    Clear,
}

/// How long a transient failure is met with another attempt. All times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Attempts for one request, the first among them.
    pub(crate) max_attempts: u64,
    pub(crate) initial_backoff: u64,
    pub(crate) max_backoff: u64,
    /// For the whole call: no wait ends later than this after its start.
    pub(crate) max_elapsed: u64,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Until the connection stands.
    pub(crate) connect: u64,
    /// From the request's departure, a connection included, until the answer is whole.
    pub(crate) request: u64,
}

impl Timeouts {
    /// How long a connection may take, and the setting that says so: it is part of the request.
    pub(crate) fn connecting(self) -> (u64, &'static str) {
        if self.request < self.connect {
            (self.request, "request_timeout_ms")
        } else {
            (self.connect, "connect_timeout_ms")
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObjectKind {
    Profiles,
    Audiences,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncMode {
    Upsert,
    Audience(AudienceMode),
}

const OBJECT_TYPES: [(&str, ObjectKind); 2] =
    [("customer_profiles", ObjectKind::Profiles), ("customer_profile_audiences", ObjectKind::Audiences)];

const SYNC_MODES: [(&str, SyncMode); 4] = [
    ("upsert", SyncMode::Upsert),
    ("add", SyncMode::Audience(AudienceMode::Add)),
    ("remove", SyncMode::Audience(AudienceMode::Remove)),
    ("mirror", SyncMode::Audience(AudienceMode::Mirror)),
];

const NULLS: [(&str, Nulls); 2] = [("omit", Nulls::Omit), ("clear", Nulls::Clear)];

impl Config {
    /// Parse the config's JSON text.
    ///
    /// # Errors
    /// All its faults, each with the path of its key.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub fn parse(text: &str) -> Result<Self, Vec<ConfigIssue>> {
        let mut faults = Faults::default();
        let config = read(text, &mut faults);
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults.into_issues()),
        }
    }

    /// Where requests go.
    #[must_use]
    pub fn deployment_url(&self) -> &DeploymentUrl {
        &self.deployment_url
    }

    /// How long a connection may take to stand.
    #[must_use]
    pub fn connect_timeout_ms(&self) -> u64 {
        self.timeouts.connecting().0
    }

    /// How long a request may take, from its departure to the end of its answer.
    #[must_use]
    pub fn request_timeout_ms(&self) -> u64 {
        self.timeouts.request
    }

    /// The value of the header that holds the key: for requests alone, never to be shown.
    #[must_use]
    pub fn authorization(&self) -> String {
        self.api_key.authorization()
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn read(text: &str, faults: &mut Faults) -> Option<Config> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            faults.note("", Fault::new(format!("the config is not valid JSON: {error}")));
            return None;
        }
    };
    let Some(entries) = value.as_object() else {
        // The value is not shown: it may be a key.
        faults.note("", Fault::new("the config is not a JSON object: expected {\"deployment_url\": …, …}"));
        return None;
    };
    let table = Table::new(String::new(), entries);
    table.refuse_unknown(&KEYS, faults);

    let deployment_url = table
        .required_text("deployment_url", deployment_url::EXPECTED, faults)
        .and_then(|text| table.noted("deployment_url", DeploymentUrl::parse(text), faults));
    let api_key = read_api_key(&table, faults);
    table.required("object_type", "customer_profiles or customer_profile_audiences", faults);
    let object_kind = table.choice("object_type", &OBJECT_TYPES, faults);
    let object = object_kind.and_then(|kind| read_object(&table, kind, faults));
    let mappings = table.get("mappings").and_then(|list| field_mapping::parse(list, object_kind, faults));
    let prefix = table.text("integration_id_prefix", "a text such as app1_", faults).unwrap_or_default();
    // One character at least is left for the ID itself.
    if prefix.chars().count() >= MAX_ID_CHARACTERS {
        let fault = format!("is too long: an ID has at most {MAX_ID_CHARACTERS} characters, its prefix included");
        faults.note("integration_id_prefix", Fault::new(fault));
    }
    let nulls = table.choice("nulls", &NULLS, faults);
    let batch_size = table.integer("batch_size", 1..=MAX_BATCH_SIZE, MAX_BATCH_SIZE, faults);
    let retry = read_retry(&table, faults);
    let timeouts = Timeouts {
        connect: table.integer("connect_timeout_ms", 1..=600_000, 10_000, faults),
        request: table.integer("request_timeout_ms", 1..=600_000, 60_000, faults),
    };
    Some(Config {
        deployment_url: deployment_url?,
        api_key: api_key?,
        object: object?,
        mappings,
        integration_id_prefix: prefix.to_owned(),
        nulls: nulls.unwrap_or(Nulls::Omit),
        batch_size: usize::try_from(batch_size).ok()?,
        retry,
        timeouts,
    })
}

/// The key's value never gets into a message.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_api_key(table: &Table<'_>, faults: &mut Faults) -> Option<ApiKey> {
    let value = table.required("api_key", "an Integration API key", faults)?;
    let parsed = match value.as_str() {
        Some(text) => ApiKey::parse(text),
        None => Err(Fault::new("is not a text: expected an Integration API key")),
    };
    table.noted("api_key", parsed, faults)
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_object(table: &Table<'_>, kind: ObjectKind, faults: &mut Faults) -> Option<Object> {
    let (modes, expected) = match kind {
        ObjectKind::Profiles => (&SYNC_MODES[..1], "upsert, the only mode of customer_profiles"),
        ObjectKind::Audiences => (&SYNC_MODES[1..], "add, remove or mirror, the modes of customer_profile_audiences"),
    };
    let mode = table.choice("sync_mode", &SYNC_MODES, faults);
    if let Some((name, _)) = SYNC_MODES.iter().find(|(_, other)| Some(*other) == mode)
        && !modes.iter().any(|(fitting, _)| fitting == name)
    {
        faults.note("sync_mode", wrong_type(&Value::from(*name), expected));
    }
    let audience = table.get("audience_id");
    match kind {
        ObjectKind::Profiles => {
            if audience.is_some() {
                let fault = Fault::new("does not go with customer_profiles: profiles are not written to an audience");
                faults.note(
                    "audience_id",
                    fault.hint("leave it out, or choose the object_type customer_profile_audiences"),
                );
            }
            Some(Object::Profiles)
        }
        ObjectKind::Audiences => {
            table.required("audience_id", audience::EXPECTED, faults);
            table.required("sync_mode", expected, faults);
            let id = audience.and_then(|value| table.noted("audience_id", AudienceId::parse(value), faults));
            match (id, mode) {
                (Some(id), Some(SyncMode::Audience(mode))) => Some(Object::Audience { id, mode }),
                _ => None,
            }
        }
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_retry(table: &Table<'_>, faults: &mut Faults) -> Retry {
    let empty = serde_json::Map::new();
    let entries = match table.get("retry") {
        None => &empty,
        Some(Value::Object(entries)) => entries,
        Some(other) => {
            faults
                .note("retry", wrong_type(other, "{max_attempts, initial_backoff_ms, max_backoff_ms, max_elapsed_ms}"));
            &empty
        }
    };
    let table = Table::new(table.path("retry"), entries);
    table.refuse_unknown(&RETRY_KEYS, faults);
    // The upper bounds keep a slip of the pen from making a sync hang for days, and a call within what engines give it.
    let retry = Retry {
        max_attempts: table.integer("max_attempts", 1..=100, 5, faults),
        initial_backoff: table.integer("initial_backoff_ms", 0..=600_000, 500, faults),
        max_backoff: table.integer("max_backoff_ms", 0..=3_600_000, 30_000, faults),
        max_elapsed: table.integer("max_elapsed_ms", 0..=3_600_000, 300_000, faults),
    };
    if retry.max_backoff < retry.initial_backoff {
        let fault = Fault::new(format!(
            "is {}: expected at least initial_backoff_ms, {}",
            retry.max_backoff, retry.initial_backoff
        ));
        faults.note(table.path("max_backoff_ms"), fault);
    }
    retry
}

#[cfg(test)]
mod tests;
