//! JSON text, read and written without giving up its spelling: digits stay digits.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// Append `text` as a JSON string.
#[inline]
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some((plain, byte, after)) = split_at_special(rest) {
        out.push_str(plain);
        write_escape(byte, out);
        rest = after;
    }
    out.push_str(rest);
    out.push('"');
}

/// The text up to the first character that a JSON string has to escape, that character, and the text behind it.
#[inline]
fn split_at_special(text: &str) -> Option<(&str, u8, &str)> {
    let at = first_special(text.as_bytes())?;
    let byte = *text.as_bytes().get(at)?;
    // A special character is ASCII, one byte: both cuts are between characters.
    Some((text.get(..at)?, byte, text.get(at + 1..)?))
}

/// Eight bytes at a time: nearly every text has nothing to escape, and most of the time is spent here.
#[inline]
fn first_special(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        if has_special(u64::from_le_bytes(*word)) {
            let within = word.iter().position(|byte| is_special(*byte))?;
            return Some(index * 8 + within);
        }
    }
    tail.iter().position(|byte| is_special(*byte)).map(|within| words.len() * 8 + within)
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether one of the eight bytes is below 0x20, a quote or a backslash. A byte minus a bound borrows into its highest
/// bit if it is below the bound; bytes of 0x80 and more are masked out.
#[inline]
fn has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    let below = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quotes.wrapping_sub(ONES) & !quotes;
    let backslash = backslashes.wrapping_sub(ONES) & !backslashes;
    (below | quote | backslash) & HIGH != 0
}

#[inline]
fn write_escape(byte: u8, out: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        control => {
            out.push_str("\\u00");
            for digit in [control >> 4, control & 0xf] {
                out.push(HEX.get(usize::from(digit)).copied().unwrap_or('0'));
            }
        }
    }
}

/// Append a JSON text without the white space between its tokens.
///
/// # Errors
/// The text is not JSON; nothing was appended.
#[inline]
#[expect(clippy::result_unit_err, reason = "there is one error, and what to say of it depends on the caller")]
pub fn write_compact(text: &str, out: &mut String) -> Result<(), ()> {
    let text = checked(text).ok_or(())?;
    let mut quotes = Quotes::default();
    let mut rest = text;
    // White space is rare: most texts are copied in one piece.
    while let Some(at) = rest.bytes().position(|byte| !quotes.within(byte) && is_space(byte)) {
        let (kept, space) = rest.split_at(at);
        out.push_str(kept);
        rest = space.trim_start_matches(SPACE);
    }
    out.push_str(rest);
    Ok(())
}

/// Levels of lists and objects that are sent. Customers have few; servers' readers give up at some number, or fall over.
pub const DEEPEST: usize = 128;

/// White space between JSON's tokens.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Follows a JSON text byte by byte, and knows whether it is in a string.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    /// Whether the next byte belongs to a string, its quotes included.
    #[inline]
    fn within(&mut self, byte: u8) -> bool {
        let was_open = self.open;
        if self.escaped {
            self.escaped = false;
        } else if byte == b'"' {
            self.open = !self.open;
        } else if byte == b'\\' && self.open {
            self.escaped = true;
        }
        was_open || self.open
    }
}

#[inline]
fn trimmed(text: &str) -> &str {
    text.trim_matches(SPACE)
}

/// Whether a JSON text says null.
#[inline]
#[must_use]
pub fn is_null(text: &str) -> bool {
    text == "null" || trimmed(text) == "null"
}

/// A JSON value, as far as it has to be understood.
#[derive(Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// A number as it is spelled.
    Number(&'a str),
    /// A string, its escapes read.
    String(Cow<'a, str>),
    /// A list or an object, its text.
    Composite(&'a str),
}

/// The value of a JSON text, or none if the text is not JSON.
#[inline]
#[must_use]
pub fn scalar(text: &str) -> Option<Scalar<'_>> {
    let text = checked(text)?;
    Some(match text.as_bytes().first()? {
        b'n' => Scalar::Null,
        b't' => Scalar::Boolean(true),
        b'f' => Scalar::Boolean(false),
        b'"' => Scalar::String(string(text)?),
        b'[' | b'{' => Scalar::Composite(text),
        _ => Scalar::Number(text),
    })
}

/// The elements of a JSON array, each as it is spelled, or none if the text is not one. serde_json's raw values would find
/// them too, and make the component 19 kB larger.
#[inline]
#[must_use]
pub fn elements(text: &str) -> Option<Vec<&str>> {
    Some(parts(checked(text)?.strip_prefix('[')?.strip_suffix(']')?))
}

/// The members of a JSON object, each value as it is spelled, or none if the text is not one.
#[must_use]
pub fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    parts(checked(text)?.strip_prefix('{')?.strip_suffix('}')?).into_iter().map(member).collect()
}

/// The name and the value of one member of a valid object.
fn member(part: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut quotes = Quotes::default();
    let end = part.bytes().position(|byte| !quotes.within(byte))?;
    let (name, value) = part.split_at_checked(end)?;
    Some((string(name)?, trimmed(trimmed(value).strip_prefix(':')?)))
}

/// What stands between the commas of the inside of a valid array or object.
#[inline]
fn parts(inner: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    if trimmed(inner).is_empty() {
        return parts;
    }
    let mut quotes = Quotes::default();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, byte) in inner.bytes().enumerate() {
        if quotes.within(byte) {
            continue;
        }
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            // The text is valid: a comma outside of strings and of inner lists and objects separates two elements.
            b',' if depth == 0 => {
                parts.push(trimmed(inner.get(start..at).unwrap_or_default()));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(trimmed(inner.get(start..).unwrap_or_default()));
    parts
}

/// The text without the white space around it, if it is JSON.
#[inline]
fn checked(text: &str) -> Option<&str> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    (depth(text) <= DEEPEST).then_some(trimmed(text))
}

/// How deep the lists and objects of a JSON text are nested.
#[inline]
fn depth(text: &str) -> usize {
    let mut quotes = Quotes::default();
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes().filter(|&byte| !quotes.within(byte)) {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A JSON text as a tree, its numbers as floats where 64 bits do not hold them. One function for all, and compiled once: serde_json's
/// own would be compiled with each crate that calls it.
///
/// # Errors
/// The text is not JSON, or is deeper than 128 levels.
pub fn parse(text: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(text)
}

/// The text of a tree. Written here, because serde_json's serializer makes the component larger: it brings its own errors and streams.
#[must_use]
pub fn text_of(value: &serde_json::Value) -> String {
    let mut out = String::new();
    write_tree(value, &mut out);
    out
}

fn write_tree(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(text, out),
        Value::Array(elements) => {
            let mut opening = '[';
            for element in elements {
                out.push(opening);
                write_tree(element, out);
                opening = ',';
            }
            out.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            let mut opening = '{';
            for (name, member) in members {
                out.push(opening);
                write_string(name, out);
                out.push(':');
                write_tree(member, out);
                opening = ',';
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
    }
}

/// The text of a JSON string, borrowed where nothing in it is escaped.
#[inline]
fn string(quoted: &str) -> Option<Cow<'_, str>> {
    if !quoted.contains('\\') {
        return quoted.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed);
    }
    match parse(quoted) {
        Ok(serde_json::Value::String(text)) => Some(Cow::Owned(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write_string(text, &mut out);
        out
    }

    #[test]
    fn every_ascii_character_is_read_back() {
        for code in 0..=127_u8 {
            // In the word, and in the tail behind it.
            let text = format!("ab{0}cdefghi{0}", char::from(code));
            assert_eq!(serde_json::from_str::<String>(&written(&text)).ok(), Some(text));
        }
    }

    #[test]
    fn white_space_goes_between_tokens_and_stays_in_strings() {
        let mut out = String::new();
        assert_eq!(
            write_compact(" { \"a b\" : [ 1 ,\n 2.50 ] , \"c\\\" d\" : \"\\\\\" , \"e\" : \" \" } ", &mut out),
            Ok(())
        );
        assert_eq!(out, r#"{"a b":[1,2.50],"c\" d":"\\","e":" "}"#);
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in ["", "{", "[1,]", "{\"a\":1}x", "nul", "'a'", "\"\n\"", "01", "1.", "NaN"] {
            assert_eq!(write_compact(text, &mut String::new()), Err(()), "{text}");
            assert_eq!(scalar(text), None, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_texts_do_not_count() {
        let nested = |levels: usize| format!("{}\"[[{{\"{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(depth(&nested(3)), 3);
        assert!(write_compact(&nested(DEEPEST), &mut String::new()).is_ok());
        for levels in [DEEPEST + 1, 100_000] {
            assert!(write_compact(&nested(levels), &mut String::new()).is_err());
            assert_eq!(scalar(&nested(levels)), None);
        }
    }

    #[test]
    fn members_keep_their_spelling() {
        let members = |text| {
            let members: Option<Vec<(Cow<'_, str>, &str)>> = members(text);
            members
                .map(|members| members.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
        };
        assert_eq!(members(" { } "), Some(Vec::new()));
        assert_eq!(
            members(r#"{"a" : 1.50 ,"b,\":{" :[1, {"c":2}], "":"x:y,z", "a":null}"#).unwrap(),
            ["a=1.50", "b,\":{=[1, {\"c\":2}]", "=\"x:y,z\"", "a=null"]
        );
        for text in ["", "[]", "1", "{\"a\":}", "{\"a\" 1}", "{a:1}", "{\"a\":1,}", "{\"a\":1}x"] {
            assert_eq!(members(text), None, "{text}");
        }
    }

    #[test]
    fn scalars_keep_their_spelling() {
        assert_eq!(scalar(" 1.50e+7 "), Some(Scalar::Number("1.50e+7")));
        assert_eq!(scalar("\"a\\u00e9\\n\""), Some(Scalar::String("aé\n".into())));
        assert_eq!(scalar("\"plain\""), Some(Scalar::String("plain".into())));
        assert_eq!(scalar("\"\\ud800\""), None);
        assert_eq!(scalar("null"), Some(Scalar::Null));
        assert_eq!(scalar("[1]"), Some(Scalar::Composite("[1]")));
    }

    #[test]
    fn a_tree_is_written_without_white_space() {
        let text =
            r#"{"a":[],"b":{},"c":[null,true,false,-1,18446744073709551615,0.1,1e+300],"d":{"\"ä\"":"\n","e":[[]]}}"#;
        assert_eq!(text_of(&parse(text).unwrap()), text);
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in ".*|[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(serde_json::from_str::<String>(&written(&text)).ok(), Some(text));
        }

        #[test]
        fn the_fast_scan_finds_what_a_slow_one_finds(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(first_special(&bytes), bytes.iter().position(|byte| is_special(*byte)));
        }
    }
}
