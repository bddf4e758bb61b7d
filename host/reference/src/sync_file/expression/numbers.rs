//! Texts and numbers as numbers of an expression: each is kept, or refused. The language's own conversions round what they
//! can't keep.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value, filters};

/// Decimal digits that a 64-bit float keeps whatever they are.
pub(crate) const FLOAT_DIGITS: usize = 15;
/// Whole numbers below it have a float of their own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether a float stands for these digits and no others.
pub(crate) fn are_kept(digits: &str) -> bool {
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let significant = mantissa.trim_start_matches(['-', '+', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let zeros = if mantissa.contains('.') { mantissa.len() - mantissa.trim_end_matches('0').len() } else { 0 };
    significant - zeros.min(significant) <= FLOAT_DIGITS
}

/// The filter `int`: what is behind the point is left out.
pub(super) fn int(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let is_whole = value.is_integer() || value.as_str().is_some_and(|text| text.parse::<i128>().is_ok());
    match float_of(value) {
        Some(number) if !is_whole && !is_kept(value, number, EXACT) => Err(not_kept(value)),
        _ => filters::int(state, value, default, base, kwargs),
    }
}

/// The filter `float`.
pub(super) fn float(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    match float_of(value) {
        Some(number) if !is_float(value) && !is_kept(value, number, f64::INFINITY) => Err(not_kept(value)),
        _ => filters::float(state, value, default, kwargs),
    }
}

/// The float that a text or a number comes to, where it is a number.
fn float_of(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None if value.kind() == ValueKind::Number => value.to_string().parse().ok(),
        None => None,
    }
}

/// Whether `number` stands for what a value says, and is nearer to zero than `end`.
fn is_kept(value: &Value, number: f64, end: f64) -> bool {
    if is_float(value) {
        return number.abs() < end;
    }
    let digits = value.to_string();
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    // An exponent may be below every float.
    let vanished = number == 0.0 && mantissa.contains(|digit| matches!(digit, '1'..='9'));
    number.abs() < end && !vanished && are_kept(&digits)
}

fn is_float(value: &Value) -> bool {
    value.kind() == ValueKind::Number && !value.is_integer()
}

fn not_kept(value: &Value) -> Error {
    let message = format!("{value} is no number of up to {FLOAT_DIGITS} digits, and an expression can't keep others");
    Error::new(ErrorKind::InvalidOperation, message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use minijinja::Value;

    use crate::sync_file::expression::Expression;

    #[test]
    fn a_number_is_kept_or_refused() {
        let of = |filter: &str, value: Value| {
            let value = Expression::new(filter)?.value([value])?;
            Ok::<_, String>(value.to_string())
        };
        for (text, whole, number) in [
            ("5", Some("5"), Some("5.0")),
            ("-5.9", Some("-5"), Some("-5.9")),
            ("+5", Some("5"), Some("5.0")),
            ("1e3", Some("1000"), Some("1000.0")),
            ("0.10", Some("0"), Some("0.1")),
            ("0e9", Some("0"), Some("0.0")),
            ("9007199254740993", Some("9007199254740993"), None),
            ("9007199254740993.5", None, None),
            ("99999999999999999999", Some("99999999999999999999"), None),
            ("1e30", None, Some("1000000000000000000000000000000.0")),
            ("1e400", None, None),
            ("1e-400", None, None),
            ("NaN", None, None),
            ("inf", None, None),
            ("1,5", None, None),
            (" 5", None, None),
        ] {
            assert_eq!(of("a|int", text.into()).as_deref().ok(), whole, "{text}|int");
            assert_eq!(of("a|float", text.into()).as_deref().ok(), number, "{text}|float");
        }
        let ok = |value: &str| Ok(value.to_owned());
        assert_eq!(of("a|int", Value::from(2.5)), ok("2"));
        assert_eq!(of("(a + 0.2)|int", Value::from(0.1)), ok("0"));
        assert_eq!(of("a|int", Value::from(9_007_199_254_740_993_i64)), ok("9007199254740993"));
        assert_eq!(of("a|int", Value::from(true)), ok("1"));
        assert_eq!(of("a|int", Value::UNDEFINED), ok("0"));
        assert_eq!(of("a|int(default=7)", "n/a".into()), ok("7"));
        assert_eq!(of("a|int(base=16)", "ff".into()), ok("255"));
        for value in [f64::NAN, f64::INFINITY, 1e300] {
            assert!(of("a|int", Value::from(value)).is_err(), "{value}");
        }
        let error = of("a|float", Value::from(9_007_199_254_740_993_i64)).unwrap_err();
        assert!(error.contains("9007199254740993 is no number of up to 15 digits"), "{error}");
    }
}
