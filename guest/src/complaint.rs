//! What a server says about a request that it did not carry out: `{"message", "errors": [{"title", "details",
//! "source": {"pointer"}}]}`, every part of it optional, and sometimes not JSON at all.

use serde_json::Value;

use crate::config::ApiKey;
use crate::quote::shortened;

/// Characters of it that a message repeats.
const SHOWN: usize = 300;

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// On one line, without the key; empty where nothing was said that a person can read.
    pub(crate) text: String,
    /// Where in the request the errors are, as the server points to them.
    pub(crate) pointers: Vec<String>,
}

impl Complaint {
    /// From an answer's body.
    pub(crate) fn read(body: &str, api_key: &ApiKey) -> Self {
        let mut complaint = match serde_json::from_str::<Value>(body) {
            Ok(Value::Object(body)) => Self::of_parts(&Value::Object(body)),
            Ok(Value::String(text)) => Self { text, pointers: Vec::new() },
            Ok(_) => Self::default(),
            // A page of HTML, from something on the way, tells a person nothing.
            Err(_) if body.trim_start().starts_with('<') => Self::default(),
            Err(error) => match mended(body).filter(|_| error.is_eof()) {
                // Which records the part that is missing speaks of is not known: a hint that is not whole misleads.
                Some(body) => Self { pointers: Vec::new(), ..Self::of_parts(&body) },
                None => Self { text: body.to_owned(), pointers: Vec::new() },
            },
        };
        let words: Vec<&str> = complaint.text.split_whitespace().collect();
        // The key goes before the text is cut, lest a part of it stays.
        complaint.text = shortened(&api_key.scrub(&words.join(" ")), SHOWN);
        complaint
    }

    fn of_parts(body: &Value) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut parts = vec![text(body, "message")];
        for error in errors {
            parts.extend([text(error, "title"), text(error, "details")]);
        }
        let mut said: Vec<String> = Vec::new();
        for part in parts {
            if !part.is_empty() && !said.contains(&part) {
                said.push(part);
            }
        }
        let pointers = errors.iter().filter_map(|error| error.get("source")).map(|source| text(source, "pointer"));
        Self { text: said.join(": "), pointers: pointers.filter(|pointer| !pointer.is_empty()).collect() }
    }
}

/// An error for each of a thousand records is longer than what is read of it. What came before the cut is closed where an
/// entry of the list ends.
fn mended(body: &str) -> Option<Value> {
    const ATTEMPTS: usize = 8;
    let ends = body.rmatch_indices("},").take(ATTEMPTS);
    ends.filter_map(|(at, _)| body.get(..at)).find_map(|whole| serde_json::from_str(&format!("{whole}}}]}}")).ok())
}
