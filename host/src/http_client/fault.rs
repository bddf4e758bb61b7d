//! What went wrong below HTTP, told apart by kind and said in words that name the host.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::egress::Origin;

/// The kinds of fault that call for different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The host's name has no address.
    NameNotResolved,
    /// Nobody listens there.
    Refused,
    /// No way to that address, or the proxy found none.
    Unreachable,
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
            Self::ConnectTimeout => "connect-timeout",
            Self::Certificate => "certificate",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::Incomplete => "incomplete",
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
pub struct TransportFault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// For a person: the host, what happened, and what to look at.
    pub message: String,
}

/// The resolver's failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NameNotResolved(pub(super) String);

impl TransportFault {
    /// From the client's error before the head of an answer was there.
    pub(super) fn of_sending(origin: &Origin, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let kind = kind_of(&error);
        Self::new(kind, origin, &root(&error))
    }

    /// From the client's error while the body of an answer was read.
    pub fn of_reading(origin: &Origin, error: reqwest::Error) -> Self {
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
        Self::new(FaultKind::AnswerTimeout, origin, &format!("waited {after:?}"))
    }

    /// The answer began and then nothing came for this long.
    pub fn stalled(origin: &Origin, after: Duration) -> Self {
        Self::new(FaultKind::Stalled, origin, &format!("waited {after:?}"))
    }

    /// No answer came while the run was stopping.
    pub fn given_up(origin: &Origin) -> Self {
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
            FaultKind::ConnectTimeout => "no connection in time",
            FaultKind::Certificate => {
                "its certificate is not trusted; where a company's proxy signs certificates, name its CA file"
            }
            FaultKind::Tls => "TLS failed",
            FaultKind::Broken => "the connection broke before the answer",
            FaultKind::Incomplete => "the connection broke within the answer",
            FaultKind::AnswerTimeout => "no answer in time",
            FaultKind::Stalled => "the answer stopped halfway",
            FaultKind::GivenUp => "no answer in the time that was left",
            FaultKind::Protocol => "what answered does not speak HTTP as expected",
            FaultKind::Setup => "the HTTP client does not work",
        };
        Self { kind, message: format!("{origin}: {what} ({cause})") }
    }
}

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
