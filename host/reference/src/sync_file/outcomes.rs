//! `[outcomes]`: the table that is told what happened to each row.

use std::path::Path;

use super::database::{self, DatabaseSpec};
use super::section::Section;

/// The table's name where the file says none.
const DEFAULT_TABLE: &str = "destination_outcomes";

/// A table of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeTable {
    /// The database.
    pub database: DatabaseSpec,
    /// The schema that the table is in; the database's own choice where it is left out.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

/// Reads the section; `None` where there is none, or where it has a fault.
pub(super) fn read(root: &mut Section<'_>, base: &Path) -> Option<OutcomeTable> {
    let mut section = root.optional_section("outcomes")?;
    let database = database::read(&mut section, base);
    let name = section.string("table").unwrap_or_else(|| DEFAULT_TABLE.to_owned());
    let parts: Vec<&str> = name.split('.').collect();
    let named = match parts.as_slice() {
        [table] if !table.is_empty() => Some((None, (*table).to_owned())),
        [schema, table] if !schema.is_empty() && !table.is_empty() => {
            Some((Some((*schema).to_owned()), (*table).to_owned()))
        }
        _ => {
            let hint = format!("write table = \"{DEFAULT_TABLE}\", or \"schema.{DEFAULT_TABLE}\"");
            section.fault("table", format!("is {name:?}, which names no table"), hint);
            None
        }
    };
    section.finish();
    let (schema, table) = named?;
    Some(OutcomeTable { database: database?, schema, table })
}
