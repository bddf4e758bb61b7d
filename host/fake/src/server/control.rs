//! The calls under `/_fake/`: how a person, or a test in another process, looks into the fake and changes it.
//!
//! They need no key, are not recorded and never fail by script. Bodies are JSON; a wrong one is a 400 that says why.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::error_body::ErrorBody;
use crate::deployment::attributes::AttributeType;
use crate::deployment::campaigns::Rule;
use crate::deployment::definitions::NewAttribute;
use crate::deployment::profiles::Attributes;
use crate::deployment::snapshot::Snapshot;
use crate::faults::Faults;
use crate::faults::fault::Movement;
use crate::lock::lock;
use crate::recorder::Request;
use crate::server::reply::{self, Ended, Reply};
use crate::server::shared::Shared;

const PREFIX: &str = "/_fake/";
/// Bytes of a control call's body: a script of thousands of steps.
const BODY_LIMIT: usize = 1_000_000;

/// A call under `/_fake/`.
#[derive(Debug)]
pub(crate) enum Call {
    State,
    Requests,
    Reset,
    Faults,
    Release,
    Audiences,
    Attributes,
    Members,
    Profiles,
    Rules,
    /// What is there, for who asks for something else.
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedAudience {
    id: i64,
    name: String,
    /// So many members that take no memory.
    crowd: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefinedAttribute {
    name: String,
    #[serde(rename = "type")]
    kind: AttributeType,
    #[serde(default)]
    description: String,
    /// It takes these alone.
    values: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownProfile {
    id: String,
    #[serde(default)]
    attributes: Attributes,
}

/// A request as `GET /_fake/requests` shows it. The key is left out: the status says whether it was the right one.
#[derive(Serialize)]
struct Shown<'a> {
    sequence: u64,
    /// Milliseconds since 1970.
    arrived_ms: u128,
    connection: u64,
    version: String,
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<String>,
    body_bytes: u64,
    items: u32,
    applied: u32,
    superseded: u32,
    status: Option<u16>,
    fault: Option<&'a str>,
}

impl Call {
    /// None for a path that is not under `/_fake/`.
    pub(crate) fn of(head: &Parts) -> Option<Self> {
        Some(Self::named(&head.method, head.uri.path().strip_prefix(PREFIX)?))
    }

    fn named(method: &Method, name: &str) -> Self {
        match (method, name) {
            (&Method::GET, "state") => Self::State,
            (&Method::GET, "requests") => Self::Requests,
            (&Method::POST, "reset") => Self::Reset,
            (&Method::POST, "faults") => Self::Faults,
            (&Method::POST, "release") => Self::Release,
            (&Method::POST, "audiences") => Self::Audiences,
            (&Method::POST, "attributes") => Self::Attributes,
            (&Method::POST, "members") => Self::Members,
            (&Method::POST, "profiles") => Self::Profiles,
            (&Method::POST, "rules") => Self::Rules,
            _ => Self::Unknown,
        }
    }

    /// What `POST /_fake/NAME` does with a body, or why it does nothing.
    pub(crate) fn post(name: &str, shared: &Shared, body: &Bytes) -> Result<(), String> {
        match Self::named(&Method::POST, name) {
            Self::Unknown => Err(format!("there is no POST /_fake/{name}")),
            call => call.act(shared, body).map(drop),
        }
    }

    pub(crate) async fn answer(self, shared: &Shared, body: Incoming) -> Result<Reply, Ended> {
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                return Ok(refused(StatusCode::BAD_REQUEST, format!("the body can't be read: {error}")));
            }
        };
        Ok(self.act(shared, &body).unwrap_or_else(|message| refused(StatusCode::BAD_REQUEST, message)))
    }

    fn act(self, shared: &Shared, body: &Bytes) -> Result<Reply, String> {
        match self {
            Self::State => {
                let snapshot = Snapshot::of(&lock(&shared.deployment)).to_string();
                return Ok(reply::json(StatusCode::OK, snapshot + "\n"));
            }
            Self::Requests => {
                let requests = shared.recorder.requests();
                let shown: Vec<_> = requests.iter().map(Shown::of).collect();
                let text = serde_json::to_string_pretty(&shown).map_err(|error| error.to_string())?;
                return Ok(reply::json(StatusCode::OK, text + "\n"));
            }
            Self::Reset => shared.reset(),
            Self::Faults => *lock(&shared.faults) = read::<Faults>(body)?,
            Self::Release => shared.release(),
            Self::Audiences => {
                let audience: NamedAudience = read(body)?;
                let audiences = &mut lock(&shared.deployment).audiences;
                audiences.create(audience.id, &audience.name);
                audience.crowd.into_iter().for_each(|count| audiences.gather(audience.id, count));
            }
            Self::Attributes => {
                let attribute: DefinedAttribute = read(body)?;
                let defined = NewAttribute::of_profiles(&attribute.name, attribute.kind);
                let defined = NewAttribute {
                    description: attribute.description,
                    restricted_by_suggestions: attribute.values.is_some(),
                    suggestions: attribute.values.unwrap_or_default(),
                    ..defined
                };
                lock(&shared.deployment).definitions.define(defined);
            }
            Self::Members => {
                let movement: Movement = read(body)?;
                lock(&shared.deployment).move_members(&movement);
            }
            Self::Profiles => {
                let KnownProfile { id, attributes } = read(body)?;
                lock(&shared.deployment).profiles.ensure(id).attributes.extend(attributes);
            }
            Self::Rules => {
                let rule: Rule = read(body)?;
                lock(&shared.deployment).campaigns.rules.push(rule);
            }
            Self::Unknown => {
                let known = "known are GET /_fake/state and requests, POST /_fake/reset, faults, release, audiences, \
                             attributes, members, profiles and rules";
                return Ok(refused(StatusCode::NOT_FOUND, known));
            }
        }
        Ok(reply::empty(StatusCode::NO_CONTENT))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn refused(status: StatusCode, message: impl Into<String>) -> Reply {
    reply::error(&ErrorBody::plain(status, message))
}

impl<'a> Shown<'a> {
    fn of(request: &'a Request) -> Self {
        let shown = |(name, value): &'a (String, String)| match name.as_str() {
            "authorization" => (name.as_str(), "(not shown)"),
            name => (name, value.as_str()),
        };
        Self {
            sequence: request.sequence,
            arrived_ms: request.arrived_wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
            connection: request.connection,
            version: format!("{:?}", request.version),
            method: request.method.as_str(),
            path: &request.path,
            query: request.query.as_deref(),
            headers: request.headers.iter().map(shown).collect(),
            body: request.body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()),
            body_bytes: request.body_bytes,
            items: request.items,
            applied: request.applied,
            superseded: request.superseded,
            status: request.status.map(|status| status.as_u16()),
            fault: request.fault,
        }
    }
}
