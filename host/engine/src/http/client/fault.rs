//! What went wrong below HTTP, told apart by kind and said in words that name the host.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;

use super::proxy::Proxy;
use crate::http::egress::Origin;

/// The kinds of fault that call for different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The host's name has no address.
    NameNotResolved,
    /// Nobody listens there.
    Refused,
    /// No way to that address, or the proxy found none.
    Unreachable,
    /// The proxy on the way refuses the connection, and will the next time.
    ProxyRefused,
    /// No connection in time.
    ConnectTimeout,
    /// The certificate can't be trusted.
    Certificate,
    /// The two sides found no common TLS, or one broke its rules.
    Tls,
    /// The connection broke before the answer began.
    Broken,
    /// The connection broke within the answer.
    Incomplete,
    /// A success came before the request had been written: whatever it confirms, it is not this request.
    Unread,
    /// No answer in time.
    AnswerTimeout,
    /// The answer began and then stalled.
    Stalled,
    /// The run was to stop, and no answer came in the time that was left for it.
    GivenUp,
    /// What came back is not HTTP.
    Protocol,
    /// The client itself can't work.
    Setup,
}

impl FaultKind {
    /// Its name for machines, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NameNotResolved => "name-not-resolved",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ProxyRefused => "proxy-refused",
            Self::ConnectTimeout => "connect-timeout",
            Self::Certificate => "certificate",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::Incomplete => "incomplete",
            Self::Unread => "unread",
            Self::AnswerTimeout => "answer-timeout",
            Self::Stalled => "stalled",
            Self::GivenUp => "given-up",
            Self::Protocol => "protocol",
            Self::Setup => "setup",
        }
    }
}

/// A request that got no answer, or not a whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct TransportFault {
    /// What kind of fault.
    pub(crate) kind: FaultKind,
    /// For a person: the host, what happened, and what to look at.
    pub(crate) message: String,
}

/// The resolver's failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NameNotResolved(pub(super) String);

impl TransportFault {
    /// From the client's error before the head of an answer was there. `proxy` is the one that the connection was to go
    /// through, where there was none yet.
    pub(super) async fn of_sending(
        origin: &Origin,
        error: reqwest::Error,
        connect: Duration,
        proxy: Option<&Proxy>,
    ) -> Self {
        let error = error.without_url();
        let (kind, cause) = match kind_of(&error) {
            FaultKind::ConnectTimeout => (FaultKind::ConnectTimeout, format!("waited {connect:?}")),
            kind => (kind, root(&error)),
        };
        match proxy {
            None => Self::new(kind, origin, &cause),
            Some(proxy) => Self::at_a_proxy(kind, origin, &cause, proxy).await,
        }
    }

    /// A connection that did not come about through a proxy.
    async fn at_a_proxy(kind: FaultKind, origin: &Origin, cause: &str, proxy: &Proxy) -> Self {
        let told = |kind, what: &str| Self { kind, message: format!("{origin}: the proxy {proxy} {what}") };
        let refusal = match cause.strip_prefix(TUNNEL) {
            Some(AUTHORIZATION) => Some("407 Proxy Authentication Required".to_owned()),
            Some(_) => proxy.refusal(origin).await,
            None => None,
        };
        match (refusal, kind) {
            // What it has no way to now, it may have later.
            (Some(said), _) if said.starts_with('5') => {
                told(FaultKind::Unreachable, &format!("opens no connection: it answered {said}"))
            }
            (Some(said), _) if said.starts_with("407") => told(
                FaultKind::ProxyRefused,
                &format!("asks for a sign-in: it answered {said}; put a user name and password into HTTPS_PROXY"),
            ),
            (Some(said), _) => told(
                FaultKind::ProxyRefused,
                &format!("refuses the connection: it answered {said}; it must allow CONNECT to {}", origin.authority()),
            ),
            (None, FaultKind::NameNotResolved) => {
                told(FaultKind::Unreachable, &format!("was not found by its name; is HTTPS_PROXY right? ({cause})"))
            }
            (None, FaultKind::Refused | FaultKind::Unreachable) => told(
                FaultKind::Unreachable,
                &format!("gave no connection; is HTTPS_PROXY right, and is it up? ({cause})"),
            ),
            (None, kind) => {
                let Self { kind, message } = Self::new(kind, origin, cause);
                Self { kind, message: format!("{message}, by way of the proxy {proxy}") }
            }
        }
    }

    /// From the client's error while the body of an answer was read.
    pub(crate) fn of_reading(origin: &Origin, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let kind = match kind_of(&error) {
            FaultKind::Certificate => FaultKind::Certificate,
            FaultKind::Tls => FaultKind::Tls,
            FaultKind::Protocol => FaultKind::Protocol,
            _ => FaultKind::Incomplete,
        };
        Self::new(kind, origin, &root(&error))
    }

    /// The answer did not begin in time.
    pub(super) fn no_answer(origin: &Origin, after: Duration) -> Self {
        Self::new(FaultKind::AnswerTimeout, origin, &format!("waited {after:?}, the connection included"))
    }

    /// The answer began and then nothing came for this long.
    pub(crate) fn stalled(origin: &Origin, after: Duration) -> Self {
        Self::new(FaultKind::Stalled, origin, &format!("waited {after:?} for the rest"))
    }

    /// The answer began, went on, and was not at its end this long after the request had left.
    pub(crate) fn endless(origin: &Origin, after: Duration) -> Self {
        Self::new(FaultKind::Stalled, origin, &format!("it was not whole {after:?} after the request"))
    }

    /// A success came before the request had been written.
    pub(super) fn unread(origin: &Origin, status: StatusCode) -> Self {
        Self::new(FaultKind::Unread, origin, &format!("HTTP {}", status.as_u16()))
    }

    /// No answer came while the run was stopping.
    pub(crate) fn given_up(origin: &Origin) -> Self {
        Self::new(FaultKind::GivenUp, origin, "the run was asked to stop")
    }

    pub(super) fn setup(origin: &Origin, error: &super::ClientError) -> Self {
        Self::new(FaultKind::Setup, origin, &error.to_string())
    }

    fn new(kind: FaultKind, origin: &Origin, cause: &str) -> Self {
        let what = match kind {
            FaultKind::NameNotResolved => "the host's name was not found; is the URL right?",
            FaultKind::Refused => {
                "the connection was refused; are the URL, its port, and the proxy if there is one, right?"
            }
            FaultKind::Unreachable => "the host can't be reached; is the network up, and the proxy right?",
            FaultKind::ProxyRefused => "the proxy refuses the connection",
            FaultKind::ConnectTimeout => "no connection in time",
            FaultKind::Certificate => {
                "its certificate is not trusted; where a company's proxy signs certificates, name its CA file"
            }
            FaultKind::Tls => "TLS failed",
            FaultKind::Broken => "the connection broke before the answer",
            FaultKind::Incomplete => "the connection broke within the answer",
            FaultKind::Unread => "it answered with success before it had read the request, which confirms nothing",
            FaultKind::AnswerTimeout => "no answer in time",
            FaultKind::Stalled => "the answer did not end in time",
            FaultKind::GivenUp => "no answer in the time that was left",
            FaultKind::Protocol => "what answered does not speak HTTP as expected",
            FaultKind::Setup => "the HTTP client does not work",
        };
        Self { kind, message: format!("{origin}: {what} ({cause})") }
    }
}

/// How the client's word for a tunnel that a proxy did not open begins; its type is not public.
const TUNNEL: &str = "tunnel error: ";

/// And how it ends where the proxy wants to know who asks.
const AUTHORIZATION: &str = "proxy authorization required";

fn kind_of(error: &reqwest::Error) -> FaultKind {
    for cause in causes(error) {
        if cause.is::<NameNotResolved>() {
            return FaultKind::NameNotResolved;
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => FaultKind::Certificate,
                _ => FaultKind::Tls,
            };
        }
    }
    if error.is_connect() && error.is_timeout() {
        return FaultKind::ConnectTimeout;
    }
    for cause in causes(error) {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return FaultKind::Refused,
                io::ErrorKind::TimedOut if error.is_connect() => return FaultKind::ConnectTimeout,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return FaultKind::Unreachable;
                }
                _ => {}
            }
        }
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return FaultKind::Protocol;
        }
    }
    if error.is_connect() { FaultKind::Unreachable } else { FaultKind::Broken }
}

/// An error and what is behind it, the outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error = *error;
        // An `io::Error` around another error gives that one's source as its own: look inside first.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The innermost cause: what the system, TLS or the server said.
fn root(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error with all that is behind it, on one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
