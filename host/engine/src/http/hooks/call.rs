//! What one call of a plugin did on the wire. The counts of a whole run are in [`super::Traffic`]; these say what is to be
//! thought of one batch.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Method, StatusCode};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::http::client::{FaultKind, TransportFault};

/// The requests of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallTraffic {
    /// Requests that left, whatever the answer was.
    pub requests: u64,
    /// Those among them that an earlier one of the call equals to the byte.
    pub retries: u64,
    /// Those of which it is known whether they took effect.
    pub decided: u64,
    /// What went wrong last below HTTP, or was not let out, in words. A plugin learns only a code of it.
    pub cause: Option<String>,
}

impl CallTraffic {
    /// Whether a request may have taken effect and nobody said so.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.decided < self.requests
    }
}

/// The call that is being made by an instance; one at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    traffic: CallTraffic,
    sent: HashSet<u64>,
    /// Records that the call was given, and bytes of the largest body that they can fill, as far as it is known.
    records: u32,
    bytes: usize,
    /// Requests that were answered, or never will be.
    ended: u64,
    /// Answers may be of any length: the plugin pulls them.
    long_answers: bool,
}

impl CallLog {
    /// A call begins that is to send so many records, of so many bytes together.
    pub(super) fn begin(&self, records: usize, bytes: usize) {
        *self.state() = State { records: u32::try_from(records).unwrap_or(u32::MAX), bytes, ..State::default() };
    }

    /// A call begins that is to look at what may be of any size.
    pub(super) fn begin_looking(&self) {
        *self.state() = State { long_answers: true, ..State::default() };
    }

    /// Whether the plugin pulls the answers of this call.
    pub(super) fn long_answers(&self) -> bool {
        self.state().long_answers
    }

    /// How many records a request carries, by its share of the bytes: only the plugin knows how it divides them. At least
    /// one; all of them where the body is as large as any.
    pub(super) fn records_in(&self, body: usize) -> u32 {
        let state = &mut *self.state();
        state.bytes = state.bytes.max(body);
        let records = (u128::from(state.records) * body as u128).div_ceil(state.bytes.max(1) as u128);
        u32::try_from(records).unwrap_or(u32::MAX).clamp(1, state.records.max(1))
    }

    /// What the last call did; the next one starts from nothing.
    pub(super) fn take(&self) -> CallTraffic {
        std::mem::take(&mut *self.state()).traffic
    }

    pub(super) fn departed(&self, method: &Method, path: &str, body: &[u8]) {
        let request = xxh3_64_with_seed(body, xxh3_64(path.as_bytes()) ^ xxh3_64(method.as_str().as_bytes()));
        let state = &mut *self.state();
        state.traffic.requests += 1;
        state.traffic.retries += u64::from(!state.sent.insert(request));
    }

    /// A whole answer came.
    pub(super) fn answered(&self, status: StatusCode) {
        self.state().traffic.decided += u64::from(is_clear(status));
    }

    /// A request was answered, or never will be.
    pub(crate) fn ended_one(&self) {
        self.state().ended += 1;
    }

    /// How many requests of the call have ended: one that goes on sending is not stuck.
    pub(crate) fn ended(&self) -> u64 {
        self.state().ended
    }

    /// No whole answer came.
    pub(super) fn failed(&self, fault: &TransportFault) {
        let traffic = &mut self.state().traffic;
        traffic.decided += u64::from(never_left(fault.kind));
        traffic.cause = Some(fault.message.clone());
    }

    /// A request was not let out.
    pub(super) fn denied(&self, why: String) {
        self.state().traffic.cause = Some(why);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counting can't stop halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a status says that the request was carried out, or that it was not. Something on the way may answer with
/// any other: it knows no more than we do.
fn is_clear(status: StatusCode) -> bool {
    const CLIENT_CLOSED_REQUEST: u16 = 499;
    match status {
        StatusCode::OK | StatusCode::NO_CONTENT => true,
        StatusCode::REQUEST_TIMEOUT => false,
        status => status.is_client_error() && status.as_u16() != CLIENT_CLOSED_REQUEST,
    }
}

/// Whether a request that ended so can't have reached anybody.
fn never_left(fault: FaultKind) -> bool {
    match fault {
        FaultKind::NameNotResolved
        | FaultKind::Refused
        | FaultKind::Unreachable
        | FaultKind::ConnectTimeout
        | FaultKind::Certificate
        | FaultKind::Tls
        | FaultKind::ProxyRefused
        | FaultKind::Setup => true,
        FaultKind::Broken
        | FaultKind::Incomplete
        | FaultKind::Unread
        | FaultKind::AnswerTimeout
        | FaultKind::Stalled
        | FaultKind::GivenUp
        | FaultKind::Protocol => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_request_carries_its_share_of_the_records() {
        let log = CallLog::default();
        assert_eq!(log.records_in(0), 1, "a call that was given none");
        log.begin(1000, 50_000);
        // The whole batch with what the plugin puts around it, then halves of it.
        for (body, records) in [(60_000, 1000), (30_000, 500), (15_000, 250), (61, 2), (0, 1), (60_000, 1000)] {
            assert_eq!(log.records_in(body), records, "{body} bytes");
        }
        // One record a request, for a plugin that sends them so.
        log.begin(1000, 50_000);
        assert_eq!(log.records_in(50), 1);
        // Removals have no payload: the first request is the measure.
        log.begin(1000, 0);
        assert_eq!((log.records_in(80_000), log.records_in(40_000)), (1000, 500));
    }

    fn fault(kind: FaultKind) -> TransportFault {
        TransportFault { kind, message: "reset".to_owned() }
    }

    #[test]
    fn an_equal_request_is_a_retry() {
        let log = CallLog::default();
        for body in ["a", "a", "b"] {
            log.departed(&Method::PUT, "/x", body.as_bytes());
        }
        log.failed(&fault(FaultKind::Broken));
        let traffic = log.take();
        assert_eq!((traffic.requests, traffic.retries), (3, 1));
        assert_eq!(traffic.cause.as_deref(), Some("reset"));
        log.departed(&Method::PUT, "/x", b"a");
        assert_eq!(log.take().retries, 0, "another call");
    }

    #[test]
    fn only_an_answer_that_decides_leaves_no_doubt() {
        for (status, in_doubt) in [
            (200, false),
            (204, false),
            (400, false),
            (404, false),
            (409, false),
            (413, false),
            (429, false),
            (202, true),
            (302, true),
            (408, true),
            (499, true),
            (500, true),
            (502, true),
            (504, true),
        ] {
            let log = CallLog::default();
            log.departed(&Method::PUT, "/x", b"");
            log.answered(StatusCode::from_u16(status).unwrap());
            assert_eq!(log.take().in_doubt(), in_doubt, "{status}");
        }
    }

    #[test]
    fn a_request_that_never_left_is_in_no_doubt_and_a_broken_one_stays_in_it() {
        let log = CallLog::default();
        log.departed(&Method::PUT, "/x", b"");
        log.failed(&fault(FaultKind::Refused));
        assert!(!log.take().in_doubt());
        for kind in [FaultKind::Broken, FaultKind::Unread, FaultKind::GivenUp] {
            log.departed(&Method::PUT, "/x", b"");
            log.failed(&fault(kind));
            log.departed(&Method::PUT, "/x", b"");
            log.answered(StatusCode::BAD_REQUEST);
            assert!(log.take().in_doubt(), "the repeat was refused, the first may have been carried out");
        }
    }
}
