//! Talon.One's Integration API: what is sent, and what an answer means. No request leaves from here.

pub(crate) mod error_body;
pub(crate) mod membership;
pub(crate) mod message;
pub(crate) mod profile_update;
pub(crate) mod request;
pub(crate) mod response;
