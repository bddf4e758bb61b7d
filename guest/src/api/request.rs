//! Requests: their endpoints, and the bodies around the records.

use destination_toolkit::delivery::Record;
use destination_toolkit::http::{Method, Request};

use crate::config::Object;

/// The longest body. Talon.One publishes no limit; this is room for 5 KiB a profile in a full request. A smaller limit
/// of a gateway is met by halving.
pub(crate) const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// What a request is for: each kind is acknowledged differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// To check the key.
    Ping,
    /// To deliver records.
    Records,
    /// To look or to create, at this endpoint.
    Looking(Api, (Method, &'static str)),
}

impl RequestKind {
    /// Whether it may have changed something, even without an answer.
    pub(super) fn changes(self) -> bool {
        !matches!(self, Self::Ping | Self::Looking(_, (Method::Get, _)))
    }
}

/// Which of the two APIs a request is for, and so which key it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Integration,
    Management,
}

/// A request that looks or creates.
pub(crate) struct Looking {
    /// Method and path, `*` for a part of it that may be any.
    pub(super) endpoint: (Method, &'static str),
    pub(super) request: Request,
}

/// The cheap request that shows whether the key is valid.
pub(crate) fn ping() -> Request {
    Request { method: Method::Get, path: "/v2/authping".into(), body: String::new(), headers: Vec::new() }
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
            Object::Audience { .. } | Object::Unresolved => {
                Self { method: Method::Post, path: "/v2/customer_audiences", opening: "{\"data\":[" }
            }
        }
    }

    /// Bytes around the items.
    pub(crate) fn envelope_bytes(&self) -> usize {
        self.opening.len() + CLOSING.len()
    }

    /// The request with these records, the item of each the JSON of it.
    pub(crate) fn request(&self, records: &[&Record<'_>]) -> Request {
        // A comma after each but the last.
        let size = records.iter().map(|record| record.item.len() + 1).sum::<usize>().saturating_sub(1);
        let mut body = String::with_capacity(self.envelope_bytes() + size);
        body.push_str(self.opening);
        for (position, record) in records.iter().enumerate() {
            if position > 0 {
                body.push(',');
            }
            body.push_str(&record.item);
        }
        body.push_str(CLOSING);
        Request { method: self.method, path: self.path.into(), body, headers: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{audience, profiles};

    #[test]
    fn bodies_are_items_in_an_envelope_without_white_space() {
        let record = |item: &'static str| Record { batch_index: 0, key: "", item: item.into() };
        let endpoint = Endpoint::of(profiles(&json!({})).object);
        let request = endpoint.request(&[&record(r#"{"integrationId":"c0"}"#), &record(r#"{"integrationId":"c2"}"#)]);
        assert_eq!(request.method, Method::Put);
        assert_eq!(request.path, "/v2/customer_profiles?silent=yes");
        assert_eq!(request.body, r#"{"customerProfiles":[{"integrationId":"c0"},{"integrationId":"c2"}]}"#);
        assert_eq!(request.body.len(), request.body.capacity(), "sized once");
        let request = Endpoint::of(audience("add").object).request(&[&record("{}")]);
        assert_eq!((request.method, request.path.as_ref()), (Method::Post, "/v2/customer_audiences"));
        assert_eq!(request.body, r#"{"data":[{}]}"#);
    }
}
