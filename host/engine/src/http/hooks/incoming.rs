//! An answer on its way in: its head, and its body piece by piece, each in time.
//!
//! Most answers are small. They are collected up to a cap before the plugin sees them, so that all is known about a request
//! when it is counted. The answers of a call that looks (`inspection`, `provisioning`) may be as long as what is looked at: they are
//! [`Pulled`]. The plugin asks for each piece, and what it does not ask for stays in the connection, which slows the server down.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::CallLog;
use super::HttpContext;
use super::code;
use super::joined::Joined;
use super::traffic::{InFlightGuard, Traffic};
use crate::http::client::{CONNECT_TIMEOUT, TransportFault};
use crate::http::egress::Origin;
use crate::http::secrets::Secrets;
use crate::limits::Limits;
use crate::stop::Stop;

/// An answer of which the head is there.
pub(super) struct Incoming {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: IncomingBody,
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
    let body = IncomingBody { origin: origin.clone(), body, patience, cap: limits.response_body, stretch: 0 };
    Ok(Incoming { status: head.status, headers: head.headers, body })
}

/// How long one may wait for an answer. Time in which nobody waits does not count.
struct Patience {
    /// For one piece.
    between_bytes: Duration,
    /// For a whole answer, from the request's departure; of a longer one, for each stretch.
    whole: Duration,
    spent: Duration,
}

impl Patience {
    async fn wait<T>(&mut self, origin: &Origin, piece: impl Future<Output = T>) -> Result<T, TransportFault> {
        let left = self.whole.saturating_sub(self.spent);
        let began = Instant::now();
        let piece = tokio::time::timeout(left.min(self.between_bytes), piece).await;
        self.spent += began.elapsed();
        piece.map_err(|_| match left <= self.between_bytes {
            true => TransportFault::endless(origin, self.whole),
            false => TransportFault::stalled(origin, self.between_bytes),
        })
    }
}

/// A body of which some may be there.
pub(super) struct IncomingBody {
    origin: Origin,
    body: reqwest::Body,
    patience: Patience,
    /// The longest body that is collected, and the length of a stretch of a longer one.
    cap: usize,
    /// Bytes of the present stretch.
    stretch: usize,
}

/// How the reading of an answer ended.
pub(super) enum End {
    Whole,
    TooLong,
    Broken(TransportFault),
}

impl IncomingBody {
    /// The next bytes; none at the end.
    async fn next(&mut self) -> Option<Result<Bytes, TransportFault>> {
        loop {
            let frame = match self.patience.wait(&self.origin, self.body.frame()).await {
                Ok(frame) => frame?,
                Err(fault) => return Some(Err(fault)),
            };
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) if !data.is_empty() => return Some(Ok(data)),
                // Nothing, or trailers, which nobody asks for.
                Ok(_) => {}
                Err(error) => return Some(Err(TransportFault::of_reading(&self.origin, error))),
            }
        }
    }

    /// All of it, up to the cap.
    pub(super) async fn collect(&mut self) -> (Bytes, End) {
        let mut whole = Joined::default();
        let mut room = self.cap;
        let end = loop {
            match self.next().await {
                None => break End::Whole,
                Some(Err(fault)) => break End::Broken(fault),
                Some(Ok(mut data)) => {
                    let too_long = data.len() > room;
                    data.truncate(room);
                    room -= data.len();
                    whole.push(data);
                    if too_long {
                        break End::TooLong;
                    }
                }
            }
        };
        (whole.finish(), end)
    }

    /// The next bytes of a body of any length: a stretch of it has the time that a whole answer has, so that one which drips
    /// does not go on for ever.
    async fn pull(&mut self, stop: &Stop) -> Option<Result<Bytes, TransportFault>> {
        let piece = tokio::select! {
            biased;
            piece = self.next() => piece?,
            () = stop.grace_over() => return Some(Err(TransportFault::given_up(&self.origin))),
        };
        if let Ok(data) = &piece {
            self.stretch += data.len();
            if self.stretch >= self.cap {
                self.stretch = 0;
                self.patience.spent = Duration::ZERO;
            }
        }
        Some(piece)
    }
}

/// A body that the plugin reads at its own pace, over as many calls as it likes. It counts as in flight until it has ended or was
/// given up.
pub(super) struct Pulled {
    pub(super) body: IncomingBody,
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
                let Some(piece) = pulled.body.pull(&pulled.stop).await else {
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
