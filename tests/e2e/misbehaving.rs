//! The misbehaving plugin's expected results, which are there for other engines, hold in this one.

use std::path::Path;
use std::time::Duration;

use destination_engine::bindings::{Change, Column, MappedRow, Row, Strings, Value, Values};
use destination_engine::limits::Limits;
use destination_engine::plugin::runtime::{CompileCache, Runtime};
use destination_engine::{CallError, HttpClient, HttpContext, Plugin, RateLimiter, Session};
use serde_json::{Value as Json, json};

fn columns() -> [Column<'static>; 1] {
    let ids = Values::Texts(Strings { offsets: &[0, 1, 2], data: "ab" });
    [Column { name: "id", validity: &[], values: ids }]
}

fn session(plugin: &Plugin, more: &Json) -> Session {
    let mut config = json!({"url": "https://hooks.example.com", "key": "secret-0123456789", "pretend": true});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let client = HttpClient::new(&Default::default()).unwrap();
    plugin.session(&config.to_string(), HttpContext::new(client, RateLimiter::unlimited())).unwrap()
}

/// How a call ended, in the words of the file, and what was said.
fn ending<T>(answer: Result<T, CallError>) -> (&'static str, String) {
    match answer {
        Ok(_) => ("success", String::new()),
        Err(error) => {
            let kind = match &error {
                CallError::Trap { .. } => "crash",
                CallError::Limit { .. } => "limit",
                CallError::BadAnswer { .. } => "contradiction",
                CallError::Failed(_) => "failure",
                CallError::Start { .. } => "no start",
                _ => "something new",
            };
            (kind, error.to_string())
        }
    }
}

fn row<'a>(values: &'a [Value<'a>]) -> Row<'a> {
    Row { change: Change::Changed, values }
}

/// A plugin may leave `map-row` out: the engine maps a batch of one.
#[tokio::test]
async fn a_plugin_without_map_row_maps_a_row_all_the_same() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let bytes = std::fs::read(root.join("target/component/hostile-destination.wasm")).expect("`make test` builds it");
    let runtime = Runtime::new(Limits::default(), CompileCache::User).unwrap();
    let plugin = Plugin::load(&runtime, &bytes, "hostile-destination.wasm").await.unwrap();
    let (with, without) = (session(&plugin, &json!({})), session(&plugin, &json!({"mutant": "no-map-row"})));
    let columns = ["id", "a", "b", "c", "d", "e", "f"];
    let values = |id| {
        [
            Value::Text(id),
            Value::Integer(i64::MIN),
            Value::Decimal("1.50"),
            Value::Boolean(true),
            Value::Null,
            Value::Json("[1]"),
            Value::Float(0.5),
        ]
    };
    let mapped = |answer: Result<MappedRow, CallError>| match answer {
        Ok(mapped) => Ok((mapped.key, mapped.payload)),
        Err(error) => Err(error.to_string()),
    };
    let same = mapped(with.map_row(&columns, row(&values("é"))).await);
    assert!(same.is_ok(), "{same:?}");
    assert_eq!(mapped(without.map_row(&columns, row(&values("é"))).await), same);
    let rejected = mapped(without.map_row(&columns, row(&values(""))).await);
    assert_eq!(rejected, Err("column \"id\" is empty".to_owned()));
    assert!(mapped(without.map_row(&["id"], row(&[Value::Date("soon")])).await).unwrap_err().contains("is not a date"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misdeed_ends_as_the_file_says() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let expected = std::fs::read_to_string(root.join("tests/hostile/expected.json")).unwrap();
    let expected: Vec<Json> = serde_json::from_str(&expected).unwrap();
    let bytes = std::fs::read(root.join("target/component/hostile-destination.wasm")).expect("`make test` builds it");
    let load = async |limits| {
        let runtime = Runtime::new(limits, CompileCache::User).unwrap();
        Plugin::load(&runtime, &bytes, "hostile-destination.wasm").await.unwrap()
    };
    let plugin = load(Limits::default()).await;
    // For the calls that have no end of their own; the others may take what a busy machine takes.
    let short = Duration::from_millis(500);
    let mut hurried = Limits::default();
    (hurried.pure_call, hurried.network_call) = (short, short);
    let hurried = load(hurried).await;
    let records = session(&plugin, &json!({})).map_batch(&columns(), &[]).await.unwrap().batch;
    for line in &expected {
        let plugin = if line["config"]["misdeed"] == "spin" { &hurried } else { &plugin };
        let session = session(plugin, &line["config"]);
        let (kind, said) = match line["call"].as_str().unwrap() {
            "map-batch" => ending(session.map_batch(&columns(), &[]).await),
            "render-batch" => ending(session.render_batch(&records).await),
            "send-batch" => ending(session.send_batch(&records).await.answer),
            "check-connection" => ending(session.check_connection().await.answer),
            other => panic!("{other}"),
        };
        assert_eq!(kind, line["ends"], "{line}: {said}");
        assert!(line.get("says").is_none_or(|text| said.contains(text.as_str().unwrap())), "{line}: {said}");
        assert!(line.get("without").is_none_or(|text| !said.contains(text.as_str().unwrap())), "{line}: {said}");
    }
    assert!(expected.len() > 20);
}
