//! How text from outside is shown in a message: quoted, on one line, and short.

/// Characters of a value that a message repeats. Enough to find it again, too few to fill a log with someone's data.
const SHOWN: usize = 40;

/// The text in double quotes, control characters escaped, cut after 40 characters.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN) + 3);
    shown.push('"');
    shown.push_str(&shortened(text, SHOWN));
    shown.push('"');
    shown
}

/// The text on one line, cut after `limit` characters; `…` marks the cut.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown = String::with_capacity(text.len().min(limit));
    for character in characters.by_ref().take(limit) {
        if is_unseen(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A text without line breaks, and without invisible characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    let seen: String = text.chars().map(|character| if is_unseen(character) { ' ' } else { character }).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A control character, or one that takes no room or turns the direction of what follows.
#[must_use]
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_shown_whole() {
        assert_eq!(quoted("abc"), "\"abc\"");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("ä\nb"), "\"ä\\nb\"");
        assert_eq!(quoted("a\u{202e}b\u{200b}"), "\"a\\u{202e}b\\u{200b}\"");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "ä".repeat(SHOWN + 1);
        assert_eq!(quoted(&long), format!("\"{}…\"", "ä".repeat(SHOWN)));
        let exact = "ä".repeat(SHOWN);
        assert_eq!(quoted(&exact), format!("\"{exact}\""));
    }
}
