//! Answers that are not Talon.One's, or not to what was asked: a proxy's sign-in page, a gateway's queue, a server that never
//! comes to an end. None of them may pass for a delivery, and each is told for what it is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use fake_talon_one::{AttributeType, Fault, Faults, Settings, path};

use crate::harness::{KEY, Outcome, TestEnv, counts, sync_file};

const ID: (&str, &str, &str) = ("id", "integration_id", "");

fn two_rows() -> TestEnv {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n2\n");
    env
}

const SIGN_IN: &str = "<!doctype html><html><head><title>Sign in to Acme</title></head><body>Password</body></html>";

fn not_acknowledgements() -> [(Fault, &'static str); 8] {
    [
        (Fault::status(200).body("text/html", SIGN_IN), "a sign-in page"),
        (Fault::status(200).body("text/html; charset=utf-8", "<title>Welcome to nginx!</title>"), "Welcome to nginx!"),
        (Fault::status(200).body("application/json", r#"{"ok":true}"#), r#"application/json that begins: {"ok":true}"#),
        (Fault::status(200), "HTTP 200 without a body"),
        (Fault::status(202), "HTTP 202 without a body"),
        (Fault::status(206).body("text/plain", "part"), "HTTP 206 with text/plain that begins: part"),
        (Fault::status(207).body("application/xml", "<multistatus/>"), "HTTP 207"),
        (Fault::compressed(200), "a compressed body (gzip)"),
    ]
}

#[test]
fn what_is_no_acknowledgement_delivers_nothing_and_stops_the_run() {
    for (fault, said) in not_acknowledgements() {
        let env = two_rows();
        env.profiles(&[ID]);
        env.fake.inject(Faults::script([fault.clone().forever()]));
        let outcome = env.sync(&[]);
        outcome.ends_with(1).says("confirms nothing").says(said).says("check deployment_url");
        let report = env.report();
        assert_eq!(counts(&report, ["delivered", "rejected", "undelivered", "requests"]), [0, 0, 2, 1], "{fault:?}");
        assert_eq!(report["failure"]["kind"], "not-found", "{fault:?}");

        let check = env.host(&["check", "sync.toml"]);
        check.ends_with(1).says("confirms nothing").says(said);
        assert!(!check.all().contains("accepts the API key"), "{}", check.all());
    }
}

/// A mirror that took a page for an acknowledgement would record its members and never send them again.
#[test]
fn a_mirror_records_nothing_that_was_not_acknowledged() {
    for (fault, _) in not_acknowledgements() {
        let env = two_rows();
        env.audience("mirror");
        env.fake.inject(Faults::script([fault.clone()]));
        env.sync(&[]).ends_with(1);
        assert_eq!(env.fake.members(42).len(), 0);
        env.sync(&[]).ends_with(0);
        assert_eq!(env.fake.members(42).len(), 2, "{fault:?}");
    }
}

#[test]
fn a_page_of_a_firewall_is_not_laid_to_the_key_or_the_audience() {
    for (status, never) in [(401, "Integration API key"), (403, "Integration API key"), (404, "no audience 42")] {
        let env = two_rows();
        env.audience("add");
        let page = "<html><title>Request blocked</title></html>";
        env.fake.inject(Faults::script([Fault::status(status).body("text/html", page).forever()]));
        let outcome = env.sync(&[]);
        outcome.ends_with(1).says("a page titled \"Request blocked\"").says("check deployment_url");
        assert!(!outcome.all().contains(never), "{}", outcome.all());
        assert_eq!(env.fake.requests().len(), 1);
    }
}

#[test]
fn a_size_that_is_always_refused_is_not_laid_to_the_records() {
    let env = TestEnv::permissive();
    let rows: String = (0..1000).map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{rows}"));
    env.profiles(&[ID]);
    env.fake.inject(Faults::script([Fault::status(413).body("text/html", "<title>413</title>").forever()]));
    env.sync(&[]).ends_with(1).says("refuses even a request of").says("one small record").says("proxy");
    let report = env.report();
    assert_eq!(counts(&report, ["delivered", "rejected", "undelivered"]), [0, 0, 1000]);
    assert!(env.fake.requests().len() <= 11, "{} requests", env.fake.requests().len());
}

#[test]
fn an_error_that_is_compressed_is_said_to_be_that() {
    for status in [400, 401, 503] {
        let env = two_rows();
        env.profiles(&[ID]);
        env.fake.inject(Faults::script([Fault::compressed(status).forever()]));
        let outcome = env.sync(&[]);
        outcome.says("a compressed body (gzip)");
        let printable = |character: char| !character.is_control() || character.is_ascii_whitespace();
        assert!(outcome.all().chars().all(printable), "{}", outcome.all());
    }
}

#[test]
fn a_wait_that_is_too_long_is_told_with_the_setting_that_it_exceeds() {
    for (status, seconds, said) in [(429, 86_400, "wait 24 h or more"), (503, 301, "wait 301 s")] {
        let env = two_rows();
        env.profiles(&[ID]);
        env.fake.inject(Faults::script([Fault::status(status).retry_after_secs(seconds).forever()]));
        env.sync(&[]).ends_with(1).says(said).says("5 min of retry.max_elapsed_ms");
        assert_eq!(env.fake.requests().len(), 1);
    }
}

#[test]
fn settings_that_no_call_can_follow_are_refused_with_what_can_be() {
    for (settings, said) in [
        ("request_timeout_ms = 3600000\n", "request_timeout_ms: is 3600000: expected a whole number from 1 to 600000"),
        ("connect_timeout_ms = 0\n", "expected a whole number from 1 to 600000"),
    ] {
        let env = two_rows();
        env.write("sync.toml", sync_file("customer_profiles", settings, &[ID], "csv", "rows.csv"));
        env.host(&["validate", "sync.toml"]).ends_with(2).says(said);
    }
    let env = two_rows();
    let sync = sync_file("customer_profiles", "", &[ID], "csv", "rows.csv");
    env.write("sync.toml", sync.replace("max_attempts = 3", "max_elapsed_ms = 86400000"));
    env.host(&["validate", "sync.toml"]).ends_with(2).says("86400000").says("from 0 to 3600000");
}

#[test]
fn a_server_that_does_not_answer_is_a_time_out_and_says_which() {
    for fault in [Fault::hang(), Fault::stall(200), Fault::stall(201)] {
        let env = two_rows();
        let settings = "request_timeout_ms = 300\n";
        env.write("sync.toml", sync_file("customer_profiles", settings, &[ID], "csv", "rows.csv"));
        env.fake.inject(Faults::script([fault.clone().forever()]));
        let outcome = env.sync(&[]);
        outcome.ends_with(1).says("300 ms of request_timeout_ms").says("300ms");
        let report = env.report();
        assert_eq!(report["failure"]["kind"], "timeout", "{fault:?}: {report:#}");
        assert_eq!(counts(&report, ["delivered", "undelivered", "requests"]), [0, 2, 3], "{fault:?}");
    }
}

/// A server that reads the head of each request, answers with what it is told, and reads no further.
fn hasty(answer: &'static str) -> (String, thread::JoinHandle<Vec<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut open = Vec::new();
        // One connection a request, each left with the rest of its body unread. None is closed: that would reset it.
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            open.push(stream);
        }
        open
    });
    (url, server)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_success_before_the_request_was_read_delivers_nothing() {
    for answer in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"] {
        let env = TestEnv::permissive();
        let filling = "x".repeat(24 * 1024);
        let rows: String = (0..200).map(|id| format!("{id},{filling}\n")).collect();
        env.write("rows.csv", format!("id,note\n{rows}"));
        env.profiles(&[ID, ("note", "note", "")]);
        let (url, server) = hasty(answer);
        let mut command = env.command(&["sync", "sync.toml", "--report", "report.json"]);
        let outcome = Outcome::of(command.env("TALON_ONE_URL", url));
        outcome.ends_with(1).says("before it had read");
        assert_eq!(counts(&env.report(), ["delivered", "undelivered", "requests"]), [0, 200, 3]);
        drop(server.join().unwrap());
    }
}

#[test]
fn a_proxy_that_refuses_is_named_with_what_it_said() {
    for (answer, said) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"),
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                read_head(&mut stream);
                // The client may have heard enough.
                let _: std::io::Result<()> = stream.write_all(answer.as_bytes());
            }
        });
        let env = two_rows();
        env.profiles(&[ID]);
        for command in ["sync", "check"] {
            let mut command = env.command(&[command, "sync.toml"]);
            let proxy = format!("http://robot:Sup3rSecret@{address}");
            let outcome =
                Outcome::of(command.env("TALON_ONE_URL", "https://yourcompany.invalid").env("HTTPS_PROXY", proxy));
            outcome.ends_with(1).says(&format!("the proxy http://{address}")).says(said);
            assert!(!outcome.all().contains("Sup3rSecret"), "{}", outcome.all());
            assert!(!outcome.all().contains("refuses connections"), "{}", outcome.all());
        }
    }
}

#[test]
fn an_id_that_nobody_can_see_is_a_rejected_row() {
    let env = TestEnv::permissive();
    let ids = ["\"   \"", "\"\\u00a0\"", "\"\\u200b\"", "\"a\\u0000b\"", "\"a\\tb\"", "\" kept \"", "\"plain\""];
    let rows: String = ids.iter().map(|id| format!("{{\"id\":{id}}}\n")).collect();
    env.write("rows.ndjson", rows);
    env.write("sync.toml", sync_file("customer_profiles", "", &[ID], "ndjson", "rows.ndjson"));
    env.sync(&[]).ends_with(3);
    let letters = env.dead_letters();
    assert_eq!(letters.len(), 5, "{letters:?}");
    assert!(letters.iter().all(|letter| letter["code"] == "invalid-id"), "{letters:?}");
    assert_eq!(
        env.bodies(path::PROFILES),
        [
            r#"{"customerProfiles":[{"integrationId":" kept ","attributes":{}},{"integrationId":"plain","attributes":{}}]}"#
        ]
    );
}

#[test]
fn an_attribute_that_is_not_defined_costs_five_requests_a_batch() {
    let env = TestEnv::new(Settings::new(KEY).attribute("points", AttributeType::Number));
    let rows: String = (0..1000).map(|id| format!("{id},gold\n")).collect();
    env.write("rows.csv", format!("id,tier\n{rows}"));
    env.profiles(&[ID, ("tier", "loyalty_tier", "")]);
    env.sync(&[]).ends_with(3);
    let report = env.report();
    assert_eq!(counts(&report, ["delivered", "rejected", "requests"]), [0, 1000, 5]);
    let message = env.dead_letters()[0]["message"].as_str().unwrap().to_owned();
    assert!(!message.contains(".;") && !message.contains(".."), "{message}");
}

#[test]
fn rows_that_were_merged_into_a_rejected_one_say_so() {
    let env = TestEnv::new(Settings::new(KEY).attribute("points", AttributeType::Number));
    env.write(
        "rows.ndjson",
        "{\"id\":\"a\",\"points\":1}\n{\"id\":\"a\",\"points\":\"bad\"}\n{\"id\":\"b\",\"points\":2}\n",
    );
    let mappings = [ID, ("points", "points", "")];
    env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "ndjson", "rows.ndjson"));
    env.sync(&[]).ends_with(3);
    let letters = env.dead_letters();
    let merged: Vec<bool> = letters
        .iter()
        .map(|letter| letter["message"].as_str().unwrap().contains("the last row with this ID"))
        .collect();
    assert_eq!(merged, [true, false], "{letters:?}");
}
