//! The contract's vectors (`tests/vectors`) through the real component in this engine. Other engines run the same files:
//! `make runtimes`.

mod extensions;

use std::fs;
use std::path::Path;

use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::bindings::{Action, Change, ProblemKind, Row, Value};
use destination_engine::http::client::{ClientSettings, HttpClient};
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::limits::Limits;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::answers::{Failure, Report};
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::runtime::{CompileCache, Runtime};
use destination_engine::plugin::session::Session;
use destination_host::embedded;
use fake_talon_one::{Fake, Faults, Request, Settings};
use serde_json::{Value as Json, json};

fn vectors(name: &str) -> Vec<Json> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors")).join(name);
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
        let session =
            plugin.session(&vector["config"].to_string(), HttpContext::new(client, RateLimiter::unlimited())).unwrap();
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

/// A kind as the contract spells it.
fn kind(kind: ProblemKind) -> String {
    let name = format!("{kind:?}");
    let name = name.rsplit("::").next().unwrap();
    let dashed: String = name.chars().map(|c| if c.is_uppercase() { format!("-{c}") } else { c.to_string() }).collect();
    dashed.trim_start_matches('-').to_lowercase()
}

fn failure(failure: &Failure) -> Json {
    let problem = failure.problem();
    json!({
        "transient": failure.is_transient(),
        "kind": kind(problem.kind),
        "message": problem.message,
        "status": problem.status,
        "retry_after_ms": problem.retry_after_ms,
    })
}

fn report(report: &Report) -> Json {
    let rejected: Vec<Json> = report
        .rejected
        .iter()
        .map(|it| json!({"record": it.record_index, "code": it.code, "message": it.message}))
        .collect();
    json!({
        "accepted": report.accepted,
        "rejected": rejected,
        "undelivered": report.undelivered.as_ref().map_or(&[][..], |it| &it.records),
        "failure": report.undelivered.as_ref().map(|it| failure(&it.failure)),
        "superseded": report.superseded,
        "requests": report.requests,
        "retries": report.retries,
    })
}

/// The records of a vector, as an engine hands them over.
fn batch(records: &Json) -> MappedBatch {
    let mut batch = MappedBatch::default();
    for (row, record) in (0..).zip(records.as_array().unwrap()) {
        let text = |name: &str| record[name].as_str().unwrap();
        let action = match text("action") {
            "upsert" => Action::Upsert,
            "add" => Action::Add,
            _ => Action::Delete,
        };
        batch.push(Record { row, key: text("key"), action, payload: text("payload") }).unwrap();
    }
    batch
}

/// A session with a vector's config at this fake.
fn session(plugin: &Plugin, config: &Json, fake: &Fake) -> Session {
    let mut config = config.clone();
    config["deployment_url"] = json!(fake.url());
    let client = HttpClient::new(&ClientSettings::default()).unwrap();
    plugin.session(&config.to_string(), HttpContext::new(client, RateLimiter::unlimited())).unwrap()
}

fn inject(fake: &Fake, script: &Json) {
    fake.inject(serde_json::from_value::<Faults>(json!({"script": script})).unwrap());
}

/// What the fake saw.
fn requests(fake: &Fake) -> Json {
    let shown = |request: &Request| {
        let query = request.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
        json!({
            "method": request.method.as_str(),
            "path": format!("{}{query}", request.path),
            "body": request.body.as_deref().map(String::from_utf8_lossy),
            "status": request.status.map(|status| status.as_u16()),
        })
    };
    fake.requests().iter().map(shown).collect()
}

/// The vector as it came out, where that is not what it says.
fn differing(mut vector: Json, outcome: &Json, fake: &Fake) -> Option<Json> {
    // The port is another in each run.
    let outcome: Json = serde_json::from_str(&outcome.to_string().replace(fake.url(), "http://fake")).unwrap();
    let requests = requests(fake);
    if vector["outcome"] == outcome && vector["requests"] == requests {
        return None;
    }
    vector["outcome"] = outcome;
    vector["requests"] = requests;
    Some(vector)
}

#[tokio::test]
async fn batches_are_delivered_as_the_vectors_say() {
    let plugin = plugin().await;
    let fake = Fake::start(Settings::demo("demo-key")).unwrap();
    let mut wrong = Vec::new();
    for vector in vectors("deliveries.json") {
        fake.reset();
        inject(&fake, &vector["faults"]);
        let session = session(&plugin, &vector["config"], &fake);
        let outcome = match session.send_batch(&batch(&vector["records"])).await.answer {
            Ok(answer) => json!({"report": report(&answer)}),
            Err(CallError::Failed(it)) => json!({"failure": failure(&it)}),
            Err(error) => panic!("{}: {error}", vector["name"]),
        };
        wrong.extend(differing(vector, &outcome, &fake));
    }
    agree(&wrong);
}
