use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::testing::{KEY, profiles_text};
use crate::value::FieldType;

fn issues(config: &Value) -> Vec<String> {
    let issues = Config::parse(&profiles_text(config)).err().unwrap_or_default();
    issues
        .into_iter()
        .map(|issue| format!("{} {} ({})", issue.path, issue.message, issue.hint.unwrap_or_default()))
        .collect()
}

fn with_id(more: &[Value]) -> Value {
    let mut mappings = vec![json!({"source": "id", "destination": "integration_id"})];
    mappings.extend_from_slice(more);
    json!({"mappings": mappings})
}

fn mapped(more: &[Value]) -> Vec<AttributeMapping> {
    let config = Config::parse(&profiles_text(&with_id(more))).map_err(|issues| format!("{issues:?}")).unwrap();
    config.mappings.unwrap().attributes
}

#[track_caller]
fn assert_fault(config: &Value, fragments: &[&str]) {
    let found = issues(config);
    assert_eq!(found.len(), 1, "{found:?}");
    for fragment in fragments {
        assert!(found[0].contains(fragment), "{found:?}");
    }
}

#[test]
fn names_are_kept_to_the_letter() {
    let attributes = mapped(&[json!({"source": "Loyalty Tier", "destination": "LoyaltyTier_2"})]);
    assert_eq!(attributes[0].source, "Loyalty Tier");
    assert_eq!(attributes[0].attribute.label, "\"LoyaltyTier_2\":");
    assert_eq!(attributes[0].attribute.name(), "LoyaltyTier_2");
    assert_eq!(attributes[0].attribute.field_type, None);
}

#[test]
fn default_fields_have_a_type_of_their_own() {
    let implied =
        |destination: &str| mapped(&[json!({"source": "x", "destination": destination})])[0].attribute.field_type;
    assert_eq!(implied("email"), Some(FieldType::String));
    assert_eq!(implied("name"), Some(FieldType::String));
    assert_eq!(implied("phone"), Some(FieldType::String));
    assert_eq!(implied("signup_date"), Some(FieldType::Time));
    assert_eq!(implied("Signup_date"), None);
    let declared = mapped(&[json!({"source": "x", "destination": "signup_date", "type": "string"})]);
    assert_eq!(declared[0].attribute.field_type, Some(FieldType::String));
}

#[test]
fn every_type_is_known_by_its_name() {
    for (name, field_type) in FieldType::ALL {
        let attributes = mapped(&[json!({"source": "x", "destination": "y", "type": name})]);
        assert_eq!(attributes[0].attribute.field_type, Some(field_type));
    }
    let wrong = |name: &str| with_id(&[json!({"source": "x", "destination": "y", "type": name})]);
    assert_fault(&wrong("String"), &["mappings[1].type is \"String\"", "did you mean `string`?"]);
    assert_fault(&wrong("(list string)"), &["did you mean `list(string)`?"]);
    assert_fault(&wrong("money"), &["expected string, number, boolean, time"]);
}

#[test]
fn the_id_is_mapped_exactly_once() {
    assert_fault(&json!({"mappings": []}), &["mappings has no mapping to integration_id"]);
    assert_fault(
        &json!({"mappings": [{"source": "id", "destination": "integrationId"}]}),
        &["write integration_id for integrationId"],
    );
    assert_fault(
        &with_id(&[json!({"source": "other", "destination": "integration_id"})]),
        &["mappings[1].destination", "already the destination of mappings[0]"],
    );
}

#[test]
fn one_destination_takes_one_column_but_a_column_may_go_to_two() {
    let twice = [json!({"source": "a", "destination": "tier"}), json!({"source": "b", "destination": "tier"})];
    assert_fault(&with_id(&twice), &["mappings[2].destination", "already the destination of mappings[1]"]);
    let cases = [json!({"source": "a", "destination": "tier"}), json!({"source": "a", "destination": "Tier"})];
    assert_eq!(mapped(&cases).len(), 2);
}

#[test]
fn the_id_is_a_string_without_a_default() {
    let id = |more: Value| {
        let mut mapping = json!({"source": "id", "destination": "integration_id"});
        mapping.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"mappings": [mapping]})
    };
    assert_eq!(issues(&id(json!({"type": "string"}))), Vec::<String>::new());
    assert_fault(&id(json!({"type": "number"})), &["mappings[0].type is number", "always a string"]);
    assert_fault(&id(json!({"default": "x"})), &["mappings[0].default", "the same one"]);
}

#[test]
fn names_that_no_attribute_can_have_are_rejected() {
    for name in ["loyalty tier", "2nd", "_x", "tier-2", "größe", "a.b", "a\"b"] {
        assert_fault(
            &with_id(&[json!({"source": "x", "destination": name})]),
            &["mappings[1].destination", "cannot be the name of an attribute"],
        );
    }
}

#[test]
fn an_audience_takes_the_id_alone() {
    let mut config = with_id(&[json!({"source": "x", "destination": "tier"})]);
    config["object_type"] = json!("customer_profile_audiences");
    config["audience_id"] = json!(42);
    config["sync_mode"] = json!("add");
    assert_fault(&config, &["mappings[1].destination is \"tier\"", "an audience takes integration_id alone"]);
}

#[test]
fn mappings_of_the_wrong_shape_are_rejected() {
    assert_fault(&with_id(&[json!("x")]), &["mappings[1] is \"x\": expected {source, destination}"]);
    assert_fault(&with_id(&[json!({"source": 1, "destination": "y"})]), &["mappings[1].source is 1"]);
    assert_fault(&with_id(&[json!({"source": "", "destination": "y"})]), &["mappings[1].source is empty"]);
    assert_fault(&with_id(&[json!({"source": "x"})]), &["mappings[1].destination is missing"]);
    assert_fault(
        &with_id(&[json!({"source": "x", "destination": "y", "typ": "string"})]),
        &["mappings[1].typ", "did you mean `type`?"],
    );
}

#[test]
fn a_default_is_written_under_its_type() {
    for (field_type, default, expected) in [
        (Some("string"), json!("a\"b"), "\"a\\\"b\""),
        (Some("string"), json!(7), "\"7\""),
        (Some("number"), json!("12345678901234567890.5"), "12345678901234567890.5"),
        (Some("number"), json!(0.5), "0.5"),
        (Some("boolean"), json!("yes"), "true"),
        (Some("time"), json!("2024-05-31"), "\"2024-05-31T00:00:00Z\""),
        (Some("list(number)"), json!([1, "2.50"]), "[1,2.50]"),
        (Some("location"), json!({"lat": 1, "lon": 2}), "{\"lat\":1,\"lon\":2}"),
        (None, json!({"a": [1, null]}), "{\"a\":[1,null]}"),
        (None, json!(false), "false"),
    ] {
        let mut mapping = json!({"source": "x", "destination": "y", "default": default});
        if let Some(field_type) = field_type {
            mapping["type"] = json!(field_type);
        }
        assert_eq!(mapped(&[mapping])[0].default.as_deref(), Some(expected));
    }
    let implied = mapped(&[json!({"source": "x", "destination": "phone", "default": 4930})]);
    assert_eq!(implied[0].default.as_deref(), Some("\"4930\""));
}

#[test]
fn a_default_that_does_not_fit_is_rejected() {
    for (field_type, default, fragment) in [
        ("number", json!("abc"), "is \"abc\": expected a number"),
        ("time", json!(5), "is 5: expected a time"),
        ("list(string)", json!(["a", null]), "is a list: expected an element of a list"),
        ("number", json!(1e300), "digits may be lost"),
    ] {
        let mapping = json!({"source": "x", "destination": "y", "type": field_type, "default": default});
        assert_fault(&with_id(&[mapping]), &["mappings[1].default", fragment]);
    }
    assert!(!issues(&json!({"mappings": KEY})).is_empty());
}
