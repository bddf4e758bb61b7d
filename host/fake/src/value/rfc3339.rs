//! Is a text a time of RFC 3339? It only checks the form: nothing here computes with times.
//!
//! Letters are upper case and an offset is required, the strictest reading: a client that passes here passes elsewhere.

/// `2026-01-31T10:00:00Z`, `2026-01-31T10:00:00.123456789+02:00`.
pub(crate) fn is_time(text: &str) -> bool {
    read(text.as_bytes()).is_some()
}

fn read(text: &[u8]) -> Option<()> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(literal(rest, b'-')?, 2)?;
    let (day, rest) = number(literal(rest, b'-')?, 2)?;
    let (hour, rest) = number(literal(rest, b'T')?, 2)?;
    let (minute, rest) = number(literal(rest, b':')?, 2)?;
    let (second, rest) = number(literal(rest, b':')?, 2)?;
    let in_range = (1..=days_in(year, month)?).contains(&day) && hour < 24 && minute < 60 && second < 60;
    in_range.then_some(())?;
    offset(fraction(rest)?)
}

fn literal(text: &[u8], expected: u8) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| **first == expected).map(|(_, rest)| rest)
}

fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let value =
        head.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))?;
    Some((value, rest))
}

fn fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(digits) = literal(text, b'.') else {
        return Some(text);
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    (end > 0).then(|| digits.get(end..))?
}

fn offset(text: &[u8]) -> Option<()> {
    if text == b"Z" {
        return Some(());
    }
    let rest = literal(text, b'+').or_else(|| literal(text, b'-'))?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(literal(rest, b':')?, 2)?;
    (hour < 24 && minute < 60 && rest.is_empty()).then_some(())
}

fn days_in(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken() {
        for text in [
            "2026-01-31T10:00:00Z",
            "2024-02-29T23:59:59.5+02:00",
            "2000-02-29T00:00:00-11:30",
            "0001-01-01T00:00:00.000000000Z",
        ] {
            assert!(is_time(text), "{text}");
        }
    }

    #[test]
    fn near_misses_are_not() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T10:00:00",
            "2026-01-31 10:00:00Z",
            "2026-01-31t10:00:00z",
            "2026-1-31T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-00-01T10:00:00Z",
            "2026-04-31T10:00:00Z",
            "2026-02-29T10:00:00Z",
            "1900-02-29T10:00:00Z",
            "2026-01-00T10:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T10:60:00Z",
            "2026-01-31T10:00:60Z",
            "2026-01-31T10:00:00.Z",
            "2026-01-31T10:00:00,5Z",
            "2026-01-31T10:00:00+0200",
            "2026-01-31T10:00:00+24:00",
            "2026-01-31T10:00:00+02:60",
            "2026-01-31T10:00:00Z ",
            "20260131T100000Z",
            "1769853600",
            "2026-01-31T10:00:0०Z",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
