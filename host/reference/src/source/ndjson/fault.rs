//! What is wrong with a line, in words for people who do not know a JSON parser.

use destination_engine::arrow::untold::Untold;

use super::lines::Line;
use super::sound::Unsound;
use super::{Lines, SourceError, excerpt};

/// Why a line is no row.
#[derive(Debug)]
pub(super) enum Fault {
    Json(serde_json::Error),
    /// Within the value of a column.
    Unsound {
        column: String,
        what: Unsound,
    },
    NotUtf8,
    /// A dead letter of a row that could not be read, and its bytes.
    Unreadable(Vec<u8>),
    /// A value of a dead letter is not what the letter says that it was.
    Unfit {
        column: String,
        /// As JSON.
        value: String,
        expected: Untold,
    },
}

impl Fault {
    /// The fault, for machines.
    pub(super) fn code(&self, line: &Line) -> &'static str {
        match self {
            Self::Json(error) if error.is_eof() && !line.terminated => "unterminated-row",
            Self::Json(_) => "invalid-json",
            Self::Unsound { what: Unsound::Twice(_), .. } => "duplicate-key",
            Self::Unsound { what: Unsound::HalfCharacter(_), .. } => "lone-surrogate",
            Self::NotUtf8 => "invalid-text",
            Self::Unreadable(_) => "unreadable-row",
            Self::Unfit { expected: Untold::Date | Untold::Time, .. } => "invalid-time",
            Self::Unfit { expected: Untold::Number | Untold::Numbers, .. } => "invalid-number",
        }
    }
}

const ONE_OBJECT: &str = "write each row as one JSON object on a line of its own";
const ONE_OF_TWO: &str = "keep one of the two: readers of JSON do not agree which one counts";
const WHOLE_CHARACTER: &str = "write both halves (\\ud83d\\ude00) or the character itself; what cut the text in the middle of a character must be fixed";

/// Says what is wrong with a line, and shows its beginning.
pub(super) fn told(name: &str, kind: Lines, line: &Line, text: &str, fault: &Fault) -> SourceError {
    let at = |message: String| SourceError::new(name, message).line(line.number);
    let error = match fault {
        Fault::Unsound { column, what: Unsound::Twice(twice) } => {
            return at(format!("the value of {column:?} has the key {twice:?} twice in one object")).hint(ONE_OF_TWO);
        }
        Fault::Unsound { column, what: Unsound::HalfCharacter(half) } => {
            return at(format!(
                "the value of {column:?} has half of a character, a lone surrogate, in {}",
                excerpt(half)
            ))
            .hint(WHOLE_CHARACTER);
        }
        Fault::NotUtf8 => return at("is not valid UTF-8".to_owned()).hint("save the file as UTF-8"),
        Fault::Unreadable(_) => {
            return at("holds a row that its source could not read".to_owned()).hint(
                "write the row as an object under \"row\" and remove \"raw\", or remove the line; with on_error = \"reject\" it is \
                 kept for later",
            );
        }
        Fault::Unfit { column, value, expected } => {
            let (what, hint) = match expected {
                Untold::Date => ("a day was", "write a day such as 2024-05-31, or null"),
                Untold::Time => ("a time was", "write a time such as 2024-05-31T10:00:00Z, or null"),
                Untold::Number => ("a number was", "write a number such as 12.5, or null"),
                Untold::Numbers => ("only numbers were", "write numbers such as 12.5 in it, or null"),
            };
            return at(format!("the column {column:?} holds {} where {what}", excerpt(value.trim_matches('"'))))
                .hint(hint);
        }
        Fault::Json(error) => error,
    };
    if error.is_eof() && !line.terminated {
        return at(format!("the text ends in the middle of this line: {}", excerpt(text)))
            .hint("check that the file is complete");
    }
    // The place is told as this file's line; serde_json's own stands at the end of its message.
    let message = error.to_string();
    let reason = message.rfind(" at line ").and_then(|at| message.get(..at)).unwrap_or(&message);
    if kind == Lines::DeadLetters && error.is_data() {
        return at(format!("{reason}: {}", excerpt(text)))
            .hint("a dead-letter file has lines such as {\"row\":{…},\"code\":…,\"message\":…}");
    }
    if text.starts_with('[') {
        return at(format!("is a list, and a JSON object is expected: {}", excerpt(text)))
            .hint("write one object a line, without a list around them");
    }
    if !text.starts_with('{') {
        return at(format!("does not begin with a JSON object: {}", excerpt(text))).hint(ONE_OBJECT);
    }
    if error.is_data() {
        let hint = if reason.contains("stands twice") { ONE_OF_TWO } else { ONE_OBJECT };
        return at(format!("{reason}: {}", excerpt(text))).hint(hint);
    }
    match word(text, error.column()) {
        Some(word) if NUMBERS.iter().any(|known| known.eq_ignore_ascii_case(word)) => {
            at(format!("has {word}, which JSON does not have: {}", excerpt(text)))
                .hint("write null, or leave the key out; Talon.One has no such number either")
        }
        Some(word) if WORDS.contains(&word) => {
            at(format!("has {word}, which JSON does not have: {}", excerpt(text))).hint("write true, false or null")
        }
        _ if reason.starts_with("trailing characters") => {
            at(format!("goes on after its JSON object: {}", excerpt(text))).hint(ONE_OBJECT)
        }
        _ if reason.contains("control character") => {
            at(format!("has a control character within a string: {}", excerpt(text)))
                .hint("write it as an escape: \\t for a tab, \\n for a line break, \\u0001")
        }
        _ if reason.contains("surrogate") || reason.contains("hex escape") => {
            at(format!("has half of a character, a lone surrogate, in a string: {}", excerpt(text)))
                .hint(WHOLE_CHARACTER)
        }
        _ => at(format!("is not valid JSON: {reason} (column {}): {}", error.column(), excerpt(text)))
            .hint("JSON has double quotes around names and texts, no comma behind the last value, and no comments"),
    }
}

/// What other languages write for floats without a value.
const NUMBERS: [&str; 6] = ["NaN", "Infinity", "-Infinity", "inf", "-inf", "+Infinity"];
/// What other languages write for these.
const WORDS: [&str; 5] = ["True", "False", "None", "undefined", "nil"];

/// The word around a column of a line, from 1, in bytes.
fn word(text: &str, column: usize) -> Option<&str> {
    let is_word = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'+');
    let bytes = text.as_bytes();
    let within = column.checked_sub(1).filter(|at| *at < bytes.len())?;
    // The parser stops at a word's first letter, or where it is not the word that it took it for.
    let start = (0..=within).rev().take_while(|at| bytes.get(*at).is_some_and(is_word)).last()?;
    let end = (within..bytes.len()).find(|at| !bytes.get(*at).is_some_and(is_word)).unwrap_or(bytes.len());
    text.get(start..end).filter(|word| !word.is_empty())
}
