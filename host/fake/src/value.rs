//! Values as they stand in JSON, to the letter.

pub(crate) mod object;
pub(crate) mod rfc3339;
