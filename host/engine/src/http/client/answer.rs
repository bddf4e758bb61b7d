//! The body of an answer on its way in: piece by piece, each in time. Who asks for the pieces, and what becomes of them, is
//! decided elsewhere.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::TransportFault;
use crate::http::egress::Origin;
use crate::http::joined::Joined;

/// How long one may wait for an answer. Time in which nobody waits does not count.
pub(crate) struct Patience {
    /// For one piece.
    pub(crate) between_bytes: Duration,
    /// For a whole answer, from the request's departure; of a longer one, for each stretch.
    pub(crate) whole: Duration,
    /// What has passed of it.
    pub(crate) spent: Duration,
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
pub(crate) struct AnswerBody {
    pub(crate) origin: Origin,
    body: reqwest::Body,
    patience: Patience,
    /// The longest body that is collected, and the length of a stretch of a longer one.
    cap: usize,
    /// Bytes of the present stretch.
    stretch: usize,
}

/// How the reading of an answer ended.
pub(crate) enum End {
    Whole,
    TooLong,
    Broken(TransportFault),
}

impl AnswerBody {
    pub(crate) fn new(origin: Origin, body: reqwest::Body, patience: Patience, cap: usize) -> Self {
        Self { origin, body, patience, cap, stretch: 0 }
    }

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
    pub(crate) async fn collect(&mut self) -> (Bytes, End) {
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
    pub(crate) async fn pull(&mut self) -> Option<Result<Bytes, TransportFault>> {
        let piece = self.next().await?;
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
