//! The names in an expression that stand for columns. `minijinja` tells them too, but for those that only stand in front of
//! a slice (`phone[0:3]`, in 3.1.0): such a column would be read as null in every row.

use std::collections::BTreeSet;

/// The language's only function.
pub(super) const FUNCTION: &str = "range";

/// Words of the language that are no names, besides `is`.
const WORDS: [&str; 13] =
    ["and", "or", "not", "in", "if", "else", "true", "false", "none", "True", "False", "None", "elif"];

/// What stands before a name and makes it something else than a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A dot, a `|` or an `is`: it is an attribute's name, a filter's, a test's.
    NamesPart,
    Other,
}

/// The names of the columns that an expression reads.
pub(super) fn of(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut before = Before::Other;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => quoted(rest),
            '0'..='9' => number(rest),
            _ if starts_a_name(first) => word(rest).len(),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        before = match token {
            _ if first.is_whitespace() => before,
            "." | "|" | "is" => Before::NamesPart,
            // `is not` has its test behind it.
            "not" if before == Before::NamesPart => before,
            _ if before == Before::Other && starts_a_name(first) && !WORDS.contains(&token) => {
                if is_variable(token, after.trim_start()) {
                    names.insert(token.to_owned());
                }
                Before::Other
            }
            _ => Before::Other,
        };
    }
    names
}

/// Whether a name is neither a function that is called nor an argument's name. `after` is what follows it.
fn is_variable(name: &str, after: &str) -> bool {
    let is_called = name == FUNCTION && after.starts_with('(');
    let names_an_argument = after.starts_with('=') && !after.starts_with("==");
    !is_called && !names_an_argument
}

fn starts_a_name(first: char) -> bool {
    first.is_alphabetic() || first == '_'
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// The bytes of a number, with its exponent's letter and its fraction.
fn number(text: &str) -> usize {
    let whole = word(text).len();
    let fraction = text.get(whole..).and_then(|rest| rest.strip_prefix('.'));
    match fraction.filter(|fraction| fraction.starts_with(|c: char| c.is_ascii_digit())) {
        Some(fraction) => whole + 1 + word(fraction).len(),
        None => whole,
    }
}

/// The bytes of a text in quotes, with both of them.
fn quoted(text: &str) -> usize {
    let mut bytes = text.bytes();
    let quote = bytes.next();
    let mut escaped = false;
    let end = bytes.position(|byte| {
        let ends = Some(byte) == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_from_what_else_has_a_name() {
        for (text, names) in [
            ("phone[0:3]", vec!["phone"]),
            ("(a ~ b)[from:to]", vec!["a", "b", "from", "to"]),
            ("last ~ ', ' ~ first|upper ~ range(3)|length", vec!["first", "last"]),
            ("tier|default('none')|upper", vec!["tier"]),
            ("a.b.c + d['e'] + 1.5e3 + 2e5 + x1", vec!["a", "d", "x1"]),
            ("'it\\'s a' ~ \"b 'c' \\\" d\" ~ e", vec!["e"]),
            ("a is none or b is not defined and c is divisibleby(n)", vec!["a", "b", "c", "n"]),
            ("x if y == z else none", vec!["x", "y", "z"]),
            ("rows|map(attribute='a')|join(d = s)|list", vec!["rows", "s"]),
            ("{'a': 1, k: v}[tier]", vec!["k", "tier", "v"]),
            ("a in [b, true, None] and not c", vec!["a", "b", "c"]),
            ("range ~ 'range(' ~ range (1)", vec!["range"]),
            ("'ü' ~ é ~ _x", vec!["_x", "é"]),
            ("a |  upper", vec!["a"]),
            ("'unclosed", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(of(text).into_iter().collect::<Vec<_>>(), names, "{text}");
        }
    }
}
