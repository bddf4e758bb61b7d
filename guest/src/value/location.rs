//! Locations. Talon.One names the type and publishes no spelling of its values, so a location goes out in the shape in
//! which the source has it, once its two coordinates are found and lie on the earth:
//!
//! - an object with `latitude` or `lat`, and `longitude`, `long`, `lng` or `lon`; other keys stay;
//! - an array `[latitude, longitude]`;
//! - a text `latitude,longitude`.

use serde_json::Value as Json;

use super::{Value, ValueError};
use destination_toolkit::value::json::{self, Scalar};

const INVALID: ValueError = ValueError {
    code: "invalid-location",
    wanted: "a location",
    expected: "{\"latitude\":52.5,\"longitude\":13.4}, [52.5,13.4] or \"52.5,13.4\", within 90 and 180 degrees",
    part: None,
};

const LATITUDE: [&str; 2] = ["latitude", "lat"];
const LONGITUDE: [&str; 4] = ["longitude", "long", "lng", "lon"];

/// Append a value as a location.
pub(super) fn write(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Json(text) => match json::scalar(text) {
            Some(Scalar::String(text)) => write_text(&text, out),
            Some(Scalar::Composite(text)) => write_composite(text, out),
            _ => Err(INVALID),
        },
        Value::Text(text) => write_text(text, out),
        _ => Err(INVALID),
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn write_text(text: &str, out: &mut String) -> Result<(), ValueError> {
    if text.starts_with(['{', '[']) {
        return write_composite(text, out);
    }
    let (latitude, longitude) = text.split_once(',').ok_or(INVALID)?;
    let degrees = |text: &str| json::parse(text).ok();
    check(degrees(latitude).as_ref(), degrees(longitude).as_ref())?;
    json::write_string(text, out);
    Ok(())
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn write_composite(text: &str, out: &mut String) -> Result<(), ValueError> {
    match json::parse(text) {
        Ok(Json::Array(pair)) if pair.len() == 2 => check(pair.first(), pair.last())?,
        Ok(Json::Object(members)) => {
            // Two spellings of one coordinate could differ.
            let only = |names: &[&str]| {
                let mut found = names.iter().filter_map(|name| members.get(*name));
                found.next().filter(|_| found.next().is_none())
            };
            check(only(&LATITUDE), only(&LONGITUDE))?;
        }
        _ => return Err(INVALID),
    }
    json::write_compact(text, out).map_err(|()| INVALID)
}

/// The floats only serve to compare: what is sent is the source's own spelling.
fn check(latitude: Option<&Json>, longitude: Option<&Json>) -> Result<(), ValueError> {
    let within = |degrees: Option<&Json>, limit: f64| {
        degrees.and_then(Json::as_f64).is_some_and(|degrees| degrees.abs() <= limit)
    };
    if within(latitude, 90.0) && within(longitude, 180.0) { Ok(()) } else { Err(INVALID) }
}
