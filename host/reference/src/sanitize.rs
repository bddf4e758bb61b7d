//! Text from outside on its way to a terminal or a log: columns, values, paths, headers, answers, and what plugins and drivers
//! say can hold characters that move the cursor, colour what follows, or turn its direction round.

use std::borrow::Cow;

/// The text with each control character, and each that changes the direction of text, as `\u001b`: in JSON it means the same
/// as before. Tabs and line breaks stay.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        // Marks, embeddings, overrides and isolates of direction, and separators that some terminals take for line breaks.
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_or_turns_text_is_shown_as_what_it_is() {
        for (text, safe) in [
            ("plain ü 😀\ttab", "plain ü 😀\ttab"),
            ("\u{1b}[31mid\u{1b}]0;pwn\u{7}", "\\u001b[31mid\\u001b]0;pwn\\u0007"),
            ("a\rb\u{9b}31m\u{7f}\0", "a\\u000db\\u009b31m\\u007f\\u0000"),
            ("x\u{202e}gpj.exe\u{2066}\u{200f}", "x\\u202egpj.exe\\u2066\\u200f"),
        ] {
            assert_eq!(sanitize(text), safe);
        }
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let json = "{\"a\":\"\u{7f}\u{202e}\"}";
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
        assert_eq!(read(&sanitize(json)), read(json));
    }
}
