//! The bodies of the two bulk calls, read as strictly as the published schemas allow.
//!
//! A body is refused as a whole where it is not what the call takes at all; otherwise each item is judged by itself.
//! Stricter than JSON Schema: a member that the schema does not list, or one given twice, is refused too.

use serde_json::value::RawValue;

use crate::api::error_body::Problem;
use crate::deployment::audiences::{MemberAction, MembershipChange};
use crate::deployment::definitions::{Definitions, Misfit};
use crate::deployment::profiles::ProfileUpdate;
use crate::value::object::{Object, Shape, list, shape};

/// Items that one call takes at most.
pub(crate) const MAX_ITEMS: usize = 1000;
/// Unicode characters that an integration ID has at most.
pub(crate) const MAX_ID_CHARACTERS: usize = 1000;

/// A body's items in order, each read or refused by itself.
pub(crate) type Items<T> = Vec<Result<T, Vec<Problem>>>;

/// The body of `PUT /v2/customer_profiles`.
pub(crate) fn profiles(body: &[u8], definitions: &Definitions) -> Result<Items<ProfileUpdate>, Vec<Problem>> {
    items(body, "customerProfiles", |item, pointer| profile(item, pointer, definitions))
}

/// The body of `POST /v2/customer_audiences`. Whether an audience exists is not this module's to know.
pub(crate) fn memberships(body: &[u8]) -> Result<Items<MembershipChange>, Vec<Problem>> {
    items(body, "data", membership)
}

/// The JSON that a body is.
pub(super) fn json(body: &[u8]) -> Result<&RawValue, Vec<Problem>> {
    let text = std::str::from_utf8(body)
        .map_err(|error| vec![Problem::body("Invalid JSON", "", format!("the body is not UTF-8: {error}"))])?;
    serde_json::from_str(text)
        .map_err(|error| vec![Problem::body("Invalid JSON", "", format!("the body is not JSON: {error}"))])
}

/// The one array that a body holds, its items read by `read`, which gets each item's pointer.
fn items<T>(
    body: &[u8],
    name: &str,
    read: impl Fn(&RawValue, &str) -> Result<T, Vec<Problem>>,
) -> Result<Items<T>, Vec<Problem>> {
    let object = members(json(body)?, "", &[name], &[name])?;
    let pointer = format!("/{name}");
    let array = object.get(name).and_then(list).ok_or_else(|| {
        vec![Problem::body("Invalid type", &pointer, format!("\"{name}\" must be an array of objects"))]
    })?;
    if array.is_empty() || array.len() > MAX_ITEMS {
        let details = format!("\"{name}\" must have 1 to {MAX_ITEMS} items, it has {}", array.len());
        return Err(vec![Problem::body("Invalid length", pointer, details)]);
    }
    Ok(array.into_iter().enumerate().map(|(index, item)| read(item, &format!("{pointer}/{index}"))).collect())
}

fn profile(item: &RawValue, pointer: &str, definitions: &Definitions) -> Result<ProfileUpdate, Vec<Problem>> {
    let object = members(item, pointer, &["integrationId"], &["integrationId", "attributes"])?;
    let id = id(&object, "integrationId", pointer);
    let attributes = match object.get("attributes") {
        None => Ok(Vec::new()),
        Some(value) => attributes(value, &format!("{pointer}/attributes"), definitions),
    };
    match (id, attributes) {
        (Ok(id), Ok(attributes)) => Ok(ProfileUpdate { id, attributes }),
        (id, attributes) => Err(id.err().into_iter().chain(attributes.err().into_iter().flatten()).collect()),
    }
}

pub(super) type AttributeValues = Vec<(String, Option<Box<RawValue>>)>;

pub(super) fn attributes(
    value: &RawValue,
    pointer: &str,
    definitions: &Definitions,
) -> Result<AttributeValues, Vec<Problem>> {
    let object = Object::read(value).ok_or_else(|| vec![wrong_type(pointer, "an object", value)])?;
    let mut problems: Vec<_> = object.duplicates().into_iter().map(|name| duplicate(pointer, name)).collect();
    let mut values = Vec::with_capacity(object.members.len());
    for (name, value) in object.members {
        let at = format!("{pointer}/{}", escaped(&name));
        match definitions.check(&name, value) {
            Ok(()) => values.push((name, (shape(value) != Shape::Null).then(|| value.to_owned()))),
            Err(Misfit::Undefined) => problems.push(Problem::body(
                "Unknown",
                at,
                format!("The attribute \"{name}\" is not defined on CustomerProfile entities."),
            )),
            Err(Misfit::WrongType(expected)) => problems.push(Problem::body(
                "Invalid type",
                at,
                format!("The attribute \"{name}\" must be of type {expected}, {} is not.", excerpt(value)),
            )),
            Err(Misfit::NotListed) => problems.push(Problem::body(
                "Invalid value",
                at,
                format!("The attribute \"{name}\" takes listed values only, {} is not one.", excerpt(value)),
            )),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn membership(item: &RawValue, pointer: &str) -> Result<MembershipChange, Vec<Problem>> {
    let all = ["action", "profileIntegrationId", "audienceId"];
    let object = members(item, pointer, &all, &all)?;
    let action = action(&object, pointer);
    let id = id(&object, "profileIntegrationId", pointer);
    let audience = audience(&object, pointer);
    match (action, id, audience) {
        (Ok(action), Ok(id), Ok(audience)) => Ok(MembershipChange { id, audience, action }),
        (action, id, audience) => Err([action.err(), id.err(), audience.err()].into_iter().flatten().collect()),
    }
}

fn action(object: &Object<'_>, pointer: &str) -> Result<MemberAction, Problem> {
    let pointer = format!("{pointer}/action");
    let value = object.get("action").ok_or_else(|| missing(&pointer, "action"))?;
    match value.get() {
        "\"add\"" => Ok(MemberAction::Add),
        "\"delete\"" => Ok(MemberAction::Delete),
        _ => {
            let details = format!("\"action\" must be \"add\" or \"delete\", it is {}", excerpt(value));
            Err(Problem::body("enum", pointer, details))
        }
    }
}

fn audience(object: &Object<'_>, pointer: &str) -> Result<i64, Problem> {
    let pointer = format!("{pointer}/audienceId");
    let value = object.get("audienceId").ok_or_else(|| missing(&pointer, "audienceId"))?;
    // Rust reads `+1` and `01` as integers, but neither got here: neither is JSON.
    value.get().parse().map_err(|_| {
        let details = format!("\"audienceId\" must be an integer, it is {}", excerpt(value));
        Problem::body("Invalid type", pointer, details)
    })
}

fn id(object: &Object<'_>, name: &str, pointer: &str) -> Result<String, Problem> {
    let pointer = format!("{pointer}/{name}");
    let value = object.get(name).ok_or_else(|| missing(&pointer, name))?;
    let id: String = serde_json::from_str(value.get()).map_err(|_| wrong_type(&pointer, "a string", value))?;
    match id.chars().count() {
        0 => Err(Problem::body("Invalid length", pointer, format!("\"{name}\" must not be empty"))),
        1..=MAX_ID_CHARACTERS => Ok(id),
        count => {
            let details = format!("\"{name}\" must have at most {MAX_ID_CHARACTERS} characters, it has {count}");
            Err(Problem::body("Invalid length", pointer, details))
        }
    }
}

/// An object that has the required members, none but the allowed ones, and none twice.
pub(super) fn members<'a>(
    value: &'a RawValue,
    pointer: &str,
    required: &[&str],
    allowed: &[&str],
) -> Result<Object<'a>, Vec<Problem>> {
    let object = Object::read(value).ok_or_else(|| vec![wrong_type(pointer, "an object", value)])?;
    let absent = required.iter().filter(|name| object.get(name).is_none());
    let unknown = object.members.iter().filter(|(name, _)| !allowed.contains(&name.as_str()));
    let problems: Vec<_> = absent
        .map(|name| missing(&format!("{pointer}/{name}"), name))
        .chain(unknown.map(|(name, _)| {
            let details = format!("there is no member \"{name}\"; those known are {allowed:?}");
            Problem::body("Unknown", format!("{pointer}/{}", escaped(name)), details)
        }))
        .chain(object.duplicates().into_iter().map(|name| duplicate(pointer, name)))
        .collect();
    if problems.is_empty() { Ok(object) } else { Err(problems) }
}

fn missing(pointer: &str, name: &str) -> Problem {
    Problem::body("Missing", pointer, format!("\"{name}\" is required"))
}

fn duplicate(pointer: &str, name: &str) -> Problem {
    Problem::body("Duplicate", format!("{pointer}/{}", escaped(name)), format!("\"{name}\" stands more than once"))
}

pub(super) fn wrong_type(pointer: &str, expected: &str, value: &RawValue) -> Problem {
    Problem::body("Invalid type", pointer, format!("must be {expected}, it is {}", shape(value).name()))
}

/// A reference token of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A value as it was sent, cut so that a thousand of them still make a readable error.
fn excerpt(value: &RawValue) -> String {
    const SHOWN: usize = 40;
    match value.get().char_indices().nth(SHOWN) {
        None => value.get().to_owned(),
        Some((end, _)) => format!("{}…", value.get().get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
