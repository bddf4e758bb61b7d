//! The descriptor: whether it holds together, with itself and with the config's schema.

use std::collections::BTreeSet;

use destination_engine::bindings::{Descriptor, Endpoint};
use destination_engine::http::egress::Origin;
use destination_engine::plugin::Plugin;
use serde_json::{Map, Value};

use super::report::Findings;
use super::rules::{DECLARED, ENDPOINTS, FIELDS, FITS_SCHEMA, KEYS, LIMITS, NAMED, OBJECT_TYPES, SCHEMA, STABLE};
use super::subject::told;
use crate::pipeline::job::{OBJECT_TYPE, SYNC_MODE, mode_name};

const MAPPINGS: &str = "mappings";

pub(super) async fn check(plugin: &Plugin, config: &Map<String, Value>, findings: &mut Findings) {
    let descriptor = plugin.descriptor();
    findings.judge(STABLE, unstable(plugin).await);
    findings.judge(NAMED, unnamed(descriptor));
    findings.judge(OBJECT_TYPES, object_types(descriptor));
    findings.judge(FIELDS, fields(descriptor));
    findings.judge(LIMITS, limits(descriptor));
    findings.judge(ENDPOINTS, endpoints(descriptor));
    let schema = match object_schema(&descriptor.config_schema) {
        Ok(schema) => schema,
        Err(fault) => {
            findings.judge(SCHEMA, [fault]);
            for rule in [KEYS, DECLARED, FITS_SCHEMA] {
                findings.skip(rule, "the schema can't be read");
            }
            return;
        }
    };
    findings.judge(SCHEMA, None);
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    findings.judge(KEYS, keys(descriptor, &properties));
    findings.judge(DECLARED, declared(descriptor, &properties));
    findings.judge(FITS_SCHEMA, misfits(&schema, config));
}

async fn unstable(plugin: &Plugin) -> Option<String> {
    let first = format!("{:?}", plugin.descriptor());
    match plugin.describe().await {
        Ok(again) if format!("{again:?}") == first => None,
        Ok(_) => Some("two instances describe themselves differently".to_owned()),
        Err(error) => Some(told(&error)),
    }
}

/// Letters in lower case, digits, and single hyphens between them.
pub(super) fn is_kebab_case(text: &str) -> bool {
    text.split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

fn unnamed(descriptor: &Descriptor) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_kebab_case(&descriptor.name) {
        faults.push(format!("the name {:?} is not in kebab case", descriptor.name));
    }
    for (what, text) in [("label", &descriptor.label), ("version", &descriptor.version)] {
        if text.trim().is_empty() {
            faults.push(format!("the {what} is empty"));
        }
    }
    faults
}

fn object_types(descriptor: &Descriptor) -> Vec<String> {
    let mut faults = Vec::new();
    if descriptor.object_types.is_empty() {
        faults.push("there is no object type".to_owned());
    }
    let mut names = BTreeSet::new();
    for object_type in &descriptor.object_types {
        let name = &object_type.name;
        if name.is_empty() || !names.insert(name) {
            faults.push(format!("the object type {name:?} is without a name of its own"));
        }
        if object_type.sync_modes.is_empty() {
            faults.push(format!("{name} has no mode"));
        }
        let modes: BTreeSet<&str> = object_type.sync_modes.iter().map(|&mode| mode_name(mode)).collect();
        if modes.len() < object_type.sync_modes.len() {
            faults.push(format!("{name} has a mode twice"));
        }
        if let Some(default) = object_type.default_mode.filter(|default| !object_type.sync_modes.contains(default)) {
            faults.push(format!("the default mode of {name}, {}, is not one of its modes", mode_name(default)));
        }
    }
    faults
}

fn fields(descriptor: &Descriptor) -> Vec<String> {
    let mut faults = Vec::new();
    for object_type in &descriptor.object_types {
        let (name, key) = (&object_type.name, &object_type.key_field);
        let mut seen = BTreeSet::new();
        faults.extend(
            object_type
                .fields
                .iter()
                .filter(|field| !seen.insert(&field.name))
                .map(|field| format!("{name} has the field {:?} twice", field.name)),
        );
        match object_type.fields.iter().find(|field| field.name == *key) {
            None => faults.push(format!("the key field of {name}, {key:?}, is not one of its fields")),
            Some(field) if !field.required => {
                faults.push(format!("the key field of {name}, {key:?}, is not required"));
            }
            Some(_) => {}
        }
    }
    faults
}

fn limits(descriptor: &Descriptor) -> Vec<String> {
    let limits = &descriptor.limits;
    [
        ("batch-records", limits.batch_records.map(u64::from)),
        ("batch-bytes", limits.batch_bytes),
        ("requests-per-second", limits.requests_per_second.map(u64::from)),
        ("requests-per-minute", limits.requests_per_minute.map(u64::from)),
    ]
    .into_iter()
    .filter(|(_, limit)| *limit == Some(0))
    .map(|(name, _)| format!("{name} is 0; a limit that is not known is none"))
    .collect()
}

fn endpoints(descriptor: &Descriptor) -> Vec<String> {
    let endpoints = &descriptor.config_keys.endpoints;
    if endpoints.is_empty() {
        return vec!["it names no server, so none of its requests would be let out".to_owned()];
    }
    let own = endpoints.iter().filter_map(|endpoint| match endpoint {
        Endpoint::ConfigKey(_) => None,
        Endpoint::Origin(origin) => Some(origin),
    });
    own.filter_map(|text| match Origin::of_url(text) {
        Ok(origin) if origin.to_string() == *text => None,
        Ok(origin) => Some(format!("{text:?} is more than an origin; it is {origin}")),
        Err(reason) => Some(format!("{text:?}: {reason}")),
    })
    .collect()
}

fn object_schema(text: &str) -> Result<Value, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    if let Err(error) = jsonschema::meta::validate(&schema) {
        return Err(format!("it is not a JSON Schema: {error} at {}", error.instance_path()));
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => Ok(schema),
        _ => Err("its `type` is not `object`".to_owned()),
    }
}

fn keys(descriptor: &Descriptor, properties: &Map<String, Value>) -> Vec<String> {
    let keys = &descriptor.config_keys;
    let endpoints = keys.endpoints.iter().filter_map(|endpoint| match endpoint {
        Endpoint::ConfigKey(key) => Some(("endpoints", key)),
        Endpoint::Origin(_) => None,
    });
    let secrets = keys.secrets.iter().map(|secret| ("secrets", &secret.config_key));
    let target = keys.target.iter().map(|key| ("target", key));
    let identity = keys.identity.iter().map(|key| ("identity", key));
    let size = keys.batch_records.iter().map(|key| ("batch-records", key));
    endpoints
        .chain(secrets)
        .chain(target)
        .chain(identity)
        .chain(size)
        .filter(|(_, key)| !properties.contains_key(*key))
        .map(|(list, key)| format!("{list} names {key:?}, which the schema does not have"))
        .collect()
}

fn declared(descriptor: &Descriptor, properties: &Map<String, Value>) -> Vec<String> {
    let mut faults = Vec::new();
    let names = descriptor.object_types.iter().map(|it| it.name.as_str());
    let modes = descriptor.object_types.iter().flat_map(|it| &it.sync_modes).map(|&mode| mode_name(mode));
    let lists = [
        (OBJECT_TYPE, names.collect::<BTreeSet<_>>(), descriptor.object_types.len() > 1),
        (SYNC_MODE, modes.collect(), descriptor.object_types.iter().any(|it| it.default_mode.is_none())),
    ];
    for (key, declared, needed) in lists {
        let Some(property) = properties.get(key) else {
            if needed {
                faults.push(format!("the schema has no {key}, and a config must choose one"));
            }
            continue;
        };
        let Some(listed) = property.get("enum").and_then(Value::as_array) else { continue };
        let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
        if listed != declared {
            faults.push(format!("the schema takes {listed:?} as {key}, the descriptor declares {declared:?}"));
        }
    }
    match (descriptor.field_mapping, properties.contains_key(MAPPINGS)) {
        (true, false) => faults.push(format!("it says field-mapping, and the schema has no {MAPPINGS}")),
        (false, true) => faults.push(format!("the schema has {MAPPINGS}, and it does not say field-mapping")),
        _ => {}
    }
    faults
}

/// Where the config does not fit; never the value, which may be a secret.
fn misfits(schema: &Value, config: &Map<String, Value>) -> Vec<String> {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => return vec![format!("the schema can't be used: {error}")],
    };
    let config = Value::Object(config.clone());
    validator
        .iter_errors(&config)
        .map(|error| format!("the config at {:?} does not fit", error.instance_path().to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_case_is_lower_with_single_hyphens() {
        for (text, is) in [
            ("talon-one", true),
            ("s3", true),
            ("", false),
            ("-a", false),
            ("a--b", false),
            ("aB", false),
            ("a_b", false),
        ] {
            assert_eq!(is_kebab_case(text), is, "{text}");
        }
    }
}
