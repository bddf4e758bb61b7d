//! The body of an error response: `{"message", "errors": [{"title", "details",
//! "source": {"pointer"}}]}`, every part of it optional, and sometimes not JSON at all.

use serde_json::Value;

use super::body::Body;
use super::transport::Response;
use crate::config::ApiKey;
use crate::problem::joined;
use crate::problem::quote::{one_line, shortened};

/// Characters of it that a message repeats.
const SHOWN: usize = 300;

/// What the server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// On one line, without the key; empty if there is no text that a person can read.
    pub(crate) text: String,
    /// Where in the request the errors are, as the server points to them.
    pub(crate) pointers: Vec<String>,
    /// What came instead of text: a page, something compressed.
    pub(crate) instead: Option<String>,
    /// It is a page of HTML. Talon.One's API sends none, so something else answered.
    pub(crate) is_html: bool,
}

impl ErrorBody {
    /// From an answer's body.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn read(answer: &Response, api_key: &ApiKey) -> Self {
        // The key goes before the text is cut, lest a part of it stays.
        let shown = |text: &str| shortened(&api_key.scrub(&one_line(text)), SHOWN);
        let mut error_body = match Body::of(answer) {
            Body::Empty => Self::default(),
            Body::Text(text) => Self::of_text(&text),
            Body::Page(title) => Self {
                instead: Some(match title {
                    Some(title) => format!("a page titled \"{}\"", shown(&title)),
                    None => "a page of HTML".to_owned(),
                }),
                is_html: true,
                ..Self::default()
            },
            Body::Unreadable(what) => Self { instead: Some(what), ..Self::default() },
        };
        error_body.text = shown(&error_body.text);
        error_body
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn of_text(body: &str) -> Self {
        let plain = |text: String| Self { text, ..Self::default() };
        match serde_json::from_str::<Value>(body) {
            // Another API's form: better as it came than not at all.
            Ok(Value::Object(other))
                if !other.is_empty() && !other.contains_key("message") && !other.contains_key("errors") =>
            {
                plain(body.to_owned())
            }
            Ok(body @ Value::Object(_)) => Self::of_parts(&body),
            Ok(Value::String(text)) => plain(text),
            Ok(_) => Self::default(),
            Err(error) => match complete_part(body).filter(|_| error.is_eof()) {
                // Which records the missing part names is not known: half of a hint misleads.
                Some(body) => Self { pointers: Vec::new(), ..Self::of_parts(&body) },
                None => plain(body.to_owned()),
            },
        }
    }

    /// Whether it says that an attribute does not exist. Talon.One publishes no codes: this goes by its words.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn undefined_attribute(&self) -> bool {
        const UNDEFINED: [&str; 7] =
            ["undefined", "unknown", "not defined", "not exist", "not found", "no attribute", "unrecogni"];
        self.about_attribute() && self.mentions(&UNDEFINED)
    }

    /// Whether it mentions an attribute.
    pub(crate) fn about_attribute(&self) -> bool {
        self.mentions(&["attribute"]) || self.pointers.iter().any(|pointer| pointer.contains("attributes"))
    }

    /// Whether it mentions a value or its type.
    pub(crate) fn about_value(&self) -> bool {
        self.mentions(&["type", "invalid", "format", "expected", "must be"])
    }

    /// Whether it may be about what one record holds rather than what all have in common.
    pub(crate) fn of_one_record(&self) -> bool {
        self.mentions(&["type", "value", "expected", "must be"])
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn mentions(&self, words: &[&str]) -> bool {
        let text = self.text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn of_parts(body: &Value) -> Self {
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
        Self {
            text: joined(": ", &distinct),
            pointers: pointers.filter(|pointer| !pointer.is_empty()).collect(),
            ..Self::default()
        }
    }
}

/// A message, what the server said, and what to do about it.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn with_error_body(message: &str, error_body: &ErrorBody, advice: &str) -> String {
    let server = match (&error_body.instead, error_body.text.as_str()) {
        (Some(instead), _) => format!("it sent {instead}"),
        (None, "") => String::new(),
        (None, text) => format!("it said: {text}"),
    };
    joined("; ", &[message, &server, advice])
}

/// The complete entries of a truncated error. One for each of a thousand records is longer than what is read of it: it is
/// closed where an entry of the list ends.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn complete_part(body: &str) -> Option<Value> {
    const ATTEMPTS: usize = 8;
    let ends = body.rmatch_indices("},").take(ATTEMPTS);
    ends.filter_map(|(at, _)| body.get(..at)).find_map(|whole| serde_json::from_str(&format!("{whole}}}]}}")).ok())
}
