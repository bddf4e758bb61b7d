//! The columns of some rows as the plugin reads them, once it is sure that they are what the source has.

use arrow_array::RecordBatch;

use crate::source::{altered, provenance};
use destination_engine::arrow::columns::{ColumnError, Columns, Reading};

/// A column that can't be handed to the plugin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableColumn {
    /// The contract has no values for it.
    #[error(transparent)]
    Type(#[from] ColumnError),
    /// Its values are not those of its database.
    #[error(transparent)]
    Altered(#[from] altered::AlteredColumn),
}

/// The columns of `rows`, each as `reading` says by its name. One that a computed column stands in for is not read.
pub(crate) fn read(rows: &RecordBatch, reading: impl Fn(&str) -> Reading) -> Result<Columns<'_>, UnreadableColumn> {
    let reading = |field: &arrow_schema::Field| match provenance::is_replaced(field) {
        true => Reading::None,
        false => reading(field.name()),
    };
    for field in rows.schema_ref().fields().iter().filter(|field| reading(field) != Reading::None) {
        altered::check(field)?;
    }
    Ok(Columns::new(rows, reading)?)
}
