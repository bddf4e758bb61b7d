//! What PostgreSQL's ADBC driver makes of its types, where that is not what the database itself prints.
//!
//! The driver names the type in a field's metadata. It hands over money as a count of its smallest unit, without saying how many
//! of these make one; arrays without their dimensions, so that `{{1,2},{3,4}}` comes like `{1,2,3,4}`; OIDs with a sign; and
//! times as they are stored, moved to 1970 without looking whether that is possible. Here a column is taken only where its
//! values are known to be what the database prints.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Int32Type, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::arrow::cell;

/// The metadata entry that names a column's type, as the driver writes it.
const TYPE: &str = "POSTGRESQL:type";
/// From 1970 to 2000, where PostgreSQL begins to count.
const MICROSECONDS_TO_2000: i64 = 946_684_800_000_000;
const DAYS_TO_2000: i32 = 10_957;

/// The name of a column's type in its database, where that is PostgreSQL.
pub fn type_name(field: &Field) -> Option<&str> {
    field.metadata().get(TYPE).map(String::as_str)
}

/// What to write in the query instead of a column, where the driver's values are not those that the database prints.
pub fn instead(field: &Field) -> Option<String> {
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

/// The rows with OIDs that have no sign, and with the infinite times that wrapped around put back: as the largest and the
/// smallest count there is, as PostgreSQL itself has them.
pub fn settle(rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
    if rows.schema_ref().fields().iter().all(|field| type_name(field).is_none()) {
        return Ok(rows);
    }
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        let (field, array) = settle_column(field, array);
        fields.push(field);
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

fn settle_column(field: &FieldRef, array: &ArrayRef) -> (FieldRef, ArrayRef) {
    let same = || Arc::clone(field);
    match (type_name(field), array.data_type()) {
        (Some("oid"), DataType::Int32) => {
            let values: Int64Array = array.as_primitive::<Int32Type>().unary(|oid| i64::from(oid.cast_unsigned()));
            (Arc::new(field.as_ref().clone().with_data_type(DataType::Int64)), Arc::new(values))
        }
        (Some("date"), DataType::Date32) => {
            let settled = |days: i32| match days.wrapping_sub(DAYS_TO_2000) {
                infinite @ (i32::MAX | i32::MIN) => infinite,
                _ => days,
            };
            (same(), Arc::new(array.as_primitive::<Date32Type>().unary::<_, Date32Type>(settled)))
        }
        (Some("timestamp" | "timestamptz"), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            let settled = |count: i64| match count.wrapping_sub(MICROSECONDS_TO_2000) {
                infinite @ (i64::MAX | i64::MIN) => infinite,
                _ => count,
            };
            let counts = array.as_primitive::<TimestampMicrosecondType>().unary::<_, TimestampMicrosecondType>(settled);
            (same(), Arc::new(counts.with_data_type(array.data_type().clone())))
        }
        _ => (same(), Arc::clone(array)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use arrow::array::{Date32Array, Int32Array, TimestampMicrosecondArray};

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

    #[test]
    fn oids_have_no_sign_and_infinities_are_infinite() {
        let wrapped = |count: i64| count.wrapping_add(MICROSECONDS_TO_2000);
        let times = TimestampMicrosecondArray::from(vec![wrapped(i64::MAX), wrapped(i64::MIN), 7]).with_timezone("UTC");
        let days = |count: i32| count.wrapping_add(DAYS_TO_2000);
        let dates = Date32Array::from(vec![days(i32::MAX), days(i32::MIN), 7]);
        let oids = Int32Array::from(vec![-1, 0, 7]);
        let fields = vec![
            field("t", times.data_type().clone(), "timestamptz"),
            field("d", DataType::Date32, "date"),
            field("o", DataType::Int32, "oid"),
        ];
        let arrays: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(dates), Arc::new(oids)];
        let rows = settle(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()).unwrap();
        assert_eq!(rows.column(0).as_primitive::<TimestampMicrosecondType>().values(), &[i64::MAX, i64::MIN, 7]);
        assert_eq!(rows.column(1).as_primitive::<Date32Type>().values(), &[i32::MAX, i32::MIN, 7]);
        assert_eq!(rows.column(2).as_primitive::<arrow::datatypes::Int64Type>().values(), &[4_294_967_295, 0, 7]);
    }
}
