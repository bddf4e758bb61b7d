//! One JSON object of the config, read key by key. An issue is collected with its path and reading goes on, so that all
//! issues are reported together.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::bindings::exports::etl::destination::destination::ConfigIssue;
use crate::problem::quote::quoted;
use crate::problem::suggest::nearest;

/// The issues found so far.
#[derive(Default)]
pub(super) struct Issues(Vec<ConfigIssue>);

impl Issues {
    /// Add an issue at `path`.
    pub(super) fn push(&mut self, path: impl Into<String>, issue: Issue) {
        self.0.push(ConfigIssue { path: path.into(), message: issue.message, hint: issue.hint });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_issues(self) -> Vec<ConfigIssue> {
        self.0
    }
}

/// What is wrong with one value, without its path.
#[derive(Debug, PartialEq)]
pub(super) struct Issue {
    message: String,
    hint: Option<String>,
}

impl Issue {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// What to write instead.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A JSON object and its path. JSON null counts as a key that is not there.
pub(super) struct Table<'a> {
    path: String,
    entries: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    /// The object at `path`; the path of the config itself is empty.
    pub(super) fn new(path: String, entries: &'a Map<String, Value>) -> Self {
        Self { path, entries }
    }

    /// The path of one of its keys.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Add an issue for every key that is not among `known`.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn reject_unknown(&self, known: &[&str], issues: &mut Issues) {
        for key in self.entries.keys().filter(|key| !known.contains(&key.as_str())) {
            let shown = quoted(key);
            let issue = match nearest(key, known.iter().copied()) {
                Some(near) => Issue::new(format!("{shown} is not a known key")).hint(format!("did you mean `{near}`?")),
                None => Issue::new(format!("{shown} is not a known key; known are {}", known.join(", "))),
            };
            issues.push(self.path(key), issue);
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.entries.get(key).filter(|value| !value.is_null())
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str, expected: &str, issues: &mut Issues) -> Option<&'a Value> {
        let value = self.get(key);
        if value.is_none() {
            issues.push(self.path(key), Issue::new(format!("is missing: expected {expected}")));
        }
        value
    }

    /// The text of a key. None if it is absent or at fault.
    pub(super) fn text(&self, key: &str, expected: &str, issues: &mut Issues) -> Option<&'a str> {
        let value = self.get(key)?;
        let text = value.as_str().ok_or_else(|| wrong_type(value, expected));
        self.accept(key, text, issues)
    }

    /// The text of a key that must be there.
    pub(super) fn required_text(&self, key: &str, expected: &str, issues: &mut Issues) -> Option<&'a str> {
        self.required(key, expected, issues)?;
        self.text(key, expected, issues)
    }

    /// The one of `choices` that a key names. None if it is absent or at fault.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&'static str, T)], issues: &mut Issues) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let index = self.index(key, &names, issues)?;
        choices.get(index).map(|(_, choice)| *choice)
    }

    /// The index in `names` of the one that a key names.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn index(&self, key: &str, names: &[&str], issues: &mut Issues) -> Option<usize> {
        let expected = names.join(", ");
        let text = self.text(key, &expected, issues)?;
        let index = names.iter().position(|name| *name == text);
        if index.is_none() {
            let mut issue = Issue::new(format!("is {}: expected {expected}", quoted(text)));
            issue.hint = nearest(text, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            issues.push(self.path(key), issue);
        }
        index
    }

    /// A whole number within `range`, or `default` if the key is absent or at fault.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u64>, default: u64, issues: &mut Issues) -> u64 {
        let Some(value) = self.get(key) else {
            return default;
        };
        let number = value
            .as_u64()
            .filter(|number| range.contains(number))
            .ok_or_else(|| wrong_type(value, &format!("a whole number from {} to {}", range.start(), range.end())));
        self.accept(key, number, issues).unwrap_or(default)
    }

    /// The value, or none with its issue added.
    pub(super) fn accept<T>(&self, key: &str, result: Result<T, Issue>, issues: &mut Issues) -> Option<T> {
        result.map_err(|issue| issues.push(self.path(key), issue)).ok()
    }
}

/// The issue of a value of another type or range than expected, the value shown.
pub(super) fn wrong_type(value: &Value, expected: &str) -> Issue {
    let seen = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    };
    Issue::new(format!("is {seen}: expected {expected}"))
}
