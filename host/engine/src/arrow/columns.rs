//! Arrow columns as the columns that cross to a plugin. Both are laid out alike, so most buffers cross as they are.
//!
//! Converted are only what the two lay out differently (booleans, narrow integers, decimals) and slices that do not begin
//! at a byte or at offset 0. No value is rounded on the way: what a 64-bit integer or float cannot hold goes as its
//! digits. Lists, structs and maps go as JSON, times of day as text, bytes as text where the mapping says that they are one.
//! Types without a counterpart (durations, intervals, unions) are refused by column and type. A column is taken for what its
//! type says: whether it is what a database has is for its source to say.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, GenericStringArray, OffsetSizeTrait, PrimitiveArray, RecordBatch};
use arrow_cast::display::FormatOptions;
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit as ArrowUnit};

use super::cell;
use crate::bindings::{Column, Strings, TimeUnit, Timestamps, Values};

/// A value that can't be cast is an error, not a null.
const STRICT: CastOptions<'_> = CastOptions { safe: false, format_options: FormatOptions::new() };
const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// The columns of a batch, ready to be borrowed by a call.
#[derive(Debug)]
pub struct Columns<'a> {
    columns: Vec<Converted<'a>>,
}

/// A column that can't cross.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// The contract has no values of this type.
    #[error(
        "the column {name:?} is of the type {data_type}, which has no form in JSON; cast it to text where the rows come from, or leave its mapping out"
    )]
    Type {
        /// The column.
        name: String,
        /// Arrow's name of its type.
        data_type: String,
    },
    /// A value can't be written as text.
    #[error(
        "the column {name:?} has a value that can't be written: {reason}; cast it to text where the rows come from, or leave its mapping out"
    )]
    Value {
        /// The column.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that are not text.
    #[error(
        "the column {name:?} holds bytes that are not valid UTF-8, and its mapping asks for a text; encode them where the rows come from, or leave its mapping out"
    )]
    NotText {
        /// The column.
        name: String,
    },
    /// Bytes of which nobody said that they are a text.
    #[error(
        "the column {name:?} is of the type {data_type}: bytes; if they are a text, add type = \"string\" to its mapping, or leave its mapping out"
    )]
    Bytes {
        /// The column.
        name: String,
        /// Arrow's name of its type.
        data_type: String,
    },
    /// A chunk holds more than a sandbox can take.
    #[error("the column {name:?} holds more than 4 GiB of text in {rows} rows")]
    TooLarge {
        /// The column.
        name: String,
        /// Rows of the chunk.
        rows: usize,
    },
}

/// How a plugin reads a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Not at all.
    None,
    /// As what it is.
    Own,
    /// As text, which bytes without a mark may be.
    Text,
}

impl<'a> Columns<'a> {
    /// The columns of `batch`, each as `reading` says by its field.
    ///
    /// # Errors
    /// Where a column that is read can't cross.
    pub fn new(batch: &'a RecordBatch, reading: impl Fn(&Field) -> Reading) -> Result<Self, ColumnError> {
        let fields = batch.schema_ref().fields().iter().zip(batch.columns());
        let columns = fields.map(|(field, array)| (field, array, reading(field)));
        let columns = columns.filter(|(_, _, reading)| *reading != Reading::None);
        let columns = columns.map(|(field, array, reading)| Converted::new(field, array, reading));
        Ok(Self { columns: columns.collect::<Result<_, _>>()? })
    }

    /// The columns as a call takes them.
    pub fn borrowed(&self) -> Vec<Column<'_>> {
        self.columns.iter().map(Converted::borrowed).collect()
    }
}

/// A column whose buffers are Arrow's own wherever they can be.
#[derive(Debug)]
struct Converted<'a> {
    name: &'a str,
    validity: Cow<'a, [u8]>,
    values: ConvertedValues<'a>,
}

#[derive(Debug)]
enum ConvertedValues<'a> {
    Nulls(u32),
    Booleans(Vec<bool>),
    Integers(Cow<'a, [i64]>),
    Floats(Cow<'a, [f64]>),
    Decimals(Texts<'a>),
    Texts(Texts<'a>),
    Dates(Cow<'a, [i32]>),
    Timestamps { unit: TimeUnit, zone: Option<&'a str>, counts: &'a [i64] },
    Json(Texts<'a>),
}

#[derive(Debug)]
struct Texts<'a> {
    offsets: Cow<'a, [u32]>,
    data: Cow<'a, str>,
}

impl<'a> Converted<'a> {
    fn new(field: &'a Field, array: &'a ArrayRef, reading: Reading) -> Result<Self, ColumnError> {
        let values = values(field, array, reading)?;
        // A column of nulls alone needs no map of them.
        let validity = if matches!(values, ConvertedValues::Nulls(_)) { Cow::default() } else { validity(array) };
        Ok(Self { name: field.name(), validity, values })
    }

    fn borrowed(&self) -> Column<'_> {
        let values = match &self.values {
            ConvertedValues::Nulls(count) => Values::Nulls(*count),
            ConvertedValues::Booleans(values) => Values::Booleans(values),
            ConvertedValues::Integers(values) => Values::Integers(values),
            ConvertedValues::Floats(values) => Values::Floats(values),
            ConvertedValues::Decimals(strings) => Values::Decimals(strings.borrowed()),
            ConvertedValues::Texts(strings) => Values::Texts(strings.borrowed()),
            ConvertedValues::Dates(values) => Values::Dates(values),
            ConvertedValues::Timestamps { unit, zone, counts } => {
                Values::Timestamps(Timestamps { unit: *unit, zone: *zone, counts })
            }
            ConvertedValues::Json(strings) => Values::Json(strings.borrowed()),
        };
        Column { name: self.name, validity: &self.validity, values }
    }
}

impl Texts<'_> {
    fn borrowed(&self) -> Strings<'_> {
        Strings { offsets: &self.offsets, data: &self.data }
    }
}

fn values<'a>(field: &'a Field, array: &'a ArrayRef, reading: Reading) -> Result<ConvertedValues<'a>, ColumnError> {
    use ConvertedValues as To;
    let name = field.name();
    let (is_json, is_number) = (cell::is(field, cell::JSON), is_numeric(field));
    let text = |strings| match (is_json, is_number) {
        (true, _) => To::Json(strings),
        (_, true) => To::Decimals(strings),
        _ => To::Texts(strings),
    };
    Ok(match array.data_type() {
        DataType::Null => To::Nulls(u32::try_from(array.len()).unwrap_or(u32::MAX)),
        DataType::Boolean => To::Booleans(array.as_boolean().values().iter().collect()),
        DataType::Int64 => To::Integers(Cow::Borrowed(array.as_primitive::<Int64Type>().values())),
        DataType::Int32 => To::Integers(widened::<Int32Type>(array)),
        DataType::Int16 => To::Integers(widened::<Int16Type>(array)),
        DataType::Int8 => To::Integers(widened::<Int8Type>(array)),
        DataType::UInt32 => To::Integers(widened::<UInt32Type>(array)),
        DataType::UInt16 => To::Integers(widened::<UInt16Type>(array)),
        DataType::UInt8 => To::Integers(widened::<UInt8Type>(array)),
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            To::Decimals(written(field, array, |row, text| push(text, &values.value(row).to_string()))?)
        }
        DataType::Float64 => To::Floats(Cow::Borrowed(array.as_primitive::<Float64Type>().values())),
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values().iter();
            To::Floats(values.map(|&value| cell::widened(value)).collect())
        }
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>().values().iter();
            To::Floats(values.map(|value| value.to_f64()).collect())
        }
        DataType::Decimal32(..) => To::Decimals(decimals::<Decimal32Type>(field, array)?),
        DataType::Decimal64(..) => To::Decimals(decimals::<Decimal64Type>(field, array)?),
        DataType::Decimal128(..) => To::Decimals(decimals::<Decimal128Type>(field, array)?),
        DataType::Decimal256(..) => To::Decimals(decimals::<Decimal256Type>(field, array)?),
        DataType::Date32 => To::Dates(Cow::Borrowed(array.as_primitive::<Date32Type>().values())),
        DataType::Date64 => {
            let array = array.as_primitive::<Date64Type>();
            // Some programs keep a time of day in what should be a day.
            match whole_days(array) {
                Some(days) => To::Dates(Cow::Owned(days)),
                None => To::Timestamps { unit: TimeUnit::Millisecond, zone: None, counts: array.values() },
            }
        }
        DataType::Timestamp(unit, zone) => {
            let (unit, counts) = match unit {
                ArrowUnit::Second => (TimeUnit::Second, counts::<TimestampSecondType>(array)),
                ArrowUnit::Millisecond => (TimeUnit::Millisecond, counts::<TimestampMillisecondType>(array)),
                ArrowUnit::Microsecond => (TimeUnit::Microsecond, counts::<TimestampMicrosecondType>(array)),
                ArrowUnit::Nanosecond => (TimeUnit::Nanosecond, counts::<TimestampNanosecondType>(array)),
            };
            To::Timestamps { unit, zone: zone.as_deref(), counts }
        }
        DataType::Utf8 => text(strings(name, array.as_string::<i32>(), |offsets| Some(bytemuck::cast_slice(offsets)))?),
        DataType::LargeUtf8 => text(strings(name, array.as_string::<i64>(), |_| None)?),
        DataType::Utf8View => text(copied_strings(field, array)?),
        DataType::Dictionary(_, of) if matches!(**of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            text(copied_strings(field, array)?)
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..)
            if crosses_as_json(field) =>
        {
            To::Json(written(field, array, |row, json| cell::push_sent(json, field, array, row))?)
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            To::Texts(written(field, array, |row, text| cell::push_time(text, array, row))?)
        }
        DataType::FixedSizeBinary(16) if cell::is(field, cell::UUID) => {
            let values = array.as_fixed_size_binary();
            To::Texts(written(field, array, |row, text| push(text, &cell::uuid(values.value(row))))?)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            if reading != Reading::Text {
                let (name, data_type) = (name.clone(), field.data_type().to_string());
                return Err(ColumnError::Bytes { name, data_type });
            }
            To::Texts(texts_of_bytes(field, array)?)
        }
        _ => return Err(unfit(field)),
    })
}

/// Refuses a column whose values an expression would see as something else than they are.
///
/// # Errors
/// Where that is so.
pub fn check_readable(field: &Field) -> Result<(), ColumnError> {
    if crosses_as_json(field) { Ok(()) } else { Err(unfit(field)) }
}

/// Bytes as the text that they are.
fn texts_of_bytes<'a>(field: &Field, array: &ArrayRef) -> Result<Texts<'a>, ColumnError> {
    let name = field.name();
    let bytes = match array.data_type() {
        DataType::FixedSizeBinary(_) => cast(array, &DataType::Binary),
        _ => Ok(Arc::clone(array)),
    };
    // What is not UTF-8 makes this fail, for a null as well as an error would be.
    let array = bytes.and_then(|bytes| cast_with_options(&bytes, &DataType::LargeUtf8, &STRICT));
    copied(name, &array.map_err(|_| ColumnError::NotText { name: name.clone() })?)
}

/// The days since 1970; `None` where one of the values is not the start of a day that 32 bits can count.
fn whole_days(array: &PrimitiveArray<Date64Type>) -> Option<Vec<i32>> {
    let day = |milliseconds: Option<i64>| {
        let Some(milliseconds) = milliseconds else { return Some(0) };
        let days = i32::try_from(milliseconds / MILLISECONDS_A_DAY).ok()?;
        (milliseconds % MILLISECONDS_A_DAY == 0).then_some(days)
    };
    array.iter().map(day).collect()
}

/// Whether texts are numbers of a database: PostgreSQL's NUMERIC has more digits than any Arrow type.
pub(super) fn is_numeric(field: &Field) -> bool {
    let metadata = field.metadata().get(cell::EXTENSION_METADATA).map(String::as_str).unwrap_or_default();
    cell::is(field, cell::OPAQUE) && metadata.replace(' ', "").contains("\"type_name\":\"numeric\"")
}

/// Whether all that a list, struct or map holds has a place in JSON.
fn crosses_as_json(field: &Field) -> bool {
    match field.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => crosses_as_json(item),
        DataType::Struct(fields) => fields.iter().all(|field| crosses_as_json(field)),
        DataType::Dictionary(_, values) => crosses_as_json(&Field::new(field.name(), (**values).clone(), true)),
        DataType::FixedSizeBinary(16) => cell::is(field, cell::UUID),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::RunEndEncoded(..)
        | DataType::Union(..) => false,
        _ => true,
    }
}

/// The texts that `write` makes of the values that are not null.
fn written<'a>(
    field: &Field,
    array: &ArrayRef,
    mut write: impl FnMut(usize, &mut String) -> Result<(), ArrowError>,
) -> Result<Texts<'a>, ColumnError> {
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(0);
    let mut data = String::new();
    for row in 0..array.len() {
        if array.is_valid(row) {
            write(row, &mut data)
                .map_err(|error| ColumnError::Value { name: field.name().clone(), reason: error.to_string() })?;
        }
        offsets.push(offset(field.name(), data.len(), array.len())?);
    }
    Ok(Texts { offsets: Cow::Owned(offsets), data: Cow::Owned(data) })
}

fn unfit(field: &Field) -> ColumnError {
    ColumnError::Type { name: field.name().clone(), data_type: field.data_type().to_string() }
}

/// Arrow's bitmap of the values that are not null, beginning at bit 0 of the first byte; empty where none is null.
fn validity(array: &ArrayRef) -> Cow<'_, [u8]> {
    let own = match array.data_type() {
        // Its own map is that of the keys; a value may be null where its key is not.
        DataType::Dictionary(..) => None,
        _ => array.nulls(),
    };
    let all = if own.is_some() { None } else { array.logical_nulls() };
    let Some(nulls) = own.or(all.as_ref()).filter(|nulls| nulls.null_count() > 0) else {
        return Cow::default();
    };
    let bytes = nulls.len().div_ceil(8);
    match own.filter(|nulls| nulls.offset() % 8 == 0) {
        Some(own) => {
            let start = own.offset() / 8;
            Cow::Borrowed(own.validity().get(start..start + bytes).unwrap_or_default())
        }
        None => Cow::Owned(nulls.inner().sliced().get(..bytes).unwrap_or_default().to_vec()),
    }
}

fn widened<T: ArrowPrimitiveType>(array: &ArrayRef) -> Cow<'_, [i64]>
where
    i64: From<T::Native>,
{
    array.as_primitive::<T>().values().iter().map(|&value| i64::from(value)).collect()
}

fn counts<T: ArrowTimestampType>(array: &ArrayRef) -> &[i64] {
    array.as_primitive::<T>().values()
}

fn decimals<'a, T: DecimalType>(field: &Field, array: &ArrayRef) -> Result<Texts<'a>, ColumnError> {
    let values = array.as_primitive::<T>();
    written(field, array, |row, text| push(text, &values.value_as_string(row)))
}

fn push(to: &mut String, text: &str) -> Result<(), ArrowError> {
    to.push_str(text);
    Ok(())
}

/// The texts of an array: as they are where they can be. `unsigned` reads offsets as 32 bits without a sign, where they
/// have 32.
fn strings<'a, O: OffsetSizeTrait>(
    name: &str,
    array: &'a GenericStringArray<O>,
    unsigned: impl FnOnce(&'a [O]) -> Option<&'a [u32]>,
) -> Result<Texts<'a>, ColumnError> {
    let offsets = array.value_offsets();
    let (first, last) = match offsets {
        [first, .., last] => (first.as_usize(), last.as_usize()),
        _ => (0, 0),
    };
    // Arrow's strings are UTF-8: this looks, and would copy only what is not.
    let data = String::from_utf8_lossy(array.value_data().get(first..last).unwrap_or_default());
    let offsets = match unsigned(offsets).filter(|_| first == 0) {
        Some(offsets) => Cow::Borrowed(offsets),
        None => offsets.iter().map(|at| offset(name, at.as_usize() - first, array.len())).collect::<Result<_, _>>()?,
    };
    Ok(Texts { offsets, data })
}

/// Texts that are laid out in another way, as a copy.
fn copied_strings<'a>(field: &Field, array: &ArrayRef) -> Result<Texts<'a>, ColumnError> {
    copied(field.name(), &cast(array, &DataType::LargeUtf8).map_err(|_| unfit(field))?)
}

fn copied<'a>(name: &str, array: &ArrayRef) -> Result<Texts<'a>, ColumnError> {
    let Texts { offsets, data } = strings(name, array.as_string::<i64>(), |_| None)?;
    Ok(Texts { offsets: Cow::Owned(offsets.into_owned()), data: Cow::Owned(data.into_owned()) })
}

fn offset(name: &str, at: usize, rows: usize) -> Result<u32, ColumnError> {
    u32::try_from(at).map_err(|_| ColumnError::TooLarge { name: name.to_owned(), rows })
}
