//! A request that has arrived whole, and the checks it goes through on the way to the deployment.
//!
//! They go from the outside in, as a server's do: host, rate, path, method, key, media type, size, body.

use std::sync::Arc;

use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};

use crate::bulk::{self, Outcome};
use crate::error_body::{ErrorBody, Problem, Source};
use crate::line::Line;
use crate::path;
use crate::recorder::Ticket;
use crate::reply::{self, Reply};
use crate::shared::{Shared, lock};
use crate::snapshot;
use crate::upload::Upload;

pub(crate) struct Exchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) line: Arc<Line>,
    pub(crate) head: Parts,
    pub(crate) upload: Upload,
    pub(crate) ticket: Ticket,
}

/// Why a request is not taken, and a header that goes with that.
struct Refusal {
    problems: Vec<Problem>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems, header: None }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

impl Exchange {
    /// Treats the request as Talon.One would, and notes what is answered.
    pub(crate) fn proper(&self, fault: Option<&'static str>) -> Reply {
        let reply = self.judged();
        self.note(Some(reply.status()), fault);
        reply
    }

    pub(crate) fn note(&self, status: Option<StatusCode>, fault: Option<&'static str>) {
        self.shared.recorder.decided(self.ticket, status, fault);
    }

    /// Treats the request as Talon.One would.
    pub(crate) fn judged(&self) -> Reply {
        self.treated().unwrap_or_else(|refusal| {
            let settings = &self.shared.settings;
            let body = ErrorBody::of(refusal.problems, settings.error_detail, settings.pointers);
            let mut reply = reply::error(&body);
            reply.headers_mut().extend(refusal.header);
            reply
        })
    }

    fn treated(&self) -> Result<Reply, Refusal> {
        self.host()?;
        self.rate()?;
        let call = self.call()?;
        self.key()?;
        match call {
            Call::Authping => Ok(reply::empty(StatusCode::NO_CONTENT)),
            Call::Profiles => self.profiles(),
            Call::Audiences => self.audiences(),
        }
    }

    fn host(&self) -> Result<(), Problem> {
        let mut hosts = self.head.headers.get_all(HOST).iter();
        let named = match (hosts.next(), hosts.next()) {
            (Some(host), None) => !host.is_empty(),
            (Some(_), Some(_)) => false,
            // HTTP/2 has the authority in its place.
            (None, _) => self.head.version == Version::HTTP_2 && self.head.uri.authority().is_some(),
        };
        let details = "the request must have exactly one Host header";
        let missing = || Problem::request(StatusCode::BAD_REQUEST, "Missing", details);
        named.then_some(()).ok_or_else(missing)
    }

    fn rate(&self) -> Result<(), Refusal> {
        let now = self.shared.settings.clock.now().instant;
        lock(&self.shared.rate).admit(now).map_err(|seconds| {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = Problem::request(status, "Rate limit", "Too many requests");
            Refusal::from(problem).with(RETRY_AFTER, HeaderValue::from(seconds))
        })
    }

    fn call(&self) -> Result<Call, Refusal> {
        let (call, method, allow) = match self.head.uri.path() {
            path::PROFILES => (Call::Profiles, Method::PUT, "PUT"),
            path::AUDIENCES => (Call::Audiences, Method::POST, "POST"),
            path::AUTHPING => (Call::Authping, Method::GET, "GET"),
            unknown => {
                let details = format!("there is nothing at {unknown}");
                return Err(Problem::request(StatusCode::NOT_FOUND, "Not found", details).into());
            }
        };
        if self.head.method == method {
            return Ok(call);
        }
        let details = format!("this path takes {method}, not {}", self.head.method);
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let refusal = Refusal::from(Problem::request(status, "Method not allowed", details));
        Err(refusal.with(ALLOW, HeaderValue::from_static(allow)))
    }

    /// Says what is wrong with the key, never the key.
    fn key(&self) -> Result<(), Problem> {
        let mut sent = self.head.headers.get_all(AUTHORIZATION).iter();
        let reason = match (sent.next().map(HeaderValue::as_bytes), sent.next()) {
            (None, _) => "the Authorization header is missing",
            (_, Some(_)) => "there is more than one Authorization header",
            (Some(b"ApiKey-v1"), None) => "the key is empty",
            (Some(value), None) => match value.strip_prefix(b"ApiKey-v1 ") {
                Some(key) if key == self.shared.settings.api_key.as_bytes() => return Ok(()),
                Some(_) => "this key does not exist",
                None if value.starts_with(b"ManagementKey-v1 ") => {
                    "a Management API key was sent, this call takes an Integration API key"
                }
                None => "the Authorization header must be \"ApiKey-v1 \" and the key",
            },
        };
        let details = format!("Unauthorized - Invalid API key: {reason}");
        Err(Problem::request(StatusCode::UNAUTHORIZED, "Unauthorized", details))
    }

    fn profiles(&self) -> Result<Reply, Refusal> {
        let silent = self.silent()?;
        let mut answer = reply::empty(StatusCode::NO_CONTENT);
        if let Some(body) = self.body()? {
            let mut deployment = lock(&self.shared.deployment);
            let outcome = bulk::profiles(&mut deployment, body, self.shared.settings.batches);
            let updated = self.settled(outcome)?;
            if !silent {
                let states = snapshot::integration_states(&deployment, &updated);
                answer = reply::json(StatusCode::OK, states);
            }
        }
        Ok(answer)
    }

    fn audiences(&self) -> Result<Reply, Refusal> {
        if let Some(query) = self.head.uri.query() {
            return Err(unknown_parameter(query).into());
        }
        if let Some(body) = self.body()? {
            let mut deployment = lock(&self.shared.deployment);
            let outcome = bulk::memberships(&mut deployment, body, self.shared.settings.batches);
            self.settled(outcome)?;
        }
        Ok(reply::empty(StatusCode::NO_CONTENT))
    }

    /// Notes how a bulk call ended. The IDs of the profiles that were updated, if it ended well.
    fn settled(&self, outcome: Outcome) -> Result<Vec<String>, Refusal> {
        self.shared.recorder.applied(self.ticket, outcome.applied, outcome.superseded);
        if outcome.problems.is_empty() { Ok(outcome.updated) } else { Err(outcome.problems.into()) }
    }

    /// Whether the answer is to have no body. That is the published default.
    fn silent(&self) -> Result<bool, Problem> {
        match self.head.uri.query() {
            None | Some("silent=yes") => Ok(true),
            Some("silent=no") => Ok(false),
            Some(query) => Err(unknown_parameter(query)),
        }
    }

    /// The body to read, or none where bodies are only counted.
    fn body(&self) -> Result<Option<&[u8]>, Problem> {
        let unsupported = |details| {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            Err(Problem::request(status, "Unsupported media type", details))
        };
        let content_type = self.head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        if !media_type.trim_ascii().eq_ignore_ascii_case(b"application/json") {
            let seen = String::from_utf8_lossy(content_type);
            return unsupported(format!("content-type must be application/json, it is {seen:?}"));
        }
        if let Some(encoding) = self.head.headers.get(CONTENT_ENCODING) {
            return unsupported(format!("content-encoding must be absent, it is {encoding:?}"));
        }
        let (size, limit) = (self.upload.size, self.shared.settings.body_limit);
        if size > limit {
            let details = format!("the body must have at most {limit} bytes, it has {size}");
            return Err(Problem::request(StatusCode::PAYLOAD_TOO_LARGE, "Too large", details));
        }
        Ok(self.upload.bytes.as_deref())
    }
}

/// A query that is not one the call takes; its first parameter is named.
fn unknown_parameter(query: &str) -> Problem {
    let name = query.split(['=', '&']).next().unwrap_or_default();
    let details = format!("the query must be silent=yes, silent=no or absent, it is {query:?}");
    let source = Source::Parameter(name.to_owned());
    Problem { source, ..Problem::request(StatusCode::BAD_REQUEST, "Invalid parameter", details) }
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Profiles,
    Audiences,
    Authping,
}
