//! What the calls of Talon.One's API take, do to the deployment and answer: pure, without HTTP.
//!
//! Those of the Integration API and of the Management API stand side by side; which one a call belongs to is the
//! server's to know.

pub(crate) mod attribute;
pub(crate) mod audience;
pub(crate) mod bulk;
pub(crate) mod customer_profile;
pub(crate) mod error_body;
pub mod path;
pub(crate) mod profile_update;
pub(crate) mod query;
pub(crate) mod schema;
pub(crate) mod search;
pub(crate) mod states;
