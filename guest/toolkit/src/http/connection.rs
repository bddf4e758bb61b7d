//! How requests of one config reach their server: its address, the headers, the time-outs.

use super::{Request, Scheme, Url};

/// One server, and what every request to it carries. It has no `Debug`: headers hold secrets.
#[derive(Clone)]
pub struct Connection {
    /// http or https.
    pub scheme: Scheme,
    /// The host, with the port if one is given.
    pub authority: String,
    /// The headers of every request, in lower case: the secret, and who asks.
    pub headers: Vec<(&'static str, String)>,
    /// The form of a body.
    pub content_type: &'static str,
    /// How long connecting may take.
    pub connect_timeout_ms: u64,
    /// How long a request may take, from connecting to the end of its answer.
    pub request_timeout_ms: u64,
}

impl Connection {
    /// To this address, with ten seconds to connect and a minute in all.
    #[must_use]
    pub fn new(url: &Url, headers: Vec<(&'static str, String)>, content_type: &'static str) -> Self {
        Self {
            scheme: url.scheme,
            authority: url.authority.clone(),
            headers,
            content_type,
            connect_timeout_ms: 10_000,
            request_timeout_ms: 60_000,
        }
    }

    /// The headers of a request: for a transport alone, never to be shown.
    #[must_use]
    pub fn headers(&self, request: &Request) -> Vec<(&'static str, String)> {
        let mut headers = self.headers.clone();
        headers.extend(request.headers.iter().cloned());
        if !request.body.is_empty() {
            headers.push(("content-type", self.content_type.to_owned()));
            headers.push(("content-length", request.body.len().to_string()));
        }
        headers
    }
}
