//! Delivery: whatever a server answers, each record ends in one of three lists, in bounded requests, and the key in none.
#![no_main]

mod fakes;

use std::rc::Rc;

use arbitrary::Arbitrary;
use fakes::{Time, broken, headers, strings};
use libfuzzer_sys::fuzz_target;
use talon_one_destination::bindings::exports::etl::destination::destination::{Action, Failure, MappedBatch};
use talon_one_destination::{Request, Response, Transport, TransportError, TransportErrorKind};

const KEY: &str = "0123456789abcdef";
const BULK: &str = r#"{"deployment_url":"https://yourcompany.talon.one","api_key":"0123456789abcdef",
    "object_type":"customer_profiles","retry":{"max_attempts":4,"initial_backoff_ms":1,"max_backoff_ms":2}}"#;
const ALONE: &str = r#"{"deployment_url":"https://yourcompany.talon.one","api_key":"0123456789abcdef","trigger_rules":true,
    "object_type":"customer_profiles","retry":{"max_attempts":4,"initial_backoff_ms":1,"max_backoff_ms":2}}"#;

#[derive(Debug, Arbitrary)]
struct Input {
    alone: bool,
    keys: Vec<u8>,
    answers: Vec<Answer>,
}

#[derive(Debug, Arbitrary)]
enum Answer {
    Plain { status: u16, headers: [Option<String>; 5], body: Vec<u8>, truncated: bool },
    /// As Talon.One says it.
    Refusal { message: String, pointer: u8, title: String },
    EchoKey { status: u16 },
    Broken(u8),
}

struct Server(std::vec::IntoIter<Answer>, u32);

impl Transport for Server {
    fn send(&mut self, _: &Request) -> Result<Response, TransportError> {
        self.1 += 1;
        assert!(self.1 < 20_000, "a batch does not cost that many requests");
        match self.0.next() {
            None => Ok(Response { status: 204, ..Response::default() }),
            Some(Answer::Plain { status, headers: raw, body, truncated }) => {
                let truncated = truncated.then_some(TransportErrorKind::Timeout);
                Ok(Response { status: 200 + status % 400, headers: headers(raw), body, truncated })
            }
            Some(Answer::Refusal { message, pointer, title }) => {
                let body = serde_json::json!({"message": message, "errors": [{"title": title, "details": message,
                    "source": {"pointer": format!("/customerProfiles/{pointer}/attributes/x")}}], "StatusCode": 400});
                Ok(Response { status: 400, body: body.to_string().into_bytes(), ..Response::default() })
            }
            Some(Answer::EchoKey { status }) => {
                Ok(Response { status: 400 + status % 200, body: format!("you sent {KEY}").into_bytes(), ..Response::default() })
            }
            Some(Answer::Broken(kind)) => {
                Err(TransportError { kind: broken(kind), detail: format!("with {KEY}") })
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let keys: Vec<u8> = input.keys.into_iter().take(200).collect();
    let records = keys.len() as u32;
    let batch = MappedBatch {
        rows: (0..records).collect(),
        keys: strings(keys.iter().map(|key| format!("k{key}"))),
        actions: vec![Action::Upsert; keys.len()],
        payloads: strings(keys.iter().map(|key| format!("{{\"integrationId\":\"k{key}\",\"attributes\":{{}}}}"))),
    };
    let server = |_: Rc<_>| Server(input.answers.into_iter(), 0);
    let told = |failure: &Failure| match failure {
        Failure::Transient(problem) | Failure::Permanent(problem) => problem.message.clone(),
        Failure::ExecutionFailed => panic!("the plugin never returns it"),
    };
    let config = if input.alone { ALONE } else { BULK };
    match talon_one_destination::send_batch(config, &batch, server, &mut Time(0)).map(|delivered| delivered.report) {
        Ok(report) => {
            let mut seen: Vec<u32> = report.accepted.clone();
            seen.extend(report.rejected.iter().map(|rejection| rejection.record_index));
            seen.extend(&report.undelivered);
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..records), "each record stands once: {report:?}");
            assert_eq!(report.failure.is_some(), !report.undelivered.is_empty());
            assert!(report.rejected.iter().all(|rejection| !rejection.message.contains(KEY)));
            assert!(report.failure.iter().all(|failure| !told(failure).contains(KEY)));
        }
        Err(failure) => assert!(!told(&failure).contains(KEY), "the key is told"),
    }
});
