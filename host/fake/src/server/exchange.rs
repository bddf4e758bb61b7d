//! A request that has arrived whole, and what is looked at in each, whichever call it makes.

use std::sync::Arc;

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use serde::de::DeserializeOwned;

use crate::api::error_body::Problem;
use crate::api::query::Query;
use crate::lock::lock;
use crate::recorder::Ticket;
use crate::recorder::upload::Upload;
use crate::server::line::Line;
use crate::server::shared::Shared;

pub(crate) struct Exchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) line: Arc<Line>,
    pub(crate) head: Parts,
    pub(crate) upload: Upload,
    pub(crate) ticket: Ticket,
}

/// Why a request is not taken, and a header that goes with that.
pub(super) struct Refusal {
    pub(super) problems: Vec<Problem>,
    pub(super) header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn with(self, name: HeaderName, value: HeaderValue) -> Self {
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
    pub(crate) fn note(&self, status: Option<StatusCode>, fault: Option<&'static str>) {
        self.shared.recorder.decided(self.ticket, status, fault);
    }

    pub(super) fn host(&self) -> Result<(), Problem> {
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

    /// Calls of the Management API have a limit for each `endpoint`; all others share one.
    pub(super) fn rate(&self, endpoint: Option<&'static str>) -> Result<(), Refusal> {
        let now = self.shared.settings.clock.now().instant;
        lock(&self.shared.rates).admit(endpoint, now).map_err(|seconds| {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = Problem::request(status, "Rate limit", "Too many requests");
            Refusal::from(problem).with(RETRY_AFTER, HeaderValue::from(seconds))
        })
    }

    /// The query, which may have these parameters.
    pub(super) fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        Query::read(self.head.uri.query(), known)
    }

    /// The body, which must be one object of this kind and have no member beyond its schema.
    pub(super) fn object<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body = self.body()?.unwrap_or_default();
        serde_json::from_slice(body).map_err(|error| {
            let title = if error.is_data() { "Invalid value" } else { "Invalid JSON" };
            Problem::body(title, "", error.to_string())
        })
    }

    /// The body to read, or none where bodies are only counted.
    pub(super) fn body(&self) -> Result<Option<&[u8]>, Problem> {
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
