//! A mirrored audience: differences alone are sent, and nobody is removed by mistake.

use std::collections::BTreeSet;
use std::fs;

use fake_talon_one::path;

use crate::harness::{Desk, counts, sync_file};

fn ids(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|id| format!("{id:04}")).collect()
}

fn source(desk: &Desk, members: &BTreeSet<String>) {
    let lines: String = members.iter().map(|id| format!("{id}\n")).collect();
    desk.write("rows.csv", format!("id\n{lines}"));
}

/// A desk whose audience has been mirrored once with these members.
fn mirrored(members: &BTreeSet<String>) -> Desk {
    let desk = Desk::permissive();
    source(&desk, members);
    desk.audience("mirror");
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), *members);
    desk
}

fn items(desk: &Desk) -> usize {
    desk.bodies(path::AUDIENCES).iter().map(|body| body.matches("\"action\"").count()).sum()
}

#[test]
fn a_second_run_sends_only_the_differences() {
    let desk = mirrored(&ids(0..200));
    let before = items(&desk);
    source(&desk, &ids(5..210));
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(5..210));
    assert_eq!(items(&desk) - before, 15);
    let report = desk.report();
    assert_eq!(counts(&report, ["rows_read", "unchanged", "delivered", "added", "removed"]), [205, 195, 10, 10, 5]);

    let before = desk.fake.requests().len();
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.requests().len(), before, "no difference, no request");
}

#[test]
fn members_that_others_added_stay() {
    let desk = mirrored(&ids(0..20));
    desk.write("rows.csv", "id\nsomebody-elses\n");
    let state = desk.path("e2e.state.sqlite");
    assert!(state.exists(), "the state is beside the sync file");
    desk.write(
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
    desk.host(&["sync", "other.toml"]).ends_with(0);
    source(&desk, &ids(5..20));
    desk.sync(&[]).ends_with(0);
    let mut expected = ids(5..20);
    expected.insert("somebody-elses".to_owned());
    assert_eq!(desk.fake.members(42), expected);
}

#[test]
fn lost_state_is_a_first_load_without_removals() {
    let desk = mirrored(&ids(0..20));
    fs::remove_file(desk.path("e2e.state.sqlite")).unwrap();
    source(&desk, &ids(10..25));
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(0..25));
    assert_eq!(counts(&desk.report(), ["removed", "withheld_removals"]), [0, 0]);
}

#[test]
fn an_empty_source_removes_nobody() {
    let desk = mirrored(&ids(0..200));
    source(&desk, &BTreeSet::new());
    desk.sync(&[]).ends_with(4).says("--allow-removals");
    assert_eq!(desk.fake.members(42), ids(0..200));
    assert_eq!(counts(&desk.report(), ["removed", "withheld_removals"]), [0, 200]);
    // And the state still knows them all.
    source(&desk, &ids(0..199));
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(0..199));
}

/// Even where so few would go that the numbers alone would let them.
#[test]
fn an_empty_source_removes_nobody_of_a_small_audience() {
    let desk = mirrored(&ids(0..3));
    source(&desk, &BTreeSet::new());
    desk.sync(&[]).ends_with(4);
    assert_eq!(desk.fake.members(42), ids(0..3));
}

#[test]
fn too_many_removals_are_withheld_and_the_additions_go_on() {
    let desk = mirrored(&ids(0..200));
    source(&desk, &ids(100..250));
    desk.sync(&[]).ends_with(4).says("100").says("--allow-removals");
    assert_eq!(desk.fake.members(42), ids(0..250));
    assert_eq!(counts(&desk.report(), ["added", "removed", "withheld_removals"]), [50, 0, 100]);

    desk.sync(&["--allow-removals"]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(100..250));
    assert_eq!(counts(&desk.report(), ["removed", "withheld_removals"]), [100, 0]);
}

#[test]
fn removals_within_either_number_go_through() {
    // More than a tenth, but not more than ten.
    let desk = mirrored(&ids(0..20));
    source(&desk, &ids(8..20));
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(8..20));
    // More than ten, but not more than a tenth.
    let desk = mirrored(&ids(0..300));
    source(&desk, &ids(25..300));
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(25..300));
}

#[test]
fn a_source_that_breaks_off_removes_nobody() {
    for broken in ["id,more\n0000,x\n0001\n", "id,more\n0000,x\n0001,\"y"] {
        let desk = mirrored(&ids(0..20));
        desk.write("rows.csv", broken);
        desk.sync(&["--allow-removals"]).ends_with(1);
        assert_eq!(desk.fake.members(42), ids(0..20), "{broken:?}");
        assert_eq!(counts(&desk.report(), ["removed"]), [0]);
    }
}

/// A row whose ID can't be read may be any member's.
#[test]
fn a_row_that_does_not_map_is_not_a_row_that_left() {
    let desk = mirrored(&ids(0..20));
    let kept: String = ids(2..20).iter().map(|id| format!("{id},x\n")).collect();
    desk.write("rows.csv", format!("id,more\n{kept},y\n"));
    desk.sync(&[]).ends_with(4);
    assert_eq!(desk.fake.members(42), ids(0..20));
    assert_eq!(counts(&desk.report(), ["rejected", "removed", "withheld_removals"]), [1, 0, 2]);
}

#[test]
fn a_changed_prefix_removes_nobody_by_itself() {
    let desk = mirrored(&ids(0..5));
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nintegration_id_prefix = \"app1_\"\n";
    let mappings = [("id", "integration_id", "")];
    desk.write("sync.toml", sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv"));
    desk.sync(&[]).ends_with(4).says("integration_id_prefix");
    assert_eq!(desk.fake.members(42).len(), 10, "the old five and the new five");
    desk.sync(&["--allow-removals"]).ends_with(0);
    assert_eq!(desk.fake.members(42), (0..5).map(|id| format!("app1_{id:04}")).collect());
}

#[test]
fn a_changed_audience_needs_a_state_of_its_own() {
    let desk = mirrored(&ids(0..5));
    desk.fake.create_audience(43, "Autumn sale");
    let settings = "audience_id = 43\nsync_mode = \"mirror\"\n";
    let mappings = [("id", "integration_id", "")];
    desk.write("sync.toml", sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv"));
    desk.sync(&[]).ends_with(2).says("audience_id").says("state reset");
    assert!(desk.fake.members(43).is_empty());
    desk.host(&["state", "reset", "sync.toml", "--yes"]).ends_with(0);
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(43), ids(0..5));
    assert_eq!(desk.fake.members(42), ids(0..5), "what was added to the other audience stays");
}

#[test]
fn a_dry_run_sends_nothing_and_changes_no_state() {
    let desk = mirrored(&ids(0..20));
    let state = fs::read(desk.path("e2e.state.sqlite")).unwrap();
    let requests = desk.fake.requests().len();
    source(&desk, &ids(3..25));
    desk.host(&["sync", "sync.toml", "--dry-run"]).ends_with(0).says("5").says("3");
    assert_eq!(desk.fake.requests().len(), requests);
    assert_eq!(fs::read(desk.path("e2e.state.sqlite")).unwrap(), state);

    let fresh = Desk::permissive();
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
        let desk = Desk::permissive();
        let path = desk.path("foreign.sqlite");
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
        let desk = mirrored(&ids(0..5));
        let members = desk.fake.members(42);
        for name in ["e2e.state.sqlite-wal", "e2e.state.sqlite-shm"] {
            let _ = fs::remove_file(desk.path(name));
        }
        desk.write("e2e.state.sqlite", &bytes);
        source(&desk, &ids(4..9));
        let outcome = desk.sync(&[]);
        assert!(matches!(outcome.code, 1 | 2), "{what}: {outcome:?}");
        outcome.says("e2e.state.sqlite");
        assert_eq!(fs::read(desk.path("e2e.state.sqlite")).unwrap(), bytes, "{what}");
        assert_eq!(desk.fake.members(42), members, "{what}");
    }
}

#[test]
fn the_state_can_be_shown_exported_and_reset() {
    let desk = mirrored(&ids(0..5));
    desk.host(&["state", "show", "sync.toml"]).ends_with(0).says("e2e").says("5");
    let export = desk.host(&["state", "export", "sync.toml"]);
    export.ends_with(0);
    for id in ids(0..5) {
        export.says(&id);
    }
    desk.host(&["state", "reset", "sync.toml", "--yes"]).ends_with(0);
    source(&desk, &ids(3..5));
    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.members(42), ids(0..5), "a reset state removes nobody");
}
