//! What JSON's grammar lets through and no reader agrees on: a name twice in one object, and half of a surrogate pair.

use std::borrow::Cow;
use std::collections::HashSet;

/// What is wrong within a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unsound {
    /// A name stands twice in one object.
    Twice(String),
    /// A string is no text: its escape is half of a character.
    HalfCharacter(String),
}

/// Looks into a value, which is JSON.
pub(super) fn check(json: &str) -> Result<(), Unsound> {
    // For each list or object around the place: the names so far, where it is an object.
    let mut around: Vec<Option<HashSet<Cow<'_, str>>>> = Vec::new();
    let mut name_is_next = false;
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' => {
                around.push(Some(HashSet::new()));
                name_is_next = true;
            }
            b'[' => {
                around.push(None);
                name_is_next = false;
            }
            b'}' | b']' => {
                around.pop();
            }
            b',' => name_is_next = matches!(around.last(), Some(Some(_))),
            b'"' => {
                let length = string_length(bytes.get(at..).unwrap_or_default());
                let text = text(json, at, length)?;
                at += length + 1;
                if std::mem::take(&mut name_is_next)
                    && let Some(Some(names)) = around.last_mut()
                    && !names.insert(text.clone())
                {
                    return Err(Unsound::Twice(text.into_owned()));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The bytes of a string up to its closing quote.
fn string_length(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', rest.get(at..).unwrap_or_default()) {
        at += found;
        if rest.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    rest.len()
}

fn text(json: &str, start: usize, length: usize) -> Result<Cow<'_, str>, Unsound> {
    let inner = json.get(start..start + length).unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    let quoted = json.get(start.saturating_sub(1)..start + length + 1).unwrap_or_default();
    serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| Unsound::HalfCharacter(inner.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_twice_are_found_at_any_depth() {
        for (json, name) in [
            (r#"{"x":1,"x":2}"#, "x"),
            (r#"[{"a":{"b":[1,{"c":"x","d":2,"c":3}]}}]"#, "c"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
            (r#"{"a\"":{},"b":[],"a\"":1}"#, "a\""),
        ] {
            assert_eq!(check(json), Err(Unsound::Twice(name.to_owned())), "{json}");
        }
        for json in [
            r#"{"a":"a","b":{"a":{"a":["a","a"]}},"c":[{"a":1},{"a":1}]}"#,
            "[[],{},\"\"]",
            "\"a\"",
            "1.10",
            "[\"\\\"\",\"}\"]",
        ] {
            assert_eq!(check(json), Ok(()), "{json}");
        }
    }

    #[test]
    fn halves_of_characters_are_found() {
        for json in [r#""\ud83d""#, r#"["\ud83dx"]"#, r#"{"\udc00":1}"#] {
            assert!(matches!(check(json), Err(Unsound::HalfCharacter(_))), "{json}");
        }
        assert_eq!(check(r#"["\ud83d\ude00", "\\ud83d"]"#), Ok(()));
    }
}
