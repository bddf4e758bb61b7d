//! Runs that Talon.One or the network stops: the message is Talon.One's own troubleshooting, the exit code is right, and
//! no row is lost from the report.

use std::net::TcpListener;

use fake_talon_one::{AttributeType, Batches, ErrorDetail, Fault, Faults, Settings, path};
use serde_json::Value;

use crate::harness::{Desk, KEY, Outcome, counts, sync_file};

const ID: (&str, &str, &str) = ("id", "integration_id", "");

/// Every row read stands in one of the report's counts.
#[track_caller]
fn adds_up(report: &Value) {
    let [read, unchanged, delivered, rejected, undelivered] =
        counts(report, ["rows_read", "unchanged", "delivered", "rejected", "undelivered"]);
    assert_eq!(read, unchanged + delivered + rejected + undelivered, "{report:#}");
}

fn thousand_rows(desk: &Desk) {
    let lines: String = (0..1000).map(|id| format!("{id:04},gold\n")).collect();
    desk.write("rows.csv", format!("id,tier\n{lines}"));
}

#[test]
fn a_wrong_key_stops_the_run_with_the_mend() {
    let desk = Desk::new(Settings::new("another key than the sync has"));
    thousand_rows(&desk);
    desk.profiles(&[ID]);
    let outcome = desk.sync(&[]);
    outcome.ends_with(1).says("Integration API key").says("Management").says("expired");
    let report = desk.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered"]), [0, 1000]);
    assert_eq!(report["failure"]["kind"], "authentication");
    assert_eq!(desk.fake.requests().len(), 1, "a refused key is not tried again");
}

#[test]
fn an_unknown_audience_stops_the_run_with_the_mend() {
    let desk = Desk::new(Settings::new(KEY));
    thousand_rows(&desk);
    desk.audience("add");
    desk.sync(&[]).ends_with(1).says("audience 42").says("ID column").says("name");
    let report = desk.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered"]), [0, 1000]);
    assert_eq!(report["failure"]["kind"], "not-found");
}

/// An attribute that is not defined fails every row: the reason is found without trying each.
#[test]
fn an_undefined_attribute_rejects_the_rows_in_few_requests() {
    for batches in [Batches::Atomic, Batches::NonAtomic] {
        for detail in [ErrorDetail::PerItem, ErrorDetail::WholeBatch] {
            let desk = Desk::new(Settings::new(KEY).batches(batches).error_detail(detail));
            thousand_rows(&desk);
            desk.profiles(&[ID, ("tier", "loyalty_tier", "")]);
            let outcome = desk.sync(&[]);
            outcome.ends_with(3).says("loyalty_tier").says("Account > Tools > Attributes");
            let report = desk.report();
            adds_up(&report);
            assert_eq!(counts(&report, ["delivered", "rejected"]), [0, 1000]);
            assert_eq!(desk.dead_letters().len(), 1000);
            let spent = desk.fake.requests().len();
            assert!(spent <= 40, "{spent} requests for one reason");
        }
    }
}

#[test]
fn a_bad_row_is_rejected_alone() {
    for batches in [Batches::Atomic, Batches::NonAtomic] {
        let settings = Settings::new(KEY).attribute("points", AttributeType::Number).batches(batches);
        let desk = Desk::new(settings);
        let lines: String = (0..1000)
            .map(|id| format!("{{\"id\":\"{id}\",\"points\":{}}}\n", if id == 617 { "\"many\"" } else { "5" }))
            .collect();
        desk.write("rows.ndjson", lines);
        let mappings = [ID, ("points", "points", "")];
        desk.write("sync.toml", sync_file("customer_profiles", "", &mappings, "ndjson", "rows.ndjson"));
        desk.sync(&[]).ends_with(3);
        adds_up(&desk.report());
        assert_eq!(desk.fake.profiles().len(), 999);
        let dead = desk.dead_letters();
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
    let desk = Desk::permissive();
    thousand_rows(&desk);
    desk.profiles(&[ID]);
    let mut command = desk.command(&["sync", "sync.toml", "--report", "report.json"]);
    let outcome = Outcome::of(command.env("TALON_ONE_URL", format!("http://127.0.0.1:{port}")));
    outcome.ends_with(1).says("https://yourcompany.talon.one");
    let report = desk.report();
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
        let desk = Desk::permissive();
        desk.write("rows.csv", "id\n1\n2\n");
        desk.profiles(&[ID]);
        desk.fake.inject(Faults::script([fault.clone()]));
        let outcome = desk.sync(&[]);
        assert_eq!(outcome.code, 0, "{fault:?}: {}", outcome.all());
        assert_eq!(desk.fake.profiles().len(), 2, "{fault:?}");
        assert_eq!(counts(&desk.report(), ["delivered", "undelivered"]), [2, 0], "{fault:?}");
    }
}

#[test]
fn a_server_that_stays_down_ends_the_run_and_the_rows_wait_for_the_next() {
    let desk = Desk::permissive();
    thousand_rows(&desk);
    desk.profiles(&[ID]);
    desk.fake.inject(Faults::script(vec![Fault::status(503); 3]));
    desk.sync(&[]).ends_with(1).says("503");
    let report = desk.report();
    adds_up(&report);
    assert_eq!(counts(&report, ["delivered", "undelivered", "requests", "retries"]), [0, 1000, 3, 2]);
    assert_eq!(desk.fake.profiles().len(), 0);

    desk.sync(&[]).ends_with(0);
    assert_eq!(desk.fake.profiles().len(), 1000);
}

#[test]
fn a_key_that_the_server_repeats_is_not_passed_on() {
    for status in [400, 401, 404, 503] {
        let desk = Desk::permissive();
        desk.write("rows.csv", "id\n1\n");
        desk.profiles(&[ID]);
        desk.fake.inject(Faults::script(vec![Fault::echo_key(status); 8]));
        // The harness looks for the key in all that is printed and written.
        let outcome = desk.sync(&[]);
        assert_ne!(outcome.code, 0, "{status}: {}", outcome.all());
        assert!(!desk.bodies(path::PROFILES).is_empty());
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let desk = Desk::permissive();
    desk.write("rows.csv", "id\n1\n");
    desk.profiles(&[ID]);
    desk.fake.inject(Faults::script([Fault::status(307)]));
    let outcome = desk.sync(&[]);
    assert_eq!(outcome.code, 1, "{}", outcome.all());
    assert_eq!(desk.fake.requests().len(), 1);
}

/// A source that breaks off is not a source that ended.
#[test]
fn a_source_with_a_fault_in_the_middle_fails_with_its_line() {
    for (rows, line) in [("id,tier\n1,gold\n2\n3,gold\n", "3"), ("id,tier\n1,gold\n2,\"go", "3")] {
        let desk = Desk::permissive();
        desk.write("rows.csv", rows);
        desk.profiles(&[ID, ("tier", "tier", "")]);
        desk.sync(&[]).ends_with(1).says("rows.csv").says(&format!("line {line}"));
    }
}
