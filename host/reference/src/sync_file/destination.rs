//! The plugin's own part of a sync file: `[destination]`, handed over as JSON.
//!
//! The host does not know what the keys mean. What it must know (which key holds a URL, a secret, the target) it looks
//! up by the names in the plugin's descriptor. Values may be secret, so `Debug` shows keys alone.

use std::fmt;

use serde_json::{Map, Number, Value as Json};
use toml::Value as Toml;

use crate::fault::Fault;

/// The plugin's config, as a JSON object.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Destination {
    config: Map<String, Json>,
}

/// One entry of the config's `mappings`: which column fills which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The column.
    pub source: &'a str,
    /// The field.
    pub destination: &'a str,
    /// The type that it asks for.
    pub field_type: Option<&'a str>,
}

impl Destination {
    /// From a TOML table whose variables are replaced. A value that JSON has no form for is a fault.
    pub(super) fn from_toml(table: toml::Table, faults: &mut Vec<Fault>) -> Self {
        let mut config = Map::new();
        for (key, value) in table {
            if let Some(value) = to_json(value, &format!("destination.{key}"), faults) {
                config.insert(key, value);
            }
        }
        Self { config }
    }

    /// From a JSON object.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        Ok(Self { config: serde_json::from_str(text)? })
    }

    /// The same config with these keys in the place of its own.
    #[must_use]
    pub fn with(&self, keys: impl IntoIterator<Item = (String, Json)>) -> Self {
        let mut config = self.config.clone();
        config.extend(keys);
        Self { config }
    }

    /// The same config with one more mapping.
    #[must_use]
    pub fn with_mapping(&self, source: &str, destination: &str) -> Self {
        let mut mappings = self.config.get("mappings").and_then(Json::as_array).cloned().unwrap_or_default();
        mappings.push(serde_json::json!({ "source": source, "destination": destination }));
        self.with([("mappings".to_owned(), Json::Array(mappings))])
    }

    /// The config's JSON text, as the plugin takes it. It holds secrets.
    pub fn json(&self) -> String {
        Json::Object(self.config.clone()).to_string()
    }

    /// A top-level value as plain text: a string's content, anything else as JSON. `None` where the key is absent.
    ///
    /// `"42"` and `42` read the same: an ID is not another one for being in quotes.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.config.get(key)? {
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// The config's `mappings`, as far as they have the form of mappings; `None` where the key is absent.
    pub fn mappings(&self) -> Option<Vec<Mapping<'_>>> {
        let list = self.config.get("mappings")?.as_array()?;
        let mappings = list.iter().enumerate().filter_map(|(index, entry)| {
            let source = entry.get("source")?.as_str()?;
            let destination = entry.get("destination")?.as_str()?;
            let field_type = entry.get("type").and_then(Json::as_str);
            Some(Mapping { index, source, destination, field_type })
        });
        Some(mappings.collect())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.config.keys()).finish()
    }
}

fn to_json(value: Toml, path: &str, faults: &mut Vec<Fault>) -> Option<Json> {
    Some(match value {
        Toml::String(text) => Json::String(text),
        Toml::Integer(number) => Json::Number(number.into()),
        Toml::Float(number) => match Number::from_f64(number) {
            Some(number) => Json::Number(number),
            None => {
                faults.push(Fault::new(path, "is not a finite number").hint("write a number without `inf` or `nan`"));
                return None;
            }
        },
        Toml::Boolean(boolean) => Json::Bool(boolean),
        // RFC 3339, or the part of it that TOML has: a date, a time of day, a date and time without an offset.
        Toml::Datetime(datetime) => Json::String(datetime.to_string()),
        Toml::Array(list) => Json::Array(
            list.into_iter()
                .enumerate()
                .filter_map(|(index, value)| to_json(value, &format!("{path}[{index}]"), faults))
                .collect(),
        ),
        Toml::Table(table) => Json::Object(
            table
                .into_iter()
                .filter_map(|(key, value)| Some((key.clone(), to_json(value, &format!("{path}.{key}"), faults)?)))
                .collect(),
        ),
    })
}
