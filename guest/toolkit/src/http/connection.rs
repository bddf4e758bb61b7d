//! How requests of one config reach their server: its address, the headers, the time-outs.

use super::{Request, Scheme, Url};

/// One server, and what every request to it carries. It has no `Debug`: headers hold secrets.
#[derive(Clone)]
pub struct Connection {
    /// http or https.
    pub scheme: Scheme,
    /// The host, with the port if one is given.
    pub authority: String,
    /// The value of `authorization`: `Bearer …`.
    pub authorization: String,
    /// The value of `accept`.
    pub accept: &'static str,
    /// Who asks: the plugin's name and version.
    pub user_agent: &'static str,
    /// The form of a body.
    pub content_type: &'static str,
    /// How long connecting may take.
    pub connect_timeout_ms: u64,
    /// How long a request may take, from connecting to the end of its answer.
    pub request_timeout_ms: u64,
}

impl Connection {
    /// To this address, with ten seconds to connect and a minute in all. Any answer is taken.
    #[must_use]
    pub fn new(url: &Url, authorization: String, content_type: &'static str, user_agent: &'static str) -> Self {
        Self {
            scheme: url.scheme,
            authority: url.authority.clone(),
            authorization,
            accept: "*/*",
            user_agent,
            content_type,
            connect_timeout_ms: 10_000,
            request_timeout_ms: 60_000,
        }
    }

    /// The headers of a request: for a transport alone, never to be shown.
    #[must_use]
    pub fn headers(&self, request: &Request) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("authorization", self.authorization.clone()),
            ("accept", self.accept.to_owned()),
            ("user-agent", self.user_agent.to_owned()),
        ];
        if !request.body.is_empty() {
            headers.push(("content-type", self.content_type.to_owned()));
            headers.push(("content-length", request.body.len().to_string()));
        }
        headers
    }
}
