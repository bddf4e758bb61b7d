//! The real plugin through the whole border, against a server that answers by script.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io;

use tokio::sync::OnceCell;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::arrow::records::Record;
use crate::bindings::{Action, ProblemKind, Strings, Value, Values};
use crate::embedded;
use crate::http::client::test_server::{Answer, TestServer};
use crate::http::client::{ClientSettings, FaultKind, HttpClient};
use crate::http::hooks::{HttpContext, Traffic};
use crate::http::rate_limiter::RateLimiter;
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::plugin::answers::Failure;
use crate::plugin::runtime::CompileCache;
use crate::stop::Stop;
use crate::subprocess;

const KEY: &str = "0123456789abcdef0123456789abcdef";

struct Work {
    session: Session,
    traffic: Arc<Traffic>,
}

async fn load(limits: Limits) -> Plugin {
    let runtime = Runtime::new(limits, CompileCache::User).unwrap();
    Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await.unwrap()
}

async fn work_with(server: &TestServer) -> Work {
    // Compiled once for all tests.
    static PLUGIN: OnceCell<Plugin> = OnceCell::const_new();
    work(PLUGIN.get_or_init(|| load(Limits::default())).await, &server.url()).await
}

async fn work(plugin: &Plugin, url: &str) -> Work {
    work_until(plugin, url, Stop::default()).await
}

async fn work_until(plugin: &Plugin, url: &str, stop: Stop) -> Work {
    let config = serde_json::json!({
        "deployment_url": url,
        "api_key": KEY,
        "object_type": "customer_profiles",
        "mappings": [
            { "source": "id", "destination": "integration_id" },
            { "source": "name", "destination": "name" },
            { "source": "points", "destination": "points" },
        ],
        "retry": { "max_attempts": 2, "initial_backoff_ms": 1, "max_backoff_ms": 2 },
    });
    assert_eq!(plugin.validate_config(&config.to_string()).await.unwrap().len(), 0);
    let outgoing = HttpContext::new(HttpClient::new(&ClientSettings::default()).unwrap(), RateLimiter::unlimited());
    let outgoing = outgoing.until(stop);
    let traffic = Arc::clone(&outgoing.traffic);
    Work { session: plugin.session(&config.to_string(), outgoing).unwrap(), traffic }
}

/// Four rows; the second has no name, the third no ID.
fn columns() -> [Column<'static>; 3] {
    [
        Column {
            name: "id",
            validity: &[0b1011],
            values: Values::Texts(Strings { offsets: &[0, 2, 4, 4, 7], data: "c1c2c\u{e9}" }),
        },
        Column {
            name: "name",
            validity: &[0b1101],
            values: Values::Texts(Strings { offsets: &[0, 3, 3, 6, 9], data: "AnnBobEve" }),
        },
        Column { name: "points", validity: &[], values: Values::Integers(&[1, 9_007_199_254_740_993, 3, -4]) },
    ]
}

fn profiles(count: u32, payload_bytes: usize) -> MappedBatch {
    let mut batch = MappedBatch::default();
    for row in 0..count {
        let key = format!("c{row}");
        let payload = format!(r#"{{"integrationId":"{key}","attributes":{{"name":"{}"}}}}"#, "x".repeat(payload_bytes));
        batch.push(Record { row, key: &key, action: Action::Upsert, payload: &payload }).unwrap();
    }
    batch
}

#[tokio::test]
async fn columns_become_records_and_issues() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let mapping = work_with(&server).await.session.map_batch(&columns(), &[]).await.unwrap();
    let records: Vec<_> = mapping.batch.iter().collect();
    let record = |row, key, payload| Record { row, key, action: Action::Upsert, payload };
    assert_eq!(
        records,
        [
            record(0, "c1", r#"{"integrationId":"c1","attributes":{"name":"Ann","points":1}}"#),
            record(1, "c2", r#"{"integrationId":"c2","attributes":{"points":9007199254740993}}"#),
            record(3, "c\u{e9}", "{\"integrationId\":\"c\u{e9}\",\"attributes\":{\"name\":\"Eve\",\"points\":-4}}"),
        ]
    );
    let issues: Vec<_> = mapping.issues.iter().map(|issue| (issue.row, issue.column.as_deref())).collect();
    assert_eq!(issues, [(2, Some("id"))]);
    assert!(server.seen().is_empty(), "mapping makes no request");
}

#[tokio::test]
async fn one_row_maps_as_a_batch_of_one_does() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let session = work_with(&server).await.session;
    let values = [Value::Text("c1"), Value::Text("Ann"), Value::Integer(1)];
    let row = Row { change: Change::Added, values: &values };
    let mapped = session.map_row(&["id", "name", "points"], row).await.unwrap();
    let batch = session.map_batch(&columns(), &[]).await.unwrap().batch;
    let first = batch.get(0).unwrap();
    assert_eq!((mapped.key.as_str(), mapped.payload.as_str()), (first.key, first.payload));
}

#[tokio::test]
async fn a_column_that_is_not_there_fails_the_call() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let [id, name, _] = columns();
    let error = work_with(&server).await.session.map_batch(&[id, name], &[]).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Failed(Failure::Permanent(p)) if p.kind == ProblemKind::Configuration),
        "{error}"
    );
    assert!(error.to_string().contains("points"), "{error}");
}

#[tokio::test]
async fn what_is_rendered_is_what_is_sent() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let session = work_with(&server).await.session;
    let batch = session.map_batch(&columns(), &[]).await.unwrap().batch;
    let rendered = session.render_batch(&batch).await.unwrap();
    let report = session.send_batch(&batch).await.answer.unwrap();
    assert_eq!(report.accepted, [0, 1, 2]);
    assert!(report.undelivered.is_none() && report.rejected.is_empty());

    let [request] = rendered.as_slice() else { panic!("{rendered:?}") };
    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(seen.head.starts_with(&format!("{} {} HTTP/1.1\r\n", request.method, request.path)), "{}", seen.head);
    assert_eq!(seen.body.as_bytes(), request.body.as_bytes());
}

#[tokio::test]
async fn a_request_carries_the_headers_that_it_needs() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let work = work_with(&server).await;
    work.session.send_batch(&profiles(1, 1)).await.answer.unwrap();
    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(seen.header("host"), [format!("127.0.0.1:{}", server.port())]);
    assert_eq!(seen.header("authorization"), [format!("ApiKey-v1 {KEY}")]);
    assert_eq!(seen.header("content-type"), ["application/json"]);
    assert_eq!(seen.header("content-length"), [seen.body.len().to_string()]);
    assert_eq!(seen.header("user-agent").len(), 1, "{}", seen.head);
}

#[tokio::test]
async fn batches_in_a_row_use_one_connection() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let work = work_with(&server).await;
    for _ in 0..50 {
        work.session.send_batch(&profiles(2, 1)).await.answer.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (50, 1));
    assert_eq!(work.traffic.counts().requests, 50);
}

#[tokio::test]
async fn four_workers_use_at_most_four_connections() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let work = work_with(&server).await;
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let session = work.session.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    session.send_batch(&profiles(2, 1)).await.answer.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(server.seen().len(), 100);
    assert!(server.connections() <= 4, "{} connections", server.connections());
}

#[tokio::test]
async fn a_large_batch_crosses_whole() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let work = work_with(&server).await;
    let batch = profiles(1000, 4000);
    let report = work.session.send_batch(&batch).await.answer.unwrap();
    assert_eq!(report.accepted.len(), 1000);
    let bodies: usize = server.seen().iter().map(|seen| seen.body.len()).sum();
    assert!(bodies > batch.payload_bytes() && bodies > 4_000_000, "{bodies} bytes");
    assert_eq!(work.traffic.counts().bytes_sent, bodies as u64);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = TestServer::start(|_| Answer::no_content()).await;
    let location = format!("location: {}/v2/customer_profiles\r\n", other.url());
    let server = TestServer::start(move |_| Answer::whole("307 Temporary Redirect", &location, "")).await;
    let outcome = work_with(&server).await.session.send_batch(&profiles(1, 1)).await.answer;
    assert!(!matches!(&outcome, Ok(report) if !report.accepted.is_empty()), "{outcome:?}");
    assert!(other.seen().is_empty());
    assert!(!server.seen().is_empty());
}

#[tokio::test]
async fn a_refused_key_is_a_permanent_failure_that_does_not_show_it() {
    let echo = format!(r#"{{"message":"key {KEY} is not valid"}}"#);
    let server = TestServer::start(move |_| Answer::whole("401 Unauthorized", "", &echo)).await;
    let error = work_with(&server).await.session.send_batch(&profiles(1, 1)).await.answer.unwrap_err();
    assert!(
        matches!(&error, CallError::Failed(Failure::Permanent(p)) if p.kind == ProblemKind::Authentication),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let server = TestServer::start(|n| match n {
        0 => Answer::SendAndClose(String::new()),
        _ => Answer::no_content(),
    })
    .await;
    let work = work_with(&server).await;
    let report = work.session.send_batch(&profiles(3, 1)).await.answer.unwrap();
    assert_eq!((report.accepted.len(), report.requests, report.retries), (3, 2, 1));
    assert_eq!(server.seen().len(), 2);
    assert_eq!(work.traffic.counts().faults.get(&FaultKind::Broken), Some(&1));
}

#[tokio::test]
async fn no_connection_is_a_transient_failure_with_the_hosts_words_beside_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let work = work(&load(Limits::default()).await, &url).await;
    let outcome = work.session.send_batch(&profiles(1, 1)).await;
    let error = outcome.answer.unwrap_err();
    assert!(matches!(&error, CallError::Failed(Failure::Transient(p)) if p.kind == ProblemKind::Connection), "{error}");
    assert!(!outcome.traffic.in_doubt(), "nothing left");
    assert_eq!((outcome.traffic.requests, outcome.traffic.retries), (2, 1));
    assert!(outcome.traffic.cause.unwrap().starts_with(&format!("{url}: the connection was refused")));
    assert_eq!(work.traffic.counts().requests, 2, "one attempt and one retry, both counted");
}

#[tokio::test]
async fn a_check_makes_one_request() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let check = work_with(&server).await.session.check_connection().await.answer.unwrap();
    assert!(!check.verified.is_empty() && !check.unverified.is_empty(), "{check:?}");
    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(seen.head.starts_with("GET /v2/authping HTTP/1.1\r\n"), "{}", seen.head);
}

#[tokio::test]
async fn an_instance_is_used_again_unless_it_has_grown() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    for (kept_memory, idle) in [(usize::MAX, 1), (0, 0)] {
        let session = work(&load(Limits { kept_memory, ..Limits::default() }).await, &server.url()).await.session;
        for _ in 0..3 {
            session.map_batch(&columns(), &[]).await.unwrap();
        }
        assert_eq!(session.idle().len(), idle);
    }
}

#[tokio::test]
async fn calls_at_once_have_an_instance_each() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let session = work_with(&server).await.session;
    let columns = columns();
    let (a, b) = tokio::join!(session.map_batch(&columns, &[]), session.map_batch(&columns, &[]));
    assert_eq!(a.unwrap().batch, b.unwrap().batch);
}

#[tokio::test]
async fn a_send_that_gets_no_answer_ends_at_its_limit() {
    let server = TestServer::start(|_| Answer::SendAndStall(String::new())).await;
    let limits = Limits { network_call: std::time::Duration::from_millis(300), ..Limits::default() };
    let error =
        work(&load(limits).await, &server.url()).await.session.send_batch(&profiles(1, 1)).await.answer.unwrap_err();
    assert!(matches!(error, CallError::Limit { .. }), "{error}");
    assert!(error.to_string().ends_with("used up the 300ms that send-batch may take"), "{error}");
}

#[tokio::test]
#[ignore = "run by the test below, which reads what it logs"]
async fn fail_in_three_ways_and_log_everything() {
    let server = TestServer::start(|n| match n {
        0 => Answer::SendAndClose(String::new()),
        1 => Answer::whole("429 Too Many Requests", "retry-after: 0\r\n", ""),
        _ => Answer::whole("401 Unauthorized", "", &format!(r#"{{"message":"{KEY}"}}"#)),
    })
    .await;
    let work = work_with(&server).await;
    // Only now, because the compiler has much to say and none of it about keys.
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(io::stderr);
    log.init();
    for _ in 0..2 {
        let error = work.session.send_batch(&profiles(1, 1)).await.answer.unwrap_err();
        tracing::error!("{error} {error:?}");
    }
}

#[test]
fn no_log_shows_the_key_at_any_level() {
    let child = subprocess::test("plugin::session::tests::fail_in_three_ways_and_log_everything").output().unwrap();
    let log = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{log}");
    for expected in ["TRACE", "the connection broke", "too many requests", "Authentication"] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    let line = log.lines().find(|line| line.contains(KEY));
    assert_eq!(line, None);
}

/// A run that is to stop does not wait as long as the server asks, and lets no more requests out.
#[tokio::test]
async fn a_stop_ends_the_waits_of_a_plugin_and_its_requests() {
    let server = TestServer::start(|_| Answer::whole("429 Too Many Requests", "retry-after: 25\r\n", "{}")).await;
    let stop = Stop::default();
    let work = work_until(&load(Limits::default()).await, &server.url(), stop.clone()).await;
    let asks = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.ask("a test");
    };
    let records = profiles(2, 1);
    let (outcome, ()) = tokio::join!(work.session.send_batch(&records), asks);
    outcome.answer.unwrap_err();
    assert_eq!((server.seen().len(), outcome.traffic.requests), (1, 1));
}

fn json(body: &str) -> Answer {
    Answer::whole("200 OK", "content-type: application/json\r\n", body)
}

/// The real plugin with a Management key, at an audience.
async fn looking(server: &TestServer) -> Work {
    static PLUGIN: OnceCell<Plugin> = OnceCell::const_new();
    let plugin = PLUGIN.get_or_init(|| load(Limits::default())).await;
    let config = serde_json::json!({
        "deployment_url": server.url(), "api_key": KEY, "management_key": "77b1e9-management-40cd",
        "object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "mirror",
        "retry": { "max_attempts": 2, "initial_backoff_ms": 1, "max_backoff_ms": 2 },
    });
    assert_eq!(plugin.validate_config(&config.to_string()).await.unwrap().len(), 0);
    let outgoing = HttpContext::new(HttpClient::new(&ClientSettings::default()).unwrap(), RateLimiter::unlimited());
    let traffic = Arc::clone(&outgoing.traffic);
    Work { session: plugin.session(&config.to_string(), outgoing).unwrap(), traffic }
}

#[tokio::test]
async fn an_export_is_read_over_several_calls_of_one_instance() {
    const MEMBERS: usize = 200_000;
    let export: String = (0..MEMBERS).map(|number| format!("cust_{number}\n")).collect();
    let export =
        Answer::whole("200 OK", "content-type: application/csv\r\n", &format!("profileintegrationid\n{export}"));
    let count = json(&format!(r#"{{"hasMore":false,"data":[{{"audienceId":42,"membersCount":{MEMBERS}}}]}}"#));
    let server = TestServer::start(move |number| if number == 1 { export.clone() } else { count.clone() }).await;
    let work = looking(&server).await;
    let inspection = work.session.inspection().unwrap();
    let (mut keys, mut totals, mut cursor) = (0, Vec::new(), None);
    loop {
        let outcome = inspection.list_keys(cursor.as_deref()).await;
        let page = outcome.answer.unwrap();
        for (number, key) in (keys..).zip(page.keys.iter()) {
            assert_eq!(key, format!("cust_{number}"));
        }
        keys += page.keys.len();
        totals.push(page.total);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let all = u64::try_from(MEMBERS).ok();
    assert_eq!((keys, totals.first(), totals.last()), (MEMBERS, Some(&all), Some(&all)));
    let seen = server.seen();
    assert_eq!(seen.len(), 3, "the count, the export, the count again");
    for request in &seen {
        assert_eq!(request.header("authorization"), ["ManagementKey-v1 77b1e9-management-40cd"]);
    }
    assert_eq!(work.traffic.counts().in_flight, 0);
}

#[tokio::test]
async fn what_the_plugin_may_leave_out_is_known_when_it_is_loaded() {
    let plugin = load(Limits::default()).await;
    assert!(OptionalInterface::ALL.iter().all(|interface| plugin.has(*interface)));
    assert_eq!(plugin.route_limits().len(), 6);
    assert!(plugin.route_limits().iter().all(|limit| limit.per_second.get() == 3));
}

#[tokio::test]
async fn a_config_without_a_name_resolves_to_itself_without_a_request() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let resolved = looking(&server).await.session.provisioning().unwrap().resolve().await.answer.unwrap();
    let resolved: serde_json::Value = serde_json::from_str(&resolved).unwrap();
    assert_eq!((resolved["api_key"].as_str(), resolved["audience_id"].as_u64()), (Some(KEY), Some(42)));
    assert_eq!(resolved["management_key"], "77b1e9-management-40cd");
    assert!(server.seen().is_empty());
}
