//! What PostgreSQL's ADBC driver makes of its types, where that can be put right: OIDs with a sign, and times as they are stored,
//! moved to 1970 without looking whether that is possible.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, TimeUnit};

use crate::source::altered::type_name;

/// From 1970 to 2000, where PostgreSQL begins to count.
const MICROSECONDS_TO_2000: i64 = 946_684_800_000_000;
const DAYS_TO_2000: i32 = 10_957;

/// The rows with OIDs that have no sign, and with the infinite times that wrapped around put back: as the largest and the
/// smallest count there is, as PostgreSQL itself has them.
pub(super) fn settle(rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
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

    use arrow_array::{Date32Array, Int32Array, TimestampMicrosecondArray};
    use arrow_schema::Field;

    use super::*;
    use crate::source::altered::TYPE;

    fn field(name: &str, data_type: DataType, kind: &str) -> Field {
        Field::new(name, data_type, true).with_metadata([(TYPE.to_owned(), kind.to_owned())])
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
        assert_eq!(rows.column(2).as_primitive::<arrow_array::types::Int64Type>().values(), &[4_294_967_295, 0, 7]);
    }
}
