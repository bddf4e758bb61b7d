//! One line of a source's output, as Airbyte's protocol has it.
//!
//! Pure. A record's text is kept as it is: what its values mean is [`table`](crate::target::table)'s to say.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::catalog::StreamId;

/// What a source says.
#[derive(Debug)]
pub(super) enum Message<'m> {
    /// A row.
    Record(Record<'m>),
    /// Where the source is to begin the next time, once everything before it has arrived.
    State {
        /// The stream that it is about; `None` for all.
        stream: Option<StreamId>,
        /// Its JSON object.
        state: &'m RawValue,
    },
    /// How the source got on with a stream.
    Status {
        /// The stream.
        stream: StreamId,
        status: Status,
    },
    /// Nothing that concerns a destination: a log, say.
    Other,
}

/// A row.
#[derive(Debug, Deserialize)]
pub(super) struct Record<'m> {
    namespace: Option<String>,
    #[serde(borrow)]
    stream: Cow<'m, str>,
    #[serde(borrow)]
    data: &'m RawValue,
}

impl Record<'_> {
    /// Its JSON object.
    pub(super) fn data(&self) -> &str {
        self.data.get()
    }

    pub(super) fn is_of(&self, stream: &StreamId) -> bool {
        self.stream == stream.name && self.namespace == stream.namespace
    }

    pub(super) fn stream(&self) -> StreamId {
        StreamId { namespace: self.namespace.clone(), name: self.stream.clone().into_owned() }
    }
}

/// How far a source is with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Started,
    Running,
    /// All its records have come.
    Complete,
    /// The source has failed.
    Incomplete,
}

/// Why a line is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
    #[error("is not JSON: {0}")]
    Json(serde_json::Error),
    #[error("is a message of type {0:?}, which this destination does not know")]
    Unknown(String),
    #[error("is a {kind} message without `{key}`")]
    Missing { kind: &'static str, key: &'static str },
    #[error("is a {kind} message that is not what the protocol says: {error}")]
    Wrong { kind: &'static str, error: serde_json::Error },
}

impl MessageError {
    /// How to fix it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Json(_) => "a source writes one JSON object a line, and nothing else",
            Self::Unknown(_) => "known are the message types of the protocol's version 0.18",
            Self::Missing { .. } | Self::Wrong { .. } => {
                "this is a fault of the source; look for a newer version of it"
            }
        }
    }
}

#[derive(Deserialize)]
struct Line<'m> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'m, str>,
    #[serde(borrow)]
    record: Option<Record<'m>>,
    #[serde(borrow)]
    state: Option<&'m RawValue>,
    #[serde(borrow)]
    trace: Option<&'m RawValue>,
}

#[derive(Deserialize)]
struct State {
    /// Left out, it is what states were before streams had their own.
    #[serde(rename = "type")]
    kind: Option<StateType>,
    stream: Option<StreamState>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StateType {
    Stream,
    Global,
    Legacy,
}

#[derive(Deserialize)]
struct StreamState {
    stream_descriptor: StreamId,
}

#[derive(Deserialize)]
struct Trace {
    stream_status: Option<StreamStatus>,
}

#[derive(Deserialize)]
struct StreamStatus {
    stream_descriptor: StreamId,
    status: Status,
}

impl<'m> Message<'m> {
    /// Reads a line.
    pub(super) fn parse(line: &'m str) -> Result<Self, MessageError> {
        let line: Line<'m> = serde_json::from_str(line).map_err(MessageError::Json)?;
        match &*line.kind {
            "RECORD" => line.record.map(Self::Record).ok_or(MessageError::Missing { kind: "RECORD", key: "record" }),
            "STATE" => {
                const KIND: &str = "STATE";
                let state = line.state.ok_or(MessageError::Missing { kind: KIND, key: "state" })?;
                let wrong = |error| MessageError::Wrong { kind: KIND, error };
                let read: State = serde_json::from_str(state.get()).map_err(wrong)?;
                let stream = match (read.kind, read.stream) {
                    (Some(StateType::Stream), None) => return Err(MessageError::Missing { kind: KIND, key: "stream" }),
                    (Some(StateType::Stream), Some(stream)) => Some(stream.stream_descriptor),
                    (Some(StateType::Global | StateType::Legacy) | None, _) => None,
                };
                Ok(Self::State { stream, state })
            }
            "TRACE" => {
                let Some(trace) = line.trace else { return Ok(Self::Other) };
                let wrong = |error| MessageError::Wrong { kind: "TRACE", error };
                let read: Trace = serde_json::from_str(trace.get()).map_err(wrong)?;
                Ok(match read.stream_status {
                    Some(StreamStatus { stream_descriptor: stream, status }) => Self::Status { stream, status },
                    None => Self::Other,
                })
            }
            "LOG" | "SPEC" | "CONNECTION_STATUS" | "CATALOG" | "CONTROL" | "DESTINATION_CATALOG" => Ok(Self::Other),
            other => Err(MessageError::Unknown(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use super::*;

    fn id(namespace: Option<&str>, name: &str) -> StreamId {
        StreamId { namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    #[test]
    fn a_record_is_kept_to_the_letter() {
        let line = r#"{"type":"RECORD","record":{"stream":"a\u0062","namespace":"n","emitted_at":1,"data":{"n": 1.10, "m": 9007199254740993}}}"#;
        let Message::Record(record) = Message::parse(line).unwrap() else { panic!() };
        assert_eq!((record.stream(), record.data()), (id(Some("n"), "ab"), r#"{"n": 1.10, "m": 9007199254740993}"#));
        assert!(record.is_of(&id(Some("n"), "ab")) && !record.is_of(&id(None, "ab")));
    }

    #[test]
    fn a_state_says_which_streams_it_is_about() {
        let of = |state: &str| match Message::parse(&format!(r#"{{"type":"STATE","state":{state}}}"#)).unwrap() {
            Message::State { stream, .. } => stream,
            other => panic!("{other:?}"),
        };
        let stream =
            r#"{"type":"STREAM","stream":{"stream_descriptor":{"name":"s","namespace":null},"stream_state":{}}}"#;
        assert_eq!(of(stream), Some(id(None, "s")));
        assert_eq!(of(r#"{"type":"GLOBAL","global":{"stream_states":[]}}"#), None);
        assert_eq!(of(r#"{"type":"LEGACY","data":{}}"#), None);
        assert_eq!(of(r#"{"data":{"cursor":1}}"#), None);
    }

    #[test]
    fn a_status_is_told_from_other_traces() {
        let line = r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.0,"stream_status":{"stream_descriptor":{"name":"s"},"status":"INCOMPLETE"}}}"#;
        let Message::Status { stream, status } = Message::parse(line).unwrap() else { panic!() };
        assert_eq!((stream, status), (id(None, "s"), Status::Incomplete));
        for line in [
            r#"{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1,"estimate":{"name":"s","type":"STREAM"}}}"#,
            r#"{"type":"LOG","log":{"level":"INFO","message":"m"}}"#,
            r#"{"type":"CONTROL","control":{}}"#,
        ] {
            assert!(matches!(Message::parse(line), Ok(Message::Other)), "{line}");
        }
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (line, expected) in [
            ("", "is not JSON"),
            ("{}", "missing field `type`"),
            (r#"{"type":"BATCH"}"#, "of type \"BATCH\", which this destination does not know"),
            (r#"{"type":"RECORD"}"#, "is a RECORD message without `record`"),
            (r#"{"type":"RECORD","record":{"stream":"s"}}"#, "missing field `data`"),
            (r#"{"type":"STATE"}"#, "is a STATE message without `state`"),
            (r#"{"type":"STATE","state":{"type":"STREAM"}}"#, "is a STATE message without `stream`"),
            (r#"{"type":"STATE","state":{"type":"stream"}}"#, "is a STATE message that is not what the protocol says"),
            (
                r#"{"type":"TRACE","trace":{"stream_status":{}}}"#,
                "is a TRACE message that is not what the protocol says",
            ),
        ] {
            let told = Message::parse(line).unwrap_err().to_string();
            assert!(told.contains(expected), "{line}: {told}");
        }
    }
}
