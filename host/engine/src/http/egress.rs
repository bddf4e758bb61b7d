//! Where a plugin may send requests: to the origins that its config names, and those that it names itself and its user allows;
//! nowhere else.
//!
//! Pure policy: URLs in, yes or no out; no sockets, no wasm. It is parsed once into origins (scheme, host, port) and
//! compared for equality. Nothing is repaired on the way: a spelling that a resolver or a browser would understand
//! differently from us (upper case, a trailing dot, a host of digits) is refused where it stands.
//!
//! It judges names, not addresses: where a name of the config resolves to is the config's business.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// How requests travel to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear: for loopback only.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The port that a URL without one means.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// A scheme, a host and a port: what a browser calls an origin.
///
/// A value of this type is canonical: lower case, no trailing dot, addresses in their one standard form, and never
/// `http` to another machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    /// The origin of an absolute URL, whose path and query do not matter.
    ///
    /// # Errors
    /// Where the text is not a URL of that kind in canonical spelling.
    pub fn of_url(url: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = if let Some(rest) = url.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = url.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(OriginError::Scheme);
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        Self::new(scheme, rest.get(..end).unwrap_or_default())
    }

    /// The origin of a request: its scheme and its authority (`host` or `host:port`).
    ///
    /// # Errors
    /// Where the authority is not in canonical spelling.
    pub fn new(scheme: Scheme, authority: &str) -> Result<Self, OriginError> {
        if authority.contains('@') {
            return Err(OriginError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let origin = Self { scheme, host: Host::parse(host)?, port: port.unwrap_or(scheme.default_port()) };
        if origin.scheme == Scheme::Http && !origin.is_loopback() {
            return Err(OriginError::Cleartext);
        }
        Ok(origin)
    }

    /// `host:port`, the port always there: what a proxy is asked to connect to.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether the origin is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost",
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// `host:port` or `host`, an IPv6 address in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), OriginError> {
    let colon = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => colon,
        _ => return Ok((authority, None)),
    };
    let (host, port) = authority.split_at(colon);
    let port = port.trim_start_matches(':');
    let canonical = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(port) if canonical => Ok((host, Some(port))),
        _ => Err(OriginError::Port),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    fn parse(host: &str) -> Result<Self, OriginError> {
        if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            let address: Ipv6Addr = inner.parse().map_err(|_| OriginError::Address)?;
            // One spelling an address: `::1`, not `0:0:0:0:0:0:0:1`.
            return if address.to_string() == inner { Ok(Self::V6(address)) } else { Err(OriginError::Address) };
        }
        if host.is_empty() {
            return Err(OriginError::NoHost);
        }
        if !host.is_ascii() {
            return Err(OriginError::NotAscii);
        }
        if host.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(OriginError::UpperCase);
        }
        let last = host.rsplit('.').next().unwrap_or_default();
        if last.is_empty() {
            return Err(OriginError::TrailingDot);
        }
        // No top-level domain begins with a digit, and resolvers read `2130706433`, `127.1` and `0x7f.0.0.1` as
        // addresses: what ends in a number is an address in standard form or nothing.
        if last.starts_with(|c: char| c.is_ascii_digit()) {
            return host.parse().map(Self::V4).map_err(|_| OriginError::Address);
        }
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if host.len() > 253 || !host.split('.').all(label) {
            return Err(OriginError::Name);
        }
        Ok(Self::Name(host.to_owned()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Why a text names no origin that requests may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each says what it is in its message")]
pub enum OriginError {
    #[error("it must begin with https:// (or http:// for this machine)")]
    Scheme,
    #[error("http is for this machine only; write https://")]
    Cleartext,
    #[error("it must not carry a user name or password")]
    UserInfo,
    #[error("it has no host")]
    NoHost,
    #[error("the port must be a number from 1 to 65535 without leading zeros")]
    Port,
    #[error("an address must stand in its standard form, such as 127.0.0.1 or [::1]")]
    Address,
    #[error("the host must be in lower case")]
    UpperCase,
    #[error("the host must not end in a dot")]
    TrailingDot,
    #[error("the host must be in ASCII; an international name is written in its xn-- form")]
    NotAscii,
    #[error("the host must be made of letters, digits and hyphens, in parts joined by dots")]
    Name,
}

/// An endpoint of the config that requests can't be allowed to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is no endpoint that requests may go to: {url:?}: {reason}")]
pub struct EndpointError {
    /// The config's key.
    pub key: String,
    /// Its value, without a user name and password.
    pub url: String,
    /// What is wrong with it.
    pub reason: OriginError,
}

/// Who named an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamedBy {
    /// This key of the config.
    Config(String),
    /// The plugin itself.
    Plugin,
}

/// The origins that a plugin's requests may go to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Who named it, for the text of a denial, and the origin.
    allowed: Vec<(NamedBy, Origin)>,
}

impl Policy {
    /// Allow the origins of these URLs; each comes with the config key it was found under.
    ///
    /// # Errors
    /// Where one of them is not an absolute https URL (http for loopback) in canonical spelling.
    pub fn of_endpoints<'a>(endpoints: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, EndpointError> {
        let allowed = endpoints
            .into_iter()
            .map(|(key, url)| match Origin::of_url(url) {
                Ok(origin) => Ok((NamedBy::Config(key.to_owned()), origin)),
                Err(reason) => Err(EndpointError { key: key.to_owned(), url: without_user_info(url), reason }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { allowed })
    }

    /// Allow these origins too, which the plugin names itself.
    #[must_use]
    pub fn and(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.allowed.extend(origins.into_iter().map(|origin| (NamedBy::Plugin, origin)));
        self
    }

    /// Whether a request may go to this scheme and authority.
    ///
    /// # Errors
    /// Where it may not; the error's text names this layer, the target and what to change.
    pub fn check(&self, scheme: &str, authority: &str) -> Result<&Origin, Denial> {
        let wanted = match scheme {
            "https" => Origin::new(Scheme::Https, authority),
            "http" => Origin::new(Scheme::Http, authority),
            _ => Err(OriginError::Scheme),
        };
        self.allowed.iter().map(|(_, origin)| origin).find(|origin| wanted.as_ref() == Ok(origin)).ok_or_else(|| {
            Denial {
                target: without_user_info(&format!("{scheme}://{authority}")),
                malformed: wanted.err(),
                allowed: self.allowed.clone(),
            }
        })
    }
}

/// A segment of a path that would not be sent as it stands: `.` and `..` are steps, and so they are to the WHATWG's URLs where a
/// dot is written `%2e`. The client follows them before it sends, so the request would go somewhere else than it says.
pub(crate) fn step(path: &str) -> Option<&str> {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').find(|segment| {
        segment.len() <= "%2e%2e".len()
            && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
    })
}

/// A URL as it may be shown: what stands before an `@` may be a password.
fn without_user_info(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme_end), Some(at)) if scheme_end < at => {
            let (scheme, _) = url.split_at(scheme_end + 3);
            let (_, host) = url.split_at(at + 1);
            format!("{scheme}{host}")
        }
        (None, Some(at)) => url.split_at(at + 1).1.to_owned(),
        _ => url.to_owned(),
    }
}

/// A request that was not let out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Denial {
    target: String,
    malformed: Option<OriginError>,
    allowed: Vec<(NamedBy, Origin)>,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host's egress policy let no request out to {}", self.target)?;
        if let Some(reason) = self.malformed {
            write!(f, " ({reason})")?;
        }
        if self.allowed.is_empty() {
            return f.write_str(": the config names no endpoint, so none is allowed");
        }
        f.write_str(": allowed is only")?;
        for (i, (named_by, origin)) in self.allowed.iter().enumerate() {
            write!(f, "{} {origin}", if i == 0 { "" } else { "," })?;
            match named_by {
                NamedBy::Config(key) => write!(f, " (`{key}` in the config)")?,
                NamedBy::Plugin => f.write_str(" (the plugin's own)")?,
            }
        }
        f.write_str("; if the plugin should call another, change it there")
    }
}

#[cfg(test)]
mod tests;
