//! Runs that are told to stop, and runs that meet another one: what is in flight is finished and recorded, nothing new
//! begins, and the next run does the rest.
//!
//! The server holds an answer back until the test lets it go, so that nothing here depends on how fast the machine is.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use fake_talon_one::{Fault, Faults};

use crate::harness::{Desk, counts, sync_file};

/// How long to wait for what must come. Long, because only a broken test waits.
const PATIENCE: Duration = Duration::from_secs(120);

const ROWS: usize = 10;

/// A running sync whose third request has arrived and gets no answer yet.
struct Held {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Held {
    /// Starts the sync of ten rows, one a request, one request at a time.
    fn start(desk: &Desk, object_type: &str, settings: &str) -> Self {
        let lines: String = (0..ROWS).map(|id| format!("{id}\n")).collect();
        desk.write("rows.csv", format!("id\n{lines}"));
        let settings = format!("batch_size = 1\n{settings}");
        let sync = sync_file(object_type, &settings, &[("id", "integration_id", "")], "csv", "rows.csv");
        desk.write("sync.toml", sync + "[limits]\nconcurrency = 1\n");
        desk.fake.inject(Faults::script([Fault::pass().times(2), Fault::hold().once()]));
        let mut child = desk
            .command(&["sync", "sync.toml", "--report", "report.json"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        desk.fake.wait_for(3, PATIENCE).unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Reads what the sync says until it says this.
    fn says(&mut self, text: &str) {
        let mut said = String::new();
        while !said.contains(text) {
            assert_ne!(self.stderr.read_line(&mut said).unwrap(), 0, "{text:?} is not in:\n{said}");
        }
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

#[test]
fn a_signal_lets_what_is_in_flight_end_and_begins_nothing_new() {
    for signal in ["INT", "TERM"] {
        let desk = Desk::permissive();
        let mut held = Held::start(&desk, "customer_profiles", "");
        held.signal(signal);
        held.says(&format!("SIG{signal}: finishing what is in flight"));
        desk.fake.release();
        let (status, said) = held.end();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("stopped by SIG{signal}")) && said.contains("run the same command again"),
            "{said}"
        );
        assert_eq!(desk.fake.requests().len(), 3, "nothing new after the signal");
        let report = desk.report();
        assert_eq!(report["failure"]["kind"], "interrupted");
        assert_eq!(counts(&report, ["rows_read", "delivered", "undelivered"]), [10, 3, 7]);

        desk.sync(&[]).ends_with(0);
        assert_eq!(desk.fake.profiles().len(), ROWS);
    }
}

#[test]
fn a_mirror_that_was_stopped_goes_on_where_it_was() {
    let desk = Desk::permissive();
    let mut held = Held::start(&desk, "customer_profile_audiences", "audience_id = 42\nsync_mode = \"mirror\"\n");
    held.signal("INT");
    held.says("finishing what is in flight");
    desk.fake.release();
    assert_eq!(held.end().0.code(), Some(1));
    desk.sync(&[]).ends_with(0);
    // What was confirmed before the stop is not sent again.
    assert_eq!(counts(&desk.report(), ["unchanged", "added", "removed"]), [3, 7, 0]);
    assert_eq!(desk.fake.members(42).len(), ROWS);
}

#[test]
fn a_second_signal_ends_the_run_at_once_and_the_next_run_delivers() {
    let desk = Desk::permissive();
    let mut held = Held::start(&desk, "customer_profile_audiences", "audience_id = 42\nsync_mode = \"mirror\"\n");
    held.signal("INT");
    held.says("once more to stop at once");
    held.signal("TERM");
    // The answer is still held back: only the second signal can have ended it.
    assert_eq!(held.end().0.code(), Some(1));
    assert_eq!(desk.fake.requests().len(), 3);
    desk.sync(&[]).ends_with(0);
    // Of the third row it is not known whether it arrived: it is sent again.
    assert_eq!(counts(&desk.report(), ["unchanged", "added", "removed"]), [2, 8, 0]);
    assert_eq!(desk.fake.members(42).len(), ROWS);
}

#[test]
fn a_second_run_on_the_same_state_is_refused_and_disturbs_nothing() {
    let desk = Desk::permissive();
    let held = Held::start(&desk, "customer_profile_audiences", "audience_id = 42\nsync_mode = \"mirror\"\n");
    for command in [&["sync", "sync.toml"][..], &["sync", "sync.toml", "--dry-run"], &["state", "show", "sync.toml"]] {
        let second = desk.host(command);
        assert!(matches!(second.code, 1 | 2), "{second:?}");
        second.says("e2e.state.sqlite is in use by another process").says("wait until the other run has ended");
    }
    assert_eq!(desk.fake.requests().len(), 3);
    desk.fake.release();
    let (status, said) = held.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(desk.fake.members(42).len(), ROWS);
}
