//! Answers, and bodies that end otherwise than they should.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use thiserror::Error;

use crate::api::error_body::ErrorBody;

/// An answer on its way out.
pub(crate) type Reply = Response<Stream>;

/// The script ends this exchange here: hyper closes its connection, or resets its stream, on seeing it.
#[derive(Debug, Error)]
#[error("the fault script ended this exchange")]
pub(crate) struct Ended;

/// A body that is sent in chunks, and how it ends.
pub(crate) struct Stream {
    chunks: VecDeque<Bytes>,
    /// What comes after them, made as it is sent: its size is not announced.
    source: Option<Box<dyn Iterator<Item = Bytes> + Send>>,
    /// Bytes to send at most; what is beyond them is left out.
    most: u64,
    /// Bytes that the answer announces beyond those that it sends.
    withheld: u64,
    ending: Ending,
}

enum Ending {
    Proper,
    /// Breaks off. hyper sends what it has only when there is nothing more for now, so it must be told that once.
    Cut {
        told: bool,
    },
    /// Says nothing more until this is over.
    Stall(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Stream {
    fn whole(chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        Self { chunks, source: None, most: u64::MAX, withheld: 0, ending: Ending::Proper }
    }

    /// The next bytes to send, within what may be sent.
    fn next(&mut self) -> Option<Bytes> {
        if self.most == 0 {
            return None;
        }
        let mut chunk = self.chunks.pop_front().or_else(|| self.source.as_mut()?.next())?;
        chunk.truncate(usize::try_from(self.most).unwrap_or(usize::MAX));
        self.most -= chunk.len() as u64;
        Some(chunk)
    }

    /// Bytes that are left to send, where that is known.
    fn left(&self) -> Option<u64> {
        let left: u64 = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        self.source.is_none().then_some(left.min(self.most))
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        let this = self.get_mut();
        if let Some(chunk) = this.next() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match &mut this.ending {
            Ending::Proper => Poll::Ready(None),
            Ending::Cut { told: true } => Poll::Ready(Some(Err(Ended))),
            Ending::Cut { told } => {
                *told = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Stall(over) => over.as_mut().poll(cx).map(|()| Some(Err(Ended))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == Some(0) && matches!(self.ending, Ending::Proper)
    }

    fn size_hint(&self) -> SizeHint {
        self.left().map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + self.withheld))
    }
}

/// No body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    with(status, Stream::whole([]))
}

/// A body of any kind.
pub(crate) fn text(status: StatusCode, content_type: HeaderValue, text: String) -> Reply {
    let mut reply = with(status, Stream::whole([Bytes::from(text)]));
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// A JSON body.
pub(crate) fn json(status: StatusCode, body: String) -> Reply {
    text(status, HeaderValue::from_static("application/json"), body)
}

/// A JSON body. Strings, numbers and JSON texts can always be written as JSON.
pub(crate) fn json_of(status: StatusCode, body: &impl Serialize) -> Reply {
    json(status, serde_json::to_string(body).unwrap_or_default())
}

/// A body that is made as it is sent.
pub(crate) fn streamed(content_type: HeaderValue, chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Reply {
    let mut reply = with(StatusCode::OK, Stream { source: Some(Box::new(chunks)), ..Stream::whole([]) });
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// The first bytes of an answer, as if they were all of it.
pub(crate) fn truncated(mut reply: Reply, bytes: u64) -> Reply {
    reply.body_mut().most = bytes;
    reply
}

/// The first bytes of an answer, and then the end of the connection.
pub(crate) fn broken_off(mut reply: Reply, bytes: u64) -> Reply {
    let stream = reply.body_mut();
    // One byte more than there is, where the answer is that short: it breaks off in any case.
    stream.withheld = stream.left().map_or(0, |left| left.saturating_sub(bytes).max(1));
    stream.most = bytes;
    stream.ending = Ending::Cut { told: false };
    reply
}

/// The documented error body.
pub(crate) fn error(body: &ErrorBody) -> Reply {
    json(body.status(), error_text(body))
}

/// An error that announces twice the body it sends, and then breaks off.
pub(crate) fn cut_short(status: StatusCode) -> Reply {
    half(status, Ending::Cut { told: false })
}

/// An error that announces twice the body it sends, and then is silent until `over`.
pub(crate) fn stalled(status: StatusCode, over: impl Future<Output = ()> + Send + 'static) -> Reply {
    half(status, Ending::Stall(Box::pin(over)))
}

fn half(status: StatusCode, ending: Ending) -> Reply {
    let mut reply = error(&ErrorBody::plain(status, "this answer has no end"));
    let stream = reply.body_mut();
    stream.withheld = stream.size_hint().lower();
    stream.ending = ending;
    reply
}

/// A documented error whose message is this many million bytes.
pub(crate) fn oversized(status: StatusCode, megabytes: u16) -> Reply {
    const CHUNK: &[u8] = &[b'x'; 50_000];
    let around = error_text(&ErrorBody::plain(status, "|"));
    let (head, tail) = around.split_once('|').unwrap_or_default();
    let filling = (0..u32::from(megabytes) * 20).map(|_| Bytes::from_static(CHUNK));
    let chunks = [head.to_owned().into()].into_iter().chain(filling).chain([tail.to_owned().into()]);
    let mut reply = with(status, Stream::whole(chunks));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// `{"message":"overloaded"}` in gzip, though nobody asked for it.
pub(crate) fn compressed(status: StatusCode) -> Reply {
    const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\xca\x4d\x2d\x2e\x4e\x4c\x4f\x55\xb2\x52\xca\x2f\x4b\x2d\xca\xc9\x4f\x4c\x49\x4d\x51\xaa\x05\x00\x23\x4b\x1e\x2c\x18\x00\x00\x00";
    let mut reply = with(status, Stream::whole([Bytes::from_static(GZIP)]));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    reply
}

fn error_text(body: &ErrorBody) -> String {
    // Strings and numbers can always be written as JSON.
    serde_json::to_string(body).unwrap_or_default()
}

fn with(status: StatusCode, stream: Stream) -> Reply {
    let mut reply = Response::new(stream);
    *reply.status_mut() = status;
    reply
}
