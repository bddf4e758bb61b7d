//! Numbers, digit for digit, with the messages about what is none.

use destination_toolkit::value::digits::{write_integer, write_number};
use destination_toolkit::value::json::{self, Scalar};
use destination_toolkit::value::{Value, ValueError, digits};

const INVALID: ValueError =
    ValueError { code: "invalid-number", wanted: "a number", expected: "digits such as 12 or -0.5", part: None };

/// Append a value as a JSON number.
pub(super) fn write(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Integer(number) => write_integer(number, out),
        Value::Float(number) => return write_float(number, out),
        Value::Decimal(digits) | Value::Text(digits) => return write_digits(digits, out),
        Value::Json(text) => {
            return match json::scalar(text) {
                Some(Scalar::Number(digits)) => write_digits(digits, out),
                Some(Scalar::String(digits)) => write_digits(&digits, out),
                _ => Err(INVALID),
            };
        }
        _ => return Err(INVALID),
    }
    Ok(())
}

/// Append the shortest digits that give the same float back.
pub(super) fn write_float(number: f64, out: &mut String) -> Result<(), ValueError> {
    let finite = digits::write_float(number, out);
    finite.then_some(()).ok_or(ValueError { expected: "a finite one; Talon.One has no NaN and no infinity", ..INVALID })
}

fn write_digits(digits: &str, out: &mut String) -> Result<(), ValueError> {
    write_number(digits, out).then_some(()).ok_or(INVALID)
}
