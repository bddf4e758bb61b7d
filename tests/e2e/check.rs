//! `check`, and how commands that can't begin end.

use crate::harness::{Outcome, TestEnv};

fn env() -> TestEnv {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.audience("mirror");
    env
}

#[test]
fn a_check_says_what_it_saw_and_what_it_could_not_see() {
    let env = env();
    env.host(&["check", "sync.toml"]).looks_like("check");
    let requests = env.fake.requests();
    assert_eq!(requests.len(), 1, "a check is one request");
    assert_eq!(requests[0].path, fake_talon_one::path::AUTHPING);
}

#[test]
fn a_check_with_a_wrong_key_fails_with_the_fix() {
    let env = env();
    let outcome = Outcome::of(env.command(&["check", "sync.toml"]).env("TALON_ONE_API_KEY", "some-other-key-1"));
    outcome.looks_like("check_with_a_wrong_key");
}

#[test]
fn a_source_that_is_not_there_is_named_and_nothing_is_sent() {
    let env = env();
    std::fs::remove_file(env.path("rows.csv")).unwrap();
    env.sync(&[]).looks_like("source_that_is_not_there");
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn the_plugin_describes_itself() {
    let env = env();
    env.host(&["describe"]).looks_like("describe");
}

#[test]
fn what_runs_no_plugin_takes_none() {
    let env = env();
    for command in [&["demo"][..], &["fake"], &["state", "show", "sync.toml"], &["man"]] {
        let arguments: Vec<&str> = command.iter().chain(&["--component", "other.wasm"]).copied().collect();
        env.host(&arguments).ends_with(2).says("unexpected argument '--component'");
    }
}

/// The variables are the sync file's own.
#[test]
fn the_help_of_check_is_for_any_plugin() {
    let help = env().host(&["check", "--help"]).stdout;
    assert!(help.contains("Example:") && !help.to_uppercase().contains("TALON"), "{help}");
}

#[test]
fn another_component_can_be_taken_and_one_that_is_none_is_refused_by_name() {
    let env = env();
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/component/talon-one-destination.wasm");
    env.host(&["validate", "sync.toml", "--component", component]).ends_with(0);
    env.write("none.wasm", "not wasm");
    env.host(&["validate", "sync.toml", "--component", "none.wasm"]).looks_like("component_that_is_none");
}
