//! What is said to people when Talon.One does not take a request: what happened, and what to do about it, after
//! Talon.One's own list of common troubles.

use crate::config::{AudienceId, Config, Object};
use crate::transport::{Break, BreakKind};

/// `: it said "…"`, or nothing.
pub(crate) fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; it said: {text}") }
}

/// 401 and 403.
pub(crate) fn authentication(config: &Config, status: u16) -> String {
    let endpoint = match config.object {
        Object::Profiles => "PUT /v2/customer_profiles",
        Object::Audience { .. } => "POST /v2/customer_audiences",
    };
    format!(
        "Talon.One refused the API key (HTTP {status}): check that api_key is an Integration API key, not a Management API \
         key, that it belongs to {}, that it is neither revoked nor expired, and that it may call {endpoint}",
        config.deployment_url
    )
}

/// 404 of an audience.
pub(crate) fn audience_not_found(config: &Config, id: AudienceId) -> String {
    format!(
        "Talon.One has no audience {} (HTTP 404): audience_id is the number in the ID column of the Campaign Manager's \
         Audiences page, not the audience's name, and the audience must belong to {}",
        id.number(),
        config.deployment_url
    )
}

/// 404 and redirects: something answers, but not Talon.One's Integration API.
pub(crate) fn wrong_address(config: &Config, status: u16) -> String {
    let answered = if (300..400).contains(&status) {
        format!("{} answers with a redirect (HTTP {status}), which is not followed", config.deployment_url)
    } else {
        format!("there is no Integration API at {} (HTTP {status})", config.deployment_url)
    };
    format!("{answered}: {}", check_address())
}

/// No answer at all.
pub(crate) fn no_answer(config: &Config, broken: &Break) -> String {
    let url = &config.deployment_url;
    let detail = &broken.detail;
    match broken.kind {
        BreakKind::Connect => format!("no connection to {url}: {detail}; {}", check_address()),
        BreakKind::Timeout => format!(
            "{url} did not answer in time: {detail}; if this goes on, raise request_timeout_ms or lower batch_size"
        ),
        BreakKind::Reset => format!("the connection to {url} broke: {detail}; the request may have been carried out"),
        BreakKind::Denied => format!("the request to {url} is not let through: {detail}"),
    }
}

fn check_address() -> &'static str {
    "check deployment_url: https://yourcompany.talon.one without a path or a slash at the end; opened in a browser, it \
     shows the API's page"
}

/// 429.
pub(crate) fn too_many_requests() -> &'static str {
    "Talon.One had too many requests (HTTP 429): a deployment takes about 60 a second, from all syncs together; run fewer \
     at once, stagger them, or ask Talon.One for a higher limit"
}

/// 409.
pub(crate) fn conflict() -> &'static str {
    "Talon.One is updating the same profiles for someone else (HTTP 409): run the syncs that write to them one after \
     another"
}

/// 408, 5xx.
pub(crate) fn server_failed(status: u16) -> String {
    format!("Talon.One failed (HTTP {status}): this passes as a rule; if it stays, ask Talon.One's support")
}

/// Any other status.
pub(crate) fn unexpected(status: u16) -> String {
    format!("Talon.One refused the request (HTTP {status})")
}

/// What to do about a record that names an attribute which Talon.One does not know.
pub(crate) fn undefined_attribute() -> &'static str {
    "; create the attribute first, under Account > Tools > Attributes, for the entity Customer Profile and with the same name \
     to the letter and case; then sync the row again"
}

/// What to do about a record whose value does not fit its attribute.
pub(crate) fn invalid_value() -> &'static str {
    "; compare the value with the attribute's type under Account > Tools > Attributes, and set the mapping's type to it"
}

/// A record that no request has room for.
pub(crate) fn too_large(bytes: usize) -> String {
    format!("the record takes {bytes} bytes, more than a request may have: shorten its values or map fewer columns")
}
