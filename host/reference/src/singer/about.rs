//! What a target says of itself, in the two forms that Meltano reads: the description that its hub takes from a target, and
//! the definition of a plugin for `meltano.yml`.
//!
//! Both are made of the plugin's own schema and that of sync files.

use serde_json::{Map, Value, json};

use crate::target;
use destination_engine::bindings::Descriptor;

/// The description of the target, as `--about --format json` has it.
///
/// # Errors
/// Where the plugin's schema is no JSON.
pub fn about(descriptor: &Descriptor) -> serde_json::Result<Value> {
    Ok(json!({
        "name": name(descriptor),
        "description": descriptor.description,
        "version": descriptor.version,
        "sdk_version": Value::Null,
        "supported_python_versions": Value::Null,
        "capabilities": CAPABILITIES,
        "settings": settings(descriptor)?,
    }))
}

/// The target as a loader of `meltano.yml`. It is JSON, which is YAML as well.
///
/// # Errors
/// Where the plugin's schema is no JSON.
pub fn plugin_definition(descriptor: &Descriptor) -> serde_json::Result<Value> {
    let mut flat = Vec::new();
    if let Some(Value::Object(properties)) = settings(descriptor)?.get("properties") {
        flatten(&mut flat, "", properties);
    }
    let loader = json!({
        "name": name(descriptor),
        "namespace": name(descriptor).replace('-', "_"),
        "executable": format!("./{}", name(descriptor)),
        "capabilities": CAPABILITIES,
        "settings": flat,
    });
    Ok(json!({ "plugins": { "loaders": [loader] } }))
}

const CAPABILITIES: [&str; 2] = ["about", "activate-version"];

fn name(descriptor: &Descriptor) -> String {
    format!("target-{}", descriptor.name)
}

/// The schema of a target's config, with what is Singer's alone.
fn settings(descriptor: &Descriptor) -> serde_json::Result<Value> {
    let complete_after = json!({
        "title": "What completes a table",
        "description": "What a mirror waits for behind the last record of a full table before it removes anybody. state is for taps that send ACTIVATE_VERSION at the beginning, or never.",
        "enum": ["activate_version", "state"],
        "default": "activate_version",
    });
    target::settings::schema(descriptor, [("complete_after", complete_after)])
}

/// Settings one by one, those of an object by its path.
fn flatten(settings: &mut Vec<Value>, path: &str, properties: &Map<String, Value>) {
    for (key, schema) in properties {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(Value::Object(inner)) = schema.get("properties") {
            flatten(settings, &name, inner);
            continue;
        }
        let mut setting = Map::new();
        setting.insert("name".to_owned(), Value::from(name));
        let options = options(schema);
        let kind = match schema.get("type").and_then(Value::as_str) {
            _ if !options.is_empty() => "options",
            Some(kind @ ("array" | "object" | "boolean" | "integer")) => kind,
            Some("number") => "decimal",
            _ => "string",
        };
        setting.insert("kind".to_owned(), Value::from(kind));
        for (from, to) in [("title", "label"), ("description", "description"), ("default", "value")] {
            // An empty text is no value.
            if let Some(told) = schema.get(from).filter(|told| told.as_str() != Some("")) {
                setting.insert(to.to_owned(), told.clone());
            }
        }
        if schema.get("writeOnly").and_then(Value::as_bool) == Some(true) {
            setting.insert("sensitive".to_owned(), Value::Bool(true));
        }
        if !options.is_empty() {
            setting.insert("options".to_owned(), Value::from(options));
        }
        settings.push(Value::Object(setting));
    }
}

/// The choices of a setting, where it has nothing but choices.
fn options(schema: &Value) -> Vec<Value> {
    let option = |value: &Value, label: &Value| json!({ "label": label, "value": value });
    if let Some(Value::Array(values)) = schema.get("enum") {
        return values.iter().map(|value| option(value, value)).collect();
    }
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return Vec::new() };
    let options: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| {
            let value = choice.get("const")?;
            Some(option(value, choice.get("title").unwrap_or(value)))
        })
        .collect();
    options.unwrap_or_default()
}
