//! How one value is written as JSON under the type that a mapping asks for.
//!
//! Digits are copied, not computed: no number on its way from a source to Talon.One passes through a float.

mod boolean;
pub(crate) mod field_type;
mod list;
mod location;
mod number;
mod text;
mod time;

pub(crate) use self::field_type::FieldType;

use destination_toolkit::value::{Value, ValueError};

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

/// Without a declared type a value keeps its own: a text stays a text, whatever it looks like. A date is sent as its midnight, for
/// Talon.One has no type of dates alone.
#[inline]
fn write_own_type(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Float(_) => number::write(value, out),
        Value::Date(_) => time::write(value, out),
        other => other.write_json(out),
    }
}

#[cfg(test)]
mod tests;
