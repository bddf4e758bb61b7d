//! A request's body on its way out, and how much of it has left.
//!
//! A server that confirms a request before it has read all of it confirms something else. A body that fits into a single
//! write is on its way before any answer can come; a longer one goes out piece by piece, so that it shows what is left of it.
//! What lies in buffers of the system and of the client (some hundred KB) can't be seen and counts as written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::http::clearance::Clearance;

/// Bytes of one piece.
const PIECE: usize = 64 * 1024;

/// Whether the client has taken the whole body.
#[derive(Debug, Clone)]
pub(super) struct Taken(Arc<AtomicBool>);

impl Taken {
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The body for the client, and what tells whether all of it was taken. `clearance` is asked for each piece: a request that
/// has lost it is never whole.
pub(super) fn of(body: Bytes, clearance: Option<Arc<dyn Clearance>>) -> (reqwest::Body, Taken) {
    let taken = Taken(Arc::new(AtomicBool::new(body.len() <= PIECE)));
    if taken.is_whole() && (clearance.is_none() || body.is_empty()) {
        return (body.into(), taken);
    }
    (reqwest::Body::wrap(Upload { rest: body, taken: taken.clone(), clearance }), taken)
}

struct Upload {
    rest: Bytes,
    taken: Taken,
    clearance: Option<Arc<dyn Clearance>>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(Err(why)) = this.clearance.as_ref().map(|clearance| clearance.check()) {
            return Poll::Ready(Some(Err(io::Error::other(why))));
        }
        let piece = this.rest.split_to(PIECE.min(this.rest.len()));
        if this.rest.is_empty() {
            this.taken.0.store(true, Ordering::Release);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
