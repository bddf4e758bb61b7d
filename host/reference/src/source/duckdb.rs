//! What DuckDB makes of its types that Arrow has none for, where it was asked to lose nothing (`arrow_lossless_conversion`).
//!
//! Without that it hands over integers of 128 bits as decimals of 38 digits, so that the largest UHUGEINT is -1, and a TIMETZ
//! without its offset. With it each such column says what it is, as sixteen bytes or so. Here integers become numbers again and
//! booleans of a byte booleans, within lists, structs and maps too; of the others the column is taken only as text.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal256Array, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    RecordBatch, RecordBatchOptions, StructArray,
};
use arrow_buffer::i256;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use serde_json::Value;

use destination_engine::arrow::cell;

/// The statement after which columns say what they are.
pub(super) const LOSSLESS: &str = "SET arrow_lossless_conversion = true";
/// Booleans of a byte each: Arrow's canonical extension type.
const BOOL8: &str = "arrow.bool8";
/// Digits of the largest integer of 128 bits.
const DIGITS: u8 = 39;

/// A column that DuckDB alone can read: its type, or that of something in it, and what to write in the query instead.
pub(super) fn unreadable(field: &Field) -> Option<(String, String)> {
    let column = quoted(field);
    match type_name(field) {
        Some(kind) => Some((kind, format!("CAST({column} AS VARCHAR)"))),
        None => children(field).find_map(unreadable).map(|(kind, _)| (kind, format!("to_json({column})"))),
    }
}

/// The name of a column's type in DuckDB, where Arrow has no type for it.
fn type_name(field: &Field) -> Option<String> {
    let metadata = field.metadata().get(cell::EXTENSION_METADATA).filter(|_| cell::is(field, cell::OPAQUE))?;
    let opaque: Value = serde_json::from_str(metadata).ok()?;
    let told = |what: &str| opaque.get(what)?.as_str();
    told("type_name").filter(|_| told("vendor_name") == Some("DuckDB")).map(str::to_owned)
}

/// What a column holds in each value.
fn children(field: &Field) -> impl Iterator<Item = &Field> {
    let children: &[FieldRef] = match field.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => std::slice::from_ref(item),
        DataType::Struct(fields) => fields,
        _ => &[],
    };
    children.iter().map(AsRef::as_ref)
}

/// A column with a time that DuckDB calls infinite, and what to write in the query instead. Counted in nanoseconds such a time
/// reads as one of 2262 or 1677; in other units it is beyond every calendar, and its row is rejected.
pub(super) fn infinite(rows: &RecordBatch) -> Option<(&str, String)> {
    let mut columns = rows.schema_ref().fields().iter().zip(rows.columns());
    let (field, _) = columns.find(|(_, array)| has_infinity(array))?;
    let column = quoted(field);
    let instead = match field.data_type() {
        DataType::Timestamp(..) => format!("CAST({column} AS TIMESTAMP)"),
        _ => format!("to_json({column})"),
    };
    Some((field.name(), instead))
}

fn quoted(field: &Field) -> String {
    format!("\"{}\"", field.name().replace('"', "\"\""))
}

fn has_infinity(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let counts = array.as_primitive::<TimestampNanosecondType>().iter().flatten();
            counts.into_iter().any(|count| count == i64::MAX || count <= -i64::MAX)
        }
        DataType::List(_) => has_infinity(array.as_list::<i32>().values()),
        DataType::LargeList(_) => has_infinity(array.as_list::<i64>().values()),
        DataType::FixedSizeList(..) => has_infinity(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().any(has_infinity),
        DataType::Map(..) => array.as_map().entries().columns().iter().any(has_infinity),
        _ => false,
    }
}

/// The rows with integers and booleans as what they are.
///
/// # Errors
/// Where an array is not what its type says.
pub(super) fn settle(rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !rows.schema_ref().fields().iter().any(|field| needs_settling(field)) {
        return Ok(rows);
    }
    let columns = rows.schema_ref().fields().iter().zip(rows.columns());
    let settled = columns.map(|(field, array)| settle_column(field, array)).collect::<Result<Vec<_>, _>>()?;
    let (fields, arrays): (Vec<_>, Vec<_>) = settled.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

/// An integer of 128 bits, or a boolean of a byte.
enum Kind {
    Signed,
    Unsigned,
    Boolean,
}

fn kind(field: &Field) -> Option<Kind> {
    match field.data_type() {
        DataType::Int8 if cell::is(field, BOOL8) => Some(Kind::Boolean),
        DataType::FixedSizeBinary(16) => match type_name(field)?.as_str() {
            "hugeint" => Some(Kind::Signed),
            "uhugeint" => Some(Kind::Unsigned),
            _ => None,
        },
        _ => None,
    }
}

fn needs_settling(field: &Field) -> bool {
    kind(field).is_some() || children(field).any(needs_settling)
}

fn settle_column(field: &FieldRef, array: &ArrayRef) -> Result<(FieldRef, ArrayRef), ArrowError> {
    if !needs_settling(field) {
        return Ok((Arc::clone(field), Arc::clone(array)));
    }
    let settled: ArrayRef = match (field.data_type(), kind(field)) {
        (_, Some(Kind::Boolean)) => Arc::new(
            array.as_primitive::<Int8Type>().iter().map(|byte| byte.map(|byte| byte != 0)).collect::<BooleanArray>(),
        ),
        (_, Some(Kind::Signed)) => Arc::new(integers(array, |bytes| i256::from_i128(i128::from_le_bytes(bytes)))?),
        (_, Some(Kind::Unsigned)) => {
            Arc::new(integers(array, |bytes| i256::from_parts(u128::from_le_bytes(bytes), 0))?)
        }
        (DataType::List(item), None) => Arc::new(settle_list(item, array.as_list::<i32>())?),
        (DataType::LargeList(item), None) => Arc::new(settle_list(item, array.as_list::<i64>())?),
        (DataType::FixedSizeList(item, size), None) => {
            let list = array.as_fixed_size_list();
            let (item, values) = settle_column(item, list.values())?;
            Arc::new(FixedSizeListArray::try_new(item, *size, values, list.nulls().cloned())?)
        }
        (DataType::Struct(fields), None) => Arc::new(settle_struct(fields, array.as_struct())?),
        (DataType::Map(entries, sorted), None) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return Ok((Arc::clone(field), Arc::clone(array)));
            };
            let settled = settle_struct(fields, map.entries())?;
            let entries = Arc::new(entries.as_ref().clone().with_data_type(settled.data_type().clone()));
            Arc::new(MapArray::try_new(entries, map.offsets().clone(), settled, map.nulls().cloned(), *sorted)?)
        }
        (_, None) => Arc::clone(array),
    };
    // What the metadata says of the column is true no more.
    let field = Field::new(field.name(), settled.data_type().clone(), field.is_nullable());
    Ok((Arc::new(field), settled))
}

fn settle_list<O: OffsetSizeTrait>(
    item: &FieldRef,
    list: &GenericListArray<O>,
) -> Result<GenericListArray<O>, ArrowError> {
    let (item, values) = settle_column(item, list.values())?;
    GenericListArray::try_new(item, list.offsets().clone(), values, list.nulls().cloned())
}

fn settle_struct(fields: &Fields, array: &StructArray) -> Result<StructArray, ArrowError> {
    let members = fields.iter().zip(array.columns()).map(|(field, column)| settle_column(field, column));
    let (fields, columns): (Vec<_>, Vec<_>) = members.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    StructArray::try_new(fields.into(), columns, array.nulls().cloned())
}

/// Integers as decimals without a fraction.
fn integers(array: &ArrayRef, read: impl Fn([u8; 16]) -> i256) -> Result<Decimal256Array, ArrowError> {
    let values = array.as_fixed_size_binary();
    let integers = values.iter().map(|bytes| bytes.and_then(|bytes| bytes.try_into().ok()).map(&read));
    integers.collect::<Decimal256Array>().with_precision_and_scale(DIGITS, 0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use arrow_array::{FixedSizeBinaryArray, Int8Array, ListArray, TimestampNanosecondArray};
    use arrow_buffer::OffsetBuffer;

    use super::*;

    fn opaque(name: &str, data_type: DataType, kind: &str) -> Field {
        let metadata = format!("{{\"type_name\": \"{kind}\", \"vendor_name\": \"DuckDB\"}}");
        Field::new(name, data_type, true).with_metadata([
            ("ARROW:extension:name".to_owned(), "arrow.opaque".to_owned()),
            (cell::EXTENSION_METADATA.to_owned(), metadata),
        ])
    }

    fn sixteen(values: &[Option<[u8; 16]>]) -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.iter().copied(), 16).unwrap())
    }

    fn json(rows: &RecordBatch) -> Vec<String> {
        let shown = |row: usize| {
            let mut json = String::new();
            for (field, array) in rows.schema_ref().fields().iter().zip(rows.columns()) {
                cell::push_json(&mut json, field, array, row).unwrap();
                json.push(' ');
            }
            json.trim_end().to_owned()
        };
        (0..rows.num_rows()).map(shown).collect()
    }

    #[test]
    fn integers_of_128_bits_keep_every_digit_and_their_sign() {
        let signed = sixteen(&[Some(i128::MIN.to_le_bytes()), None, Some(7_i128.to_le_bytes())]);
        let unsigned = sixteen(&[Some(u128::MAX.to_le_bytes()), Some([0; 16]), None]);
        let booleans: ArrayRef = Arc::new(Int8Array::from(vec![Some(1), Some(0), None]));
        let item = Arc::new(opaque("l", DataType::FixedSizeBinary(16), "uhugeint"));
        let list =
            ListArray::new(Arc::clone(&item), OffsetBuffer::from_lengths([1, 0, 2]), Arc::clone(&unsigned), None);
        let both = StructArray::new(
            vec![Field::new("l", list.data_type().clone(), true)].into(),
            vec![Arc::new(list) as ArrayRef],
            None,
        );
        let bool8 = Field::new("b", DataType::Int8, true)
            .with_metadata([("ARROW:extension:name".to_owned(), BOOL8.to_owned())]);
        let fields = vec![
            opaque("s", DataType::FixedSizeBinary(16), "hugeint"),
            opaque("u", DataType::FixedSizeBinary(16), "uhugeint"),
            bool8,
            Field::new("n", both.data_type().clone(), true),
        ];
        let rows =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![signed, unsigned, booleans, Arc::new(both)]);
        assert_eq!(
            json(&settle(rows.unwrap()).unwrap()),
            [
                "-170141183460469231731687303715884105728 340282366920938463463374607431768211455 true \
                 {\"l\":[340282366920938463463374607431768211455]}",
                "null 0 false {\"l\":[]}",
                "7 null null {\"l\":[0,null]}",
            ]
        );
    }

    #[test]
    fn what_duckdb_alone_can_read_is_named_with_what_to_write_instead() {
        let told = |field: &Field| unreadable(field).map(|(kind, instead)| format!("{kind}: {instead}"));
        let field = opaque("a \"b\"", DataType::Binary, "bignum");
        assert_eq!(told(&field).as_deref(), Some("bignum: CAST(\"a \"\"b\"\"\" AS VARCHAR)"));
        let list =
            Field::new("l", DataType::List(Arc::new(opaque("x", DataType::FixedSizeBinary(8), "time_tz"))), true);
        assert_eq!(told(&list).as_deref(), Some("time_tz: to_json(\"l\")"));
        let others = r#"{"type_name": "bignum", "vendor_name": "PostgreSQL"}"#;
        let mut metadata = field.metadata().clone();
        metadata.insert(cell::EXTENSION_METADATA.to_owned(), others.to_owned());
        assert_eq!(told(&field.with_metadata(metadata)), None);
        assert_eq!(told(&Field::new("a", DataType::Binary, true)), None);
    }

    #[test]
    fn an_infinite_time_is_none_of_2262() {
        let rows = |count: i64| {
            let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![None, Some(count)]));
            RecordBatch::try_from_iter([("t", times)]).unwrap()
        };
        for infinity in [i64::MAX, -i64::MAX, i64::MIN] {
            let rows = rows(infinity);
            assert_eq!(infinite(&rows), Some(("t", "CAST(\"t\" AS TIMESTAMP)".to_owned())));
            let nested: ArrayRef = Arc::new(StructArray::from(rows));
            let rows = RecordBatch::try_from_iter([("s", nested)]).unwrap();
            assert_eq!(infinite(&rows), Some(("s", "to_json(\"s\")".to_owned())));
        }
        assert_eq!(infinite(&rows(i64::MAX - 1)), None);
    }
}
