//! How the rows of an input are written, and the reader that this takes.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::file::Wanted;
use arrow_schema::SchemaRef;

use super::input::kind::Expected;
use super::input::meter::{Meter, Metered};
use super::input::{checked, encoding, open_file};
use super::{Source, SourceError, arrow_stream, csv, ndjson};
use crate::sync_file::{CsvDialect, Encoding, OnError, SourceSpec};

/// How rows are written.
pub(super) enum Layout {
    Csv(CsvDialect, OnError),
    Ndjson { lines: ndjson::Lines, columns: Vec<String>, on_error: OnError },
    Arrow,
    Parquet,
}

/// An input that was read as far as its columns.
pub(super) struct Opened {
    pub(super) source: Box<dyn Source>,
    /// The columns and their types, where the input says them before its rows.
    pub(super) schema: Option<SchemaRef>,
}

impl Layout {
    /// `None` for a database.
    pub(super) fn of(spec: &SourceSpec) -> Option<Self> {
        Some(match spec {
            SourceSpec::Csv { dialect, on_error, .. } => Self::Csv(dialect.clone(), *on_error),
            SourceSpec::Ndjson { columns, on_error, .. } => {
                Self::Ndjson { lines: ndjson::Lines::Rows, columns: columns.clone(), on_error: *on_error }
            }
            SourceSpec::DeadLetters { on_error, .. } => {
                Self::Ndjson { lines: ndjson::Lines::DeadLetters, columns: Vec::new(), on_error: *on_error }
            }
            SourceSpec::Arrow { .. } => Self::Arrow,
            SourceSpec::Parquet { .. } => Self::Parquet,
            SourceSpec::Adbc(_) => return None,
        })
    }

    /// Reads a stream.
    pub(super) fn read(&self, name: &str, input: Metered, chunk_rows: usize) -> Result<Opened, SourceError> {
        let text = |expected| checked(name, input, expected);
        let name = name.to_owned();
        Ok(match self {
            Self::Csv(dialect, on_error) => {
                let declared = dialect.encoding.map(Encoding::get);
                let text = encoding::utf8(&name, text(Expected::Csv)?, declared)?;
                let source = csv::CsvSource::open(name, text, dialect, *on_error, chunk_rows)?;
                Opened { schema: Some(source.schema()), source: Box::new(source) }
            }
            Self::Ndjson { lines, columns, on_error } => {
                let text = text(Expected::Ndjson)?;
                let source = ndjson::NdjsonSource::open(name, text, *lines, columns.clone(), *on_error, chunk_rows)?;
                Opened { schema: None, source: Box::new(source) }
            }
            Self::Arrow => {
                let source = arrow_stream::ArrowSource::open(name, text(Expected::Arrow)?, chunk_rows)?;
                Opened { schema: source.schema(), source: Box::new(source) }
            }
            // It is read from its end.
            Self::Parquet => return Err(SourceError::new(&name, "is a stream, and a Parquet file is expected")),
        })
    }

    /// Opens a file for [`Self::read_file`]. It may be a pipe that has a name, if it is read from its start.
    pub(super) fn open_file(&self, path: &Path) -> Result<File, SourceError> {
        open_file(path, if matches!(self, Self::Parquet) { Wanted::Regular } else { Wanted::Stream })
    }

    /// Reads a file. Its bytes count for `meter`.
    pub(super) fn read_file(
        &self,
        path: &Path,
        file: File,
        meter: &Arc<Meter>,
        chunk_rows: usize,
    ) -> Result<Opened, SourceError> {
        let name = path.display().to_string();
        match self {
            #[cfg(feature = "parquet")]
            Self::Parquet => {
                let source = super::parquet::ParquetSource::open(path, file, Arc::clone(meter), chunk_rows)?;
                Ok(Opened { schema: Some(source.schema()), source: Box::new(source) })
            }
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => Err(super::left_out(&name)),
            _ => {
                let input = Metered::file(file, Arc::clone(meter));
                self.read(&name, input.map_err(|error| SourceError::unreadable(&name, &error))?, chunk_rows)
            }
        }
    }

    /// The columns and types of a file; `None` where only its rows say them.
    pub(super) fn schema(&self, path: &Path) -> Result<Option<SchemaRef>, SourceError> {
        let file = open_file(path, Wanted::Regular)?;
        if let Self::Ndjson { .. } = self {
            let name = path.display().to_string();
            let input = Metered::file(file, Arc::default()).map_err(|error| SourceError::unreadable(&name, &error))?;
            return checked(&name, input, Expected::Ndjson).map(|_| None);
        }
        self.read_file(path, file, &Arc::default(), 1).map(|opened| opened.schema)
    }
}
