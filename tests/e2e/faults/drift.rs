//! An audience of 200,000 that somebody changes behind the sync's back: `verify` names exactly what changed, and repairs what is the
//! sync's own; a listing that can't be trusted repairs nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use fake_talon_one::{Fault, Faults, Settings, path};
use serde_json::Value;

use crate::harness::{KEY, MANAGEMENT_KEY, TestEnv, sync_file};

const MEMBERS: u32 = 200_000;
/// Members that the sync added and removed again.
const REMOVED: u32 = 500;

fn id(number: u32) -> String {
    format!("cust_{number}")
}

fn env() -> TestEnv {
    let settings = Settings::new(KEY).management_key(MANAGEMENT_KEY).audience(42, "Summer sale");
    let env = TestEnv::new(settings);
    let settings = "management_key = \"${TALON_ONE_MANAGEMENT_KEY}\"\naudience_id = 42\nsync_mode = \"mirror\"\n";
    let mappings = [("id", "integration_id", "")];
    let text = sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv");
    env.write(
        "sync.toml",
        format!("{text}[limits]\nrequests_per_second = 1000\nrequests_per_minute = \"unlimited\"\n"),
    );
    for rows in [MEMBERS + REMOVED, MEMBERS] {
        let rows: String = (0..rows).map(|number| format!("{}\n", id(number))).collect();
        env.write("rows.csv", format!("id\n{rows}"));
        env.sync(&[]).ends_with(0);
    }
    env
}

fn drift(env: &TestEnv) -> BTreeSet<(String, String)> {
    let lines = env.read("drift.ndjson");
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |line: &Value, key: &str| line[key].as_str().expect("a text").to_owned();
    lines.map(|line| (text(&line, "outcome"), text(&line, "key"))).collect()
}

#[test]
#[ignore = "takes minutes: make faults"]
fn of_200_000_members_37_changes_are_named_and_repaired() {
    let env = env();
    let missing: Vec<String> = (0..15).map(|n| id(n * 13_331 + 7)).collect();
    let left_over: Vec<String> = (0..10).map(|n| id(MEMBERS + n * 41)).collect();
    let foreign: Vec<String> = (0..12).map(|n| format!("somebody, \"else's\" {n}")).collect();
    let added: Vec<&str> = left_over.iter().chain(&foreign).map(String::as_str).collect();
    env.fake.move_members(42, &added, &missing.iter().map(String::as_str).collect::<Vec<_>>());
    let changed: BTreeSet<(String, String)> = [("missing", &missing), ("left-over", &left_over), ("foreign", &foreign)]
        .into_iter()
        .flat_map(|(outcome, ids)| ids.iter().map(move |id| (outcome.to_owned(), id.clone())))
        .collect();
    assert_eq!(changed.len(), 37);

    // A listing that stops short, and one that moves: nothing is repaired, and it is said why.
    let before = env.fake.requests_to(path::AUDIENCES).len();
    let export = path::export(42);
    for (fault, why) in [
        (Fault::truncated(1_000_000).once().path(&export), "listed"),
        (Fault::broken_off(1_000_000).forever().path(&export), ""),
        (Fault::moved(42, &["one-more"], &[]).once().path(&export), "counted"),
    ] {
        env.fake.inject(Faults::script([fault]));
        env.host(&["verify", "sync.toml", "--repair"]).ends_with(1).says(why);
    }
    env.fake.inject(Faults::none());
    env.fake.move_members(42, &[], &["one-more"]);
    assert_eq!(env.fake.requests_to(path::AUDIENCES).len(), before, "nothing was repaired");

    let started = Instant::now();
    env.host(&["verify", "sync.toml", "--outcomes", "drift.ndjson"]).ends_with(5);
    println!("drift: verify of {MEMBERS} members took {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(drift(&env), changed, "exactly those");

    env.host(&["verify", "sync.toml", "--repair"]).ends_with(0);
    let mut expected: BTreeSet<String> = (0..MEMBERS).map(id).collect();
    expected.extend(foreign);
    assert!(env.fake.members(42) == expected, "ours are as the source says, and nobody else's is touched");
    let sent: u32 = env.fake.requests_to(path::AUDIENCES)[before..].iter().map(|request| request.items).sum();
    println!("drift: repaired with {sent} changes");
    assert_eq!(sent, 25);
    env.host(&["verify", "sync.toml"]).ends_with(0);
}
