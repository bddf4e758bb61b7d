use proptest::prelude::*;

use super::*;
use destination_toolkit::value::Unit;

fn written(value: Value<'_>) -> Result<String, &'static str> {
    let mut out = String::new();
    write(value, &mut out).map_err(|error| error.code)?;
    Ok(out)
}

#[test]
fn texts_are_kept_to_the_letter() {
    for text in
        ["a", "007", " x ", "1e5", "26.0", "true", "null", "größe", "  x", "x y", "a\u{200b}", "👩‍👧", "\u{a0}x\u{3000}"]
    {
        assert_eq!(written(Value::Text(text)).as_deref(), Ok(text));
    }
}

#[test]
fn whole_numbers_are_printed_in_full() {
    for (value, id) in [
        (Value::Integer(0), "0"),
        (Value::Integer(9_007_199_254_740_993), "9007199254740993"),
        (Value::Integer(i64::MIN), "-9223372036854775808"),
        (Value::Decimal("26"), "26"),
        (Value::Decimal("26.0"), "26"),
        (Value::Decimal("26.000"), "26"),
        (Value::Decimal("-26.0"), "-26"),
        (Value::Decimal("007"), "7"),
        (Value::Decimal("-0.0"), "0"),
        (Value::Decimal("123456789012345678901234567890"), "123456789012345678901234567890"),
        (Value::Json("123456789012345678901234567890"), "123456789012345678901234567890"),
        (Value::Json("\"007\""), "007"),
        (Value::Json("\"a\\u00e9\""), "aé"),
    ] {
        assert_eq!(written(value).as_deref(), Ok(id), "{value:?}");
    }
}

#[test]
fn a_row_without_an_id_says_so() {
    for value in [Value::Null, Value::Text(""), Value::Json("null"), Value::Json("\"\"")] {
        assert_eq!(written(value), Err("missing-id"), "{value:?}");
    }
}

#[test]
fn what_could_be_another_id_is_rejected() {
    for value in [
        Value::Float(26.0),
        Value::Float(f64::NAN),
        Value::Boolean(true),
        Value::Date(0),
        Value::Timestamp(0, Unit::Second),
        Value::Decimal("26.5"),
        Value::Decimal("1e5"),
        Value::Decimal("1E+5"),
        Value::Decimal("NaN"),
        Value::Decimal(""),
        Value::Json("26.0"),
        Value::Json("1e5"),
        Value::Json("true"),
        Value::Json("[1]"),
        Value::Json("{\"id\":1}"),
        Value::Json("{"),
        Value::Json("\"\\ud800\""),
    ] {
        assert_eq!(written(value), Err("invalid-id"), "{value:?}");
    }
}

#[test]
fn an_id_that_nobody_can_see_or_type_is_rejected() {
    let blank = [
        " ",
        "   ",
        "\u{a0}",
        "\u{3000} ",
        "\u{2003}",
        "\u{200b}",
        "\u{feff}",
        "\u{2060}\u{ad}",
        "\u{202e}",
        "\u{2800}",
    ];
    let control = ["\0", "a\0b", "a\tb", "a\n", "\r\n", "\u{1b}[31mid", "a\u{85}", "\t"];
    for (texts, error) in [(&blank[..], BLANK), (&control[..], CONTROL)] {
        for text in texts {
            let mut out = String::new();
            let found = write(Value::Text(text), &mut out).unwrap_err();
            assert_eq!((found.code, found.expected), ("invalid-id", error.expected), "{text:?}");
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(written(Value::Json(&json)), Err("invalid-id"), "{json}");
            assert_eq!(out, "");
        }
    }
}

proptest! {
    #[test]
    fn an_integer_is_one_id_whatever_type_holds_it(integer: i64) {
        let digits = integer.to_string();
        prop_assert_eq!(written(Value::Integer(integer)), Ok(digits.clone()));
        prop_assert_eq!(written(Value::Decimal(&digits)), Ok(digits.clone()));
        prop_assert_eq!(written(Value::Json(&digits)), Ok(digits.clone()));
        prop_assert_eq!(written(Value::Text(&digits)), Ok(digits));
    }
}
