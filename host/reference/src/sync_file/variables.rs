//! `${VAR}` in a string: replaced by the environment variable of that name.
//!
//! Expansion works on strings that TOML has already read, so that a value with quotes, line breaks or a `#` in it stays
//! one value. Within a URL (`scheme://…`) a value is percent-encoded, so that it can't change the host or add a parameter;
//! a string that is nothing but `${VAR}` is the value as it is. `$${` is a literal `${`; a `$` before anything else stands
//! for itself.

use std::env::VarError;

use super::Lookup;
use destination_engine::redaction::percent_encoded;

/// What is wrong with a string's `${…}`. Values are never part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum VariableError {
    /// The environment has no such variable.
    #[error("the environment variable `{0}` is not set")]
    Missing(String),
    /// The variable is not valid UTF-8.
    #[error("the environment variable `{0}` is not valid UTF-8")]
    NotText(String),
    /// `${` without its `}`.
    #[error("`${{` has no closing `}}`")]
    Open,
    /// A value that would end its place in a list of `key=value`, as libpq takes it.
    #[error("the value of `{0}` has a space, a quote or a backslash, which `key=value key=value` can't hold")]
    Pair(String),
    /// Something other than a variable's name between the braces. It is not shown: it may be the secret itself.
    #[error("between `${{` and `}}` stands no variable's name: letters, digits and `_`, not beginning with a digit")]
    Name,
}

impl VariableError {
    /// How to fix it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Missing(name) => format!("set it: export {name}=…"),
            Self::NotText(name) => format!("set `{name}` to plain text"),
            Self::Pair(_) => {
                "write a URL instead, in which it is encoded: postgresql://user:${PASSWORD}@host/db".to_owned()
            }
            Self::Open | Self::Name => "write `$${` for a literal `${`".to_owned(),
        }
    }
}

/// `text` with every `${VAR}` replaced; the values are added to `values`, each after what may be
/// shown in its place, for they are secret.
///
/// What a variable holds is not expanded again.
pub(super) fn expand(
    text: &str,
    lookup: &Lookup<'_>,
    values: &mut Vec<(String, String)>,
) -> Result<String, VariableError> {
    let mut expanded = String::with_capacity(text.len());
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(dollars) = before.strip_suffix('$') {
            for text in [dollars, "${"] {
                expanded.push_str(text);
                literal.push_str(text);
            }
            rest = after;
            continue;
        }
        expanded.push_str(before);
        literal.push_str(before);
        let (name, tail) = after.split_once('}').ok_or(VariableError::Open)?;
        if !is_name(name) {
            return Err(VariableError::Name);
        }
        let value = match lookup(name) {
            Ok(value) => value,
            Err(VarError::NotPresent) => return Err(VariableError::Missing(name.to_owned())),
            Err(VarError::NotUnicode(_)) => return Err(VariableError::NotText(name.to_owned())),
        };
        match Place::of(&literal) {
            Place::Url => expanded.push_str(&percent_encoded(&value)),
            Place::Pair if value.contains([' ', '\t', '\r', '\n', '\'', '"', '\\']) => {
                return Err(VariableError::Pair(name.to_owned()));
            }
            Place::Pair | Place::Text => expanded.push_str(&value),
        }
        values.push((format!("${{{name}}}"), value));
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// What a variable stands in.
enum Place {
    /// `scheme://…`
    Url,
    /// `key=` and nothing but `key=value` before it.
    Pair,
    Text,
}

impl Place {
    /// From what the file itself says before the variable.
    fn of(before: &str) -> Self {
        let scheme = before.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        }) {
            return Self::Url;
        }
        let is_pair = |word: &str| word.split_once('=').is_some_and(|(key, _)| is_name(key));
        if before.ends_with('=') && before.split_ascii_whitespace().all(is_pair) { Self::Pair } else { Self::Text }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test that cannot go on fails")]

    use super::*;

    fn lookup(name: &str) -> Result<String, VarError> {
        match name {
            "KEY" => Ok("s3cret".to_owned()),
            "NESTED" => Ok("${KEY}".to_owned()),
            "ODD" => Ok("a b&port=1/@%?#\u{e9}".to_owned()),
            "BYTES" => Err(VarError::NotUnicode("x".into())),
            _ => Err(VarError::NotPresent),
        }
    }

    #[test]
    fn variables_are_replaced_where_they_stand() {
        for (text, expected) in [
            ("${KEY}", "s3cret"),
            ("a${KEY}b${KEY}", "as3cretbs3cret"),
            ("$${KEY}", "${KEY}"),
            ("$KEY costs $5", "$KEY costs $5"),
            ("${NESTED}", "${KEY}"),
            ("", ""),
            ("ä$${ö", "ä${ö"),
        ] {
            assert_eq!(expand(text, &lookup, &mut Vec::new()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_named() {
        for (text, expected) in [
            ("${NOPE}", VariableError::Missing("NOPE".to_owned())),
            ("${BYTES}", VariableError::NotText("BYTES".to_owned())),
            ("${KEY", VariableError::Open),
            ("${}", VariableError::Name),
            ("${1A}", VariableError::Name),
            ("${A B}", VariableError::Name),
        ] {
            assert_eq!(expand(text, &lookup, &mut Vec::new()), Err(expected), "{text}");
        }
    }

    #[test]
    fn within_a_url_a_value_stands_for_itself() {
        for (text, expected) in [
            ("postgresql://u:${ODD}@h/db", "postgresql://u:a%20b%26port%3D1%2F%40%25%3F%23%C3%A9@h/db"),
            ("https://${KEY}.talon.one", "https://s3cret.talon.one"),
            ("a+b.c-d://${ODD}", "a+b.c-d://a%20b%26port%3D1%2F%40%25%3F%23%C3%A9"),
            // A variable that is all of it, and one before the scheme, are the user's own text.
            ("${ODD}", "a b&port=1/@%?#\u{e9}"),
            ("${KEY}://x", "s3cret://x"),
            ("see http://x ${ODD}", "see http://x a b&port=1/@%?#\u{e9}"),
        ] {
            assert_eq!(expand(text, &lookup, &mut Vec::new()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_value_cannot_add_to_a_list_of_pairs() {
        let expanded = |text| expand(text, &lookup, &mut Vec::new());
        assert_eq!(expanded("host=h password=${ODD}"), Err(VariableError::Pair("ODD".to_owned())));
        assert_eq!(expanded("host=h password=${KEY} x=1"), Ok("host=h password=s3cret x=1".to_owned()));
        assert!(expanded("SELECT a FROM b WHERE c = ${ODD}").is_ok());
    }

    #[test]
    fn what_was_put_in_is_known() {
        let mut values = Vec::new();
        expand("${KEY} $${KEY} ${ODD}", &lookup, &mut values).ok();
        let [(shown, key), (_, odd)] = values.as_slice() else { panic!("{values:?}") };
        assert_eq!((shown.as_str(), key.as_str(), odd.as_str()), ("${KEY}", "s3cret", "a b&port=1/@%?#\u{e9}"));
    }
}
