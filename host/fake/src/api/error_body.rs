//! The documented body of an error: `{"message","errors":[{"title","details","source":{"pointer"}}],"StatusCode"}`.

use hyper::StatusCode;
use serde::Serialize;

/// What the published error example calls a request whose data can't be taken.
const INVALID_DATA: &str = "The submitted data was invalid";

/// How a refused batch is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorDetail {
    /// An entry for each thing wrong, in `errors`.
    PerItem,
    /// The first thing wrong, as the message of the whole.
    WholeBatch,
}

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) details: String,
    pub(crate) source: Source,
}

/// Where in the request it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// A JSON pointer into the body.
    Pointer(String),
    /// The name of a query parameter.
    Parameter(String),
    /// No one place, or one that is not told.
    #[serde(untagged)]
    Unknown {},
}

impl Problem {
    /// Something about the body at `pointer` that makes it a 400.
    pub(crate) fn body(title: &'static str, pointer: impl Into<String>, details: impl Into<String>) -> Self {
        let (details, source) = (details.into(), Source::Pointer(pointer.into()));
        Self { status: StatusCode::BAD_REQUEST, title, details, source }
    }

    /// Something about the request as a whole.
    pub(crate) fn request(status: StatusCode, title: &'static str, details: impl Into<String>) -> Self {
        Self { status, title, details: details.into(), source: Source::Unknown {} }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// The body as it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    message: String,
    errors: Vec<Entry>,
    #[serde(rename = "StatusCode")]
    status_code: u16,
}

#[derive(Debug, Serialize)]
struct Entry {
    title: &'static str,
    details: String,
    source: Source,
}

impl ErrorBody {
    /// A message without a list of problems.
    pub(crate) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self { message: message.into(), errors: Vec::new(), status_code: status.as_u16() }
    }

    /// The problems of one request, told as the settings say. The first problem's status stands for all.
    pub(crate) fn of(problems: Vec<Problem>, detail: ErrorDetail, pointers: bool) -> Self {
        let status = problems.first().map_or(StatusCode::BAD_REQUEST, |problem| problem.status);
        let message = match (status, detail, problems.first()) {
            (_, ErrorDetail::WholeBatch, Some(first)) => first.details.clone(),
            (StatusCode::BAD_REQUEST, _, _) => INVALID_DATA.to_owned(),
            (_, _, Some(first)) => first.details.clone(),
            (_, _, None) => INVALID_DATA.to_owned(),
        };
        let told = match detail {
            ErrorDetail::PerItem => problems.len(),
            ErrorDetail::WholeBatch => 1,
        };
        let pointers = pointers && detail == ErrorDetail::PerItem;
        let errors = problems.into_iter().take(told).map(|problem| Entry::of(problem, pointers)).collect();
        Self { message, errors, status_code: status.as_u16() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Entry {
    fn of(problem: Problem, pointers: bool) -> Self {
        let source = match problem.source {
            Source::Pointer(_) if !pointers => Source::Unknown {},
            source => source,
        };
        Self { title: problem.title, details: problem.details, source }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::*;

    fn two() -> Vec<Problem> {
        vec![Problem::body("Unknown", "/data/0/x", "no x"), Problem::body("Invalid type", "/data/1/y", "bad y")]
    }

    fn json(detail: ErrorDetail, pointers: bool) -> String {
        serde_json::to_string(&ErrorBody::of(two(), detail, pointers)).unwrap()
    }

    #[test]
    fn one_entry_an_item_with_its_pointer() {
        let expected = concat!(
            r#"{"message":"The submitted data was invalid","errors":["#,
            r#"{"title":"Unknown","details":"no x","source":{"pointer":"/data/0/x"}},"#,
            r#"{"title":"Invalid type","details":"bad y","source":{"pointer":"/data/1/y"}}],"StatusCode":400}"#,
        );
        assert_eq!(json(ErrorDetail::PerItem, true), expected);
    }

    #[test]
    fn pointers_can_be_withheld() {
        let expected = concat!(
            r#"{"message":"The submitted data was invalid","errors":["#,
            r#"{"title":"Unknown","details":"no x","source":{}},"#,
            r#"{"title":"Invalid type","details":"bad y","source":{}}],"StatusCode":400}"#,
        );
        assert_eq!(json(ErrorDetail::PerItem, false), expected);
    }

    #[test]
    fn one_message_for_the_whole_batch() {
        let expected =
            r#"{"message":"no x","errors":[{"title":"Unknown","details":"no x","source":{}}],"StatusCode":400}"#;
        assert_eq!(json(ErrorDetail::WholeBatch, true), expected);
    }

    #[test]
    fn a_parameter_is_always_named() {
        let problem = Problem {
            source: Source::Parameter("silent".to_owned()),
            ..Problem::request(StatusCode::BAD_REQUEST, "enum", "must be yes or no")
        };
        let body = serde_json::to_string(&ErrorBody::of(vec![problem], ErrorDetail::PerItem, false)).unwrap();
        assert!(body.contains(r#""source":{"parameter":"silent"}"#), "{body}");
    }
}
