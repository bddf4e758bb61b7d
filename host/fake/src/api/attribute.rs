//! Attribute definitions: the body that makes one, and the answers that show them.

use hyper::StatusCode;
use serde::Serialize;

use crate::api::customer_profile::{ACCOUNT, LONG_AGO};
use crate::api::error_body::Problem;
use crate::deployment::definitions::{Definition, Definitions, Entity, NewAttribute};

/// Suggestions that an attribute has at most.
const MAX_SUGGESTIONS: usize = 50;

/// The published `Attribute`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attribute<'a> {
    id: usize,
    created: &'static str,
    account_id: u32,
    #[serde(flatten)]
    attribute: &'a NewAttribute,
}

impl<'a> From<&'a Definition> for Attribute<'a> {
    fn from(definition: &'a Definition) -> Self {
        Self { id: definition.id, created: LONG_AGO, account_id: ACCOUNT, attribute: &definition.attribute }
    }
}

/// Which attributes a list is asked for.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    pub(crate) entity: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) built_in: Option<bool>,
    /// Part of a name, a description or a type, in lower case.
    pub(crate) search: String,
}

impl Filter<'_> {
    pub(crate) fn takes(&self, definition: &Definition) -> bool {
        let attribute = &definition.attribute;
        let texts = [attribute.name.as_str(), &attribute.description, attribute.kind.name()];
        self.entity.is_none_or(|entity| entity == attribute.entity.name())
            && self.kind.is_none_or(|kind| kind == attribute.kind.name())
            && self.built_in.is_none_or(|built_in| built_in == definition.built_in)
            && texts.into_iter().any(|text| text.to_lowercase().contains(&self.search))
    }
}

/// What the published schema says of a new attribute beyond its members' types, and that its name and title are free.
pub(crate) fn problems(attribute: &NewAttribute, known: &Definitions) -> Vec<Problem> {
    let invalid = |pointer: &str, details: String| Problem::body("Invalid value", pointer, details);
    let mut problems = Vec::new();
    if !is_name(&attribute.name) {
        problems.push(invalid("/name", format!("\"name\" must match ^[A-Za-z]\\w*$, it is {:?}", attribute.name)));
    }
    if !is_title(&attribute.title) {
        let pattern = "^[A-Za-z][A-Za-z0-9_.!~*'() -]*$";
        problems.push(invalid("/title", format!("\"title\" must match {pattern}, it is {:?}", attribute.title)));
    }
    if attribute.suggestions.len() > MAX_SUGGESTIONS {
        let details = format!("\"suggestions\" must have at most {MAX_SUGGESTIONS} items");
        problems.push(invalid("/suggestions", details));
    }
    if attribute.suggestions.iter().any(String::is_empty) {
        problems.push(invalid("/suggestions", "a suggestion must not be empty".to_owned()));
    }
    if attribute.allowed_subscriptions.is_some() && attribute.entity != Entity::CartItem {
        let details = "\"allowedSubscriptions\" is for attributes of CartItem".to_owned();
        problems.push(invalid("/allowedSubscriptions", details));
    }
    let of_entity = known.all().iter().map(|known| &known.attribute).filter(|known| known.entity == attribute.entity);
    for known in of_entity {
        let taken = |what: &str, value: &str| {
            let details = format!("an attribute of this entity with the {what} {value:?} already exists");
            Problem::body("Conflict", format!("/{what}"), details).with_status(StatusCode::CONFLICT)
        };
        if known.name == attribute.name {
            problems.push(taken("name", &known.name));
        } else if known.title == attribute.title {
            problems.push(taken("title", &known.title));
        }
    }
    problems
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_title(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.!~*'() -".contains(&byte))
}
