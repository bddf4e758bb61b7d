//! One value of a row, and how it is written as JSON under the type that a mapping asks for.
//!
//! Digits are copied, not computed: no number on its way from a source to Talon.One passes through a float.

mod boolean;
pub(crate) mod calendar;
mod field_type;
pub(crate) mod json;
mod list;
mod location;
mod number;
mod text;
mod time;

pub(crate) use self::field_type::FieldType;
pub(crate) use self::number::{is_integer, plain_digits, write_integer};
pub(crate) use self::time::{Unit, days_of_date, instant};

use self::json::Scalar;
use crate::problem::quote::shortened;

/// A value as its column holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    /// A number's digits.
    Decimal(&'a str),
    Text(&'a str),
    /// Days since 1970-01-01.
    Date(i32),
    /// A count of units since 1970-01-01T00:00:00Z.
    Timestamp(i64, Unit),
    /// A JSON text.
    Json(&'a str),
}

/// Why a value cannot be written as asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueError {
    /// Stable, in kebab case.
    pub(crate) code: &'static str,
    /// What the value is not, with an article: `a number`.
    pub(crate) wanted: &'static str,
    /// The form expected, or the reason.
    pub(crate) expected: &'static str,
    /// The part that is at fault, if it is not the whole value.
    pub(crate) part: Option<String>,
}

impl ValueError {
    fn new(code: &'static str, wanted: &'static str, expected: &'static str) -> Self {
        Self { code, wanted, expected, part: None }
    }
}

/// Append `value`, which is not null, as JSON. On a error, what was appended so far is left for the caller to cut off.
#[inline]
pub(crate) fn write(value: Value<'_>, field_type: Option<FieldType>, out: &mut String) -> Result<(), ValueError> {
    match field_type {
        None => write_own_type(value, out),
        Some(FieldType::String) => text::write(value, out),
        Some(FieldType::Number) => number::write(value, out),
        Some(FieldType::Boolean) => boolean::write(value, out),
        Some(FieldType::Time) => time::write(value, out),
        Some(FieldType::Location) => location::write(value, out),
        Some(FieldType::List(element)) => list::write(value, element, out),
    }
}

/// Without a declared type a value keeps its own: a text stays a text, whatever it looks like.
#[inline]
fn write_own_type(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Text(text) => json::write_string(text, out),
        Value::Integer(number) => write_integer(number, out),
        Value::Boolean(boolean) => boolean::write_literal(boolean, out),
        Value::Float(_) | Value::Decimal(_) => return number::write(value, out),
        Value::Date(_) | Value::Timestamp(..) => return time::write(value, out),
        Value::Json(text) => json::write_compact(text, out).map_err(|()| invalid_json())?,
        Value::Null => out.push_str("null"),
    }
    Ok(())
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn invalid_json() -> ValueError {
    ValueError::new("invalid-json", "valid JSON", "a JSON value such as [\"a\",\"b\"], of at most 128 levels")
}

impl Value<'_> {
    /// Null, or a JSON text that says null.
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Json(text) => json::is_null(text),
            _ => false,
        }
    }

    /// How the value looks in a message.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn shown(&self) -> String {
        match self {
            Value::Text(text) => crate::problem::quote::quoted(text),
            Value::Decimal(digits) => shortened(digits, 40),
            Value::Json(text) => shortened(text, 40),
            Value::Float(number) if !number.is_finite() => "a float that is not finite".to_owned(),
            Value::Date(days) => {
                let mut shown = String::new();
                time::show_date(*days, &mut shown);
                shown
            }
            Value::Timestamp(count, unit) => {
                let mut shown = String::new();
                time::show_timestamp(*count, *unit, &mut shown);
                shown
            }
            other => {
                let mut shown = String::new();
                match text::write_plain(*other, &mut shown) {
                    Ok(()) => shown,
                    Err(error) => format!("not {}", error.wanted),
                }
            }
        }
    }
}

/// A JSON scalar as the value that it spells. A list or an object stays JSON.
fn of_scalar<'a>(scalar: &'a Scalar<'a>) -> Value<'a> {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(boolean) => Value::Boolean(*boolean),
        Scalar::Number(digits) => Value::Decimal(digits),
        Scalar::String(text) => Value::Text(text),
        Scalar::Composite(text) => Value::Json(text),
    }
}

#[cfg(test)]
mod tests;
