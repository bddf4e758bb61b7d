//! What is remembered of a request.

use std::time::{Duration, Instant, SystemTime};

use fake_talon_one::{Fault, Faults, Keep, Settings, path};
use reqwest::{Method, StatusCode, Version};

use crate::client::{KEY, PATIENCE, exchange, post_memberships, put_profiles, raw_request, send, start};

const ITEM: &str = r#"{"integrationId":"a"}"#;

#[test]
fn a_request_is_kept_as_it_was_sent() {
    let before = (Instant::now(), SystemTime::now());
    let fake = start(Settings::new(KEY));
    // Bytes that no parser would give back the same.
    let body = "{ \"customerProfiles\" : [ {\"integrationId\":\"\\u0061\"} ]\r\n}";
    let (_, end) = exchange(&fake, &raw_request("PUT /v2/customer_profiles?silent=yes", body, true));
    end.unwrap();
    let request = fake.requests().remove(0);
    assert_eq!(request.sequence, 0);
    assert_eq!(request.connection, 0);
    assert_eq!(request.version, Version::HTTP_11);
    assert_eq!(request.method, Method::PUT);
    assert_eq!(request.path, path::PROFILES);
    assert_eq!(request.query.as_deref(), Some("silent=yes"));
    assert_eq!(request.body.as_deref(), Some(body.as_bytes()));
    assert_eq!(request.text(), body);
    assert_eq!(request.body_bytes, body.len() as u64);
    assert_eq!(request.status, Some(StatusCode::NO_CONTENT));
    assert!(request.arrived >= before.0 && request.arrived_wall >= before.1);
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host", "authorization", "content-type", "content-length", "connection"]);
    assert_eq!(request.header("authorization"), Some(format!("ApiKey-v1 {KEY}").as_str()));
    assert_eq!(request.header("x-none"), None);
}

#[tokio::test]
async fn totals_and_requests_by_path() {
    let fake = start(Settings::demo(KEY));
    put_profiles(&fake, &[ITEM; 3].join(",")).await;
    post_memberships(&fake, r#"{"action":"add","profileIntegrationId":"a","audienceId":42}"#).await;
    send(&fake, Method::PUT, "/v2/customer_profiles?silent=no", &format!(r#"{{"customerProfiles":[{ITEM}]}}"#)).await;
    send(&fake, Method::GET, "/nowhere", "").await;
    assert_eq!(fake.requests().iter().map(|request| request.sequence).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(fake.requests_to(path::PROFILES).len(), 2);
    assert_eq!(fake.requests_to(path::AUDIENCES).len(), 1);
    assert_eq!(fake.items_sent(), 5);
    assert_eq!(fake.items_applied(), 3);
    let bytes: usize = fake.requests().iter().map(|request| request.text().len()).sum();
    assert_eq!(fake.bytes_received(), bytes as u64);
}

#[tokio::test]
async fn a_refused_request_counts_its_items_too() {
    let fake = start(Settings::new(KEY).faults(Faults::script([Fault::status(503)])));
    put_profiles(&fake, &[ITEM; 2].join(",")).await;
    put_profiles(&fake, r#"{"integrationId":"a","attributes":{"nope":1}}"#).await;
    assert_eq!((fake.items_sent(), fake.items_applied()), (3, 0));
}

#[tokio::test]
async fn as_many_bodies_as_are_asked_for() {
    let fake = start(Settings::new(KEY).keep(Keep::Bodies(2)));
    for _ in 0..3 {
        put_profiles(&fake, ITEM).await;
    }
    let requests = fake.requests();
    assert_eq!(requests.iter().map(|request| request.body.is_some()).collect::<Vec<_>>(), [true, true, false]);
    assert!(requests[2].body_bytes > 0 && requests[2].items == 1 && requests[2].header("host").is_some());
    assert_eq!(requests[2].text(), "");

    let fake = start(Settings::new(KEY).keep(Keep::Heads));
    put_profiles(&fake, ITEM).await;
    let request = fake.requests().remove(0);
    assert!(request.body.is_none() && request.header("host").is_some());
    assert_eq!(fake.profiles().into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn counting_only_takes_anything_from_who_has_the_key() {
    let fake = start(Settings::new(KEY).count_only());
    let undefined = r#"{"integrationId":"a","attributes":{"nope":1}}"#;
    assert_eq!(put_profiles(&fake, &[undefined; 1500].join(",")).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(send(&fake, Method::POST, path::PROFILES, "{}").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let (answer, _) = exchange(&fake, &raw_request("GET /v2/authping", "", true).replace(KEY, "wrong"));
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!((fake.items_sent(), fake.items_applied()), (1500, 0));
    assert!(fake.profiles().is_empty());
    let request = fake.requests().remove(0);
    assert!(request.body.is_none() && request.headers.is_empty());
    assert_eq!(request.status, Some(StatusCode::NO_CONTENT));
}

#[tokio::test]
async fn waiting_ends_with_the_request_or_says_what_was_missing() {
    let fake = start(Settings::new(KEY));
    fake.wait_for(0, Duration::ZERO).unwrap();
    let error = fake.seen(1, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.to_string(), "waited 0ns for 1 requests, saw 0");
    let (seen, answer) = tokio::join!(fake.seen(1, PATIENCE), put_profiles(&fake, ITEM));
    seen.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(fake.wait_for(2, Duration::ZERO).unwrap_err().seen, 1);
}

#[tokio::test]
async fn a_reset_forgets_all_but_the_settings() {
    let fake = start(Settings::demo(KEY).faults(Faults::script([Fault::pass()])));
    fake.create_audience(43, "Late");
    post_memberships(&fake, r#"{"action":"add","profileIntegrationId":"a","audienceId":42}"#).await;
    fake.inject(Faults::script([Fault::status(500).forever()]));
    fake.reset();
    assert!(fake.requests().is_empty() && fake.profiles().is_empty() && fake.members(42).is_empty());
    assert_eq!(fake.snapshot().audiences.into_keys().collect::<Vec<_>>(), [42]);
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(fake.requests()[0].sequence, 1);
}

#[tokio::test]
async fn a_snapshot_is_the_same_for_the_same_state() {
    let fake = start(Settings::new(KEY).audience(7, "VIP"));
    put_profiles(&fake, r#"{"integrationId":"b","attributes":{"phone":"1","email":"e"}},{"integrationId":"a"}"#).await;
    for id in ["b", "a"] {
        let item = format!(r#"{{"action":"add","profileIntegrationId":"{id}","audienceId":7}}"#);
        post_memberships(&fake, &item).await;
    }
    let expected = r#"{
  "attributes": {
    "email": "string",
    "name": "string",
    "phone": "string",
    "signup_date": "time"
  },
  "audiences": {
    "7": {
      "name": "VIP",
      "members": [
        "a",
        "b"
      ]
    }
  },
  "profiles": {
    "a": {},
    "b": {
      "email": "e",
      "phone": "1"
    }
  }
}"#;
    assert_eq!(fake.snapshot().to_string(), expected);
}
