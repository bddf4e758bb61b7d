#![expect(clippy::unwrap_used, clippy::unreachable, reason = "a test may stop at what it did not expect")]

use hyper::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::api::error_body::Source;
use crate::deployment::attributes::AttributeType;
use crate::deployment::definitions::NewAttribute;

fn definitions() -> Definitions {
    let mut definitions = Definitions::built_in();
    definitions.define(NewAttribute::of_profiles("points", AttributeType::Number));
    definitions.define(NewAttribute::of_profiles("a/b~c", AttributeType::Boolean));
    definitions
}

/// Title and pointer of each problem.
fn told(problems: &[Problem]) -> Vec<(&'static str, String)> {
    problems
        .iter()
        .map(|problem| {
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            let Source::Pointer(pointer) = &problem.source else { unreachable!("{problem:?}") };
            (problem.title, pointer.clone())
        })
        .collect()
}

fn whole_body_problems<T>(result: Result<Items<T>, Vec<Problem>>) -> Vec<(&'static str, String)> {
    told(&result.err().unwrap_or_default())
}

fn item_problems(item: &str) -> Vec<(&'static str, String)> {
    let body = format!(r#"{{"customerProfiles":[{item}]}}"#);
    profiles(body.as_bytes(), &definitions())
        .unwrap()
        .into_iter()
        .flat_map(|item| told(&item.err().unwrap_or_default()))
        .collect()
}

fn member_problems(item: &str) -> Vec<(&'static str, String)> {
    let body = format!(r#"{{"data":[{item}]}}"#);
    memberships(body.as_bytes()).unwrap().into_iter().flat_map(|item| told(&item.err().unwrap_or_default())).collect()
}

#[test]
fn bodies_that_are_not_the_call_at_all() {
    let item = r#"{"integrationId":"a"}"#;
    let many = format!(r#"{{"customerProfiles":[{}]}}"#, vec![item; 1001].join(","));
    let cases: [(&[u8], &str, &str); 13] = [
        (b"", "Invalid JSON", ""),
        (b"{\"customerProfiles\":[}", "Invalid JSON", ""),
        (b"{\"customerProfiles\":[]} x", "Invalid JSON", ""),
        (b"\xff", "Invalid JSON", ""),
        (b"{\"customerProfiles\":[NaN]}", "Invalid JSON", ""),
        (b"[]", "Invalid type", ""),
        (b"{}", "Missing", "/customerProfiles"),
        (b"{\"customerProfiles\":{}}", "Invalid type", "/customerProfiles"),
        (b"{\"customerProfiles\":null}", "Invalid type", "/customerProfiles"),
        (b"{\"customerProfiles\":[]}", "Invalid length", "/customerProfiles"),
        (many.as_bytes(), "Invalid length", "/customerProfiles"),
        (b"{\"customerProfiles\":[{}],\"data\":1}", "Unknown", "/data"),
        (b"{\"customerProfiles\":[{}],\"customerProfiles\":[{}]}", "Duplicate", "/customerProfiles"),
    ];
    for (body, title, pointer) in cases {
        let problems = whole_body_problems(profiles(body, &definitions()));
        assert_eq!(problems, [(title, pointer.to_owned())], "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(whole_body_problems(memberships(b"{\"data\":[]}")), [("Invalid length", "/data".to_owned())]);
    assert_eq!(
        whole_body_problems(memberships(b"{\"customerProfiles\":[]}")),
        [("Missing", "/data".to_owned()), ("Unknown", "/customerProfiles".to_owned())]
    );
}

#[test]
fn a_thousand_items_are_taken() {
    let body = format!(r#"{{"customerProfiles":[{}]}}"#, vec![r#"{"integrationId":"a"}"#; 1000].join(","));
    let items = profiles(body.as_bytes(), &definitions()).unwrap();
    assert_eq!(items.len(), 1000);
    assert!(items.iter().all(Result::is_ok));
}

#[test]
fn profile_items_that_are_refused() {
    let long = format!(r#"{{"integrationId":"{}"}}"#, "é".repeat(1001));
    let cases = [
        (r#""a""#, "Invalid type", "/customerProfiles/0"),
        ("null", "Invalid type", "/customerProfiles/0"),
        ("{}", "Missing", "/customerProfiles/0/integrationId"),
        (r#"{"integrationId":""}"#, "Invalid length", "/customerProfiles/0/integrationId"),
        (long.as_str(), "Invalid length", "/customerProfiles/0/integrationId"),
        (r#"{"integrationId":7}"#, "Invalid type", "/customerProfiles/0/integrationId"),
        (r#"{"integrationId":null}"#, "Invalid type", "/customerProfiles/0/integrationId"),
        (r#"{"integrationId":"\ud800"}"#, "Invalid type", "/customerProfiles/0/integrationId"),
        (r#"{"integrationId":"a","integrationId":"a"}"#, "Duplicate", "/customerProfiles/0/integrationId"),
        (r#"{"integrationId":"a","name":"b"}"#, "Unknown", "/customerProfiles/0/name"),
        (r#"{"integrationId":"a","attributes":null}"#, "Invalid type", "/customerProfiles/0/attributes"),
        (r#"{"integrationId":"a","attributes":[]}"#, "Invalid type", "/customerProfiles/0/attributes"),
        (r#"{"integrationId":"a","attributes":{"x":1}}"#, "Unknown", "/customerProfiles/0/attributes/x"),
        (r#"{"integrationId":"a","attributes":{"Name":"x"}}"#, "Unknown", "/customerProfiles/0/attributes/Name"),
        (
            r#"{"integrationId":"a","attributes":{"points":"1"}}"#,
            "Invalid type",
            "/customerProfiles/0/attributes/points",
        ),
        (r#"{"integrationId":"a","attributes":{"a/b~c":1}}"#, "Invalid type", "/customerProfiles/0/attributes/a~1b~0c"),
        (
            r#"{"integrationId":"a","attributes":{"points":1,"points":1}}"#,
            "Duplicate",
            "/customerProfiles/0/attributes/points",
        ),
    ];
    for (item, title, pointer) in cases {
        assert_eq!(item_problems(item), [(title, pointer.to_owned())], "{item}");
    }
}

#[test]
fn all_that_is_wrong_with_an_item_is_told() {
    let problems = item_problems(r#"{"integrationId":"","attributes":{"x":1,"points":true}}"#);
    assert_eq!(
        problems.iter().map(|(title, _)| *title).collect::<Vec<_>>(),
        ["Invalid length", "Unknown", "Invalid type"]
    );
}

#[test]
fn the_longest_id_counts_in_characters() {
    assert_eq!(item_problems(&format!(r#"{{"integrationId":"{}"}}"#, "é".repeat(1000))), []);
}

#[test]
fn memberships_that_are_refused() {
    let cases = [
        (r#"{"profileIntegrationId":"a","audienceId":1}"#, "Missing", "/data/0/action"),
        (r#"{"action":"add","audienceId":1}"#, "Missing", "/data/0/profileIntegrationId"),
        (r#"{"action":"add","profileIntegrationId":"a"}"#, "Missing", "/data/0/audienceId"),
        (r#"{"action":"remove","profileIntegrationId":"a","audienceId":1}"#, "enum", "/data/0/action"),
        (r#"{"action":null,"profileIntegrationId":"a","audienceId":1}"#, "enum", "/data/0/action"),
        (
            r#"{"action":"add","profileIntegrationId":"","audienceId":1}"#,
            "Invalid length",
            "/data/0/profileIntegrationId",
        ),
        (r#"{"action":"add","profileIntegrationId":7,"audienceId":1}"#, "Invalid type", "/data/0/profileIntegrationId"),
        (r#"{"action":"add","profileIntegrationId":"a","audienceId":"1"}"#, "Invalid type", "/data/0/audienceId"),
        (r#"{"action":"add","profileIntegrationId":"a","audienceId":1.0}"#, "Invalid type", "/data/0/audienceId"),
        (r#"{"action":"add","profileIntegrationId":"a","audienceId":1e0}"#, "Invalid type", "/data/0/audienceId"),
        (r#"{"action":"add","profileIntegrationId":"a","audienceId":null}"#, "Invalid type", "/data/0/audienceId"),
        (
            r#"{"action":"add","profileIntegrationId":"a","audienceId":9223372036854775808}"#,
            "Invalid type",
            "/data/0/audienceId",
        ),
        (r#"{"action":"add","profileIntegrationId":"a","audienceId":1,"x":1}"#, "Unknown", "/data/0/x"),
    ];
    for (item, title, pointer) in cases {
        assert_eq!(member_problems(item), [(title, pointer.to_owned())], "{item}");
    }
}

#[test]
fn memberships_that_are_taken() {
    let body = r#"{"data":[{"audienceId":42,"action":"delete","profileIntegrationId":"Grüße \"1\""}]}"#;
    let change = MembershipChange { id: "Grüße \"1\"".to_owned(), audience: 42, action: MemberAction::Delete };
    assert_eq!(memberships(body.as_bytes()).unwrap(), [Ok(change)]);
}

#[test]
fn a_long_value_is_shown_in_part() {
    let value = format!("\"{}\"", "ü".repeat(5000));
    assert_eq!(excerpt(&RawValue::from_string(value).unwrap()), format!("\"{}…", "ü".repeat(39)));
}

proptest! {
    #[test]
    fn nothing_a_body_holds_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(profiles(&body, &definitions()).is_err() && memberships(&body).is_err());
    }

    #[test]
    fn digits_stay_as_they_were_sent(digits in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        let body = format!(r#"{{"customerProfiles":[{{"integrationId":"a","attributes":{{"points": {digits} }}}}]}}"#);
        let items = profiles(body.as_bytes(), &definitions()).unwrap();
        let update = items.into_iter().next().unwrap().unwrap();
        let (_, value) = update.attributes.into_iter().next().unwrap();
        prop_assert_eq!(value.unwrap().get().to_owned(), digits);
    }

    #[test]
    fn every_text_within_the_length_is_an_id(id in "\\PC{1,1000}") {
        let text = serde_json::to_string(&id).unwrap();
        let body = format!(r#"{{"customerProfiles":[{{"integrationId":{text}}}]}}"#);
        let items = profiles(body.as_bytes(), &definitions()).unwrap();
        prop_assert_eq!(items.into_iter().next().unwrap().unwrap().id, id);
    }
}
