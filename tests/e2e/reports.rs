//! What a run leaves behind: the report, dead letters that can be sent again, and what a person sees.

use fake_talon_one::{AttributeType, Settings};

use crate::harness::{KEY, TestEnv, counts};
use crate::snapshot;

const MAPPINGS: [(&str, &str, &str); 2] = [("id", "integration_id", ""), ("points", "points", "type = \"number\"")];

fn env() -> TestEnv {
    TestEnv::new(Settings::new(KEY).attribute("points", AttributeType::Number))
}

#[test]
fn a_report_has_every_member_that_is_promised() {
    let env = env();
    env.write("rows.csv", "id,points\n1,5\n2,many\n3,7\n");
    env.profiles(&MAPPINGS);
    env.sync(&[]).ends_with(3).looks_like("summary_with_a_rejected_row");
    snapshot::assert("report", &env.read("report.json"));
    let report = env.report();
    assert_eq!(report["bytes_sent"].as_u64(), Some(env.fake.bytes_received()));
    assert!(report["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
}

#[test]
fn dead_letters_hold_the_row_as_it_was_and_can_be_sent_again() {
    let env = env();
    env.write("rows.csv", "id,points,note\n001,5,\n002,many,\"two\nlines, \"\"quoted\"\"\"\n,7,x\n");
    env.profiles(&MAPPINGS);
    env.sync(&[]).ends_with(3);
    let dead = env.dead_letters();
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[0]["row"], serde_json::json!({"id": "002", "points": "many", "note": "two\nlines, \"quoted\""}));
    assert_eq!(dead[0]["row_number"], 2);
    assert!(dead[0]["message"].as_str().is_some_and(|message| message.contains("points")));
    assert_eq!(dead[1]["row"], serde_json::json!({"id": null, "points": "7", "note": "x"}));

    // Fixed by hand, as a person would: the value in one, the ID in the other.
    let fixed = env.read("dead.ndjson").replace("\"many\"", "\"6\"").replace("\"id\":null", "\"id\":\"003\"");
    env.write("fixed.ndjson", fixed);
    env.sync(&["--replay", "fixed.ndjson"]).ends_with(0);
    assert_eq!(counts(&env.report(), ["rows_read", "delivered"]), [2, 2]);
    let profiles = env.fake.profiles();
    let points: Vec<(&str, &str)> =
        profiles.iter().map(|(id, attributes)| (id.as_str(), attributes["points"].as_str())).collect();
    assert_eq!(points, [("001", "5"), ("002", "6"), ("003", "7")]);
}

#[test]
fn a_run_over_dead_letters_removes_nobody_from_a_mirror() {
    let env = TestEnv::permissive();
    let lines: String = (0..5).map(|id| format!("{id},a\n")).collect();
    env.write("rows.csv", format!("id,x\n{lines},b\n"));
    env.audience("mirror");
    env.sync(&[]).ends_with(3);
    let fixed = env.read("dead.ndjson").replace("\"id\":null", "\"id\":\"9\"");
    env.write("fixed.ndjson", fixed);
    env.sync(&["--replay", "fixed.ndjson", "--allow-removals"]).ends_with(0);
    assert_eq!(env.fake.members(42).len(), 6);
}

#[test]
fn changed_only_skips_rows_that_did_not_change() {
    let env = env();
    env.profiles(&MAPPINGS);
    env.write("rows.csv", "id,points\n1,5\n2,6\n3,7\n");
    env.sync(&["--changed-only"]).ends_with(0);
    env.write("rows.csv", "id,points\n1,5\n2,66\n3,7\n4,8\n");
    env.sync(&["--changed-only"]).ends_with(0);
    let report = env.report();
    assert_eq!(counts(&report, ["rows_read", "unchanged", "delivered", "added", "changed"]), [4, 2, 2, 1, 1]);
    assert_eq!(env.fake.items_sent(), 5);
}

/// A full run between two runs with `--changed-only` must not leave stale hashes behind.
#[test]
fn changed_only_knows_what_a_full_run_sent() {
    let env = env();
    env.profiles(&MAPPINGS);
    for (points, more) in [("5", "--changed-only"), ("6", ""), ("5", "--changed-only")] {
        env.write("rows.csv", format!("id,points\n1,{points}\n"));
        let arguments: Vec<&str> = if more.is_empty() { vec![] } else { vec![more] };
        env.sync(&arguments).ends_with(0);
        assert_eq!(env.fake.profiles()["1"]["points"], points);
    }
}

#[test]
fn a_report_that_cannot_be_written_is_found_before_the_first_request() {
    let env = env();
    env.profiles(&MAPPINGS);
    env.write("rows.csv", "id,points\n1,5\n");
    for option in ["--report", "--dead-letters"] {
        let outcome = env.host(&["sync", "sync.toml", option, "no/such/folder/file"]);
        assert!(matches!(outcome.code, 1 | 2), "{outcome:?}");
        outcome.says("no/such/folder/file");
    }
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn rows_can_come_from_standard_input() {
    for (kind, rows) in
        [("csv", "id,points\n1,5\n2,6\n"), ("ndjson", "{\"id\":\"1\",\"points\":5}\n{\"id\":\"2\",\"points\":6}\n")]
    {
        let env = env();
        env.write("sync.toml", crate::harness::sync_file("customer_profiles", "", &MAPPINGS, kind, "-"));
        env.host_with_input(&["sync", "sync.toml"], rows.as_bytes()).ends_with(0);
        assert_eq!(env.fake.profiles().len(), 2, "{kind}");
    }
}

#[test]
fn the_summary_names_the_sync_and_its_counts() {
    let env = env();
    env.profiles(&MAPPINGS);
    env.write("rows.csv", "id,points\n1,5\n2,6\n");
    let outcome = env.host(&["sync", "sync.toml"]);
    outcome.looks_like("summary");
    assert!(!outcome.all().contains('\u{1b}'), "no colour where there is no terminal: {}", outcome.all());
}

#[test]
fn the_demo_ends_with_the_differences_alone() {
    let env = env();
    env.host(&["demo"]).looks_like("demo");
}
