//! The one thing asked of the network: a request out, an answer back. The component's own way to do it is
//! `transport::wasi`; tests bring a scripted one.

#[cfg(target_family = "wasm")]
pub(crate) mod wasi;

use crate::request::Request;

/// Sends requests to the deployment.
pub trait Transport {
    /// Send a request and read the answer, its body up to a limit.
    ///
    /// # Errors
    /// There is no answer.
    fn send(&mut self, request: &Request) -> Result<Response, Break>;
}

/// Bytes of a body that are read. An error is said in far less; a page of HTML need not be read to its end.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers that say something of use.
    pub headers: Headers,
    /// The body, or the start of a long one, as it came: of any kind and in any encoding.
    pub body: Vec<u8>,
    /// Why the body ended before its end, where it did.
    pub cut_short: Option<BreakKind>,
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
pub struct Break {
    /// What happened, as far as it matters for what to do next.
    pub kind: BreakKind,
    /// The same in the words of whoever noticed.
    pub detail: String,
}

/// Kinds of breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakKind {
    /// No connection came about.
    Connect,
    /// No connection came about in time.
    ConnectTimeout,
    /// The answer did not come in time, or did not end.
    Timeout,
    /// The connection ended before there was an answer. The request may have been carried out.
    Reset,
    /// The request is not let through, and will not be the next time: by the engine's policy, by a proxy's, or for the
    /// server's certificate.
    Denied,
}
