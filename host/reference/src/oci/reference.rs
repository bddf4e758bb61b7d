//! `oci://host/name@sha256:…`: which component of which registry.
//!
//! The forms of names, tags and digests are those of the OCI distribution specification. A host is spelled in its one canonical
//! form, and no part is filled in: neither a registry nor a tag is guessed.

use std::fmt;
use std::str::FromStr;

use destination_engine::http::egress::{Origin, OriginError, Scheme};

use crate::digest::Digest;

/// How a component in a registry is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub(super) origin: Origin,
    /// `host[:port]`, as it was written.
    pub(super) host: String,
    /// The path below the host.
    pub(super) repository: String,
    pub(super) version: Version,
}

/// Which of a name's components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    /// The one whose manifest has this digest.
    Digest(Digest),
    /// The one that bears this tag now.
    Tag(String),
}

/// Why a text names no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It does not begin with `oci://`.
    #[error("expected oci://host/name@sha256:…")]
    Scheme,
    /// The host is not spelled as a host.
    #[error("the registry's host {host:?} can't be used: {reason}")]
    Host {
        /// What stands there.
        host: String,
        /// What is wrong with it.
        reason: OriginError,
    },
    /// The name is not one that registries take.
    #[error("{0:?} is not a name in a registry: expected lower-case letters, digits and . _ - between slashes")]
    Name(String),
    /// The tag is not one that registries take.
    #[error("{0:?} is not a tag: expected up to 128 letters, digits and . _ -")]
    Tag(String),
    /// The digest is not one.
    #[error("{0:?} is not a digest: expected sha256: and 64 hexadecimal digits in lower case")]
    Digest(String),
    /// Neither a digest nor a tag.
    #[error("it does not say which version: expected oci://host/name@sha256:…, or a tag, oci://host/name:1.0.0")]
    Unversioned,
}

/// What a reference to a registry begins with.
pub const SCHEME: &str = "oci://";

impl Reference {
    /// What a policy calls it: host and path.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The same component, by the digest of its manifest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { version: Version::Digest(digest), ..self.clone() }
    }

    /// Whether it is named by a tag, which can be moved.
    #[must_use]
    pub fn is_tag(&self) -> bool {
        matches!(self.version, Version::Tag(_))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.host, self.repository)?;
        match &self.version {
            Version::Digest(digest) => write!(f, "@{digest}"),
            Version::Tag(tag) => write!(f, ":{tag}"),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let rest = text.strip_prefix(SCHEME).ok_or(ReferenceError::Scheme)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let origin = origin(host).map_err(|reason| ReferenceError::Host { host: host.to_owned(), reason })?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (path, None),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if !is_name(repository) {
            return Err(ReferenceError::Name(repository.to_owned()));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        let version = match (digest, tag) {
            // A tag beside a digest is for people: the digest says it all.
            (Some(digest), _) => {
                Version::Digest(Digest::parse(digest).ok_or_else(|| ReferenceError::Digest(digest.to_owned()))?)
            }
            (None, Some(tag)) => Version::Tag(tag.to_owned()),
            (None, None) => return Err(ReferenceError::Unversioned),
        };
        Ok(Self { origin, host: host.to_owned(), repository: repository.to_owned(), version })
    }
}

/// Over TLS, but for a registry on this machine.
fn origin(host: &str) -> Result<Origin, OriginError> {
    let origin = Origin::new(Scheme::Https, host)?;
    if origin.is_loopback() { Origin::new(Scheme::Http, host) } else { Ok(origin) }
}

/// Parts between slashes, each of letters and digits with single separators (`.`, `_`, `__`, or dashes) between them.
fn is_name(name: &str) -> bool {
    const MOST_CHARACTERS: usize = 255;
    let is_separator =
        |separator: &str| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-');
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= MOST_CHARACTERS
        && name.split('/').all(|part| {
            let ends_plain =
                [part.bytes().next(), part.bytes().last()].into_iter().all(|end| end.is_some_and(is_plain));
            ends_plain && part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).all(is_separator)
        })
}

fn is_tag(tag: &str) -> bool {
    const MOST_CHARACTERS: usize = 128;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= MOST_CHARACTERS
        && tag.starts_with(is_word)
        && tag.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(text: &str) -> Result<Reference, ReferenceError> {
        text.parse()
    }

    #[test]
    fn a_reference_is_shown_as_it_was_read() {
        for text in [
            format!("oci://registry.example.com/talon-one@{DIGEST}"),
            format!("oci://registry.example.com:8443/a/b_c/d__e/f--g/h.i@{DIGEST}"),
            "oci://127.0.0.1:5000/talon-one:0.1.0".to_owned(),
            "oci://[::1]:5000/talon-one:_RC-1.0".to_owned(),
        ] {
            assert_eq!(read(&text).unwrap().to_string(), text);
        }
        let both = read(&format!("oci://registry.example.com/talon-one:0.1.0@{DIGEST}")).unwrap();
        assert_eq!(both, read(&format!("oci://registry.example.com/talon-one@{DIGEST}")).unwrap());
        assert!(!both.is_tag());
        assert_eq!(both.name(), "registry.example.com/talon-one");
    }

    proptest! {
        /// Whatever is taken is shown as itself, and is asked of the host that it names.
        #[test]
        fn what_is_taken_means_one_thing(text in "oci://[a-z0-9.:/@_-]{0,40}(@sha256:[0-9a-f]{64})?") {
            if let Ok(reference) = read(&text) {
                prop_assert_eq!(read(&reference.to_string()), Ok(reference.clone()));
                let named = format!("oci://{}/", reference.host);
                prop_assert!(text.starts_with(&named), "{named}");
            }
        }
    }

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        let origin = |text: &str| read(text).unwrap().origin.to_string();
        assert_eq!(origin("oci://registry.example.com/x:1"), "https://registry.example.com");
        assert_eq!(origin("oci://127.0.0.1:5000/x:1"), "http://127.0.0.1:5000");
        assert_eq!(origin("oci://localhost/x:1"), "http://localhost");
        assert_eq!(origin("oci://localhost.example.com/x:1"), "https://localhost.example.com");
        assert_eq!(origin("oci://10.0.0.1/x:1"), "https://10.0.0.1");
    }

    #[test]
    fn what_is_no_reference_is_refused_by_its_part() {
        for text in ["", "https://host/x:1", "host/x:1"] {
            assert_eq!(read(text).unwrap_err(), ReferenceError::Scheme, "{text}");
        }
        for host in ["", "Registry.example.com", "user@registry.example.com", "registry.example.com.", "2130706433"] {
            assert!(matches!(read(&format!("oci://{host}/x:1")), Err(ReferenceError::Host { .. })), "{host}");
        }
        for name in [
            "", "/x", "x/", "a//b", "A", ".a", "a.", "a..b", "a___b", "a._b", "..", "a/../b", "a%2fb", "a b", "a?b",
            "é",
        ] {
            assert_eq!(
                read(&format!("oci://host.example/{name}:1")).unwrap_err(),
                ReferenceError::Name(name.to_owned())
            );
        }
        for tag in ["", ".1", "-1", "1/2", "1:2", "é", &"1".repeat(129)] {
            assert!(matches!(read(&format!("oci://host.example/x:{tag}")), Err(ReferenceError::Tag(_))), "{tag}");
        }
        for digest in ["", "sha256:", "sha512:00", &DIGEST.to_uppercase()] {
            assert!(
                matches!(read(&format!("oci://host.example/x@{digest}")), Err(ReferenceError::Digest(_))),
                "{digest}"
            );
        }
        assert_eq!(read("oci://host.example/x").unwrap_err(), ReferenceError::Unversioned);
    }
}
