//! Listings that go wrong: cut off, cut short, and members that change meanwhile.

use fake_talon_one::{Clock, Fake, Fault, Faults, Settings, path};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::client::{KEY, http, start};

const LINE: u64 = "member_00000000\n".len() as u64;
const HEADER: u64 = "profileintegrationid\n".len() as u64;

/// A fake whose audience has a thousand members, and whose faults strike in this order.
fn with(faults: impl IntoIterator<Item = Fault>) -> Fake {
    let settings = Settings::demo(KEY).management_key(KEY).clock(Clock::manual()).management_rate_limit(1000);
    start(settings.crowd(42, 1000).faults(Faults::script(faults)))
}

async fn look(fake: &Fake, target: &str) -> Response {
    let request =
        http().get(format!("{}{target}", fake.url())).header("authorization", format!("ManagementKey-v1 {KEY}"));
    request.send().await.unwrap()
}

async fn count(fake: &Fake) -> u64 {
    let body = look(fake, &format!("{}?audienceIds=42", path::ANALYTICS)).await.bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["data"][0]["membersCount"].as_u64().unwrap()
}

#[tokio::test]
async fn an_export_that_is_cut_off_is_a_broken_answer() {
    let fake = with([Fault::broken_off(HEADER + 100 * LINE)]);
    let answer = look(&fake, &path::export(42)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err());
    assert_eq!(look(&fake, &path::export(42)).await.text().await.unwrap().lines().count(), 1001);
    let noted: Vec<_> = fake
        .requests()
        .into_iter()
        .map(|request| (request.status.map(|status| status.as_u16()), request.fault))
        .collect();
    assert_eq!(noted, [(Some(200), Some("broken_off")), (Some(200), None)]);
}

#[tokio::test]
async fn an_export_that_is_too_short_looks_like_a_whole_one() {
    let fake =
        with([Fault::truncated(HEADER + 100 * LINE), Fault::truncated(HEADER + 100 * LINE - 5), Fault::truncated(0)]);
    let whole_lines = look(&fake, &path::export(42)).await.text().await.unwrap();
    assert_eq!((whole_lines.lines().count(), whole_lines.ends_with('\n')), (101, true));
    let cut_line = look(&fake, &path::export(42)).await.text().await.unwrap();
    assert_eq!((cut_line.lines().count(), cut_line.len()), (101, whole_lines.len() - 5));
    assert_eq!(look(&fake, &path::export(42)).await.text().await.unwrap(), "");
    assert_eq!(count(&fake).await, 1000);
}

#[tokio::test]
async fn a_page_in_the_middle_can_fail_or_break_off() {
    let fake =
        with([Fault::pass(), Fault::status(500), Fault::broken_off(100), Fault::status(429).retry_after_secs(2)]);
    let page = |skip: u32| format!("{}?pageSize=100&skip={skip}", path::memberships(42));
    assert_eq!(look(&fake, &page(0)).await.status(), StatusCode::OK);
    assert_eq!(look(&fake, &page(100)).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let broken = look(&fake, &page(100)).await;
    assert_eq!(broken.status(), StatusCode::OK);
    assert!(broken.content_length().is_some_and(|length| length > 100));
    assert!(broken.bytes().await.is_err());
    assert_eq!(look(&fake, &page(100)).await.headers().get("retry-after").unwrap(), "2");
}

#[tokio::test]
async fn an_answer_that_is_shorter_than_the_cut_breaks_off_too() {
    let fake = with([Fault::broken_off(1_000_000)]);
    assert!(look(&fake, path::AUDIENCE_LIST).await.bytes().await.is_err());
}

#[tokio::test]
async fn members_that_change_after_an_answer_are_in_the_next_one() {
    let fake = with([Fault::pass(), Fault::moved(42, &["new"], &["member_00000001", "member_00000002"])]);
    assert_eq!(count(&fake).await, 1000);
    let export = look(&fake, &path::export(42)).await.text().await.unwrap();
    assert_eq!((export.lines().count(), export.contains("new\n")), (1001, false));
    assert_eq!(count(&fake).await, 999);
    assert!(look(&fake, &path::export(42)).await.text().await.unwrap().contains("new\n"));
}

#[test]
fn the_faults_in_json() {
    let json = r#"{"script":[
        {"fault":{"truncated":{"bytes":10}},"path":"/v1/audiences/42/memberships/export"},
        {"fault":{"broken_off":{"bytes":10}}},
        {"fault":{"moved":{"audience":42,"add":["x"]}}}]}"#;
    let fake = with([]);
    fake.inject(serde_json::from_str(json).unwrap());
}
