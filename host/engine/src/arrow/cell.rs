//! One value of an Arrow array as JSON. For rows that are shown or kept, and for the
//! types that have no layout of their own on the border: lists, structs, maps.
//!
//! No digit is lost: a decimal is a JSON number with its digits. Dates and times are texts (RFC 3339; a timestamp with a
//! zone in UTC). JSON has no number for NaN and the infinities, and they are never null: where a value is kept or shown they
//! are texts, and where it is sent they stand as they are, so that a plugin finds no JSON and rejects the row.

use std::borrow::Cow;
use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, MapArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};

use super::columns::is_numeric;

/// The metadata entry that names what a column's values mean beyond their layout.
const EXTENSION: &str = "ARROW:extension:name";
/// The entry that says more about it.
pub const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
/// Texts that are JSON: Arrow's canonical extension type.
pub const JSON: &str = "arrow.json";
/// Values of a database that Arrow has no type for: another one.
pub const OPAQUE: &str = "arrow.opaque";
/// Sixteen bytes that are a UUID: another one.
pub const UUID: &str = "arrow.uuid";

const SECONDS_A_DAY: i64 = 86_400;
pub(super) const MILLISECONDS_A_DAY: i64 = SECONDS_A_DAY * 1_000;
/// How Arrow goes on behind the day of a date that counts milliseconds.
const MIDNIGHT: &str = "T00:00:00";

/// A column of JSON texts.
pub fn json_field(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_metadata([(EXTENSION.to_owned(), JSON.to_owned())])
}

/// Whether a field's values are of an extension type.
pub fn is(field: &Field, extension: &str) -> bool {
    field.metadata().get(EXTENSION).is_some_and(|name| name == extension)
}

/// What the JSON of a value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// To be kept or shown: it is JSON whatever the value is.
    Kept,
    /// To be sent: what JSON does not have is not made into something else.
    Sent,
}

/// Appends the value in `row`, to be kept or shown.
///
/// # Errors
/// Where the array is not what its type says.
pub fn push_json(json: &mut String, field: &Field, array: &dyn Array, row: usize) -> Result<(), ArrowError> {
    push(json, field, array, row, Use::Kept)
}

/// Appends the value in `row`, to be sent. A number that is not finite makes it invalid JSON.
///
/// # Errors
/// Where the array is not what its type says, or one object would have a name twice: readers do not agree which one counts.
pub fn push_sent(json: &mut String, field: &Field, array: &dyn Array, row: usize) -> Result<(), ArrowError> {
    push(json, field, array, row, Use::Sent)
}

fn push(json: &mut String, field: &Field, array: &dyn Array, row: usize, to_be: Use) -> Result<(), ArrowError> {
    macro_rules! number {
        ($kind:ty) => {
            json.push_str(&array.as_primitive::<$kind>().value(row).to_string())
        };
    }
    match array.data_type() {
        _ if array.is_null(row) => json.push_str("null"),
        DataType::Null => json.push_str("null"),
        DataType::Utf8 if is(field, JSON) => json.push_str(array.as_string::<i32>().value(row)),
        DataType::Utf8 if is_numeric(field) && is_number(array.as_string::<i32>().value(row)) => {
            json.push_str(array.as_string::<i32>().value(row));
        }
        DataType::Utf8 => push_string(json, array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => push_string(json, array.as_string::<i64>().value(row)),
        DataType::Utf8View => push_string(json, array.as_string_view().value(row)),
        DataType::Boolean => json.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => push_float(json, f64::from(array.as_primitive::<Float16Type>().value(row)), to_be),
        DataType::Float32 => push_float(json, widened(array.as_primitive::<Float32Type>().value(row)), to_be),
        DataType::Float64 => push_float(json, array.as_primitive::<Float64Type>().value(row), to_be),
        // What should be a day, and is not where a program keeps a time in it.
        DataType::Date64 if array.as_primitive::<Date64Type>().value(row) % MILLISECONDS_A_DAY != 0 => {
            let instants = array.as_primitive::<Date64Type>().reinterpret_cast::<TimestampMillisecondType>();
            push_string(json, &formatted(&in_utc(&instants, TimeUnit::Millisecond), row)?);
        }
        DataType::Date64 => {
            let text = formatted(array, row)?;
            push_string(json, text.strip_suffix(MIDNIGHT).unwrap_or(&text));
        }
        // A time without a zone is UTC by rule.
        DataType::Timestamp(unit, _) => push_string(json, &formatted(&in_utc(array, *unit), row)?),
        DataType::Time32(_) | DataType::Time64(_) => {
            let mut text = String::new();
            push_time(&mut text, array, row)?;
            push_string(json, &text);
        }
        // Strings without the mark of a text.
        DataType::Binary => push_bytes(json, array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => push_bytes(json, array.as_binary::<i64>().value(row)),
        DataType::BinaryView => push_bytes(json, array.as_binary_view().value(row)),
        DataType::List(item) => push_list(json, item, &array.as_list::<i32>().value(row), to_be)?,
        DataType::LargeList(item) => push_list(json, item, &array.as_list::<i64>().value(row), to_be)?,
        DataType::ListView(item) => push_list(json, item, &array.as_list_view::<i32>().value(row), to_be)?,
        DataType::LargeListView(item) => push_list(json, item, &array.as_list_view::<i64>().value(row), to_be)?,
        DataType::FixedSizeList(item, _) => push_list(json, item, &array.as_fixed_size_list().value(row), to_be)?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            push_object(
                json,
                fields.iter().zip(columns).map(|(field, column)| (Cow::from(field.name()), &**field, column, row)),
                to_be,
            )?;
        }
        DataType::Map(..) => push_map(json, array.as_map(), row, to_be)?,
        DataType::Dictionary(_, of) => {
            let dictionary = array.as_any_dictionary();
            let place = dictionary.normalized_keys().get(row).copied().unwrap_or_default();
            push(json, &Field::new(field.name(), (**of).clone(), true), dictionary.values(), place, to_be)?;
        }
        DataType::FixedSizeBinary(16) if is(field, UUID) => {
            push_string(json, &uuid(array.as_fixed_size_binary().value(row)));
        }
        // Digits stand for themselves, all else is text as Arrow writes it.
        other => {
            let text = formatted(array, row)?;
            if other.is_decimal() {
                json.push_str(&text);
            } else {
                push_string(json, &text);
            }
        }
    }
    Ok(())
}

/// Appends the value in `row`, for people: a time beyond every calendar as databases print it, or as its count.
///
/// # Errors
/// Where the array is not what its type says.
pub fn push_shown(json: &mut String, field: &Field, array: &dyn Array, row: usize) -> Result<(), ArrowError> {
    let before = json.len();
    let Err(error) = push_json(json, field, array, row) else { return Ok(()) };
    json.truncate(before);
    macro_rules! count {
        ($kind:ty) => {
            i64::from(array.as_primitive::<$kind>().value(row))
        };
    }
    let (count, largest) = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => (count!(TimestampSecondType), i64::MAX),
        DataType::Timestamp(TimeUnit::Millisecond, _) => (count!(TimestampMillisecondType), i64::MAX),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (count!(TimestampMicrosecondType), i64::MAX),
        DataType::Date32 => (count!(Date32Type), i32::MAX.into()),
        DataType::Date64 => (count!(Date64Type), i64::MAX),
        _ => return Err(error),
    };
    if count == largest {
        push_string(json, "infinity");
    } else if count <= -largest {
        push_string(json, "-infinity");
    } else {
        push_string(json, &count.to_string());
    }
    Ok(())
}

/// Whether a text is a number of JSON.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

/// Appends a text as a JSON string.
pub fn push_string(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

/// A float's shortest digits; JSON has none for NaN and infinity.
fn push_float(json: &mut String, float: f64, to_be: Use) {
    match (serde_json::Number::from_f64(float), to_be) {
        (Some(number), _) => json.push_str(&number.to_string()),
        (None, Use::Kept) => push_string(json, &float.to_string()),
        (None, Use::Sent) => json.push_str(&float.to_string()),
    }
}

/// A 32-bit 0.1 is 0.1 and not the 0.10000000149011612 that its bits would be in 64.
pub fn widened(float: f32) -> f64 {
    float.to_string().parse().unwrap_or(f64::from(float))
}

fn push_list(json: &mut String, item: &Field, items: &ArrayRef, to_be: Use) -> Result<(), ArrowError> {
    json.push('[');
    for at in 0..items.len() {
        if at > 0 {
            json.push(',');
        }
        push(json, item, items, at, to_be)?;
    }
    json.push(']');
    Ok(())
}

fn push_object<'a>(
    json: &mut String,
    members: impl Iterator<Item = (Cow<'a, str>, &'a Field, &'a ArrayRef, usize)>,
    to_be: Use,
) -> Result<(), ArrowError> {
    json.push('{');
    let mut names = HashSet::new();
    for (at, (name, field, array, row)) in members.enumerate() {
        if names.contains(&name) {
            let message = format!("the name {name:?} stands twice in one object");
            return Err(ArrowError::InvalidArgumentError(message));
        }
        if at > 0 {
            json.push(',');
        }
        push_string(json, &name);
        if to_be == Use::Sent {
            names.insert(name);
        }
        json.push(':');
        push(json, field, array, row, to_be)?;
    }
    json.push('}');
    Ok(())
}

/// A map is an object whose names are the keys as text.
fn push_map(json: &mut String, map: &MapArray, row: usize, to_be: Use) -> Result<(), ArrowError> {
    let entries = map.value(row);
    let ([key_field, value_field], [keys, values]) = (entries.fields().as_ref(), entries.columns()) else {
        return Err(ArrowError::InvalidArgumentError("a map has keys and values".to_owned()));
    };
    let mut members = Vec::with_capacity(entries.len());
    for at in 0..entries.len() {
        let mut name = String::new();
        push(&mut name, key_field, keys, at, Use::Kept)?;
        let name = serde_json::from_str::<String>(&name).unwrap_or(name);
        members.push((Cow::from(name), &**value_field, values, at));
    }
    push_object(json, members.into_iter(), to_be)
}

/// Bytes as the text that they are, or else as digits to the base 16.
fn push_bytes(json: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => push_string(json, text),
        Err(_) => push_string(json, &bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

/// Appends a time of day: `HH:MM:SS`, and as many digits of the second's fraction as there are. A day's end may be `24:00:00`,
/// as databases have it.
pub fn push_time(text: &mut String, array: &dyn Array, row: usize) -> Result<(), ArrowError> {
    let (count, a_second, digits) = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => (array.as_primitive::<Time32SecondType>().value(row).into(), 1, 0),
        DataType::Time32(_) => (array.as_primitive::<Time32MillisecondType>().value(row).into(), 1_000, 3),
        DataType::Time64(TimeUnit::Nanosecond) => {
            (array.as_primitive::<Time64NanosecondType>().value(row), 1_000_000_000, 9)
        }
        _ => (array.as_primitive::<Time64MicrosecondType>().value(row), 1_000_000, 6),
    };
    let (seconds, fraction): (i64, i64) = (count / a_second, count % a_second);
    if count < 0 || seconds > SECONDS_A_DAY || (seconds == SECONDS_A_DAY && fraction > 0) {
        return Err(ArrowError::CastError(format!("{count} is not a time of day ({})", array.data_type())));
    }
    text.push_str(&format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    if fraction > 0 {
        text.push_str(format!(".{fraction:0digits$}").trim_end_matches('0'));
    }
    Ok(())
}

/// A timestamp with a zone is an instant, and the zone only how it is shown. In UTC it needs no zone database.
fn in_utc(array: &dyn Array, unit: TimeUnit) -> ArrayRef {
    macro_rules! utc {
        ($kind:ty) => {
            std::sync::Arc::new(array.as_primitive::<$kind>().clone().with_timezone("+00:00"))
        };
    }
    match unit {
        TimeUnit::Second => utc!(TimestampSecondType),
        TimeUnit::Millisecond => utc!(TimestampMillisecondType),
        TimeUnit::Microsecond => utc!(TimestampMicrosecondType),
        TimeUnit::Nanosecond => utc!(TimestampNanosecondType),
    }
}

fn formatted(array: &dyn Array, row: usize) -> Result<String, ArrowError> {
    ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).try_to_string()
}

/// A UUID's usual form.
pub fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow_array::builder::{ListBuilder, MapBuilder, StringBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BinaryArray, Date32Array, Date64Array, DictionaryArray, FixedSizeBinaryArray, Float32Array,
        Float64Array, LargeStringArray, StringViewArray, StructArray, Time64MicrosecondArray,
        TimestampMicrosecondArray,
    };

    use super::*;

    fn json(array: &ArrayRef) -> String {
        let field = Field::new("c", array.data_type().clone(), true);
        let mut json = String::new();
        push_json(&mut json, &field, array, 0).unwrap();
        json
    }

    #[test]
    fn every_kind_of_value_has_its_json() {
        let instant = || TimestampMicrosecondArray::from(vec![1_700_000_000_123_456]);
        let dictionary: DictionaryArray<Int32Type> = ["d"].into_iter().collect();
        for (array, expected) in [
            (Arc::new(LargeStringArray::from(vec!["a\"\n"])) as ArrayRef, r#""a\"\n""#),
            (
                Arc::new(StringViewArray::from(vec!["long enough not to be inlined"])),
                "\"long enough not to be inlined\"",
            ),
            (Arc::new(Float32Array::from(vec![0.1])), "0.1"),
            (Arc::new(Float64Array::from(vec![5.0])), "5.0"),
            (Arc::new(Float64Array::from(vec![1e300])), "1e+300"),
            (Arc::new(Float64Array::from(vec![f64::NEG_INFINITY])), "\"-inf\""),
            (Arc::new(Date32Array::from(vec![19_675])), "\"2023-11-14\""),
            (Arc::new(Time64MicrosecondArray::from(vec![1_500_000])), "\"00:00:01.5\""),
            (Arc::new(instant()), "\"2023-11-14T22:13:20.123456Z\""),
            // A zone that no database of zones is at hand for.
            (Arc::new(instant().with_timezone("Europe/Berlin")), "\"2023-11-14T22:13:20.123456Z\""),
            (Arc::new(dictionary), "\"d\""),
            (Arc::new(BinaryArray::from(vec![&[0xFF, 0xAD][..]])), "\"ffad\""),
            (Arc::new(BinaryArray::from(vec![&b"gold"[..]])), "\"gold\""),
        ] {
            let kind = array.data_type().to_string();
            assert_eq!(json(&array), expected, "{kind}");
        }
    }

    #[test]
    fn lists_structs_and_maps_are_nested() {
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("a"), None]);
        let list: ArrayRef = Arc::new(list.finish());
        assert_eq!(json(&list), r#"["a",null]"#);

        let mut map = MapBuilder::new(None, StringBuilder::new(), arrow_array::builder::Int64Builder::new());
        map.keys().append_value("k");
        map.values().append_value(9_007_199_254_740_993);
        map.append(true).unwrap();
        let map: ArrayRef = Arc::new(map.finish());
        assert_eq!(json(&map), r#"{"k":9007199254740993}"#);

        let both = StructArray::from(vec![
            (Arc::new(Field::new("l", list.data_type().clone(), true)), list),
            (Arc::new(Field::new("m", map.data_type().clone(), true)), map),
        ]);
        let both: ArrayRef = Arc::new(both);
        assert_eq!(json(&both), r#"{"l":["a",null],"m":{"k":9007199254740993}}"#);
    }

    /// An object with a name twice, and numbers that are none, are told as they are where they are kept, and never sent.
    #[test]
    fn what_json_does_not_have_is_not_made_into_something_else() {
        let sent = |array: &ArrayRef| {
            let mut json = String::new();
            let field = Field::new("c", array.data_type().clone(), true);
            push_sent(&mut json, &field, array, 0).map(|()| json).map_err(|error| error.to_string())
        };
        let mut list = ListBuilder::new(arrow_array::builder::Float64Builder::new());
        list.append_value([Some(f64::NAN), Some(1.5), Some(f64::INFINITY)]);
        let list: ArrayRef = Arc::new(list.finish());
        assert_eq!((json(&list), sent(&list)), (r#"["NaN",1.5,"inf"]"#.to_owned(), Ok("[NaN,1.5,inf]".to_owned())));

        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for value in ["1", "2"] {
            map.keys().append_value("k");
            map.values().append_value(value);
        }
        map.append(true).unwrap();
        let map: ArrayRef = Arc::new(map.finish());
        assert_eq!(json(&map), r#"{"k":"1","k":"2"}"#);
        assert!(sent(&map).unwrap_err().contains("the name \"k\" stands twice in one object"));
    }

    #[test]
    fn a_day_that_counts_milliseconds_is_a_day() {
        let days = |milliseconds| json(&(Arc::new(Date64Array::from(vec![milliseconds])) as ArrayRef));
        assert_eq!(days(1_699_920_000_000), "\"2023-11-14\"");
        assert_eq!(days(1_699_920_000_001), "\"2023-11-14T00:00:00.001Z\"");
        assert_eq!(days(-86_400_000), "\"1969-12-31\"");
    }

    #[test]
    fn a_time_beyond_every_calendar_can_be_shown_and_is_no_value() {
        for (array, shown) in [
            (Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])) as ArrayRef, "\"infinity\""),
            (Arc::new(TimestampMicrosecondArray::from(vec![-i64::MAX])), "\"-infinity\""),
            (Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX - 1])), "\"9223372036854775806\""),
            (Arc::new(Date32Array::from(vec![i32::MIN])), "\"-infinity\""),
            (Arc::new(Date32Array::from(vec![19_675])), "\"2023-11-14\""),
        ] {
            let field = Field::new("c", array.data_type().clone(), true);
            let mut json = "[".to_owned();
            push_shown(&mut json, &field, &array, 0).unwrap();
            assert_eq!(json, format!("[{shown}"));
            assert_eq!(push_json(&mut json, &field, &array, 0).is_ok(), shown.contains("2023"));
        }
    }

    #[test]
    fn a_uuid_has_its_usual_form() {
        let field = Field::new("c", DataType::FixedSizeBinary(16), true)
            .with_metadata([(EXTENSION.to_owned(), UUID.to_owned())]);
        let bytes: Vec<u8> = (0..16).collect();
        let array = FixedSizeBinaryArray::try_from_iter([bytes].into_iter()).unwrap();
        let mut json = String::new();
        push_json(&mut json, &field, &array, 0).unwrap();
        assert_eq!(json, "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"");
    }
}
