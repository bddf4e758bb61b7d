//! What the calls of Talon.One's API take, do to the deployment and answer: pure, without HTTP.
//!
//! The bulk calls of the Integration API are here. Another API of Talon.One's gets its bodies beside them, and its calls
//! beside those of `server/integration.rs`.

pub(crate) mod bulk;
pub(crate) mod error_body;
pub mod path;
pub(crate) mod profile_update;
pub(crate) mod schema;
pub(crate) mod states;
