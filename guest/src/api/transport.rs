//! What is needed of the network: a request out, an answer back. The component's is `component::http`; tests bring a
//! scripted one.

use super::request::Request;

/// Sends requests to the deployment.
pub trait Transport {
    /// Send a request and read the answer, its body up to a limit.
    ///
    /// # Errors
    /// There is no answer.
    fn send(&mut self, request: &Request) -> Result<Response, TransportError>;
}

/// Bytes of a body that are read. An error is far shorter; a page of HTML need not be read to its end.
pub(crate) const MAX_BODY: usize = 64 * 1024;

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
