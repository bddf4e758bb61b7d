//! Runs that Talon.One or the network stops: the message is Talon.One's own troubleshooting, the exit code is right, and
//! no row is lost from the report.

use std::net::TcpListener;

use fake_talon_one::{AttributeType, Batches, ErrorDetail, Fault, Faults, Settings, path};
use serde_json::Value;

use crate::harness::{KEY, Outcome, TestEnv, counts, sync_file};

const ID: (&str, &str, &str) = ("id", "integration_id", "");

/// Every row read stands in one of the report's counts.
#[track_caller]
fn adds_up(report: &Value) {
    let [read, unchanged, delivered, rejected, undelivered] =
        counts(report, ["rows_read", "unchanged", "delivered", "rejected", "undelivered"]);
    assert_eq!(read, unchanged + delivered + rejected + undelivered, "{report:#}");
}

fn thousand_rows(env: &TestEnv) {
    let lines: String = (0..1000).map(|id| format!("{id:04},gold\n")).collect();
    env.write("rows.csv", format!("id,tier\n{lines}"));
}

#[test]
fn a_wrong_key_stops_the_run_with_the_fix() {
    let env = TestEnv::new(Settings::new("another key than the sync has"));
    thousand_rows(&env);
    env.profiles(&[ID]);
    let outcome = env.sync(&[]);
    outcome.looks_like("failure_wrong_key");
    let report = env.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered"]), [0, 1000]);
    assert_eq!(report["failure"]["kind"], "authentication");
    assert_eq!(env.fake.requests().len(), 1, "a refused key is not tried again");
}

#[test]
fn an_unknown_audience_stops_the_run_with_the_fix() {
    let env = TestEnv::new(Settings::new(KEY));
    thousand_rows(&env);
    env.audience("add");
    env.sync(&[]).looks_like("failure_unknown_audience");
    let report = env.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered"]), [0, 1000]);
    assert_eq!(report["failure"]["kind"], "not-found");
}

/// An attribute that is not defined fails every row: the reason is found without trying each.
#[test]
fn an_undefined_attribute_rejects_the_rows_in_few_requests() {
    for batches in [Batches::Atomic, Batches::NonAtomic] {
        for detail in [ErrorDetail::PerItem, ErrorDetail::WholeBatch] {
            let env = TestEnv::new(Settings::new(KEY).batches(batches).error_detail(detail));
            thousand_rows(&env);
            env.profiles(&[ID, ("tier", "loyalty_tier", "")]);
            let outcome = env.sync(&[]);
            outcome.ends_with(3).says("loyalty_tier").says("Account > Tools > Attributes");
            let report = env.report();
            adds_up(&report);
            assert_eq!(counts(&report, ["delivered", "rejected"]), [0, 1000]);
            assert_eq!(env.dead_letters().len(), 1000);
            let spent = env.fake.requests().len();
            assert!(spent <= 40, "{spent} requests for one reason");
        }
    }
}

#[test]
fn a_bad_row_is_rejected_alone() {
    for batches in [Batches::Atomic, Batches::NonAtomic] {
        let settings = Settings::new(KEY).attribute("points", AttributeType::Number).batches(batches);
        let env = TestEnv::new(settings);
        let lines: String = (0..1000)
            .map(|id| format!("{{\"id\":\"{id}\",\"points\":{}}}\n", if id == 617 { "\"many\"" } else { "5" }))
            .collect();
        env.write("rows.ndjson", lines);
        let mappings = [ID, ("points", "points", "")];
        env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "ndjson", "rows.ndjson"));
        env.sync(&[]).ends_with(3);
        adds_up(&env.report());
        assert_eq!(env.fake.profiles().len(), 999);
        let dead = env.dead_letters();
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0]["row"]["id"], "617");
        assert_eq!(dead[0]["row"]["points"], "many");
    }
}

#[test]
fn a_host_that_does_not_answer_is_named_with_the_form_of_the_url() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let env = TestEnv::permissive();
    thousand_rows(&env);
    env.profiles(&[ID]);
    let mut command = env.command(&["sync", "sync.toml", "--report", "report.json"]);
    let outcome = Outcome::of(command.env("TALON_ONE_URL", format!("http://127.0.0.1:{port}")));
    outcome.looks_like("failure_nobody_listens");
    let report = env.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered"]), [0, 1000]);
    assert_eq!(report["failure"]["kind"], "connection");
}

/// Each passing fault, one at a time: the run repeats the request and ends as if nothing had been.
#[test]
fn passing_faults_are_repeated_until_the_batch_is_there() {
    let faults = [
        Fault::status(409),
        Fault::status(429).retry_after_secs(0),
        Fault::status(429).retry_after_date(-30),
        Fault::status(423),
        Fault::status(425),
        Fault::status(430),
        Fault::status(499),
        Fault::status(520),
        Fault::compressed(503),
        Fault::status(500),
        Fault::status(502).body("text/html", "<html>bad gateway</html>"),
        Fault::status(503),
        Fault::status(504),
        Fault::reset(),
        Fault::reset().applied(),
        Fault::half_close(),
        Fault::cut_short(200).applied(),
        Fault::oversized(503, 4),
        Fault::goodbye(),
    ];
    for fault in faults {
        let env = TestEnv::permissive();
        env.write("rows.csv", "id\n1\n2\n");
        env.profiles(&[ID]);
        env.fake.inject(Faults::script([fault.clone()]));
        let outcome = env.sync(&[]);
        assert_eq!(outcome.code, 0, "{fault:?}: {}", outcome.all());
        assert_eq!(env.fake.profiles().len(), 2, "{fault:?}");
        assert_eq!(counts(&env.report(), ["delivered", "undelivered"]), [2, 0], "{fault:?}");
    }
}

#[test]
fn a_server_that_stays_down_ends_the_run_and_the_rows_wait_for_the_next() {
    let env = TestEnv::permissive();
    thousand_rows(&env);
    env.profiles(&[ID]);
    env.fake.inject(Faults::script(vec![Fault::status(503); 3]));
    env.sync(&[]).looks_like("failure_server_down");
    let report = env.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered", "requests", "retries"]), [0, 1000, 3, 2]);
    assert_eq!(env.fake.profiles().len(), 0);

    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.profiles().len(), 1000);
}

#[test]
fn a_key_that_the_server_repeats_is_not_passed_on() {
    for status in [400, 401, 404, 503] {
        let env = TestEnv::permissive();
        env.write("rows.csv", "id\n1\n");
        env.profiles(&[ID]);
        env.fake.inject(Faults::script(vec![Fault::echo_key(status); 8]));
        // The harness looks for the key in all that is printed and written.
        let outcome = env.sync(&[]);
        assert_ne!(outcome.code, 0, "{status}: {}", outcome.all());
        assert!(!env.bodies(path::PROFILES).is_empty());
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.profiles(&[ID]);
    env.fake.inject(Faults::script([Fault::status(307)]));
    let outcome = env.sync(&[]);
    assert_eq!(outcome.code, 1, "{}", outcome.all());
    assert_eq!(env.fake.requests().len(), 1);
}

/// A source that breaks off is not a source that ended.
#[test]
fn a_source_with_a_fault_in_the_middle_fails_with_its_line() {
    for (rows, line) in [("id,tier\n1,gold\n2\n3,gold\n", "3"), ("id,tier\n1,gold\n2,\"go", "3")] {
        let env = TestEnv::permissive();
        env.write("rows.csv", rows);
        env.profiles(&[ID, ("tier", "tier", "")]);
        env.sync(&[]).ends_with(1).says("rows.csv").says(&format!("line {line}"));
    }
}
