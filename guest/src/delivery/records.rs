//! The records of a batch as Talon.One takes them.

use std::borrow::Cow;

use destination_toolkit::bindings::{Action, Failure};
use destination_toolkit::problem;

use crate::api::membership;
use crate::config::Object;
use crate::mapping;

/// The JSON of a record. An engine has none for a row that left its source: that one is written here.
pub(crate) fn item<'a>(
    object: Object,
    index: u32,
    key: &str,
    action: Action,
    payload: &'a str,
) -> Result<Cow<'a, str>, Failure> {
    match (object, action) {
        (Object::Unresolved, _) => return Err(mapping::unresolved()),
        (Object::Profiles, Action::Upsert) | (Object::Audience { .. }, Action::Add | Action::Delete) => {}
        (Object::Profiles, Action::Add | Action::Delete) => {
            return Err(problem::configuration(format!(
                "record {index} is not an upsert: a sync of customer_profiles creates and updates, and does nothing else"
            )));
        }
        (Object::Audience { .. }, Action::Upsert) => {
            return Err(problem::configuration(format!(
                "record {index} is an upsert: a sync of customer_profile_audiences adds and deletes, and does nothing else"
            )));
        }
    }
    if key.is_empty() {
        return Err(problem::internal(format!("record {index} has an empty key")));
    }
    match (object, action) {
        _ if !payload.is_empty() => Ok(Cow::Borrowed(payload)),
        (Object::Audience { id, .. }, Action::Delete) => {
            let mut item = String::with_capacity(key.len() + 80);
            membership::write(key, action, id, &mut item);
            Ok(Cow::Owned(item))
        }
        _ => Err(problem::internal(format!("record {index} has no payload: only a delete may have none"))),
    }
}

#[cfg(test)]
mod tests;
