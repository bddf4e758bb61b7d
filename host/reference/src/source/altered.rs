//! Columns that a database's ADBC driver hands over as something else than what the database prints.
//!
//! PostgreSQL's driver names a column's type in the field's metadata, where it stays when the rows go through a file. It hands over money
//! as a count of its smallest unit, without saying how many of these make one, and arrays without their dimensions, so that
//! `{{1,2},{3,4}}` comes like `{1,2,3,4}`. Here a column is taken only where its values are known to be what the database
//! prints.

use super::duckdb;
use arrow_schema::{DataType, Field};
use destination_engine::arrow::cell;

/// The metadata entry that names a column's type, as the driver writes it.
pub(super) const TYPE: &str = "POSTGRESQL:type";

/// A column that the driver hands over as something else than the database has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the column {name:?} is of {database}'s type {kind}, which its driver does not hand over as the database prints it; write {instead} in the query instead, or leave its mapping out"
)]
pub(crate) struct AlteredColumn {
    database: &'static str,
    name: String,
    /// The database's name of its type.
    kind: String,
    /// The expression to write.
    instead: String,
}

/// Refuses a column whose values are not those that the database prints. One that went through a file since then is still
/// known by its metadata.
pub(crate) fn check(field: &Field) -> Result<(), AlteredColumn> {
    let (database, kind, instead) = if let Some((kind, instead)) = type_name(field).zip(instead(field)) {
        ("PostgreSQL", kind.to_owned(), instead)
    } else if let Some((kind, instead)) = duckdb::unreadable(field) {
        ("DuckDB", kind, instead)
    } else {
        return Ok(());
    };
    Err(AlteredColumn { database, name: field.name().clone(), kind, instead })
}

/// The name of a column's type in its database, where that is PostgreSQL.
pub(super) fn type_name(field: &Field) -> Option<&str> {
    field.metadata().get(TYPE).map(String::as_str)
}

/// What to write in the query instead of a column, where the driver's values are not those that the database prints.
fn instead(field: &Field) -> Option<String> {
    let kind = type_name(field)?;
    let column = format!("\"{}\"", field.name().replace('"', "\"\""));
    let known = match field.data_type() {
        DataType::Null | DataType::Boolean | DataType::Float32 | DataType::Float64 => true,
        DataType::Int16 => kind == "int2",
        DataType::Int32 => kind == "int4",
        DataType::Int64 => matches!(kind, "int8" | "oid"),
        DataType::Date32 => kind == "date",
        DataType::Time64(_) => kind == "time",
        DataType::Timestamp(..) => matches!(kind, "timestamp" | "timestamptz"),
        DataType::FixedSizeBinary(16) => cell::is(field, cell::UUID),
        // One byte, whatever it is.
        DataType::Utf8 => kind != "char",
        _ => false,
    };
    if known {
        return None;
    }
    Some(match field.data_type() {
        DataType::List(_) | DataType::Struct(_) => format!("to_json({column})"),
        // The name of an array's type begins so.
        _ if kind.starts_with('_') => format!("to_json({column})"),
        _ if kind == "money" => format!("{column}::numeric"),
        _ if kind == "bytea" => format!("encode({column}, 'hex')"),
        _ => format!("{column}::text"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::TimeUnit;

    use super::*;

    fn field(name: &str, data_type: DataType, kind: &str) -> Field {
        Field::new(name, data_type, true).with_metadata([(TYPE.to_owned(), kind.to_owned())])
    }

    #[test]
    fn what_the_driver_alters_is_named_with_what_to_write_instead() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
        for (data_type, kind, expected) in [
            (DataType::Int64, "money", Some("\"a \"\"b\"\"\"::numeric")),
            (list, "_int4", Some("to_json(\"a \"\"b\"\"\")")),
            (DataType::Binary, "inet", Some("\"a \"\"b\"\"\"::text")),
            (DataType::Binary, "bytea", Some("encode(\"a \"\"b\"\"\", 'hex')")),
            (DataType::Int32, "oid", Some("\"a \"\"b\"\"\"::text")),
            (DataType::Utf8, "char", Some("\"a \"\"b\"\"\"::text")),
            (DataType::Int64, "int8", None),
            (DataType::Utf8, "mood", None),
            (DataType::Timestamp(TimeUnit::Microsecond, None), "timestamp", None),
        ] {
            assert_eq!(instead(&field("a \"b\"", data_type, kind)).as_deref(), expected, "{kind}");
        }
        assert_eq!(instead(&Field::new("a", DataType::Int64, true)), None);
    }
}
