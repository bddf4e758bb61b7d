//! The address of a server in a config, for plugins that take any: the host, and where requests go at it.

use std::fmt;

use crate::config::Issue;
use crate::problem::quote::quoted;

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    /// As a URL spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// `https://hooks.example.com/rows?list=1`. Shown without its path, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// http or https.
    pub scheme: Scheme,
    /// The host, with the port if one is given.
    pub authority: String,
    /// Path and query; `/` where there is none.
    pub path: String,
}

impl Url {
    /// Read a URL. Plain http is for this machine alone: a secret goes with every request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        const EXPECTED: &str = "expected an address such as https://hooks.example.com/rows";
        let (scheme, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (Scheme::Https, rest),
            (None, Some(rest)) => (Scheme::Http, rest),
            (None, None) => return Err(Issue::new(format!("does not begin with https://: {EXPECTED}"))),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // User info may be a password: it is not repeated.
        if authority.contains('@') {
            return Err(Issue::new(format!("has a user name or password in it: {EXPECTED}")));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let host_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if host.is_empty()
            || !host.bytes().all(host_taken)
            || port.is_some_and(|port| port.parse::<u16>().is_err())
            || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return Err(Issue::new(format!("is {}: {EXPECTED}", quoted(text))));
        }
        if scheme == Scheme::Http && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            return Err(Issue::new("sends the secret unencrypted: expected https://"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, authority: authority.to_ascii_lowercase(), path })
    }
}

/// A text as one segment of a path or one value of a query: all but letters, digits and `-._~` as `%` and two digits. A segment that
/// is `.` or `..` stays one, and servers and clients take it out of a path: it can't be asked for so.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.name(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_text_is_one_segment() {
        for (text, encoded) in [
            ("cust_42-a.b~c", "cust_42-a.b~c"),
            ("a/b?c#d%e", "a%2Fb%3Fc%23d%25e"),
            ("a b+c", "a%20b%2Bc"),
            ("Zoë\n", "Zo%C3%AB%0A"),
            ("", ""),
        ] {
            assert_eq!(percent_encoded(text), encoded);
        }
    }

    #[test]
    fn an_address_is_read_whole() {
        for (text, shown, path) in [
            ("https://hooks.example.com/rows?list=1", "https://hooks.example.com", "/rows?list=1"),
            ("https://Hooks.example.com:8443", "https://hooks.example.com:8443", "/"),
            ("https://hooks.example.com?x", "https://hooks.example.com", "/?x"),
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080", "/a"),
            ("http://[::1]:8080/a", "http://[::1]:8080", "/a"),
            ("http://[::1]/a", "http://[::1]", "/a"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.path.as_str()), (shown, path), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, fault) in [
            ("hooks.example.com", "does not begin"),
            ("", "does not begin"),
            ("https://", "is \"https://\""),
            ("https://a b/", "is \"https://a b/\""),
            ("https://a/ä", "is \""),
            ("https://a/#x", "is \""),
            ("https://a:99999/", "is \""),
            ("https://me:secret@a/", "user name"),
            ("http://hooks.example.com/", "unencrypted"),
            ("http://localhost.example.com/", "unencrypted"),
        ] {
            let issue = format!("{:?}", Url::parse(text).unwrap_err());
            assert!(issue.replace("\\\"", "\"").contains(fault), "{text}: {issue}");
            assert!(!issue.contains("secret@"), "{issue}");
        }
    }
}
