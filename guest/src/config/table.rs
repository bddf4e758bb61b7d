//! One JSON object of the config, read key by key. A fault is noted with its path and reading goes on, so that all
//! faults are reported together.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::bindings::exports::etl::destination::destination::ConfigIssue;
use crate::quote::quoted;
use crate::spelling::nearest;

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults(Vec<ConfigIssue>);

impl Faults {
    /// Note a fault at `path`.
    pub(super) fn note(&mut self, path: impl Into<String>, fault: Fault) {
        self.0.push(ConfigIssue { path: path.into(), message: fault.message, hint: fault.hint });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_issues(self) -> Vec<ConfigIssue> {
        self.0
    }
}

/// What is wrong with one value, before it is known where it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    message: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// What to write instead.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A JSON object and where it stands. JSON null counts as a key that is not there.
pub(super) struct Table<'a> {
    path: String,
    entries: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    /// The object at `path`; the config itself stands at the empty path.
    pub(super) fn new(path: String, entries: &'a Map<String, Value>) -> Self {
        Self { path, entries }
    }

    /// The path of one of its keys.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Note every key that is not among `known`.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn refuse_unknown(&self, known: &[&str], faults: &mut Faults) {
        for key in self.entries.keys().filter(|key| !known.contains(&key.as_str())) {
            let shown = quoted(key);
            let fault = match nearest(key, known.iter().copied()) {
                Some(near) => Fault::new(format!("{shown} is not a known key")).hint(format!("did you mean `{near}`?")),
                None => Fault::new(format!("{shown} is not a known key; known are {}", known.join(", "))),
            };
            faults.note(self.path(key), fault);
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.entries.get(key).filter(|value| !value.is_null())
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str, expected: &str, faults: &mut Faults) -> Option<&'a Value> {
        let value = self.get(key);
        if value.is_none() {
            faults.note(self.path(key), Fault::new(format!("is missing: expected {expected}")));
        }
        value
    }

    /// The text of a key. None where it is absent or at fault.
    pub(super) fn text(&self, key: &str, expected: &str, faults: &mut Faults) -> Option<&'a str> {
        let value = self.get(key)?;
        let text = value.as_str().ok_or_else(|| wrong_type(value, expected));
        self.noted(key, text, faults)
    }

    /// The text of a key that must be there.
    pub(super) fn required_text(&self, key: &str, expected: &str, faults: &mut Faults) -> Option<&'a str> {
        self.required(key, expected, faults)?;
        self.text(key, expected, faults)
    }

    /// The one of `choices` that a key names. None where it is absent or at fault.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&'static str, T)], faults: &mut Faults) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let place = self.place(key, &names, faults)?;
        choices.get(place).map(|(_, choice)| *choice)
    }

    /// The place among `names` of the one that a key names.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn place(&self, key: &str, names: &[&str], faults: &mut Faults) -> Option<usize> {
        let expected = names.join(", ");
        let text = self.text(key, &expected, faults)?;
        let place = names.iter().position(|name| *name == text);
        if place.is_none() {
            let mut fault = Fault::new(format!("is {}: expected {expected}", quoted(text)));
            fault.hint = nearest(text, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            faults.note(self.path(key), fault);
        }
        place
    }

    /// A whole number within `range`, or `default` where the key is absent or at fault.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u64>, default: u64, faults: &mut Faults) -> u64 {
        let Some(value) = self.get(key) else {
            return default;
        };
        let number = value
            .as_u64()
            .filter(|number| range.contains(number))
            .ok_or_else(|| wrong_type(value, &format!("a whole number from {} to {}", range.start(), range.end())));
        self.noted(key, number, faults).unwrap_or(default)
    }

    /// The value itself, or none with its fault noted.
    pub(super) fn noted<T>(&self, key: &str, result: Result<T, Fault>, faults: &mut Faults) -> Option<T> {
        result.map_err(|fault| faults.note(self.path(key), fault)).ok()
    }
}

/// The fault of a value of another type or range than expected, the value shown.
pub(super) fn wrong_type(value: &Value, expected: &str) -> Fault {
    let seen = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    };
    Fault::new(format!("is {seen}: expected {expected}"))
}
