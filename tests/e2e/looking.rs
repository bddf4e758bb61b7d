//! `discover`, and mappings that are compared with the fields at the destination before the first row.

use fake_talon_one::{AttributeType, Settings, path};
use serde_json::Value;

use crate::harness::{KEY, MANAGEMENT_KEY, TestEnv, sync_file};

const WITH_KEY: &str = "management_key = \"${TALON_ONE_MANAGEMENT_KEY}\"\n";

/// An account with a few attributes; rows with these columns and the mappings of [`mappings`].
fn env() -> TestEnv {
    let settings = Settings::new(KEY)
        .management_key(MANAGEMENT_KEY)
        .audience(42, "Summer sale")
        .described("loyalty_tier", AttributeType::String, "bronze, silver or gold")
        .attribute("lifetime_value", AttributeType::Number)
        .closed_list("channel", AttributeType::String, &["web", "shop"]);
    let env = TestEnv::new(settings);
    env.write("rows.csv", "id,tier,spent,channel,seen\ncust_1,gold,12.5,web,2026-01-01T00:00:00Z\n");
    env
}

fn write(env: &TestEnv, settings: &str, mappings: &[(&str, &str, &str)]) {
    env.write("sync.toml", sync_file("customer_profiles", settings, mappings, "csv", "rows.csv"));
}

const ID: (&str, &str, &str) = ("id", "integration_id", "");

#[test]
fn discover_shows_fields_and_audiences() {
    let env = env();
    write(&env, WITH_KEY, &[ID]);
    env.host(&["discover", "sync.toml"]).looks_like("discover");
    let shown: Value =
        serde_json::from_str(&env.host(&["discover", "sync.toml", "--json"]).ends_with(0).stdout).unwrap();
    let tier = shown["fields"].as_array().unwrap().iter().find(|field| field["name"] == "loyalty_tier").unwrap();
    assert_eq!((&tier["type"], &tier["description"]), (&"string".into(), &"bronze, silver or gold".into()));
    assert_eq!((&shown["targets"][0]["id"], &shown["targets"][0]["name"]), (&"42".into(), &"Summer sale".into()));
}

#[test]
fn discover_without_a_management_key_names_it_and_asks_nothing() {
    let env = env();
    write(&env, "", &[ID]);
    env.host(&["discover", "sync.toml"]).ends_with(2).says("management_key");
    assert!(env.fake.requests().is_empty());
}

#[test]
fn mappings_that_do_not_fit_are_all_told_before_the_first_row() {
    let env = env();
    let wrong = [
        ID,
        ("tier", "loyalty_teir", ""),
        ("spent", "lifetime_value", "type = \"boolean\""),
        ("channel", "channel", ""),
        ("seen", "last_seen", "type = \"time\""),
    ];
    write(&env, WITH_KEY, &wrong);
    for arguments in [
        &["check", "sync.toml"][..],
        &["preview", "sync.toml"],
        &["sync", "sync.toml"],
        &["sync", "sync.toml", "--dry-run"],
    ] {
        let outcome = env.host(arguments);
        let outcome = outcome.ends_with(2).says("3 faults").says("loyalty_teir").says("did you mean `loyalty_tier`?");
        outcome.says("lifetime_value").says("last_seen");
    }
    assert!(env.fake.requests_to(path::PROFILES).is_empty(), "no row was sent");
    // Offline as ever.
    let before = env.fake.requests().len();
    env.host(&["validate", "sync.toml"]).ends_with(0);
    assert_eq!(env.fake.requests().len(), before);
}

#[test]
fn mappings_that_fit_go_through_and_a_closed_list_is_a_note() {
    let env = env();
    let right = [
        ID,
        ("tier", "loyalty_tier", ""),
        ("spent", "lifetime_value", "type = \"number\""),
        ("channel", "channel", ""),
    ];
    write(&env, WITH_KEY, &right);
    env.host(&["check", "sync.toml"]).ends_with(0).says("channel");
    env.host(&["sync", "sync.toml"]).ends_with(0).says("channel");
    assert_eq!(env.fake.profiles()["cust_1"]["lifetime_value"], "12.5");
    let asked = env.fake.requests_to(path::ATTRIBUTES);
    assert!(!asked.is_empty());
    for request in env.fake.requests() {
        let key = request.header("authorization").unwrap();
        let right = if request.path == path::ATTRIBUTES { MANAGEMENT_KEY } else { KEY };
        assert!(key.ends_with(&format!("Key-v1 {right}")), "{} was sent the other key", request.path);
    }
}

#[test]
fn without_a_management_key_all_goes_on_with_no_request_more() {
    let env = env();
    write(&env, "", &[ID, ("tier", "loyalty_tier", ""), ("seen", "last_seen", "")]);
    env.host(&["check", "sync.toml"]).ends_with(0);
    env.host(&["preview", "sync.toml"]).ends_with(0);
    // The server finds it, as it always has.
    env.host(&["sync", "sync.toml"]).says("last_seen");
    assert!(env.fake.requests().iter().all(|request| request.path == path::PROFILES || request.path == path::AUTHPING));
}

#[test]
fn a_comparison_that_gets_no_answer_stops_the_run() {
    let env = env();
    write(&env, WITH_KEY, &[ID, ("tier", "loyalty_tier", "")]);
    let mut command = env.command(&["sync", "sync.toml"]);
    let outcome = crate::harness::Outcome::of(command.env("TALON_ONE_MANAGEMENT_KEY", "another-management-key"));
    outcome.ends_with(1).says("management");
    assert!(env.fake.requests_to(path::PROFILES).is_empty());
}

#[test]
fn several_syncs_are_compared_each() {
    let env = env();
    std::fs::create_dir(env.path("syncs")).unwrap();
    for (name, field) in [("good", "loyalty_tier"), ("bad", "loyalty_teir")] {
        let text = sync_file("customer_profiles", WITH_KEY, &[ID, ("tier", field, "")], "csv", "../rows.csv");
        env.write(&format!("syncs/{name}.toml"), text.replace("\"e2e\"", &format!("\"{name}\"")));
    }
    env.host(&["sync", "syncs"]).ends_with(2).says("did you mean `loyalty_tier`?");
    assert_eq!(env.fake.profiles().len(), 1, "the good one ran");
}
