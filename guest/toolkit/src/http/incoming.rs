//! Answers of any length, read piece by piece: what looks at a destination asks for whole pages of it, and for more than memory
//! holds.

use super::{Connection, Headers, MAX_BODY, Request, Response, TransportError, TransportErrorKind};
use crate::clock::Clock;

/// Sends requests over any of a config's connections, and hands over answers as they come. A component's is `WasiNetwork`.
pub trait Network {
    /// Send a request, and wait for the head of its answer.
    ///
    /// # Errors
    /// There is no answer.
    fn open(&mut self, connection: &Connection, request: &Request) -> Result<Incoming, TransportError>;
}

/// The body of an answer, which may be kept open for as long as it is of use.
pub trait BodyReader {
    /// The next bytes, at most so many; none at the end.
    ///
    /// # Errors
    /// The body breaks off.
    fn read(&mut self, at_most: usize) -> Result<Option<Vec<u8>>, TransportError>;
}

/// An answer of which the head is there.
pub struct Incoming {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are of use.
    pub headers: Headers,
    /// What comes after them.
    pub body: Box<dyn BodyReader>,
}

impl Incoming {
    /// The answer with its body, or with the start of a long one. After `limit_ms` the rest is not waited for.
    pub fn collect(mut self, limit_ms: u64, clock: &mut dyn Clock) -> Response {
        let mut body = Vec::new();
        let mut truncated = None;
        let began = clock.now_ms();
        while body.len() < MAX_BODY {
            match self.body.read(MAX_BODY - body.len()) {
                Ok(Some(piece)) => body.extend(piece),
                Ok(None) => break,
                Err(error) => {
                    truncated = Some(error.kind);
                    break;
                }
            }
            // An engine's limit between two pieces lets a server that sends a byte a second go on for hours.
            if clock.now_ms().saturating_sub(began) > limit_ms {
                truncated = Some(TransportErrorKind::Timeout);
                break;
            }
        }
        Response { status: self.status, headers: self.headers, body, truncated }
    }
}
