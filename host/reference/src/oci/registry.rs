//! One registry, asked for manifests and their content: the read half of the OCI distribution protocol, over the client that
//! all requests of the process go through.
//!
//! `GET` alone. A 401 is met once, with the token or the password it asks for; redirects are followed, to another server without them, since
//! content often lies on one. What comes is as good as its digest: callers verify it.

use bytes::Bytes;
use destination_engine::HttpClient;
use destination_engine::http::client::DownloadError;
use destination_engine::http::egress::Origin;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::credentials::{self, Credentials};
use super::manifest::{Content, INDEX, MANIFEST};
use super::reference::Reference;
use crate::digest::Digest;

const MOST_MANIFEST_BYTES: usize = 4 << 20;
const MOST_TOKEN_BYTES: usize = 64 << 10;
const MOST_REDIRECTS: usize = 5;

/// Why a registry did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No whole answer came.
    #[error("{0}")]
    Download(#[from] DownloadError),
    /// It has no such thing.
    #[error("the registry has no {0}")]
    Absent(String),
    /// It gives it to others only.
    #[error("the registry does not give it to this user (HTTP {status}): {hint}")]
    Denied {
        /// 401 or 403.
        status: u16,
        /// What can be done.
        hint: String,
    },
    /// Any other answer.
    #[error("the registry answered {0} when asked for {1}; is it an OCI registry?")]
    Status(StatusCode, String),
    /// A server that it names can't be used.
    #[error("the registry names {url:?} for {what}: {reason}")]
    Elsewhere {
        /// As it was written.
        url: String,
        /// What for.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Where passwords are kept, none can be read.
    #[error("{0}")]
    Credentials(String),
}

/// A repository of a registry. Remembers how it is to be asked.
pub(super) struct Registry<'a> {
    client: &'a HttpClient,
    reference: &'a Reference,
    authorization: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'a> Registry<'a> {
    pub(super) fn new(client: &'a HttpClient, reference: &'a Reference) -> Self {
        Self { client, reference, authorization: None }
    }

    /// A manifest, or an index of manifests, by its tag or digest.
    pub(super) async fn manifest(&mut self, version: &str) -> Result<Bytes, RegistryError> {
        let path = format!("manifests/{version}");
        self.get(&path, &format!("{MANIFEST}, {INDEX};q=0.5"), MOST_MANIFEST_BYTES).await
    }

    /// What refers to a manifest, as an index, where the registry keeps such lists.
    pub(super) async fn referrers(&mut self, digest: Digest) -> Result<Bytes, RegistryError> {
        self.get(&format!("referrers/{digest}"), INDEX, MOST_MANIFEST_BYTES).await
    }

    /// Content, no more of it than its manifest says.
    pub(super) async fn blob(&mut self, content: Content) -> Result<Bytes, RegistryError> {
        let most = usize::try_from(content.bytes).unwrap_or(usize::MAX);
        self.get(&format!("blobs/{}", content.digest), "*/*", most).await
    }

    async fn get(&mut self, path: &str, accept: &str, most: usize) -> Result<Bytes, RegistryError> {
        // An error's page may be longer than what is asked for.
        const MOST_ERROR_BYTES: usize = 64 << 10;
        let most_of_any = most.max(MOST_ERROR_BYTES);
        let Reference { origin, repository, .. } = self.reference;
        let whole = format!("/v2/{repository}/{path}");
        let mut answer = self.ask(origin, &whole, accept, self.authorization.clone(), most_of_any).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            self.authorization = Some(self.authorize(&answer).await?);
            answer = self.ask(origin, &whole, accept, self.authorization.clone(), most_of_any).await?;
        }
        for _ in 0..MOST_REDIRECTS {
            if !answer.status().is_redirection() {
                break;
            }
            let (to, path) = self.redirected(&answer)?;
            let authorization = if to == *origin { self.authorization.clone() } else { None };
            answer = self.ask(&to, &path, accept, authorization, most_of_any).await?;
        }
        match answer.status() {
            StatusCode::OK if answer.body().len() > most => {
                Err(DownloadError::TooLarge { origin: origin.clone(), most }.into())
            }
            StatusCode::OK => Ok(answer.into_body()),
            StatusCode::NOT_FOUND => Err(RegistryError::Absent(path.replacen('/', " ", 1))),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                let hint = format!("is the password for {} right, and may it read this?", self.reference.host);
                Err(RegistryError::Denied { status: status.as_u16(), hint })
            }
            status => Err(RegistryError::Status(status, whole)),
        }
    }

    async fn ask(
        &self,
        origin: &Origin,
        path: &str,
        accept: &str,
        authorization: Option<HeaderValue>,
        most: usize,
    ) -> Result<Response<Bytes>, RegistryError> {
        let mut headers = HeaderMap::new();
        let agent = HeaderValue::from_static(concat!("destination-host/", env!("CARGO_PKG_VERSION")));
        headers.insert(USER_AGENT, agent);
        headers.extend(HeaderValue::from_str(accept).ok().map(|accept| (ACCEPT, accept)));
        headers.extend(authorization.map(|authorization| (AUTHORIZATION, authorization)));
        Ok(self.client.download(origin, path, headers, most).await?)
    }

    /// What a 401 asks for.
    async fn authorize(&self, answer: &Response<Bytes>) -> Result<HeaderValue, RegistryError> {
        let host = &self.reference.host;
        let found = credentials::find(host).map_err(|(path, reason)| {
            RegistryError::Credentials(format!("the registry's password is kept in {}, which {reason}", path.display()))
        })?;
        let denied = || {
            let hint = match &found {
                Credentials::Elsewhere(path) => format!(
                    "{} leaves the password for {host} to a program, which is not started here; put an entry `auth` into its `auths`",
                    path.display()
                ),
                _ => format!("log in to {host} (docker login, or a tool like it)"),
            };
            RegistryError::Denied { status: StatusCode::UNAUTHORIZED.as_u16(), hint }
        };
        let basic = match &found {
            Credentials::Basic(basic) => Some(secret(basic.header()).ok_or_else(denied)?),
            _ => None,
        };
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        match challenge::read(challenges, &self.reference.repository) {
            Some(Challenge::Token(url)) => {
                let (origin, path) = self.place(&url, "tokens")?;
                let answer = self.ask(&origin, &path, "application/json", basic, MOST_TOKEN_BYTES).await?;
                let token = serde_json::from_slice(answer.body()).ok().filter(|_| answer.status() == StatusCode::OK);
                let token = token.and_then(|token: Token| token.token.or(token.access_token));
                token.and_then(|token| secret(&format!("Bearer {token}"))).ok_or_else(denied)
            }
            Some(Challenge::Basic) => basic.ok_or_else(denied),
            None => Err(denied()),
        }
    }

    /// Where a redirect leads.
    fn redirected(&self, answer: &Response<Bytes>) -> Result<(Origin, String), RegistryError> {
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default();
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok((self.reference.origin.clone(), location.to_owned()));
        }
        self.place(location, "content")
    }

    /// A URL that the registry names, as an origin and a path: over TLS, where the registry is.
    fn place(&self, url: &str, what: &'static str) -> Result<(Origin, String), RegistryError> {
        let elsewhere =
            |reason: String| RegistryError::Elsewhere { url: url.chars().take(200).collect(), what, reason };
        let origin = Origin::of_url(url).map_err(|reason| elsewhere(reason.to_string()))?;
        if url.starts_with("http://") && !self.reference.origin.is_loopback() {
            return Err(elsewhere("it is not https".to_owned()));
        }
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.find('/').and_then(|slash| after_scheme.get(slash..)).unwrap_or("/");
        Ok((origin, path.to_owned()))
    }
}

/// A header's value that no debug output shows.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
