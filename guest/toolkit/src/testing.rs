//! For a plugin's own tests: packed strings and columns, a clock on which waiting takes no time, and a server by script.

#![allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that slices the wrong thing fails, as it should"
)]

use crate::bindings as wit;
use crate::clock::{Clock, NANOSECONDS_A_SECOND};
use crate::http::{
    BodyReader, Connection, Incoming, Network, Request, Response, Transport, TransportError, TransportErrorKind,
};

/// Packed strings.
pub fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> wit::Strings {
    let mut strings = wit::Strings { offsets: vec![0], data: String::new() };
    for text in texts {
        strings.data.push_str(text);
        strings.offsets.push(u32::try_from(strings.data.len()).unwrap_or(u32::MAX));
    }
    strings
}

/// The texts that packed strings hold.
#[must_use]
pub fn unpacked(strings: &wit::Strings) -> Vec<&str> {
    let index = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    strings.offsets.windows(2).map(|ends| &strings.data[index(ends[0])..index(ends[1])]).collect()
}

/// A column without nulls.
#[must_use]
pub fn column(name: &str, values: wit::Values) -> wit::Column {
    wit::Column { name: name.to_owned(), validity: Vec::new(), values }
}

/// A column of texts, `None` for null.
#[must_use]
pub fn texts(name: &str, values: &[Option<&str>]) -> wit::Column {
    let mut validity = vec![0; values.len().div_ceil(8)];
    for (row, value) in values.iter().enumerate() {
        validity[row / 8] |= u8::from(value.is_some()) << (row % 8);
    }
    wit::Column {
        validity,
        ..column(name, wit::Values::Texts(strings(values.iter().map(|value| value.unwrap_or("")))))
    }
}

/// A clock on which waiting takes no time.
#[derive(Debug)]
pub struct TestClock {
    /// Milliseconds.
    pub now: u64,
    /// Seconds since 1970.
    pub unix: i64,
    /// Every wait so far.
    pub slept: Vec<u64>,
}

impl TestClock {
    /// Sun, 06 Nov 1994 08:49:37 GMT.
    #[must_use]
    pub fn new() -> Self {
        Self { now: 1_000, unix: 784_111_777, slept: Vec::new() }
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now_ms(&mut self) -> u64 {
        self.now
    }

    fn unix_nanoseconds(&mut self) -> u64 {
        u64::try_from(self.unix).unwrap_or_default() * NANOSECONDS_A_SECOND
    }

    fn sleep_ms(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.slept.push(milliseconds);
    }
}

/// A server that answers as a function says, and remembers what it was asked.
#[derive(Debug)]
pub struct Server<F> {
    /// Every request so far.
    pub requests: Vec<Request>,
    /// The headers of each that came over a [`Network`].
    pub headers: Vec<Vec<(&'static str, String)>>,
    answer: F,
}

impl<F: FnMut(usize, &Request) -> Result<Response, TransportError>> Server<F> {
    /// The function gets the number of the request, from 0, and the request.
    pub fn new(answer: F) -> Self {
        Self { requests: Vec::new(), headers: Vec::new(), answer }
    }
}

impl<F: FnMut(usize, &Request) -> Result<Response, TransportError>> Transport for Server<F> {
    fn send(&mut self, request: &Request) -> Result<Response, TransportError> {
        let number = self.requests.len();
        self.requests.push(request.clone());
        (self.answer)(number, request)
    }
}

/// Over whichever connection: bodies come in pieces of a few bytes.
impl<F: FnMut(usize, &Request) -> Result<Response, TransportError>> Network for Server<F> {
    fn open(&mut self, connection: &Connection, request: &Request) -> Result<Incoming, TransportError> {
        let number = self.requests.len();
        self.requests.push(request.clone());
        self.headers.push(connection.headers(request));
        let Response { status, headers, body, truncated } = (self.answer)(number, request)?;
        Ok(Incoming { status, headers, body: Box::new(Pieces { rest: body, truncated }) })
    }
}

/// A body that is there already, and why it breaks off, if it does.
struct Pieces {
    rest: Vec<u8>,
    truncated: Option<TransportErrorKind>,
}

impl BodyReader for Pieces {
    fn read(&mut self, at_most: usize) -> Result<Option<Vec<u8>>, TransportError> {
        /// So that a character, a line and an element are each cut somewhere.
        const PIECE: usize = 7;
        if self.rest.is_empty() {
            let broken = |kind| TransportError { kind, detail: "truncated response".to_owned() };
            return self.truncated.map_or(Ok(None), |kind| Err(broken(kind)));
        }
        let end = self.rest.len().min(at_most).min(PIECE);
        Ok(Some(self.rest.drain(..end).collect()))
    }
}

impl<T: Transport> Transport for &mut T {
    fn send(&mut self, request: &Request) -> Result<Response, TransportError> {
        (**self).send(request)
    }
}

/// An answer of this status, without a body.
///
/// # Errors
/// Never: it is what a transport returns.
pub fn status(status: u16) -> Result<Response, TransportError> {
    Ok(Response { status, ..Response::default() })
}
