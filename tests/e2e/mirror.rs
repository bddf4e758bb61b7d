//! A mirrored audience: differences alone are sent, and nobody is removed by mistake.

use std::collections::BTreeSet;
use std::fs;

use fake_talon_one::path;

use crate::harness::{TestEnv, counts, sync_file};

fn ids(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|id| format!("{id:04}")).collect()
}

fn source(env: &TestEnv, members: &BTreeSet<String>) {
    let lines: String = members.iter().map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
}

/// A env whose audience has been mirrored once with these members.
fn mirrored(members: &BTreeSet<String>) -> TestEnv {
    let env = TestEnv::permissive();
    source(&env, members);
    env.audience("mirror");
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), *members);
    env
}

fn items(env: &TestEnv) -> usize {
    env.bodies(path::AUDIENCES).iter().map(|body| body.matches("\"action\"").count()).sum()
}

#[test]
fn a_second_run_sends_only_the_differences() {
    let env = mirrored(&ids(0..200));
    let before = items(&env);
    source(&env, &ids(5..210));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(5..210));
    assert_eq!(items(&env) - before, 15);
    let report = env.report();
    assert_eq!(counts(&report, ["rows_read", "unchanged", "delivered", "added", "removed"]), [205, 195, 10, 10, 5]);

    let before = env.fake.requests().len();
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.requests().len(), before, "no difference, no request");
}

#[test]
fn members_that_others_added_stay() {
    let env = mirrored(&ids(0..20));
    env.write("rows.csv", "id\nsomebody-elses\n");
    let state = env.path("e2e.state.sqlite");
    assert!(state.exists(), "the state is beside the sync file");
    env.write(
        "other.toml",
        sync_file(
            "customer_profile_audiences",
            "audience_id = 42\nsync_mode = \"add\"\n",
            &[("id", "integration_id", "")],
            "csv",
            "rows.csv",
        )
        .replace("name = \"e2e\"", "name = \"other\""),
    );
    env.host(&["sync", "other.toml"]).ends_with(0);
    source(&env, &ids(5..20));
    env.sync(&[]).ends_with(0);
    let mut expected = ids(5..20);
    expected.insert("somebody-elses".to_owned());
    assert_eq!(env.fake.members(42), expected);
}

#[test]
fn lost_state_is_a_first_load_without_removals() {
    let env = mirrored(&ids(0..20));
    fs::remove_file(env.path("e2e.state.sqlite")).unwrap();
    source(&env, &ids(10..25));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..25));
    assert_eq!(counts(&env.report(), ["removed", "withheld_removals"]), [0, 0]);
}

#[test]
fn an_empty_source_removes_nobody() {
    let env = mirrored(&ids(0..200));
    source(&env, &BTreeSet::new());
    env.sync(&[]).ends_with(4).says("--allow-removals");
    assert_eq!(env.fake.members(42), ids(0..200));
    assert_eq!(counts(&env.report(), ["removed", "withheld_removals"]), [0, 200]);
    // And the state still knows them all.
    source(&env, &ids(0..199));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..199));
}

/// Even where so few would go that the numbers alone would let them.
#[test]
fn an_empty_source_removes_nobody_of_a_small_audience() {
    let env = mirrored(&ids(0..3));
    source(&env, &BTreeSet::new());
    env.sync(&[]).ends_with(4);
    assert_eq!(env.fake.members(42), ids(0..3));
}

#[test]
fn too_many_removals_are_withheld_and_the_additions_go_on() {
    let env = mirrored(&ids(0..200));
    source(&env, &ids(100..250));
    env.sync(&[]).looks_like("summary_with_withheld_removals");
    assert_eq!(env.fake.members(42), ids(0..250));
    assert_eq!(counts(&env.report(), ["added", "removed", "withheld_removals"]), [50, 0, 100]);

    env.sync(&["--allow-removals"]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(100..250));
    assert_eq!(counts(&env.report(), ["removed", "withheld_removals"]), [100, 0]);
}

#[test]
fn removals_within_either_number_go_through() {
    // More than a tenth, but not more than ten.
    let env = mirrored(&ids(0..20));
    source(&env, &ids(8..20));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(8..20));
    // More than ten, but not more than a tenth.
    let env = mirrored(&ids(0..300));
    source(&env, &ids(25..300));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(25..300));
}

#[test]
fn a_source_that_breaks_off_removes_nobody() {
    for broken in ["id,more\n0000,x\n0001\n", "id,more\n0000,x\n0001,\"y"] {
        let env = mirrored(&ids(0..20));
        env.write("rows.csv", broken);
        env.sync(&["--allow-removals"]).ends_with(1);
        assert_eq!(env.fake.members(42), ids(0..20), "{broken:?}");
        assert_eq!(counts(&env.report(), ["removed"]), [0]);
    }
}

/// A row whose ID can't be read may be any member's.
#[test]
fn a_row_that_does_not_map_is_not_a_row_that_left() {
    let env = mirrored(&ids(0..20));
    let kept: String = ids(2..20).iter().map(|id| format!("{id},x\n")).collect();
    env.write("rows.csv", format!("id,more\n{kept},y\n"));
    env.sync(&[]).ends_with(4);
    assert_eq!(env.fake.members(42), ids(0..20));
    assert_eq!(counts(&env.report(), ["rejected", "removed", "withheld_removals"]), [1, 0, 2]);
}

#[test]
fn a_changed_prefix_removes_nobody_by_itself() {
    let env = mirrored(&ids(0..5));
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nintegration_id_prefix = \"app1_\"\n";
    let mappings = [("id", "integration_id", "")];
    env.write("sync.toml", sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv"));
    env.sync(&[]).ends_with(4).says("integration_id_prefix");
    assert_eq!(env.fake.members(42).len(), 10, "the old five and the new five");
    env.sync(&["--allow-removals"]).ends_with(0);
    assert_eq!(env.fake.members(42), (0..5).map(|id| format!("app1_{id:04}")).collect());
}

#[test]
fn a_changed_audience_needs_a_state_of_its_own() {
    let env = mirrored(&ids(0..5));
    env.fake.create_audience(43, "Autumn sale");
    let settings = "audience_id = 43\nsync_mode = \"mirror\"\n";
    let mappings = [("id", "integration_id", "")];
    env.write("sync.toml", sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv"));
    env.sync(&[]).ends_with(2).says("audience_id").says("state reset");
    assert!(env.fake.members(43).is_empty());
    env.host(&["state", "reset", "sync.toml", "--yes"]).ends_with(0);
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(43), ids(0..5));
    assert_eq!(env.fake.members(42), ids(0..5), "what was added to the other audience stays");
}

#[test]
fn a_dry_run_sends_nothing_and_changes_no_state() {
    let env = mirrored(&ids(0..20));
    let state = fs::read(env.path("e2e.state.sqlite")).unwrap();
    let requests = env.fake.requests().len();
    source(&env, &ids(3..25));
    env.host(&["sync", "sync.toml", "--dry-run"]).looks_like("dry_run_of_a_mirror");
    assert_eq!(env.fake.requests().len(), requests);
    assert_eq!(fs::read(env.path("e2e.state.sqlite")).unwrap(), state);

    let fresh = TestEnv::permissive();
    source(&fresh, &ids(0..5));
    fresh.audience("mirror");
    fresh.host(&["sync", "sync.toml", "--dry-run"]).ends_with(0);
    let mut left: Vec<_> = fs::read_dir(fresh.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["rows.csv", "sync.toml"]);
}

#[test]
fn state_files_that_are_none_are_refused_and_left_as_they_are() {
    let foreign = {
        let env = TestEnv::permissive();
        let path = env.path("foreign.sqlite");
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch("create table t(a); insert into t values (1);").unwrap();
        drop(database);
        fs::read(path).unwrap()
    };
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("all NUL", vec![0; 8192]),
        ("text", b"this is not a database, it is a note".to_vec()),
        ("another program's", foreign),
    ] {
        let env = mirrored(&ids(0..5));
        let members = env.fake.members(42);
        for name in ["e2e.state.sqlite-wal", "e2e.state.sqlite-shm"] {
            let _ = fs::remove_file(env.path(name));
        }
        env.write("e2e.state.sqlite", &bytes);
        source(&env, &ids(4..9));
        let outcome = env.sync(&[]);
        assert!(matches!(outcome.code, 1 | 2), "{what}: {outcome:?}");
        outcome.says("e2e.state.sqlite");
        assert_eq!(fs::read(env.path("e2e.state.sqlite")).unwrap(), bytes, "{what}");
        assert_eq!(env.fake.members(42), members, "{what}");
    }
}

#[test]
fn the_state_can_be_shown_exported_and_reset() {
    let env = mirrored(&ids(0..5));
    env.host(&["state", "show", "sync.toml"]).looks_like("state_of_a_mirror");
    let export = env.host(&["state", "export", "sync.toml"]);
    export.ends_with(0);
    for id in ids(0..5) {
        export.says(&id);
    }
    env.host(&["state", "reset", "sync.toml", "--yes"]).ends_with(0);
    source(&env, &ids(3..5));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..5), "a reset state removes nobody");
}
