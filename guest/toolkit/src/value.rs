//! One value of a row, and how it is written as JSON.
//!
//! Digits are copied, not computed: no decimal on its way from a source to a destination passes through a float.

pub mod calendar;
pub mod digits;
pub mod json;
pub mod time;

use self::json::Scalar;
use crate::problem::quote::{quoted, shortened};

/// A value as its column holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number of 64 bits.
    Integer(i64),
    /// A float, perhaps not finite.
    Float(f64),
    /// A number's digits.
    Decimal(&'a str),
    /// A text.
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
pub struct ValueError {
    /// Stable, in kebab case.
    pub code: &'static str,
    /// What the value is not, with an article: `a number`.
    pub wanted: &'static str,
    /// The form expected, or the reason.
    pub expected: &'static str,
    /// The part that is at fault, if it is not the whole value.
    pub part: Option<String>,
}

impl ValueError {
    /// An error about the whole value.
    #[must_use]
    pub fn new(code: &'static str, wanted: &'static str, expected: &'static str) -> Self {
        Self { code, wanted, expected, part: None }
    }
}

/// What one step of a timestamp is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A second.
    Second,
    /// A thousandth of it.
    Millisecond,
    /// A millionth of it.
    Microsecond,
    /// A billionth of it.
    Nanosecond,
}

const NOT_FINITE: ValueError = ValueError {
    code: "invalid-number",
    wanted: "a number",
    expected: "a finite one; JSON has no NaN and no infinity",
    part: None,
};

/// For a text that should be JSON.
#[cold]
#[must_use]
pub fn invalid_json() -> ValueError {
    ValueError::new("invalid-json", "valid JSON", "a JSON value such as [\"a\",\"b\"], of at most 128 levels")
}

impl Value<'_> {
    /// Append the value as JSON, as what it is: a text stays a text, whatever it looks like; numbers keep their digits; a date is
    /// `"2024-05-31"`, a timestamp RFC 3339 in UTC; JSON goes out without its white space.
    ///
    /// # Errors
    /// JSON has no such value. What was appended so far is left for the caller to drop.
    #[inline]
    pub fn write_json(self, out: &mut String) -> Result<(), ValueError> {
        match self {
            Value::Text(text) => json::write_string(text, out),
            Value::Integer(number) => digits::write_integer(number, out),
            Value::Boolean(boolean) => out.push_str(if boolean { "true" } else { "false" }),
            Value::Float(number) => {
                if !digits::write_float(number, out) {
                    return Err(NOT_FINITE);
                }
            }
            Value::Decimal(digits) => {
                if !digits::write_number(digits, out) {
                    return Err(ValueError { expected: "digits such as 12 or -0.5", ..NOT_FINITE });
                }
            }
            Value::Date(_) | Value::Timestamp(..) => {
                out.push('"');
                match self {
                    Value::Date(days) => time::write_date(days, out)?,
                    Value::Timestamp(count, unit) => time::write_timestamp(count, unit, out)?,
                    _ => {}
                }
                out.push('"');
            }
            Value::Json(text) => json::write_compact(text, out).map_err(|()| invalid_json())?,
            Value::Null => out.push_str("null"),
        }
        Ok(())
    }

    /// Append the value as a record's key: a text as it stands, a whole number in full.
    ///
    /// # Errors
    /// It identifies nothing for certain: null, an empty text, a float, a list.
    pub fn write_key(self, out: &mut String) -> Result<(), ValueError> {
        const EXPECTED: &str = "a text that is not empty, or a whole number";
        let whole = |digits| digits::plain(digits).ok_or(ValueError::new("invalid-key", "a key", EXPECTED));
        match self {
            Value::Text(text) if !text.is_empty() => out.push_str(text),
            Value::Integer(number) => digits::write_integer(number, out),
            Value::Decimal(digits) => {
                let (sign, digits) = whole(digits)?;
                out.push_str(sign);
                out.push_str(digits);
            }
            Value::Null | Value::Text(_) => return Err(ValueError::new("missing-key", "a key", EXPECTED)),
            _ => return Err(ValueError::new("invalid-key", "a key", EXPECTED)),
        }
        Ok(())
    }

    /// Null, or a JSON text that says null.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Json(text) => json::is_null(text),
            _ => false,
        }
    }

    /// How the value looks in a message.
    pub fn shown(&self) -> String {
        match self {
            Value::Text(text) => quoted(text),
            Value::Decimal(digits) => shortened(digits, 40),
            Value::Json(text) => shortened(text, 40),
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
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => {
                let mut shown = String::new();
                if digits::write_float(*number, &mut shown) { shown } else { "a float that is not finite".to_owned() }
            }
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Null => "null".to_owned(),
        }
    }
}

/// A JSON scalar as the value that it spells. A list or an object stays JSON.
impl<'a> From<&'a Scalar<'a>> for Value<'a> {
    #[inline]
    fn from(scalar: &'a Scalar<'a>) -> Self {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(boolean) => Value::Boolean(*boolean),
            Scalar::Number(digits) => Value::Decimal(digits),
            Scalar::String(text) => Value::Text(text),
            Scalar::Composite(text) => Value::Json(text),
        }
    }
}

#[cfg(test)]
mod tests;
