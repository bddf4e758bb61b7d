//! What is needed of the network: a request out, an answer back. A component's is `WasiTransport`; tests bring a scripted one
//! ([`crate::testing::Server`]).

pub mod body;
mod connection;
pub mod error_body;
mod incoming;
pub mod path;
pub mod retry_after;
mod url;
#[cfg(target_family = "wasm")]
mod wasi;

use std::borrow::Cow;

use crate::clock::Clock;

pub use self::connection::Connection;
pub use self::incoming::{BodyReader, Incoming, Network};
pub use self::url::{Scheme, Url, percent_encoded};
#[cfg(target_family = "wasm")]
pub use self::wasi::{WasiNetwork, WasiTransport};

/// Sends requests to the server of a config.
pub trait Transport {
    /// Send a request and read the answer, its body up to a limit.
    ///
    /// # Errors
    /// There is no answer.
    fn send(&mut self, request: &Request) -> Result<Response, TransportError>;
}

/// Send a request over a connection and read the answer, its body up to a limit.
///
/// # Errors
/// There is no answer.
pub fn send(
    network: &mut dyn Network,
    connection: &Connection,
    request: &Request,
    clock: &mut dyn Clock,
) -> Result<Response, TransportError> {
    Ok(network.open(connection, request)?.collect(connection.request_timeout_ms, clock))
}

/// Bytes of a body that are read. An error is far shorter; a page of HTML need not be read to its end.
pub const MAX_BODY: usize = 64 * 1024;

/// One HTTP request, apart from its host and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is done at the path.
    pub method: Method,
    /// Path and query.
    pub path: Cow<'static, str>,
    /// Empty for `GET`.
    pub body: String,
    /// What this request alone carries, beside what [`Connection`] has for all. A rendered request does not show it.
    pub headers: Vec<(&'static str, String)>,
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
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Method {
    /// As HTTP spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are of use.
    pub headers: Headers,
    /// The body, or the start of a long one, as it came: of any kind and in any encoding.
    pub body: Vec<u8>,
    /// Why the body is incomplete, if it is.
    pub truncated: Option<TransportErrorKind>,
}

/// Headers of an answer, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Retry-After`
    pub retry_after: Option<String>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Content-Encoding`
    pub content_encoding: Option<String>,
    /// `Location`
    pub location: Option<String>,
    /// `Server`
    pub server: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What happened, as far as it matters for what to do next.
    pub kind: TransportErrorKind,
    /// The engine's or the server's own words.
    pub detail: String,
}

/// Kinds of transport errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection could be made.
    Connect,
    /// No connection could be made in time.
    ConnectTimeout,
    /// The answer did not come in time, or did not end.
    Timeout,
    /// The connection ended before there was an answer. The request may have been carried out.
    Reset,
    /// The request is blocked, and will be the next time: by the engine's policy, by a proxy's, or for the server's
    /// certificate.
    Denied,
}
