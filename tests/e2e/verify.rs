//! `verify` and its repair: what is named, what is put right, and what is left alone where the listing can't be trusted.

use std::collections::BTreeSet;

use fake_talon_one::{AttributeType, Fault, Faults, Settings, path};
use serde_json::Value;

use crate::harness::{KEY, MANAGEMENT_KEY, TestEnv, sync_file};

const WITH_KEY: &str = "management_key = \"${TALON_ONE_MANAGEMENT_KEY}\"\n";

fn ids(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|id| format!("cust_{id:04}")).collect()
}

/// A mirror of 100 members that has run twice: ten more were there the first time, and were removed.
fn mirrored(settings: &str) -> TestEnv {
    let env = TestEnv::new(fake());
    audience(&env, settings);
    source(&env, &ids(0..110));
    env.sync(&[]).ends_with(0);
    source(&env, &ids(0..100));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..100));
    env
}

fn fake() -> Settings {
    Settings::new(KEY)
        .management_key(MANAGEMENT_KEY)
        .attribute("lifetime_value", AttributeType::Number)
        .attribute("seen_at", AttributeType::Time)
        .audience(42, "Summer sale")
        .management_rate_limit(1000)
}

fn audience(env: &TestEnv, settings: &str) {
    let settings = format!("{settings}audience_id = 42\nsync_mode = \"mirror\"\n");
    let text = sync_file("customer_profile_audiences", &settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    env.write("sync.toml", text);
}

fn source(env: &TestEnv, ids: &BTreeSet<String>) {
    let rows: String = ids.iter().map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{rows}"));
}

/// What the fake was told to change behind the sync's back, as the lines of `--outcomes`.
fn drift(env: &TestEnv) -> BTreeSet<(String, String)> {
    let lines = env.read("drift.ndjson");
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["outcome"].as_str().unwrap().to_owned(), line["key"].as_str().unwrap().to_owned())).collect()
}

fn pairs(outcome: &str, keys: &[&str]) -> BTreeSet<(String, String)> {
    keys.iter().map(|key| (outcome.to_owned(), (*key).to_owned())).collect()
}

fn write_requests(env: &TestEnv) -> usize {
    env.fake.requests_to(path::AUDIENCES).len()
}

#[test]
fn what_is_as_it_was_delivered_is_equal() {
    let env = mirrored(WITH_KEY);
    env.host(&["verify", "sync.toml"]).looks_like("verify_equal");
    let shown: Value = serde_json::from_str(&env.host(&["verify", "sync.toml", "--json"]).ends_with(0).stdout).unwrap();
    assert_eq!(shown["found"]["members"]["equal"], 100);
    assert_eq!(shown["exit_code"], 0);
}

#[test]
fn changes_behind_its_back_are_named_and_repaired_and_nobody_elses_are_touched() {
    let env = mirrored(WITH_KEY);
    let (missing, left_over, foreign) = (["cust_0003", "cust_0050"], ["cust_0101"], ["a, \"b\"", "zoë"]);
    let added: Vec<&str> = left_over.iter().chain(&foreign).copied().collect();
    env.fake.move_members(42, &added, &missing);
    let before = write_requests(&env);
    env.host(&["verify", "sync.toml", "--outcomes", "drift.ndjson"]).looks_like("verify_drift");
    let expected: BTreeSet<_> =
        [pairs("missing", &missing), pairs("left-over", &left_over), pairs("foreign", &foreign)]
            .into_iter()
            .flatten()
            .collect();
    assert_eq!(drift(&env), expected);
    assert_eq!(write_requests(&env), before, "a look changes nothing");

    env.host(&["verify", "sync.toml", "--repair"]).ends_with(0);
    let mut all = ids(0..100);
    all.extend(foreign.iter().map(|id| (*id).to_owned()));
    assert_eq!(env.fake.members(42), all);
    let sent: usize =
        env.fake.requests_to(path::AUDIENCES)[before..].iter().map(|request| request.items as usize).sum();
    assert_eq!(sent, 3, "what is missing and what is left over, and nothing else");
    env.host(&["verify", "sync.toml"]).ends_with(0).says("foreign").says("never touched");
    let before = write_requests(&env);
    env.sync(&[]).ends_with(0);
    assert_eq!(write_requests(&env), before, "a sync after it has nothing to do");
}

/// Of a listing that may not be complete nothing is concluded.
#[test]
fn a_listing_that_can_not_be_trusted_repairs_nothing_and_says_why() {
    let export = path::export(42);
    let line = "cust_0000\n".len() as u64;
    let header = "profileintegrationid\n".len() as u64;
    let incomplete = "run again: a repair needs a listing that is complete";
    let within = "truncated response: the export ends within a line";
    let cases = [
        ("a line's end", vec![Fault::truncated(header + 50 * line).once().path(&export)], incomplete),
        ("within a line", vec![Fault::truncated(header + 50 * line - 4).once().path(&export)], within),
        ("nothing but the header", vec![Fault::truncated(header).once().path(&export)], incomplete),
        ("nothing at all", vec![Fault::truncated(0).once().path(&export)], within),
        (
            "the connection",
            vec![Fault::broken_off(header + 50 * line).forever().path(&export)],
            "truncated response: incomplete HTTP response",
        ),
        ("an error", vec![Fault::status(500).forever().path(&export)], "HTTP 500"),
        (
            "not an export",
            vec![Fault::status(200).body("text/html", "<h1>Sign in</h1>").forever().path(&export)],
            "text/html titled \"Sign in\"",
        ),
        ("after the first count", vec![Fault::moved(42, &["other"], &[]).once().path(path::ANALYTICS)], incomplete),
        ("after the export", vec![Fault::moved(42, &[], &["cust_0001"]).once().path(&export)], incomplete),
    ];
    for (what, faults, why) in cases {
        let env = mirrored(WITH_KEY);
        // As long as the others, so that each line's end is known.
        env.fake.move_members(42, &["foreigner"], &["cust_0099"]);
        env.fake.inject(Faults::script(faults));
        let before = write_requests(&env);
        let outcome = env.host(&["verify", "sync.toml", "--repair"]);
        outcome.ends_with(1).says(why);
        // It only looked.
        for said in ["may have been carried out", "send a row twice", "batch_size"] {
            assert!(!outcome.all().contains(said), "{what}: {}", outcome.all());
        }
        assert_eq!(write_requests(&env), before, "{what}");
        // The next one, of a listing that is whole, repairs.
        env.fake.inject(Faults::none());
        env.host(&["verify", "sync.toml", "--repair"]).ends_with(0);
        assert!(env.fake.members(42).is_superset(&ids(0..100)), "{what}");
        assert!(env.fake.members(42).contains("foreigner"), "{what}");
    }
}

#[test]
fn a_repair_keeps_the_guard_against_too_many_removals() {
    let env = mirrored(WITH_KEY);
    let left: Vec<String> = ids(100..110).into_iter().collect();
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    env.fake.move_members(42, &left, &[]);
    let text = env.read("sync.toml");
    env.write("sync.toml", format!("{text}[state]\nmax_removals = {{ count = 5, ratio = 0.01 }}\n"));
    let withheld = env.host(&["verify", "sync.toml", "--repair"]);
    withheld.ends_with(4);
    assert_eq!(env.fake.members(42), ids(0..110));
    env.host(&["verify", "sync.toml"]).ends_with(5);
    env.host(&["verify", "sync.toml", "--repair", "--allow-removals"]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..100));
}

#[test]
fn an_audience_that_lost_everybody_is_filled_again() {
    let env = mirrored(WITH_KEY);
    let all: Vec<String> = env.fake.members(42).into_iter().collect();
    env.fake.move_members(42, &[], &all.iter().map(String::as_str).collect::<Vec<_>>());
    env.host(&["verify", "sync.toml"]).ends_with(5).says("100");
    env.host(&["verify", "sync.toml", "--repair"]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..100));
}

#[test]
fn without_a_management_key_a_sample_is_looked_for_and_said_to_be_one() {
    let env = mirrored("");
    env.host(&["verify", "sync.toml"]).ends_with(0).says("a sample");
    env.fake.move_members(42, &["cust_0105"], &["cust_0007"]);
    let outcome = env.host(&["verify", "sync.toml", "--sample", "all", "--outcomes", "drift.ndjson"]);
    outcome.ends_with(5).says("management_key");
    let expected: BTreeSet<_> =
        [pairs("missing", &["cust_0007"]), pairs("left-over", &["cust_0105"])].into_iter().flatten().collect();
    assert_eq!(drift(&env), expected);
    assert!(env.fake.requests().iter().all(|request| !request.header("authorization").unwrap().contains("Management")));
    env.host(&["verify", "sync.toml", "--repair"]).ends_with(2).says("management_key");
}

#[test]
fn a_mirror_that_never_ran_has_nothing_to_compare() {
    let env = TestEnv::new(fake());
    audience(&env, WITH_KEY);
    source(&env, &ids(0..3));
    env.host(&["verify", "sync.toml"]).ends_with(2).says("was not run yet");
    assert!(!env.path("e2e.state.sqlite").exists(), "a look makes no state");
}

#[test]
fn profiles_are_compared_value_by_value() {
    let env = TestEnv::new(fake());
    let mappings = [
        ("id", "integration_id", ""),
        ("name", "name", ""),
        ("spent", "lifetime_value", "type = \"number\""),
        ("seen", "seen_at", "type = \"time\""),
    ];
    for settings in [WITH_KEY, ""] {
        env.fake.reset();
        env.write("sync.toml", sync_file("customer_profiles", settings, &mappings, "csv", "rows.csv"));
        env.write(
            "rows.csv",
            "id,name,spent,seen\nc1,Ada,1.50,2026-01-01T10:00:00Z\nc2,Grace,2,2026-01-01T10:00:00Z\nc3,Joan,3,2026-01-01T10:00:00Z\n",
        );
        env.sync(&[]).ends_with(0);
        // Written otherwise, and the same.
        env.write(
            "rows.csv",
            "id,name,spent,seen\nc1,Ada,1.5,2026-01-01T11:00:00+01:00\nc2,Grace,2.0,2026-01-01T10:00:00Z\nc3,Joan,3,2026-01-01T10:00:00Z\n",
        );
        env.host(&["verify", "sync.toml"]).ends_with(0);
        env.write(
            "rows.csv",
            "id,name,spent,seen\nc1,Ada,1.5,2026-01-01T10:00:01Z\nc2,Grace,2.01,2026-01-01T10:00:00Z\nc3,Joan,3,2026-01-01T10:00:00Z\nc4,New,4,2026-01-01T10:00:00Z\n",
        );
        let outcome = env.host(&["verify", "sync.toml", "--outcomes", "drift.ndjson"]);
        outcome.ends_with(5).says("c4").says("lifetime_value").says("seen_at");
        let keys = |outcome: &str, keys: &[&str]| pairs(outcome, keys);
        let expected: BTreeSet<_> =
            [keys("differs", &["c1", "c2"]), keys("missing", &["c4"])].into_iter().flatten().collect();
        assert_eq!(drift(&env), expected, "{settings}");
    }
    env.host(&["verify", "sync.toml", "--repair"]).ends_with(2).says("--resend-all");
}

/// Of two rows of one key the later one is what was delivered.
#[test]
fn of_rows_with_one_key_the_last_is_compared() {
    let env = TestEnv::new(fake());
    env.write(
        "sync.toml",
        sync_file(
            "customer_profiles",
            WITH_KEY,
            &[("id", "integration_id", ""), ("name", "name", "")],
            "csv",
            "rows.csv",
        ),
    );
    let filler: String = (0..1500).map(|id| format!("f{id:04},x\n")).collect();
    env.write("rows.csv", format!("id,name\na,first\n{filler}a,last\n"));
    env.sync(&[]).ends_with(0);
    for sample in ["all", "1500", "2000"] {
        env.host(&["verify", "sync.toml", "--sample", sample]).ends_with(0);
    }
}
