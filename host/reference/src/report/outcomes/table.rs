//! Outcomes as rows of a database's table, in one transaction a run.
//!
//! The database is asked before the first request whether it is there and takes such rows; the rows go in at the end. In
//! between nobody is connected: a run may take longer than a database keeps an idle session.

use std::fmt;

use adbc_core::error::Status;
use adbc_core::options::{IngestMode, OptionConnection, OptionStatement, OptionValue};
use adbc_core::{Connection, Database, Optionable, Statement};
use adbc_driver_manager::ManagedConnection;
use destination_engine::redaction::Redaction;

use super::batches::{Batches, schema};
use super::line::Lines;
use crate::database::{self, DatabaseError};
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
        let missing: Vec<String> = schema()
            .fields()
            .iter()
            .filter(|field| there.field_with_name(field.name()).is_err())
            .map(|field| format!("{:?}", field.name()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("the table {self} is there and has no column {}", missing.join(", "));
        Err(self.failed(message).usage("name another table; one that is not there yet is made as it must be"))
    }

    /// Adds the lines to the table: all of them, or none.
    pub(super) fn fill(&self, lines: Lines) -> Result<(), DatabaseError> {
        self.ingest(lines).map_err(|error| self.redacted(error))
    }

    fn ingest(&self, lines: Lines) -> Result<(), DatabaseError> {
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
        connection.commit().map_err(failed)
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
