//! Disks that are full: found before the first request where that is possible, and otherwise a clear end after which
//! nothing is lost.
//!
//! A limit on the size of files plays the full disk: the system refuses the write all the same, and no test needs a file
//! system of its own for it. `/dev/full` plays it for files that are written as a stream.

use std::process::Command;

use fake_talon_one::{Fault, Faults};

use crate::harness::{Outcome, TestEnv, counts};

/// Less than a run wants room for, in blocks of 512 bytes, and enough for the sandbox to start: its memory is a file too.
const SMALL: u32 = 120;

/// Runs the command line with files that can't grow beyond so many blocks of 512 bytes.
fn cramped(env: &TestEnv, blocks: u32, arguments: &[&str]) -> Outcome {
    let host = env.command(&[]);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")).arg(host.get_program());
    command.args(arguments).current_dir(env.path(""));
    for (name, value) in host.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Outcome::of(&mut command)
}

fn rows(env: &TestEnv, count: usize) {
    let lines: String = (0..count).map(|id| format!("{id:06}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
}

#[test]
fn a_disk_that_has_no_room_is_found_before_the_first_request() {
    for (option, name) in
        [("--report", "report.json"), ("--dead-letters", "dead.ndjson"), ("--outcomes", "outcomes.parquet")]
    {
        let env = TestEnv::permissive();
        rows(&env, 3);
        env.profiles(&[("id", "integration_id", "")]);
        let outcome = cramped(&env, SMALL, &["sync", "sync.toml", option, name]);
        outcome.ends_with(2).says(name).says("cannot be written");
        assert_eq!(env.fake.requests().len(), 0, "{option}");
    }
    // What is about to be sent is written down first, and does not fit.
    let env = TestEnv::permissive();
    let lines: String = (0..1000).map(|id| format!("{id:0900}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
    env.audience("mirror");
    let outcome = cramped(&env, SMALL, &["sync", "sync.toml"]);
    outcome.ends_with(1).says("e2e.state.sqlite").says("disk is not full");
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn a_disk_that_fills_up_under_the_state_ends_the_run_and_the_next_one_does_the_rest() {
    let env = TestEnv::permissive();
    rows(&env, 20_000);
    env.audience("mirror");
    // Room for the state of some thousands of members: its log outgrows it in the middle of the run.
    let outcome = cramped(&env, 1024, &["sync", "sync.toml", "--report", "report.json"]);
    outcome.ends_with(1).says("e2e.state.sqlite").says("disk is not full");
    let report = env.report();
    assert_eq!(report["failure"]["kind"], "state");
    let [read, delivered, undelivered] = counts(&report, ["rows_read", "delivered", "undelivered"]);
    assert_eq!(read, delivered + undelivered, "{report:#}");
    assert!(delivered > 0 && undelivered > 0, "it did not stop in the middle: {report:#}");

    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42).len(), 20_000);
    // Whatever the state did not come to write down, the audience follows the source.
    rows(&env, 10_000);
    env.sync(&["--allow-removals"]).ends_with(0);
    assert_eq!(env.fake.members(42).len(), 10_000);
}

#[test]
fn dead_letters_that_cannot_be_written_end_the_run_and_the_rows_are_rejected_again_next_time() {
    let env = TestEnv::permissive();
    let long = "x".repeat(9000);
    env.write("rows.csv", format!("id\n1\n{long}\n{long}y\n3\n"));
    env.profiles(&[("id", "integration_id", "")]);
    let outcome = env.host(&["sync", "sync.toml", "--report", "report.json", "--dead-letters", "/dev/full"]);
    outcome.ends_with(1).says("dead letters cannot be written").says("sent again by the next run");
    outcome.says("not all of them could be written down");
    assert!(!outcome.all().contains("all of them are in"), "{}", outcome.all());
    let report = env.report();
    assert_eq!(report["failure"]["kind"], "dead-letters");
    assert_eq!((&report["rejected"], &report["rejections"][0]["rows"]), (&2.into(), &2.into()), "{report:#}");

    env.sync(&[]).ends_with(3);
    assert_eq!(env.fake.profiles().len(), 2);
    assert_eq!(env.dead_letters().len(), 2);
}

/// A run that can't be noted leaves no note of an older one, which would be taken for its own.
#[test]
fn a_run_that_cannot_be_noted_is_not_told_by_the_note_of_another() {
    let env = TestEnv::permissive();
    rows(&env, 3);
    env.profiles(&[("id", "integration_id", "")]);
    env.sync(&[]).ends_with(0);
    env.host(&["sync", "sync.toml", "--failed"]).ends_with(0).says("did not fail last time");
    env.fake.inject(Faults::script([Fault::status(401).forever()]));
    cramped(&env, SMALL, &["sync", "sync.toml"]).ends_with(1).says("how this run goes is not noted");

    env.fake.inject(Faults::none());
    env.host(&["status", "sync.toml"]).ends_with(0).says("never run");
    env.host(&["sync", "sync.toml", "--failed"]).ends_with(0).says("all delivered");
}

#[test]
fn a_report_that_cannot_be_written_in_the_end_is_said_beside_the_summary() {
    let env = TestEnv::permissive();
    rows(&env, 3);
    env.profiles(&[("id", "integration_id", "")]);
    let outcome = env.host(&["sync", "sync.toml", "--report", "/dev/full"]);
    outcome.ends_with(1).says("/dev/full").says("cannot be written");
    assert!(outcome.stdout.contains("delivered"), "the summary is shown all the same: {}", outcome.stdout);
    assert_eq!(env.fake.profiles().len(), 3);
}

/// A device, a pipe or a link is written to; it is never replaced by a file.
#[test]
fn a_report_can_go_to_standard_output_and_through_a_link() {
    let env = TestEnv::permissive();
    rows(&env, 3);
    env.profiles(&[("id", "integration_id", "")]);
    let outcome = env.host(&["sync", "sync.toml", "--report", "/dev/stdout"]);
    outcome.ends_with(0);
    let json = &outcome.stdout[outcome.stdout.find('{').unwrap()..=outcome.stdout.rfind('}').unwrap()];
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(counts(&report, ["delivered"]), [3]);

    env.write("real.json", "{}");
    std::os::unix::fs::symlink("real.json", env.path("report.json")).unwrap();
    env.sync(&[]).ends_with(0);
    assert!(env.path("report.json").is_symlink());
    assert!(env.read("real.json").contains("\"delivered\": 3"));
}
