use proptest::prelude::*;

use super::*;
use crate::testing::{column, strings, texts};

fn text_column(offsets: &[u32], data: &str) -> wit::Column {
    let strings = wit::Strings { offsets: offsets.to_vec(), data: data.to_owned() };
    column("c", wit::Values::Texts(strings))
}

fn fault(columns: &[wit::Column]) -> String {
    Columns::read(columns).unwrap_err()
}

#[test]
fn values_are_read_by_row() {
    let columns = [
        texts("text", &[Some("a"), None, Some("ä")]),
        wit::Column { validity: vec![0b101], ..column("integer", wit::Values::Integers(vec![1, 2, 3])) },
        column("boolean", wit::Values::Booleans(vec![true, false, true])),
        column("float", wit::Values::Floats(vec![0.5, 1.0, 2.0])),
        column("decimal", wit::Values::Decimals(strings(["1", "2", "3"]))),
        column("date", wit::Values::Dates(vec![1, 2, 3])),
        column("json", wit::Values::Json(strings(["1", "[]", "{}"]))),
        column("nulls", wit::Values::Nulls(3)),
        column(
            "timestamp",
            wit::Values::Timestamps(wit::Timestamps {
                unit: wit::TimeUnit::Millisecond,
                zone: Some("Europe/Berlin".to_owned()),
                counts: vec![1, 2, 3],
            }),
        ),
    ];
    let columns = Columns::read(&columns).unwrap();
    assert_eq!(columns.rows(), 3);
    let row = |row: usize| columns.iter().map(|column| column.value(row)).collect::<Vec<_>>();
    assert_eq!(row(0)[..3], [Value::Text("a"), Value::Integer(1), Value::Boolean(true)]);
    assert_eq!(row(1)[..2], [Value::Null, Value::Null]);
    assert_eq!(
        row(2),
        [
            Value::Text("ä"),
            Value::Integer(3),
            Value::Boolean(true),
            Value::Float(2.0),
            Value::Decimal("3"),
            Value::Date(3),
            Value::Json("{}"),
            Value::Null,
            Value::Timestamp(3, Unit::Millisecond),
        ]
    );
    assert!(row(3).iter().all(|value| *value == Value::Null), "beyond the last row");
    assert_eq!(columns.get("date").map(|column| column.name), Some("date"));
    assert!(columns.get("Date").is_none());
}

#[test]
fn sliced_and_empty_strings_are_valid() {
    for (offsets, data, expected) in [
        (&[][..], "", &[][..]),
        (&[0], "", &[]),
        (&[3], "abc", &[]),
        (&[1, 2, 2, 4], "xabcx", &["a", "", "bc"]),
        (&[0, 0], "", &[""]),
    ] {
        let columns = [text_column(offsets, data)];
        let columns = Columns::read(&columns).unwrap();
        let values: Vec<Value<'_>> = (0..columns.rows()).map(|row| columns.get("c").unwrap().value(row)).collect();
        assert_eq!(values, expected.iter().map(|text| Value::Text(text)).collect::<Vec<_>>());
    }
}

#[test]
fn a_malformed_column_is_a_clear_failure() {
    for (columns, fragment) in [
        (vec![text_column(&[0, 2, 1], "abc")], "offset 1 comes after 2"),
        (vec![text_column(&[0, 4], "abc")], "offset 4 is not the start of a character within the 3 bytes"),
        (vec![text_column(&[0, u32::MAX], "abc")], "offset 4294967295"),
        (vec![text_column(&[0, 1, 2], "ä")], "offset 1 is not the start of a character"),
        (
            vec![wit::Column { validity: vec![255], ..column("c", wit::Values::Integers(vec![0; 9])) }],
            "the validity bitmap has 1 bytes for 9 values",
        ),
        (vec![texts("c", &[None]), texts("c", &[None])], "two columns are named \"c\""),
        (vec![texts("c", &[None]), texts("d", &[None, None])], "column \"d\" has 2 values and column \"c\" has 1"),
    ] {
        let fault = fault(&columns);
        assert!(fault.contains(fragment), "{fault}");
    }
}

#[test]
fn a_longer_bitmap_than_needed_is_taken() {
    let columns = [wit::Column { validity: vec![1, 255], ..column("c", wit::Values::Integers(vec![5])) }];
    assert_eq!(Columns::read(&columns).unwrap().get("c").unwrap().value(0), Value::Integer(5));
}

proptest! {
    #[test]
    fn any_layout_is_read_or_rejected(
        offsets in proptest::collection::vec(0..12_u32, 0..8),
        data in ".{0,8}",
        validity in proptest::collection::vec(any::<u8>(), 0..3),
    ) {
        let columns = [wit::Column { validity, ..text_column(&offsets, &data) }];
        if let Ok(columns) = Columns::read(&columns) {
            for row in 0..columns.rows() + 2 {
                let value = columns.get("c").unwrap().value(row);
                prop_assert!(matches!(value, Value::Null | Value::Text(_)));
            }
        }
    }
}
