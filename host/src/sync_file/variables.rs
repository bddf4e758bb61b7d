//! `${VAR}` in a string: replaced by the environment variable of that name.
//!
//! Expansion works on strings that TOML has already read, so that a value with quotes, line breaks or a `#` in it stays
//! one value. `$${` is a literal `${`; a `$` before anything else stands for itself.

use std::env::VarError;

use super::Lookup;

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
    /// Something other than a variable's name between the braces. It is not shown: it may be the secret itself.
    #[error("between `${{` and `}}` stands no variable's name: letters, digits and `_`, not beginning with a digit")]
    Name,
}

impl VariableError {
    /// How to mend it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Missing(name) => format!("set it: export {name}=…"),
            Self::NotText(name) => format!("set `{name}` to plain text"),
            Self::Open | Self::Name => "write `$${` for a literal `${`".to_owned(),
        }
    }
}

/// `text` with every `${VAR}` replaced.
///
/// What a variable holds is not expanded again.
pub(super) fn expand(text: &str, lookup: &Lookup<'_>) -> Result<String, VariableError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(literal) = before.strip_suffix('$') {
            expanded.push_str(literal);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let (name, tail) = after.split_once('}').ok_or(VariableError::Open)?;
        if !is_name(name) {
            return Err(VariableError::Name);
        }
        match lookup(name) {
            Ok(value) => expanded.push_str(&value),
            Err(VarError::NotPresent) => return Err(VariableError::Missing(name.to_owned())),
            Err(VarError::NotUnicode(_)) => return Err(VariableError::NotText(name.to_owned())),
        }
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Result<String, VarError> {
        match name {
            "KEY" => Ok("s3cret".to_owned()),
            "NESTED" => Ok("${KEY}".to_owned()),
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
            assert_eq!(expand(text, &lookup), Ok(expected.to_owned()), "{text}");
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
            assert_eq!(expand(text, &lookup), Err(expected), "{text}");
        }
    }
}
