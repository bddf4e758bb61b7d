//! The configured catalog: which streams come, of what their records are made, and how they are to be applied.
//!
//! Pure. What comes of it for the plugin is [`mode`](super::mode)'s to say.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::target::schema::{Format, Property, Schema};

/// The streams of a connection.
#[derive(Debug)]
pub struct Catalog {
    pub(super) streams: Vec<ConfiguredStream>,
}

/// A stream, as a person has configured it.
#[derive(Debug)]
pub(super) struct ConfiguredStream {
    pub(super) id: StreamId,
    pub(super) schema: Schema,
    /// How the source reads.
    pub(super) sync_mode: SyncMode,
    /// How records are to be applied.
    pub(super) destination_sync_mode: DestinationSyncMode,
    /// The generation that the records belong to, and the first one that stays; `None` from a runner that knows of none.
    pub(super) generations: Option<Generations>,
    /// The object that was chosen from the destination's own catalog.
    pub(super) object_name: Option<String>,
}

/// What tells a stream from others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct StreamId {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

/// How a source reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SyncMode {
    /// All that there is, each time.
    FullRefresh,
    /// What is behind a cursor.
    Incremental,
}

/// How a destination applies the records of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DestinationSyncMode {
    Append,
    Overwrite,
    AppendDedup,
    Update,
    SoftDelete,
}

/// Generations of a stream. A refresh begins a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generations {
    pub(super) current: u64,
    pub(super) minimum: u64,
}

#[derive(Deserialize)]
struct CatalogJson {
    streams: Vec<ConfiguredStreamJson>,
}

#[derive(Deserialize)]
struct ConfiguredStreamJson {
    stream: StreamJson,
    sync_mode: SyncMode,
    destination_sync_mode: DestinationSyncMode,
    primary_key: Option<Vec<Vec<String>>>,
    destination_object_name: Option<String>,
    generation_id: Option<u64>,
    minimum_generation_id: Option<u64>,
}

#[derive(Deserialize)]
struct StreamJson {
    #[serde(flatten)]
    id: StreamId,
    json_schema: Map<String, Value>,
    source_defined_primary_key: Option<Vec<Vec<String>>>,
}

impl Catalog {
    /// Reads a configured catalog.
    ///
    /// # Errors
    /// Where it is none, or has a stream twice.
    pub fn from_json(text: &str) -> Result<Self, Vec<Fault>> {
        let read: CatalogJson = serde_json::from_str(text).map_err(|error| {
            vec![
                Fault::new("", format!("is not a configured catalog: {error}"))
                    .hint("it is what Airbyte makes of a connection; see the protocol's ConfiguredAirbyteCatalog"),
            ]
        })?;
        let streams: Vec<_> = read.streams.into_iter().map(ConfiguredStream::of).collect();
        let twice = |(at, stream): (usize, &ConfiguredStream)| {
            let before = streams.iter().take(at).any(|before| before.id == stream.id);
            let fault =
                || Fault::new(format!("streams[{at}]"), format!("stream {:?} is there twice", stream.full_name()));
            before.then(|| fault().hint("give each its own name or namespace"))
        };
        let faults: Vec<Fault> = streams.iter().enumerate().filter_map(twice).collect();
        if faults.is_empty() { Ok(Self { streams }) } else { Err(faults) }
    }
}

impl ConfiguredStream {
    fn of(read: ConfiguredStreamJson) -> Self {
        let given = [read.primary_key, read.stream.source_defined_primary_key].into_iter().flatten();
        let key = given.into_iter().find(|key| !key.is_empty()).unwrap_or_default();
        let properties = match read.stream.json_schema.get("properties") {
            Some(Value::Object(properties)) => properties.clone(),
            _ => Map::new(),
        };
        let property = |(name, schema)| Property { format: format(&schema), name };
        Self {
            id: read.stream.id,
            schema: Schema {
                properties: properties.into_iter().map(property).collect(),
                key: key.into_iter().map(|path| path.join(".")).collect(),
            },
            sync_mode: read.sync_mode,
            destination_sync_mode: read.destination_sync_mode,
            generations: match (read.generation_id, read.minimum_generation_id) {
                (Some(current), Some(minimum)) => Some(Generations { current, minimum }),
                _ => None,
            },
            object_name: read.destination_object_name,
        }
    }

    /// What the stream is called: its name, behind its namespace where it has one.
    pub(super) fn full_name(&self) -> String {
        self.id.full_name()
    }

    /// Whether the records of one run are all that there is, so that what is not among them has left: the source reads everything,
    /// and of the generations before this one nothing is to stay. A stream that is read by a cursor is never all: who runs it may
    /// begin behind a STATE in any generation.
    pub(super) fn is_whole_table(&self) -> bool {
        let replaces = match (self.destination_sync_mode, self.generations) {
            (DestinationSyncMode::Overwrite, None) => true,
            (
                DestinationSyncMode::Overwrite | DestinationSyncMode::AppendDedup,
                Some(Generations { current, minimum }),
            ) => current == minimum,
            _ => false,
        };
        self.sync_mode == SyncMode::FullRefresh && replaces
    }
}

impl StreamId {
    pub(super) fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl DestinationSyncMode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Overwrite => "overwrite",
            Self::AppendDedup => "append_dedup",
            Self::Update => "update",
            Self::SoftDelete => "soft_delete",
        }
    }
}

/// What a property's schema says, or one of the schemas that it may be. Types are those of Airbyte's "Data Types in Records".
fn format(schema: &Value) -> Format {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let named = match (text("format"), text("airbyte_type")) {
        (_, Some("timestamp_without_timezone")) => Format::LocalDateTime,
        (_, Some("timestamp_with_timezone")) | (Some("date-time"), _) => Format::DateTime,
        (Some("date"), _) => Format::Date,
        (_, Some("big_number" | "big_integer")) => Format::Decimal,
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
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use serde_json::json;

    use super::*;

    fn catalog(stream: &Value) -> Result<Catalog, String> {
        let streams = if stream.is_array() { stream.clone() } else { json!([stream]) };
        let told = |faults: Vec<Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Catalog::from_json(&json!({ "streams": streams }).to_string()).map_err(told)
    }

    fn stream(sync_mode: &str, destination_sync_mode: &str) -> Value {
        json!({
            "stream": { "name": "people", "json_schema": {}, "supported_sync_modes": [sync_mode] },
            "sync_mode": sync_mode, "destination_sync_mode": destination_sync_mode,
        })
    }

    #[test]
    fn properties_have_airbytes_types() {
        let mut configured = stream("incremental", "append");
        configured["stream"]["json_schema"] = json!({ "properties": {
            "text": { "type": "string" },
            "at": { "type": ["null", "string"], "format": "date-time" },
            "zoned": { "type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone" },
            "local": { "type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone" },
            "time": { "type": "string", "format": "time", "airbyte_type": "time_without_timezone" },
            "day": { "oneOf": [{ "type": "null" }, { "type": "string", "format": "date" }] },
            "count": { "type": "number", "airbyte_type": "integer" },
            "big": { "type": "string", "airbyte_type": "big_number" },
            "any": true,
        } });
        let catalog = catalog(&configured).unwrap();
        let formats: Vec<_> = catalog.streams[0].schema.properties.iter().map(|property| property.format).collect();
        use Format::{AsItIs, Date, DateTime, Decimal, LocalDateTime};
        assert_eq!(formats, [AsItIs, DateTime, DateTime, LocalDateTime, AsItIs, Date, AsItIs, Decimal, AsItIs]);
    }

    #[test]
    fn a_persons_key_goes_before_the_sources() {
        let mut configured = stream("incremental", "append_dedup");
        configured["stream"]["source_defined_primary_key"] = json!([["id"]]);
        assert_eq!(catalog(&configured).unwrap().streams[0].schema.key, ["id"]);
        configured["primary_key"] = json!([]);
        assert_eq!(catalog(&configured).unwrap().streams[0].schema.key, ["id"]);
        configured["primary_key"] = json!([["a"], ["b", "c"]]);
        assert_eq!(catalog(&configured).unwrap().streams[0].schema.key, ["a", "b.c"]);
    }

    #[test]
    fn only_a_generation_that_keeps_nothing_before_it_is_the_whole_table() {
        for (sync_mode, destination_sync_mode, generations, whole) in [
            ("full_refresh", "overwrite", None, true),
            ("full_refresh", "overwrite", Some((3, 3)), true),
            ("full_refresh", "append_dedup", Some((3, 3)), true),
            // Nothing is to be deleted, or a part of what is there stays.
            ("full_refresh", "overwrite", Some((3, 0)), false),
            ("full_refresh", "overwrite", Some((3, 2)), false),
            ("full_refresh", "append_dedup", None, false),
            ("full_refresh", "append", Some((3, 3)), false),
            // Some runners say the same generation each time, and go on behind a STATE.
            ("incremental", "overwrite", Some((1, 1)), false),
            ("incremental", "append_dedup", Some((1, 1)), false),
        ] {
            let mut configured = stream(sync_mode, destination_sync_mode);
            if let Some((current, minimum)) = generations {
                configured["generation_id"] = json!(current);
                configured["minimum_generation_id"] = json!(minimum);
            }
            assert_eq!(catalog(&configured).unwrap().streams[0].is_whole_table(), whole, "{configured}");
        }
    }

    #[test]
    fn what_is_no_catalog_is_named() {
        for (streams, expected) in [
            (json!({}), "is not a configured catalog: missing field `stream`"),
            (stream("all", "append"), "unknown variant `all`"),
            (stream("incremental", "merge"), "unknown variant `merge`"),
            (
                json!([stream("incremental", "append"), stream("incremental", "append")]),
                "streams[1]: stream \"people\" is there twice",
            ),
        ] {
            let told = catalog(&streams).unwrap_err();
            assert!(told.contains(expected), "{streams}: {told}");
        }
    }
}
