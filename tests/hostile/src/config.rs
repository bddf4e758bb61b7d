//! The config: a URL, a key, and what the plugin is to do wrong.

use serde_json::{Map, Value};

use crate::bindings::exports::etl::destination::destination::{ConfigIssue, Failure, Problem, ProblemKind};
use crate::mutant;

/// The config's JSON Schema.
pub(crate) const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["url","key"],"properties":{
"url":{"type":"string","format":"uri"},"key":{"type":"string"},
"object_type":{"enum":["records"]},"sync_mode":{"enum":["upsert","mirror"]},
"pretend":{"type":"boolean"},"looks":{"type":"boolean"},"mutant":{"type":"string"},"misdeed":{"type":"string"},"when":{"type":"string"},"call":{"type":"string"},"header":{"type":"string"}}}"#;

const KEYS: [&str; 11] =
    ["url", "key", "object_type", "sync_mode", "pretend", "looks", "mutant", "misdeed", "when", "call", "header"];

/// A config without fault.
pub(crate) struct Config {
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "only the component sends"))]
    pub(crate) https: bool,
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "only the component sends"))]
    pub(crate) authority: String,
    /// Of the URL, without its query.
    pub(crate) path: String,
    pub(crate) key: String,
    /// Nothing is sent, and everything counts as delivered.
    pub(crate) pretends: bool,
    /// The server is asked by the calls of the optional interfaces.
    pub(crate) looks: bool,
}

/// All faults; none of a config that is one.
pub(crate) fn issues(text: &str) -> Vec<ConfigIssue> {
    let mut issues = match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(config) => faults(&config, text),
        Err(_) if mutant(text, "lenient") => Vec::new(),
        Err(_) => vec![issue("", "expected a JSON object")],
    };
    if mutant(text, "first-fault") {
        issues.truncate(1);
    }
    issues
}

fn faults(config: &Map<String, Value>, text: &str) -> Vec<ConfigIssue> {
    let mut issues: Vec<ConfigIssue> = config
        .keys()
        .filter(|key| !KEYS.contains(&key.as_str()) && !mutant(text, "unknown-key"))
        .map(|key| issue(key, "is not a known key"))
        .collect();
    for key in ["url", "key"] {
        match config.get(key) {
            Some(Value::String(value)) if !value.is_empty() => {}
            _ => issues.push(issue(key, "expected a text")),
        }
    }
    if config.get("url").and_then(Value::as_str).is_some_and(|url| parts(url).is_none()) {
        issues.push(issue("url", "expected http:// or https://"));
    }
    if mutant(text, "picky") {
        issues.push(issue("url", "expected another one"));
    }
    if mutant(text, "tells-secret") && !issues.is_empty() {
        issues.push(issue("key", config.get("key").and_then(Value::as_str).unwrap_or_default()));
    }
    issues
}

fn issue(path: &str, message: &str) -> ConfigIssue {
    ConfigIssue { path: path.to_owned(), message: message.to_owned(), hint: None }
}

/// Whether it is https, the authority and the path.
fn parts(url: &str) -> Option<(bool, &str, &str)> {
    let (https, rest) = match url.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("http://")?),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((https, authority, path))
}

/// The config, or a failure that says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Config, Failure> {
    let found = issues(text);
    if let (Some(issue), false) = (found.first(), mutant(text, "invalid-calls")) {
        let message = format!("{}: {}", issue.path, issue.message);
        return Err(failure(ProblemKind::Configuration, message));
    }
    read_anyway(text)
}

/// What of the config can be read, faults or not.
pub(crate) fn read_anyway(text: &str) -> Result<Config, Failure> {
    let config: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let member = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    if mutant(text, "checks-stand-in") && !member("key").starts_with("secret") {
        return Err(failure(ProblemKind::Configuration, "key: expected one that begins with secret".to_owned()));
    }
    let (https, authority, path) = parts(member("url")).unwrap_or_default();
    Ok(Config {
        https,
        authority: authority.to_owned(),
        path: path.trim_end_matches('/').to_owned(),
        key: member("key").to_owned(),
        pretends: config.get("pretend") == Some(&Value::Bool(true)),
        looks: config.get("looks") == Some(&Value::Bool(true)),
    })
}

pub(crate) fn failure(kind: ProblemKind, message: String) -> Failure {
    Failure::Permanent(Problem { kind, message, status: None, retry_after_ms: None })
}
