//! The address of the Talon.One deployment: scheme, host and port, and nothing else.
//!
//! A wrong address is never fixed silently: it is rejected, and the message shows the address that was
//! probably meant.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use destination_toolkit::config::Issue;
use destination_toolkit::http::Scheme;
use destination_toolkit::problem::quote::quoted;

/// What a correct address looks like, for messages.
pub(super) const EXPECTED: &str = "an address such as https://yourcompany.talon.one";

/// `https://yourcompany.talon.one`: a scheme, a host in lower case, perhaps a port. Plain http only to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentUrl {
    scheme: Scheme,
    authority: String,
}

impl DeploymentUrl {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn parse(text: &str) -> Result<Self, Issue> {
        if text.trim().is_empty() {
            return Err(Issue::new(format!("is empty: expected {EXPECTED}")));
        }
        let parts = UrlParts::of(text);
        let (host, port) = parts.host_and_port()?;
        let scheme = match parts.scheme.to_ascii_lowercase().as_str() {
            "http" if is_loopback(&host) => Scheme::Http,
            _ => Scheme::Https,
        };
        let url = Self { scheme, authority: host + &port };
        let corrected = url.to_string();
        if corrected == text {
            return Ok(url);
        }
        // User info may be a password: it is not repeated.
        let seen = if parts.user_info { "the address".to_owned() } else { quoted(text) };
        Err(Issue::new(format!("{seen} {}: expected {corrected}", parts.issue(scheme))).hint(corrected))
    }

    /// http or https.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, with the port if one is given: `localhost:8080`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for DeploymentUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.name(), self.authority)
    }
}

/// An address taken apart, whatever it holds.
struct UrlParts<'a> {
    spaces: bool,
    scheme: &'a str,
    user_info: bool,
    authority: &'a str,
    /// Path, query and fragment, as they follow the authority.
    rest: &'a str,
}

impl<'a> UrlParts<'a> {
    fn of(text: &'a str) -> Self {
        let trimmed = text.trim();
        let (scheme, address) = trimmed.split_once("://").unwrap_or(("", trimmed));
        let end = address.find(['/', '?', '#', '\\']).unwrap_or(address.len());
        let (authority, rest) = address.split_at(end);
        let (user_info, authority) = match authority.rsplit_once('@') {
            Some((_, authority)) => (true, authority),
            None => (false, authority),
        };
        Self { spaces: trimmed.len() != text.len(), scheme, user_info, authority, rest }
    }

    /// The host in lower case, and the port with its colon or nothing.
    fn host_and_port(&self) -> Result<(String, String), Issue> {
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (self.authority, None),
        };
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(Issue::new(format!("{} is not a host name: expected {EXPECTED}", quoted(&host))));
        }
        let port = match port {
            None => String::new(),
            Some(port) => match port.parse::<u16>() {
                Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                    format!(":{number}")
                }
                _ => {
                    return Err(Issue::new(format!(
                        "{} is not a port: expected a number from 1 to 65535",
                        quoted(port)
                    )));
                }
            },
        };
        Ok((host, port))
    }

    /// The first thing that is wrong with an address that differs from the corrected one.
    fn issue(&self, corrected: Scheme) -> &'static str {
        let scheme = self.scheme.to_ascii_lowercase();
        if self.spaces {
            "has spaces around it"
        } else if scheme.is_empty() {
            "has no https:// in front"
        } else if scheme != "http" && scheme != "https" {
            "does not begin with https://"
        } else if scheme == "http" && corrected == Scheme::Https {
            "is not encrypted (http:// is for this machine only)"
        } else if self.user_info {
            "holds a user name"
        } else if self.rest == "/" {
            "ends in a slash"
        } else if self.rest.starts_with(['/', '\\']) {
            "has a path"
        } else if self.rest.starts_with('?') {
            "has a query"
        } else if self.rest.starts_with('#') {
            "has a fragment"
        } else {
            "is not in its plain form"
        }
    }
}

/// A name of letters, digits, hyphens and dots, or an IP address.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_accepted_as_they_are() {
        for text in [
            "https://yourcompany.talon.one",
            "https://yourcompany.europe-west1.talon.one",
            "https://talon.example.com:8443",
            "https://192.0.2.7",
            "https://[2001:db8::1]:8443",
            "http://localhost",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://127.9.8.7:65535",
            "http://[::1]:8080",
            "https://localhost:8443",
        ] {
            let url = DeploymentUrl::parse(text);
            assert_eq!(url.map(|url| url.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_faulty_address_is_rejected_with_the_corrected_one() {
        for (text, issue, corrected) in [
            ("https://a.talon.one/", "ends in a slash", "https://a.talon.one"),
            ("https://a.talon.one/v2/customer_profiles", "has a path", "https://a.talon.one"),
            ("https://a.talon.one//", "has a path", "https://a.talon.one"),
            ("https://a.talon.one?x=1", "has a query", "https://a.talon.one"),
            ("https://a.talon.one#top", "has a fragment", "https://a.talon.one"),
            ("a.talon.one", "has no https://", "https://a.talon.one"),
            ("a.talon.one/", "has no https://", "https://a.talon.one"),
            ("a.talon.one:8443", "has no https://", "https://a.talon.one:8443"),
            ("http://a.talon.one", "not encrypted", "https://a.talon.one"),
            ("http://127.1", "not encrypted", "https://127.1"),
            ("http://localhost.talon.one", "not encrypted", "https://localhost.talon.one"),
            ("ftp://a.talon.one", "does not begin with https://", "https://a.talon.one"),
            ("HTTPS://A.Talon.One", "plain form", "https://a.talon.one"),
            ("https://a.talon.one:0443", "plain form", "https://a.talon.one:443"),
            (" https://a.talon.one ", "spaces", "https://a.talon.one"),
            ("https://a.talon.one\n", "spaces", "https://a.talon.one"),
            ("http://localhost:8080/", "ends in a slash", "http://localhost:8080"),
        ] {
            let rejected = DeploymentUrl::parse(text);
            let message = format!("{rejected:?}");
            assert!(rejected.is_err(), "{text} was accepted");
            assert!(message.contains(issue), "{text}: {message}");
            assert!(message.contains(&format!("hint: Some({corrected:?})")), "{text}: {message}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_repeated() {
        let rejected = DeploymentUrl::parse("https://me:hunter2@a.talon.one");
        let message = format!("{rejected:?}");
        assert!(rejected.is_err());
        assert!(message.contains("user name") && message.contains("https://a.talon.one"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn what_cannot_be_fixed_is_rejected_all_the_same() {
        for (text, issue) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("https://", "not a host name"),
            ("https:///path", "not a host name"),
            ("https://a..talon.one", "not a host name"),
            ("https://a.talon.one.", "not a host name"),
            ("https://-a.talon.one", "not a host name"),
            ("https://müller.talon.one", "not a host name"),
            ("https://a b.talon.one", "not a host name"),
            ("https://[::g]", "not a host name"),
            ("https://a.talon.one:0", "not a port"),
            ("https://a.talon.one:", "not a port"),
            ("https://a.talon.one:+80", "not a port"),
            ("https://a.talon.one:65536", "not a port"),
            ("mailto:me@talon.one", "plain"),
        ] {
            let rejected = DeploymentUrl::parse(text);
            assert!(rejected.is_err(), "{text} was accepted");
            if issue != "plain" {
                assert!(format!("{rejected:?}").contains(issue), "{text}: {rejected:?}");
            }
        }
    }
}
