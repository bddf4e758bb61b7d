//! Mapping: each row is mapped or has an issue, and what is mapped is JSON to the last byte of the request.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use talon_one_destination::bindings::exports::etl::destination::destination::{
    Body, Change, Column, Strings, TimeUnit, Timestamps, Values,
};

#[derive(Debug, Arbitrary)]
struct Input {
    object: Object,
    types: [u8; 4],
    clear: bool,
    prefix: Option<String>,
    columns: [Cells; 4],
    validity: [Option<Vec<u8>>; 4],
    changes: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
enum Object {
    Profiles,
    Audience(u8),
}

#[derive(Debug, Arbitrary)]
enum Cells {
    Booleans(Vec<bool>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Decimals(Vec<String>),
    Texts(Vec<String>),
    Dates(Vec<i32>),
    Timestamps(u8, bool, Vec<i64>),
    Json(Vec<String>),
    Nulls(u8),
    /// Offsets that mean nothing.
    Torn(Vec<u32>, String),
}

const TYPES: [&str; 9] = [
    "string", "number", "boolean", "time", "list(string)", "list(number)", "list(time)", "location", "list(location)",
];

fn packed(texts: Vec<String>) -> Strings {
    let mut strings = Strings { offsets: vec![0], data: String::new() };
    for text in texts {
        strings.data.push_str(&text);
        strings.offsets.push(strings.data.len() as u32);
    }
    strings
}

impl Cells {
    fn values(self) -> Values {
        match self {
            Self::Booleans(values) => Values::Booleans(values),
            Self::Integers(values) => Values::Integers(values),
            Self::Floats(values) => Values::Floats(values),
            Self::Decimals(values) => Values::Decimals(packed(values)),
            Self::Texts(values) => Values::Texts(packed(values)),
            Self::Dates(values) => Values::Dates(values),
            Self::Timestamps(unit, zone, counts) => Values::Timestamps(Timestamps {
                unit: match unit % 4 {
                    0 => TimeUnit::Second,
                    1 => TimeUnit::Millisecond,
                    2 => TimeUnit::Microsecond,
                    _ => TimeUnit::Nanosecond,
                },
                zone: zone.then(|| "UTC".to_owned()),
                counts,
            }),
            Self::Json(values) => Values::Json(packed(values)),
            Self::Nulls(count) => Values::Nulls(count.into()),
            Self::Torn(offsets, data) => Values::Texts(Strings { offsets, data }),
        }
    }
}

/// A body that must be text.
fn text(body: &Body) -> &str {
    match body {
        Body::Text(text) => text,
        Body::Bytes(_) => panic!("a body is text"),
    }
}

fn config(input: &Input) -> String {
    let mappings: Vec<_> = ["integration_id", "email", "points", "Stores"]
        .iter()
        .zip(["a", "b", "c", "d"])
        .zip(&input.types)
        .map(|((destination, source), kind)| match (*destination, TYPES.get(usize::from(*kind))) {
            ("integration_id", _) | (_, None) => serde_json::json!({"source": source, "destination": destination}),
            (_, Some(kind)) => serde_json::json!({"source": source, "destination": destination, "type": kind}),
        })
        .collect();
    let mut config = serde_json::json!({
        "deployment_url": "https://yourcompany.talon.one",
        "api_key": "0123456789abcdef",
        "nulls": if input.clear { "clear" } else { "omit" },
        "mappings": mappings,
        "object_type": "customer_profiles",
    });
    if let Object::Audience(mode) = &input.object {
        config["object_type"] = "customer_profile_audiences".into();
        config["audience_id"] = 42.into();
        config["sync_mode"] = ["add", "remove", "mirror"][usize::from(mode % 3)].into();
        config["mappings"] = serde_json::json!([{"source": "a", "destination": "integration_id"}]);
    }
    if let Some(prefix) = &input.prefix {
        config["integration_id_prefix"] = prefix.as_str().into();
    }
    config.to_string()
}

fuzz_target!(|input: Input| {
    let config = config(&input);
    let changes: Vec<Change> = input
        .changes
        .iter()
        .map(|change| match change % 3 {
            0 => Change::Added,
            1 => Change::Changed,
            _ => Change::Removed,
        })
        .collect();
    let columns: Vec<Column> = ["a", "b", "c", "d"]
        .into_iter()
        .zip(input.columns)
        .zip(input.validity)
        .map(|((name, cells), validity)| Column {
            name: name.to_owned(),
            validity: validity.unwrap_or_default(),
            values: cells.values(),
        })
        .collect();
    let Ok(mapping) = talon_one_destination::map_batch(&config, &columns, &changes) else { return };
    let mut rows: Vec<u32> = mapping.batch.rows.clone();
    rows.extend(mapping.issues.iter().map(|issue| issue.row));
    rows.sort_unstable();
    assert!(rows.iter().copied().eq(0..rows.len() as u32), "each row stands once: {rows:?}");
    for issue in &mapping.issues {
        assert!(!issue.message.is_empty() && !issue.code.is_empty());
    }
    let requests = talon_one_destination::render_batch(&config, &mapping.batch).expect("what was mapped can be sent");
    for request in requests {
        serde_json::from_str::<&RawValue>(text(&request.body)).expect("a body is JSON");
    }
});
