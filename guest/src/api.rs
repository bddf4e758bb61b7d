//! Talon.One's Integration API: what is sent, and what an answer means. No request leaves from here.

mod body;
pub(crate) mod error_body;
// Without a transport nobody sends them.
#[cfg(any(test, target_family = "wasm"))]
pub(crate) mod headers;
pub(crate) mod membership;
pub(crate) mod message;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry_after;
pub(crate) mod transport;
