//! The records of a batch as Talon.One takes them.

use std::borrow::Cow;

use destination_toolkit::bindings::{Action, Failure};
use destination_toolkit::problem;

use crate::api::{membership, profile_update};
use crate::config::{Config, Object};
use crate::mapping;

/// What is sent for a record: its JSON, or with `trigger_rules` the body of its own request. An engine has none for a row that left its source: that one is written here.
pub(crate) fn item<'a>(
    config: &Config,
    index: u32,
    key: &str,
    action: Action,
    payload: &'a str,
) -> Result<Cow<'a, str>, Failure> {
    let object = config.object;
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
    if config.trigger_rules {
        let body = match object {
            Object::Profiles => profile_update::of_profile(key, payload),
            Object::Audience { id, .. } => Some(profile_update::of_membership(action, id)),
            Object::Unresolved => None,
        };
        let foreign = || problem::internal(format!("record {index} has a payload that is not this plugin's"));
        return body.map(Cow::Owned).ok_or_else(foreign);
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
