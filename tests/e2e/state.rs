//! What a mirror remembers, whatever is done to it: nobody is removed whom a source has, nobody is forgotten whom it
//! added, and what can't be known is said.

use std::collections::BTreeSet;
use std::fs;

use fake_talon_one::{Fault, Faults};

use crate::harness::{TestEnv, counts, sync_file};
use crate::running::Running;

const STATE: &str = "e2e.state.sqlite";
const LOG: &str = "e2e.state.sqlite-wal";

fn ids(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|id| format!("{id:04}")).collect()
}

fn set(members: &[&str]) -> BTreeSet<String> {
    members.iter().map(|member| (*member).to_owned()).collect()
}

fn source(env: &TestEnv, name: &str, members: &BTreeSet<String>) {
    let lines: String = members.iter().map(|id| format!("{id}\n")).collect();
    env.write(name, format!("id\n{lines}"));
}

/// A mirror of audience 42 named `name` from `name.csv`, with this state file.
fn mirror(env: &TestEnv, name: &str, state: &str) {
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nbatch_size = 2\n";
    let mappings = [("id", "integration_id", "")];
    let sync = sync_file("customer_profile_audiences", settings, &mappings, "csv", &format!("{name}.csv"));
    let sync = sync.replace("name = \"e2e\"", &format!("name = \"{name}\""));
    env.write(&format!("{name}.toml"), sync + &format!("[limits]\nconcurrency = 1\n[state]\npath = \"{state}\"\n"));
}

/// A env whose mirror `e2e` has delivered these members.
fn mirrored(members: &BTreeSet<String>) -> TestEnv {
    let env = TestEnv::permissive();
    source(&env, "e2e.csv", members);
    mirror(&env, "e2e", STATE);
    run(&env, &[]).ends_with(0);
    env
}

fn run(env: &TestEnv, more: &[&str]) -> crate::harness::Outcome {
    let mut arguments = vec!["sync", "e2e.toml", "--report", "report.json"];
    arguments.extend(more);
    env.host(&arguments)
}

/// A run of which a request has arrived that gets no answer yet.
fn held(env: &TestEnv) -> Running {
    env.fake.inject(Faults::script([Fault::hold().once()]));
    Running::until(env, &["sync", "e2e.toml", "--report", "report.json"], 1)
}

#[test]
fn a_lost_log_or_file_is_refused_by_name_and_removes_nobody() {
    for (lost, snapshot) in [(STATE, "state_file_lost"), (LOG, "state_log_lost")] {
        let env = mirrored(&ids(0..8));
        source(&env, "e2e.csv", &ids(2..12));
        held(&env).kill();
        env.fake.inject(Faults::none());
        assert!(env.path(LOG).exists(), "a kill leaves the log");
        fs::remove_file(env.path(lost)).unwrap();
        let (members, requests) = (env.fake.members(42), env.fake.requests().len());
        for command in [&["sync", "e2e.toml"][..], &["sync", "e2e.toml", "--dry-run"], &["state", "show", "e2e.toml"]] {
            env.host(command).looks_like(snapshot);
        }
        assert_eq!((env.fake.members(42), env.fake.requests().len()), (members, requests));
    }
}

#[test]
fn a_state_whose_log_is_lost_is_taken_up_and_everything_is_sent_again() {
    let env = mirrored(&ids(0..8));
    source(&env, "e2e.csv", &ids(2..12));
    held(&env).kill();
    env.fake.inject(Faults::none());
    fs::remove_file(env.path(LOG)).unwrap();
    env.host(&["state", "recover", "e2e.toml"]).ends_with(2).says("--yes");
    env.host(&["state", "recover", "e2e.toml", "--yes"]).ends_with(0).says("sends every row again");
    run(&env, &[]).ends_with(0);
    assert_eq!(counts(&env.report(), ["added", "unchanged", "removed"]), [10, 0, 2]);
    assert_eq!(env.fake.members(42), ids(2..12));
}

#[test]
fn a_state_that_is_taken_away_in_the_middle_ends_the_run_and_no_second_one_begins_unseen() {
    for lost in [&[STATE][..], &[LOG], &[STATE, LOG]] {
        let env = mirrored(&ids(0..8));
        source(&env, "e2e.csv", &ids(2..12));
        let first = held(&env);
        for name in lost {
            fs::remove_file(env.path(name)).unwrap();
        }
        let requests = env.fake.requests().len();
        let second = env.host(&["sync", "e2e.toml"]);
        second.ends_with(1).says(STATE);
        assert_eq!(env.fake.requests().len(), requests, "the second run sent something");
        env.fake.release();
        let (code, said) = first.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("was changed during the run") && said.contains("deleted or moved away"), "{said}");
        assert_eq!(env.fake.requests().len(), requests, "the first run went on");
        assert_eq!(env.report()["failure"]["kind"], "state");
        assert!(env.fake.members(42).is_superset(&ids(2..8)));
    }
}

#[test]
fn two_mirrors_of_one_audience_in_one_state_remove_nobody_whom_the_other_has() {
    let env = TestEnv::permissive();
    for (name, members) in [("p", &["x", "y"]), ("q", &["y", "z"])] {
        mirror(&env, name, "shared.sqlite");
        source(&env, &format!("{name}.csv"), &set(members));
    }
    let first = env.host(&["sync", "p.toml"]);
    assert!(!first.ends_with(0).all().contains("same target"), "{}", first.all());
    env.host(&["sync", "q.toml"]).ends_with(0).says("`p` writes to the same target as `q`");
    source(&env, "p.csv", &set(&["w"]));
    env.host(&["sync", "p.toml", "--dry-run"]).ends_with(0).says("left to others");
    let outcome = env.host(&["sync", "p.toml", "--report", "report.json"]);
    outcome.ends_with(0).says("`q` writes to the same target as `p`");
    assert_eq!(counts(&env.report(), ["removed", "left_to_others"]), [1, 1]);
    assert_eq!(env.fake.members(42), set(&["w", "y", "z"]));
    // It is the other one's to remove now.
    source(&env, "q.csv", &set(&["z"]));
    env.host(&["sync", "q.toml"]).ends_with(0);
    assert_eq!(env.fake.members(42), set(&["w", "z"]));
}

#[test]
fn everything_is_sent_again_on_request() {
    let env = mirrored(&ids(0..5));
    // What a state can't know: another one's mirror has removed a member.
    env.write("rows.csv", "id\n0003\n");
    let remove = env.audience("remove");
    fs::write(&remove, fs::read_to_string(&remove).unwrap().replace("\"e2e\"", "\"remove\"")).unwrap();
    env.host(&["sync", "sync.toml"]).ends_with(0);
    run(&env, &[]).ends_with(0).says("nothing to do");
    assert_eq!(env.fake.members(42).len(), 4);
    run(&env, &["--resend-all"]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(0..5));
    assert_eq!(counts(&env.report(), ["delivered", "unchanged", "removed"]), [5, 0, 0]);
}

/// The first request takes effect, and nobody hears of it; its repeat is refused.
#[test]
fn a_member_whose_refusal_is_not_certain_is_not_forgotten() {
    for lost in [Fault::reset().applied(), Fault::status(503).applied(), Fault::status(504).applied()] {
        let env = mirrored(&ids(0..1));
        source(&env, "e2e.csv", &ids(0..2));
        env.fake.inject(Faults::script([lost.once(), Fault::status(400).forever()]));
        run(&env, &[]).ends_with(3);
        assert_eq!(env.fake.members(42), ids(0..2), "it took effect");
        env.fake.inject(Faults::none());
        source(&env, "e2e.csv", &ids(0..1));
        run(&env, &[]).ends_with(0);
        assert_eq!(env.fake.members(42), ids(0..1));
    }
    // Where every request was answered and refused, there is nothing to remove.
    let env = mirrored(&ids(0..1));
    source(&env, "e2e.csv", &ids(0..2));
    env.fake.inject(Faults::script([Fault::status(429).retry_after_secs(0).once(), Fault::status(400).forever()]));
    run(&env, &[]).ends_with(3);
    env.fake.inject(Faults::none());
    source(&env, "e2e.csv", &ids(0..1));
    let requests = env.fake.requests().len();
    run(&env, &[]).ends_with(0);
    assert_eq!(env.fake.requests().len(), requests);
}

#[test]
fn a_refused_removal_is_shown_as_one_and_can_be_dropped() {
    let env = mirrored(&ids(0..4));
    source(&env, "e2e.csv", &ids(0..3));
    env.fake.inject(Faults::script([Fault::status(400).forever()]));
    for _ in 0..2 {
        let outcome = run(&env, &["--report-html", "page.html"]);
        outcome.looks_like("summary_with_refused_removals");
        let report = env.report();
        assert_eq!(counts(&report, ["removed", "failed_removals", "rejected"]), [0, 1, 0]);
        assert_eq!(report["refused_removals"][0]["first_keys"], serde_json::json!(["0003"]));
        assert_eq!(report["rejections"], serde_json::json!([]));
        assert!(env.read("page.html").contains("Some removals were refused"));
    }
    env.host(&["state", "forget", "e2e.toml", "0003"]).ends_with(2).says("--yes");
    env.host(&["state", "forget", "e2e.toml", "0003", "--yes"]).ends_with(0).says("forgot 1 key");
    env.host(&["state", "forget", "e2e.toml", "0003", "--yes"]).ends_with(2).says("does not know 0003");
    run(&env, &[]).ends_with(0).says("nothing to do");
}

#[test]
fn the_same_column_written_otherwise_is_no_other_form_of_keys() {
    let env = TestEnv::permissive();
    let write = |ids: std::ops::Range<u32>| {
        let rows: String = ids.map(|id| format!("{id},{id}\n")).collect();
        env.write("rows.csv", format!("integration_id,no\n{rows}"));
    };
    let sync = |mappings: &[(&str, &str, &str)], more: &str| {
        let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
        let text = sync_file("customer_profile_audiences", settings, mappings, "csv", "rows.csv");
        env.write("sync.toml", text + more);
    };
    write(0..5);
    sync(&[], "");
    env.sync(&[]).ends_with(0);
    write(0..4);
    sync(&[("integration_id", "integration_id", "")], "");
    env.sync(&[]).ends_with(0);
    assert_eq!(counts(&env.report(), ["unchanged", "removed", "withheld_removals"]), [4, 1, 0]);
    // A column of the same name that is made otherwise is another form.
    sync(&[("integration_id", "integration_id", "")], "[source.computed]\nintegration_id = \"'a' ~ no\"\n");
    env.sync(&[]).ends_with(4).says("expression of integration_id");
    env.sync(&["--allow-removals"]).ends_with(0);
    sync(&[("integration_id", "integration_id", "")], "[source.computed]\nintegration_id = \"'b' ~ no\"\n");
    env.sync(&[]).ends_with(4).says("expression of integration_id");
}

#[test]
fn removals_over_time_are_limited_where_that_is_asked() {
    let env = mirrored(&ids(0..100));
    let sync = env
        .read("e2e.toml")
        .replace("[state]\n", "[state]\nmax_removals = { count = 10, ratio = 0.1, per = \"7d\" }\n");
    env.write("e2e.toml", &sync);
    source(&env, "e2e.csv", &ids(6..100));
    run(&env, &[]).ends_with(0);
    source(&env, "e2e.csv", &ids(12..100));
    run(&env, &[]).ends_with(4).says("6 of 100").says("6 were in the last 1 week");
    assert_eq!(env.fake.members(42), ids(6..100));
    // What a person lets through does not count against what comes after.
    run(&env, &["--allow-removals"]).ends_with(0);
    source(&env, "e2e.csv", &ids(16..100));
    run(&env, &[]).ends_with(0);
    assert_eq!(env.fake.members(42), ids(16..100));

    for per in ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "1y", "99999d"] {
        env.write("e2e.toml", sync.replace("\"7d\"", &format!("{per:?}")));
        run(&env, &[]).ends_with(2).says("state.max_removals.per").says("7d");
    }
}

#[test]
fn a_sync_that_keeps_no_state_is_told_from_one_that_was_not_run() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.profiles(&[("id", "integration_id", "")]);
    env.sync(&[]).ends_with(0);
    let shown = env.host(&["state", "show", "sync.toml"]);
    shown.ends_with(0).says("`e2e` keeps no state").says("--changed-only").says("mirror");
    assert!(!shown.all().contains("not run yet"));
    // In a state file that others have, too.
    mirror(&env, "other", STATE);
    source(&env, "other.csv", &ids(0..1));
    env.host(&["sync", "other.toml"]).ends_with(0);
    env.host(&["state", "show", "sync.toml"]).ends_with(0).says("`e2e` keeps no state");
    env.sync(&["--changed-only"]).ends_with(0);
    env.host(&["state", "show", "sync.toml"]).ends_with(0).says("delivered    1 key");

    env.audience("mirror");
    env.host(&["state", "show", "sync.toml"]).ends_with(0);
    fs::remove_file(env.path(STATE)).unwrap();
    env.host(&["state", "show", "sync.toml"]).ends_with(0).says("`e2e` was not run yet");
}

#[test]
fn a_state_that_is_no_regular_file_is_refused_by_name() {
    let env = mirrored(&ids(0..1));
    let pipe = std::process::Command::new("mkfifo").arg(env.path("pipe")).status().unwrap();
    assert!(pipe.success());
    let requests = env.fake.requests().len();
    for (state, kind) in [("pipe", "a named pipe"), ("/dev/zero", "a device"), (".", "a folder")] {
        mirror(&env, "e2e", state);
        for command in
            [&["sync", "e2e.toml"][..], &["sync", "e2e.toml", "--dry-run"], &["state", "reset", "e2e.toml", "--yes"]]
        {
            env.host(command).ends_with(2).says(state).says(kind).says("state.path");
        }
    }
    assert_eq!(env.fake.requests().len(), requests);
}
