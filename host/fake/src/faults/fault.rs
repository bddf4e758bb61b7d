//! What can be done to a request instead of answering it properly.
//!
//! A fault stands between the request and Talon.One: as it is, the request is not applied. [`Fault::applied`] turns
//! that round, for the worst case a client has to bear: the server did it and the client does not know.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;

/// One way to treat a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What is done.
    #[serde(rename = "fault")]
    pub kind: Kind,
    /// Whether the request takes effect all the same. It always does where the fault only delays or follows its answer.
    #[serde(default)]
    pub applied: bool,
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Nothing: a script lets requests pass with it.
    Pass,
    /// This answer.
    Answer(Answer),
    /// The connection is reset, with every other request on it.
    Reset,
    /// The server ends its side of the connection without an answer, and goes on reading.
    HalfClose,
    /// No answer until the fake stops.
    Hang,
    /// The request is treated properly, and its answer held back.
    Slow {
        /// For how many milliseconds.
        millis: u64,
    },
    /// The request is treated properly, and its answer held back until [`Fake::release`](crate::Fake::release).
    Hold,
    /// The head of an answer and some of its body, then nothing more until the fake stops.
    Stall {
        /// The answer's status.
        status: Status,
    },
    /// Less body than the answer's `content-length` says, then the connection is closed.
    CutShort {
        /// The answer's status.
        status: Status,
    },
    /// An error text of this size.
    Oversized {
        /// The answer's status.
        status: Status,
        /// Millions of bytes.
        megabytes: u16,
    },
    /// An error text in gzip, which no client asked for.
    Compressed {
        /// The answer's status.
        status: Status,
    },
    /// An error text that repeats the request's `Authorization` header.
    EchoKey {
        /// The answer's status.
        status: Status,
    },
    /// The first bytes of the proper answer, as if they were all of it.
    Truncated {
        /// How many.
        bytes: u64,
    },
    /// The first bytes of the proper answer, then the connection is closed.
    BrokenOff {
        /// How many.
        bytes: u64,
    },
    /// The request is treated properly; then somebody else changes the members of an audience.
    Moved(Movement),
    /// The request is treated properly, and the connection closed after it as HTTP provides: `connection: close` or a
    /// GOAWAY.
    Goodbye,
}

/// Members of an audience that somebody else adds and removes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movement {
    /// The audience's ID.
    pub audience: i64,
    /// Who joins it.
    #[serde(default)]
    pub add: Vec<String>,
    /// Who leaves it.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// A scripted answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its status.
    pub status: Status,
    /// The header of this name.
    #[serde(default)]
    pub retry_after: Option<RetryAfter>,
    /// None for the documented error body, or no body where the status is a success.
    #[serde(default)]
    pub body: Option<Body>,
}

/// When the client is asked to come back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// So many seconds from now, as a number.
    Seconds(u64),
    /// So many seconds from now, as an HTTP date. Negative is in the past.
    DateIn(i32),
    /// Whatever stands here.
    Raw(HeaderText),
}

/// A body to answer with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Its media type.
    pub content_type: HeaderText,
    /// Its text.
    pub text: String,
}

/// A final HTTP status, 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct Status(StatusCode);

impl Status {
    pub(crate) fn code(self) -> StatusCode {
        self.0
    }
}

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        let status = StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code));
        status.map(Self).ok_or_else(|| format!("{code} is no status to answer with, expected 200 to 599"))
    }
}

/// Text that can stand in a header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderText(HeaderValue);

impl HeaderText {
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl TryFrom<String> for HeaderText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        HeaderValue::from_str(&text).map(Self).map_err(|_| format!("{text:?} can't stand in a header"))
    }
}

impl Kind {
    /// Whether the request gets its proper treatment, and takes effect, by this kind's own nature.
    pub(crate) const fn is_proper(&self) -> bool {
        matches!(
            self,
            Self::Pass
                | Self::Slow { .. }
                | Self::Hold
                | Self::Truncated { .. }
                | Self::BrokenOff { .. }
                | Self::Moved(_)
                | Self::Goodbye
        )
    }

    /// As a script names it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Answer(_) => "answer",
            Self::Reset => "reset",
            Self::HalfClose => "half_close",
            Self::Hang => "hang",
            Self::Slow { .. } => "slow",
            Self::Hold => "hold",
            Self::Stall { .. } => "stall",
            Self::CutShort { .. } => "cut_short",
            Self::Oversized { .. } => "oversized",
            Self::Compressed { .. } => "compressed",
            Self::EchoKey { .. } => "echo_key",
            Self::Truncated { .. } => "truncated",
            Self::BrokenOff { .. } => "broken_off",
            Self::Moved(_) => "moved",
            Self::Goodbye => "goodbye",
        }
    }
}

/// # Panics
///
/// Functions that take a status panic where it is not within 200 to 599, those that take a header's text where it can't
/// stand in a header: a script is written by hand. One that comes in as JSON is refused instead.
impl Fault {
    const fn new(kind: Kind) -> Self {
        Self { kind, applied: false }
    }

    /// Lets a request pass.
    #[must_use]
    pub const fn pass() -> Self {
        Self::new(Kind::Pass)
    }

    /// Answers with a status and the documented error body.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::new(Kind::Answer(Answer { status: status(code), retry_after: None, body: None }))
    }

    /// Adds `Retry-After: seconds` to a [`Fault::status`]; on any other fault it does nothing.
    #[must_use]
    pub fn retry_after_secs(self, seconds: u64) -> Self {
        self.retry_after(RetryAfter::Seconds(seconds))
    }

    /// Adds `Retry-After` with the HTTP date of so many seconds from now, to a [`Fault::status`].
    #[must_use]
    pub fn retry_after_date(self, seconds_from_now: i32) -> Self {
        self.retry_after(RetryAfter::DateIn(seconds_from_now))
    }

    /// Adds `Retry-After` with any text, to a [`Fault::status`].
    #[must_use]
    pub fn retry_after_raw(self, text: &str) -> Self {
        self.retry_after(RetryAfter::Raw(header_text(text)))
    }

    fn retry_after(mut self, when: RetryAfter) -> Self {
        if let Kind::Answer(answer) = &mut self.kind {
            answer.retry_after = Some(when);
        }
        self
    }

    /// Gives a [`Fault::status`] this body; on any other fault it does nothing.
    #[must_use]
    pub fn body(mut self, content_type: &str, text: impl Into<String>) -> Self {
        if let Kind::Answer(answer) = &mut self.kind {
            answer.body = Some(Body { content_type: header_text(content_type), text: text.into() });
        }
        self
    }

    /// Resets the connection once the request has been read.
    #[must_use]
    pub const fn reset() -> Self {
        Self::new(Kind::Reset)
    }

    /// Ends the server's side of the connection without an answer.
    #[must_use]
    pub const fn half_close() -> Self {
        Self::new(Kind::HalfClose)
    }

    /// Never answers.
    #[must_use]
    pub const fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// Answers properly, but late.
    #[must_use]
    pub fn slow(delay: Duration) -> Self {
        Self::new(Kind::Slow { millis: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) })
    }

    /// Answers properly, once the test says so: it can act while a request is in flight, however slow the machine.
    #[must_use]
    pub const fn hold() -> Self {
        Self::new(Kind::Hold)
    }

    /// Begins an answer and never ends it.
    #[must_use]
    pub fn stall(code: u16) -> Self {
        Self::new(Kind::Stall { status: status(code) })
    }

    /// Sends less body than announced.
    #[must_use]
    pub fn cut_short(code: u16) -> Self {
        Self::new(Kind::CutShort { status: status(code) })
    }

    /// Answers with an error text of so many million bytes.
    #[must_use]
    pub fn oversized(code: u16, megabytes: u16) -> Self {
        Self::new(Kind::Oversized { status: status(code), megabytes })
    }

    /// Answers with an error text in gzip.
    #[must_use]
    pub fn compressed(code: u16) -> Self {
        Self::new(Kind::Compressed { status: status(code) })
    }

    /// Repeats the `Authorization` header in the error text.
    #[must_use]
    pub fn echo_key(code: u16) -> Self {
        Self::new(Kind::EchoKey { status: status(code) })
    }

    /// Sends the first so many bytes of the proper answer, as if they were all of it.
    #[must_use]
    pub const fn truncated(bytes: u64) -> Self {
        Self::new(Kind::Truncated { bytes })
    }

    /// Sends the first so many bytes of the proper answer, then closes the connection.
    #[must_use]
    pub const fn broken_off(bytes: u64) -> Self {
        Self::new(Kind::BrokenOff { bytes })
    }

    /// Answers properly; then these members join an audience and those leave it.
    #[must_use]
    pub fn moved(audience: i64, add: &[&str], remove: &[&str]) -> Self {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Self::new(Kind::Moved(Movement { audience, add: ids(add), remove: ids(remove) }))
    }

    /// Answers properly, then closes the connection.
    #[must_use]
    pub const fn goodbye() -> Self {
        Self::new(Kind::Goodbye)
    }

    /// The request takes effect before the fault strikes.
    #[must_use]
    pub fn applied(self) -> Self {
        Self { applied: true, ..self }
    }
}

#[expect(clippy::expect_used, reason = "documented: a script is written by hand")]
fn status(code: u16) -> Status {
    Status::try_from(code).expect("a status from 200 to 599")
}

#[expect(clippy::expect_used, reason = "documented: a script is written by hand")]
fn header_text(text: &str) -> HeaderText {
    HeaderText::try_from(text.to_owned()).expect("text that can stand in a header")
}
