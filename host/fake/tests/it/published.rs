//! The published schemas of the calls beyond the bulk ones (`published.json`), to hold answers against.

use std::sync::OnceLock;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

fn published() -> &'static Value {
    static PUBLISHED: OnceLock<Value> = OnceLock::new();
    PUBLISHED.get_or_init(|| serde_json::from_str(include_str!("published.json")).unwrap())
}

/// The answer's JSON, which must be what the description says of this status of this call (`GET /v1/audiences`).
pub(crate) async fn fits(call: &str, response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let schema = &published()["calls"][call][status.as_str()];
    // Where the description lists no errors of a call, they have the common form.
    let common = json!({ "$ref": "#/$defs/ErrorResponseWithStatus" });
    let schema = if schema.is_null() && !status.is_success() { &common } else { schema };
    assert!(schema.is_object(), "{call} does not answer {status}");
    let mut schema = schema.clone();
    schema["$defs"] = published()["$defs"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{call} {status}: {faults:#?}\n{body:#}");
    (status, body)
}
