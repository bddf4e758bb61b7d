//! What an answer means for the records that were sent.

use serde_json::Value;

use crate::bindings::exports::etl::destination::destination::{Problem, ProblemKind};
use crate::complaint::Complaint;
use crate::config::{Config, Object};
use crate::message::{self, with_said};
use crate::problem::problem;
use crate::request::Asked;
use crate::retry::retry_after_ms;
use crate::transport::{Break, BreakKind, MAX_BODY, Response};

/// What to do now.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// All records are in.
    Accepted,
    /// At least one of the records is at fault.
    Refused(Refusal),
    /// The same request may succeed later.
    Transient(Problem),
    /// No request of this sync can succeed.
    Permanent(Problem),
}

/// A refusal of some record among those sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) complaint: Complaint,
}

impl Refusal {
    /// The request was too large; the records may all be sound.
    pub(crate) fn for_size(&self) -> bool {
        self.status == 413
    }
}

/// Read an answer, or the lack of one, to what was asked; `now` is in seconds since 1970.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn meaning(answer: Result<Response, Break>, config: &Config, asked: Asked, now: i64) -> Meaning {
    let answer = match answer {
        Ok(answer) => answer,
        Err(broken) => return of_break(config, &broken),
    };
    let status = answer.status;
    if (200..300).contains(&status) {
        return of_success(&answer, config, asked);
    }
    // Any other status says enough, however little of its body arrived.
    let complaint = Complaint::read(&answer, &config.api_key);
    let audience = config.object.audience().filter(|_| asked == Asked::Records);
    let foreign = complaint.foreign;
    let location = answer.headers.location.as_deref();
    let address = message::check_address();
    let (kind, lasting, message, advice) = match (status, audience) {
        (400 | 413 | 422, _) => return Meaning::Refused(Refusal { status, complaint }),
        (407 | 511, _) => (ProblemKind::Connection, true, message::proxy_sign_in(status), ""),
        (401 | 403, _) if foreign => (ProblemKind::Authentication, true, message::foreign(config, status), address),
        (401 | 403, _) => (ProblemKind::Authentication, true, message::authentication(config, status), ""),
        (404, Some(id)) if !foreign => (ProblemKind::NotFound, true, message::audience_not_found(config, id), ""),
        // Some server, but none that knows the request: none of Talon.One's.
        (404 | 501 | 505 | 300..400, _) => {
            (ProblemKind::NotFound, true, message::wrong_address(config, status, location), address)
        }
        // 460 and 499: a proxy found the connection of its client closed.
        (408 | 460 | 499, _) => (ProblemKind::Timeout, false, message::server_failed(config, status), ""),
        (409, _) => (ProblemKind::Server, false, message::conflict().to_owned(), ""),
        // 420 and 430: what some gateways say for 429.
        (420 | 429 | 430, _) => (ProblemKind::RateLimited, false, message::too_many_requests(status), ""),
        // Locked, or too early: both pass.
        (423 | 425 | 500.., _) => (ProblemKind::Server, false, message::server_failed(config, status), ""),
        _ if foreign => (ProblemKind::Refused, true, message::foreign(config, status), address),
        _ => (ProblemKind::Refused, true, message::unexpected(status), ""),
    };
    let mut problem = problem(kind, with_said(&message, &complaint, advice));
    problem.status = Some(status);
    if lasting {
        return Meaning::Permanent(problem);
    }
    problem.retry_after_ms = answer.headers.retry_after.as_deref().and_then(|header| retry_after_ms(header, now));
    Meaning::Transient(problem)
}

/// A status of success is an acknowledgement only where it is the documented one: a proxy's page comes with 200 as well.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_success(answer: &Response, config: &Config, asked: Asked) -> Meaning {
    let status = answer.status;
    if let Some(kind) = answer.cut_short {
        let broken = Break { kind, detail: format!("its answer (HTTP {status}) was cut short") };
        return of_break(config, &broken);
    }
    if status == 204 || (status == 200 && asked == Asked::Records && lists_profiles(answer, config.object)) {
        return Meaning::Accepted;
    }
    let problem = problem(ProblemKind::NotFound, message::not_acknowledged(config, answer));
    Meaning::Permanent(Problem { status: Some(status), ..problem })
}

/// Whether it is the list of updated profiles, which Talon.One documents for profiles where it is not asked to be silent.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn lists_profiles(answer: &Response, object: Object) -> bool {
    if object != Object::Profiles {
        return false;
    }
    let body = String::from_utf8_lossy(&answer.body);
    match serde_json::from_str::<Value>(&body) {
        Ok(body) => body.get("integrationStates").is_some_and(Value::is_array),
        // A long list of which the start was read.
        Err(error) => error.is_eof() && body.len() >= MAX_BODY && body.starts_with("{\"integrationStates\":["),
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_break(config: &Config, broken: &Break) -> Meaning {
    let said = config.api_key.scrub(&message::no_answer(config, broken));
    match broken.kind {
        BreakKind::Connect | BreakKind::Reset => Meaning::Transient(problem(ProblemKind::Connection, said)),
        BreakKind::ConnectTimeout | BreakKind::Timeout => Meaning::Transient(problem(ProblemKind::Timeout, said)),
        BreakKind::Denied => Meaning::Permanent(problem(ProblemKind::Connection, said)),
    }
}

/// Why one record was refused: a stable code, and what to tell a person.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn rejection(refusal: &Refusal, object: Object, bytes: usize) -> (&'static str, String) {
    let Refusal { status, complaint } = refusal;
    if refusal.for_size() {
        return ("too-large", with_said(&message::refused_for_size(bytes), complaint, ""));
    }
    let profiles = object == Object::Profiles;
    let (code, advice) = if complaint.foreign {
        let advice = "Talon.One sends no pages: a proxy, a firewall or another server seems to have refused it; check \
                      deployment_url, and what in the record a firewall may take for an attack";
        ("refused", advice)
    } else if profiles && complaint.undefined_attribute() {
        ("undefined-attribute", message::undefined_attribute())
    } else if profiles && (complaint.about_attribute() || complaint.about_value()) {
        ("invalid-value", message::invalid_value())
    } else {
        ("refused", "")
    };
    let who = if complaint.foreign { "the record was refused" } else { "Talon.One refused the record" };
    (code, with_said(&format!("{who} (HTTP {status})"), complaint, advice))
}

#[cfg(test)]
mod tests;
