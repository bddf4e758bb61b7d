//! What the destination says of itself: its spec, and the objects that it takes.
//!
//! Both are made of the plugin's own schema and descriptor.

use serde_json::{Map, Value, json};

use super::mode::SUPPORTED;
use crate::fault::Fault;
use crate::pipeline::declared;
use crate::pipeline::job::{SYNC_MODE, mode, object_type};
use crate::sync_file::Destination;
use crate::target;
use destination_engine::bindings::{Descriptor, ObjectType, SyncMode};

/// The dialect of JSON Schema that Airbyte's forms read.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// The destination's specification.
///
/// # Errors
/// Where the plugin's schema is no JSON.
pub fn spec(descriptor: &Descriptor) -> serde_json::Result<Value> {
    let mut schema = target::settings::schema(descriptor, [])?;
    for secret in &descriptor.config_keys.secrets {
        if let Some(Value::Object(secret)) = schema.pointer_mut(&format!("/properties/{}", secret.config_key)) {
            secret.insert("writeOnly".to_owned(), Value::Bool(true));
        }
    }
    adapt(&mut schema);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), Value::from(DIALECT));
        // The platform adds keys of its own.
        schema.insert("additionalProperties".to_owned(), Value::Bool(true));
    }
    Ok(json!({
        "connectionSpecification": schema,
        "supportsIncremental": true,
        "supportsNormalization": false,
        "supportsDBT": false,
        "supported_destination_sync_modes": SUPPORTED.map(super::catalog::DestinationSyncMode::name),
    }))
}

/// Puts a schema into the words that Airbyte's forms read: a secret is marked, properties have their order, and a choice of
/// plain values is one value.
fn adapt(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if object.get("writeOnly").and_then(Value::as_bool) == Some(true) {
        object.insert("airbyte_secret".to_owned(), Value::Bool(true));
    }
    if let Some(Value::Array(choices)) = object.get("oneOf")
        && let Some(plain) = plain_choice(choices)
    {
        object.remove("oneOf");
        for (key, value) in plain {
            object.entry(key).or_insert(value);
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (order, property) in properties.values_mut().enumerate() {
            adapt(property);
            if let Value::Object(property) = property {
                property.insert("order".to_owned(), Value::from(order));
            }
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(inner) {
            adapt(inner);
        }
    }
}

/// A choice of values that are no objects, as one value: constants are an `enum`, types are listed.
fn plain_choice(choices: &[Value]) -> Option<Map<String, Value>> {
    let constants: Option<Vec<Value>> = choices.iter().map(|choice| choice.get("const").cloned()).collect();
    if let Some(constants) = constants {
        let kind =
            if constants.iter().all(Value::is_string) { Some(("type".to_owned(), "string".into())) } else { None };
        return Some(kind.into_iter().chain([("enum".to_owned(), Value::Array(constants))]).collect());
    }
    let mut types = Vec::new();
    let mut plain = Map::new();
    for choice in choices.iter().map(Value::as_object) {
        let choice = choice.filter(|choice| !choice.contains_key("properties"))?;
        types.push(choice.get("type")?.clone());
        // A pattern is for texts alone and a minimum for numbers: together they say the same as apart.
        plain.extend(choice.iter().filter(|(key, _)| *key != "type").map(|(key, value)| (key.clone(), value.clone())));
    }
    plain.insert("type".to_owned(), Value::Array(types));
    Some(plain)
}

/// What the destination takes by this config, for connections that map columns to its fields: the object, its fields, and each
/// way to apply rows.
///
/// # Errors
/// Where the config names no object of the plugin's.
pub fn destination_catalog(descriptor: &Descriptor, destination: &Destination) -> Result<Value, Vec<Fault>> {
    let Some(objects) = object_type(descriptor, destination) else {
        return Err(declared::faults(descriptor, destination));
    };
    let asked = destination.text(SYNC_MODE).and_then(|name| mode(&name));
    let operation = |name: &str| {
        let (object, fields) = (&objects.name, fields(objects));
        match name {
            "append" => json!({ "object_name": object, "sync_mode": name, "json_schema": fields }),
            _ => {
                let keys = [[&objects.key_field]];
                json!({ "object_name": object, "sync_mode": name, "json_schema": fields, "matching_keys": keys })
            }
        }
    };
    let mirrors = objects.sync_modes.contains(&SyncMode::Mirror) && asked.is_none_or(|mode| mode == SyncMode::Mirror);
    let modes = ["append", "append_dedup"].into_iter().chain(mirrors.then_some("overwrite"));
    Ok(json!({ "operations": modes.map(operation).collect::<Vec<_>>() }))
}

/// The fields of an object. What type a field has is the destination's to say, or the mapping's.
fn fields(objects: &ObjectType) -> Value {
    let properties: Map<String, Value> = objects
        .fields
        .iter()
        .map(|field| (field.name.clone(), json!({ "title": field.label, "description": field.description })))
        .collect();
    let required: Vec<&str> =
        objects.fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": objects.custom_fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(mut schema: Value) -> Value {
        adapt(&mut schema);
        schema
    }

    #[test]
    fn a_choice_of_plain_values_is_one_value() {
        let constants = json!({ "title": "T", "oneOf": [{ "const": "a", "title": "A" }, { "const": "b" }] });
        assert_eq!(adapted(constants), json!({ "title": "T", "type": "string", "enum": ["a", "b"] }));
        let types =
            json!({ "oneOf": [{ "type": "string", "pattern": "^[0-9]+$" }, { "type": "integer", "minimum": 1 }] });
        assert_eq!(adapted(types), json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$", "minimum": 1 }));
        let objects = json!({ "oneOf": [{ "type": "object", "properties": {} }, { "type": "string" }] });
        assert_eq!(adapted(objects.clone()), objects);
    }

    #[test]
    fn a_secret_is_marked_wherever_it_is() {
        let schema = json!({ "properties": { "a": { "writeOnly": true }, "b": { "properties": { "c": { "writeOnly": true } } } } });
        let adapted = adapted(schema);
        assert_eq!(adapted.pointer("/properties/a/airbyte_secret"), Some(&Value::Bool(true)));
        assert_eq!(adapted.pointer("/properties/b/properties/c/airbyte_secret"), Some(&Value::Bool(true)));
        assert_eq!(adapted.pointer("/properties/b/order"), Some(&Value::from(1)));
    }
}
