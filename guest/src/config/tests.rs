//! The config as a whole; each kind of value has its tests beside its parser.

use destination_toolkit::delivery::retry;
use destination_toolkit::http::{Method, Request};
use serde_json::{Value, json};

use super::*;
use crate::testing::{KEY, audience_text, profiles_text};

/// Path, message and hint of each issue.
fn issues(text: &str) -> Vec<(String, String)> {
    let issues = Config::parse(text).err().unwrap_or_default();
    issues
        .into_iter()
        .map(|issue| (issue.path, format!("{} ({})", issue.message, issue.hint.unwrap_or_default())))
        .collect()
}

#[track_caller]
fn assert_faults(text: &str, expected: &[(&str, &str)]) {
    let found = issues(text);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((path, message), (expected_path, fragment)) in found.iter().zip(expected) {
        assert_eq!(path, expected_path, "{message}");
        assert!(message.contains(fragment), "{path}: {message}");
        assert!(!message.contains(KEY), "{message}");
    }
}

#[test]
fn a_config_of_profiles_needs_three_keys() {
    let config = Config::parse(&profiles_text(&json!({}))).ok().unwrap();
    assert_eq!(config.object, Object::Profiles);
    assert_eq!(config.deployment_url.to_string(), "https://acme.talon.one");
    assert_eq!(config.mappings, None);
    assert_eq!(config.integration_id_prefix, "");
    assert_eq!(config.nulls, Nulls::Omit);
    assert_eq!(config.batch_size, 1000);
    assert_eq!(
        config.retry,
        Retry { max_attempts: 5, initial_backoff: 500, max_backoff: 30_000, max_elapsed: 300_000 }
    );
    assert_eq!(config.timeouts, Timeouts { connect: 10_000, request: 60_000 });
}

#[test]
fn every_key_is_taken() {
    let config = Config::parse(&profiles_text(&json!({
        "sync_mode": "upsert",
        "audience_id": null,
        "mappings": [{"source": "id", "destination": "integration_id"}],
        "integration_id_prefix": "app1_",
        "nulls": "clear",
        "batch_size": 7,
        "retry": {"max_attempts": 1, "initial_backoff_ms": 0, "max_backoff_ms": 0, "max_elapsed_ms": 0},
        "connect_timeout_ms": 1,
        "request_timeout_ms": 2,
    })))
    .ok()
    .unwrap();
    assert_eq!(config.mappings.unwrap().id, "id");
    assert_eq!(config.integration_id_prefix, "app1_");
    assert_eq!(config.nulls, Nulls::Clear);
    assert_eq!(config.batch_size, 7);
    assert_eq!((config.retry.max_attempts, config.retry.max_elapsed), (1, 0));
    assert_eq!((config.timeouts.connect, config.timeouts.request), (1, 2));
}

#[test]
fn the_modes_of_an_audience_are_distinguished() {
    for (mode, expected) in
        [("add", AudienceMode::Add), ("remove", AudienceMode::Remove), ("mirror", AudienceMode::Mirror)]
    {
        let object = Config::parse(&audience_text(mode)).ok().unwrap().object;
        assert!(matches!(object, Object::Audience { id, mode } if id.number() == 42 && mode == expected));
    }
}

#[test]
fn what_is_not_an_object_is_rejected_without_being_shown() {
    assert_faults("", &[("", "not valid JSON")]);
    assert_faults("{\"api_key\": \"5d7a0c-test-key-8e21\",}", &[("", "not valid JSON")]);
    assert_faults("\"5d7a0c-test-key-8e21\"", &[("", "not a JSON object")]);
    assert_faults("[]", &[("", "not a JSON object")]);
}

#[test]
fn what_is_missing_is_named() {
    assert_faults(
        "{}",
        &[
            ("deployment_url", "is missing: expected an address such as https://yourcompany.talon.one"),
            ("api_key", "is missing: expected an Integration API key"),
            ("object_type", "is missing: expected customer_profiles or customer_profile_audiences"),
        ],
    );
    assert_faults(
        &profiles_text(&json!({"object_type": "customer_profile_audiences"})),
        &[
            ("audience_id", "is missing: expected the audience's ID"),
            ("sync_mode", "is missing: expected add, remove or mirror"),
        ],
    );
}

#[test]
fn all_faults_are_reported_together() {
    assert_faults(
        &json!({
            "deployment_url": "https://acme.talon.one/",
            "api_key": format!("ApiKey-v1 {KEY}"),
            "object_type": "customer_profile_audiences",
            "audience_id": "VIP",
            "sync_mode": "upsert",
            "audiance_id": 4,
            "nulls": "keep",
            "batch_size": 1001,
            "retry": {"max_attempt": 3, "max_attempts": 0},
            "mappings": [{"source": "a"}],
        })
        .to_string(),
        &[
            ("audiance_id", "did you mean `audience_id`?"),
            ("deployment_url", "expected https://acme.talon.one"),
            ("api_key", "the key alone"),
            ("sync_mode", "is \"upsert\": expected add, remove or mirror"),
            ("audience_id", "is \"VIP\""),
            ("mappings[0].destination", "is missing"),
            ("mappings", "no mapping to integration_id"),
            ("nulls", "is \"keep\": expected omit, clear"),
            ("batch_size", "is 1001: expected a whole number from 1 to 1000"),
            ("retry.max_attempt", "did you mean `max_attempts`?"),
            ("retry.max_attempts", "is 0: expected a whole number from 1 to 100"),
        ],
    );
}

#[test]
fn an_audience_does_not_go_with_profiles() {
    assert_faults(
        &profiles_text(&json!({"audience_id": 42})),
        &[("audience_id", "does not go with customer_profiles")],
    );
}

#[test]
fn modes_of_the_other_object_type_are_rejected_by_name() {
    for mode in ["add", "remove", "mirror"] {
        assert_faults(&profiles_text(&json!({"sync_mode": mode})), &[("sync_mode", "upsert, the only mode")]);
    }
    assert_faults(&audience_text("upsert"), &[("sync_mode", "add, remove or mirror, the modes of")]);
    assert_faults(&profiles_text(&json!({"sync_mode": "insert"})), &[("sync_mode", "did you mean `upsert`?")]);
}

#[test]
fn a_wrong_type_is_shown_unless_it_is_the_key() {
    for (key, value, fragment) in [
        ("deployment_url", json!(7), "is 7: expected an address"),
        ("object_type", json!(["customer_profiles"]), "is a list: expected customer_profiles"),
        ("sync_mode", json!(true), "is true: expected upsert"),
        ("mappings", json!({}), "is an object: expected a list"),
        ("integration_id_prefix", json!(1.5), "is 1.5: expected a text"),
        ("nulls", json!({}), "is an object: expected omit"),
        ("batch_size", json!("10"), "is \"10\": expected a whole number"),
        ("batch_size", json!(10.5), "is 10.5: expected a whole number"),
        ("batch_size", json!(-1), "is -1: expected a whole number"),
        ("retry", json!(3), "is 3: expected {max_attempts"),
        ("connect_timeout_ms", json!(0), "is 0: expected a whole number from 1"),
        ("request_timeout_ms", json!(1e99), "expected a whole number from 1"),
    ] {
        assert_faults(&profiles_text(&json!({key: value})), &[(key, fragment)]);
    }
    for value in [json!([KEY]), json!({"key": KEY}), json!(12345)] {
        let text = profiles_text(&json!({"api_key": value}));
        assert_faults(&text, &[("api_key", "is not a text")]);
        assert!(!issues(&text)[0].1.contains("12345"));
    }
}

#[test]
fn a_prefix_leaves_room_for_the_id() {
    let config = |length: usize| profiles_text(&json!({"integration_id_prefix": "ä".repeat(length)}));
    assert_faults(&config(999), &[]);
    assert_faults(&config(1000), &[("integration_id_prefix", "too long")]);
}

#[test]
fn backoff_bounds_are_in_order() {
    let retry = json!({"retry": {"initial_backoff_ms": 50, "max_backoff_ms": 49}});
    assert_faults(
        &profiles_text(&retry),
        &[("retry.max_backoff_ms", "is 49: expected at least initial_backoff_ms, 50")],
    );
}

/// The keys that the schema gives an object. In order: how serde_json keeps a map depends on the features that other crates
/// of the workspace turn on.
fn keys_of(schema: &Value) -> Vec<&str> {
    sorted(schema["properties"].as_object().unwrap().keys().map(String::as_str))
}

fn sorted<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut keys: Vec<&str> = keys.into_iter().collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_schema_knows_the_same_keys_as_the_parser() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mapping = &schema["properties"]["mappings"]["items"];
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for (object, keys) in
        [(&schema, &KEYS[..]), (&schema["properties"]["retry"], &retry::KEYS[..]), (mapping, &field_mapping::KEYS[..])]
    {
        assert_eq!(keys_of(object), sorted(keys.iter().copied()));
        assert_eq!(object["additionalProperties"], false);
    }
    let types: Vec<&str> = crate::value::FieldType::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(mapping["properties"]["type"]["enum"], json!(types));
    let modes: Vec<&str> = SYNC_MODES.iter().map(|(name, _)| *name).collect();
    assert_eq!(schema["properties"]["sync_mode"]["enum"], json!(modes));
    let nulls: Vec<&str> = NULLS.iter().map(|(name, _)| *name).collect();
    assert_eq!(schema["properties"]["nulls"]["enum"], json!(nulls));
    let objects: Vec<&Value> = schema["properties"]["object_type"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| &option["const"])
        .collect();
    assert_eq!(objects, OBJECT_TYPES.map(|(name, _)| name));
}

#[test]
fn the_schema_names_the_defaults_that_the_parser_takes() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let defaults = |object: &Value| {
        let properties = object["properties"].as_object().unwrap();
        let named =
            properties.iter().filter_map(|(key, property)| Some((key.clone(), property.get("default")?.clone())));
        Value::Object(named.collect())
    };
    let mut named = defaults(&schema);
    named["retry"] = defaults(&schema["properties"]["retry"]);
    let left_out = Config::parse(&profiles_text(&json!({}))).ok().unwrap();
    let written_out = Config::parse(&profiles_text(&named)).ok().unwrap();
    assert_eq!(written_out.retry, left_out.retry);
    assert_eq!(written_out.timeouts, left_out.timeouts);
    assert_eq!(written_out.nulls, left_out.nulls);
    assert_eq!(written_out.batch_size, left_out.batch_size);
    assert_eq!(written_out.trigger_rules, left_out.trigger_rules);
    assert_eq!(written_out.named_audience, left_out.named_audience);
    assert_eq!(written_out.integration_id_prefix, left_out.integration_id_prefix);
    // All of them have a default in the schema, or the comparison says nothing.
    assert_eq!(named.as_object().unwrap().len(), 8, "{named}");
    assert_eq!(named["retry"].as_object().unwrap().len(), 4, "{named}");
}

#[test]
fn the_schema_names_the_bounds_that_the_parser_keeps() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let retry = schema["properties"]["retry"]["properties"].as_object().unwrap();
    let mut checked = 0;
    for (within_retry, (key, property)) in
        properties.iter().map(|entry| (false, entry)).chain(retry.iter().map(|entry| (true, entry)))
    {
        let (Some(least), Some(most)) = (property["minimum"].as_i64(), property["maximum"].as_i64()) else {
            continue;
        };
        let config = |value: i64| {
            let mut entries = json!({key: value});
            if key == "initial_backoff_ms" {
                entries["max_backoff_ms"] = json!(3_600_000);
            }
            if key == "max_backoff_ms" {
                entries["initial_backoff_ms"] = json!(0);
            }
            profiles_text(&if within_retry { json!({"retry": entries}) } else { entries })
        };
        for value in [least, most] {
            assert_eq!(issues(&config(value)), [], "{key} {value}");
        }
        for value in [least - 1, most + 1] {
            assert_eq!(issues(&config(value)).len(), 1, "{key} {value}");
        }
        checked += 1;
    }
    assert_eq!(checked, 7);
}

#[test]
fn headers_name_the_key_the_type_and_the_plugin() {
    let text = r#"{"deployment_url":"https://yourcompany.talon.one","api_key":"0123456789abcdef","object_type":"customer_profiles"}"#;
    let config = Config::parse(text).ok().unwrap();
    let request =
        |body: &str| Request { method: Method::Put, path: "/".into(), body: body.to_owned(), headers: Vec::new() };
    let headers = config.connection().headers(&request("{\"ä\":1}"));
    assert_eq!(
        headers,
        [
            ("authorization", "ApiKey-v1 0123456789abcdef".to_owned()),
            ("accept", "application/json".to_owned()),
            ("user-agent", format!("talon-one-destination/{}", env!("CARGO_PKG_VERSION"))),
            ("content-type", "application/json".to_owned()),
            ("content-length", "8".to_owned()),
        ]
    );
    assert_eq!(config.connection().headers(&request("")), headers[..3]);
}

#[test]
fn the_management_key_has_its_own_messages() {
    let with = |key: &str| profiles_text(&json!({"management_key": key}));
    assert!(Config::parse(&with("0123abc")).is_ok());
    assert_faults(
        &with("ApiKey-v1 0123abc"),
        &[("management_key", "is an Integration API key: expected a Management API key")],
    );
    assert_faults(&with(KEY), &[("management_key", "is the same text as api_key")]);
    assert_faults(
        &profiles_text(&json!({"api_key": "ManagementKey-v1 0123abc", "management_key": 7})),
        &[
            ("api_key", "is a Management API key: expected an Integration API key"),
            ("management_key", "is not a text: expected an API key"),
        ],
    );
}

#[test]
fn an_audience_has_an_id_or_a_name() {
    let with = |more: &serde_json::Value| {
        let mut all = json!({"object_type": "customer_profile_audiences", "sync_mode": "mirror"});
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        profiles_text(&all)
    };
    let named =
        Config::parse(&with(&json!({"audience_name": "VIP", "management_key": "0123abc", "create_audience": true})));
    let named = named.ok().unwrap();
    assert_eq!(named.object, Object::Unresolved);
    assert_eq!(named.named_audience, Some(NamedAudience { name: "VIP".to_owned(), create: true }));
    for (more, faults) in [
        (
            json!({}),
            vec![(
                "audience_id",
                "is missing: expected the audience's ID, a whole number such as 42; or audience_name",
            )],
        ),
        (
            json!({"audience_id": 42, "audience_name": "VIP", "management_key": "0123abc"}),
            vec![("audience_name", "stands beside audience_id: expected one of the two")],
        ),
        (json!({"audience_name": "VIP"}), vec![("audience_name", "needs management_key")]),
        (json!({"audience_name": "", "management_key": "0123abc"}), vec![("audience_name", "is empty")]),
        (
            json!({"audience_name": 42, "management_key": "0123abc"}),
            vec![("audience_name", "is 42: expected the audience's name")],
        ),
        (
            json!({"audience_id": 42, "create_audience": true}),
            vec![("create_audience", "is true without audience_name")],
        ),
        (
            json!({"audience_id": 42, "create_audience": "yes"}),
            vec![("create_audience", "is \"yes\": expected true or false")],
        ),
    ] {
        assert_faults(&with(&more), &faults);
    }
    assert_faults(
        &profiles_text(&json!({"audience_name": "VIP", "create_audience": true})),
        &[
            ("audience_name", "does not go with customer_profiles"),
            ("create_audience", "does not go with customer_profiles"),
        ],
    );
}
