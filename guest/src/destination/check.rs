//! The connection check: what one cheap request with the key can show, and what it cannot.

use destination_toolkit::bindings::{ConnectionCheck, Failure, Problem, ProblemKind};
use destination_toolkit::clock::Clock;
use destination_toolkit::delivery::Disposition;
use destination_toolkit::http::error_body::with_error_body;
use destination_toolkit::http::{self, Network};
use destination_toolkit::problem::problem;

use crate::api::client::Management;
use crate::api::request::{self, RequestKind};
use crate::api::{message, response};
use crate::config::{Config, Object};

/// Ask once, without repeating: a person is waiting for the answer.
///
/// # Errors
/// The deployment cannot be reached, or does not take the key.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn check(
    config: &Config,
    network: &mut dyn Network,
    clock: &mut dyn Clock,
) -> Result<ConnectionCheck, Failure> {
    let answer = http::send(network, &config.connection(), &request::ping(), clock);
    match response::disposition(answer, config, RequestKind::Ping, clock.unix_seconds()) {
        Disposition::Accepted(_) => {
            let mut check = ConnectionCheck {
                verified: vec![
                    format!("{} answers", config.deployment_url),
                    "Talon.One accepts the API key".to_owned(),
                ],
                unverified: unverified(config),
            };
            check_management_key(config, network, clock, &mut check)?;
            Ok(check)
        }
        Disposition::Transient(problem) => Err(Failure::Transient(problem)),
        Disposition::Permanent(problem) => Err(Failure::Permanent(problem)),
        Disposition::Refused(refusal) => {
            let (message, advice) = match refusal.error_body.is_html {
                true => (message::html_refusal(config, refusal.status), message::check_address()),
                false => (message::unexpected(refusal.status), ""),
            };
            let message = with_error_body(&message, &refusal.error_body, advice);
            Err(Failure::Permanent(Problem { status: Some(refusal.status), ..problem(ProblemKind::Refused, message) }))
        }
    }
}

/// A key that is refused is a fault; one that could not be tried is not known.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn check_management_key(
    config: &Config,
    network: &mut dyn Network,
    clock: &mut dyn Clock,
    check: &mut ConnectionCheck,
) -> Result<(), Failure> {
    let Some(mut management) = Management::new(config, network, clock) else {
        return Ok(());
    };
    match management.try_key() {
        Ok(()) => check.verified.push("Talon.One accepts the Management API key".to_owned()),
        Err(Failure::Transient(problem)) => unknown(&problem, check),
        // Something else than a refusal of the key: that is not what a sync is stopped for.
        Err(Failure::Permanent(problem)) if problem.kind != ProblemKind::Authentication => unknown(&problem, check),
        Err(failure) => return Err(failure),
    }
    Ok(())
}

fn unknown(problem: &Problem, check: &mut ConnectionCheck) {
    check.unverified.push(format!("that Talon.One accepts the Management API key ({})", problem.message));
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn unverified(config: &Config) -> Vec<String> {
    let may_call = format!("that the API key may call {}", message::endpoint(config));
    match config.object {
        Object::Profiles => {
            let mut unverified = vec![may_call];
            unverified.extend(
                attributes(config)
                    .map(|attributes| format!("that {attributes} in Talon.One (Account > Tools > Attributes)")),
            );
            unverified
        }
        Object::Audience { id, .. } => vec![may_call, format!("that there is an audience {}", id.number())],
        Object::Unresolved => vec![may_call, "that there is an audience of this name".to_owned()],
    }
}

/// The attributes that have to exist, if any have to.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn attributes(config: &Config) -> Option<String> {
    let Some(mappings) = &config.mappings else {
        return Some("there is an attribute of each column's name".to_owned());
    };
    let names: Vec<&str> = mappings.attributes.iter().map(|mapping| mapping.attribute.name()).collect();
    (!names.is_empty()).then(|| format!("the attributes {} exist", names.join(", ")))
}
