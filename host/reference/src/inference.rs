//! A first sync file for rows that nobody has described yet: how they are written, which columns there are, what they hold, and
//! which field each would fill.
//!
//! Everything here is a guess for a person to check, made once and written down with what speaks for it. A run guesses nothing. What
//! can't be told is said. Values of customers are not repeated, but for one number or date where its form is the point.

mod column;
mod dialect;
mod fields;
mod form;
mod mapping;
mod text;

use std::path::Path;

pub use self::column::{Column, columns};
pub use self::mapping::Mapping;
use crate::source::{self, Sample, SourceError};
use crate::sync_file::{Adbc, Input, OnError, SourceSpec, SyncName};
use destination_engine::bindings::{Descriptor, ObjectType};

/// A setting and what speaks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    key: &'static str,
    value: toml::Value,
    why: String,
}

impl Guess {
    fn new(key: &'static str, value: &str, why: &str) -> Self {
        Self { key, value: plain(value), why: why.to_owned() }
    }
}

/// A text as it stands in a sync file, where `${` would begin a variable.
fn plain(text: &str) -> toml::Value {
    toml::Value::String(text.replace("${", "$${"))
}

/// Where rows come from, as far as that could be told.
#[derive(Debug)]
pub struct SourceGuess {
    /// How to read them.
    pub spec: SourceSpec,
    keys: Vec<Guess>,
    unclear: Vec<String>,
}

impl SourceGuess {
    /// Looks at a file, a folder or a pattern. `written` is what the sync file names it by.
    ///
    /// # Errors
    /// Where there is nothing to look at, or nothing that any source reads.
    pub fn of_files(input: &Input, written: &str) -> Result<Self, SourceError> {
        let (kind, why) = match source::sample(input)? {
            Sample::Parquet => ("parquet", "it begins with PAR1"),
            Sample::Arrow => ("arrow", "it begins like an Arrow stream or file"),
            Sample::Ndjson => ("ndjson", "it begins with {"),
            Sample::Text(bytes, is_whole) => {
                let found = dialect::infer(&bytes, is_whole);
                let mut keys = vec![Guess::new("type", "csv", "text in columns"), Guess::new("path", written, "")];
                keys.extend(found.keys);
                let spec = SourceSpec::Csv { input: input.clone(), dialect: found.dialect, on_error: OnError::Stop };
                return Ok(Self { spec, keys, unclear: found.unclear });
            }
        };
        let input = input.clone();
        let spec = match kind {
            "parquet" => SourceSpec::Parquet { input },
            "arrow" => SourceSpec::Arrow { input },
            _ => SourceSpec::Ndjson { input, columns: Vec::new(), on_error: OnError::Stop },
        };
        let keys = vec![Guess::new("type", kind, why), Guess::new("path", written, "")];
        Ok(Self { spec, keys, unclear: Vec::new() })
    }

    /// A query of a database. Where its address holds a password, the sync file takes it from the environment.
    pub fn of_query(adbc: Adbc) -> Self {
        let mut keys = vec![Guess::new("type", "adbc", ""), Guess::new("driver", &adbc.database.driver, "")];
        keys.extend(adbc.database.entrypoint.iter().map(|name| Guess::new("entrypoint", name, "")));
        for (_, value) in adbc.database.options.iter().filter(|(name, _)| name == "uri") {
            let is_secret = value.contains('@') || value.to_lowercase().contains("password");
            keys.push(if is_secret {
                let why = "it is taken from the environment: it holds a secret".to_owned();
                Guess { key: "uri", value: toml::Value::String(format!("${{{DATABASE_URI}}}")), why }
            } else {
                Guess::new("uri", value, "")
            });
        }
        keys.push(Guess::new("query", &adbc.query, ""));
        Self { spec: SourceSpec::Adbc(adbc), keys, unclear: Vec::new() }
    }
}

/// The variable that a database's address is taken from.
pub const DATABASE_URI: &str = "DATABASE_URI";

/// A sync file that has not been written yet.
#[derive(Debug)]
pub struct Sketch {
    name: String,
    /// The plugin's settings, each with what it is.
    settings: Vec<(String, toml::Value, String)>,
    mappings: Vec<Mapping>,
    source: SourceGuess,
    rows: u64,
    /// What could not be told.
    unclear: Vec<String>,
}

impl Sketch {
    /// Puts together what was found. `settings` are the plugin's: key, value, what it is.
    pub fn new(
        name: &str,
        descriptor: &Descriptor,
        object_type: &ObjectType,
        settings: Vec<(String, toml::Value, String)>,
        mut source: SourceGuess,
        columns: &[Column],
        rows: u64,
    ) -> Self {
        let mut unclear = std::mem::take(&mut source.unclear);
        let types = mapping::types(&descriptor.config_schema);
        let mappings = mapping::guess(columns, object_type, &types, &mut unclear);
        Self { name: name.to_owned(), settings, mappings, source, rows, unclear }
    }

    /// Takes back what was guessed of a column, since the plugin rejects rows for it. Whether there was something to take back.
    pub fn withdraw(&mut self, column: &str, rows: usize, code: &str) -> bool {
        let Some(mapping) = self.mappings.iter_mut().find(|mapping| mapping.column == column && !mapping.is_key) else {
            return false;
        };
        if mapping.left_out {
            return false;
        }
        mapping.left_out = true;
        let of = crate::human_format::counted(rows as u64, "row");
        self.unclear.push(format!("column {column:?}: {of} would be rejected ({code}); its mapping is commented out"));
        true
    }

    /// Adds something that could not be told.
    pub fn unclear(&mut self, what: impl Into<String>) {
        self.unclear.push(what.into());
    }

    /// What could not be told.
    pub fn open_questions(&self) -> &[String] {
        &self.unclear
    }

    /// How many columns are mapped.
    pub fn mapped(&self) -> usize {
        self.mappings.iter().filter(|mapping| !mapping.left_out).count()
    }

    /// The sync file.
    pub fn text(&self) -> String {
        text::write(self)
    }
}

/// A name for a sync, from that of its file.
pub fn name(path: Option<&Path>) -> String {
    let stem =
        path.and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    let plain: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let plain: String = plain.trim_matches('-').chars().take(60).collect();
    if SyncName::new(&plain).is_ok() { plain } else { "my-sync".to_owned() }
}
