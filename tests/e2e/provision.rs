//! An empty account: what a sync needs is listed and created, the sync succeeds, and a second look finds nothing to do.

use fake_talon_one::{Settings, path};

use crate::harness::{KEY, MANAGEMENT_KEY, TestEnv, sync_file};

const NAMED: &str =
    "management_key = \"${TALON_ONE_MANAGEMENT_KEY}\"\naudience_name = \"VIP, gold\"\nsync_mode = \"mirror\"\n";

/// An account with nothing but what every account has.
fn empty() -> TestEnv {
    let env = TestEnv::new(Settings::new(KEY).management_key(MANAGEMENT_KEY).management_rate_limit(1000));
    env.write(
        "rows.csv",
        "id,tier,spent,seen\ncust_1,gold,12.5,2026-01-01T00:00:00Z\ncust_2,tin,1,2026-01-01T00:00:00Z\n",
    );
    env
}

fn audience(env: &TestEnv, settings: &str) {
    let text = sync_file("customer_profile_audiences", settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    env.write("sync.toml", text);
}

fn profiles(env: &TestEnv) {
    let mappings = [
        ("id", "integration_id", ""),
        ("tier", "loyalty_tier", ""),
        ("spent", "lifetime_value", "type = \"number\""),
        ("seen", "last_seen", "type = \"time\""),
    ];
    let key = "management_key = \"${TALON_ONE_MANAGEMENT_KEY}\"\n";
    env.write("sync.toml", sync_file("customer_profiles", key, &mappings, "csv", "rows.csv"));
}

#[test]
fn attributes_are_created_with_the_types_of_the_mappings() {
    let env = empty();
    profiles(&env);
    env.host(&["sync", "sync.toml"]).ends_with(2);
    env.host(&["provision", "sync.toml"]).ends_with(2).says("nothing was created").says("--yes");
    assert!(env.fake.requests().iter().all(|request| request.method.as_str() == "GET"), "nothing is created unasked");
    env.host(&["provision", "sync.toml", "--yes"]).looks_like("provision_attributes");
    let types = env.fake.snapshot().attributes;
    let created: Vec<_> =
        ["loyalty_tier", "lifetime_value", "last_seen"].iter().map(|name| types[*name].name()).collect();
    assert_eq!(created, ["string", "number", "time"]);
    env.host(&["sync", "sync.toml"]).ends_with(0);
    let before = env.fake.requests().len();
    env.host(&["provision", "sync.toml"]).ends_with(0).says("nothing is missing");
    assert!(env.fake.requests()[before..].iter().all(|request| request.method.as_str() == "GET"));
}

#[test]
fn an_audience_is_created_by_its_name_and_is_one_state_with_its_id() {
    let env = empty();
    audience(&env, NAMED);
    env.host(&["sync", "sync.toml"]).ends_with(1).says("VIP, gold");
    assert!(env.fake.snapshot().audiences.is_empty());
    env.host(&["provision", "sync.toml", "--yes"]).ends_with(0).says("VIP, gold");
    env.host(&["provision", "sync.toml"]).ends_with(0).says("nothing is missing");
    env.host(&["sync", "sync.toml"]).ends_with(0);
    let audiences = env.fake.snapshot().audiences;
    let (id, held) = audiences.first_key_value().unwrap();
    assert_eq!((audiences.len(), held.name.as_str(), held.members.len()), (1, "VIP, gold", 2));
    // The same audience by its ID: the state knows both rows.
    audience(&env, &format!("audience_id = {id}\nsync_mode = \"mirror\"\n"));
    let before = env.fake.requests_to(path::AUDIENCES).len();
    env.host(&["sync", "sync.toml"]).ends_with(0);
    assert_eq!(env.fake.requests_to(path::AUDIENCES).len(), before);
    audience(&env, NAMED);
    env.host(&["verify", "sync.toml"]).ends_with(0);
}

#[test]
fn a_sync_creates_its_audience_only_where_the_config_says_so_and_a_dry_run_never() {
    let env = empty();
    audience(&env, &format!("create_audience = true\n{NAMED}"));
    for look in [
        &["sync", "sync.toml", "--dry-run"][..],
        &["preview", "sync.toml"],
        &["check", "sync.toml"],
        &["verify", "sync.toml"],
    ] {
        env.host(look);
        assert!(env.fake.snapshot().audiences.is_empty(), "{look:?}");
    }
    env.host(&["sync", "sync.toml"]).ends_with(0);
    env.host(&["sync", "sync.toml"]).ends_with(0);
    let created = env.fake.requests_to(path::NEW_AUDIENCE);
    assert_eq!(created.len(), 1);
    assert!(created[0].header("authorization").unwrap().starts_with("ApiKey-v1 "));
    env.host(&["sync", "sync.toml", "--dry-run"]).ends_with(0);
    env.host(&["preview", "sync.toml"]).ends_with(0);
}
