//! Each type's rules, by example.

use destination_toolkit::value::Unit;
use destination_toolkit::value::time::instant;

use super::*;

mod laws;

/// The JSON that a value becomes, or the error's code.
fn written(value: Value<'_>, field_type: Option<FieldType>) -> Result<String, &'static str> {
    let mut out = String::new();
    write(value, field_type, &mut out).map_err(|error| error.code)?;
    Ok(out)
}

#[track_caller]
fn assert_written(field_type: Option<FieldType>, cases: &[(Value<'_>, &str)]) {
    for (value, expected) in cases {
        assert_eq!(written(*value, field_type).as_deref(), Ok(*expected), "{value:?}");
    }
}

#[track_caller]
fn assert_rejected(field_type: Option<FieldType>, code: &str, values: &[Value<'_>]) {
    for value in values {
        assert_eq!(written(*value, field_type), Err(code), "{value:?}");
    }
}

const STRING: Option<FieldType> = Some(FieldType::String);
const NUMBER: Option<FieldType> = Some(FieldType::Number);
const BOOLEAN: Option<FieldType> = Some(FieldType::Boolean);
const TIME: Option<FieldType> = Some(FieldType::Time);
const LOCATION: Option<FieldType> = Some(FieldType::Location);

fn list(element: field_type::Element) -> Option<FieldType> {
    Some(FieldType::List(element))
}

#[test]
fn without_a_type_a_value_keeps_its_own() {
    assert_written(
        None,
        &[
            (Value::Text("true"), "\"true\""),
            (Value::Text("12345"), "\"12345\""),
            (Value::Text(""), "\"\""),
            (Value::Text(" a\"\n"), "\" a\\\"\\n\""),
            (Value::Boolean(false), "false"),
            (Value::Integer(9_007_199_254_740_993), "9007199254740993"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Float(0.1), "0.1"),
            (Value::Float(26.0), "26.0"),
            (Value::Float(-0.0), "-0.0"),
            (Value::Float(5e-324), "5e-324"),
            (Value::Decimal("12345678901234567890.000000001"), "12345678901234567890.000000001"),
            (Value::Date(19_874), "\"2024-05-31T00:00:00Z\""),
            (Value::Timestamp(0, Unit::Second), "\"1970-01-01T00:00:00Z\""),
            (Value::Json(" { \"a\" : [1.50, null] } "), "{\"a\":[1.50,null]}"),
            (Value::Json("9007199254740993.10"), "9007199254740993.10"),
        ],
    );
    assert_rejected(
        None,
        "invalid-number",
        &[Value::Float(f64::NAN), Value::Float(f64::INFINITY), Value::Float(f64::NEG_INFINITY), Value::Decimal("NaN")],
    );
    assert_rejected(None, "invalid-json", &[Value::Json("{"), Value::Json(""), Value::Json("[1,]")]);
}

#[test]
fn strings_are_what_a_value_looks_like() {
    assert_written(
        STRING,
        &[
            (Value::Text("a\\b"), "\"a\\\\b\""),
            (Value::Integer(-7), "\"-7\""),
            (Value::Decimal("007.50"), "\"007.50\""),
            (Value::Float(0.1), "\"0.1\""),
            (Value::Float(1e300), "\"1e+300\""),
            (Value::Boolean(true), "\"true\""),
            (Value::Date(-1), "\"1969-12-31\""),
            (Value::Timestamp(1_500, Unit::Millisecond), "\"1970-01-01T00:00:01.5Z\""),
            (Value::Json("\"a\\u00e9\""), "\"aé\""),
            (Value::Json("{\"a\": 1}"), "\"{\\\"a\\\": 1}\""),
            (Value::Json(" 1.50 "), "\"1.50\""),
        ],
    );
    assert_rejected(STRING, "invalid-number", &[Value::Float(f64::NAN)]);
    assert_rejected(STRING, "invalid-json", &[Value::Json("{")]);
}

#[test]
fn numbers_keep_their_digits() {
    assert_written(
        NUMBER,
        &[
            (Value::Integer(0), "0"),
            (Value::Float(1.5), "1.5"),
            (Value::Decimal("0"), "0"),
            (Value::Decimal("-0.10"), "-0.10"),
            (Value::Decimal("007.50"), "7.50"),
            (Value::Decimal("+5"), "5"),
            (Value::Decimal(".5"), "0.5"),
            (Value::Decimal("5."), "5"),
            (Value::Decimal("000"), "0"),
            (Value::Decimal("1E+5"), "1e+5"),
            (Value::Decimal("1.0e-07"), "1.0e-07"),
            (Value::Text("9007199254740993"), "9007199254740993"),
            (Value::Json("9007199254740993.0"), "9007199254740993.0"),
            (Value::Json("\"7.10\""), "7.10"),
        ],
    );
    assert_rejected(
        NUMBER,
        "invalid-number",
        &[
            Value::Text(""),
            Value::Text("."),
            Value::Text("-"),
            Value::Text("+-5"),
            Value::Text(" 5"),
            Value::Text("5 "),
            Value::Text("1,5"),
            Value::Text("1_000"),
            Value::Text("0x10"),
            Value::Text("1e"),
            Value::Text("1e+"),
            Value::Text("e5"),
            Value::Text("1.2.3"),
            Value::Text("1e5e5"),
            Value::Text("NaN"),
            Value::Text("Infinity"),
            Value::Text("-inf"),
            Value::Text("٣"),
            Value::Float(f64::NAN),
            Value::Boolean(true),
            Value::Date(0),
            Value::Timestamp(0, Unit::Second),
            Value::Json("[1]"),
            Value::Json("true"),
            Value::Json("\"x\""),
            Value::Json("01"),
        ],
    );
}

#[test]
fn booleans_are_read_from_their_words() {
    for word in ["true", "TRUE", "True", "1", "yes", "Yes", "t", "T", "y", "Y"] {
        assert_written(BOOLEAN, &[(Value::Text(word), "true")]);
    }
    for word in ["false", "FALSE", "0", "no", "NO", "f", "F", "n", "N"] {
        assert_written(BOOLEAN, &[(Value::Text(word), "false")]);
    }
    assert_written(
        BOOLEAN,
        &[
            (Value::Boolean(true), "true"),
            (Value::Integer(1), "true"),
            (Value::Integer(0), "false"),
            (Value::Decimal("1"), "true"),
            (Value::Json("false"), "false"),
            (Value::Json("1"), "true"),
            (Value::Json("\"yes\""), "true"),
        ],
    );
    assert_rejected(
        BOOLEAN,
        "invalid-boolean",
        &[
            Value::Text(""),
            Value::Text("on"),
            Value::Text(" true"),
            Value::Text("2"),
            Value::Text("ja"),
            Value::Integer(2),
            Value::Integer(-1),
            Value::Float(1.0),
            Value::Decimal("1.0"),
            Value::Date(1),
            Value::Json("[true]"),
            Value::Json("\"maybe\""),
        ],
    );
}

#[test]
fn times_go_out_as_rfc_3339() {
    assert_written(
        TIME,
        &[
            (Value::Date(0), "\"1970-01-01T00:00:00Z\""),
            (Value::Date(-719_528), "\"0000-01-01T00:00:00Z\""),
            (Value::Timestamp(-1, Unit::Second), "\"1969-12-31T23:59:59Z\""),
            (Value::Timestamp(-1, Unit::Millisecond), "\"1969-12-31T23:59:59.999Z\""),
            (Value::Timestamp(1_717_149_600_123_000, Unit::Microsecond), "\"2024-05-31T10:00:00.123Z\""),
            (Value::Timestamp(1_717_149_600_000_000_001, Unit::Nanosecond), "\"2024-05-31T10:00:00.000000001Z\""),
            (Value::Timestamp(253_402_300_799, Unit::Second), "\"9999-12-31T23:59:59Z\""),
            (Value::Text("2024-02-29"), "\"2024-02-29T00:00:00Z\""),
            (Value::Text("2024-05-31T10:00:00"), "\"2024-05-31T10:00:00Z\""),
            (Value::Text("2024-05-31 10:00:00"), "\"2024-05-31T10:00:00Z\""),
            (Value::Text("2024-05-31t10:00:00z"), "\"2024-05-31T10:00:00Z\""),
            (Value::Text("2024-05-31 10:00:00 UTC"), "\"2024-05-31T10:00:00Z\""),
            (Value::Text("2024-05-31 10:00:00.120+02"), "\"2024-05-31T10:00:00.120+02:00\""),
            (Value::Text("2024-05-31T10:00:00+0530"), "\"2024-05-31T10:00:00+05:30\""),
            (Value::Text("2024-05-31T10:00:00 -08:00"), "\"2024-05-31T10:00:00-08:00\""),
            (Value::Text("2024-05-31T10:00:00-00:30"), "\"2024-05-31T10:00:00-00:30\""),
            (Value::Text("2024-05-31T10:00:00-00:00"), "\"2024-05-31T10:00:00-00:00\""),
            (Value::Text("2024-05-31T10:00:00+00:00"), "\"2024-05-31T10:00:00+00:00\""),
            (Value::Json("\"2024-05-31\""), "\"2024-05-31T00:00:00Z\""),
        ],
    );
}

#[test]
fn what_is_not_a_time_is_rejected() {
    for text in [
        "",
        "yesterday",
        "31.05.2024",
        "05/31/2024",
        "2024-5-31",
        "24-05-31",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-04-31",
        "2024-05-31T",
        "2024-05-31T10:00",
        "2024-05-31T24:00:00",
        "2024-05-31T10:60:00",
        "2024-05-31T10:00:60",
        "2024-05-31T10:00:00.",
        "2024-05-31T10:00:00,5Z",
        "2024-05-31T10:00:00+24:00",
        "2024-05-31T10:00:00+02:60",
        "2024-05-31T10:00:00+2",
        "2024-05-31T10:00:00+02:",
        "2024-05-31T10:00:00+02:000",
        "2024-05-31T10:00:00 ",
        "2024-05-31T10:00:00CET",
        "2024-05-31T10:00:00ZZ",
        "2024-05-31  10:00:00",
        " 2024-05-31",
        "+2024-05-31",
        "2024-05-3١",
        "2024‐05‐31",
        "1717149600",
    ] {
        assert_rejected(TIME, "invalid-time", &[Value::Text(text)]);
    }
    assert_rejected(
        TIME,
        "invalid-time",
        &[
            Value::Integer(1_717_149_600),
            Value::Float(1.5),
            Value::Decimal("5"),
            Value::Boolean(true),
            Value::Json("1717149600"),
            Value::Json("{}"),
            Value::Date(2_932_897),
            Value::Date(-719_529),
            Value::Date(i32::MIN),
            Value::Timestamp(253_402_300_800, Unit::Second),
            Value::Timestamp(i64::MIN, Unit::Second),
            Value::Timestamp(i64::MAX, Unit::Second),
        ],
    );
    let mut out = String::new();
    let error = write(Value::Integer(1), TIME, &mut out).unwrap_err();
    assert!(error.expected.contains("does not say its unit"));
}

#[test]
fn lists_follow_the_rules_of_their_elements() {
    use field_type::Element;
    assert_written(
        list(Element::String),
        &[
            (Value::Json("[]"), "[]"),
            (Value::Text(" [ ] "), "[]"),
            (Value::Json("[\"a,b\", 1.50, true, \"\\\"\"]"), "[\"a,b\",\"1.50\",\"true\",\"\\\"\"]"),
            (Value::Text("[\"a\"]"), "[\"a\"]"),
        ],
    );
    assert_written(list(Element::Number), &[(Value::Json("[1, 2.50, \"003\"]"), "[1,2.50,3]")]);
    assert_written(list(Element::Time), &[(Value::Json("[\"2024-05-31\"]"), "[\"2024-05-31T00:00:00Z\"]")]);
    assert_written(
        list(Element::Location),
        &[(
            Value::Json("[[52.5, 13.4], {\"lat\": 1, \"lng\": 2}, \"1,2\"]"),
            "[[52.5,13.4],{\"lat\":1,\"lng\":2},\"1,2\"]",
        )],
    );
    assert_rejected(
        list(Element::String),
        "invalid-list",
        &[
            Value::Text("a,b"),
            Value::Text(""),
            Value::Json("{\"a\":1}"),
            Value::Json("\"a\""),
            Value::Json("[\"a\",null]"),
            Value::Json("[[\"a\"]]"),
            Value::Json("[\"a\",{}]"),
            Value::Integer(1),
            Value::Boolean(true),
        ],
    );
    // A text is a text, whatever the other rows of its column hold.
    let as_texts = [(Value::Text("[1, 2.50]"), "[1,2.50]"), (Value::Json("\"[1, 2.50]\""), "[1,2.50]")];
    assert_written(list(Element::Number), &as_texts);
    assert_written(list(Element::String), &[(Value::Json("\"[\\\"a\\\"]\""), "[\"a\"]")]);
    assert_written(LOCATION, &[(Value::Json("\"{\\\"lat\\\": 1, \\\"lng\\\": 2}\""), "{\"lat\":1,\"lng\":2}")]);
    assert_rejected(list(Element::Number), "invalid-number", &[Value::Json("[1,\"x\"]")]);
    let mut out = String::new();
    let error = write(Value::Json("[1,\"x\",2]"), list(Element::Number), &mut out).unwrap_err();
    assert_eq!(error.part.as_deref(), Some("\"x\""), "the element is named, not the list");
}

#[test]
fn locations_keep_their_shape() {
    assert_written(
        LOCATION,
        &[
            (Value::Text("52.52,13.40"), "\"52.52,13.40\""),
            (Value::Text("-90, 180"), "\"-90, 180\""),
            (Value::Json("\"52.5,13.4\""), "\"52.5,13.4\""),
            (Value::Json("[52.50, 13.4]"), "[52.50,13.4]"),
            (Value::Text("{\"lat\": 52.50, \"lon\": 13.4}"), "{\"lat\":52.50,\"lon\":13.4}"),
            (
                Value::Json("{\"latitude\": 52.5, \"longitude\": 13.4, \"city\": \"Berlin\"}"),
                "{\"latitude\":52.5,\"longitude\":13.4,\"city\":\"Berlin\"}",
            ),
        ],
    );
    assert_rejected(
        LOCATION,
        "invalid-location",
        &[
            Value::Text(""),
            Value::Text("Berlin"),
            Value::Text("52.5"),
            Value::Text("90.1,0"),
            Value::Text("0,-180.1"),
            Value::Text("1,2,3"),
            Value::Text("NaN,1"),
            Value::Text("{\"lat\": 1"),
            Value::Json("[1]"),
            Value::Json("[1,2,3]"),
            Value::Json("[\"1\",\"2\"]"),
            Value::Json("{\"lat\": 1}"),
            Value::Json("{\"lat\": 1, \"latitude\": 2, \"lon\": 3}"),
            Value::Json("{\"lat\": \"1\", \"lon\": 3}"),
            Value::Json("1"),
            Value::Integer(1),
        ],
    );
}
