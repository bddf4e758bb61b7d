//! The config: a JSON object, read key by key. An issue is collected with its path and reading goes on, so that all
//! issues are reported together.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::bindings::{ConfigIssue, Failure};
use crate::problem;
use crate::problem::quote::quoted;
use crate::problem::suggest::nearest;
use crate::value::json;

/// The issues found so far.
#[derive(Debug, Default)]
pub struct Issues(Vec<ConfigIssue>);

impl Issues {
    /// Add an issue at `path`.
    pub fn push(&mut self, path: impl Into<String>, issue: Issue) {
        self.0.push(ConfigIssue { path: path.into(), message: issue.message, hint: issue.hint });
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the contract has them.
    #[must_use]
    pub fn into_issues(self) -> Vec<ConfigIssue> {
        self.0
    }
}

/// What is wrong with one value, without its path.
#[derive(Debug, PartialEq)]
pub struct Issue {
    message: String,
    hint: Option<String>,
}

impl Issue {
    /// What is wrong: the value seen and the form expected.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// What to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A JSON object and its path. JSON null counts as a key that is not there.
pub struct Table<'a> {
    path: String,
    entries: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    /// The object at `path`; the path of the config itself is empty.
    #[must_use]
    pub fn new(path: String, entries: &'a Map<String, Value>) -> Self {
        Self { path, entries }
    }

    /// The path of one of its keys.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Add an issue for every key that is not among `known`.
    pub fn reject_unknown(&self, known: &[&str], issues: &mut Issues) {
        for key in self.entries.keys().filter(|key| !known.contains(&key.as_str())) {
            let shown = quoted(key);
            let issue = match nearest(key, known.iter().copied()) {
                Some(near) => Issue::new(format!("{shown} is not a known key")).hint(format!("did you mean `{near}`?")),
                None => Issue::new(format!("{shown} is not a known key; known are {}", known.join(", "))),
            };
            issues.push(self.path(key), issue);
        }
    }

    /// The value of a key, if it is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.entries.get(key).filter(|value| !value.is_null())
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &str, expected: &str, issues: &mut Issues) -> Option<&'a Value> {
        let value = self.get(key);
        if value.is_none() {
            issues.push(self.path(key), Issue::new(format!("is missing: expected {expected}")));
        }
        value
    }

    /// The text of a key. None if it is absent or at fault.
    pub fn text(&self, key: &str, expected: &str, issues: &mut Issues) -> Option<&'a str> {
        let value = self.get(key)?;
        let text = value.as_str().ok_or_else(|| wrong_type(value, expected));
        self.accept(key, text, issues)
    }

    /// The text of a key that must be there.
    pub fn required_text(&self, key: &str, expected: &str, issues: &mut Issues) -> Option<&'a str> {
        self.required(key, expected, issues)?;
        self.text(key, expected, issues)
    }

    /// The one of `choices` that a key names. None if it is absent or at fault.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&'static str, T)], issues: &mut Issues) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let index = self.index(key, &names, issues)?;
        choices.get(index).map(|(_, choice)| *choice)
    }

    /// The index in `names` of the one that a key names.
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

    /// True or false, or `default` if the key is absent or at fault.
    pub fn boolean(&self, key: &str, default: bool, issues: &mut Issues) -> bool {
        let Some(value) = self.get(key) else {
            return default;
        };
        let boolean = value.as_bool().ok_or_else(|| wrong_type(value, "true or false"));
        self.accept(key, boolean, issues).unwrap_or(default)
    }

    /// A whole number within `range`, or `default` if the key is absent or at fault.
    pub fn integer(&self, key: &str, range: RangeInclusive<u64>, default: u64, issues: &mut Issues) -> u64 {
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
    pub fn accept<T>(&self, key: &str, result: Result<T, Issue>, issues: &mut Issues) -> Option<T> {
        result.map_err(|issue| issues.push(self.path(key), issue)).ok()
    }
}

/// The issue of a value of another type or range than expected, the value shown.
#[must_use]
pub fn wrong_type(value: &Value, expected: &str) -> Issue {
    let seen = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => quoted(text),
        other => json::text_of(other),
    };
    Issue::new(format!("is {seen}: expected {expected}"))
}

/// Read the text of a config. `read` gets the whole of it, pushes what is wrong, and returns the config if it can.
///
/// # Errors
/// All issues, each with its path. The text itself is not repeated: it holds secrets.
#[inline(always)]
pub fn parse<T>(
    text: &str,
    example: &str,
    read: impl FnOnce(&Table<'_>, &mut Issues) -> Option<T>,
) -> Result<T, Vec<ConfigIssue>> {
    let mut issues = Issues::default();
    let value = object(text, example, &mut issues);
    let config = value.as_ref().and_then(|entries| read(&Table::new(String::new(), entries), &mut issues));
    match config {
        Some(config) if issues.is_empty() => Ok(config),
        _ => Err(issues.into_issues()),
    }
}

/// The object that the text of a config is; `example` shows how one begins.
fn object(text: &str, example: &str, issues: &mut Issues) -> Option<Map<String, Value>> {
    match json::parse(text) {
        Ok(Value::Object(entries)) => return Some(entries),
        Ok(_) => issues.push("", Issue::new(format!("the config is not a JSON object: expected {example}"))),
        Err(error) => issues.push("", Issue::new(format!("the config is not valid JSON: {error}"))),
    }
    None
}

/// The last config that was parsed. Engines send the same text with every call.
pub struct LastConfig<T>(RefCell<Option<Parsed<T>>>);

struct Parsed<T> {
    text: String,
    config: Rc<T>,
}

impl<T> LastConfig<T> {
    /// None yet: `thread_local! { static LAST: LastConfig<Config> = const { LastConfig::new() } }`
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// The config of a text, parsed if it is not the last one.
    ///
    /// # Errors
    /// A permanent failure with all issues of an invalid config.
    #[inline(always)]
    pub fn get(&self, text: &str, parse: impl FnOnce(&str) -> Result<T, Vec<ConfigIssue>>) -> Result<Rc<T>, Failure> {
        let mut last = self.0.borrow_mut();
        if let Some(known) = last.as_ref().filter(|known| known.text == text) {
            return Ok(Rc::clone(&known.config));
        }
        let config = parse(text).map(Rc::new).map_err(|issues| invalid(&issues))?;
        *last = Some(Parsed { text: text.to_owned(), config: Rc::clone(&config) });
        Ok(config)
    }
}

impl<T> Default for LastConfig<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn invalid(issues: &[ConfigIssue]) -> Failure {
    let faults: Vec<String> = issues
        .iter()
        .map(|issue| match (issue.path.as_str(), &issue.hint) {
            ("", _) => issue.message.clone(),
            (path, None) => format!("{path} {}", issue.message),
            (path, Some(hint)) => format!("{path} {} ({hint})", issue.message),
        })
        .collect();
    problem::configuration(format!("the config is not valid: {}", faults.join("; ")))
}

/// A text that is never shown: it has neither `Debug` nor `Display`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret as the config has it, perhaps a stand-in: see the contract. It has to fit into a header.
    ///
    /// # Errors
    /// What is wrong with it; the text is not repeated.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        match text.bytes().all(|byte| byte.is_ascii_graphic()) {
            _ if text.is_empty() => Err(Issue::new("is empty: expected the secret")),
            true => Ok(Self(text.to_owned())),
            false => Err(Issue::new("has a blank, a line break or another character that no header takes")),
        }
    }

    /// The text itself, for a header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the secret, should it repeat it: for everything that a server says.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, "[secret]")
    }
}
