//! The optional interfaces. Where the config says `looks` it asks its server: what a plugin that keeps the contract does, but for the
//! rule that a mutant breaks. Without that key there is nothing to look with.
//!
//! Every answer is `{"data": [{"id": …}], "hasMore": …}`: fields, lists, keys and records alike.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::bindings::exports::etl::destination::destination::{
    Action, Column, ConfigIssue, Failure, Guest, MappedBatch, Problem, ProblemKind,
};
use crate::bindings::exports::etl::destination::effects::{self, Delivery, EffectCount};
use crate::bindings::exports::etl::destination::inspection::{
    self, Comparison, Difference, DiscoveredField, DiscoveredTarget, Discovery, KeyPage, RouteLimit,
};
use crate::bindings::exports::etl::destination::provisioning::{self, MissingObject};
use crate::config::{self, Config, failure};
use crate::rows::{packed, quoted, random, texts};
use crate::{Hostile, calls, mutant};

/// The list that every sync needs.
const LIST: &str = "records";

#[derive(Default)]
struct Page {
    ids: Vec<String>,
    more: bool,
}

/// A config to look with; none where it does not say so.
fn looking(text: &str) -> Result<Option<Config>, Failure> {
    let config = match mutant(text, "looks-invalid") {
        true => config::read_anyway(text)?,
        false => config::read(text)?,
    };
    Ok(config.looks.then_some(config))
}

fn must_look(text: &str) -> Result<Config, Failure> {
    looking(text)?
        .ok_or_else(|| failure(ProblemKind::Configuration, "looks: nothing is looked at without it".to_owned()))
}

fn ask(text: &str, config: &Config, method: &str, path: &str, body: &str) -> Result<Page, Failure> {
    let m = |name| mutant(text, name);
    let secret = if m("looks-secret-in-body") { quoted(&config.key) } else { String::new() };
    let method = if m("looks-changes") { "PUT" } else { method };
    let answer = match calls::look(config, text, method, path, &format!("{body}{secret}")) {
        Ok(answer) if answer.whole || m("looks-truncated") => answer,
        Ok(_) => return Err(broken("the answer broke off".to_owned())),
        Err(_) if m("looks-reset-nothing") => return Ok(Page::default()),
        Err(message) => return Err(broken(message)),
    };
    let status = answer.status;
    let message = if m("looks-echo") { answer.body.clone() } else { format!("the server answered {status}") };
    let problem =
        |kind| Problem { kind, message: message.clone(), status: Some(status), retry_after_ms: answer.retry_after_ms };
    let transient = |kind, otherwise| match m(otherwise) {
        true => Err(Failure::Permanent(problem(kind))),
        false => Err(Failure::Transient(problem(kind))),
    };
    let permanent = |kind| Err(Failure::Permanent(problem(kind)));
    match status {
        200..300 => {}
        300..=399 if m("looks-redirect") => return Ok(Page::default()),
        401 if m("looks-401-transient") => return Err(Failure::Transient(problem(ProblemKind::Authentication))),
        403 if m("looks-403-nothing") => return Ok(Page::default()),
        401 | 403 => return permanent(ProblemKind::Authentication),
        404 => return permanent(ProblemKind::NotFound),
        429 => return transient(ProblemKind::RateLimited, "looks-429-permanent"),
        500.. => return transient(ProblemKind::Server, "looks-500-permanent"),
        _ => return permanent(ProblemKind::Refused),
    }
    match page(&answer.body) {
        Some(page) => Ok(page),
        None if m("looks-html") || (m("looks-truncated") && !answer.whole) => Ok(Page::default()),
        None => permanent(ProblemKind::Server),
    }
}

fn broken(message: String) -> Failure {
    Failure::Transient(Problem { kind: ProblemKind::Connection, message, status: None, retry_after_ms: None })
}

fn page(body: &str) -> Option<Page> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let id = |element: &Value| element.get("id")?.as_str().map(str::to_owned);
    let ids = answer.get("data")?.as_array()?.iter().map(id).collect::<Option<Vec<String>>>()?;
    Some(Page { ids, more: answer.get("hasMore") == Some(&Value::Bool(true)) })
}

fn hash(ids: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    ids.hash(&mut hasher);
    hasher.finish()
}

fn count<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

impl inspection::Guest for Hostile {
    fn route_limits() -> Result<Vec<RouteLimit>, Failure> {
        let path = if mutant("", "route-limits") { "/keys?page=*" } else { "/keys" };
        let requests_per_second =
            if mutant("", "route-limits-random") { (random() % 1_000_000) as u32 + 1 } else { 1000 };
        Ok(vec![RouteLimit { method: "GET".to_owned(), path: path.to_owned(), requests_per_second }])
    }

    fn discover(config: String) -> Result<Discovery, Failure> {
        let read = must_look(&config)?;
        let mut names = ask(&config, &read, "GET", "/fields", "")?.ids;
        names.push("id".to_owned());
        if mutant(&config, "discover-twice") {
            names.push("id".to_owned());
        }
        if mutant(&config, "looks-random") {
            names.push(format!("f{}", random()));
        }
        let field = |name: String| DiscoveredField {
            name,
            field_type: "string".to_owned(),
            description: String::new(),
            closed_list: false,
            custom: true,
        };
        let list = DiscoveredTarget { id: LIST.to_owned(), name: LIST.to_owned(), description: String::new() };
        Ok(Discovery { fields: names.into_iter().map(field).collect(), targets: vec![list] })
    }

    fn compare_fields(config: String, columns: Vec<Column>) -> Result<Option<Comparison>, Failure> {
        let Some(read) = looking(&config)? else { return Ok(None) };
        let names = ask(&config, &read, "GET", "/fields", "")?.ids;
        if mutant(&config, "compare-fields-asks") {
            return Ok(None);
        }
        let note = |column: &Column| ConfigIssue {
            path: String::new(),
            message: format!("the server has no field {:?} yet", column.name),
            hint: None,
        };
        let notes = columns.iter().filter(|column| !names.contains(&column.name)).map(note).collect();
        Ok(Some(Comparison { faults: Vec::new(), notes }))
    }

    fn list_keys(config: String, cursor: Option<String>) -> Result<KeyPage, Failure> {
        let read = must_look(&config)?;
        let (number, before) = match cursor.as_deref().map(|cursor| cursor.split('-')) {
            None => (0_u32, None),
            Some(mut parts) => {
                let parsed = parts.next().zip(parts.next());
                let parsed = parsed.and_then(|(number, hash)| Some((number.parse().ok()?, hash.parse::<u64>().ok()?)));
                let foreign = || failure(ProblemKind::Internal, "the cursor is not one of this plugin's".to_owned());
                parsed.map(|(number, hash)| (number, Some(hash))).ok_or_else(foreign)?
            }
        };
        let Page { mut ids, more } = ask(&config, &read, "GET", &format!("/keys/{number}"), "")?;
        let repeats = if ids.is_empty() { more } else { before == Some(hash(&ids)) };
        if repeats && !mutant(&config, "lists-for-ever") {
            return Err(failure(ProblemKind::Server, "the pages of the server do not end".to_owned()));
        }
        let secret = if mutant(&config, "cursor-tells") { format!("-{}", read.key) } else { String::new() };
        let next = (before.is_none() || more).then(|| format!("{}-{}{secret}", number + 1, hash(&ids)));
        if mutant(&config, "cursor-drifts") && before.is_some() {
            ids.push(random().to_string());
        }
        let told = before.is_none() || (next.is_none() && !mutant(&config, "total-once"));
        Ok(KeyPage { keys: packed(ids.iter().map(String::as_str)), next, total: told.then(|| count(&ids)) })
    }

    fn compare_records(config: String, batch: MappedBatch) -> Result<Vec<Difference>, Failure> {
        let read = must_look(&config)?;
        if batch.actions.is_empty() && !mutant(&config, "compare-nothing") {
            return Ok(Vec::new());
        }
        let keys = texts(&batch.keys, "")?;
        let wanted: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
        let there = ask(&config, &read, "POST", "/search", &format!("[{}]", wanted.join(",")))?.ids;
        let mut differences: Vec<Difference> = keys
            .iter()
            .zip(&batch.actions)
            .enumerate()
            .filter(|(_, (key, action))| there.iter().any(|id| id == *key) == (**action == Action::Delete))
            .map(|(index, (_, action))| {
                let record = || Some("a record".to_owned());
                let (expected, found) = if *action == Action::Delete { (None, record()) } else { (record(), None) };
                Difference { record_index: u32::try_from(index).unwrap_or(u32::MAX), field: None, expected, found }
            })
            .collect();
        if mutant(&config, "compare-order") {
            differences.reverse();
        }
        Ok(differences)
    }
}

impl provisioning::Guest for Hostile {
    fn plan(config: String, _: Vec<Column>) -> Result<Vec<MissingObject>, Failure> {
        let read = must_look(&config)?;
        let there = ask(&config, &read, "GET", "/lists", "")?.ids;
        let name = if mutant(&config, "plan-nameless") { "" } else { LIST };
        let missing = MissingObject {
            kind: "list".to_owned(),
            name: name.to_owned(),
            field_type: None,
            description: "where the records go".to_owned(),
        };
        Ok(if there.iter().any(|id| id == LIST) { Vec::new() } else { vec![missing] })
    }

    fn create(config: String, objects: Vec<MissingObject>) -> Result<(), Failure> {
        let read = must_look(&config)?;
        for object in objects {
            if object.kind != "list" || mutant(&config, "create-refuses") {
                return Err(failure(ProblemKind::Internal, format!("{:?} can't be created", object.kind)));
            }
            ask(&config, &read, "POST", "/lists", &quoted(&object.name))?;
        }
        Ok(())
    }

    fn resolve(config: String) -> Result<String, Failure> {
        let read = looking(&config)?;
        if let (Some(read), true) = (read, mutant(&config, "resolve-asks")) {
            ask(&config, &read, "GET", "/lists", "")?;
        }
        if mutant(&config, "resolve-loses") {
            return Ok(config.replace("\"looks\":true,", ""));
        }
        if mutant(&config, "resolve-moves") {
            return Ok(config.replace("\"url\":\"http", "\"url\":\"https://evil.example/http"));
        }
        Ok(config)
    }
}

impl effects::Guest for Hostile {
    fn send_batch(config: String, batch: MappedBatch) -> Result<Delivery, Failure> {
        let m = |name| mutant(&config, name);
        if m("effects-sends-more") {
            // What comes of it is not told.
            let _ = calls::ping(&config::read(&config)?);
        }
        let sent = <Hostile as Guest>::send_batch(config.clone(), batch);
        let report = match sent {
            Err(Failure::Permanent(problem)) if m("effects-401-transient") => return Err(Failure::Transient(problem)),
            sent => sent?,
        };
        let stored = if m("effects-zero") { 0 } else { count(&report.accepted) };
        let told = stored > 0 || m("effects-zero");
        let effects = if told { vec![EffectCount { effect: "stored".to_owned(), count: stored }] } else { Vec::new() };
        Ok(Delivery { report, effects })
    }
}
