//! The config of a sync: parsed once into types that hold nothing invalid. All issues are reported together.

mod api_key;
mod audience;
mod deployment_url;
pub(crate) mod field_mapping;

use serde_json::Value;

pub(crate) use self::api_key::ApiKey;
pub(crate) use self::audience::AudienceId;
pub use self::deployment_url::DeploymentUrl;
pub(crate) use self::field_mapping::Mappings;
use destination_toolkit::bindings::ConfigIssue;
use destination_toolkit::config::{self, Issue, Issues, Table, wrong_type};
use destination_toolkit::delivery::retry::Retry;
use destination_toolkit::http::Connection;

/// The JSON Schema of the config (draft 2020-12), for forms.
pub(crate) const SCHEMA: &str = match str::from_utf8(&PACKED_SCHEMA) {
    Ok(schema) => schema,
    Err(_) => LAID_OUT_SCHEMA,
};

/// As people write it. A quarter of it is indentation, which the component does without.
const LAID_OUT_SCHEMA: &str = include_str!("config/schema.json");

const PACKED_SCHEMA: [u8; without_indentation(LAID_OUT_SCHEMA.as_bytes(), &mut [])] = {
    let mut packed = [0; without_indentation(LAID_OUT_SCHEMA.as_bytes(), &mut [])];
    without_indentation(LAID_OUT_SCHEMA.as_bytes(), &mut packed);
    packed
};

/// Leaves out line breaks and the blanks behind them, of which no text of a JSON has any. Fills as much of `packed` as there
/// is, and says how much there would be.
#[expect(clippy::indexing_slicing, reason = "run by the compiler, which would refuse an index too large")]
const fn without_indentation(text: &[u8], packed: &mut [u8]) -> usize {
    let (mut at, mut length, mut indented) = (0, 0, false);
    while at < text.len() {
        let byte = text[at];
        indented = byte == b'\n' || (indented && byte == b' ');
        if !indented {
            if length < packed.len() {
                packed[length] = byte;
            }
            length += 1;
        }
        at += 1;
    }
    length
}

/// Records that Talon.One accepts in one request.
pub(crate) const MAX_BATCH_SIZE: u64 = 1000;

/// The config's keys.
const KEYS: [&str; 13] = [
    "deployment_url",
    "api_key",
    "object_type",
    "audience_id",
    "sync_mode",
    "mappings",
    "integration_id_prefix",
    "nulls",
    "trigger_rules",
    "batch_size",
    "retry",
    "connect_timeout_ms",
    "request_timeout_ms",
];

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
    /// Each record goes alone, through the call that runs the rules of campaigns.
    pub(crate) trigger_rules: bool,
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

/// How a null is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// The attribute keeps the value it has in Talon.One.
    Omit,
    /// JSON null is sent: the attribute is cleared.
    Clear,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Until the connection is open.
    pub(crate) connect: u64,
    /// From connecting until the answer is complete.
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
    /// All its issues, each with the path of its key.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub fn parse(text: &str) -> Result<Self, Vec<ConfigIssue>> {
        config::parse(text, "{\"deployment_url\": …, …}", read)
    }

    /// Where requests go.
    #[must_use]
    pub fn deployment_url(&self) -> &DeploymentUrl {
        &self.deployment_url
    }

    /// Where requests go, and what each carries.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            scheme: self.deployment_url.scheme(),
            authority: self.deployment_url.authority().to_owned(),
            headers: vec![
                ("authorization", self.api_key.authorization()),
                ("accept", "application/json".to_owned()),
                ("user-agent", concat!("talon-one-destination/", env!("CARGO_PKG_VERSION")).to_owned()),
            ],
            content_type: "application/json",
            connect_timeout_ms: self.timeouts.connecting().0,
            request_timeout_ms: self.timeouts.request,
        }
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn read(table: &Table<'_>, issues: &mut Issues) -> Option<Config> {
    table.reject_unknown(&KEYS, issues);

    let deployment_url = table
        .required_text("deployment_url", deployment_url::EXPECTED, issues)
        .and_then(|text| table.accept("deployment_url", DeploymentUrl::parse(text), issues));
    let api_key = read_api_key(table, issues);
    table.required("object_type", "customer_profiles or customer_profile_audiences", issues);
    let object_kind = table.choice("object_type", &OBJECT_TYPES, issues);
    let object = object_kind.and_then(|kind| read_object(table, kind, issues));
    let mappings = table.get("mappings").and_then(|list| field_mapping::parse(list, object_kind, issues));
    let prefix = table.text("integration_id_prefix", "a text such as app1_", issues).unwrap_or_default();
    // One character at least is left for the ID itself.
    if prefix.chars().count() >= MAX_ID_CHARACTERS {
        let issue = format!("is too long: an ID has at most {MAX_ID_CHARACTERS} characters, its prefix included");
        issues.push("integration_id_prefix", Issue::new(issue));
    }
    let nulls = table.choice("nulls", &NULLS, issues);
    let trigger_rules = table.boolean("trigger_rules", false, issues);
    let batch_size = table.integer("batch_size", 1..=MAX_BATCH_SIZE, MAX_BATCH_SIZE, issues);
    let retry = Retry::read(table, issues);
    let timeouts = Timeouts {
        connect: table.integer("connect_timeout_ms", 1..=600_000, 10_000, issues),
        request: table.integer("request_timeout_ms", 1..=600_000, 60_000, issues),
    };
    Some(Config {
        deployment_url: deployment_url?,
        api_key: api_key?,
        object: object?,
        mappings,
        integration_id_prefix: prefix.to_owned(),
        nulls: nulls.unwrap_or(Nulls::Omit),
        trigger_rules,
        batch_size: usize::try_from(batch_size).ok()?,
        retry,
        timeouts,
    })
}

/// The key's value never gets into a message.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_api_key(table: &Table<'_>, issues: &mut Issues) -> Option<ApiKey> {
    let value = table.required("api_key", "an Integration API key", issues)?;
    let parsed = match value.as_str() {
        Some(text) => ApiKey::parse(text),
        None => Err(Issue::new("is not a text: expected an Integration API key")),
    };
    table.accept("api_key", parsed, issues)
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_object(table: &Table<'_>, kind: ObjectKind, issues: &mut Issues) -> Option<Object> {
    let (modes, expected) = match kind {
        ObjectKind::Profiles => (&SYNC_MODES[..1], "upsert, the only mode of customer_profiles"),
        ObjectKind::Audiences => (&SYNC_MODES[1..], "add, remove or mirror, the modes of customer_profile_audiences"),
    };
    let mode = table.choice("sync_mode", &SYNC_MODES, issues);
    if let Some((name, _)) = SYNC_MODES.iter().find(|(_, other)| Some(*other) == mode)
        && !modes.iter().any(|(fitting, _)| fitting == name)
    {
        issues.push("sync_mode", wrong_type(&Value::from(*name), expected));
    }
    let audience = table.get("audience_id");
    match kind {
        ObjectKind::Profiles => {
            if audience.is_some() {
                let issue = Issue::new("does not go with customer_profiles: profiles are not written to an audience");
                issues.push(
                    "audience_id",
                    issue.hint("leave it out, or choose the object_type customer_profile_audiences"),
                );
            }
            Some(Object::Profiles)
        }
        ObjectKind::Audiences => {
            table.required("audience_id", audience::EXPECTED, issues);
            table.required("sync_mode", expected, issues);
            let id = audience.and_then(|value| table.accept("audience_id", AudienceId::parse(value), issues));
            match (id, mode) {
                (Some(id), Some(SyncMode::Audience(mode))) => Some(Object::Audience { id, mode }),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
