//! Lists: a JSON array whose elements follow the rules of their own type.

use super::field_type::Element;
use super::{Value, ValueError, write as write_value};
use destination_toolkit::problem::quote::shortened;
use destination_toolkit::value::invalid_json;
use destination_toolkit::value::json::{self, Scalar};

/// Append a value as a JSON array.
pub(super) fn write(value: Value<'_>, element: Element, out: &mut String) -> Result<(), ValueError> {
    let scalar;
    let text = match value {
        // Where other rows have other kinds of values, a text comes as JSON and is a text all the same. Looked at for its quote
        // first: a list is read once.
        Value::Json(text) if text.trim_ascii_start().starts_with('"') => {
            scalar = json::scalar(text);
            if let Some(Scalar::String(text)) = &scalar { text.as_ref() } else { text }
        }
        Value::Json(text) | Value::Text(text) => text,
        _ => return Err(not_a_list(element)),
    };
    let elements = json::elements(text).ok_or_else(|| not_a_list(element))?;
    out.push('[');
    for (index, raw) in elements.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_element(raw, element, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_element(raw: &str, element: Element, out: &mut String) -> Result<(), ValueError> {
    let scalar = json::scalar(raw).ok_or_else(invalid_json)?;
    let value = Value::from(&scalar);
    let written = match value {
        Value::Null => Err(ValueError::new("invalid-list", "an element of a list", "no null in it")),
        Value::Json(_) if element != Element::Location => Err(not_a_list(element)),
        value => write_value(value, Some(element.scalar()), out),
    };
    written.map_err(|error| ValueError { part: error.part.or_else(|| Some(shortened(raw, 40))), ..error })
}

fn not_a_list(element: Element) -> ValueError {
    let (wanted, expected) = match element {
        Element::String => ("a list of strings", "a JSON array such as [\"a\",\"b\"]"),
        Element::Number => ("a list of numbers", "a JSON array such as [1,2.5]"),
        Element::Time => ("a list of times", "a JSON array such as [\"2024-05-31T10:00:00Z\"]"),
        Element::Location => ("a list of locations", "a JSON array such as [{\"latitude\":52.5,\"longitude\":13.4}]"),
    };
    ValueError::new("invalid-list", wanted, expected)
}
