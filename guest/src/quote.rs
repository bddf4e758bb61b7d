//! How a value seen is shown in a message: quoted, on one line, and short.

/// Characters of a value that a message repeats. Enough to find it again, too few to fill a log with someone's data.
const SHOWN: usize = 40;

/// The text in double quotes, control characters escaped, cut after [`SHOWN`] characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN) + 3);
    shown.push('"');
    shown.push_str(&shortened(text, SHOWN));
    shown.push('"');
    shown
}

/// The text on one line, cut after `limit` characters; `…` marks the cut.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown = String::with_capacity(text.len().min(limit));
    for character in characters.by_ref().take(limit) {
        if character.is_control() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_shown_whole() {
        assert_eq!(quoted("abc"), "\"abc\"");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("ä\nb"), "\"ä\\nb\"");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "ä".repeat(SHOWN + 1);
        assert_eq!(quoted(&long), format!("\"{}…\"", "ä".repeat(SHOWN)));
        let exact = "ä".repeat(SHOWN);
        assert_eq!(quoted(&exact), format!("\"{exact}\""));
    }
}
