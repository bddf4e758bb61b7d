//! What is refused before or because of the body, and how it is told.

use fake_talon_one::{Batches, ErrorDetail, Settings, path};
use reqwest::{Method, StatusCode};

use crate::client::{KEY, exchange, http, put_profiles, raw_request, send, start, told};

const PROFILE: &str = r#"{"customerProfiles":[{"integrationId":"a"}]}"#;
/// A good item, one with an undefined attribute, one with a wrong type.
const MIXED: &str = r#"{"integrationId":"good"},{"integrationId":"x","attributes":{"nope":1}},{"integrationId":"y","attributes":{"name":1}}"#;

#[tokio::test]
async fn unknown_paths_and_wrong_methods() {
    let fake = start(Settings::new(KEY));
    for target in ["/", "/v2", "/v2/customer_profiles/", "/v2/customer_profiles/a/b", "/v1/attribute"] {
        let (status, body) = told(send(&fake, Method::PUT, target, PROFILE).await).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{target}");
        assert!(
            body.contains(&format!("there is nothing at {target}\"")) && body.ends_with(r#""StatusCode":404}"#),
            "{body}"
        );
    }
    for (method, target, allowed) in [
        (Method::POST, path::PROFILES, "PUT"),
        (Method::GET, path::PROFILES, "PUT"),
        (Method::PUT, path::AUDIENCES, "POST"),
        (Method::DELETE, path::AUDIENCES, "POST"),
        (Method::POST, path::AUTHPING, "GET"),
    ] {
        let answer = send(&fake, method, target, PROFILE).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{target}");
        assert_eq!(answer.headers().get("allow").unwrap(), allowed);
    }
    assert!(fake.profiles().is_empty());
}

#[tokio::test]
async fn the_media_type_must_be_json_and_plain() {
    let fake = start(Settings::new(KEY));
    for (content_type, encoding, expected) in [
        (None, None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("text/plain"), None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/jsonx"), None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/json"), Some("gzip"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/json"), None, StatusCode::NO_CONTENT),
        (Some("Application/JSON; charset=utf-8"), None, StatusCode::NO_CONTENT),
    ] {
        let request = http().put(format!("{}{}", fake.url(), path::PROFILES)).body(PROFILE);
        let request = request.header("authorization", format!("ApiKey-v1 {KEY}"));
        let request = content_type.into_iter().fold(request, |request, value| request.header("content-type", value));
        let request = encoding.into_iter().fold(request, |request, value| request.header("content-encoding", value));
        assert_eq!(request.send().await.unwrap().status(), expected, "{content_type:?} {encoding:?}");
    }
}

#[test]
fn exactly_one_host_header_is_needed() {
    let fake = start(Settings::new(KEY));
    let good = raw_request("GET /v2/authping", "", true);
    let host = "host: localhost\r\n";
    assert!(exchange(&fake, &good).0.starts_with("HTTP/1.1 204 "));
    for bad in ["", "host: \r\n", "host: a\r\nhost: b\r\n"] {
        let (answer, _) = exchange(&fake, &good.replace(host, bad));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bad:?}: {answer}");
        assert!(answer.contains("exactly one Host header"), "{answer}");
    }
    assert_eq!(fake.requests().len(), 4);
}

#[tokio::test]
async fn query_parameters_are_checked() {
    let fake = start(Settings::new(KEY));
    for (query, told_parameter) in [
        ("?silent=maybe", "silent"),
        ("?silent=", "silent"),
        ("?silent=yes&silent=yes", "silent"),
        ("?silent", "silent"),
        ("?quiet=yes", "quiet"),
        ("?", ""),
    ] {
        let (status, body) = told(send(&fake, Method::PUT, &format!("{}{query}", path::PROFILES), PROFILE).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(body.contains(&format!(r#""source":{{"parameter":"{told_parameter}"}}"#)), "{body}");
    }
    let (status, _) = told(send(&fake, Method::POST, "/v2/customer_audiences?silent=yes", "{}").await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_over_the_limit_is_read_and_refused() {
    let fake = start(Settings::new(KEY).body_limit(PROFILE.len() as u64));
    assert_eq!(send(&fake, Method::PUT, path::PROFILES, PROFILE).await.status(), StatusCode::NO_CONTENT);
    let longer = format!("{PROFILE} ");
    assert_eq!(send(&fake, Method::PUT, path::PROFILES, &longer).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let huge = " ".repeat(5_000_000);
    let (status, body) = told(send(&fake, Method::PUT, path::PROFILES, &huge).await).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body.contains("it has 5000000"), "{body}");
    assert_eq!(fake.requests().iter().map(|request| request.body.is_some()).collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn an_atomic_batch_is_refused_as_a_whole_and_each_item_told() {
    let fake = start(Settings::new(KEY));
    let (status, body) = told(put_profiles(&fake, MIXED).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for pointer in ["/customerProfiles/1/attributes/nope", "/customerProfiles/2/attributes/name"] {
        assert!(body.contains(&format!(r#""source":{{"pointer":"{pointer}"}}"#)), "{body}");
    }
    assert!(fake.profiles().is_empty());
    assert_eq!((fake.items_sent(), fake.items_applied()), (3, 0));
}

#[tokio::test]
async fn a_batch_that_is_not_atomic_answers_400_and_applies_the_good() {
    let fake = start(Settings::new(KEY).batches(Batches::NonAtomic));
    assert_eq!(put_profiles(&fake, MIXED).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(fake.profiles().into_keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!((fake.items_sent(), fake.items_applied()), (3, 1));
}

#[tokio::test]
async fn pointers_and_entries_can_be_withheld() {
    let fake = start(Settings::new(KEY).pointers(false));
    let (_, body) = told(put_profiles(&fake, MIXED).await).await;
    assert!(!body.contains("pointer") && body.matches("\"title\"").count() == 2, "{body}");

    let fake = start(Settings::new(KEY).error_detail(ErrorDetail::WholeBatch));
    let (_, body) = told(put_profiles(&fake, MIXED).await).await;
    assert!(body.starts_with(r#"{"message":"The attribute \"nope\" is not defined"#), "{body}");
    assert!(!body.contains("pointer") && body.matches("\"title\"").count() == 1, "{body}");
}

#[tokio::test]
async fn a_body_of_the_other_call_is_refused() {
    let fake = start(Settings::demo(KEY));
    assert_eq!(send(&fake, Method::POST, path::AUDIENCES, PROFILE).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(send(&fake, Method::PUT, path::PROFILES, "").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(fake.requests().iter().map(|request| request.items).collect::<Vec<_>>(), [0, 0]);
}
