//! An answer on its way in: its head, and its body piece by piece, each in time.
//!
//! Most answers are small. They are collected up to a cap before the plugin sees them, so that all is known about a request
//! when it is counted. The answers of a call that looks (`inspection`, `provisioning`) may be as long as what is looked at: they are
//! [`Pulled`]. The plugin asks for each piece, and what it does not ask for stays in the connection, which slows the server down.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::CallLog;
use super::HttpContext;
use super::code;
use super::traffic::{InFlightGuard, Traffic};
use crate::http::client::answer::{AnswerBody, Patience};
use crate::http::client::{CONNECT_TIMEOUT, TransportFault};
use crate::http::egress::Origin;
use crate::http::joined::Joined;
use crate::http::secrets::Secrets;
use crate::limits::Limits;
use crate::stop::Stop;

/// An answer of which the head is there.
pub(super) struct Incoming {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: AnswerBody,
}

/// Send one request, and wait for the head of its answer.
pub(super) async fn send(
    outgoing: &HttpContext,
    origin: &Origin,
    request: http::Request<Bytes>,
    options: RequestOptions,
    limits: &Limits,
) -> Result<Incoming, TransportFault> {
    let connect = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let first_byte = options.first_byte_timeout.unwrap_or(limits.first_byte);
    let between_bytes = options.between_bytes_timeout.unwrap_or(limits.between_bytes);
    let sent = Instant::now();
    let response = outgoing.client.send(origin, request, connect, first_byte, outgoing.clearance.clone()).await?;
    let (head, body) = response.into_parts();
    let patience = Patience { between_bytes, whole: first_byte.max(between_bytes), spent: sent.elapsed() };
    let body = AnswerBody::new(origin.clone(), body, patience, limits.response_body);
    Ok(Incoming { status: head.status, headers: head.headers, body })
}

/// A body that the plugin reads at its own pace, over as many calls as it likes. It counts as in flight until it has ended or was
/// given up.
pub(super) struct Pulled {
    pub(super) body: AnswerBody,
    pub(super) secrets: Secrets,
    pub(super) call: CallLog,
    pub(super) traffic: Arc<Traffic>,
    pub(super) stop: Stop,
    #[expect(dead_code, reason = "it counts for as long as it is kept")]
    pub(super) in_flight: InFlightGuard,
}

impl Pulled {
    /// What the plugin gets: no secret, not even one that came in two pieces.
    pub(super) fn frames(self) -> impl Stream<Item = Result<Frame<Bytes>, Error>> + Send {
        let begun = (self, Bytes::new());
        stream::try_unfold(Some(begun), async |state| {
            let Some((mut pulled, mut held)) = state else { return Ok(None) };
            loop {
                let piece = tokio::select! {
                    biased;
                    piece = pulled.body.pull() => piece,
                    () = pulled.stop.grace_over() => Some(Err(TransportFault::given_up(&pulled.body.origin))),
                };
                let Some(piece) = piece else {
                    pulled.secrets.conceal(&mut held);
                    return Ok((!held.is_empty()).then_some((Frame::data(held), None)));
                };
                let piece = piece.map_err(|fault| {
                    pulled.traffic.failed(fault.kind);
                    pulled.call.failed(&fault);
                    code(&fault)
                })?;
                pulled.traffic.received(piece.len());
                let mut whole = joined(held, piece);
                held = whole.split_off(pulled.secrets.certain(&whole));
                pulled.secrets.conceal(&mut whole);
                if !whole.is_empty() {
                    return Ok(Some((Frame::data(whole), Some((pulled, held)))));
                }
            }
        })
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    let mut both = Joined::default();
    both.push(first);
    both.push(second);
    both.finish()
}
