//! Talon.One's side of a delivery: its requests, its answers, and what one of them says about all records at once.

mod hint;
mod records;

pub(crate) use self::records::item;

use destination_toolkit::bindings::{Problem, ProblemKind};
use destination_toolkit::delivery::retry::Retry;
use destination_toolkit::delivery::{Disposition, Limits, Protocol, Refusal};
use destination_toolkit::http::error_body::with_error_body;
use destination_toolkit::http::{Request, Response, TransportError};
use destination_toolkit::problem::problem;

use crate::api::request::{Endpoint, MAX_BODY_BYTES, RequestKind};
use crate::api::{message, response};
use crate::config::Config;

impl Protocol for Config {
    fn limits(&self) -> Limits {
        Limits {
            records: self.batch_size,
            bytes: MAX_BODY_BYTES,
            envelope_bytes: Endpoint::of(self.object).envelope_bytes(),
        }
    }

    fn request(&self, items: &[&str]) -> Request {
        Endpoint::of(self.object).request(items)
    }

    fn retry(&self) -> &Retry {
        &self.retry
    }

    fn server(&self) -> String {
        self.deployment_url.to_string()
    }

    fn scrub(&self, text: &str) -> String {
        Config::scrub(self, text)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn disposition(&self, answer: Result<Response, TransportError>, now: i64) -> Disposition {
        response::disposition(answer, self, RequestKind::Records, now)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn rejection(&self, refusal: &Refusal, bytes: usize) -> (&'static str, String) {
        response::rejection(refusal, self.object, bytes)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn any_size_refused(&self, bytes: usize, refusal: &Refusal) -> Problem {
        let message = message::any_size_refused(self, bytes);
        let message = with_error_body(&message, &refusal.error_body, message::check_address());
        Problem { status: Some(refusal.status), ..problem(ProblemKind::Refused, message) }
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn common_fault(&self, refusal: &Refusal, items: &[&str]) -> bool {
        hint::undefined_attribute_of_all(&refusal.error_body, items)
    }
}

#[cfg(test)]
mod tests;
