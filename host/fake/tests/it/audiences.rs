//! What membership changes do.

use fake_talon_one::{Batches, Fake, Settings};
use reqwest::StatusCode;

use crate::client::{KEY, post_memberships, put_profiles, start, told};

fn change(action: &str, id: &str, audience: i64) -> String {
    format!(r#"{{"action":"{action}","profileIntegrationId":"{id}","audienceId":{audience}}}"#)
}

fn members(fake: &Fake) -> Vec<String> {
    fake.members(42).into_iter().collect()
}

#[tokio::test]
async fn members_come_and_go() {
    let fake = start(Settings::demo(KEY));
    let add = [change("add", "b", 42), change("add", "a", 42)].join(",");
    assert_eq!(told(post_memberships(&fake, &add).await).await, (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(members(&fake), ["a", "b"]);
    let remove = [change("delete", "a", 42), change("delete", "nobody", 42)].join(",");
    assert_eq!(post_memberships(&fake, &remove).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(members(&fake), ["b"]);
}

#[tokio::test]
async fn an_unknown_member_becomes_an_empty_profile_and_a_known_one_keeps_its_own() {
    let fake = start(Settings::demo(KEY));
    put_profiles(&fake, r#"{"integrationId":"known","attributes":{"name":"Ada"}}"#).await;
    let changes = [change("add", "known", 42), change("add", "new", 42), change("delete", "gone", 42)].join(",");
    assert_eq!(post_memberships(&fake, &changes).await.status(), StatusCode::NO_CONTENT);
    let profiles = fake.profiles();
    assert_eq!(profiles.keys().collect::<Vec<_>>(), ["known", "new"]);
    assert_eq!(profiles["known"]["name"], r#""Ada""#);
    assert!(profiles["new"].is_empty());
}

#[tokio::test]
async fn of_one_member_twice_in_a_call_the_last_wins() {
    let fake = start(Settings::demo(KEY).audience(43, "Winter sale"));
    let changes = [change("add", "a", 42), change("add", "a", 43), change("delete", "a", 42)].join(",");
    assert_eq!(post_memberships(&fake, &changes).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(members(&fake), [""; 0]);
    assert_eq!(fake.members(43).into_iter().collect::<Vec<_>>(), ["a"]);
    assert_eq!(fake.requests()[0].superseded, 1);
}

#[tokio::test]
async fn an_unknown_audience_is_a_404_and_nothing_is_applied() {
    let fake = start(Settings::demo(KEY));
    let changes = [change("add", "a", 42), change("add", "a", 7)].join(",");
    let expected = concat!(
        r#"{"message":"there is no audience with ID 7","errors":[{"title":"Not found","#,
        r#""details":"there is no audience with ID 7","source":{"pointer":"/data/1/audienceId"}}],"StatusCode":404}"#,
    );
    let answer = told(post_memberships(&fake, &changes).await).await;
    assert_eq!(answer, (StatusCode::NOT_FOUND, expected.to_owned()));
    assert_eq!(members(&fake), [""; 0]);
    assert!(fake.profiles().is_empty());

    fake.create_audience(7, "Late");
    assert_eq!(post_memberships(&fake, &changes).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_wrong_item_goes_before_an_unknown_audience() {
    let fake = start(Settings::demo(KEY));
    let changes = [change("add", "a", 7), change("remove", "a", 42)].join(",");
    assert_eq!(post_memberships(&fake, &changes).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_batch_that_is_not_atomic_applies_its_good_items() {
    let fake = start(Settings::demo(KEY).batches(Batches::NonAtomic));
    let changes = [change("add", "a", 42), change("remove", "b", 42), change("add", "c", 42)].join(",");
    assert_eq!(post_memberships(&fake, &changes).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(members(&fake), ["a", "c"]);
    let unknown = [change("add", "d", 7), change("add", "e", 42)].join(",");
    assert_eq!(post_memberships(&fake, &unknown).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(members(&fake), ["a", "c", "e"]);
    assert!(!fake.profiles().contains_key("d"));
    assert_eq!(fake.requests().iter().map(|request| request.applied).collect::<Vec<_>>(), [2, 1]);
}
