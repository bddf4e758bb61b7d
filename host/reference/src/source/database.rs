//! A query of a database or warehouse. Rows come in batches as the driver fetches them. What goes wrong is said in the
//! database's own words.

mod postgresql;
mod sqlite;

use std::sync::Arc;

use adbc_core::{Connection, Database, Statement};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedStatement};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions, RecordBatchReader, new_null_array};
use arrow_schema::{ArrowError, DataType, Schema};

use super::chunks::Chunks;
use super::{Chunk, Source, SourceError, duckdb};
use crate::database::{self, DatabaseError};
use crate::sync_file::Adbc;

/// The rows of a query. The fields are dropped in their order: what reads goes before what it reads from.
pub(super) struct DatabaseSource {
    reader: Box<dyn RecordBatchReader + Send>,
    _statement: ManagedStatement,
    _connection: ManagedConnection,
    _database: ManagedDatabase,
    name: String,
    is_duckdb: bool,
    is_sqlite: bool,
    columns: Vec<String>,
    chunk_rows: usize,
    chunks: Option<Chunks>,
}

impl DatabaseSource {
    /// Connects and starts the query.
    pub(super) fn open(spec: &Adbc, chunk_rows: usize) -> Result<Self, SourceError> {
        let name = &spec.database.driver;
        let failed = |what: &str, error: adbc_core::error::Error| DatabaseError::of(name, what, &error);
        let database = database::open(&spec.database)?;
        let mut connection = database.new_connection().map_err(|error| failed("cannot be connected to", error))?;
        let is_duckdb = database::vendor(&connection).is_some_and(|vendor| vendor.eq_ignore_ascii_case("duckdb"));
        if is_duckdb {
            lose_nothing(&mut connection).map_err(|error| {
                failed("can't hand over all values as they are", error).usage("use DuckDB 1.2 or later as the driver")
            })?;
        }
        let mut statement = connection.new_statement().map_err(|error| failed("takes no query", error))?;
        statement.set_sql_query(&spec.query).map_err(|error| failed("refuses the query", error))?;
        let reader: Box<dyn RecordBatchReader + Send> =
            Box::new(statement.execute().map_err(|error| failed("the query failed", error))?);
        let columns: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
        super::distinct(name, &columns)?;
        Ok(Self {
            reader,
            _statement: statement,
            _connection: connection,
            _database: database,
            name: name.clone(),
            is_duckdb,
            is_sqlite: name.to_ascii_lowercase().contains("sqlite"),
            columns,
            chunk_rows,
            chunks: None,
        })
    }
}

impl From<DatabaseError> for SourceError {
    fn from(error: DatabaseError) -> Self {
        let DatabaseError { name, message, hint, usage } = error;
        Self { name, line: None, message, hint, absent: usage }
    }
}

impl Source for DatabaseSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let failed = |error: arrow_schema::ArrowError| {
            SourceError::new(&self.name, format!("the query broke off: {error}"))
                .hint("what was read may have been delivered; nobody was removed")
        };
        loop {
            if let Some(chunk) = self.chunks.as_mut().and_then(Chunks::next) {
                return chunk.map(|rows| Some(rows.into())).map_err(failed);
            }
            match self.reader.next() {
                Some(batch) => {
                    let rows = self.checked(&batch.map_err(failed)?)?;
                    self.chunks = Some(Chunks::of(rows, self.chunk_rows));
                }
                None => return Ok(None),
            }
        }
    }
}

impl DatabaseSource {
    /// The rows, each column as what it is.
    fn checked(&self, rows: &RecordBatch) -> Result<RecordBatch, SourceError> {
        let rows = trusted(rows).map_err(|error| SourceError::new(&self.name, error.to_string()))?;
        if self.is_sqlite
            && let Some(column) = sqlite::altered(&rows)
        {
            let message = format!("the column {column:?} has numbers that SQLite's driver may have rounded");
            let hint = format!(
                "its values are of several kinds, or larger than 2^53; write CAST(\"{column}\" AS TEXT) or, for integers alone, \
                 CAST(\"{column}\" AS INTEGER) in the query"
            );
            return Err(SourceError::new(&self.name, message).hint(hint));
        }
        if self.is_duckdb
            && let Some((column, instead)) = duckdb::infinite(&rows)
        {
            let message = format!("the column {column:?} has an infinite time, which nanoseconds have no place for");
            return Err(SourceError::new(&self.name, message).hint(format!("write {instead} in the query instead")));
        }
        let settled = postgresql::settle(rows).and_then(duckdb::settle);
        settled.map_err(|error| SourceError::new(&self.name, error.to_string()))
    }
}

/// Makes DuckDB say what each column is.
fn lose_nothing(connection: &mut ManagedConnection) -> adbc_core::error::Result<()> {
    let mut statement = connection.new_statement()?;
    statement.set_sql_query(duckdb::LOSSLESS)?;
    statement.execute_update().map(drop)
}

/// The rows with the columns that are not what their type says as bytes. A driver is another program: nothing but its word says
/// that its texts are UTF-8, and a database may well hold one that is not. Whoever maps such a column is told; it hinders nobody
/// else.
fn trusted(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        if array.to_data().validate_full().is_ok() {
            fields.push(Arc::clone(field));
            arrays.push(Arc::clone(array));
            continue;
        }
        let bytes = match array.as_string_opt::<i32>() {
            Some(texts) => {
                BinaryArray::try_new(texts.offsets().clone(), texts.values().clone(), texts.nulls().cloned())
            }
            None => Err(ArrowError::CastError("not a text".to_owned())),
        };
        fields.push(Arc::new(field.as_ref().clone().with_data_type(DataType::Binary).with_nullable(true)));
        arrays.push(
            bytes.map_or_else(
                |_| new_null_array(&DataType::Binary, rows.num_rows()),
                |bytes| Arc::new(bytes) as ArrayRef,
            ),
        );
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::sync_file::DatabaseSpec;

    #[test]
    fn a_driver_that_is_not_there_is_named_with_how_to_get_one() {
        for driver in ["no_such_driver", "/no/such/driver.so"] {
            let database = DatabaseSpec { driver: driver.to_owned(), entrypoint: None, options: Vec::new() };
            let spec = Adbc { database, query: "SELECT 1".to_owned() };
            let error = DatabaseSource::open(&spec, 1).err().unwrap();
            assert!(error.absent);
            assert!(
                error.to_string().starts_with(&format!("{driver}: the database driver cannot be loaded: ")),
                "{error}"
            );
            assert!(error.hint.unwrap().contains("pip install"));
        }
    }
}
