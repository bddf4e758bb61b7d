//! What is sent: which endpoint, how records are cut into bodies, and the bodies themselves.

use crate::config::Object;
use crate::records::Record;

/// The longest body. Talon.One publishes no limit; this is room for 5 KiB a profile in a full request. A smaller limit
/// on the way is met by halving.
pub(crate) const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// One HTTP request, apart from its host and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is done at the path.
    pub method: Method,
    /// Path and query.
    pub path: &'static str,
    /// JSON, or empty for `GET`.
    pub body: String,
}

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `PUT`
    Put,
    /// `POST`
    Post,
}

impl Method {
    /// As HTTP spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }
}

/// What a request asks for: each is acknowledged in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Whether the key is valid.
    Ping,
    /// That records are taken.
    Records,
}

/// The cheap request that shows whether the key is valid.
pub(crate) fn ping() -> Request {
    Request { method: Method::Get, path: "/v2/authping", body: String::new() }
}

/// Where records of one kind are sent, and what surrounds them in a body.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    method: Method,
    path: &'static str,
    opening: &'static str,
}

const CLOSING: &str = "]}";

impl Endpoint {
    pub(crate) fn of(object: Object) -> Self {
        match object {
            Object::Profiles => Self {
                method: Method::Put,
                // Silent: an answer of 204, without the profiles in it.
                path: "/v2/customer_profiles?silent=yes",
                opening: "{\"customerProfiles\":[",
            },
            Object::Audience { .. } => {
                Self { method: Method::Post, path: "/v2/customer_audiences", opening: "{\"data\":[" }
            }
        }
    }

    /// The request for some of the records.
    pub(crate) fn request(&self, records: &[Record<'_>], part: &[usize]) -> Request {
        let items = || part.iter().filter_map(|place| records.get(*place)).map(|record| record.item.as_ref());
        let commas = part.len().saturating_sub(1);
        let size = items().map(str::len).sum::<usize>() + commas;
        let mut body = String::with_capacity(self.opening.len() + size + CLOSING.len());
        body.push_str(self.opening);
        for (position, item) in items().enumerate() {
            if position > 0 {
                body.push(',');
            }
            body.push_str(item);
        }
        body.push_str(CLOSING);
        Request { method: self.method, path: self.path, body }
    }
}

/// Records cut into requests. All numbers are places in the records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// What goes into one request each; none is empty.
    pub(crate) parts: Vec<Vec<usize>>,
    /// What is over the byte limit by itself.
    pub(crate) too_large: Vec<usize>,
}

/// Cut records into requests of at most `batch_size` records and `max_bytes` bytes of body.
pub(crate) fn cut(endpoint: Endpoint, records: &[Record<'_>], batch_size: usize, max_bytes: usize) -> Cut {
    let room = max_bytes.saturating_sub(endpoint.opening.len() + CLOSING.len());
    let mut cut = Cut::default();
    let mut part = Vec::new();
    let mut bytes = 0;
    for (place, record) in records.iter().enumerate() {
        let length = record.item.len();
        if length > room {
            cut.too_large.push(place);
            continue;
        }
        // A comma before each but the first.
        if part.len() == batch_size || bytes + part.len() + length > room {
            cut.parts.extend(Some(std::mem::take(&mut part)).filter(|part| !part.is_empty()));
            bytes = 0;
        }
        part.push(place);
        bytes += length;
    }
    cut.parts.extend(Some(part).filter(|part| !part.is_empty()));
    cut
}

#[cfg(test)]
mod tests;
