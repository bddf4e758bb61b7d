//! How a destination is spoken to: what a request looks like, and what an answer means. The second has a default that goes by
//! HTTP alone.

use super::Record;
use super::retry::Retry;
use crate::bindings::{Failure, Problem, ProblemKind};
use crate::http::error_body::{ErrorBody, with_error_body};
use crate::http::retry_after::retry_after_ms;
use crate::http::{Request, Response, TransportError, TransportErrorKind};
use crate::problem::{joined, problem};

/// What a delivery asks of a plugin. A config is a good place to implement it for.
pub trait Protocol {
    /// What one request bears.
    fn limits(&self) -> Limits;

    /// The request that delivers some records. Pure. Each further record adds the bytes of its item to the body and one more: a
    /// comma, a line break.
    fn request(&self, records: &[&Record<'_>]) -> Request;

    /// Why no request can deliver a record, if none can: a stable code, and a message. Asked of a record that goes alone.
    fn unsendable(&self, record: &Record<'_>) -> Option<(&'static str, String)> {
        let _ = record;
        None
    }

    /// The header by which the server knows a request that is sent again, if it does: `idempotency-key`. Its value is new
    /// for each request, and kept through its repetitions.
    fn idempotency_header(&self) -> Option<&'static str> {
        None
    }

    /// How often and how long a transient failure is retried.
    fn retry(&self) -> &Retry;

    /// Who answers, for messages: `https://hooks.example.com`.
    fn server(&self) -> String;

    /// A text without the plugin's secrets: for everything that a server or an engine says.
    fn scrub(&self, text: &str) -> String;

    /// What an answer means, or the lack of one; `now` is in seconds since 1970.
    fn disposition(&self, answer: Result<Response, TransportError>, now: i64) -> Disposition {
        disposition(self, answer, now)
    }

    /// Why one record was refused: a stable code, and a message. A request with it alone took `bytes` for it.
    fn rejection(&self, refusal: &Refusal, bytes: usize) -> (&'static str, String) {
        let (code, message) = match refusal.for_size() {
            true => {
                ("too-large", format!("the record takes {bytes} bytes, and {} refuses it for its size", self.server()))
            }
            false => ("refused", format!("{} refused the record", self.server())),
        };
        (code, with_error_body(&format!("{message} (HTTP {})", refusal.status), &refusal.error_body, ""))
    }

    /// The problem where even a small request is refused for its size: no record is at fault.
    fn any_size_refused(&self, bytes: usize, refusal: &Refusal) -> Problem {
        let message = format!("{} refuses even a request of {bytes} bytes for its size (HTTP 413)", self.server());
        let message = with_error_body(&message, &refusal.error_body, "");
        Problem { status: Some(refusal.status), ..problem(ProblemKind::Refused, message) }
    }

    /// Whether a refusal names a fault that each of these records has for certain, such as a field that does not exist. A few of
    /// them are then sent alone, and if each is refused in the same words, all are rejected.
    fn common_fault(&self, refusal: &Refusal, items: &[&str]) -> bool {
        let _ = (refusal, items);
        false
    }
}

/// What one request bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records, at least 1.
    pub records: usize,
    /// Bytes of the body.
    pub bytes: usize,
    /// Bytes of a body with one record that are not the record's own.
    pub envelope_bytes: usize,
}

/// What an answer means for what to do next.
#[derive(Debug)]
pub enum Disposition {
    /// All records are accepted. With them the server did these things of its own accord, each by its kind, one entry
    /// each time: `["addLoyaltyPoints", "addLoyaltyPoints"]`.
    Accepted(Vec<String>),
    /// At least one of the records is at fault.
    Refused(Refusal),
    /// The same request may succeed later.
    Transient(Problem),
    /// No request of this sync can succeed.
    Permanent(Problem),
}

impl Disposition {
    /// For a request that delivers no records, such as a check.
    ///
    /// # Errors
    /// It was not accepted.
    pub fn confirmed(self) -> Result<(), Failure> {
        match self {
            Self::Accepted(_) => Ok(()),
            Self::Transient(problem) => Err(Failure::Transient(problem)),
            Self::Permanent(problem) => Err(Failure::Permanent(problem)),
            Self::Refused(Refusal { status, error_body }) => {
                let message =
                    with_error_body(&format!("the server refused the request (HTTP {status})"), &error_body, "");
                Err(Failure::Permanent(Problem { status: Some(status), ..problem(ProblemKind::Refused, message) }))
            }
        }
    }
}

/// A refusal of some record among those sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What the server said.
    pub error_body: ErrorBody,
}

impl Refusal {
    /// The request was too large; the records may all be valid.
    #[must_use]
    pub fn for_size(&self) -> bool {
        self.status == 413
    }
}

/// What an answer means by HTTP alone: 2xx accepts; 400, 413 and 422 refuse some record; 401, 403, 404 and whatever else does not
/// change by waiting stops; 408, 409, 425, 429, 5xx and no answer at all are worth a repetition.
pub fn disposition<P: Protocol + ?Sized>(
    protocol: &P,
    answer: Result<Response, TransportError>,
    now: i64,
) -> Disposition {
    let server = protocol.server();
    let answer = match answer {
        Ok(Response { status: 200..300, truncated: Some(kind), .. }) => {
            return no_answer(protocol, &TransportError { kind, detail: "truncated response".to_owned() });
        }
        Ok(answer) => answer,
        Err(error) => return no_answer(protocol, &error),
    };
    let status = answer.status;
    let error_body = ErrorBody::read(&answer, &|text| protocol.scrub(text), ErrorBody::plain);
    let (kind, permanent, what) = match status {
        200..300 => return Disposition::Accepted(Vec::new()),
        400 | 413 | 422 => return Disposition::Refused(Refusal { status, error_body }),
        401 | 403 => (ProblemKind::Authentication, true, "refused the secret"),
        404 | 410 => (ProblemKind::NotFound, true, "has nothing at this path"),
        300..400 => (ProblemKind::NotFound, true, "answers with a redirect, which is not followed"),
        408 => (ProblemKind::Timeout, false, "gave up waiting"),
        429 => (ProblemKind::RateLimited, false, "takes no more requests for now"),
        409 | 423 | 425 | 500.. => (ProblemKind::Server, false, "failed"),
        _ => (ProblemKind::Refused, true, "refused the request"),
    };
    let message = with_error_body(&format!("{server} {what} (HTTP {status})"), &error_body, "");
    let problem = Problem { status: Some(status), ..problem(kind, message) };
    if permanent {
        return Disposition::Permanent(problem);
    }
    let retry_after_ms = answer.headers.retry_after.as_deref().and_then(|header| retry_after_ms(header, now));
    Disposition::Transient(Problem { retry_after_ms, ..problem })
}

fn no_answer<P: Protocol + ?Sized>(protocol: &P, error: &TransportError) -> Disposition {
    let (kind, what) = match error.kind {
        TransportErrorKind::Connect | TransportErrorKind::ConnectTimeout => {
            (ProblemKind::Connection, "no connection to")
        }
        TransportErrorKind::Timeout => (ProblemKind::Timeout, "no answer in time from"),
        TransportErrorKind::Reset => (ProblemKind::Connection, "lost the connection to"),
        TransportErrorKind::Denied => (ProblemKind::Connection, "blocked request to"),
    };
    let message = joined(": ", &[&format!("{what} {}", protocol.server()), &protocol.scrub(&error.detail)]);
    match error.kind {
        TransportErrorKind::Denied => Disposition::Permanent(problem(kind, message)),
        _ => Disposition::Transient(problem(kind, message)),
    }
}
