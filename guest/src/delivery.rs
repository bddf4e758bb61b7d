//! Talon.One's side of a delivery: its requests, its answers, and what one of them says about all records at once.

mod hint;
mod records;

pub(crate) use self::records::item;

use destination_toolkit::bindings::{Problem, ProblemKind};
use destination_toolkit::delivery::retry::Retry;
use destination_toolkit::delivery::{Disposition, Limits, Protocol, Record, Refusal};
use destination_toolkit::http::error_body::with_error_body;
use destination_toolkit::http::{Request, Response, TransportError, path};
use destination_toolkit::problem::problem;

use crate::api::request::{Endpoint, MAX_BODY_BYTES, RequestKind};
use crate::api::{message, profile_update, response};
use crate::config::Config;

impl Protocol for Config {
    fn limits(&self) -> Limits {
        if self.trigger_rules {
            return Limits { records: 1, bytes: MAX_BODY_BYTES, envelope_bytes: 0 };
        }
        Limits {
            records: self.batch_size,
            bytes: MAX_BODY_BYTES,
            envelope_bytes: Endpoint::of(self.object).envelope_bytes(),
        }
    }

    fn request(&self, records: &[&Record<'_>]) -> Request {
        match records {
            [record] if self.trigger_rules => profile_update::request(record.key, &record.item),
            _ => Endpoint::of(self.object).request(records),
        }
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn unsendable(&self, record: &Record<'_>) -> Option<(&'static str, String)> {
        let names = !self.trigger_rules || path::segment(record.key).is_some();
        (!names).then(|| ("invalid-id", message::id_in_path(record.key)))
    }

    fn idempotency_header(&self) -> Option<&'static str> {
        // Safe to repeat without one are the others: to create, update, add and delete twice is as good as once. Rules that run twice are not.
        self.trigger_rules.then_some("idempotency-key")
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
