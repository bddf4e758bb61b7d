//! What is said to people when Talon.One does not take a request: what happened, and what to do about it, after
//! Talon.One's own list of common troubles.

use crate::body::{Body, one_line};
use crate::complaint::Complaint;
use crate::config::{AudienceId, Config, Object, Retry};
use crate::quote::shortened;
use crate::retry::Why;
use crate::transport::{Break, BreakKind, Response};

/// Sentences one after the other. What a server says ends in a full stop, or in none: here, and only here, that is dropped.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn joined(between: &str, parts: &[&str]) -> String {
    let mut whole = String::new();
    for part in parts {
        let part = part.trim().trim_end_matches([' ', '.', ';', ':', ',']);
        if !whole.is_empty() && !part.is_empty() {
            whole.push_str(between);
        }
        whole.push_str(part);
    }
    whole
}

/// A message, what the server said, and what to do about it.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn with_said(message: &str, complaint: &Complaint, advice: &str) -> String {
    let said = match (&complaint.instead, complaint.text.as_str()) {
        (Some(instead), _) => format!("it sent {instead}"),
        (None, "") => String::new(),
        (None, text) => format!("it said: {text}"),
    };
    joined("; ", &[message, &said, advice])
}

/// An answer that Talon.One does not give, to a request that it would have acknowledged otherwise.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn not_acknowledged(config: &Config, answer: &Response) -> String {
    /// Characters of a body that are shown.
    const SHOWN: usize = 120;
    /// Words of a page that asks for a sign-in.
    const SIGN_IN: [&str; 5] = ["sign in", "sign-in", "log in", "login", "password"];
    let headers = &answer.headers;
    let shown = |text: &str| shortened(&config.api_key.scrub(&one_line(text)), SHOWN);
    let kind = headers.content_type.as_deref().map_or_else(|| "a body".to_owned(), shown);
    let body = Body::of(answer);
    let came = match &body {
        Body::Empty => "without a body".to_owned(),
        Body::Page(Some(title)) => format!("with {kind} titled \"{}\"", shown(title)),
        Body::Page(None) => format!("with {kind} that is a page of HTML"),
        Body::Text(text) => format!("with {kind} that begins: {}", shown(text)),
        Body::Unreadable(what) => format!("with {kind} that is {what}"),
    };
    let page = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let who = match &body {
        Body::Page(_) if SIGN_IN.iter().any(|word| page.contains(word)) => {
            "a sign-in page of a proxy or another server"
        }
        Body::Page(_) => "a proxy or another web server",
        _ => "another server or a gateway on the way",
    };
    let server = headers.server.as_deref().map(|server| format!(" (server: {})", shown(server)));
    let message = format!(
        "{} answered HTTP {} {came}, which confirms nothing: Talon.One answers HTTP 204; {who} seems to have answered \
         in its place{}",
        config.deployment_url,
        answer.status,
        server.unwrap_or_default()
    );
    joined("; ", &[message.as_str(), check_address(), "and check what stands on the way: a proxy, a VPN, a gateway"])
}

/// A refusal by a page of HTML: not Talon.One's.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn foreign(config: &Config, status: u16) -> String {
    format!(
        "{} refused the request (HTTP {status}), but not as Talon.One's API does: a proxy, a firewall or another server \
         seems to have answered",
        config.deployment_url
    )
}

/// 407 and 511.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn proxy_sign_in(status: u16) -> String {
    format!("a proxy on the way asks for a sign-in (HTTP {status}): check the user name and password of the proxy")
}

/// Why nothing more is attempted. `asked` is the wait that the server asked for.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn gave_up(retry: &Retry, why: Why, asked: Option<u64>) -> String {
    match why {
        Why::Attempts if retry.max_attempts == 1 => "not repeated, as retry.max_attempts is 1".to_owned(),
        Why::Attempts => format!("given up after {} attempts (retry.max_attempts)", retry.max_attempts),
        Why::Time => format!("given up after {} (retry.max_elapsed_ms)", duration(retry.max_elapsed)),
        Why::Asked => format!(
            "it asked to wait {} (Retry-After), longer than what is left of the {} of retry.max_elapsed_ms",
            asked.map_or_else(String::new, asked_wait),
            duration(retry.max_elapsed)
        ),
    }
}

/// The engine ended a wait: it is about to end the run.
pub(crate) fn wait_ended() -> &'static str {
    "not repeated, as the engine ended the wait before the next attempt"
}

/// The engine let no further attempt through.
pub(crate) fn not_repeated(denied: &str) -> String {
    format!("the next attempt was not made: {denied}")
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn asked_wait(milliseconds: u64) -> String {
    let more = if milliseconds >= crate::retry::LONGEST_MS { " or more" } else { "" };
    duration(milliseconds) + more
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn duration(milliseconds: u64) -> String {
    for (unit, name) in [(3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
        if milliseconds >= unit && milliseconds.is_multiple_of(unit) {
            return format!("{} {name}", milliseconds / unit);
        }
    }
    format!("{milliseconds} ms")
}

/// 401 and 403.
#[cfg_attr(target_family = "wasm", optimize(size))]
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
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn audience_not_found(config: &Config, id: AudienceId) -> String {
    format!(
        "Talon.One has no audience {} (HTTP 404): audience_id is the number in the ID column of the Campaign Manager's \
         Audiences page, not the audience's name, and the audience must belong to {}",
        id.number(),
        config.deployment_url
    )
}

/// 404, 501 and redirects: something answers, but not Talon.One's Integration API.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn wrong_address(config: &Config, status: u16, location: Option<&str>) -> String {
    let url = &config.deployment_url;
    if (300..400).contains(&status) {
        let to = location.and_then(origin).map(|origin| format!(" to {origin}")).unwrap_or_default();
        return format!("{url} answers with a redirect (HTTP {status}){to}, which is not followed");
    }
    format!("there is no Integration API at {url} (HTTP {status})")
}

/// The scheme and host of a redirect. What follows may hold a session's secrets.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn origin(location: &str) -> Option<String> {
    let (scheme, rest) = location.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then(|| shortened(&one_line(&format!("{scheme}://{host}")), 100))
}

/// No answer at all.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn no_answer(config: &Config, broken: &Break) -> String {
    let url = &config.deployment_url;
    let detail = broken.detail.as_str();
    let (message, advice) = match broken.kind {
        BreakKind::Connect => (format!("no connection to {url}: {detail}"), check_address()),
        BreakKind::ConnectTimeout => {
            let (limit, setting) = config.timeouts.connecting();
            (format!("no connection to {url} within the {} of {setting}", duration(limit)), check_address())
        }
        BreakKind::Timeout => (
            format!(
                "{url} did not answer within the {} of request_timeout_ms: {detail}",
                duration(config.timeouts.request)
            ),
            "if this persists, raise request_timeout_ms or lower batch_size",
        ),
        BreakKind::Reset => {
            (format!("the connection to {url} broke: {detail}"), "the request may have been carried out")
        }
        BreakKind::Denied => (format!("the request to {url} is not let through: {detail}"), ""),
    };
    joined("; ", &[message.as_str(), advice])
}

/// What to do where something else than Talon.One seems to answer.
pub(crate) fn check_address() -> &'static str {
    "check deployment_url: https://yourcompany.talon.one without a path or a slash at the end; opened in a browser, it \
     shows the API's page"
}

/// 429.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn too_many_requests(status: u16) -> String {
    format!(
        "rate limit exceeded (HTTP {status}): a deployment takes about 60 requests a second, from all syncs together; run \
         fewer at once, stagger them, or ask Talon.One for a higher limit"
    )
}

/// 409.
pub(crate) fn conflict() -> &'static str {
    "Talon.One is updating the same profiles for someone else (HTTP 409): run the syncs that write to them one after \
     another"
}

/// 408, 5xx, and what proxies say when they had no answer.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn server_failed(config: &Config, status: u16) -> String {
    format!(
        "{} failed (HTTP {status}): usually temporary; if it persists, contact Talon.One's support",
        config.deployment_url
    )
}

/// Any other status.
pub(crate) fn unexpected(status: u16) -> String {
    format!("Talon.One refused the request (HTTP {status})")
}

/// What to do about a record that names an attribute which Talon.One does not know.
pub(crate) fn undefined_attribute() -> &'static str {
    "create the attribute first, under Account > Tools > Attributes, for the entity Customer Profile and with the same name \
     to the letter and case; then sync the row again"
}

/// What to do about a record whose value does not fit its attribute.
pub(crate) fn invalid_value() -> &'static str {
    "compare the value with the attribute's type under Account > Tools > Attributes, and set the mapping's type to it"
}

/// A record that is larger than any request of this plugin's.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn too_large(bytes: usize) -> String {
    format!("the record takes {bytes} bytes, more than a request may have: shorten its values or map fewer columns")
}

/// 413 for a record by itself.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn refused_for_size(bytes: usize) -> String {
    format!(
        "the record takes {bytes} bytes, and a request with it alone is refused for its size (HTTP 413): shorten its values or \
         map fewer columns; a proxy or gateway on the way may be what refuses it"
    )
}

/// 413 for a request that is small by any measure.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn any_size_refused(config: &Config, bytes: usize) -> String {
    format!(
        "{} refuses even a request of {bytes} bytes, with one small record, for its size (HTTP 413): that is the limit of a \
         proxy or gateway on the way, or another server",
        config.deployment_url
    )
}

/// A record that was not sent, as a later one has its ID.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn of_the_last(message: &str) -> String {
    joined("; ", &[message, "this is about the last row with this ID in the batch: only that one is sent"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_joined_once() {
        for (parts, whole) in [
            (["it said: no such attribute.", "create it first"], "it said: no such attribute; create it first"),
            (["it said: no; ", "create it first..."], "it said: no; create it first"),
            (["", "create it first"], "create it first"),
            (["why? ", ". "], "why?"),
        ] {
            assert_eq!(joined("; ", &parts), whole);
        }
    }

    #[test]
    fn a_redirect_is_told_without_its_secrets() {
        for (location, shown) in [
            ("https://login.example.com/sso?token=abc", Some("https://login.example.com")),
            ("https://user:pw@login.example.com:8443?x", Some("https://login.example.com:8443")),
            ("/login?token=abc", None),
            ("https://", None),
        ] {
            assert_eq!(origin(location).as_deref(), shown, "{location}");
        }
    }

    #[test]
    fn durations_are_told_in_their_unit() {
        for (milliseconds, told) in
            [(0, "0 ms"), (300, "300 ms"), (1_000, "1 s"), (90_000, "90 s"), (300_000, "5 min"), (86_400_000, "24 h")]
        {
            assert_eq!(duration(milliseconds), told);
        }
        assert_eq!(asked_wait(86_400_000), "24 h or more");
    }
}
