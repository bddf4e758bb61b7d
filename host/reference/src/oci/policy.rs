//! Whose signature a component from a registry needs, by its name: a file that its user writes.
//!
//! ```toml
//! [[component]]
//! name = "registry.example.com/destinations/*"
//! keys = ["RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"]
//! ```
//!
//! The first rule that fits a name decides, and a name that none fits is refused. Pure, but for [`Policy::read`].

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use glob::{MatchOptions, Pattern};
use minisign_verify::{PublicKey, Signature};
use serde::Deserialize;

use crate::file;

/// Bytes of a policy.
const MOST_BYTES: u64 = 1 << 20;

/// A policy, read.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its file's name, for errors.
    pub(super) file: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    name: Pattern,
    needed: Needed,
}

/// What a component of some name needs.
#[derive(Debug, Clone)]
pub(super) enum Needed {
    /// A signature by one of these keys.
    SignatureBy(Vec<Key>),
    /// Nothing: the digest is enough.
    Nothing,
}

/// A public key of minisign's.
#[derive(Clone)]
pub(super) struct Key {
    key: PublicKey,
    pub(super) id: KeyId,
}

/// How minisign tells keys apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    /// As minisign prints it: the number, most significant digit first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// Why a policy can't be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signature policy {file} {reason}")]
pub struct PolicyError {
    file: String,
    reason: String,
}

/// Why no signature of a component counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("it is not signed")]
    Missing,
    /// What is there is not a signature.
    #[error("its signature can't be read: {0}")]
    Unreadable(String),
    /// A signature by somebody else.
    #[error("it is signed by the key {0}, which the policy does not name for it")]
    UnknownKey(KeyId),
    /// A signature of other bytes, or an altered one.
    #[error("its signature by the key {0} is wrong: it is one of other bytes, or was altered")]
    Wrong(KeyId),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    component: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    unsigned: bool,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// Where the file is not there, or is not a policy.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let file = path.display().to_string();
        let text = file::read(path, MOST_BYTES)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned()));
        text.and_then(|text| Self::parse(&text, &file)).map_err(|reason| PolicyError { file, reason })
    }

    fn parse(text: &str, file: &str) -> Result<Self, String> {
        let read: File = toml::from_str(text).map_err(|error| format!("can't be read: {error}"))?;
        if read.component.is_empty() {
            return Err("has no [[component]]: it would refuse every name".to_owned());
        }
        let rules = read.component.iter().map(Rule::of).collect::<Result<_, _>>()?;
        Ok(Self { file: file.to_owned(), rules })
    }

    /// What a name needs; nothing where no rule fits it.
    pub(super) fn needed(&self, name: &str) -> Option<&Needed> {
        // `*` stays within a part of the path, `**` does not.
        let parts =
            MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };
        self.rules.iter().find(|rule| rule.name.matches_with(name, parts)).map(|rule| &rule.needed)
    }
}

impl Rule {
    fn of(entry: &Entry) -> Result<Self, String> {
        let of = &entry.name;
        let name = Pattern::new(of).map_err(|error| format!("names {of:?}, which is not a pattern: {error}"))?;
        let needed = match (entry.keys.as_slice(), entry.unsigned) {
            ([], true) => Needed::Nothing,
            ([], false) => return Err(format!("names no keys for {of:?}; write `unsigned = true` if it needs none")),
            (_, true) => return Err(format!("says both `keys` and `unsigned = true` for {of:?}; only one can hold")),
            (keys, false) => Needed::SignatureBy(keys.iter().map(|key| Key::parse(key)).collect::<Result<_, _>>()?),
        };
        Ok(Self { name, needed })
    }
}

impl Key {
    /// The second line of minisign's file of a public key.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("has the key {text:?}, which is not one: expected the line of 56 characters of a minisign.pub");
        let id = key_id(text).ok_or_else(wrong)?;
        PublicKey::from_base64(text).map(|key| Self { key, id }).map_err(|_| wrong())
    }
}

/// The bytes after the two that name the algorithm, in a public key as in a signature.
fn key_id(base64: &str) -> Option<KeyId> {
    STANDARD.decode(base64).ok()?.get(2..10)?.try_into().ok().map(KeyId)
}

/// Whether a signature (minisign's file of four lines) is one of these bytes by one of these keys, and by which.
pub(super) fn verify(keys: &[Key], component: &[u8], signature: &[u8]) -> Result<KeyId, SignatureError> {
    let unreadable = |reason: &str| SignatureError::Unreadable(reason.to_owned());
    let text = std::str::from_utf8(signature).map_err(|_| unreadable("it is not UTF-8"))?;
    let id = text.lines().nth(1).and_then(key_id).ok_or_else(|| unreadable("it is not one of minisign's"))?;
    let signature = Signature::decode(text).map_err(|error| unreadable(&error.to_string()))?;
    let key = keys.iter().find(|key| key.id == id).ok_or(SignatureError::UnknownKey(id))?;
    // Signatures of the whole text, not of its hash, are what minisign wrote before 2020, and take the whole in memory to make.
    const OLD_FORM_TOO: bool = false;
    match key.key.verify(component, &signature, OLD_FORM_TOO) {
        Ok(()) => Ok(id),
        Err(minisign_verify::Error::UnsupportedLegacyMode) => {
            Err(unreadable("it is of minisign's old form; sign with -H, or with a minisign of 2020 or later"))
        }
        Err(_) => Err(SignatureError::Wrong(id)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use super::*;

    // Made by minisign, of the text `test`; the key pair was thrown away.
    const KEY: &str = include_str!("policy/test.pub");
    const OTHER_KEY: &str = include_str!("policy/other.pub");
    const SIGNATURE: &str = include_str!("policy/test.minisig");

    fn line(file: &str) -> &str {
        file.lines().nth(1).unwrap()
    }

    fn policy(text: &str) -> Result<Policy, String> {
        Policy::parse(text, "policy.toml")
    }

    fn rule(name: &str, more: &str) -> String {
        format!("[[component]]\nname = \"{name}\"\n{more}\n")
    }

    fn key(file: &str) -> Key {
        Key::parse(line(file)).unwrap()
    }

    #[test]
    fn a_signature_counts_for_its_key_and_its_bytes() {
        let (known, other) = (key(KEY), key(OTHER_KEY));
        let id = known.id;
        assert!(KEY.lines().next().unwrap().contains(&id.to_string()), "{id}");
        let keys = [other.clone(), known];
        assert_eq!(verify(&keys, b"test", SIGNATURE.as_bytes()), Ok(id));
        assert_eq!(verify(&keys, b"tesT", SIGNATURE.as_bytes()), Err(SignatureError::Wrong(id)));
        assert_eq!(verify(&[other], b"test", SIGNATURE.as_bytes()), Err(SignatureError::UnknownKey(id)));
        assert_eq!(verify(&[], b"test", SIGNATURE.as_bytes()), Err(SignatureError::UnknownKey(id)));
    }

    #[test]
    fn no_altered_signature_counts() {
        let keys = [key(KEY)];
        let whole = SIGNATURE.trim_end();
        // The first line is a comment that nobody signs; all else is signed.
        let signed = whole.find('\n').unwrap();
        for (place, character) in whole.char_indices().filter(|(place, _)| *place > signed) {
            let other = if character == 'A' { 'B' } else { 'A' };
            let altered = format!("{}{other}{}", &whole.get(..place).unwrap(), &whole.get(place + 1..).unwrap());
            let answer = verify(&keys, b"test", altered.as_bytes());
            // Of the last characters of base64 some bits mean nothing: such a text is refused, or is the same signature.
            assert!(answer.is_err(), "{place}: {altered}");
        }
        for text in ["", "\n", "untrusted comment: x\n", "untrusted comment: x\nAAAA\ntrusted comment: y\nAAAA"] {
            assert!(matches!(verify(&keys, b"test", text.as_bytes()), Err(SignatureError::Unreadable(_))), "{text:?}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let text = [
            rule("host.example/a/free", "unsigned = true"),
            rule("host.example/a/*", &format!("keys = [\"{}\"]", line(KEY))),
            rule("host.example/b/**", &format!("keys = [\"{}\"]", line(OTHER_KEY))),
        ];
        let policy = policy(&text.concat()).unwrap();
        let ids = |name: &str| match policy.needed(name) {
            None => "refused".to_owned(),
            Some(Needed::Nothing) => "nothing".to_owned(),
            Some(Needed::SignatureBy(keys)) => format!("{keys:?}"),
        };
        let (one, two) = (format!("[{}]", key(KEY).id), format!("[{}]", key(OTHER_KEY).id));
        for (name, needed) in [
            ("host.example/a/free", "nothing"),
            ("host.example/a/x", one.as_str()),
            ("host.example/a/x/y", "refused"),
            ("host.example/b/x/y", two.as_str()),
            ("other.example/a/x", "refused"),
            ("evil.example/host.example/a/x", "refused"),
            ("host.example:8443/a/x", "refused"),
        ] {
            assert_eq!(ids(name), needed, "{name}");
        }
    }

    #[test]
    fn a_policy_that_would_not_mean_what_it_says_is_refused() {
        let key = line(KEY);
        let none = "has no [[component]]";
        for (text, reason) in [
            (String::new(), none),
            ("[[components]]\nname = \"x\"".to_owned(), "unknown field"),
            (rule("x", ""), "names no keys"),
            (rule("x", "keys = []"), "names no keys"),
            (rule("x", &format!("keys = [\"{key}\"]\nunsigned = true")), "only one can hold"),
            (rule("x", "keys = [\"RWQ\"]"), "is not one"),
            (rule("x", &format!("keys = [\"{}\"]", key.replace('R', "S"))), "is not one"),
            (rule("[", "unsigned = true"), "not a pattern"),
            (rule("x", "key = \"RWQ\""), "unknown field"),
        ] {
            let Err(error) = policy(&text) else { panic!("{text}") };
            assert!(error.contains(reason), "{error}");
        }
    }
}
