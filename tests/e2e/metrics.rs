//! The numbers that Prometheus reads, from a sync that is running.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use fake_talon_one::{Fault, Faults};

use crate::harness::{KEY, TestEnv, examples, sync_file};
use crate::running::{PATIENCE, Running};
use crate::snapshot;

/// An answer to a request, head and body.
fn get(address: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn value(page: &str, start: &str) -> f64 {
    let line =
        page.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start} is not in:\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// What a sync in the middle of its work shows: two requests answered, one repeated, the fourth in flight.
fn scraped() -> String {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n\"\"\n2\n3\n4\n");
    let mappings = [("id", "integration_id", "")];
    let sync = sync_file("customer_profiles", "batch_size = 1\n", &mappings, "csv", "rows.csv");
    env.write("sync.toml", sync + "[limits]\nconcurrency = 1\n");
    env.fake.inject(Faults::script([Fault::status(503), Fault::pass(), Fault::pass(), Fault::hold()]));
    let mut run = Running::start(&env, &["sync", "sync.toml", "--metrics", "0"]);
    let line = run.line();
    let address = line.trim().strip_prefix("metrics at http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    env.fake.wait_for(4, PATIENCE).unwrap();

    let page = get(&address, "GET", "/metrics");
    assert!(get(&address, "GET", "/").starts_with("HTTP/1.1 404 "));
    assert!(get(&address, "POST", "/metrics").starts_with("HTTP/1.1 405 "));
    env.fake.release();
    let (code, said) = run.end();
    assert_eq!(code, Some(3), "{said}");
    page
}

#[test]
fn a_running_sync_can_be_scraped() {
    let page = scraped();
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("application/openmetrics-text"), "{page}");
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert!(!page.contains(KEY) && !page.contains("127.0.0.1:"), "{page}");
    let (_, metrics) = page.split_once("\r\n\r\n").unwrap();
    snapshot::assert("metrics", metrics);
    assert!(value(&page, "destination_host_run_start_timestamp_seconds") > 1.7e9);
}

#[test]
fn several_syncs_stand_on_one_page() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n2\n");
    for name in ["one", "two"] {
        let sync = sync_file("customer_profiles", "", &[("id", "integration_id", "")], "csv", "rows.csv");
        env.write(&format!("{name}.toml"), sync.replace("name = \"e2e\"", &format!("name = \"{name}\"")));
    }
    env.fake.inject(Faults::script([Fault::hold(), Fault::hold()]));
    let mut run = Running::start(&env, &["sync", "one.toml", "two.toml", "--metrics", "0"]);
    let line = run.line();
    let address = line.trim().strip_prefix("metrics at http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    env.fake.wait_for(2, PATIENCE).unwrap();
    let page = get(&address, "GET", "/metrics");
    env.fake.release();
    let (code, said) = run.end();
    assert_eq!(code, Some(0), "{said}");
    for name in ["one", "two"] {
        let labels = format!("{{sync=\"{name}\",object_type=\"customer_profiles\",sync_mode=\"upsert\"}}");
        assert!(value(&page, &format!("destination_host_rows_read_total{labels}")) >= 2.0, "{page}");
    }
    // One explanation a metric, or Prometheus refuses the page.
    let explained: Vec<&str> = page.lines().filter(|line| line.starts_with("# HELP")).collect();
    assert_eq!(explained.len(), explained.iter().collect::<BTreeSet<_>>().len(), "{page}");
}

#[test]
fn an_address_that_is_taken_or_none_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.profiles(&[("id", "integration_id", "")]);
    let _kept = std::net::TcpListener::bind(&taken).unwrap();
    for (address, said) in [(taken.as_str(), taken.as_str()), ("localhost", "expected a port")] {
        env.host(&["sync", "sync.toml", "--metrics", address]).ends_with(2).says(said);
    }
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn every_metric_of_the_dashboard_is_there() {
    let dashboard = std::fs::read_to_string(examples().join("grafana/dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() >= 8, "{queries:?}");
    let used: BTreeSet<String> = queries
        .iter()
        .flat_map(|query| query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| word.starts_with("destination_host_"))
        .map(str::to_owned)
        .collect();
    let page = scraped();
    let shown: BTreeSet<&str> = page.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    for name in used {
        // These are there once something failed.
        let later = name == "destination_host_request_failures_total";
        assert!(later || shown.contains(name.as_str()), "{name} is not exported");
    }
}

/// All queries of a dashboard.
fn collect(value: &serde_json::Value, queries: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            queries.extend(members.get("expr").and_then(|expr| expr.as_str()).map(str::to_owned));
            members.values().for_each(|value| collect(value, queries));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| collect(value, queries)),
        _ => {}
    }
}
