//! What the tests of several modules share: configs, columns, a clock that is moved by hand, and a server by script.

use serde_json::{Value, json};

use crate::api::request::Request;
use crate::api::transport::{Response, Transport, TransportError};
use crate::bindings::exports::etl::destination::destination as wit;
use crate::clock::Clock;
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

pub(crate) fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> wit::Strings {
    let mut strings = wit::Strings { offsets: vec![0], data: String::new() };
    for text in texts {
        strings.data.push_str(text);
        strings.offsets.push(u32::try_from(strings.data.len()).unwrap());
    }
    strings
}

/// The texts that packed strings hold.
pub(crate) fn unpacked(strings: &wit::Strings) -> Vec<&str> {
    let index = |offset: u32| usize::try_from(offset).unwrap();
    strings.offsets.windows(2).map(|ends| &strings.data[index(ends[0])..index(ends[1])]).collect()
}

pub(crate) fn column(name: &str, values: wit::Values) -> wit::Column {
    wit::Column { name: name.to_owned(), validity: Vec::new(), values }
}

/// A column of texts, `None` for null.
pub(crate) fn texts(name: &str, values: &[Option<&str>]) -> wit::Column {
    let mut validity = vec![0; values.len().div_ceil(8)];
    for (row, value) in values.iter().enumerate() {
        validity[row / 8] |= u8::from(value.is_some()) << (row % 8);
    }
    wit::Column {
        validity,
        ..column(name, wit::Values::Texts(strings(values.iter().map(|value| value.unwrap_or("")))))
    }
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

/// A clock on which waiting takes no time.
pub(crate) struct TestClock {
    pub(crate) now: u64,
    pub(crate) unix: i64,
    pub(crate) slept: Vec<u64>,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        Self { now: 1_000, unix: 784_111_777, slept: Vec::new() }
    }
}

impl Clock for TestClock {
    fn now_ms(&mut self) -> u64 {
        self.now
    }

    fn unix_seconds(&mut self) -> i64 {
        self.unix
    }

    fn sleep_ms(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.slept.push(milliseconds);
    }
}

/// A server that answers as a function says, and remembers what it was asked.
pub(crate) struct Server<F> {
    pub(crate) requests: Vec<Request>,
    answer: F,
}

impl<F: FnMut(usize, &Request) -> Result<Response, TransportError>> Server<F> {
    /// The function gets the number of the request, from 0, and the request.
    pub(crate) fn new(answer: F) -> Self {
        Self { requests: Vec::new(), answer }
    }
}

impl<F: FnMut(usize, &Request) -> Result<Response, TransportError>> Transport for Server<F> {
    fn send(&mut self, request: &Request) -> Result<Response, TransportError> {
        let number = self.requests.len();
        self.requests.push(request.clone());
        (self.answer)(number, request)
    }
}

impl<T: Transport> Transport for &mut T {
    fn send(&mut self, request: &Request) -> Result<Response, TransportError> {
        (**self).send(request)
    }
}

pub(crate) fn status(status: u16) -> Result<Response, TransportError> {
    Ok(Response { status, ..Response::default() })
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
