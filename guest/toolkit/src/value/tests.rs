use super::time::{days_of_date, instant};
use super::*;

fn written(write: impl Fn(&mut String) -> Result<(), ValueError>) -> Result<String, &'static str> {
    let mut out = String::new();
    write(&mut out).map_err(|error| error.code).map(|()| out)
}

#[test]
fn each_value_is_written_as_what_it_is() {
    for (value, json) in [
        (Value::Null, "null"),
        (Value::Boolean(true), "true"),
        (Value::Integer(i64::MIN), "-9223372036854775808"),
        (Value::Float(0.1), "0.1"),
        (Value::Decimal("+0012.500"), "12.500"),
        (Value::Text("12"), "\"12\""),
        (Value::Date(19_874), "\"2024-05-31\""),
        (Value::Timestamp(1_500, Unit::Millisecond), "\"1970-01-01T00:00:01.5Z\""),
        (Value::Json(" [1, 2.50] "), "[1,2.50]"),
    ] {
        assert_eq!(written(|out| value.write_json(out)).as_deref(), Ok(json), "{value:?}");
    }
    for (value, code) in [
        (Value::Float(f64::NAN), "invalid-number"),
        (Value::Decimal("1,5"), "invalid-number"),
        (Value::Date(i32::MAX), "invalid-time"),
        (Value::Json("{"), "invalid-json"),
    ] {
        assert_eq!(written(|out| value.write_json(out)), Err(code), "{value:?}");
    }
}

#[test]
fn a_key_is_a_text_or_a_whole_number() {
    for (value, key) in [
        (Value::Text(" 007"), " 007"),
        (Value::Integer(-1), "-1"),
        (Value::Decimal("26.0"), "26"),
        (Value::Decimal("-0"), "0"),
    ] {
        assert_eq!(written(|out| value.write_key(out)).as_deref(), Ok(key), "{value:?}");
    }
    for (value, code) in [
        (Value::Null, "missing-key"),
        (Value::Text(""), "missing-key"),
        (Value::Float(1.0), "invalid-key"),
        (Value::Decimal("1.5"), "invalid-key"),
        (Value::Boolean(true), "invalid-key"),
        (Value::Json("1"), "invalid-key"),
    ] {
        assert_eq!(written(|out| value.write_key(out)), Err(code), "{value:?}");
    }
}

#[test]
fn json_null_is_null() {
    assert!(Value::Null.is_null());
    assert!(Value::Json(" null\n").is_null());
    for value in [Value::Json("\"null\""), Value::Text("null"), Value::Text(""), Value::Integer(0)] {
        assert!(!value.is_null(), "{value:?}");
    }
}

#[test]
fn a_value_is_shown_as_people_know_it() {
    for (value, shown) in [
        (Value::Text("abc"), "\"abc\""),
        (Value::Integer(4), "4"),
        (Value::Float(4.5), "4.5"),
        (Value::Float(f64::NAN), "a float that is not finite"),
        (Value::Decimal("1.50"), "1.50"),
        (Value::Boolean(true), "true"),
        (Value::Date(0), "1970-01-01"),
        (Value::Date(i32::MAX), "infinity"),
        (Value::Date(i32::MIN), "-infinity"),
        (Value::Date(-735_160), "0044-03-15 BC"),
        (Value::Date(4_759_110), "15000-01-01"),
        (Value::Timestamp(i64::MAX, Unit::Microsecond), "infinity"),
        (Value::Timestamp(i64::MIN, Unit::Microsecond), "-infinity"),
        (Value::Timestamp(411_187_104_000_001, Unit::Millisecond), "15000-01-01T00:00:00.001Z"),
        (Value::Timestamp(0, Unit::Second), "1970-01-01T00:00:00Z"),
        (Value::Json("[1]"), "[1]"),
        (Value::Null, "null"),
    ] {
        assert_eq!(value.shown(), shown);
    }
}

#[test]
fn dates_and_instants_are_read_for_single_rows() {
    assert_eq!(days_of_date("1970-01-02"), Some(1));
    assert_eq!(days_of_date("1970-01-02T00:00:00Z"), None);
    assert_eq!(instant("1970-01-01T00:00:01Z"), Some((1, Unit::Second)));
    assert_eq!(instant("1970-01-01T02:00:01+02:00"), Some((1, Unit::Second)));
    assert_eq!(instant("1969-12-31T23:59:59.5Z"), Some((-500, Unit::Millisecond)));
    assert_eq!(instant("1970-01-01T00:00:00.000001000Z"), Some((1, Unit::Microsecond)));
    assert_eq!(instant("1970-01-01T00:00:00.000000001"), Some((1, Unit::Nanosecond)));
    assert_eq!(instant("1970-01-01T00:00:00.0000000001"), None);
    assert_eq!(instant("9999-12-31T23:59:59.000000001Z"), None);
}
