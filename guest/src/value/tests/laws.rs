//! What holds for every value.

use proptest::prelude::*;

use super::*;

/// Any value that a column can hold, valid or not.
fn any_value() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        Just(OwnedValue::Null),
        any::<bool>().prop_map(OwnedValue::Boolean),
        any::<i64>().prop_map(OwnedValue::Integer),
        any::<f64>().prop_map(OwnedValue::Float),
        "[+-]?[0-9]{0,25}(\\.[0-9]{0,12})?([eE][+-]?[0-9]{0,3})?".prop_map(OwnedValue::Decimal),
        ".{0,12}".prop_map(OwnedValue::Text),
        "(true|no|[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)"
            .prop_map(OwnedValue::Text),
        any::<i32>().prop_map(OwnedValue::Date),
        (any::<i64>(), 0..4_usize).prop_map(|(count, unit)| OwnedValue::Timestamp(count, unit)),
        "[\\[\\]{}\",:a0-9 ]{0,12}".prop_map(OwnedValue::Json),
        "\\[(\"[a-z\\\\\"]{0,3}\"|[0-9]|null)?(, ?(\"[a-z]\"|[0-9.]{1,3}))?\\]".prop_map(OwnedValue::Json),
    ]
}

#[derive(Clone, Debug)]
enum OwnedValue {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Decimal(String),
    Text(String),
    Date(i32),
    Timestamp(i64, usize),
    Json(String),
}

impl OwnedValue {
    fn borrowed(&self) -> Value<'_> {
        const UNITS: [Unit; 4] = [Unit::Second, Unit::Millisecond, Unit::Microsecond, Unit::Nanosecond];
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Float(float) => Value::Float(*float),
            Self::Decimal(digits) => Value::Decimal(digits),
            Self::Text(text) => Value::Text(text),
            Self::Date(days) => Value::Date(*days),
            Self::Timestamp(count, unit) => Value::Timestamp(*count, UNITS[*unit]),
            Self::Json(text) => Value::Json(text),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_json(value in any_value(), field_type in 0..=9_usize) {
        let field_type = FieldType::ALL.get(field_type).map(|(_, field_type)| *field_type);
        let mut out = String::new();
        if write(value.borrowed(), field_type, &mut out).is_ok() {
            // Read for its grammar alone: a number past the range of a float is JSON all the same.
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&out).is_ok(), "{out}");
        }
        // Showing a value never fails either.
        prop_assert!(value.borrowed().shown().chars().count() <= 80);
    }

    #[test]
    fn digits_survive(negative: bool, whole in "[1-9][0-9]{0,40}|0", fraction in "(\\.[0-9]{1,40})?") {
        let digits = format!("{}{whole}{fraction}", if negative { "-" } else { "" });
        prop_assert_eq!(written(Value::Decimal(&digits), None), Ok(digits.clone()));
        prop_assert_eq!(written(Value::Text(&digits), NUMBER), Ok(digits.clone()));
        prop_assert_eq!(written(Value::Json(&digits), None), Ok(digits.clone()));
    }

    #[test]
    fn integers_and_floats_come_back(integer: i64, float: f64) {
        prop_assert_eq!(written(Value::Integer(integer), None), Ok(integer.to_string()));
        if float.is_finite() {
            let back: f64 = written(Value::Float(float), None).unwrap().parse().unwrap();
            prop_assert_eq!(back.to_bits(), float.to_bits());
        }
    }

    #[test]
    fn a_timestamp_comes_back(count in -62_167_219_200_000_i64..253_402_300_800_000) {
        let text = written(Value::Timestamp(count, Unit::Millisecond), None).unwrap();
        let (back, unit) = instant(text.trim_matches('"')).unwrap();
        let milliseconds = if unit == Unit::Second { back * 1000 } else { back };
        prop_assert_eq!(milliseconds, count);
        // Read as a text it is the same to the letter.
        prop_assert_eq!(written(Value::Text(text.trim_matches('"')), TIME), Ok(text.clone()));
    }

    #[test]
    fn any_text_is_a_time_or_a_fault(text in ".{0,30}|[0-9TZ:+. -]{8,30}") {
        if let Ok(written) = written(Value::Text(&text), TIME) {
            prop_assert!(instant(written.trim_matches('"')).is_some() || text.len() > 29);
        }
    }
}
