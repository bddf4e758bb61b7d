//! Runs that are told to stop, and runs that meet another one: what is in flight is finished and recorded, nothing new
//! begins, and the next run does the rest.
//!
//! The server holds an answer back until the test lets it go, so that nothing here depends on how fast the machine is.

use fake_talon_one::{Fault, Faults};

use crate::harness::{TestEnv, counts, sync_file};
use crate::running::Running;

const ROWS: usize = 10;
const SYNC: [&str; 4] = ["sync", "sync.toml", "--report", "report.json"];

/// A running sync of ten rows, one a request, one request at a time: its third request has arrived and gets no answer yet.
fn held(env: &TestEnv, object_type: &str, settings: &str) -> Running {
    let lines: String = (0..ROWS).map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
    let settings = format!("batch_size = 1\n{settings}");
    let sync = sync_file(object_type, &settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    env.write("sync.toml", sync + "[limits]\nconcurrency = 1\n");
    env.fake.inject(Faults::script([Fault::pass().times(2), Fault::hold().once()]));
    Running::until(env, &SYNC, 3)
}

/// A running sync that repeats its first request as the server asks it to, and has been answered so often.
fn repeating(env: &TestEnv, fault: Fault, times: usize) -> Running {
    env.write("rows.csv", "id\n1\n2\n3\n4\n");
    let retry = "retry = { max_attempts = 100, initial_backoff_ms = 60000, max_backoff_ms = 60000 }\n";
    let settings = format!("batch_size = 2\naudience_id = 42\nsync_mode = \"mirror\"\n{retry}");
    let sync = sync_file("customer_profile_audiences", &settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    // The harness's own retry settings stand before these.
    env.write(
        "sync.toml",
        sync.replacen("retry = { max_attempts = 3, initial_backoff_ms = 1, max_backoff_ms = 5 }\n", "", 1),
    );
    env.fake.inject(Faults::script([fault.forever()]));
    Running::until(env, &SYNC, times)
}

#[test]
fn a_signal_lets_what_is_in_flight_end_and_begins_nothing_new() {
    for signal in ["INT", "TERM"] {
        let env = TestEnv::permissive();
        let mut run = held(&env, "customer_profiles", "");
        run.signal(signal);
        run.says(&format!("SIG{signal}: finishing what is in flight"));
        env.fake.release();
        let (code, said) = run.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(&format!("stopped by SIG{signal}")) && said.contains("run the same command again"),
            "{said}"
        );
        assert_eq!(env.fake.requests().len(), 3, "nothing new after the signal");
        let report = env.report();
        assert_eq!(report["failure"]["kind"], "interrupted");
        assert_eq!(counts(&report, ["rows_read", "delivered", "undelivered"]), [10, 3, 7]);

        env.sync(&[]).ends_with(0);
        assert_eq!(env.fake.profiles().len(), ROWS);
    }
}

#[test]
fn a_mirror_that_was_stopped_goes_on_where_it_was() {
    let env = TestEnv::permissive();
    let mut run = held(&env, "customer_profile_audiences", "audience_id = 42\nsync_mode = \"mirror\"\n");
    run.signal("INT");
    run.says("finishing what is in flight");
    env.fake.release();
    assert_eq!(run.end().0, Some(1));
    env.sync(&[]).ends_with(0);
    // What was confirmed before the stop is not sent again.
    assert_eq!(counts(&env.report(), ["unchanged", "added", "removed"]), [3, 7, 0]);
    assert_eq!(env.fake.members(42).len(), ROWS);
}

#[test]
fn a_second_signal_ends_the_run_at_once_and_the_next_run_delivers() {
    let env = TestEnv::permissive();
    let mut run = held(&env, "customer_profile_audiences", "audience_id = 42\nsync_mode = \"mirror\"\n");
    run.signal("INT");
    run.says("once more to stop at once");
    run.signal("TERM");
    // The answer is still held back: only the second signal can have ended it.
    assert_eq!(run.end().0, Some(1));
    assert_eq!(env.fake.requests().len(), 3);
    env.sync(&[]).ends_with(0);
    // Of the third row it is not known whether it arrived: it is sent again.
    assert_eq!(counts(&env.report(), ["unchanged", "added", "removed"]), [2, 8, 0]);
    assert_eq!(env.fake.members(42).len(), ROWS);
}

#[test]
fn a_second_run_on_the_same_state_is_refused_and_disturbs_nothing() {
    let env = TestEnv::permissive();
    let run = held(&env, "customer_profile_audiences", "audience_id = 42\nsync_mode = \"mirror\"\n");
    for command in [&["sync", "sync.toml"][..], &["sync", "sync.toml", "--dry-run"], &["state", "show", "sync.toml"]] {
        let second = env.host(command);
        assert!(matches!(second.code, 1 | 2), "{second:?}");
        second.says("e2e.state.sqlite is in use by another process").says("wait until the other run has ended");
    }
    assert_eq!(env.fake.requests().len(), 3);
    env.fake.release();
    let (code, said) = run.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(env.fake.members(42).len(), ROWS);
}

/// A run that waits does not wait any longer: not for a `Retry-After`, not for its own backoff. Were one of the waits not
/// ended, the test would take minutes, and send more than one request.
#[test]
fn a_signal_ends_every_wait() {
    for fault in
        [Fault::status(429).retry_after_secs(250), Fault::status(503), Fault::status(503).retry_after_secs(250)]
    {
        let env = TestEnv::permissive();
        let run = repeating(&env, fault.clone(), 1);
        run.signal("TERM");
        let (code, said) = run.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("stopped by SIGTERM"), "{said}");
        assert_eq!(env.fake.requests().len(), 1, "{fault:?}: nothing new after the signal");
        assert_eq!(env.report()["failure"]["kind"], "interrupted");
        env.fake.inject(Faults::script([Fault::pass()]));
        env.sync(&[]).ends_with(0);
        assert_eq!(env.fake.members(42).len(), 4);
    }
}

/// The limiter lets one request a minute go: a signal does not wait for the next one.
#[test]
fn a_signal_ends_the_wait_for_the_limiter() {
    for limit in ["requests_per_minute = 1", "records_per_minute = 2"] {
        let env = TestEnv::permissive();
        env.write("rows.csv", "id\n1\n2\n3\n4\n");
        let sync =
            sync_file("customer_profiles", "batch_size = 2\n", &[("id", "integration_id", "")], "csv", "rows.csv");
        env.write("sync.toml", format!("{sync}[limits]\n{limit}\n"));
        let run = Running::until(&env, &SYNC, 1);
        run.signal("INT");
        let (code, said) = run.end();
        assert_eq!(code, Some(1), "{limit}: {said}");
        assert_eq!(env.fake.requests().len(), 1, "{limit}");
        assert_eq!(env.report()["failure"]["kind"], "interrupted", "{limit}");
    }
}

/// A server that never answers is waited for as long as a stopping run may last, and no longer. This test takes that long.
#[test]
fn a_request_without_an_answer_is_given_up_in_time() {
    let env = TestEnv::permissive();
    let run = repeating(&env, Fault::hold(), 1);
    run.signal("TERM");
    let (code, said) = run.end();
    assert_eq!(code, Some(1), "{said}");
    let report = env.report();
    assert_eq!(report["failure"]["kind"], "interrupted");
    assert_eq!(counts(&report, ["rows_read", "delivered", "undelivered", "requests"]), [4, 0, 4, 1]);
    env.fake.release();
    env.fake.inject(Faults::script([Fault::pass()]));
    // What was given up may have arrived: it stayed pending, and is sent again.
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42).len(), 4);
}

/// A source that waits for input is not waited for.
#[test]
fn a_signal_ends_a_run_whose_input_never_comes() {
    let env = TestEnv::permissive();
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", "")], "csv", "-");
    env.write("sync.toml", sync);
    let (mut run, mut input) = Running::with_input(&env, &["sync", "sync.toml", "--metrics", "0"]);
    std::io::Write::write_all(&mut input, b"id\n1\n").unwrap();
    run.says("metrics at");
    run.signal("TERM");
    let (code, said) = run.end();
    assert_eq!(code, Some(1), "{said}");
    drop(input);
}
