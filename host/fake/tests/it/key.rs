//! Who is let in.

use fake_talon_one::{Settings, path};
use reqwest::StatusCode;

use crate::client::{KEY, http, start};

#[tokio::test]
async fn the_right_key_pings() {
    let fake = start(Settings::new(KEY));
    let ping =
        http().get(format!("{}{}", fake.url(), path::AUTHPING)).header("authorization", format!("ApiKey-v1 {KEY}"));
    let answer = ping.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn every_other_key_is_a_401_that_says_why_and_repeats_nothing() {
    let fake = start(Settings::new(KEY));
    let management = format!("ManagementKey-v1 {KEY}");
    let bearer = format!("Bearer {KEY}");
    let lower_case = format!("apikey-v1 {KEY}");
    let longer = format!("ApiKey-v1 {KEY}x");
    let spaced = format!("ApiKey-v1  {KEY}");
    let cases = [
        (None, "missing"),
        (Some(KEY), "must be"),
        (Some("ApiKey-v1"), "empty"),
        (Some(management.as_str()), "Management"),
        (Some(bearer.as_str()), "must be"),
        (Some(lower_case.as_str()), "must be"),
        (Some(longer.as_str()), "does not exist"),
        (Some(spaced.as_str()), "does not exist"),
    ];
    for target in [path::AUTHPING, path::PROFILES, path::AUDIENCES] {
        for (header, why) in cases {
            let request = match target {
                path::AUTHPING => http().get(format!("{}{target}", fake.url())),
                path::PROFILES => http().put(format!("{}{target}", fake.url())),
                _ => http().post(format!("{}{target}", fake.url())),
            };
            let request = header.into_iter().fold(request, |request, header| request.header("authorization", header));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{header:?}");
            assert_eq!(answer.headers().get("content-type").unwrap(), "application/json");
            let body = answer.text().await.unwrap();
            assert!(body.contains(why), "{header:?}: {body}");
            assert!(body.ends_with(r#","source":{}}],"StatusCode":401}"#), "{body}");
            assert!(!body.contains(KEY), "{body}");
        }
    }
}

#[tokio::test]
async fn two_keys_are_none() {
    let fake = start(Settings::new(KEY));
    let key = format!("ApiKey-v1 {KEY}");
    let ping = http().get(format!("{}{}", fake.url(), path::AUTHPING));
    let answer = ping.header("authorization", &key).header("authorization", &key).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
