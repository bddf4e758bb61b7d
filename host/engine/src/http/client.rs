//! The one HTTP client of the process: pooled connections, TLS, proxies and time-outs.
//!
//! It sends what it is given to the origin it is given and reports what came back. Whether a request may leave
//! ([`crate::http::egress`]), when ([`crate::http::rate_limiter`]) and whether it is made again (the plugin) is decided elsewhere: redirects
//! are not followed and nothing is retried here, so that every request on the wire was asked for. A host's own downloads go through it
//! as well ([`HttpClient::download`]).
//!
//! `reqwest` rather than hyper's own pool: system proxies with their exceptions, the platform's certificate store and
//! tunnels are what it adds, and what we would have to write.

pub(crate) mod answer;
mod download;
mod fault;
mod proxy;
mod upload;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::crypto::ring;

pub use download::DownloadError;
pub use fault::FaultKind;
pub(crate) use fault::TransportFault;

use self::proxy::Proxies;
use crate::http::clearance::Clearance;
use crate::http::egress::Origin;

/// How long an unused connection is kept.
///
/// Shorter than load balancers and servers keep theirs (60 s and more), so that a request seldom meets a connection that
/// the other side is just closing; long enough for the pauses between batches and between attempts.
const IDLE: Duration = Duration::from_secs(20);

/// How long a connection may take to be made, TLS and proxy included, where the plugin sets nothing.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the client is made with.
#[derive(Debug, Clone, Default)]
pub struct ClientSettings {
    authorities: Vec<(String, Vec<u8>)>,
}

impl ClientSettings {
    /// Trust these certificate authorities beside the system's: a company's own. `pem` is the text of their certificates,
    /// `name` stands for it in errors: a file's name, say.
    #[must_use]
    pub fn trust(mut self, name: impl Into<String>, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push((name.into(), pem.into()));
        self
    }
}

/// A pool of connections. Cheap to clone; one for the whole process.
#[derive(Debug, Clone)]
pub struct HttpClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    certificates: Vec<reqwest::Certificate>,
    proxies: Proxies,
    /// `reqwest` sets these two for a whole client. A deployment asks for one combination.
    clients: Mutex<HashMap<Variant, reqwest::Client>>,
}

/// Clients that are kept. A plugin that asks for another time-out with every request loses its connections, and no more.
const MOST_CLIENTS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Variant {
    /// Requests to this machine never go through a proxy, whatever the environment says.
    loopback: bool,
    connect_timeout: Duration,
}

/// What kept the client from being made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A certificate authority's text holds no certificates.
    #[error("the CA file {name} holds no usable certificate: {reason}; it must be PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate {
        /// The name that it was given with.
        name: String,
        /// What was found instead.
        reason: String,
    },
    /// The client does not come up with what it is given.
    #[error("can't set up the HTTP client: {0}")]
    Setup(String),
}

impl HttpClient {
    /// Make the client; connections come with the first requests.
    ///
    /// # Errors
    /// Where a certificate authority's text can't be used.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        // Fails where the process has chosen a provider already, which is as good.
        let _chosen_before = ring::default_provider().install_default();
        let mut certificates = Vec::new();
        for (name, pem) in &settings.authorities {
            certificates.extend(read_certificates(name, pem)?);
        }
        let client =
            Self(Arc::new(Inner { certificates, proxies: Proxies::of_the_system(), clients: Mutex::default() }));
        // Once now, so that a fault in the settings shows here and not at the first request.
        client.variant(Variant { loopback: false, connect_timeout: CONNECT_TIMEOUT })?;
        Ok(client)
    }

    /// Send a request and wait for the head of the answer.
    ///
    /// The request's URI gives path and query only; its origin is the one named here. `first_byte` runs from now: a connection
    /// that has to be made is part of it, for at most `connect` of it.
    ///
    /// # Errors
    /// Where no answer came, or a success before the request had been written; any other answer is not an error.
    pub(crate) async fn send(
        &self,
        origin: &Origin,
        request: http::Request<Bytes>,
        connect: Duration,
        first_byte: Duration,
        clearance: Option<Arc<dyn Clearance>>,
    ) -> Result<http::Response<reqwest::Body>, TransportFault> {
        let connect_timeout = connect.min(first_byte);
        let variant = Variant { loopback: origin.is_loopback(), connect_timeout };
        let client = self.variant(variant).map_err(|e| TransportFault::setup(origin, &e))?;

        let (parts, body) = request.into_parts();
        let (body, taken) = upload::of(body, clearance);
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let sent = client.request(parts.method, format!("{origin}{path}")).headers(parts.headers).body(body).send();
        match tokio::time::timeout(first_byte, sent).await {
            Ok(Ok(response)) if response.status().is_success() && !taken.is_whole() => {
                Err(TransportFault::unread(origin, response.status()))
            }
            Ok(Ok(response)) => Ok(response.into()),
            Ok(Err(error)) => {
                let proxy = self.0.proxies.on_the_way_to(origin).filter(|_| error.is_connect());
                Err(TransportFault::of_sending(origin, error, connect_timeout, proxy.as_ref()).await)
            }
            Err(_) => Err(TransportFault::no_answer(origin, first_byte)),
        }
    }

    fn variant(&self, variant: Variant) -> Result<reqwest::Client, ClientError> {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&variant) {
            return Ok(client.clone());
        }
        let client = self.build(variant)?;
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(variant, client.clone());
        Ok(client)
    }

    fn build(&self, variant: Variant) -> Result<reqwest::Client, ClientError> {
        let builder = || {
            let builder = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .tls_version_min(reqwest::tls::Version::TLS_1_2)
                .dns_resolver(SystemResolver)
                .connect_timeout(variant.connect_timeout)
                .pool_idle_timeout(IDLE)
                .tcp_nodelay(true);
            if variant.loopback { builder.no_proxy() } else { builder }
        };
        let own = || self.0.certificates.iter().cloned();
        builder().tls_certs_merge(own()).build().or_else(|error| {
            // A small container has no certificates of the system's, and may need none.
            let client = builder().tls_certs_only(own()).build().map_err(|e| ClientError::Setup(fault::chain(&e)))?;
            tracing::warn!("only the certificates of the CA files named here are trusted: {}", fault::chain(&error));
            Ok(client)
        })
    }
}

fn read_certificates(name: &str, pem: &[u8]) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let unusable = |reason: String| ClientError::NoCertificate { name: name.to_owned(), reason };
    let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|e| unusable(fault::chain(&e)))?;
    if certificates.is_empty() {
        return Err(unusable("it has none".to_owned()));
    }
    Ok(certificates)
}

/// The system's resolver, whose failures can be told from those of connecting.
#[derive(Debug)]
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|e| fault::NameNotResolved(e.to_string()))?
                .collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
