//! What the tests of several modules share: configs, batches, and what Talon.One answers; the rest is the
//! toolkit's.

use destination_toolkit::bindings as wit;
use destination_toolkit::http::{Headers, Request, Response, TransportError};
pub(crate) use destination_toolkit::testing::{Server, TestClock, column, status, strings, texts, unpacked};
use serde_json::{Value, json};

use crate::config::Config;

/// The key of every test config. No message may hold it.
pub(crate) const KEY: &str = "5d7a0c-test-key-8e21";

/// The Management key of test configs that have one. No message may hold it either.
pub(crate) const MANAGEMENT_KEY: &str = "77b1e9-test-management-key-40cd";

/// The text of a config of profiles, with further or other keys.
pub(crate) fn profiles_text(more: &Value) -> String {
    let mut config = json!({
        "deployment_url": "https://acme.talon.one",
        "api_key": KEY,
        "object_type": "customer_profiles",
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config.to_string()
}

/// The text of a config of audience 42.
pub(crate) fn audience_text(mode: &str) -> String {
    profiles_text(&json!({"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": mode}))
}

/// A config of profiles with a Management key.
pub(crate) fn managed(more: &Value) -> Config {
    let mut more = more.clone();
    more["management_key"] = MANAGEMENT_KEY.into();
    profiles(&more)
}

/// A config of an audience with a Management key: of audience 42 unless `more` says otherwise.
pub(crate) fn managed_audience(more: &Value) -> Config {
    let mut all = json!({"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "mirror"});
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    managed(&all)
}

/// An answer of JSON.
pub(crate) fn answer(status: u16, body: &Value) -> Result<Response, TransportError> {
    answer_text(status, "application/json", &body.to_string())
}

/// An answer of any text.
pub(crate) fn answer_text(status: u16, content_type: &str, body: &str) -> Result<Response, TransportError> {
    let headers = Headers { content_type: Some(content_type.to_owned()), ..Headers::default() };
    Ok(Response { status, headers, body: body.as_bytes().to_vec(), ..Response::default() })
}

/// Every request of a server carried the key of its API, and none the other.
pub(crate) fn assert_keys<F>(server: &Server<F>) {
    for (request, headers) in server.requests.iter().zip(&server.headers) {
        let management = request.path.starts_with("/v1/") && !request.path.contains("/inventory");
        let expected =
            if management { format!("ManagementKey-v1 {MANAGEMENT_KEY}") } else { format!("ApiKey-v1 {KEY}") };
        let sent: Vec<&str> =
            headers.iter().filter(|(name, _)| *name == "authorization").map(|(_, v)| v.as_str()).collect();
        assert_eq!(sent, [expected.as_str()], "{}", request.path);
        assert!(!request.path.contains(KEY) && !request.body.contains(KEY), "{}", request.path);
    }
}

/// The HTTP status of a failure.
pub(crate) fn status_of<T>(result: &Result<T, wit::Failure>) -> Option<u16> {
    match result {
        Err(wit::Failure::Permanent(problem) | wit::Failure::Transient(problem)) => problem.status,
        _ => None,
    }
}

/// The message of a permanent failure; it holds no key.
pub(crate) fn permanent<T>(result: Result<T, wit::Failure>) -> (wit::ProblemKind, String) {
    let failure = result.err();
    let text = format!("{failure:?}");
    assert!(!text.contains(KEY) && !text.contains(MANAGEMENT_KEY), "{text}");
    match failure {
        Some(wit::Failure::Permanent(problem)) => (problem.kind, problem.message),
        other => (wit::ProblemKind::Internal, format!("not a permanent failure: {other:?}")),
    }
}

pub(crate) fn profiles(more: &Value) -> Config {
    parsed(&profiles_text(more))
}

pub(crate) fn audience(mode: &str) -> Config {
    parsed(&audience_text(mode))
}

fn parsed(text: &str) -> Config {
    Config::parse(text).map_err(|issues| format!("{issues:?}")).unwrap()
}

/// A batch of profiles under the keys `c0`, `c1`, …, each with the attributes that `attributes` gives for its number.
pub(crate) fn profile_batch(count: usize, attributes: impl Fn(usize) -> String) -> wit::MappedBatch {
    let keys: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
    let payloads: Vec<String> = (0..count)
        .map(|number| format!("{{\"integrationId\":\"c{number}\",\"attributes\":{{{}}}}}", attributes(number)))
        .collect();
    wit::MappedBatch {
        rows: (0..u32::try_from(count).unwrap()).collect(),
        keys: strings(keys.iter().map(String::as_str)),
        actions: vec![wit::Action::Upsert; count],
        payloads: strings(payloads.iter().map(String::as_str)),
    }
}

/// A refusal in Talon.One's form.
pub(crate) fn refused(status: u16, message: &str, pointers: &[String]) -> Result<Response, TransportError> {
    let errors: Vec<Value> =
        pointers.iter().map(|pointer| json!({"title": message, "source": {"pointer": pointer}})).collect();
    Ok(Response {
        status,
        body: json!({"message": message, "errors": errors, "StatusCode": status}).to_string().into_bytes(),
        ..Response::default()
    })
}

/// The items of a request's body.
pub(crate) fn items(request: &Request) -> Vec<Value> {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let items = body.get("customerProfiles").or_else(|| body.get("data")).unwrap();
    items.as_array().unwrap().clone()
}
