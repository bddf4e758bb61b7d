//! One line of a tap's output, as the Singer specification has it.
//!
//! Pure. A record's text is kept as it is: what its values mean is [`table`](crate::target::table)'s to say.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::target::schema::{Format, Property, Schema};

/// What a tap says.
#[derive(Debug)]
pub(super) enum Message<'m> {
    /// What the records of a stream are made of.
    Schema {
        /// The stream.
        stream: Cow<'m, str>,
        /// That.
        schema: Schema,
        /// Whether the stream brings only what is behind a bookmark.
        bookmarked: bool,
    },
    /// A row.
    Record {
        /// The stream.
        stream: Cow<'m, str>,
        /// Its JSON object.
        record: &'m str,
        /// The version of the table that it belongs to.
        version: Option<i64>,
    },
    /// Where the tap is to begin the next time, once everything before it has arrived.
    State(&'m RawValue),
    /// The version of a table is complete: rows of others have left.
    ActivateVersion {
        /// The stream.
        stream: Cow<'m, str>,
        /// The version.
        version: i64,
    },
}

/// Why a line is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
    #[error("is no JSON: {0}")]
    Json(serde_json::Error),
    #[error("has no `type`")]
    NoType,
    #[error("is a message of type {0:?}, which this target does not know")]
    Unknown(String),
    #[error("is a BATCH message, and this target takes records one by one")]
    Batch,
    #[error("is a {kind} message without `{key}`")]
    Missing { kind: &'static str, key: &'static str },
    #[error("has a schema that is none: {0}")]
    Schema(serde_json::Error),
}

impl MessageError {
    /// How to fix it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Json(_) => "a tap writes one JSON object a line, and its log to standard error",
            Self::NoType | Self::Unknown(_) => "known are SCHEMA, RECORD, STATE and ACTIVATE_VERSION",
            Self::Batch => "take `batch_config` out of the tap's config",
            Self::Missing { .. } | Self::Schema(_) => "this is a fault of the tap; look for a newer version of it",
        }
    }
}

#[derive(Deserialize)]
struct Line<'m> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'m, str>>,
    #[serde(borrow)]
    stream: Option<Cow<'m, str>>,
    #[serde(borrow)]
    schema: Option<&'m RawValue>,
    #[serde(borrow)]
    record: Option<&'m RawValue>,
    #[serde(borrow)]
    value: Option<&'m RawValue>,
    version: Option<i64>,
    key_properties: Option<Vec<String>>,
    bookmark_properties: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct JsonSchema {
    properties: Option<serde_json::Map<String, serde_json::Value>>,
}

impl<'m> Message<'m> {
    /// Reads a line.
    pub(super) fn parse(line: &'m str) -> Result<Self, MessageError> {
        let line: Line<'m> = serde_json::from_str(line).map_err(MessageError::Json)?;
        let kind = line.kind.ok_or(MessageError::NoType)?;
        let stream = |kind| line.stream.ok_or(MessageError::Missing { kind, key: "stream" });
        match &*kind {
            "SCHEMA" => {
                let schema = line.schema.ok_or(MessageError::Missing { kind: "SCHEMA", key: "schema" })?;
                let schema: JsonSchema = serde_json::from_str(schema.get()).map_err(MessageError::Schema)?;
                let properties = schema.properties.unwrap_or_default();
                let property = |(name, schema)| Property { format: format(&schema), name };
                let schema = Schema {
                    properties: properties.into_iter().map(property).collect(),
                    key: line.key_properties.unwrap_or_default(),
                };
                let bookmarked = line.bookmark_properties.is_some_and(|names| !names.is_empty());
                Ok(Self::Schema { stream: stream("SCHEMA")?, schema, bookmarked })
            }
            "RECORD" => {
                let record = line.record.ok_or(MessageError::Missing { kind: "RECORD", key: "record" })?;
                Ok(Self::Record { stream: stream("RECORD")?, record: record.get(), version: line.version })
            }
            "STATE" => line.value.map(Self::State).ok_or(MessageError::Missing { kind: "STATE", key: "value" }),
            "ACTIVATE_VERSION" => {
                const KIND: &str = "ACTIVATE_VERSION";
                let version = line.version.ok_or(MessageError::Missing { kind: KIND, key: "version" })?;
                Ok(Self::ActivateVersion { stream: stream(KIND)?, version })
            }
            "BATCH" => Err(MessageError::Batch),
            other => Err(MessageError::Unknown(other.to_owned())),
        }
    }
}

/// What a property's schema says, or one of the schemas that it may be.
fn format(schema: &serde_json::Value) -> Format {
    let named = match schema.get("format").and_then(serde_json::Value::as_str) {
        Some("date-time") => Format::DateTime,
        Some("date") => Format::Date,
        Some("singer.decimal") => Format::Decimal,
        _ => Format::AsItIs,
    };
    if named != Format::AsItIs {
        return named;
    }
    let choices = ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    choices.map(format).find(|format| *format != Format::AsItIs).unwrap_or(Format::AsItIs)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_schema_names_its_properties_in_order() {
        let line = r#"{"type": "SCHEMA", "stream": "people", "key_properties": ["id"], "bookmark_properties": ["at"],
            "schema": {"properties": {"id": {"type": "integer"}, "at": {"type": ["null", "string"], "format": "date-time"},
            "day": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]},
            "due": {"type": "string", "format": "singer.decimal"}, "any": true}}}"#;
        let Message::Schema { stream, schema, bookmarked } = Message::parse(line).unwrap() else { panic!() };
        assert_eq!((&*stream, &schema.key[..], bookmarked), ("people", &["id".to_owned()][..], true));
        let told: Vec<_> = schema.properties.iter().map(|it| (it.name.as_str(), it.format)).collect();
        assert_eq!(
            told,
            [
                ("id", Format::AsItIs),
                ("at", Format::DateTime),
                ("day", Format::Date),
                ("due", Format::Decimal),
                ("any", Format::AsItIs)
            ]
        );
    }

    #[test]
    fn a_record_is_kept_to_the_letter() {
        let line =
            r#"{"record": {"n": 1.10, "n2": 9007199254740993}, "stream": "a\u0062", "version": 7, "type": "RECORD"}"#;
        let Message::Record { stream, record, version } = Message::parse(line).unwrap() else { panic!() };
        assert_eq!((&*stream, record, version), ("ab", r#"{"n": 1.10, "n2": 9007199254740993}"#, Some(7)));
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (line, expected) in [
            ("", "is no JSON"),
            ("{", "is no JSON"),
            ("[]", "is no JSON"),
            ("{}", "has no `type`"),
            (r#"{"type": "BATCH", "stream": "a"}"#, "BATCH"),
            (r#"{"type": "record"}"#, "\"record\", which this target does not know"),
            (r#"{"type": "RECORD", "stream": "a"}"#, "is a RECORD message without `record`"),
            (r#"{"type": "RECORD", "record": {}}"#, "is a RECORD message without `stream`"),
            (r#"{"type": "RECORD", "stream": "a", "record": null}"#, "without `record`"),
            (r#"{"type": "STATE"}"#, "is a STATE message without `value`"),
            (r#"{"type": "ACTIVATE_VERSION", "stream": "a"}"#, "without `version`"),
            (r#"{"type": "SCHEMA", "stream": "a"}"#, "without `schema`"),
            (r#"{"type": "SCHEMA", "stream": "a", "schema": {"properties": []}}"#, "has a schema that is none"),
            (r#"{"type": "STATE", "type": "STATE", "value": 1}"#, "duplicate field"),
        ] {
            let told = Message::parse(line).unwrap_err().to_string();
            assert!(told.contains(expected), "{line}: {told}");
        }
    }
}
