//! A user name and password for a registry, where `docker login` and its like leave them: the `auths` of `config.json`, in
//! `$DOCKER_CONFIG` or `~/.docker`. Programs that keep secrets elsewhere (`credsStore`, `credHelpers`) are not started.

use std::env;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::file;

const MOST_BYTES: u64 = 1 << 20;

/// What a registry is told about who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// A header's value. It is secret.
    Basic(Basic),
    /// Nothing is known for that registry.
    None,
    /// They are kept by a program.
    Elsewhere(PathBuf),
}

/// `Basic …`. It never shows itself.
#[derive(PartialEq, Eq)]
pub(super) struct Basic(String);

impl Basic {
    /// For the header `authorization`.
    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Basic ***")
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// What is known for a registry's host (with its port). A file that can't be read is said, in words that follow its name.
pub(super) fn find(host: &str) -> Result<Credentials, (PathBuf, String)> {
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".docker")));
    match folder.map(|folder| folder.join("config.json")).filter(|file| file.exists()) {
        None => Ok(Credentials::None),
        Some(path) => {
            let text = file::read(&path, MOST_BYTES);
            text.and_then(|text| of(&text, host, &path)).map_err(|reason| (path, reason))
        }
    }
}

fn of(config: &[u8], host: &str, path: &Path) -> Result<Credentials, String> {
    // What the parser says could repeat a part of the secret.
    let config: Config = serde_json::from_slice(config).map_err(|_| "is not JSON of Docker's form".to_owned())?;
    // Some tools write a URL where others write the host.
    let is_host = |key: &str| {
        let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        key.split('/').next() == Some(host)
    };
    let entry = config.auths.into_iter().find(|(key, _)| is_host(key)).map(|(_, entry)| entry);
    let pair = match entry {
        Some(Entry { username: Some(user), password: Some(password), .. }) => {
            Some(STANDARD.encode(format!("{user}:{password}")))
        }
        Some(Entry { auth: Some(auth), .. }) if !auth.is_empty() => Some(auth),
        _ => None,
    };
    Ok(match pair {
        Some(pair) => Credentials::Basic(Basic(format!("Basic {pair}"))),
        None if config.creds_store.is_some() || config.cred_helpers.contains_key(host) => {
            Credentials::Elsewhere(path.to_owned())
        }
        None => Credentials::None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn read(config: &str, host: &str) -> Result<Credentials, String> {
        of(config.as_bytes(), host, Path::new("config.json"))
    }

    fn basic(pair: &str) -> Credentials {
        Credentials::Basic(Basic(format!("Basic {pair}")))
    }

    #[test]
    fn each_registry_gets_its_own() {
        let config = r#"{"auths": {
            "registry.example.com": {"auth": "b25lOjE="},
            "https://other.example.com/v1/": {"auth": "dHdvOjI="},
            "127.0.0.1:5000": {"username": "three", "password": "3"},
            "empty.example.com": {}
        }}"#;
        assert_eq!(read(config, "registry.example.com").unwrap(), basic("b25lOjE="));
        assert_eq!(read(config, "other.example.com").unwrap(), basic("dHdvOjI="));
        assert_eq!(read(config, "127.0.0.1:5000").unwrap(), basic("dGhyZWU6Mw=="));
        for host in ["127.0.0.1:5001", "empty.example.com", "example.com", "registry.example.com.evil.example"] {
            assert_eq!(read(config, host).unwrap(), Credentials::None, "{host}");
        }
    }

    #[test]
    fn what_a_program_keeps_is_said_to_be_elsewhere() {
        let config = r#"{"auths": {"a.example": {}}, "credsStore": "desktop"}"#;
        assert_eq!(read(config, "a.example").unwrap(), Credentials::Elsewhere("config.json".into()));
        let config = r#"{"credHelpers": {"a.example": "cloud"}}"#;
        assert_eq!(read(config, "a.example").unwrap(), Credentials::Elsewhere("config.json".into()));
        assert_eq!(read(config, "b.example").unwrap(), Credentials::None);
    }

    #[test]
    fn nothing_shows_a_secret() {
        assert!(!format!("{:?}", basic("c2VjcmV0")).contains("c2VjcmV0"));
        assert!(!read(r#"{"auths": {"a": {"auth": c2VjcmV0}}}"#, "a").unwrap_err().contains("c2VjcmV0"));
    }
}
