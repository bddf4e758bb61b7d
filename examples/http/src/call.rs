//! The calls: what comes in, what goes out, and with which status. No HTTP here.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::bindings::etl::destination::destination::{
    self as plugin, Action, Failure, MappedBatch, MappedRow, Problem, ProblemKind, Row, Strings,
};
use crate::table::{self, Object};

/// Bytes of a call's body: some thousand rows.
pub const BODY_LIMIT: usize = 16_000_000;

/// What a call is answered with.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    /// The plugin's config, key and all.
    config: Box<RawValue>,
    #[serde(default)]
    rows: Vec<Object>,
}

/// A row that is not delivered for a reason of its own.
#[derive(Serialize)]
struct Rejected {
    /// Counted from 0.
    row: u32,
    code: String,
    message: String,
}

/// Records, and the rows that did not become one.
struct Mapped {
    batch: MappedBatch,
    rejected: Vec<Rejected>,
}

/// Why there is nothing more to do.
enum Stop {
    Unreadable(serde_json::Error),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Answers one request.
#[must_use]
pub fn answer(method: &str, path: &str, body: &[u8]) -> Answer {
    let outcome = match (method, path) {
        ("GET", "/") => describe(),
        ("POST", "/validate") => read(body).and_then(|call| validate(&call)),
        ("POST", "/preview") => read(body).and_then(|call| preview(&call)),
        ("POST", "/deliver") => read(body).and_then(|call| deliver(&call)),
        (_, "/" | "/validate" | "/preview" | "/deliver") => {
            Ok((405, json!({"error": format!("{path} does not take {method}")})))
        }
        _ => Ok((404, json!({"error": "known are GET /, POST /validate, /preview and /deliver"}))),
    };
    let (status, body) = outcome.unwrap_or_else(|stop| match stop {
        Stop::Unreadable(error) => {
            (400, json!({"error": format!("the body is not {{\"config\": {{…}}, \"rows\": [{{…}}]}}: {error}")}))
        }
        Stop::Failed(failure) => (status(&failure), json!({"failure": told(failure)})),
    });
    Answer { status, body: body.to_string() }
}

fn read(body: &[u8]) -> Result<Call, Stop> {
    serde_json::from_slice(body).map_err(Stop::Unreadable)
}

fn describe() -> Result<(u16, Value), Stop> {
    let about = plugin::describe()?;
    let schema: Value = serde_json::from_str(&about.config_schema).map_err(Stop::Unreadable)?;
    Ok((
        200,
        json!({"name": about.name, "version": about.version, "description": about.description, "config_schema": schema}),
    ))
}

fn validate(call: &Call) -> Result<(u16, Value), Stop> {
    let issues = plugin::validate_config(call.config.get())?;
    Ok((if issues.is_empty() { 200 } else { 422 }, json!({"issues": issues})))
}

fn preview(call: &Call) -> Result<(u16, Value), Stop> {
    let mapped = map(call)?;
    let requests = plugin::render_batch(call.config.get(), &mapped.batch)?;
    Ok((200, json!({"requests": requests, "rejected": mapped.rejected})))
}

/// Rows that Talon.One refuses stand with those that could not be mapped, in the order of the rows.
fn deliver(call: &Call) -> Result<(u16, Value), Stop> {
    let Mapped { batch, mut rejected } = map(call)?;
    let report = plugin::send_batch(call.config.get(), &batch)?;
    let row =
        |index: u32| usize::try_from(index).ok().and_then(|index| batch.rows.get(index)).copied().unwrap_or(index);
    rejected.extend(report.rejected.into_iter().map(|it| Rejected {
        row: row(it.record_index),
        code: it.code,
        message: it.message,
    }));
    rejected.sort_by_key(|it| it.row);
    let undelivered: Vec<u32> = report.undelivered.into_iter().map(row).collect();
    let status = report.failure.as_ref().map_or(200, status);
    Ok((
        status,
        json!({
            "delivered": report.accepted.len(),
            "rejected": rejected,
            "undelivered": undelivered,
            "failure": report.failure.map(told),
            "requests": report.requests,
        }),
    ))
}

fn map(call: &Call) -> Result<Mapped, Stop> {
    let columns = table::columns(&call.rows);
    let mut rejected = Vec::new();
    let (mut rows, mut actions): (Vec<u32>, Vec<Action>) = (Vec::new(), Vec::new());
    let (mut keys, mut payloads) = (packed(), packed());
    for (index, object) in (0..).zip(&call.rows) {
        let row = table::row(object, &columns).map_err(Stop::Unreadable)?;
        match map_one(call.config.get(), &columns, &row) {
            Ok(mapped) => {
                rows.push(index);
                actions.push(mapped.action);
                push(&mut keys, &mapped.key);
                push(&mut payloads, &mapped.payload);
            }
            Err(Failure::Permanent(Problem { kind: ProblemKind::Row, message, .. })) => {
                rejected.push(Rejected { row: index, code: "unmapped".to_owned(), message });
            }
            Err(failure) => return Err(Stop::Failed(failure)),
        }
    }
    Ok(Mapped { batch: MappedBatch { rows, keys, actions, payloads }, rejected })
}

/// A row alone, or as a batch of one where the plugin has nothing else.
fn map_one(config: &str, columns: &[String], row: &Row) -> Result<MappedRow, Failure> {
    match plugin::map_row(config, columns, row) {
        Err(Failure::Permanent(Problem { kind: ProblemKind::Unsupported, .. })) => {}
        answer => return answer,
    }
    let mapping = plugin::map_batch(config, &table::batch_of_one(row, columns), &[])?;
    let MappedBatch { keys, actions, payloads, .. } = mapping.batch;
    match (actions.first(), mapping.issues.into_iter().next()) {
        (Some(action), _) => Ok(MappedRow { key: first(&keys), action: *action, payload: first(&payloads) }),
        (None, issue) => {
            let message = issue.map_or_else(|| "the row has no values".to_owned(), |issue| issue.message);
            Err(Failure::Permanent(Problem { kind: ProblemKind::Row, message, status: None, retry_after_ms: None }))
        }
    }
}

/// The first of packed texts.
fn first(strings: &Strings) -> String {
    let ends = strings.offsets.first().zip(strings.offsets.get(1));
    let text = ends.and_then(|(start, end)| strings.data.get(*start as usize..*end as usize));
    text.unwrap_or_default().to_owned()
}

fn packed() -> Strings {
    Strings { offsets: vec![0], data: String::new() }
}

/// A body is far below 4 GiB, and so are the texts that come of it.
fn push(strings: &mut Strings, text: &str) {
    strings.data.push_str(text);
    strings.offsets.push(u32::try_from(strings.data.len()).unwrap_or(u32::MAX));
}

/// What the caller did wrong is a 4xx, what Talon.One or the network did a 5xx.
fn status(failure: &Failure) -> u16 {
    match failure {
        Failure::Permanent(Problem { kind: ProblemKind::Configuration, .. }) => 422,
        Failure::Transient(_) => 503,
        Failure::Permanent(_) | Failure::ExecutionFailed => 502,
    }
}

fn told(failure: Failure) -> Value {
    match failure {
        Failure::Transient(problem) => json!({"transient": true, "problem": problem}),
        Failure::Permanent(problem) => json!({"transient": false, "problem": problem}),
        Failure::ExecutionFailed => json!({"transient": true, "problem": null}),
    }
}
