//! The body of an error response of Talon.One's: `{"message", "errors": [{"title", "details",
//! "source": {"pointer"}}]}`, every part of it optional, and sometimes not JSON at all.

use destination_toolkit::http::Response;
use destination_toolkit::http::error_body::ErrorBody;
use destination_toolkit::problem::joined;
use destination_toolkit::value::json;
use serde_json::Value;

use crate::config::Config;

/// What the server said, without the keys.
pub(crate) fn read(answer: &Response, config: &Config) -> ErrorBody {
    ErrorBody::read(answer, &|text| config.scrub(text), of_text)
}

#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_text(body: &str) -> ErrorBody {
    let plain = |text: String| ErrorBody { text, ..ErrorBody::default() };
    match json::parse(body) {
        // Another API's form: better as it came than not at all.
        Ok(Value::Object(other))
            if !other.is_empty() && !other.contains_key("message") && !other.contains_key("errors") =>
        {
            plain(body.to_owned())
        }
        Ok(body @ Value::Object(_)) => of_parts(&body),
        Ok(Value::String(text)) => plain(text),
        Ok(_) => ErrorBody::default(),
        Err(error) => match complete_part(body).filter(|_| error.is_eof()) {
            // Which records the missing part names is not known: half of a hint misleads.
            Some(body) => ErrorBody { pointers: Vec::new(), ..of_parts(&body) },
            None => plain(body.to_owned()),
        },
    }
}

/// Whether it says that an attribute does not exist. Talon.One publishes no codes: this goes by its words.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn undefined_attribute(error_body: &ErrorBody) -> bool {
    const UNDEFINED: [&str; 7] =
        ["undefined", "unknown", "not defined", "not exist", "not found", "no attribute", "unrecogni"];
    about_attribute(error_body) && error_body.mentions(&UNDEFINED)
}

/// Whether it mentions an attribute.
pub(crate) fn about_attribute(error_body: &ErrorBody) -> bool {
    error_body.mentions(&["attribute"]) || error_body.pointers.iter().any(|pointer| pointer.contains("attributes"))
}

/// Whether it mentions a value or its type.
pub(crate) fn about_value(error_body: &ErrorBody) -> bool {
    error_body.mentions(&["type", "invalid", "format", "expected", "must be"])
}

/// Whether it may be about what one record holds rather than what all have in common.
pub(crate) fn of_one_record(error_body: &ErrorBody) -> bool {
    error_body.mentions(&["type", "value", "expected", "must be"])
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_parts(body: &Value) -> ErrorBody {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut parts = vec![text(body, "message")];
    for error in errors {
        parts.extend([text(error, "title"), text(error, "details")]);
    }
    let mut distinct: Vec<&str> = Vec::new();
    for part in &parts {
        if !part.is_empty() && !distinct.contains(&part.as_str()) {
            distinct.push(part);
        }
    }
    let pointers = errors.iter().filter_map(|error| error.get("source")).map(|source| text(source, "pointer"));
    ErrorBody {
        text: joined(": ", &distinct),
        pointers: pointers.filter(|pointer| !pointer.is_empty()).collect(),
        ..ErrorBody::default()
    }
}

/// The complete entries of a truncated error. One for each of a thousand records is longer than what is read of it: it is
/// closed where an entry of the list ends.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn complete_part(body: &str) -> Option<Value> {
    const ATTEMPTS: usize = 8;
    let ends = body.rmatch_indices("},").take(ATTEMPTS);
    ends.filter_map(|(at, _)| body.get(..at)).find_map(|whole| json::parse(&format!("{whole}}}]}}")).ok())
}
