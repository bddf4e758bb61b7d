//! Outcomes as rows of a database's table, in one transaction a run.
//!
//! The database is asked before the first request whether it is there and takes such rows; the rows go in at the end. In
//! between nobody is connected: a run may take longer than a database keeps an idle session.

use std::fmt;

use adbc_core::error::Status;
use adbc_core::options::{IngestMode, OptionConnection, OptionStatement, OptionValue};
use adbc_core::{Connection, Database, Optionable, Statement};
use adbc_driver_manager::ManagedConnection;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Schema, TimeUnit};
use destination_engine::redaction::Redaction;

use super::batches::{Batches, schema};
use super::line::Lines;
use crate::database::{self, DatabaseError};
use crate::report::run_id::RunId;
use crate::sync_file::OutcomeTable;

/// The option that names the schema of a table.
const TARGET_SCHEMA: &str = "adbc.ingest.target_db_schema";

/// A table that takes outcomes.
pub(super) struct Table {
    spec: OutcomeTable,
    secrets: Redaction,
}

impl Table {
    /// Asks the database whether it takes outcomes. A table that is not there yet is made with the first of them.
    pub(super) fn open(spec: &OutcomeTable, secrets: Redaction) -> Result<Self, DatabaseError> {
        let table = Self { spec: spec.clone(), secrets };
        table.check().map_err(|error| table.redacted(error))?;
        Ok(table)
    }

    fn check(&self) -> Result<(), DatabaseError> {
        let OutcomeTable { schema: of, table, .. } = &self.spec;
        let there = match self.connect()?.get_table_schema(None, of.as_deref(), table) {
            Ok(there) => there,
            Err(error) if error.status == Status::NotFound => return Ok(()),
            // Not every driver can tell. Then the rows themselves will.
            Err(error) => {
                tracing::debug!("{self} cannot be looked at: {}", error.message);
                return Ok(());
            }
        };
        // Some drivers fill columns by their names, some by their order, and some without a look at their types.
        let wanted = schema();
        let fits = there.fields().len() == wanted.fields().len()
            && wanted.fields().iter().zip(there.fields()).all(|(wanted, there)| {
                wanted.name() == there.name() && kind(there.data_type()) == kind(wanted.data_type())
            });
        if fits {
            return Ok(());
        }
        let shown = |schema: &Schema| {
            let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), kind(field.data_type())));
            columns.collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "the table {self} is there with the columns {}; outcomes need {}, in this order",
            shown(&there),
            shown(&wanted)
        );
        Err(self.failed(message).usage("name another table; one that is not there yet is made as it must be"))
    }

    /// Adds the lines to the table: all of them, or none.
    pub(super) fn fill(&self, lines: Lines, run_id: &RunId, number: u64) -> Result<(), DatabaseError> {
        self.ingest(lines, run_id, number).map_err(|error| self.redacted(error))
    }

    fn ingest(&self, lines: Lines, run_id: &RunId, number: u64) -> Result<(), DatabaseError> {
        let failed = |error: adbc_core::error::Error| self.failed(error.message.trim().to_owned());
        let mut connection = self.connect()?;
        connection.set_option(OptionConnection::AutoCommit, OptionValue::String("false".to_owned())).map_err(failed)?;
        {
            let mut statement = connection.new_statement().map_err(failed)?;
            if let Some(schema) = &self.spec.schema {
                let schema = OptionValue::String(schema.clone());
                statement.set_option(OptionStatement::from(TARGET_SCHEMA), schema).map_err(failed)?;
            }
            let table = OptionValue::String(self.spec.table.clone());
            statement.set_option(OptionStatement::TargetTable, table).map_err(failed)?;
            statement.set_option(OptionStatement::IngestMode, IngestMode::CreateAppend.into()).map_err(failed)?;
            statement.bind_stream(Box::new(Batches::new(lines))).map_err(failed)?;
            statement.execute_update().map_err(failed)?;
        }
        connection.commit().map_err(failed)?;
        // DuckDB's driver says that rows are there which the table refused.
        let found = self.count(&mut connection, run_id).map_err(failed)?;
        if found == number {
            return Ok(());
        }
        let message =
            format!("it took {number} rows without an error and has {found} of them; look at its constraints");
        Err(self.failed(message))
    }

    /// The rows of a run.
    fn count(&self, connection: &mut ManagedConnection, run_id: &RunId) -> adbc_core::error::Result<u64> {
        let mut statement = connection.new_statement()?;
        let schema = self.spec.schema.iter().map(|schema| quoted(schema) + ".");
        let table: String = schema.chain([quoted(&self.spec.table)]).collect();
        // A run's name has no quotes.
        statement.set_sql_query(format!("SELECT count(*) AS number FROM {table} WHERE run_id = '{run_id}'"))?;
        let mut number = 0;
        for batch in statement.execute()? {
            let batch = batch
                .map_err(|error| adbc_core::error::Error::with_message_and_status(error.to_string(), Status::IO))?;
            let counts = batch.columns().iter().filter_map(|column| column.as_primitive_opt::<Int64Type>());
            number += counts.flat_map(|column| column.iter().flatten()).sum::<i64>();
        }
        Ok(number.cast_unsigned())
    }

    fn connect(&self) -> Result<ManagedConnection, DatabaseError> {
        let name = &self.spec.database.driver;
        let database = database::open(&self.spec.database)?;
        database.new_connection().map_err(|error| DatabaseError::of(name, "cannot be connected to", &error))
    }

    fn failed(&self, message: String) -> DatabaseError {
        DatabaseError::new(&self.spec.database.driver, message)
    }

    /// A driver's own words may hold a password.
    fn redacted(&self, mut error: DatabaseError) -> DatabaseError {
        self.secrets.apply(&mut error.message);
        error
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.spec.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.spec.table)
    }
}

/// A name that is safe as it is stays so: not every database quotes alike.
fn quoted(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// What a column holds, in words.
fn kind(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp with time zone".to_owned(),
        other => other.to_string(),
    }
}
