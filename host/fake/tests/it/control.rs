//! The calls under `/_fake/`.

use fake_talon_one::{Settings, path};
use reqwest::{Method, StatusCode};

use crate::client::{KEY, http, post_memberships, put_profiles, send, start, told};

/// Calls the fake itself, without any key.
async fn control(fake: &fake_talon_one::Fake, method: Method, name: &str, body: &str) -> (StatusCode, String) {
    let request = http().request(method, format!("{}/_fake/{name}", fake.url())).body(body.to_owned());
    told(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_state_is_the_snapshot() {
    let fake = start(Settings::demo(KEY));
    put_profiles(&fake, r#"{"integrationId":"a","attributes":{"lifetime_value":0.10}}"#).await;
    let (status, body) = control(&fake, Method::GET, "state", "").await;
    assert_eq!((status, body.trim_end()), (StatusCode::OK, fake.snapshot().to_string().as_str()));
    assert!(body.contains("\"lifetime_value\": 0.10\n"), "{body}");
}

#[tokio::test]
async fn requests_are_shown_without_the_key() {
    let fake = start(Settings::new(KEY));
    put_profiles(&fake, r#"{"integrationId":"a"}"#).await;
    let (status, body) = control(&fake, Method::GET, "requests", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!body.contains(KEY), "{body}");
    let shown: serde_json::Value = serde_json::from_str(&body).unwrap();
    let request = &shown[0];
    assert_eq!(request["path"], path::PROFILES);
    assert_eq!(request["query"], "silent=yes");
    assert_eq!(request["body"], r#"{"customerProfiles":[{"integrationId":"a"}]}"#);
    assert_eq!(request["status"], 204);
    assert_eq!(request["items"], 1);
    assert_eq!(shown.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn faults_audiences_and_attributes_can_be_set() {
    let fake = start(Settings::new(KEY));
    for (name, body) in [
        ("faults", r#"{"script":[{"fault":{"answer":{"status":429,"retry_after":{"seconds":9}}}}]}"#),
        ("audiences", r#"{"id":9,"name":"New"}"#),
        ("attributes", r#"{"name":"tier","type":"(list string)"}"#),
    ] {
        let answer = control(&fake, Method::POST, name, body).await;
        assert_eq!(answer, (StatusCode::NO_CONTENT, String::new()), "{name}");
    }
    let item = r#"{"integrationId":"a","attributes":{"tier":["gold"]}}"#;
    let struck = put_profiles(&fake, item).await;
    assert_eq!(struck.headers().get("retry-after").unwrap(), "9");
    assert_eq!(put_profiles(&fake, item).await.status(), StatusCode::NO_CONTENT);
    let member = r#"{"action":"add","profileIntegrationId":"a","audienceId":9}"#;
    assert_eq!(post_memberships(&fake, member).await.status(), StatusCode::NO_CONTENT);

    assert_eq!(control(&fake, Method::POST, "reset", "").await.0, StatusCode::NO_CONTENT);
    assert!(fake.requests().is_empty() && fake.profiles().is_empty());
    assert_eq!(post_memberships(&fake, member).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_test_needs_can_be_there_before_it_over_http_and_in_process() {
    let fake = start(Settings::new(KEY));
    let closed = r#"{"name":"tier","type":"string","values":["gold","tin"]}"#;
    assert_eq!(control(&fake, Method::POST, "attributes", closed).await.0, StatusCode::NO_CONTENT);
    fake.control("profiles", r#"{"id":"a","attributes":{"tier":"old","n":1.50}}"#.to_owned()).unwrap();
    fake.control("profiles", r#"{"id":"a","attributes":{"tier":"gold"}}"#.to_owned()).unwrap();
    fake.control("profiles", r#"{"id":"b"}"#.to_owned()).unwrap();
    assert_eq!((fake.profiles()["a"]["tier"].as_str(), fake.profiles()["a"]["n"].as_str()), ("\"gold\"", "1.50"));
    assert!(fake.profiles()["b"].is_empty() && fake.requests().is_empty());
    let listed = put_profiles(&fake, r#"{"integrationId":"a","attributes":{"tier":"tin"}}"#).await;
    assert_eq!(listed.status(), StatusCode::NO_CONTENT);
    let another = put_profiles(&fake, r#"{"integrationId":"a","attributes":{"tier":"silver"}}"#).await;
    assert_eq!(another.status(), StatusCode::BAD_REQUEST);
    assert!(fake.control("profiles", "{}".to_owned()).unwrap_err().contains("id"));
    assert!(fake.control("state", String::new()).unwrap_err().contains("no POST /_fake/state"));
}

#[tokio::test]
async fn a_wrong_call_is_refused_with_the_reason_and_changes_nothing() {
    let fake = start(Settings::new(KEY));
    for (name, body, why) in [
        ("faults", r#"{"script":[{"fault":"melt"}]}"#, "melt"),
        ("faults", "", "EOF"),
        ("audiences", r#"{"id":"9","name":"New"}"#, "invalid type"),
        ("audiences", r#"{"id":9}"#, "name"),
        ("attributes", r#"{"name":"tier","type":"text"}"#, "text"),
    ] {
        let (status, message) = control(&fake, Method::POST, name, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
        assert!(message.contains(why), "{message}");
    }
    let (status, message) = control(&fake, Method::POST, "faults", &" ".repeat(1_000_001)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.contains("the body can't be read"), "{message}");
    for (method, name) in [(Method::GET, "reset"), (Method::GET, ""), (Method::DELETE, "state")] {
        let (status, message) = control(&fake, method, name, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(message.contains("known are GET /_fake/state"), "{message}");
    }
    assert_eq!(put_profiles(&fake, r#"{"integrationId":"a"}"#).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn control_calls_are_not_recorded_and_not_struck() {
    let fake = start(Settings::new(KEY).rate_limit(0));
    fake.inject(fake_talon_one::Faults::script([fake_talon_one::Fault::status(500).forever()]));
    assert_eq!(control(&fake, Method::GET, "state", "").await.0, StatusCode::OK);
    assert!(fake.requests().is_empty());
    assert_eq!(send(&fake, Method::GET, path::AUTHPING, "").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
