//! `[source]`: where the rows come from, and which columns are made from others on the way.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;

use super::database::{self, DatabaseSpec};
use super::dialect::CsvDialect;
use super::glob::Glob;
use super::section::Section;
use crate::fault::nearest;
use crate::sync_file::expression::Expression;

/// Where the rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// Comma-separated values.
    Csv {
        /// The text.
        input: Input,
        /// How it is written.
        dialect: CsvDialect,
        /// What becomes of rows that can't be read.
        on_error: OnError,
    },
    /// One JSON object a line.
    Ndjson {
        /// The text.
        input: Input,
        /// Columns that are there from the first row on, whatever keys the first rows have.
        columns: Vec<String>,
        /// What becomes of rows that can't be read.
        on_error: OnError,
    },
    /// Parquet files. They are read from their ends: never [`Input::Stdin`].
    Parquet {
        /// The files.
        input: Input,
    },
    /// An Arrow IPC stream or file.
    Arrow {
        /// The stream.
        input: Input,
    },
    /// A query of a database or warehouse.
    Adbc(Adbc),
    /// The rows of a dead-letter file of an earlier run.
    DeadLetters {
        /// The text.
        input: Input,
        /// What becomes of rows that can't be read.
        on_error: OnError,
    },
}

/// What becomes of a row that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It stops the source.
    #[default]
    Stop,
    /// It is rejected, and the rest goes on.
    Reject,
}

/// A query through ADBC, Arrow's interface to databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adbc {
    /// The database.
    pub database: DatabaseSpec,
    /// The SQL.
    pub query: String,
}

/// What is read from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input, written `-`.
    Stdin,
    /// A file, or a folder of files.
    File(PathBuf),
    /// Files whose names have a form.
    Glob(Glob),
}

/// A column that is made from others. It stands in the place of a column of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The column.
    pub name: String,
    /// How its values come about.
    pub expression: Expression,
}

impl SourceSpec {
    /// What is read; `None` for a database.
    pub fn input(&self) -> Option<&Input> {
        match self {
            Self::Csv { input, .. }
            | Self::Ndjson { input, .. }
            | Self::Parquet { input }
            | Self::Arrow { input }
            | Self::DeadLetters { input, .. } => Some(input),
            Self::Adbc(_) => None,
        }
    }
}

impl SourceSpec {
    /// What becomes of rows that can't be read.
    pub fn on_error(&self) -> OnError {
        match self {
            Self::Csv { on_error, .. } | Self::Ndjson { on_error, .. } | Self::DeadLetters { on_error, .. } => {
                *on_error
            }
            Self::Parquet { .. } | Self::Arrow { .. } | Self::Adbc(_) => OnError::Stop,
        }
    }
}

/// What people see as the source's name: a path, or the database's driver.
impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.input()) {
            (Self::Adbc(adbc), _) => f.write_str(&adbc.database.driver),
            (_, Some(input)) => input.fmt(f),
            (_, None) => Ok(()),
        }
    }
}

impl Input {
    /// A path as a user writes it: `-` is standard input, anything else is taken from `base`.
    pub fn new(path: &str, base: &Path) -> Self {
        if path == "-" {
            return Self::Stdin;
        }
        Glob::new(path, base).map_or_else(|| Self::File(base.join(path)), Self::Glob)
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
            Self::Glob(glob) => glob.path().display().fmt(f),
        }
    }
}

const TYPES: [&str; 5] = ["csv", "ndjson", "parquet", "arrow", "adbc"];

/// Reads the section.
pub(super) fn read(mut section: Section<'_>, base: &Path) -> (Option<SourceSpec>, Vec<Computed>) {
    let computed = read_computed(section.section("computed"));
    let kind = section.required_string("type", "\"csv\"");
    let spec = match kind.as_deref() {
        Some("csv") => {
            let input = read_input(&mut section, base, "rows.csv");
            let columns = read_columns(&mut section);
            let dialect = CsvDialect::read(&mut section, columns);
            let on_error = read_on_error(&mut section);
            input.map(|input| SourceSpec::Csv { input, dialect, on_error })
        }
        Some("ndjson") => {
            let input = read_input(&mut section, base, "rows.ndjson");
            let columns = read_columns(&mut section).unwrap_or_default();
            let on_error = read_on_error(&mut section);
            input.map(|input| SourceSpec::Ndjson { input, columns, on_error })
        }
        Some("parquet") => match read_input(&mut section, base, "rows.parquet") {
            Some(Input::Stdin) => {
                let message = "is \"-\", and a Parquet file can't be read from standard input: it is read from its end";
                section.fault("path", message, "name a file, or send an Arrow stream with type = \"arrow\"");
                None
            }
            input => input.map(|input| SourceSpec::Parquet { input }),
        },
        Some("arrow") => read_input(&mut section, base, "rows.arrow").map(|input| SourceSpec::Arrow { input }),
        Some("adbc") => read_adbc(&mut section, base).map(SourceSpec::Adbc),
        Some(other) => {
            let hint = match nearest(other, TYPES) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("write one of: {}", TYPES.join(", ")),
            };
            section.fault("type", format!("is {other:?}, which is not a known source"), hint);
            // Which keys there may be depends on the type: without one, none is unknown.
            return (None, computed);
        }
        None => return (None, computed),
    };
    section.finish();
    (spec, computed)
}

fn read_input(section: &mut Section<'_>, base: &Path, example: &str) -> Option<Input> {
    section.required_string("path", &format!("{example:?}")).map(|path| Input::new(&path, base))
}

fn read_on_error(section: &mut Section<'_>) -> OnError {
    section.choice("on_error", &[("stop", OnError::Stop), ("reject", OnError::Reject)]).unwrap_or_default()
}

fn read_columns(section: &mut Section<'_>) -> Option<Vec<String>> {
    let columns = section.strings("columns")?;
    let fault = if columns.is_empty() {
        "is empty".to_owned()
    } else if columns.iter().any(String::is_empty) {
        "has an empty name".to_owned()
    } else {
        match columns.iter().enumerate().find(|(at, name)| columns.iter().take(*at).any(|other| other == *name)) {
            Some((_, name)) => format!("has {name:?} twice"),
            None => return Some(columns),
        }
    };
    section.fault("columns", fault, "name each column once, or leave `columns` out");
    None
}

fn read_adbc(section: &mut Section<'_>, base: &Path) -> Option<Adbc> {
    let database = database::read(section, base);
    let query = match (section.string("query"), section.string("query_file")) {
        (Some(query), None) => Some(query),
        (None, Some(file)) => {
            let path = base.join(file);
            match super::read_text(&path) {
                Ok(query) => Some(query),
                Err(reason) => {
                    let message = format!("{} {reason}", path.display());
                    section.fault("query_file", message, "the path is taken from the folder of the sync file");
                    None
                }
            }
        }
        (Some(_), Some(_)) => {
            section.fault("query_file", "stands beside `query`", "keep one of the two");
            None
        }
        (None, None) => {
            section.fault(
                "query",
                "is required",
                "query = \"SELECT * FROM customers\", or query_file = \"customers.sql\"",
            );
            None
        }
    };
    Some(Adbc { database: database?, query: query? })
}

fn read_computed(mut section: Section<'_>) -> Vec<Computed> {
    let mut computed = Vec::new();
    for (name, value) in section.rest() {
        let Value::String(text) = value else {
            section.fault(&name, "is no text", "write an expression in quotes: \"first_name ~ ' ' ~ last_name\"");
            continue;
        };
        match Expression::new(&text) {
            Ok(expression) => computed.push(Computed { name, expression }),
            Err(message) => {
                section.fault(
                    &name,
                    format!("is {text:?}, which is no expression: {message}"),
                    "an example: \"email|lower\"",
                );
            }
        }
    }
    computed
}
