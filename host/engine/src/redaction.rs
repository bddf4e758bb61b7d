//! Values that no text for people may show, taken out of it: those of a config's secrets and of a sync file's `${VARIABLE}`s.
//!
//! In its place stands where it came from, `${TALON_ONE_URL}`: a person can look there. A value is found as it is, as it stands
//! in a URL, and as it stands in JSON. Other forms of it (in base64, say, or torn in
//! two) are not recognised.

use std::fmt;
use std::sync::Arc;

/// What stands in the place of a value that has no name to be shown.
pub const HIDDEN: &str = "[hidden]";

/// A value shorter than this stays where it is: no real key is so short, and ordinary words would be torn.
const SHORTEST: usize = 4;

/// Values to be taken out of texts. Cheap to clone; never printed.
#[derive(Clone, Default)]
pub struct Redaction(Arc<[Form]>);

/// A form of a value, and what is shown for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    text: String,
    shown: String,
}

impl Redaction {
    /// Of these values, each with what is shown in its place.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut forms = Vec::new();
        for (value, shown) in values {
            let json = serde_json::Value::from(value).to_string();
            let texts = [value.to_owned(), value.trim().to_owned(), percent_encoded(value)];
            let texts = texts.into_iter().chain(json.get(1..json.len() - 1).map(str::to_owned));
            forms.extend(texts.map(|text| Form { text, shown: shown.to_owned() }));
        }
        forms.retain(|form| form.text.len() >= SHORTEST);
        Self::of_forms(forms)
    }

    /// The values of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::of_forms(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    fn of_forms(mut forms: Vec<Form>) -> Self {
        // The longest first: what is left of one that another has torn would show a part of it.
        forms.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then_with(|| a.cmp(b)));
        forms.dedup_by(|a, b| a.text == b.text);
        Self(forms.into())
    }

    /// Takes the values out of a text.
    pub fn apply(&self, text: &mut String) {
        for form in self.0.iter() {
            if text.contains(&form.text) {
                *text = text.replace(&form.text, &form.shown);
            }
        }
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redaction({} forms)", self.0.len())
    }
}

/// A value as it stands for itself anywhere in a URL: all but RFC 3986's unreserved characters as `%XX`.
pub fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(values: &[&str], text: &str) -> String {
        let mut text = text.to_owned();
        Redaction::of(values.iter().map(|value| (*value, HIDDEN))).apply(&mut text);
        text
    }

    #[test]
    fn a_value_is_found_in_each_of_its_forms() {
        let value = "a b/\"%\n";
        let text = format!("{value}|a%20b%2F%22%25%0A|{{\"x\":\"a b/\\\"%\\n\"}}|a b/\"%|");
        assert_eq!(redacted(&[value], &text), "[hidden]|[hidden]|{\"x\":\"[hidden]\"}|[hidden]|");
    }

    #[test]
    fn a_part_of_another_value_does_not_tear_it() {
        assert_eq!(redacted(&["pass", "password1"], "password1 pass"), "[hidden] [hidden]");
    }

    #[test]
    fn short_values_stay() {
        assert_eq!(redacted(&["42", ""], "audience 42"), "audience 42");
        let redaction = Redaction::of([("secret", "${PASSWORD}")]);
        assert!(!format!("{redaction:?}").contains("secret"));
        let mut text = "no secret here".to_owned();
        redaction.apply(&mut text);
        assert_eq!(text, "no ${PASSWORD} here");
    }
}
