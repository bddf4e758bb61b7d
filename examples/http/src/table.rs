//! Rows as JSON objects, and their cells as the contract's values. Digits are kept to the letter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::bindings::etl::destination::destination::{Change, Column, Row, Strings, Value, Values};

/// A row as the caller wrote it.
pub(crate) type Object = BTreeMap<String, Box<RawValue>>;

/// The names that any of the rows has, in their order. A row is null where it lacks one.
pub(crate) fn columns(rows: &[Object]) -> Vec<String> {
    let names: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    names.into_iter().cloned().collect()
}

/// A row in the order of the columns.
pub(crate) fn row(object: &Object, columns: &[String]) -> Result<Row, serde_json::Error> {
    let cell = |name| object.get(name).map_or(Ok(Value::Null), |raw| value(raw.get()));
    Ok(Row { change: Change::Added, values: columns.iter().map(cell).collect::<Result<_, _>>()? })
}

/// A row as a batch of one, for a plugin that leaves `map-row` out.
pub(crate) fn batch_of_one(row: &Row, columns: &[String]) -> Vec<Column> {
    let strings = |text: &String| Strings {
        // A cell is far below 4 GiB: it came in a body of some megabytes.
        offsets: vec![0, u32::try_from(text.len()).unwrap_or(u32::MAX)],
        data: text.clone(),
    };
    let values = |value: &Value| match value {
        Value::Null => Values::Nulls(1),
        Value::Boolean(value) => Values::Booleans(vec![*value]),
        Value::Integer(value) => Values::Integers(vec![*value]),
        Value::Float(value) => Values::Floats(vec![*value]),
        Value::Decimal(digits) => Values::Decimals(strings(digits)),
        Value::Json(text) => Values::Json(strings(text)),
        // JSON has no dates and times: they are texts.
        Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => Values::Texts(strings(text)),
    };
    let column =
        |(name, value): (&String, _)| Column { name: name.clone(), validity: Vec::new(), values: values(value) };
    columns.iter().zip(&row.values).map(column).collect()
}

/// A JSON text is told by its first letter. A number is a 64-bit integer where it is one, its digits otherwise; one with an
/// exponent has none, and is a float.
fn value(text: &str) -> Result<Value, serde_json::Error> {
    Ok(match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'"') => Value::Text(serde_json::from_str(text)?),
        Some(b'{' | b'[') => Value::Json(text.to_owned()),
        _ => match text.parse() {
            Ok(integer) => Value::Integer(integer),
            Err(_) if text.contains(['e', 'E']) => Value::Float(serde_json::from_str(text)?),
            Err(_) => Value::Decimal(text.to_owned()),
        },
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that can't go on fails with the reason")]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<Object> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn cells_keep_their_kind_and_their_digits() {
        let rows = objects(
            r#"[{"a":"007","b":9007199254740993,"c":1.10,"d":true,"e":null,"f":["x", 1.0],"g":123456789012345678901,"h":1e3}]"#,
        );
        let columns = columns(&rows);
        let row = row(rows.first().unwrap(), &columns).unwrap();
        let shown: Vec<String> = row.values.iter().map(|value| serde_json::to_string(value).unwrap()).collect();
        assert_eq!(
            shown,
            [
                r#"{"Text":"007"}"#,
                r#"{"Integer":9007199254740993}"#,
                r#"{"Decimal":"1.10"}"#,
                r#"{"Boolean":true}"#,
                r#""Null""#,
                r#"{"Json":"[\"x\", 1.0]"}"#,
                r#"{"Decimal":"123456789012345678901"}"#,
                r#"{"Float":1000.0}"#,
            ]
        );
    }

    #[test]
    fn a_batch_of_one_has_the_values_of_the_row() {
        let rows = objects(r#"[{"a":"é","b":7,"c":1.10,"d":true,"e":null,"f":[1]}]"#);
        let columns = columns(&rows);
        let batch = batch_of_one(&row(rows.first().unwrap(), &columns).unwrap(), &columns);
        let shown: Vec<String> = batch.iter().map(|it| serde_json::to_string(&it.values).unwrap()).collect();
        assert_eq!(
            shown,
            [
                r#"{"Texts":{"offsets":[0,2],"data":"é"}}"#,
                r#"{"Integers":[7]}"#,
                r#"{"Decimals":{"offsets":[0,4],"data":"1.10"}}"#,
                r#"{"Booleans":[true]}"#,
                r#"{"Nulls":1}"#,
                r#"{"Json":{"offsets":[0,3],"data":"[1]"}}"#,
            ]
        );
    }

    #[test]
    fn a_row_that_lacks_a_column_is_null_there() {
        let rows = objects(r#"[{"a":1},{"b":2}]"#);
        let columns = columns(&rows);
        assert_eq!(columns, ["a", "b"]);
        let second = row(rows.last().unwrap(), &columns).unwrap();
        assert!(matches!(second.values.as_slice(), [Value::Null, Value::Integer(2)]));
    }
}
