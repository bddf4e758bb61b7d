//! Messages about answers: what happened, and what to do about it, after Talon.One's own list of common troubles.

use destination_toolkit::http::body::Body;
use destination_toolkit::http::{Response, TransportError, TransportErrorKind};
use destination_toolkit::problem::quote::{one_line, quoted, shortened};
use destination_toolkit::problem::{duration, joined};

use super::request::{Api, RequestKind};
use crate::config::{AudienceId, Config, Object};

/// An answer that Talon.One does not give, to a request that it acknowledges as documented.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn not_acknowledged(config: &Config, answer: &Response, kind: RequestKind) -> String {
    /// Characters of a body that are shown.
    const SHOWN: usize = 120;
    /// Words of a page that asks for a sign-in.
    const SIGN_IN: [&str; 5] = ["sign in", "sign-in", "log in", "login", "password"];
    let headers = &answer.headers;
    let shown = |text: &str| shortened(&config.scrub(&one_line(text)), SHOWN);
    let content_type = headers.content_type.as_deref().map_or_else(|| "a body".to_owned(), shown);
    let body = Body::of(answer);
    let content = match &body {
        Body::Empty => "without a body".to_owned(),
        Body::Page(Some(title)) => format!("with {content_type} titled \"{}\"", shown(title)),
        Body::Page(None) => format!("with {content_type} that is a page of HTML"),
        Body::Text(text) => format!("with {content_type} that begins: {}", shown(text)),
        Body::Unreadable(what) => format!("with {content_type} that is {what}"),
    };
    let page = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let sender = match &body {
        Body::Page(_) if SIGN_IN.iter().any(|word| page.contains(word)) => {
            "a sign-in page of a proxy or another server"
        }
        Body::Page(_) => "a proxy or another web server",
        _ => "another server or a gateway in between",
    };
    let server = headers.server.as_deref().map(|server| format!(" (server: {})", shown(server)));
    let (expected, lacks) = match kind {
        RequestKind::Records if config.trigger_rules => {
            ("HTTP 200 with a list of effects".to_owned(), "confirms nothing")
        }
        RequestKind::Ping | RequestKind::Records => ("HTTP 204".to_owned(), "confirms nothing"),
        RequestKind::Looking(_, (method, path)) => {
            (format!("{} {path} with what it documents", method.name()), "is not what was asked for")
        }
    };
    let message = format!(
        "{} answered HTTP {} {content}, which {lacks}: Talon.One answers {expected}; {sender} seems to have answered \
         in its place{}",
        config.deployment_url,
        answer.status,
        server.unwrap_or_default()
    );
    joined("; ", &[message.as_str(), check_address(), "and check for a proxy, a VPN or a gateway in between"])
}

/// A refusal with a page of HTML: not Talon.One's.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn html_refusal(config: &Config, status: u16) -> String {
    format!(
        "{} refused the request (HTTP {status}), but not as Talon.One's API does: a proxy, a firewall or another server \
         seems to have answered",
        config.deployment_url
    )
}

/// 407 and 511.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn proxy_sign_in(status: u16) -> String {
    format!("a proxy in between asks for a sign-in (HTTP {status}): check the user name and password of the proxy")
}

/// The call that delivers records.
pub(crate) fn endpoint(config: &Config) -> &'static str {
    match config.object {
        _ if config.trigger_rules => "PUT /v2/customer_profiles/{integrationId}",
        Object::Profiles => "PUT /v2/customer_profiles",
        Object::Audience { .. } | Object::Unresolved => "POST /v2/customer_audiences",
    }
}

/// 401 and 403.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn authentication(config: &Config, status: u16, kind: RequestKind) -> String {
    let (api, endpoint) = match kind {
        RequestKind::Looking(api, (method, path)) => (api, format!("{} {path}", method.name())),
        _ => (Api::Integration, endpoint(config).to_owned()),
    };
    let (key, setting, right, wrong) = match api {
        Api::Integration => ("API key", "api_key", "an Integration", "a Management"),
        Api::Management => ("Management API key", "management_key", "a Management", "an Integration"),
    };
    format!(
        "Talon.One refused the {key} (HTTP {status}): check that {setting} is {right} API key, not {wrong} API key, that it \
         belongs to {}, that it is neither revoked nor expired, and that it may call {endpoint}",
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
pub(crate) fn wrong_address(config: &Config, status: u16, location: Option<&str>, kind: RequestKind) -> String {
    let url = &config.deployment_url;
    if (300..400).contains(&status) {
        let to = location.and_then(origin).map(|origin| format!(" to {origin}")).unwrap_or_default();
        return format!("{url} answers with a redirect (HTTP {status}){to}, which is not followed");
    }
    let api = match kind {
        RequestKind::Looking(Api::Management, _) => "Management",
        _ => "Integration",
    };
    format!("there is no {api} API at {url} (HTTP {status})")
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
pub(crate) fn no_answer(config: &Config, kind: RequestKind, error: &TransportError) -> String {
    let url = &config.deployment_url;
    let detail = error.detail.as_str();
    let (message, advice) = match error.kind {
        TransportErrorKind::Connect => (format!("no connection to {url}: {detail}"), check_address()),
        TransportErrorKind::ConnectTimeout => {
            let (limit, setting) = config.timeouts.connecting();
            (format!("no connection to {url} within the {} of {setting}", duration(limit)), check_address())
        }
        TransportErrorKind::Timeout => (
            format!(
                "{url} did not answer within the {} of request_timeout_ms: {detail}",
                duration(config.timeouts.request)
            ),
            match kind {
                RequestKind::Records => "if this persists, raise request_timeout_ms or lower batch_size",
                _ => "if this persists, raise request_timeout_ms",
            },
        ),
        TransportErrorKind::Reset => {
            let advice = if kind.changes() { "the request may have been carried out" } else { "" };
            (format!("lost the connection to {url}: {detail}"), advice)
        }
        TransportErrorKind::Denied => (format!("blocked request to {url}: {detail}"), ""),
    };
    joined("; ", &[message.as_str(), advice])
}

/// What to do if something else than Talon.One seems to answer.
pub(crate) fn check_address() -> &'static str {
    "check deployment_url: https://yourcompany.talon.one without a path or a slash at the end; opened in a browser, it \
     shows the API's page"
}

/// 429.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn too_many_requests(status: u16, kind: RequestKind) -> String {
    if let RequestKind::Looking(Api::Management, (method, path)) = kind {
        return format!(
            "rate limit exceeded (HTTP {status}): the Management API takes 3 requests a second for {} {path}, from all syncs \
             and people together; run fewer at once, or stagger them",
            method.name()
        );
    }
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

/// An ID that no URL can name.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn id_in_path(id: &str) -> String {
    format!(
        "the ID {} cannot stand in a URL, where it means a folder: with trigger_rules the ID is a part of it; give the customer \
         another ID, or integration_id_prefix",
        quoted(id)
    )
}

/// 413 for a record by itself.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn refused_for_size(bytes: usize) -> String {
    format!(
        "the record takes {bytes} bytes, and a request with it alone is refused for its size (HTTP 413): shorten its values or \
         map fewer columns; it may be a proxy or gateway in between that refuses it"
    )
}

/// 413 for a request that is small by any measure.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn any_size_refused(config: &Config, bytes: usize) -> String {
    format!(
        "{} refuses even a request of {bytes} bytes, with one small record, for its size (HTTP 413): that is the limit of a \
         proxy or gateway in between, or another server",
        config.deployment_url
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_shown_without_its_secrets() {
        for (location, shown) in [
            ("https://login.example.com/sso?token=abc", Some("https://login.example.com")),
            ("https://user:pw@login.example.com:8443?x", Some("https://login.example.com:8443")),
            ("/login?token=abc", None),
            ("https://", None),
        ] {
            assert_eq!(origin(location).as_deref(), shown, "{location}");
        }
    }
}
