//! The contract's vectors (`tests/vectors`) through the real component in this engine. Other engines run the same files:
//! `make runtimes`.

use std::fs;
use std::path::Path;

use destination_host::answers::Failure;
use destination_host::bindings::{Action, Change, ProblemKind, Row, Value};
use destination_host::embedded;
use destination_host::http_client::{ClientSettings, HttpClient};
use destination_host::instance::CallError;
use destination_host::outgoing::Outgoing;
use destination_host::pace::Pace;
use destination_host::plugin::{CompileCache, Plugin, Runtime};
use destination_host::sandbox::Limits;
use serde_json::{Value as Json, json};

fn vectors(name: &str) -> Vec<Json> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors")).join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn plugin() -> Plugin {
    let runtime = Runtime::new(Limits::default(), CompileCache::User).unwrap();
    Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await.unwrap()
}

/// Fails with all that differ, as they came out.
#[track_caller]
fn agree(wrong: &[Json]) {
    assert!(
        wrong.is_empty(),
        "{} vectors differ; they came out as\n{}",
        wrong.len(),
        serde_json::to_string_pretty(wrong).unwrap()
    );
}

#[tokio::test]
async fn configs_are_judged_as_the_vectors_say() {
    let plugin = plugin().await;
    let mut wrong = Vec::new();
    for vector in vectors("configs.json") {
        let issues = plugin.validate_config(vector["config"].as_str().unwrap()).await.unwrap();
        let issues: Vec<Json> = issues
            .into_iter()
            .map(|issue| json!({"path": issue.path, "message": issue.message, "hint": issue.hint}))
            .collect();
        if vector["issues"] != json!(issues) {
            wrong.push(json!({"name": vector["name"], "config": vector["config"], "issues": issues}));
        }
    }
    agree(&wrong);
}

fn value(cell: &Json) -> Value<'_> {
    let (kind, value) = cell.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "null" => Value::Null,
        "boolean" => Value::Boolean(value.as_bool().unwrap()),
        "integer" => Value::Integer(value.as_i64().unwrap()),
        // What JSON has no number for is written as a text.
        "float" => Value::Float(value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())),
        "decimal" => Value::Decimal(value.as_str().unwrap()),
        "text" => Value::Text(value.as_str().unwrap()),
        "date" => Value::Date(value.as_str().unwrap()),
        "timestamp" => Value::Timestamp(value.as_str().unwrap()),
        "json" => Value::Json(value.as_str().unwrap()),
        other => panic!("{other} is no kind of value"),
    }
}

#[tokio::test]
async fn rows_are_mapped_as_the_vectors_say() {
    let plugin = plugin().await;
    let mut wrong = Vec::new();
    for mut vector in vectors("rows.json") {
        let client = HttpClient::new(&ClientSettings::default()).unwrap();
        let session = plugin.session(&vector["config"].to_string(), Outgoing::new(client, Pace::unlimited())).unwrap();
        let values: Vec<Value<'_>> = vector["values"].as_array().unwrap().iter().map(value).collect();
        let columns: Vec<&str> =
            vector["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let change = match vector["change"].as_str().unwrap() {
            "added" => Change::Added,
            "changed" => Change::Changed,
            _ => Change::Removed,
        };
        let outcome = match session.map_row(&columns, Row { change, values: &values }).await {
            Ok(mapped) => {
                let action = match mapped.action {
                    Action::Upsert => "upsert",
                    Action::Add => "add",
                    Action::Delete => "delete",
                };
                json!({"key": mapped.key, "action": action, "payload": mapped.payload})
            }
            Err(CallError::Failed(Failure::Permanent(problem))) => {
                assert_eq!(problem.kind, ProblemKind::Row, "{}: {}", vector["name"], problem.message);
                json!({"refused": problem.message})
            }
            Err(error) => panic!("{}: {error}", vector["name"]),
        };
        if vector["outcome"] != outcome {
            vector["outcome"] = outcome;
            wrong.push(vector);
        }
    }
    agree(&wrong);
}
