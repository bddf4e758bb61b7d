//! The body of an answer: read within its time, up to its size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::TransportFault;
use crate::http::egress::Origin;

/// How long an answer may take.
pub(crate) struct Patience {
    /// Between two pieces.
    between_bytes: Duration,
    /// From the request's departure to the answer's end.
    whole: Duration,
    ends: tokio::time::Instant,
}

impl Patience {
    pub(crate) fn from_now(between_bytes: Duration, whole: Duration) -> Self {
        let now = tokio::time::Instant::now();
        // A time that can't be told is as good as a day.
        let ends = now.checked_add(whole).unwrap_or_else(|| now + Duration::from_secs(24 * 60 * 60));
        Self { between_bytes, whole, ends }
    }

    /// When the next piece must be there.
    fn next(&self) -> tokio::time::Instant {
        tokio::time::Instant::now().checked_add(self.between_bytes).map_or(self.ends, |next| next.min(self.ends))
    }

    fn spent(&self, origin: &Origin) -> TransportFault {
        if tokio::time::Instant::now() >= self.ends {
            TransportFault::endless(origin, self.whole)
        } else {
            TransportFault::stalled(origin, self.between_bytes)
        }
    }
}

/// How the reading of an answer ended.
pub(crate) enum End {
    Whole,
    TooLong,
    Broken(TransportFault),
}

/// Reads an answer, up to so many bytes.
pub(crate) async fn collect(origin: &Origin, mut body: reqwest::Body, cap: usize, patience: &Patience) -> (Bytes, End) {
    let mut whole = Joined::default();
    let mut room = cap;
    let end = loop {
        match tokio::time::timeout_at(patience.next(), body.frame()).await {
            Err(_) => break End::Broken(patience.spent(origin)),
            Ok(None) => break End::Whole,
            Ok(Some(Err(error))) => break End::Broken(TransportFault::of_reading(origin, error)),
            Ok(Some(Ok(frame))) => {
                let Ok(mut data) = frame.into_data() else { continue };
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

/// Pieces made one; a single piece, the usual case, is not copied.
#[derive(Default)]
pub(crate) struct Joined {
    first: Bytes,
    rest: BytesMut,
}

impl Joined {
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
        } else {
            self.rest.extend_from_slice(&data);
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.first.len() + self.rest.len());
        whole.extend_from_slice(&self.first);
        whole.extend_from_slice(&self.rest);
        whole.freeze()
    }
}
