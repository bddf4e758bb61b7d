//! What the tests of several modules share: configs, batches, and what Talon.One answers; the rest is the
//! toolkit's.

use destination_toolkit::bindings as wit;
use destination_toolkit::http::{Request, Response, TransportError};
pub(crate) use destination_toolkit::testing::{Server, TestClock, column, status, strings, texts, unpacked};
use serde_json::{Value, json};

use crate::config::Config;

/// The key of every test config. No message may hold it.
pub(crate) const KEY: &str = "5d7a0c-test-key-8e21";

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
