//! One call that sends, against a server with one answer to everything; and what both sides say of it.

use std::time::Duration;

use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::{ConnectionCheck, ProblemKind};
use destination_engine::plugin::answers::{Failure, Report};
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::session::Session;
use serde_json::{Map, Value};

use super::ConformError;
use super::recorder::{Recorder, Reply, Seen};
use super::subject::{Subject, fault_of};

/// How long a call may take: no plugin that is asked to wait a second takes so long.
const PATIENCE: Duration = Duration::from_secs(300);

/// A call and its traces.
pub(super) struct Played<T> {
    /// The plugin's answer; none where it did not come to an end.
    pub(super) answer: Option<Result<T, CallError>>,
    /// What the server saw.
    pub(super) seen: Vec<Seen>,
    /// The server's URL.
    pub(super) at: String,
    /// How long the host held requests back, because the server had asked for it.
    pub(super) held_back: Duration,
}

/// Sends a batch.
pub(super) async fn send(
    subject: &Subject,
    config: &Map<String, Value>,
    reply: Reply,
    batch: &MappedBatch,
) -> Result<Played<Report>, ConformError> {
    play(subject, config, reply, async |session| session.send_batch(batch).await.answer).await
}

/// Checks the connection.
pub(super) async fn check(subject: &Subject, reply: Reply) -> Result<Played<ConnectionCheck>, ConformError> {
    play(subject, &subject.config, reply, async |session| session.check_connection().await.answer).await
}

/// Makes a call of a session whose requests arrive at a server with this answer.
pub(super) async fn play<T>(
    subject: &Subject,
    config: &Map<String, Value>,
    reply: Reply,
    call: impl AsyncFnOnce(Session) -> Result<T, CallError>,
) -> Result<Played<T>, ConformError> {
    let recorder = Recorder::start(reply).await.map_err(ConformError::Recorder)?;
    let session = subject.config_at(config, recorder.url()).and_then(|config| subject.session_at(&config));
    let (session, traffic) = session.map_err(ConformError::Rows)?;
    let outcome = tokio::time::timeout(PATIENCE, call(session)).await;
    subject.count_denied(traffic.counts().denied);
    Ok(Played {
        answer: outcome.ok(),
        seen: recorder.seen(),
        at: recorder.url().to_owned(),
        held_back: traffic.counts().waited,
    })
}

impl<T> Played<T> {
    /// What no call may do, whatever the server says.
    pub(super) fn fault(&self) -> Option<String> {
        match &self.answer {
            None => Some(format!("it has no end: {} requests in {PATIENCE:?}", self.seen.len())),
            Some(Err(error)) => fault_of(error),
            Some(Ok(_)) => None,
        }
    }

    /// What the plugin says has failed.
    pub(super) fn failed(&self) -> Option<&Failure> {
        match &self.answer {
            Some(Err(CallError::Failed(failure))) => Some(failure),
            _ => None,
        }
    }

    /// A server that asked for a second: the plugin waited for as long, or the engine is told by the failure. (The host holds back a
    /// request that comes earlier, so it is the host's waiting that shows it.)
    pub(super) fn impatient(&self, failure: Option<&Failure>) -> Option<String> {
        const ASKED_MS: u64 = 1000;
        if self.held_back > Duration::from_millis(ASKED_MS / 2) {
            return Some("it repeats a request before the second that the server asked for is over".to_owned());
        }
        let told = failure.and_then(|failure| failure.problem().retry_after_ms);
        (told != Some(ASKED_MS)).then(|| format!("the server asked for {ASKED_MS} ms, and the failure says {told:?}"))
    }
}

impl Played<Report> {
    /// How many records count as accepted.
    pub(super) fn accepted(&self) -> usize {
        match &self.answer {
            Some(Ok(report)) => report.accepted.len(),
            _ => 0,
        }
    }

    /// What stopped the delivery.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.answer {
            Some(Ok(report)) => report.undelivered.as_ref().map(|undelivered| &undelivered.failure),
            _ => self.failed(),
        }
    }

    /// Every record was accepted.
    pub(super) fn all_accepted(&self, records: usize) -> Option<String> {
        self.fault().or_else(|| match (self.accepted(), self.failure()) {
            (accepted, None) if accepted == records => None,
            (accepted, None) => Some(format!("{accepted} of {records} records are accepted")),
            (_, Some(failure)) => Some(format!("it fails: {}", failure.problem().message)),
        })
    }

    /// No record was accepted, and the server was asked a bounded number of times.
    pub(super) fn nothing_accepted(&self, records: usize) -> Option<String> {
        let most = 100 + 4 * records;
        self.fault().or_else(|| match (self.accepted(), self.seen.len()) {
            (0, requests) if requests <= most => None,
            (0, requests) => Some(format!("{requests} requests for {records} records")),
            (accepted, _) => Some(format!("{accepted} records are accepted")),
        })
    }

    /// It stopped, with nothing accepted and nothing rejected, and another call is worth it or not.
    pub(super) fn stopped(&self, records: usize, transient: bool, kinds: &[ProblemKind]) -> Option<String> {
        self.nothing_accepted(records).or_else(|| {
            let Some(failure) = self.failure() else { return Some("nothing is said to have failed".to_owned()) };
            let kind = failure.problem().kind;
            if failure.is_transient() != transient {
                let (is, due) = if transient { ("permanent", "transient") } else { ("transient", "permanent") };
                return Some(format!("the failure is {is}, not {due}: {}", failure.problem().message));
            }
            (!kinds.contains(&kind)).then(|| format!("its kind is {kind:?}, not one of {kinds:?}"))
        })
    }

    /// Everything that it says to people.
    pub(super) fn messages(&self) -> Vec<&str> {
        let failure = self.failure().map(|failure| failure.problem().message.as_str());
        let rejected = match &self.answer {
            Some(Ok(report)) => report.rejected.as_slice(),
            _ => &[],
        };
        failure.into_iter().chain(rejected.iter().map(|it| it.message.as_str())).collect()
    }
}
