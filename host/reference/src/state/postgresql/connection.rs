//! The connection to PostgreSQL: made when it is first needed, and again when it is lost.

use std::fs::File;
use std::io::BufReader;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use tokio::sync::Mutex;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Values;
use crate::state::remote::store::StoreError;
use crate::state::url::StateUrl;

/// How long a connection may take to be made, and a statement to be answered. A lease has to survive one that fails.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);

/// A server that makes commits last only later would confirm what it may lose.
const LASTING: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A connection.
pub(super) struct Connection {
    config: Config,
    /// `None`: without TLS.
    tls: Option<MakeRustlsConnect>,
    client: Mutex<Option<Arc<Client>>>,
}

/// Why a statement has no result.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server says so.
    Server(Box<DbError>),
    /// It can't be reached, or it answered something else.
    Connection(String),
    /// The connection can't be made as it is asked for.
    Refused(String),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("hosts", &self.config.get_hosts()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(url: &StateUrl) -> Result<Self, StoreError> {
        let Parameters { url, mode, root_certificates } = Parameters::of(url.secret());
        // The parser's own words show no value.
        let mut config = Config::from_str(&url).map_err(|error| StoreError::Refused(words(&error)))?;
        let mode = mode.as_deref().map(ssl_mode).transpose()?;
        let mode = mode.unwrap_or_else(|| default_mode(&config));
        config.ssl_mode(mode).connect_timeout(CONNECT).application_name("destination-host");
        let tls = match mode {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(tls(root_certificates.as_deref()).map_err(StoreError::Refused)?)),
        };
        Ok(Self { config, tls, client: Mutex::default() })
    }

    /// Runs a statement in one round trip, without a prepared statement: a pool of connections may be in between.
    pub(super) async fn query(&self, statement: &str, values: &Values<'_>) -> Result<Vec<Row>, Failed> {
        let client = self.client().await?;
        match tokio::time::timeout(ANSWER, client.query_typed(statement, values)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => {
                // What it answers later is the answer to something that nobody waits for.
                self.client.lock().await.take();
                Err(Failed::Connection(format!("no answer within {} s", ANSWER.as_secs())))
            }
        }
    }

    async fn client(&self) -> Result<Arc<Client>, Failed> {
        let mut current = self.client.lock().await;
        if let Some(client) = current.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let connecting = async {
            let client = match self.tls.clone() {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls).await?;
                    tokio::spawn(connection);
                    client
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    tokio::spawn(connection);
                    client
                }
            };
            client.query_typed(LASTING, &[]).await?;
            Ok(Arc::new(client))
        };
        let connected = tokio::time::timeout(ANSWER, connecting).await;
        let client =
            connected.map_err(|_| Failed::Connection("no connection in time".to_owned()))?.map_err(of_connecting)?;
        *current = Some(Arc::clone(&client));
        Ok(client)
    }
}

/// What a URL asks for that its parser does not know, or knows under fewer names.
struct Parameters {
    url: String,
    mode: Option<String>,
    root_certificates: Option<String>,
}

impl Parameters {
    fn of(url: &str) -> Self {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
        };
        let rest: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("sslmode=") && !pair.starts_with("sslrootcert="))
            .collect();
        let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        Self { url, mode: value("sslmode"), root_certificates: value("sslrootcert") }
    }
}

/// A value of a URL, without its percent-encoding.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whoever asks for TLS gets a certificate verified.
fn ssl_mode(mode: &str) -> Result<SslMode, StoreError> {
    match mode {
        "disable" => Ok(SslMode::Disable),
        "allow" | "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        other => Err(StoreError::Refused(format!(
            "sslmode is {other:?}; it must be disable, prefer, require or verify-full"
        ))),
    }
}

/// Without a word in the URL, only this machine is talked to without TLS.
fn default_mode(config: &Config) -> SslMode {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    if config.get_hosts().iter().all(is_here) { SslMode::Disable } else { SslMode::Require }
}

/// The system's certificates, and those of a file.
fn tls(root_certificates: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = Vec::new();
    if let Some(path) = root_certificates.filter(|path| *path != "system") {
        let unusable = |reason: String| format!("sslrootcert: {path} holds no usable certificate: {reason}");
        let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
            roots.push(certificate.map_err(|error| unusable(error.to_string()))?);
        }
        if roots.is_empty() {
            return Err(unusable("it has none".to_owned()));
        }
    }
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// What can't be connected to for what it is asked with will not be the next time either.
fn of_connecting(error: tokio_postgres::Error) -> Failed {
    match error.into() {
        Failed::Server(error) if !is_temporary(&error) => Failed::Refused(server(&error)),
        failed => failed,
    }
}

/// Whether the server may do it when it is asked again: it starts, stops, is full, or broke off.
fn is_temporary(error: &DbError) -> bool {
    let class = error.code().code().get(..2).unwrap_or_default();
    // Connection, transaction rollback, insufficient resources, operator intervention, system error.
    matches!(class, "08" | "40" | "53" | "57" | "58")
}

fn server(error: &DbError) -> String {
    format!("{} (SQLSTATE {})", error.message(), error.code().code())
}

/// An error with its causes.
fn words(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(server) => Self::Server(Box::new(server.clone())),
            None => Self::Connection(words(&error)),
        }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Server(error) if is_temporary(&error) => Self::Unavailable(server(&error)),
            Failed::Server(error) => Self::Refused(server(&error)),
            Failed::Connection(message) => Self::Unavailable(message),
            Failed::Refused(message) => Self::Refused(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_does_not_know_is_taken_out_of_the_url() {
        let parameters = Parameters::of("postgresql://u:p%40@h/d?sslmode=verify-full&a=b&sslrootcert=%2Fx%20y.pem");
        assert_eq!(parameters.url, "postgresql://u:p%40@h/d?a=b");
        assert_eq!(parameters.mode.as_deref(), Some("verify-full"));
        assert_eq!(parameters.root_certificates.as_deref(), Some("/x y.pem"));
        assert_eq!(Parameters::of("postgresql://h/d?sslmode=disable").url, "postgresql://h/d");
        assert_eq!(decoded("100%"), "100%");
    }

    #[test]
    fn only_this_machine_is_talked_to_without_tls() {
        for (url, expected) in [
            ("postgresql://localhost/d", SslMode::Disable),
            ("postgresql://127.0.0.1/d", SslMode::Disable),
            ("postgresql://db.example.com/d", SslMode::Require),
            ("postgresql://127.0.0.1,db.example.com/d", SslMode::Require),
        ] {
            assert_eq!(Config::from_str(url).ok().as_ref().map(default_mode), Some(expected), "{url}");
        }
    }
}
