//! Values of rows as an expression sees them. Numbers come as numbers only where the expression's language can keep them.

use std::collections::BTreeMap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::{ArrowError, DataType, Field};
use destination_engine::arrow::cell::{JSON, is, push_sent, widened};
use minijinja::Value;
use serde_json::value::RawValue;

use crate::sync_file::expression::numbers::{FLOAT_DIGITS, are_kept};

/// Levels of lists and objects that an expression can look into.
const DEEPEST: usize = 100;

/// The value in `row`, for an expression. A null is undefined: it is empty in a text, and `default` replaces it.
pub(super) fn value(field: &Field, array: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    macro_rules! number {
        ($kind:ty) => {
            Value::from(array.as_primitive::<$kind>().value(row))
        };
    }
    Ok(match array.data_type() {
        _ if array.is_null(row) => Value::UNDEFINED,
        DataType::Null => Value::UNDEFINED,
        DataType::Utf8 if !is(field, JSON) => Value::from(array.as_string::<i32>().value(row)),
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        // With the digits that it has in 32 bits, as it is sent where nothing is computed.
        DataType::Float32 => Value::from(widened(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => number!(Float64Type),
        _ => {
            let mut json = String::new();
            push_sent(&mut json, field, array, row)?;
            return of_json(&json);
        }
    })
}

/// A JSON text for an expression.
fn of_json(json: &str) -> Result<Value, ArrowError> {
    of_json_within(json, DEEPEST)
}

fn of_json_within(json: &str, depth: usize) -> Result<Value, ArrowError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(ArrowError::JsonError(format!("it is nested more than {DEEPEST} levels deep")));
    };
    let number: Result<serde_json::Number, _> = serde_json::from_str(json);
    if number.is_ok() {
        return number_of(json);
    }
    // The numbers within lists and objects come as their texts, so that each can be judged by its digits.
    let parsed: Box<RawValue> = serde_json::from_str(json).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let text = parsed.get();
    let failed = |error: serde_json::Error| ArrowError::JsonError(error.to_string());
    Ok(match text.as_bytes().first() {
        Some(b'"') => Value::from(serde_json::from_str::<String>(text).map_err(failed)?),
        Some(b't') => Value::from(true),
        Some(b'f') => Value::from(false),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(failed)?;
            items.into_iter().map(|item| of_json_within(item.get(), depth)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(failed)?;
            let members = members.into_iter().map(|(name, value)| Ok((name, of_json_within(value.get(), depth)?)));
            members.collect::<Result<BTreeMap<_, _>, ArrowError>>()?.into()
        }
        _ => Value::UNDEFINED,
    })
}

/// A number for an expression, where it can keep it: as an integer, or as a float that stands for these digits and no
/// others.
fn number_of(digits: &str) -> Result<Value, ArrowError> {
    if let Ok(integer) = digits.parse::<i64>() {
        return Ok(Value::from(integer));
    }
    match digits.parse::<f64>() {
        Ok(float) if are_kept(digits) => Ok(Value::from(float)),
        _ => Err(ArrowError::ComputeError(format!(
            "{digits} has more than {FLOAT_DIGITS} digits, which an expression can't keep; map the column itself"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_expression_gets_numbers_that_it_can_keep() {
        for (digits, value) in
            [("42", "42"), ("-0.5", "-0.5"), ("1.10", "1.1"), ("1234.500000000", "1234.5"), ("1e3", "1000.0")]
        {
            assert_eq!(of_json(digits).unwrap().to_string(), value);
        }
        for digits in ["12345678901234567.5", "0.1234567890123456789", "123456789012345678901234567890"] {
            let error = of_json(digits).unwrap_err().to_string();
            assert!(error.contains(digits) && error.contains("map the column itself"), "{error}");
        }
        assert_eq!(of_json(r#"{"a":[1,"x",null,true]}"#).unwrap().to_string(), "{'a': [1, 'x', undefined, True]}");
    }

    #[test]
    fn a_number_of_32_bits_has_the_digits_of_32_bits() {
        let field = Field::new("f", DataType::Float32, true);
        let array = arrow_array::Float32Array::from(vec![0.1]);
        assert_eq!(value(&field, &array, 0).unwrap().to_string(), "0.1");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(of_json(&nested(99)).is_ok());
        for levels in [101, 1_000_000] {
            assert!(of_json(&nested(levels)).unwrap_err().to_string().contains("levels deep"));
        }
    }

    proptest! {
        /// A number is kept or refused, never another one.
        #[test]
        fn a_number_is_never_another_one(digits in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,17})?") {
            if let Ok(value) = of_json(&digits) {
                let back: String = value.to_string();
                let plain = |text: &str| {
                    let text = text.strip_prefix('-').unwrap_or(text);
                    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
                    (whole.to_owned(), part.trim_end_matches('0').to_owned())
                };
                prop_assume!(!back.contains('e'));
                prop_assert_eq!(plain(&back), plain(&digits));
            }
        }
    }
}
