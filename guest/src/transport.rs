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

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header as it came.
    pub retry_after: Option<String>,
    /// The body, or the start of a long one.
    pub body: String,
    /// The connection broke before the end of the body.
    pub cut_short: bool,
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
    /// It did not come about in time, or the answer did not.
    Timeout,
    /// The connection ended before there was an answer. The request may have been carried out.
    Reset,
    /// The request is not let through, and will not be the next time: by the engine's policy, or for the server's
    /// certificate.
    Denied,
}
