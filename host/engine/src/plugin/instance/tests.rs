#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::arrow::records::Record;
use crate::bindings::Values;
use crate::http::client::{ClientSettings, HttpClient};
use crate::http::hooks::HttpContext;
use crate::http::rate_limiter::RateLimiter;
use crate::plugin::runtime::CompileCache;
use crate::plugin::session::Session;
use crate::plugin::{Plugin, misbehaving_plugin};

const MIB: usize = 1024 * 1024;
const CONFIG: &str = r#"{}"#;

async fn misbehaving_plugin() -> Plugin {
    let limits = Limits { memory: 64 * MIB, pure_call: Duration::from_secs(1), ..Limits::default() };
    let runtime = Runtime::new(limits, CompileCache::User).unwrap();
    Plugin::load(&runtime, &misbehaving_plugin::component(), "misbehaving_plugin.wasm").await.unwrap()
}

async fn rogue_session() -> Session {
    let client = HttpClient::new(&ClientSettings::default()).unwrap();
    misbehaving_plugin().await.session(CONFIG, HttpContext::new(client, RateLimiter::unlimited())).unwrap()
}

fn batch_of_one() -> MappedBatch {
    let mut batch = MappedBatch::default();
    batch.push(Record::removal(0, "key")).unwrap();
    batch
}

#[tokio::test]
async fn a_call_that_never_ends_is_ended() {
    let error = misbehaving_plugin().await.validate_config(CONFIG).await.unwrap_err();
    assert_eq!(error.to_string(), "misbehaving_plugin.wasm used up the 1s that validate-config may take");
}

#[tokio::test]
async fn a_call_that_takes_all_memory_is_ended() {
    let error = rogue_session().await.check_connection().await.answer.unwrap_err();
    assert_eq!(
        error.to_string(),
        "misbehaving_plugin.wasm used up the 64 MiB of memory that check-connection may take"
    );
}

#[tokio::test]
async fn a_crash_is_told_apart_and_costs_the_next_call_nothing() {
    let session = rogue_session().await;
    for _ in 0..2 {
        let row = Row { change: Change::Added, values: &[] };
        let error = session.map_row(&[], row).await.unwrap_err();
        assert!(matches!(error, CallError::Trap { call: Call::MapRow, .. }), "{error}");
        assert!(error.to_string().starts_with("misbehaving_plugin.wasm crashed in map-row: "), "{error}");
        assert!(error.to_string().contains("unreachable"), "{error}");
        assert!(error.to_string().contains("crash_on_purpose"), "the function is named: {error}");
    }
}

#[tokio::test]
async fn a_mapping_that_loses_a_row_is_found_out() {
    let columns = [Column { name: "a", validity: &[], values: Values::Nulls(1) }];
    let error = rogue_session().await.map_batch(&columns, &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "misbehaving_plugin.wasm gave a wrong answer to map-batch: row 0 is missing");
}

#[tokio::test]
async fn a_report_that_loses_a_record_is_found_out() {
    let error = rogue_session().await.send_batch(&batch_of_one()).await.answer.unwrap_err();
    assert_eq!(error.to_string(), "misbehaving_plugin.wasm gave a wrong answer to send-batch: record 0 is missing");
}

#[tokio::test]
async fn the_engines_own_failure_is_not_the_plugins_to_return() {
    let error = rogue_session().await.render_batch(&batch_of_one()).await.unwrap_err();
    assert!(matches!(error, CallError::BadAnswer { call: Call::RenderBatch, .. }), "{error}");
}

#[tokio::test]
async fn a_call_that_is_dropped_ends() {
    let plugin = misbehaving_plugin().await;
    let endless = plugin.validate_config(CONFIG);
    assert!(tokio::time::timeout(Duration::from_millis(20), endless).await.is_err());
    assert_eq!(plugin.descriptor().name, "");
}

/// The time of a call runs from answer to answer: a batch that is divided at a slow limit's pace is no fault of the plugin.
#[tokio::test(start_paused = true)]
async fn a_call_that_gets_answers_may_go_on_and_one_that_gets_none_ends() {
    let limit = Duration::from_secs(100);
    for (answered, ends) in [(true, true), (false, false)] {
        let log = CallLog::default();
        let call = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(60)).await;
                if answered {
                    log.ended_one();
                }
            }
        };
        assert_eq!(within(limit, &log, call).await.is_ok(), ends);
    }
}
