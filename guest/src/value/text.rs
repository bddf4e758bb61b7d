//! Texts: what a value looks like when a string attribute takes it.

use destination_toolkit::value::json::{self, Scalar};
use destination_toolkit::value::{digits, invalid_json, time};

use super::{Value, ValueError, boolean, number};

/// Append a value as a JSON string.
pub(super) fn write(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Text(text) | Value::Decimal(text) => json::write_string(text, out),
        Value::Json(text) => match json::scalar(text) {
            Some(Scalar::String(text)) => json::write_string(&text, out),
            Some(_) => json::write_string(text.trim(), out),
            None => return Err(invalid_json()),
        },
        // None of the others has a character that JSON escapes.
        _ => {
            out.push('"');
            write_plain(value, out)?;
            out.push('"');
        }
    }
    Ok(())
}

/// Append a value that is neither text, decimal nor JSON, without quotes.
pub(super) fn write_plain(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Integer(integer) => digits::write_integer(integer, out),
        Value::Float(float) => return number::write_float(float, out),
        Value::Boolean(boolean) => boolean::write_literal(boolean, out),
        Value::Date(days) => return time::write_date(days, out),
        Value::Timestamp(count, unit) => return time::write_timestamp(count, unit, out),
        Value::Text(text) | Value::Decimal(text) | Value::Json(text) => out.push_str(text),
        Value::Null => out.push_str("null"),
    }
    Ok(())
}
