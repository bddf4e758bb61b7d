//! Points in time, as RFC 3339 texts. A time without an offset is UTC by rule: no local time zone is used.

use destination_toolkit::value::time::{write_date, write_text, write_timestamp};
use destination_toolkit::value::{Value, ValueError, json};

const INVALID: ValueError = ValueError {
    code: "invalid-time",
    wanted: "a time",
    expected: "2024-05-31, or 2024-05-31T10:00:00 with Z, an offset such as +02:00, or nothing for UTC",
    part: None,
};

const NO_UNIT: ValueError = ValueError {
    expected: "a date or timestamp column or a text such as 2024-05-31T10:00:00Z; a number does not say its unit",
    ..INVALID
};

/// Append a value as a JSON string in RFC 3339.
pub(super) fn write(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Date(days) => {
            out.push('"');
            write_date(days, out)?;
            out.push_str("T00:00:00Z\"");
        }
        Value::Timestamp(count, unit) => {
            out.push('"');
            write_timestamp(count, unit, out)?;
            out.push('"');
        }
        Value::Text(text) => {
            out.push('"');
            if !write_text(text, out) {
                return Err(INVALID);
            }
            out.push('"');
        }
        Value::Json(text) => {
            let scalar = json::scalar(text).ok_or(INVALID)?;
            return match Value::from(&scalar) {
                Value::Json(_) => Err(INVALID),
                scalar => write(scalar, out),
            };
        }
        Value::Integer(_) | Value::Float(_) | Value::Decimal(_) => return Err(NO_UNIT),
        Value::Boolean(_) | Value::Null => return Err(INVALID),
    }
    Ok(())
}
