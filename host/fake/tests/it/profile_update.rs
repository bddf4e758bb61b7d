//! The update of one profile: its path, its key, its rules.

use std::time::Duration;

use fake_talon_one::{AudienceEvent, Clock, Effect, Fake, Fault, Faults, Rule, Settings, path};
use reqwest::{Method, Response, StatusCode};

use crate::client::{KEY, PATIENCE, http, post_memberships, send, start, told};

const JOIN: &str = r#"{"audiencesChanges":{"adds":[42],"deletes":[]}}"#;
const LEAVE: &str = r#"{"audiencesChanges":{"adds":[],"deletes":[42]}}"#;
const NOTHING: &str = r#"{"effects":[],"createdCoupons":[],"createdReferrals":[]}"#;

async fn put(fake: &Fake, segment: &str, key: &str, body: &str) -> Response {
    http()
        .put(format!("{}{}{segment}?runRuleEngine=true", fake.url(), path::PROFILE))
        .header("authorization", format!("ApiKey-v1 {KEY}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

fn fired(fake: &Fake) -> Vec<(String, String)> {
    fake.fired().into_iter().map(|firing| (firing.rule, firing.integration_id)).collect()
}

#[tokio::test]
async fn joining_and_leaving_fire_once_each_and_the_bulk_call_fires_nothing() {
    let fake = start(Settings::demo(KEY));
    let bulk = r#"{"action":"add","profileIntegrationId":"bulk","audienceId":42}"#;
    assert_eq!(post_memberships(&fake, bulk).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(fired(&fake), []);

    let (status, body) = told(put(&fake, "a%2Fb", "1", JOIN).await).await;
    assert_eq!(status, StatusCode::OK);
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["effects"][0]["effectType"], "triggerWebhook");
    assert_eq!(answer["effects"][0]["ruleName"], "Welcome to the summer sale");
    assert_eq!(told(put(&fake, "a%2Fb", "2", JOIN).await).await, (StatusCode::OK, NOTHING.to_owned()));
    put(&fake, "a%2Fb", "3", LEAVE).await;
    assert_eq!(
        fired(&fake),
        [
            ("Welcome to the summer sale".to_owned(), "a/b".to_owned()),
            ("The summer sale is over".to_owned(), "a/b".to_owned())
        ]
    );
    assert_eq!(fake.members(42).into_iter().collect::<Vec<_>>(), ["bulk"]);
    assert!(fake.snapshot().to_string().contains("\"integration_id\": \"a/b\""));
    let request = &fake.requests()[1];
    assert_eq!((request.items, request.applied), (1, 1));
}

#[tokio::test]
async fn a_key_is_answered_once_and_for_a_day() {
    let clock = Clock::manual();
    let fake = start(Settings::demo(KEY).clock(clock.clone()));
    let first = told(put(&fake, "a", "k", JOIN).await).await;
    assert!(first.1.contains("triggerWebhook"));
    put(&fake, "a", "l", LEAVE).await;
    assert_eq!(told(put(&fake, "a", "k", JOIN).await).await, first, "the stored answer");
    assert!(fake.members(42).is_empty(), "and nothing changes");
    assert_eq!(fake.requests()[2].applied, 0);

    for (segment, body) in [("a", LEAVE), ("b", JOIN)] {
        let (status, body) = told(put(&fake, segment, "k", body).await).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(body.contains("came with another request"), "{body}");
    }
    clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(told(put(&fake, "a", "k", JOIN).await).await, first);
    clock.advance(Duration::from_secs(1));
    put(&fake, "a", "k", JOIN).await;
    assert_eq!(fake.members(42).len(), 1, "a day later the key is new");
    assert_eq!(put(&fake, "a", &"k".repeat(256), JOIN).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(put(&fake, "a", &"k".repeat(255), JOIN).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refusal_is_stored_and_a_later_is_not() {
    let fake = start(Settings::demo(KEY));
    let unknown = r#"{"attributes":{"shoe_size":38}}"#;
    let (status, refused) = told(put(&fake, "a", "k", unknown).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    fake.define_attribute("shoe_size", fake_talon_one::AttributeType::Number);
    assert_eq!(told(put(&fake, "a", "k", unknown).await).await, (StatusCode::BAD_REQUEST, refused));
    fake.inject(Faults::script([Fault::status(429), Fault::status(503).applied()]));
    assert_eq!(put(&fake, "a", "l", JOIN).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(put(&fake, "a", "l", JOIN).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(told(put(&fake, "a", "l", JOIN).await).await.1.contains("triggerWebhook"), "what the lost answer said");
    assert_eq!(fired(&fake).len(), 1);
}

#[tokio::test]
async fn a_fourth_update_of_one_profile_at_once_is_a_409() {
    let fake = start(Settings::demo(KEY));
    fake.inject(Faults::script([Fault::hold().times(3)]));
    let (one, two, three) = (put(&fake, "a", "1", JOIN), put(&fake, "a", "2", LEAVE), put(&fake, "a", "2", LEAVE));
    let fourth = async {
        fake.seen(3, PATIENCE).await.unwrap();
        let fourth = put(&fake, "a", "3", JOIN).await.status();
        let other = put(&fake, "b", "4", JOIN).await.status();
        fake.release();
        (fourth, other)
    };
    let (_, _, _, statuses) = tokio::join!(one, two, three, fourth);
    assert_eq!(statuses, (StatusCode::CONFLICT, StatusCode::OK));
    assert_eq!(fake.most_at_once(), 3, "four requests, of which one repeats another");
    assert_eq!(put(&fake, "a", "3", JOIN).await.status(), StatusCode::OK, "a 409 is not stored");
}

#[tokio::test]
async fn a_connection_that_ends_is_an_update_that_ends() {
    let fake = start(Settings::demo(KEY));
    fake.inject(Faults::script([Fault::hang().forever()]));
    for key in ["1", "2", "3", "4"] {
        let sent = tokio::time::timeout(Duration::from_millis(50), put(&fake, "a", key, JOIN));
        assert!(sent.await.is_err(), "nobody answers");
    }
    // Each client hung up before the next one began: none is left that a fourth could be one too many beside.
    fake.inject(Faults::none());
    assert_eq!(put(&fake, "a", "5", JOIN).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn paths_that_name_no_profile_are_refused() {
    let fake = start(Settings::demo(KEY));
    for (target, status) in [
        ("/v2/customer_profiles/", StatusCode::NOT_FOUND),
        ("/v2/customer_profiles/a/b", StatusCode::NOT_FOUND),
        ("/v2/customer_profiles/a%zz", StatusCode::BAD_REQUEST),
        ("/v2/customer_profiles/%FF", StatusCode::BAD_REQUEST),
        ("/v2/customer_profiles/a?silent=yes", StatusCode::BAD_REQUEST),
        ("/v2/customer_profiles/a?dry=true", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(send(&fake, Method::PUT, target, JOIN).await.status(), status, "{target}");
    }
    let wrong = send(&fake, Method::POST, "/v2/customer_profiles/a", JOIN).await;
    assert_eq!((wrong.status(), wrong.headers()["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "PUT"));
    assert!(fake.profiles().is_empty());
}

#[tokio::test]
async fn rules_are_added_from_outside() {
    let fake = start(Settings::new(KEY).audience(7, "VIP"));
    let rule = r#"{"name":"Hello","on":"joined","audience":7,"effect":"showNotification"}"#;
    let added = http().post(format!("{}/_fake/rules", fake.url())).body(rule).send().await.unwrap();
    assert_eq!(added.status(), StatusCode::NO_CONTENT);
    fake.add_rule(Rule {
        name: "Bye".to_owned(),
        on: AudienceEvent::Left,
        audience: 7,
        effect: Effect::TriggerWebhook,
    });
    put(&fake, "a", "1", r#"{"audiencesChanges":{"adds":[7],"deletes":[]}}"#).await;
    assert_eq!(fired(&fake), [("Hello".to_owned(), "a".to_owned())]);
    let (_, state) = told(http().get(format!("{}/_fake/state", fake.url())).send().await.unwrap()).await;
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["rules"].as_array().unwrap().len(), 2);
    assert_eq!(state["fired"], serde_json::json!([{"rule": "Hello", "integration_id": "a"}]));
    fake.reset();
    assert_eq!(fired(&fake), []);
}
