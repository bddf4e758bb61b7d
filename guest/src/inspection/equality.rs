//! Whether two JSON values say the same, by the equality of their type: numbers by their value, points in time in any offset, lists element
//! by element, objects member by member.

use destination_toolkit::value::digits::same_number;
use destination_toolkit::value::json::{self, Scalar};
use destination_toolkit::value::time::instant;

use crate::api::object::Object;
use crate::value::FieldType;

/// Compare two JSON texts, of a field of this type; none: their own.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn same(one: &str, other: &str, field_type: Option<FieldType>) -> bool {
    let (Some(one), Some(other)) = (json::scalar(one), json::scalar(other)) else {
        return false;
    };
    match (one, other) {
        (Scalar::Number(one), Scalar::Number(other)) => same_number(one, other),
        (Scalar::String(one), Scalar::String(other)) => {
            one == other || (may_be_time(field_type) && same_instant(&one, &other))
        }
        (Scalar::Composite(one), Scalar::Composite(other)) => same_composite(one, other, field_type),
        (one, other) => one == other,
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn same_composite(one: &str, other: &str, field_type: Option<FieldType>) -> bool {
    if let (Some(ours), Some(theirs)) = (json::elements(one), json::elements(other)) {
        let element = field_type.and_then(FieldType::element);
        return ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(one, other)| same(one, other, element));
    }
    let (Ok(one), Ok(other)) = (Object::read(one), Object::read(other)) else {
        return false;
    };
    // A member that is null is one that is not there.
    let holds = |one: &Object<'_>, other: &Object<'_>| {
        one.iter().all(|(name, value)| value == "null" || other.get(name).is_some_and(|other| same(value, other, None)))
    };
    holds(&one, &other) && holds(&other, &one)
}

fn may_be_time(field_type: Option<FieldType>) -> bool {
    matches!(field_type, None | Some(FieldType::Time))
}

fn same_instant(one: &str, other: &str) -> bool {
    instant(one).is_some_and(|one| instant(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::field_type::Element;

    #[test]
    fn values_are_the_same_by_their_type() {
        const TIME: Option<FieldType> = Some(FieldType::Time);
        const TEXT: Option<FieldType> = Some(FieldType::String);
        const TIMES: Option<FieldType> = Some(FieldType::List(Element::Time));
        for (one, other, field_type, equal) in [
            ("1.50", "1.5", Some(FieldType::Number), true),
            ("100", "1e2", None, true),
            ("9007199254740993", "9007199254740992", None, false),
            ("1", "\"1\"", None, false),
            ("true", "true", None, true),
            ("true", "false", None, false),
            ("null", "null", None, true),
            ("null", "0", None, false),
            (r#""Zo\u00eb""#, "\"Zoë\"", TEXT, true),
            ("\"a\"", "\"A\"", None, false),
            ("\"2024-05-31T10:00:00Z\"", "\"2024-05-31T12:00:00+02:00\"", TIME, true),
            ("\"2024-05-31T10:00:00Z\"", "\"2024-05-31T12:00:00.000+02:00\"", None, true),
            ("\"2024-05-31T10:00:00Z\"", "\"2024-05-31T12:00:00+02:00\"", TEXT, false),
            ("\"2024-05-31T10:00:00Z\"", "\"2024-05-31T10:00:00.000000001Z\"", TIME, false),
            ("[1, 2.0]", "[1,2]", None, true),
            ("[1,2]", "[2,1]", None, false),
            ("[1,2]", "[1,2,3]", None, false),
            ("[]", "[]", None, true),
            ("[]", "{}", None, false),
            ("[\"2024-05-31T10:00:00Z\"]", "[\"2024-05-31T12:00:00+02:00\"]", TIMES, true),
            ("{\"lat\":52.50,\"lng\":13}", "{\"lng\": 13.0, \"lat\": 52.5}", Some(FieldType::Location), true),
            ("{\"a\":1}", "{\"a\":1,\"b\":null}", None, true),
            ("{\"a\":1}", "{\"a\":1,\"b\":2}", None, false),
            ("{\"a\":{\"b\":[1]}}", "{\"a\":{\"b\":[1.0]}}", None, true),
            ("x", "x", None, false),
        ] {
            assert_eq!(same(one, other, field_type), equal, "{one} {other} {field_type:?}");
            assert_eq!(same(other, one, field_type), equal, "{other} {one} {field_type:?}");
        }
    }

    proptest! {
        #[test]
        fn a_value_is_the_same_as_itself_however_it_is_laid_out(value in proptest::collection::btree_map(
            ".{0,4}",
            prop_oneof![
                any::<i64>().prop_map(serde_json::Value::from),
                ".{0,6}".prop_map(serde_json::Value::from),
                any::<bool>().prop_map(serde_json::Value::from),
            ],
            0..5,
        )) {
            let compact = serde_json::to_string(&value).unwrap();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert!(same(&compact, &pretty, None), "{} {}", compact, pretty);
        }
    }
}
