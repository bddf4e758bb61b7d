//! What a server said when it did not do what it was asked: for messages, and for hints about which record is at fault.

use super::Response;
use super::body::Body;
use crate::problem::joined;
use crate::problem::quote::{one_line, shortened};

/// Characters of it that a message repeats.
const SHOWN: usize = 300;

/// What the server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// On one line, without the secret; empty if there is no text that a person can read.
    pub text: String,
    /// Where in the request the errors are, as the server points to them.
    pub pointers: Vec<String>,
    /// What came instead of text: a page, something compressed.
    pub instead: Option<String>,
    /// It is a page of HTML. An API sends none, so something else answered.
    pub is_html: bool,
}

impl ErrorBody {
    /// From an answer's body. `of_text` reads the form that the API's errors have; [`ErrorBody::plain`] takes any text as it is.
    pub fn read(answer: &Response, scrub: &dyn Fn(&str) -> String, of_text: fn(&str) -> Self) -> Self {
        // A secret goes before the text is cut, lest a part of it stays.
        let shown = |text: &str| shortened(&scrub(&one_line(text)), SHOWN);
        let mut error_body = match Body::of(answer) {
            Body::Empty => Self::default(),
            Body::Text(text) => of_text(&text),
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

    /// A text as it came.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Whether the text has one of these words in it, in any case.
    #[must_use]
    pub fn mentions(&self, words: &[&str]) -> bool {
        let text = self.text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    }
}

/// A message, what the server said, and what to do about it.
#[must_use]
pub fn with_error_body(message: &str, error_body: &ErrorBody, advice: &str) -> String {
    let server = match (&error_body.instead, error_body.text.as_str()) {
        (Some(instead), _) => format!("it sent {instead}"),
        (None, "") => String::new(),
        (None, text) => format!("it said: {text}"),
    };
    joined("; ", &[message, &server, advice])
}
