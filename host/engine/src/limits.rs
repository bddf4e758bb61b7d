//! What a plugin may use up, in memory, time and bytes on the wire. Who keeps it: [`crate::plugin::instance`], [`crate::plugin::sandbox`] and
//! [`crate::http::hooks`].

use std::time::Duration;

/// What a plugin may use up. Each default gives the reason for its number. Others are set field by field on
/// [`Limits::default`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory of one instance. Default 256 MiB: a batch of 1,000 wide rows (10 KB each) takes about 40 MB with
    /// what is mapped from it, so this is reached by faults rather than by data.
    pub memory: usize,
    /// An instance whose memory has grown past this is not used again, because a sandbox's memory never shrinks. Default
    /// 32 MiB: the usual batch of 1,000 rows stays well below, and a few workers within the memory of a small machine.
    pub kept_memory: usize,
    /// Time for a call that only computes. Default 30 s: a batch takes milliseconds, on a busy machine perhaps a second.
    pub pure_call: Duration,
    /// Time for a call that sends, from its start or its last answer to the next answer or its end: a call that gets answers
    /// may go on, however many requests a slow limit spreads. Default 75 min: the longest that a plugin should wait before it
    /// repeats (an hour), the longest that a request should take (10 min), and the longest that a `Retry-After` holds
    /// everyone back (5 min).
    pub network_call: Duration,
    /// Bytes of one request's body. Default 32 MiB: six times a batch of 1,000 profiles of 5 KB.
    pub request_body: usize,
    /// Bytes of one answer's body; the plugin sees that it was cut. Default 1 MiB: an error for each of 1,000 records.
    pub response_body: usize,
    /// Bytes of one answer's headers, and of a request's. Default 64 KiB: eight times what servers commonly take.
    pub headers: usize,
    /// Time from a request's departure to the first byte of the answer, a connection included, where the plugin sets none. Default 60 s: a large batch on a
    /// loaded server takes seconds, and load balancers give up after a minute.
    pub first_byte: Duration,
    /// Time between two pieces of an answer (which must be whole within the longer of the two), where the plugin sets none. Default 30 s: the answer is small and was ready
    /// when it began.
    pub between_bytes: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            memory: 256 * MIB,
            kept_memory: 32 * MIB,
            pure_call: Duration::from_secs(30),
            network_call: Duration::from_secs(75 * 60),
            request_body: 32 * MIB,
            response_body: MIB,
            headers: 64 * 1024,
            first_byte: Duration::from_secs(60),
            between_bytes: Duration::from_secs(30),
        }
    }
}
