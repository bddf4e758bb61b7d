//! What a person can read of an answer's body: its text, the title of a page, or what it is instead.
//!
//! Whatever is between the plugin and its server may answer instead: in HTML, compressed though not requested, in another
//! charset, in bytes that are not text. Nothing of that goes into a message unchanged.

use std::borrow::Cow;

use super::Response;
use crate::problem::quote::one_line;

/// A body, read as far as it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Nothing, or white space.
    Empty,
    /// Text.
    Text(Cow<'a, str>),
    /// HTML, and its title if it has one.
    Page(Option<String>),
    /// Not text, and what it is.
    Unreadable(String),
}

impl<'a> Body<'a> {
    /// Read the body of an answer.
    #[must_use]
    pub fn of(answer: &'a Response) -> Self {
        let bytes = answer.body.as_slice();
        if bytes.is_empty() {
            return Self::Empty;
        }
        match text(bytes, answer.headers.content_type.as_deref()) {
            Some(text) if text.trim().is_empty() => Self::Empty,
            Some(text) if is_page(&text) => Self::Page(title(&text)),
            Some(text) => Self::Text(text),
            None => Self::Unreadable(unreadable(answer)),
        }
    }
}

/// The text that the bytes are. A header that calls them compressed proves nothing: some engines decompress and leave it.
fn text<'a>(bytes: &'a [u8], content_type: Option<&str>) -> Option<Cow<'a, str>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
        // Reading stopped within a character.
        Err(error) if error.error_len().is_none() => {
            Cow::Borrowed(bytes.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())?)
        }
        // The charset of old servers: each byte is the character of its number.
        _ if content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/")) => {
            Cow::Owned(bytes.iter().copied().map(char::from).collect())
        }
        _ => return None,
    };
    let unreadable = |character: char| character.is_control() && !character.is_ascii_whitespace();
    // A stray control character is left out later; more of them are not text.
    (text.chars().filter(|character| unreadable(*character)).count() * 20 <= text.len() + 40 && !text.contains('\0'))
        .then_some(text)
}

fn unreadable(answer: &Response) -> String {
    let encoding = match &answer.headers.content_encoding {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => Some(encoding.as_str()),
        _ => answer.body.starts_with(&[0x1f, 0x8b]).then_some("gzip"),
    };
    match encoding {
        Some(encoding) => format!("a compressed body ({})", one_line(encoding)),
        None => format!("{} bytes that are not text", answer.body.len()),
    }
}

fn is_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// The text of `<title>`, or else in the first heading.
fn title(page: &str) -> Option<String> {
    // ASCII alone changes: an index of one is the same index of the other.
    let lower = page.to_ascii_lowercase();
    ["title", "h1"].into_iter().find_map(|tag| {
        let (before, rest) = lower.split_once(&format!("<{tag}"))?;
        let opening = rest.find('>')? + 1;
        let start = before.len() + 1 + tag.len() + opening;
        let end = start + lower.get(start..)?.find("</")?;
        Some(one_line(page.get(start..end)?)).filter(|title| !title.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn answer(body: &[u8], content_type: &str, encoding: &str) -> Response {
        let header = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let headers =
            Headers { content_type: header(content_type), content_encoding: header(encoding), ..Headers::default() };
        Response { status: 502, headers, body: body.to_vec(), truncated: None }
    }

    #[test]
    fn text_is_read_whatever_its_charset() {
        for (bytes, content_type, expected) in [
            (&b"down"[..], "", "down"),
            ("größe".as_bytes(), "text/plain", "größe"),
            (b"\xef\xbb\xbfdown", "", "down"),
            (b"gr\xf6\xdfe", "text/plain; charset=iso-8859-1", "größe"),
            (b"cut in a character \xc3", "", "cut in a character "),
        ] {
            assert_eq!(Body::of(&answer(bytes, content_type, "")), Body::Text(expected.into()));
        }
    }

    #[test]
    fn what_is_not_text_is_named() {
        const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\x56";
        for (bytes, content_type, encoding, expected) in [
            (GZIP, "application/json", "gzip", "a compressed body (gzip)"),
            (GZIP, "application/json", "", "a compressed body (gzip)"),
            (b"\xce\xb2\xcf\x87\x80\x81", "", "br", "a compressed body (br)"),
            (b"\0\x01\x02", "", "", "3 bytes that are not text"),
            (b"\xff\xfed\0o\0w\0n\0", "text/plain; charset=utf-16", "", "10 bytes that are not text"),
            (b"a text with a\0 NUL", "text/plain", "", "18 bytes that are not text"),
            (b"\x89PNG\r\n\x1a\n", "image/png", "", "8 bytes that are not text"),
        ] {
            assert_eq!(Body::of(&answer(bytes, content_type, encoding)), Body::Unreadable(expected.to_owned()));
        }
        // An engine that decompressed and left the header.
        assert_eq!(Body::of(&answer(b"down", "", "gzip")), Body::Text("down".into()));
        assert_eq!(Body::of(&answer(b" \r\n", "", "")), Body::Empty);
        assert_eq!(Body::of(&answer(b"", "", "gzip")), Body::Empty);
    }

    #[test]
    fn a_page_is_known_by_its_title() {
        for (page, title) in [
            ("<html><head><TITLE lang=en> Sign\n in </TITLE>", Some("Sign in")),
            ("\n<!doctype html><h1>502 Bad Gateway</h1>", Some("502 Bad Gateway")),
            ("<html><title></title><h1>It works!</h1>", Some("It works!")),
            ("<html><title>İstanbul\u{202e}x</title>", Some("İstanbul x")),
            ("<html><title>never closed", None),
            ("<html><title", None),
            ("<p>nothing", None),
        ] {
            assert_eq!(Body::of(&answer(page.as_bytes(), "text/html", "")), Body::Page(title.map(str::to_owned)));
        }
    }
}
