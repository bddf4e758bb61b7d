//! Talon.One's two APIs: what is sent, and what an answer means. What delivers goes to the Integration API, what looks and creates
//! mostly to the Management API; each has a key of its own. No request leaves from here but through a [`client`].

pub(crate) mod client;
pub(crate) mod error_body;
pub(crate) mod export;
pub(crate) mod integration;
pub(crate) mod management;
pub(crate) mod membership;
pub(crate) mod message;
pub(crate) mod object;
pub(crate) mod page;
pub(crate) mod profile_update;
pub(crate) mod request;
pub(crate) mod response;
