//! The JSON Schema of sync files: what an editor completes and checks them by.
//!
//! It stands beside the parser as `schema.json`. A test holds the two together: the keys of each table are those that the
//! parser asks for. The plugin's settings are the plugin's to describe, and are put in their place.

use serde_json::Value;

/// The schema of sync files for a plugin with settings of this schema.
///
/// # Errors
/// Where the plugin's schema is no JSON.
pub fn schema(settings: &str) -> serde_json::Result<String> {
    let mut schema: Value = serde_json::from_str(include_str!("schema.json"))?;
    let mut settings: Value = serde_json::from_str(settings)?;
    allow_variables(&mut settings);
    if let Some(members) = settings.as_object_mut() {
        // It is a part now, not a document.
        members.remove("$schema");
    }
    if let Some(place) = schema.pointer_mut("/properties/destination") {
        *place = settings;
    }
    serde_json::to_string_pretty(&schema)
}

/// Wherever a text of some form is expected, a sync file may have `${NAME}`: what stands in its place is not known yet.
fn allow_variables(schema: &mut Value) {
    const VARIABLE: &str = "\\$\\{";
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(pattern)) = members.get_mut("pattern") {
                *pattern = format!("({pattern})|{VARIABLE}");
            }
            if members.get("format").is_some_and(Value::is_string) {
                members.remove("format");
            }
            members.values_mut().for_each(allow_variables);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_variables),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::sync_file::Draft;

    fn whole() -> Value {
        serde_json::from_str(include_str!("schema.json")).unwrap()
    }

    /// The keys that the parser knows in a table, from what it says of one that it does not know.
    fn known(text: &str, path: &str) -> BTreeSet<String> {
        let draft = Draft::parse(text, Path::new(""), &|_| Err(std::env::VarError::NotPresent)).unwrap();
        let faults = draft.finish().unwrap_err();
        let fault = faults.iter().find(|fault| fault.path == path).unwrap();
        let list = fault.hint.as_deref().unwrap().strip_prefix("known here: ").unwrap().to_owned();
        list.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_the_parser_asks_for() {
        const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzzzzzzz";
        let schema = whole();
        for (table, pointer) in [
            ("", ""),
            ("limits", "/properties/limits"),
            ("state", "/properties/state"),
            ("state.max_removals", "/properties/state/properties/max_removals"),
            ("network", "/properties/network"),
            ("outcomes", "/properties/outcomes"),
        ] {
            let head = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
            let path = if table.is_empty() { UNKNOWN.to_owned() } else { format!("{table}.{UNKNOWN}") };
            let keys = schema.pointer(pointer).unwrap()["properties"].as_object().unwrap();
            assert_eq!(
                keys.keys().cloned().collect::<BTreeSet<_>>(),
                known(&format!("{head}{UNKNOWN} = 1\n"), &path),
                "[{table}]"
            );
        }
        let source = &schema["properties"]["source"]["properties"];
        let mut of_all_types = BTreeSet::new();
        for kind in source["type"]["enum"].as_array().unwrap() {
            let text = format!("[source]\ntype = {kind}\n{UNKNOWN} = 1\n");
            of_all_types.extend(known(&text, &format!("source.{UNKNOWN}")));
        }
        assert_eq!(source.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), of_all_types);
    }

    #[test]
    fn a_variable_stands_for_any_text() {
        let schema: Value =
            serde_json::from_str(&schema(r#"{"properties":{"url":{"pattern":"^x$","format":"uri"}}}"#).unwrap())
                .unwrap();
        assert_eq!(
            schema["properties"]["destination"]["properties"]["url"],
            serde_json::json!({"pattern": "(^x$)|\\$\\{"})
        );
    }
}
