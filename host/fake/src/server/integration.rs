//! The calls of the Integration API: their key, their query, and what they do to the deployment.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderValue};

use crate::api::bulk::{self, Outcome};
use crate::api::error_body::{Problem, Source};
use crate::api::states;
use crate::lock::lock;
use crate::server::exchange::{Exchange, Refusal};
use crate::server::reply::{self, Reply};

/// Says what is wrong with the key, never the key.
pub(super) fn key(exchange: &Exchange) -> Result<(), Problem> {
    let mut sent = exchange.head.headers.get_all(AUTHORIZATION).iter();
    let reason = match (sent.next().map(HeaderValue::as_bytes), sent.next()) {
        (None, _) => "the Authorization header is missing",
        (_, Some(_)) => "there is more than one Authorization header",
        (Some(b"ApiKey-v1"), None) => "the key is empty",
        (Some(value), None) => match value.strip_prefix(b"ApiKey-v1 ") {
            Some(key) if exchange.shared.settings.api_keys.iter().any(|known| known.as_bytes() == key) => return Ok(()),
            Some(_) => "this key does not exist",
            None if value.starts_with(b"ManagementKey-v1 ") => {
                "a Management API key was sent, this call takes an Integration API key"
            }
            None => "the Authorization header must be \"ApiKey-v1 \" and the key",
        },
    };
    let details = format!("Unauthorized - Invalid API key: {reason}");
    Err(Problem::request(StatusCode::UNAUTHORIZED, "Unauthorized", details))
}

/// `PUT /v2/customer_profiles`.
pub(super) fn profiles(exchange: &Exchange) -> Result<Reply, Refusal> {
    let silent = silent(exchange)?;
    let mut answer = reply::empty(StatusCode::NO_CONTENT);
    if let Some(body) = exchange.body()? {
        let mut deployment = lock(&exchange.shared.deployment);
        let outcome = bulk::profiles(&mut deployment, body, exchange.shared.settings.batches);
        let updated = settled(exchange, outcome)?;
        if !silent {
            let states = states::integration_states(&deployment, &updated);
            answer = reply::json(StatusCode::OK, states);
        }
    }
    Ok(answer)
}

/// `POST /v2/customer_audiences`.
pub(super) fn audiences(exchange: &Exchange) -> Result<Reply, Refusal> {
    if let Some(query) = exchange.head.uri.query() {
        return Err(unknown_parameter(query).into());
    }
    if let Some(body) = exchange.body()? {
        let mut deployment = lock(&exchange.shared.deployment);
        let outcome = bulk::memberships(&mut deployment, body, exchange.shared.settings.batches);
        settled(exchange, outcome)?;
    }
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Notes how a bulk call ended. The IDs of the profiles that were updated, if it ended well.
fn settled(exchange: &Exchange, outcome: Outcome) -> Result<Vec<String>, Refusal> {
    exchange.shared.recorder.applied(exchange.ticket, outcome.applied, outcome.superseded);
    if outcome.problems.is_empty() { Ok(outcome.updated) } else { Err(outcome.problems.into()) }
}

/// Whether the answer is to have no body. That is the published default.
fn silent(exchange: &Exchange) -> Result<bool, Problem> {
    match exchange.head.uri.query() {
        None | Some("silent=yes") => Ok(true),
        Some("silent=no") => Ok(false),
        Some(query) => Err(unknown_parameter(query)),
    }
}

/// A query that is not one the call takes; its first parameter is named.
fn unknown_parameter(query: &str) -> Problem {
    let name = query.split(['=', '&']).next().unwrap_or_default();
    let details = format!("the query must be silent=yes, silent=no or absent, it is {query:?}");
    let source = Source::Parameter(name.to_owned());
    Problem { source, ..Problem::request(StatusCode::BAD_REQUEST, "Invalid parameter", details) }
}
