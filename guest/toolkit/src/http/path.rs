//! A text as one segment of a path.

use super::percent_encoded;

/// A text in the place of a path's segment: every byte that is not unreserved (RFC 3986) becomes `%XX`, a slash and a line
/// break too. `None` for what no client sends as it stands: see [`is_step`].
#[must_use]
pub fn segment(text: &str) -> Option<String> {
    (!text.is_empty() && !is_step(text)).then(|| percent_encoded(text))
}

/// Whether a segment of this text is a step and not a name: `.` stays where it is, `..` goes up. Encoded as `%2E` it means the same to
/// the WHATWG's URLs, which browsers, Node and most HTTP clients use: they would send another path than they were told.
#[must_use]
pub fn is_step(text: &str) -> bool {
    matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_unreserved_is_encoded() {
        for (text, encoded) in [
            ("cust_42", "cust_42"),
            ("a/b", "a%2Fb"),
            ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
            ("100%", "100%25"),
            ("%2F", "%252F"),
            ("a b+c", "a%20b%2Bc"),
            ("Zoë", "Zo%C3%AB"),
            ("line\r\nbreak", "line%0D%0Abreak"),
            ("\\..\\", "%5C..%5C"),
            ("...", "..."),
            ("../x", "..%2Fx"),
            ("~.-_", "~.-_"),
        ] {
            assert_eq!(segment(text).as_deref(), Some(encoded), "{text}");
        }
    }

    #[test]
    fn what_would_be_taken_for_a_step_is_no_segment() {
        for text in ["", ".", ".."] {
            assert_eq!(segment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in "\\PC{1,20}|[\\x00-\\x7f]{1,20}") {
            prop_assume!(!is_step(&text));
            let encoded = segment(&text).unwrap();
            let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            prop_assert!(encoded.bytes().all(unreserved), "{}", encoded);
            let mut bytes = Vec::new();
            let mut parts = encoded.split('%');
            bytes.extend(parts.next().unwrap().bytes());
            for part in parts {
                let (code, rest) = part.split_at(2);
                bytes.push(u8::from_str_radix(code, 16).unwrap());
                bytes.extend(rest.bytes());
            }
            prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
        }
    }
}
