//! What a profile update does.

use std::collections::BTreeMap;

use fake_talon_one::{AttributeType, Fake, Settings};
use reqwest::{Method, StatusCode};

use crate::client::{KEY, put_profiles, send, start, told};

/// One profile's attributes as (name, JSON text).
fn attributes(fake: &Fake, id: &str) -> Vec<(String, String)> {
    fake.profiles().remove(id).unwrap().into_iter().collect()
}

fn pair(name: &str, json: &str) -> (String, String) {
    (name.to_owned(), json.to_owned())
}

#[tokio::test]
async fn an_update_creates_merges_and_clears() {
    let fake = start(Settings::demo(KEY));
    let first = r#"{"integrationId":"c1","attributes":{"name":"Ada","email":"a@x.de","order_count":3}}"#;
    assert_eq!(told(put_profiles(&fake, first).await).await, (StatusCode::NO_CONTENT, String::new()));
    let second =
        r#"{"integrationId":"c1","attributes":{"email":null,"order_count":4,"phone":null}},{"integrationId":"c2"}"#;
    assert_eq!(put_profiles(&fake, second).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(attributes(&fake, "c1"), [pair("name", r#""Ada""#), pair("order_count", "4")]);
    assert_eq!(attributes(&fake, "c2"), []);
    assert_eq!(fake.items_sent(), 3);
    assert_eq!(fake.items_applied(), 3);
}

#[tokio::test]
async fn values_are_kept_to_the_last_digit_and_escape() {
    let fake = start(Settings::demo(KEY));
    let value = r#"{"integrationId":"c1","attributes":{"lifetime_value":12345678901234567890.000000001,"order_count":1E+2,"name":"A\u0064a","favourite_stores":["x", "y"]}}"#;
    assert_eq!(put_profiles(&fake, value).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        attributes(&fake, "c1"),
        [
            pair("favourite_stores", r#"["x", "y"]"#),
            pair("lifetime_value", "12345678901234567890.000000001"),
            pair("name", r#""A\u0064a""#),
            pair("order_count", "1E+2"),
        ]
    );
}

#[tokio::test]
async fn of_one_id_twice_in_a_call_the_last_wins_and_it_is_noted() {
    let fake = start(Settings::demo(KEY));
    let items = r#"{"integrationId":"a","attributes":{"name":"1","phone":"1"}},{"integrationId":"b"},{"integrationId":"a","attributes":{"name":"2"}}"#;
    assert_eq!(put_profiles(&fake, items).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(attributes(&fake, "a"), [pair("name", r#""2""#)]);
    let request = fake.requests().remove(0);
    assert_eq!((request.items, request.applied, request.superseded), (3, 2, 1));
}

#[tokio::test]
async fn attributes_must_be_defined_unless_any_is_taken() {
    let item = r#"{"integrationId":"a","attributes":{"shoe_size":[{"eu":38.5}]}}"#;
    let fake = start(Settings::new(KEY));
    let (status, body) = told(put_profiles(&fake, item).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let expected = concat!(
        r#"{"message":"The submitted data was invalid","errors":[{"title":"Unknown","#,
        r#""details":"The attribute \"shoe_size\" is not defined on CustomerProfile entities.","#,
        r#""source":{"pointer":"/customerProfiles/0/attributes/shoe_size"}}],"StatusCode":400}"#,
    );
    assert_eq!(body, expected);
    assert_eq!(fake.profiles(), BTreeMap::new());

    fake.define_attribute("shoe_size", AttributeType::Number);
    assert_eq!(put_profiles(&fake, item).await.status(), StatusCode::BAD_REQUEST);
    fake.define_attribute("shoe_size", AttributeType::Locations);
    assert_eq!(put_profiles(&fake, item).await.status(), StatusCode::NO_CONTENT);

    let fake = start(Settings::new(KEY).any_attributes());
    assert_eq!(put_profiles(&fake, item).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(attributes(&fake, "a"), [pair("shoe_size", r#"[{"eu":38.5}]"#)]);
}

#[tokio::test]
async fn silent_no_answers_with_the_profiles() {
    let fake = start(Settings::demo(KEY));
    let member = r#"{"action":"add","profileIntegrationId":"b","audienceId":42}"#;
    assert_eq!(crate::client::post_memberships(&fake, member).await.status(), StatusCode::NO_CONTENT);
    let body =
        r#"{"customerProfiles":[{"integrationId":"b","attributes":{"order_count":2.50}},{"integrationId":"a"}]}"#;
    let answer = send(&fake, Method::PUT, "/v2/customer_profiles?silent=no", body).await;
    let expected = concat!(
        r#"{"integrationStates":[{"customerProfile":{"id":1,"created":"2020-01-01T00:00:00Z","integrationId":"b","#,
        r#""attributes":{"order_count":2.50},"accountId":1,"closedSessions":0,"totalSales":0,"#,
        r#""audienceMemberships":[{"id":42,"name":"Summer sale"}],"lastActivity":"2020-01-01T00:00:00Z"}},"#,
        r#"{"customerProfile":{"id":2,"created":"2020-01-01T00:00:00Z","integrationId":"a","attributes":{},"#,
        r#""accountId":1,"closedSessions":0,"totalSales":0,"audienceMemberships":[],"#,
        r#""lastActivity":"2020-01-01T00:00:00Z"}}]}"#,
    );
    assert_eq!(told(answer).await, (StatusCode::OK, expected.to_owned()));
}

#[tokio::test]
async fn without_a_word_about_silence_there_is_no_body() {
    let fake = start(Settings::new(KEY));
    let body = r#"{"customerProfiles":[{"integrationId":"a"}]}"#;
    assert_eq!(send(&fake, Method::PUT, "/v2/customer_profiles", body).await.status(), StatusCode::NO_CONTENT);
}
