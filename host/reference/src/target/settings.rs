//! The schema of a target's config, made of the plugin's own and that of sync files.

use serde_json::{Value, json};

use destination_engine::bindings::Descriptor;

/// The schema of a target's config: the plugin's, with the host's own keys beside them, and `more` of a protocol's.
///
/// # Errors
/// Where the plugin's schema is no JSON.
pub(crate) fn schema(
    descriptor: &Descriptor,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) -> serde_json::Result<Value> {
    let mut settings: Value = serde_json::from_str(&descriptor.config_schema)?;
    let whole: Value = serde_json::from_str(include_str!("../sync_file/schema.json"))?;
    let own = |key: &str| whole.pointer(&format!("/properties/{key}")).cloned().unwrap_or_default();
    let mut state = own("state");
    if let Some(properties) = state.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "path".to_owned(),
            json!({
                "description": "The state file, from the folder that the runner works in; {stream} stands for the stream's name.",
                "type": "string",
                "default": "{stream}.state.sqlite",
            }),
        );
        properties.insert(
            "allow_removals".to_owned(),
            json!({
                "description": "Let a mirror remove more than max_removals, everybody even. For one run.",
                "type": "boolean",
                "default": false,
            }),
        );
    }
    let streams = json!({
        "title": "Streams",
        "description": "By the name of a stream: the keys that it has in the place of those at the top. With it, other streams are refused.",
        "type": "object",
        "additionalProperties": { "type": "object" },
    });
    let dead_letters = json!({
        "title": "Folder of rejected rows",
        "description": "A folder for rejected rows, a file for each run that has some. Without it no STATE goes beyond the first rejected row: the next run brings it again.",
        "type": "string",
    });
    let outcomes = json!({
        "title": "What happened to each row",
        "description": "A file that says what happened to each row, one line a row: .parquet, .ndjson or .csv. {stream} stands for the stream's name, {run} for the run's.",
        "type": "string",
        "pattern": "[{]stream[}]",
    });
    let report = json!({
        "title": "Report",
        "description": "A file for the result of all streams, as JSON.",
        "type": "string",
    });
    if let Some(properties) = settings.get_mut("properties").and_then(Value::as_object_mut) {
        let hosts = [
            ("streams", streams),
            ("dead_letters", dead_letters),
            ("outcomes", outcomes),
            ("report", report),
            ("limits", own("limits")),
            ("state", state),
            ("network", own("network")),
        ];
        for (key, schema) in hosts.into_iter().chain(more) {
            properties.insert(key.to_owned(), schema);
        }
    }
    Ok(settings)
}
