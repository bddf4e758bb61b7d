//! The config of a sync: parsed once into types that hold nothing invalid. All issues are reported together.

mod audience;
mod deployment_url;
pub(crate) mod field_mapping;
mod key;

use serde_json::Value;

pub(crate) use self::audience::AudienceId;
pub use self::deployment_url::DeploymentUrl;
pub(crate) use self::field_mapping::Mappings;
pub(crate) use self::key::{IntegrationKey, ManagementKey};
use destination_toolkit::bindings::ConfigIssue;
use destination_toolkit::config::{self, Issue, Issues, Table, wrong_type};
use destination_toolkit::delivery::retry::Retry;
use destination_toolkit::http::Connection;

use crate::value::FieldType;

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
const KEYS: [&str; 16] = [
    "deployment_url",
    "api_key",
    "management_key",
    "object_type",
    "audience_id",
    "audience_name",
    "create_audience",
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

/// A valid config. It has no `Debug`: it holds the keys.
#[derive(Clone)]
pub struct Config {
    pub(crate) deployment_url: DeploymentUrl,
    pub(crate) api_key: IntegrationKey,
    /// With it the plugin can look and create.
    pub(crate) management_key: Option<ManagementKey>,
    pub(crate) object: Object,
    /// Of an audience that is still to be looked up.
    pub(crate) named_audience: Option<NamedAudience>,
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
    /// The members of an audience of which the name is known: its ID is still to be looked up, and nothing is written before.
    Unresolved,
}

/// An audience by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedAudience {
    /// To the letter and case.
    pub(crate) name: String,
    /// Whether a sync may create it.
    pub(crate) create: bool,
}

impl Object {
    /// The audience that is written to, if it is one.
    pub(crate) fn audience(self) -> Option<AudienceId> {
        match self {
            Self::Profiles | Self::Unresolved => None,
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
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub fn parse(text: &str) -> Result<Self, Vec<ConfigIssue>> {
        config::parse(text, "{\"deployment_url\": …, …}", read)
    }

    /// Where requests go.
    #[must_use]
    pub fn deployment_url(&self) -> &DeploymentUrl {
        &self.deployment_url
    }

    /// Where requests to the Integration API go, and what each carries.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.connection_with(self.api_key.authorization())
    }

    /// Where requests to the Management API go, and what each carries.
    pub(crate) fn management_connection(&self, key: &ManagementKey) -> Connection {
        self.connection_with(key.authorization())
    }

    /// The type that the values of an attribute go out with; none: their own.
    pub(crate) fn type_of(&self, attribute: &str) -> Option<FieldType> {
        match &self.mappings {
            Some(mappings) => mappings.of(attribute).and_then(|mapping| mapping.attribute.field_type),
            None => field_mapping::implied_type(attribute),
        }
    }

    /// A text without the keys, should it repeat one: for everything that a server or an engine says.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn scrub(&self, text: &str) -> String {
        let text = self.api_key.scrub(text);
        match &self.management_key {
            Some(key) => key.scrub(&text),
            None => text,
        }
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn connection_with(&self, authorization: String) -> Connection {
        Connection {
            scheme: self.deployment_url.scheme(),
            authority: self.deployment_url.authority().to_owned(),
            headers: vec![
                ("authorization", authorization),
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
    let api_key = read_key(table, "api_key", issues, IntegrationKey::parse);
    table.required("api_key", "an Integration API key", issues);
    let management_key = read_key(table, "management_key", issues, |text| ManagementKey::parse(text, api_key.as_ref()));
    table.required("object_type", "customer_profiles or customer_profile_audiences", issues);
    let object_kind = table.choice("object_type", &OBJECT_TYPES, issues);
    let named_audience = read_named_audience(table, object_kind, issues);
    let object = object_kind.and_then(|kind| read_object(table, kind, named_audience.is_some(), issues));
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
        management_key,
        object: object?,
        named_audience,
        mappings,
        integration_id_prefix: prefix.to_owned(),
        nulls: nulls.unwrap_or(Nulls::Omit),
        trigger_rules,
        batch_size: usize::try_from(batch_size).ok()?,
        retry,
        timeouts,
    })
}

/// A key's value never gets into a message.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_key<T>(
    table: &Table<'_>,
    name: &str,
    issues: &mut Issues,
    parse: impl FnOnce(&str) -> Result<T, Issue>,
) -> Option<T> {
    let parsed = match table.get(name)?.as_str() {
        Some(text) => parse(text),
        None => Err(Issue::new("is not a text: expected an API key")),
    };
    table.accept(name, parsed, issues)
}

/// The keys that name an audience. What they need is checked here as well.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_named_audience(table: &Table<'_>, kind: Option<ObjectKind>, issues: &mut Issues) -> Option<NamedAudience> {
    let may_create = table.boolean("create_audience", false, issues);
    if kind == Some(ObjectKind::Profiles) {
        let asked = [("audience_name", table.get("audience_name").is_some()), ("create_audience", may_create)];
        for (key, _) in asked.into_iter().filter(|(_, asked)| *asked) {
            issues.push(key, not_for_profiles());
        }
        return None;
    }
    let name = table.text("audience_name", audience::NAME_EXPECTED, issues);
    match name {
        None => {
            if may_create {
                let issue = Issue::new("is true without audience_name: an audience that has an ID is there already");
                issues.push("create_audience", issue.hint("write the name in place of audience_id"));
            }
            return None;
        }
        Some("") => issues.push("audience_name", Issue::new(format!("is empty: expected {}", audience::NAME_EXPECTED))),
        Some(_) if table.get("management_key").is_none() => {
            let issue = Issue::new("needs management_key: the audience's ID is looked up with it");
            issues.push("audience_name", issue.hint("add management_key, or write audience_id"));
        }
        Some(_) => {}
    }
    name.map(|name| NamedAudience { name: name.to_owned(), create: may_create })
}

fn not_for_profiles() -> Issue {
    Issue::new("does not go with customer_profiles: profiles are not written to an audience")
        .hint("leave it out, or choose the object_type customer_profile_audiences")
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn read_object(table: &Table<'_>, kind: ObjectKind, named: bool, issues: &mut Issues) -> Option<Object> {
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
                issues.push("audience_id", not_for_profiles());
            }
            Some(Object::Profiles)
        }
        ObjectKind::Audiences => {
            match (audience, named) {
                (None, false) if table.get("audience_name").is_none() => {
                    table.required("audience_id", audience::ID_OR_NAME_EXPECTED, issues)
                }
                (Some(_), true) => {
                    let issue = Issue::new("stands beside audience_id: expected one of the two");
                    issues.push("audience_name", issue.hint("leave audience_name out: the ID says all"));
                    None
                }
                _ => audience,
            };
            table.required("sync_mode", expected, issues);
            let id = audience.and_then(|value| table.accept("audience_id", AudienceId::parse(value), issues));
            match (id, mode) {
                (Some(id), Some(SyncMode::Audience(mode))) => Some(Object::Audience { id, mode }),
                (None, Some(SyncMode::Audience(_))) if named => Some(Object::Unresolved),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
