//! What one call of a plugin did on the wire. The counts of a whole run are in [`super::Traffic`]; these say what is to be
//! thought of one batch.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Method, StatusCode};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The requests of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallTraffic {
    /// Requests that left, whatever the answer was.
    pub requests: u64,
    /// Those among them that an earlier one of the call equals to the byte.
    pub retries: u64,
    /// Those of which an answer says what they did: a whole one, and neither 408 nor 5xx, which may be a gateway's that
    /// knows no more than we do.
    pub answered: u64,
    /// What went wrong last below HTTP, or was not let out, in words. A plugin learns only a code of it.
    pub cause: Option<String>,
}

impl CallTraffic {
    /// Whether a request may have taken effect and nobody said so.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.answered < self.requests
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
}

impl CallLog {
    /// A call begins that is to send so many records, of so many bytes together.
    pub(super) fn begin(&self, records: usize, bytes: usize) {
        *self.state() = State { records: u32::try_from(records).unwrap_or(u32::MAX), bytes, ..State::default() };
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
        let tells = !status.is_server_error() && status != StatusCode::REQUEST_TIMEOUT;
        self.state().traffic.answered += u64::from(tells);
    }

    /// A request was answered, or never will be.
    pub(super) fn ended_one(&self) {
        self.state().ended += 1;
    }

    /// How many requests of the call have ended: one that goes on sending is not stuck.
    pub(crate) fn ended(&self) -> u64 {
        self.state().ended
    }

    pub(super) fn failed(&self, cause: &str) {
        self.state().traffic.cause = Some(cause.to_owned());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counting can't stop halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn an_equal_request_is_a_retry_and_an_answer_that_says_nothing_leaves_a_doubt() {
        let log = CallLog::default();
        let send = |body: &[u8]| log.departed(&Method::PUT, "/x", body);
        send(b"a");
        log.answered(StatusCode::SERVICE_UNAVAILABLE);
        send(b"a");
        log.answered(StatusCode::NO_CONTENT);
        send(b"b");
        log.failed("reset");
        let traffic = log.take();
        assert_eq!((traffic.requests, traffic.retries, traffic.answered), (3, 1, 1));
        assert!(traffic.in_doubt());
        assert_eq!(traffic.cause.as_deref(), Some("reset"));

        send(b"a");
        log.answered(StatusCode::BAD_REQUEST);
        let next = log.take();
        assert_eq!((next.requests, next.retries, next.in_doubt()), (1, 0, false));
    }
}
