//! What an answer means for the records that were sent.

use serde_json::Value;

use destination_toolkit::bindings::{Problem, ProblemKind};
use destination_toolkit::delivery::{Disposition, Refusal};
use destination_toolkit::http::error_body::with_error_body;
use destination_toolkit::http::retry_after::retry_after_ms;
use destination_toolkit::http::{MAX_BODY, Response, TransportError, TransportErrorKind};
use destination_toolkit::problem::problem;
use destination_toolkit::value::json;

use super::request::RequestKind;
use super::{error_body, message, profile_update};
use crate::config::{Config, Object};

/// Decide on an answer, or the lack of one, to a request of some kind; `now` is in seconds since 1970.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn disposition(
    answer: Result<Response, TransportError>,
    config: &Config,
    kind: RequestKind,
    now: i64,
) -> Disposition {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return of_transport_error(config, kind, &error),
    };
    let status = answer.status;
    if (200..300).contains(&status) {
        return of_success(&answer, config, kind);
    }
    // Any other status says enough, however little of its body arrived.
    let error_body = error_body::read(&answer, config);
    let audience = config.object.audience().filter(|_| kind == RequestKind::Records);
    let html = error_body.is_html;
    let location = answer.headers.location.as_deref();
    let address = message::check_address();
    let (problem_kind, permanent, message, advice) = match (status, audience) {
        // 414: an ID in a path may be too long for a server.
        (400 | 413 | 414 | 422, _) => return Disposition::Refused(Refusal { status, error_body }),
        // What would be created is there already. Two updates of one profile are in each other's way with records alone.
        (409, _) if matches!(kind, RequestKind::Looking(..)) => {
            return Disposition::Refused(Refusal { status, error_body });
        }
        (407 | 511, _) => (ProblemKind::Connection, true, message::proxy_sign_in(status), ""),
        (401 | 403, _) if html => (ProblemKind::Authentication, true, message::html_refusal(config, status), address),
        (401 | 403, _) => (ProblemKind::Authentication, true, message::authentication(config, status, kind), ""),
        (404, Some(id)) if !html => (ProblemKind::NotFound, true, message::audience_not_found(config, id), ""),
        // A server that does not know the request: not Talon.One's.
        (404 | 501 | 505 | 300..400, _) => {
            (ProblemKind::NotFound, true, message::wrong_address(config, status, location, kind), address)
        }
        // 460 and 499: a proxy found the connection of its client closed.
        (408 | 460 | 499, _) => (ProblemKind::Timeout, false, message::server_failed(config, status), ""),
        (409, _) => (ProblemKind::Server, false, message::conflict().to_owned(), ""),
        // 420 and 430: what some gateways say for 429.
        (420 | 429 | 430, _) => (ProblemKind::RateLimited, false, message::too_many_requests(status, kind), ""),
        // Locked, or too early: both pass.
        (423 | 425 | 500.., _) => (ProblemKind::Server, false, message::server_failed(config, status), ""),
        _ if html => (ProblemKind::Refused, true, message::html_refusal(config, status), address),
        _ => (ProblemKind::Refused, true, message::unexpected(status), ""),
    };
    let mut problem = problem(problem_kind, with_error_body(&message, &error_body, advice));
    problem.status = Some(status);
    if permanent {
        return Disposition::Permanent(problem);
    }
    problem.retry_after_ms = answer.headers.retry_after.as_deref().and_then(|header| retry_after_ms(header, now));
    Disposition::Transient(problem)
}

/// A status of success is an acknowledgement only if it is the documented one: a proxy's page comes with 200 as well.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_success(answer: &Response, config: &Config, kind: RequestKind) -> Disposition {
    let status = answer.status;
    if let Some(fault) = answer.truncated {
        let error = TransportError { kind: fault, detail: format!("truncated response (HTTP {status})") };
        return of_transport_error(config, kind, &error);
    }
    let runs_rules = kind == RequestKind::Records && config.trigger_rules;
    let effects = match (kind, status) {
        // Those that are were read as what they bring.
        (RequestKind::Looking(..), _) => None,
        (_, 200) if runs_rules => profile_update::effects(answer, config),
        (_, 204) if !runs_rules => Some(Vec::new()),
        (RequestKind::Records, 200) => lists_profiles(answer, config.object).then(Vec::new),
        _ => None,
    };
    if let Some(effects) = effects {
        return Disposition::Accepted(effects);
    }
    let problem = problem(ProblemKind::NotFound, message::not_acknowledged(config, answer, kind));
    Disposition::Permanent(Problem { status: Some(status), ..problem })
}

/// Whether it is the list of updated profiles, which Talon.One documents for profiles without `silent=yes`.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn lists_profiles(answer: &Response, object: Object) -> bool {
    if object != Object::Profiles {
        return false;
    }
    let body = String::from_utf8_lossy(&answer.body);
    match json::parse(&body) {
        Ok(body) => body.get("integrationStates").is_some_and(Value::is_array),
        // A long list of which the start was read.
        Err(error) => error.is_eof() && body.len() >= MAX_BODY && body.starts_with("{\"integrationStates\":["),
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn of_transport_error(config: &Config, kind: RequestKind, error: &TransportError) -> Disposition {
    let message = config.scrub(&message::no_answer(config, kind, error));
    match error.kind {
        TransportErrorKind::Connect | TransportErrorKind::Reset => {
            Disposition::Transient(problem(ProblemKind::Connection, message))
        }
        TransportErrorKind::ConnectTimeout | TransportErrorKind::Timeout => {
            Disposition::Transient(problem(ProblemKind::Timeout, message))
        }
        TransportErrorKind::Denied => Disposition::Permanent(problem(ProblemKind::Connection, message)),
    }
}

/// Why one record was refused: a stable code, and a message.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn rejection(refusal: &Refusal, object: Object, bytes: usize) -> (&'static str, String) {
    let Refusal { status, error_body } = refusal;
    if refusal.for_size() {
        return ("too-large", with_error_body(&message::refused_for_size(bytes), error_body, ""));
    }
    let profiles = object == Object::Profiles;
    let (code, advice) = if error_body.is_html {
        let advice = "Talon.One sends no pages: a proxy, a firewall or another server seems to have refused it; check \
                      deployment_url, and what in the record a firewall may take for an attack";
        ("refused", advice)
    } else if profiles && error_body::undefined_attribute(error_body) {
        ("undefined-attribute", message::undefined_attribute())
    } else if profiles && (error_body::about_attribute(error_body) || error_body::about_value(error_body)) {
        ("invalid-value", message::invalid_value())
    } else {
        ("refused", "")
    };
    let subject = if error_body.is_html { "the record was refused" } else { "Talon.One refused the record" };
    (code, with_error_body(&format!("{subject} (HTTP {status})"), error_body, advice))
}

#[cfg(test)]
mod tests;
