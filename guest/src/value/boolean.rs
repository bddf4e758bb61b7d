//! Booleans, and the words that mean them.

use super::{Value, ValueError};
use destination_toolkit::value::json;

/// Append a value as `true` or `false`.
pub(super) fn write(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    let boolean = read(value).ok_or(ValueError::new(
        "invalid-boolean",
        "a boolean",
        "true, false, yes, no, t, f, y, n, 1 or 0",
    ))?;
    write_literal(boolean, out);
    Ok(())
}

pub(super) fn write_literal(boolean: bool, out: &mut String) {
    out.push_str(if boolean { "true" } else { "false" });
}

fn read(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Boolean(boolean) => Some(boolean),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        Value::Decimal(digits) => match digits {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        },
        Value::Text(word) => {
            let is_one_of = |words: [&str; 5]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
            if is_one_of(["true", "1", "yes", "t", "y"]) {
                Some(true)
            } else if is_one_of(["false", "0", "no", "f", "n"]) {
                Some(false)
            } else {
                None
            }
        }
        Value::Json(text) => {
            let scalar = json::scalar(text)?;
            match Value::from(&scalar) {
                Value::Json(_) => None,
                scalar => read(scalar),
            }
        }
        _ => None,
    }
}
