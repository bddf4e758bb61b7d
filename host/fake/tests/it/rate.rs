//! The fake's own rate limit, over a clock that stands still.

use std::time::Duration;

use fake_talon_one::{Clock, Fault, Faults, Settings};
use reqwest::StatusCode;

use crate::client::{KEY, put_profiles, start, told};

const ITEM: &str = r#"{"integrationId":"a"}"#;

#[tokio::test]
async fn over_the_rate_is_a_429_that_says_when_to_come_back() {
    let clock = Clock::manual();
    let fake = start(Settings::new(KEY).rate_limit(2).clock(clock.clone()));
    for _ in 0..2 {
        assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    }
    let refused = put_profiles(&fake, r#"{"integrationId":"b"}"#).await;
    assert_eq!(refused.headers().get("retry-after").unwrap(), "1");
    let expected = r#"{"message":"Too many requests","errors":[{"title":"Rate limit","details":"Too many requests","source":{}}],"StatusCode":429}"#;
    assert_eq!(told(refused).await, (StatusCode::TOO_MANY_REQUESTS, expected.to_owned()));
    assert_eq!(fake.profiles().into_keys().collect::<Vec<_>>(), ["a"]);

    clock.advance(Duration::from_millis(999));
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::TOO_MANY_REQUESTS);
    clock.advance(Duration::from_millis(1));
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(fake.requests().len(), 5);
}

#[tokio::test]
async fn a_request_that_a_fault_strikes_does_not_count() {
    let settings = Settings::new(KEY).rate_limit(1).clock(Clock::manual());
    let fake = start(settings.faults(Faults::script([Fault::status(500)])));
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn the_busiest_second_is_told() {
    let clock = Clock::manual();
    let fake = start(Settings::new(KEY).clock(clock.clone()));
    for pause in [0, 400, 400, 400, 2000] {
        clock.advance(Duration::from_millis(pause));
        assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(fake.busiest_second(), 3);
}
