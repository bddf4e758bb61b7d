//! Rows from outside, as Arrow record batches ("chunks") of bounded size.
//!
//! A source reads its text once, in order, and never holds more of it than one chunk and one record. It ends in one of
//! two ways that are never mixed up: cleanly, or with a [`SourceError`]. What a column's value means is not decided here.

pub(crate) mod altered;
mod arrow_stream;
mod chunk;
mod chunks;
mod computed;
mod csv;
#[cfg(feature = "adbc")]
mod database;
#[cfg_attr(not(feature = "adbc"), allow(dead_code, reason = "only what comes straight from the driver is settled"))]
mod duckdb;
mod first_rows;
mod input;
mod layout;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod peeked;
pub(crate) mod provenance;

use std::io::{self, Read};
use std::sync::Arc;

pub use self::chunk::{Chunk, RejectedRow, RowContent};
pub(crate) use self::csv::records;
pub(crate) use self::first_rows::FirstRows;
use self::input::compression::Damaged;
use self::input::encoding::Malformed;
use self::input::files::{self, Found};
pub(crate) use self::input::files::{paths, would_join};
pub(crate) use self::input::kind::utf16_without_mark;
pub use self::input::meter::Meter;
use self::input::meter::{Changed, Metered};
pub(crate) use self::input::sample::{Sample, sample};
use self::layout::Layout;
pub(crate) use self::ndjson::Objects;
use self::parts::Parts;
pub(crate) use self::peeked::Peeked;
use crate::fault::Fault;
use crate::fault::nearest;
use crate::sync_file::{Computed, CsvDialect, Destination, OnError, SourceSpec};

/// Rows of a chunk. Some batches' worth, so that the cost of handing a chunk over does not show.
pub const CHUNK_ROWS: usize = 8_000;
/// Bytes after which a chunk ends early: wide rows do not make the run's memory grow.
pub(crate) const CHUNK_BYTES: usize = 4 << 20;
/// The longest record that is taken for one. A quote that is never closed makes a record of the rest of the file.
pub(crate) const MOST_RECORD_BYTES: usize = 16 << 20;
/// What some programs put before a text in UTF-8.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Bytes asked of the input at a time.
pub(crate) const READ_BYTES: usize = 128 << 10;

/// A source of rows.
pub trait Source: Send {
    /// The names of the columns that are known so far. They are known before the first row is asked for; a source whose
    /// rows name their own columns may add to them later.
    fn columns(&self) -> &[String];

    /// The next rows; `None` after the last one of an input that ended cleanly.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError>;

    /// What the rows were, asked after the last one.
    fn extent(&self) -> Extent {
        Extent::All
    }
}

/// What the rows of a source that ended cleanly were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that there are: a mirror removes what is not among them.
    All,
    /// Only what changed: a mirror removes what a row says has left ([`Chunk::changes`]), and nothing else.
    Changes,
}

/// Why a source can't be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}{}: {message}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct SourceError {
    /// The input: a path, or standard input.
    pub name: String,
    /// The line at fault, from 1; the first one of a record of several lines.
    pub line: Option<u64>,
    /// What is wrong with it, what was seen and what was expected.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// Whether the input itself can't be had: then its name is wrong, and not what it holds.
    pub absent: bool,
}

impl SourceError {
    /// What is wrong with an input.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), line: None, message: message.into(), hint: None, absent: false }
    }

    /// An error of an input in words alone.
    pub(crate) fn told(name: &str, message: &str) -> Self {
        Self::new(name, message)
    }

    /// An input that breaks off.
    fn unreadable(name: &str, error: &io::Error) -> Self {
        let failed = Self::new(name, format!("cannot be read: {error}"));
        let Some(cause) = error.get_ref() else { return failed };
        if cause.is::<Changed>() {
            return failed.hint("run again once the file is complete; write it elsewhere and rename it");
        }
        if cause.is::<Malformed>() {
            return failed.hint(Malformed::HINT);
        }
        match cause.downcast_ref::<Damaged>() {
            Some(damaged) => failed.hint(damaged.hint()),
            None => failed,
        }
    }

    /// At this line, from 1.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// With a way to fix it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Opens a source and reads as far as its columns. The meter tells how much of it has been read since.
///
/// `chunk_rows` is [`CHUNK_ROWS`], or fewer for a look at the first rows.
///
/// # Errors
/// Where it can't be opened, or begins with what it should not.
pub fn open(
    spec: &SourceSpec,
    computed: &[Computed],
    chunk_rows: usize,
) -> Result<(Box<dyn Source>, Arc<Meter>), SourceError> {
    let (source, meter) = open_plain(spec, chunk_rows)?;
    let source = match computed {
        [] => source,
        _ => Box::new(computed::ComputedSource::open(source, spec.to_string(), computed.to_vec())?),
    };
    Ok((source, meter))
}

fn open_plain(spec: &SourceSpec, chunk_rows: usize) -> Result<(Box<dyn Source>, Arc<Meter>), SourceError> {
    let (Some(layout), Some(input)) = (Layout::of(spec), spec.input()) else { return open_database(spec, chunk_rows) };
    match files::find(input)? {
        Found::Stdin => {
            let input = Metered::stdin();
            let meter = input.meter();
            Ok((layout.read(&spec.to_string(), input, chunk_rows)?.source, meter))
        }
        Found::One(path) => {
            let file = layout.open_file(&path)?;
            let meter = Meter::of_file(&file).map_err(|error| SourceError::unreadable(&spec.to_string(), &error))?;
            Ok((layout.read_file(&path, file, &meter, chunk_rows)?.source, meter))
        }
        Found::Many(set) => {
            let meter = Meter::of(Some(set.bytes()));
            Ok((Box::new(Parts::open(set, layout, Arc::clone(&meter), chunk_rows)?), meter))
        }
    }
}

#[cfg_attr(not(feature = "adbc"), allow(unused_variables, reason = "nothing is opened without it"))]
fn open_database(spec: &SourceSpec, chunk_rows: usize) -> Result<(Box<dyn Source>, Arc<Meter>), SourceError> {
    match spec {
        #[cfg(feature = "adbc")]
        SourceSpec::Adbc(adbc) => Ok((Box::new(database::DatabaseSource::open(adbc, chunk_rows)?), Arc::default())),
        _ => Err(left_out(&spec.to_string())),
    }
}

/// For a type of source that this build has no code for.
fn left_out(name: &str) -> SourceError {
    SourceError::new(name, "this build of the host leaves this type of source out").hint("build it with all features")
}

/// How rows are written that come from an embedder's own reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
}

/// Rows from a reader of the embedder's. `name` stands for it in errors. Text may be compressed.
///
/// # Errors
/// Where it begins with what it should not.
pub fn read(name: &str, format: Format, input: impl Read + Send + 'static) -> Result<Box<dyn Source>, SourceError> {
    let layout = match format {
        Format::Csv => Layout::Csv(CsvDialect::default(), OnError::Stop),
        Format::Ndjson => Layout::Ndjson { lines: ndjson::Lines::Rows, columns: Vec::new(), on_error: OnError::Stop },
        Format::Arrow => Layout::Arrow,
    };
    Ok(layout.read(name, Metered::stream(input), CHUNK_ROWS)?.source)
}

/// Rows of a CSV text of any dialect, from a reader of the embedder's. `name` stands for it in errors.
///
/// # Errors
/// Where it begins with what it should not.
pub fn read_csv(
    name: &str,
    dialect: &CsvDialect,
    on_error: OnError,
    input: impl Read + Send + 'static,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(Layout::Csv(dialect.clone(), on_error).read(name, Metered::stream(input), CHUNK_ROWS)?.source)
}

/// Calls into a library that may panic on a file that lies. That is the file's fault, and must be told like one.
fn guarded<T>(name: &str, call: impl FnOnce() -> T) -> Result<T, SourceError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).map_err(|_| {
        SourceError::new(name, "is damaged in a way that its reader can't name").hint("write the file again")
    })
}

/// Two columns of one name could not be told apart by a mapping.
fn distinct(name: &str, columns: &[String]) -> Result<(), SourceError> {
    let mut seen = std::collections::HashSet::new();
    match columns.iter().find(|column| !seen.insert(column.as_str())) {
        None => Ok(()),
        Some(twice) => Err(SourceError::new(name, format!("has two columns named {twice:?}"))
            .hint("give each column a name of its own, in a query with AS")),
    }
}

/// The columns that the destination's mappings read and the source does not have.
///
/// Without `mappings` columns map to themselves: then one must be named like the key field.
pub fn missing_columns(columns: &[String], destination: &Destination, key_field: Option<&str>) -> Vec<Fault> {
    let absent = |path: String, column: &str| {
        if columns.iter().any(|name| name == column) {
            return None;
        }
        let fault = Fault::new(path, format!("the source has no column {column:?}"));
        Some(match nearest(column, columns.iter().map(String::as_str)) {
            Some(near) => fault.hint(format!("did you mean {near:?}?")),
            None => fault.hint(format!("its columns: {}", columns.join(", "))),
        })
    };
    match destination.mappings() {
        Some(mappings) => mappings
            .iter()
            .filter_map(|mapping| absent(format!("destination.mappings[{}].source", mapping.index), mapping.source))
            .collect(),
        None => key_field
            .and_then(|field| absent("destination.mappings".to_owned(), field))
            .map(|fault| {
                let hint = format!("add mappings, one of them from a column to {:?}", key_field.unwrap_or_default());
                fault.hint(hint)
            })
            .into_iter()
            .collect(),
    }
}

/// The first words of a text that can't be read, for a message.
fn excerpt(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::path::Path;

    use super::*;
    use crate::sync_file::{Draft, Input};

    fn destination(mappings: &str) -> Destination {
        let text = format!("[destination]\n{mappings}");
        Draft::parse(&text, Path::new(""), &|_| Err(std::env::VarError::NotPresent)).unwrap().destination().clone()
    }

    #[test]
    fn a_missing_column_is_named_with_the_nearest() {
        let columns = ["customer_id".to_owned(), "mail".to_owned()];
        let mapped = destination(
            "mappings = [{source = 'custmer_id', destination = 'integration_id'}, {source = 'mail', destination = 'email'}, \
             {source = 'points', destination = 'points'}]",
        );
        let faults = missing_columns(&columns, &mapped, Some("integration_id"));
        let shown: Vec<_> = faults.iter().map(|f| format!("{f} ({})", f.hint.as_deref().unwrap_or("-"))).collect();
        assert_eq!(
            shown,
            [
                "destination.mappings[0].source: the source has no column \"custmer_id\" (did you mean \"customer_id\"?)",
                "destination.mappings[2].source: the source has no column \"points\" (its columns: customer_id, mail)",
            ]
        );
    }

    #[test]
    fn without_mappings_the_key_field_must_be_a_column() {
        let columns = ["id".to_owned()];
        assert_eq!(missing_columns(&columns, &destination(""), Some("integration_id")).len(), 1);
        assert_eq!(missing_columns(&columns, &destination(""), Some("id")), []);
        assert_eq!(missing_columns(&columns, &destination(""), None), []);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let spec =
            SourceSpec::DeadLetters { input: Input::File("/nowhere/rows.ndjson".into()), on_error: OnError::Stop };
        let error = open(&spec, &[], 1).err().unwrap();
        assert_eq!(error.to_string(), "/nowhere/rows.ndjson: is not there");
        assert!(error.absent);
    }
}
