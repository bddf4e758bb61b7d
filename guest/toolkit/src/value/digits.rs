//! Numbers, digit for digit.

use std::io;

/// Append an integer in full.
#[inline]
pub fn write_integer(number: i64, out: &mut String) {
    write_formatted(&number, out);
}

/// Append the shortest digits that give the same float back. False, with nothing appended: it is not finite.
#[inline]
#[must_use]
pub fn write_float(number: f64, out: &mut String) -> bool {
    let finite = number.is_finite();
    if finite {
        write_formatted(&number, out);
    }
    finite
}

/// serde_json's number formatting is several times faster than `core::fmt`'s, and writes to bytes only.
#[inline]
fn write_formatted(number: &impl serde::Serialize, out: &mut String) {
    let written = serde_json::to_writer(Bytes(out), number);
    debug_assert!(written.is_ok(), "a number is ASCII, and memory takes it");
}

struct Bytes<'a>(&'a mut String);

impl io::Write for Bytes<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let text = str::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        self.0.push_str(text);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Append a number's digits as JSON spells them. JSON allows no plus sign, no leading zeros, and wants a digit on either
/// side of the point; apart from that every digit stays. False, with nothing appended: the text is no number.
#[inline]
#[must_use]
pub fn write_number(digits: &str, out: &mut String) -> bool {
    let Some(parts) = Parts::of(digits) else {
        return false;
    };
    if parts.negative {
        out.push('-');
    }
    out.push_str(parts.whole);
    if !parts.fraction.is_empty() {
        out.push('.');
        out.push_str(parts.fraction);
    }
    if let Some(exponent) = parts.exponent {
        out.push('e');
        out.push_str(exponent);
    }
    true
}

/// A decimal number taken apart.
struct Parts<'a> {
    negative: bool,
    /// Without leading zeros, but at least one digit.
    whole: &'a str,
    /// The digits after the point, perhaps none.
    fraction: &'a str,
    /// With its sign.
    exponent: Option<&'a str>,
}

impl<'a> Parts<'a> {
    #[inline]
    fn of(text: &'a str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent_digits = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let valid = all_digits(whole)
            && all_digits(fraction)
            && !(whole.is_empty() && fraction.is_empty())
            && exponent_digits.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
        valid.then(|| Self {
            negative,
            whole: match whole.trim_start_matches('0') {
                "" => "0",
                significant => significant,
            },
            fraction,
            exponent,
        })
    }
}

/// The digits of a whole number, written in full: no leading zeros, no `.0`, no exponent. None for any other number.
/// `-0` is `0`.
#[inline]
#[must_use]
pub fn plain(digits: &str) -> Option<(&'static str, &str)> {
    let parts = Parts::of(digits)?;
    if parts.exponent.is_some() || !parts.fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let sign = if parts.negative && parts.whole != "0" { "-" } else { "" };
    Some((sign, parts.whole))
}

/// Whether a JSON number has neither fraction nor exponent.
#[inline]
#[must_use]
pub fn is_integer(digits: &str) -> bool {
    !digits.contains(['.', 'e', 'E'])
}

/// Whether two texts are one number, however they spell it: `1.50`, `1.5` and `15e-1`. No digit is lost on the way: what differs past
/// the digits of a float differs.
#[must_use]
pub fn same_number(one: &str, other: &str) -> bool {
    match (Scaled::of(one), Scaled::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A number as a whole one times a power of ten, the whole one without zeros at its end.
#[derive(PartialEq)]
struct Scaled {
    negative: bool,
    digits: String,
    power: i64,
}

impl Scaled {
    fn of(text: &str) -> Option<Self> {
        let parts = Parts::of(text)?;
        let digits = [parts.whole, parts.fraction].concat();
        let exponent: i64 = parts.exponent.map_or(Some(0), |exponent| exponent.parse().ok())?;
        let significant = digits.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: String::new(), power: 0 });
        }
        let shift = i64::try_from(significant.len() - digits.len()).ok()? - i64::try_from(parts.fraction.len()).ok()?;
        Some(Self { negative: parts.negative, digits: digits.to_owned(), power: exponent.checked_add(shift)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_the_same_by_their_value() {
        for (one, other, same) in [
            ("1.50", "1.5", true),
            ("15e-1", "1.5", true),
            ("0", "-0.000", true),
            ("0e9", "0", true),
            ("100", "1e2", true),
            ("1e+02", "100", true),
            ("0.001", "1E-3", true),
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740993.0", true),
            ("1", "-1", false),
            ("12", "1.2", false),
            ("1e99999999999999999999", "1e99999999999999999999", true),
            ("1e99999999999999999999", "1e99999999999999999998", false),
        ] {
            assert_eq!(same_number(one, other), same, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_the_same_in_any_spelling(whole: i32, zeros in 0_usize..20, power in 0_usize..20) {
            let spelled = format!("{whole}{}.{}e-{power}", "0".repeat(power), "0".repeat(zeros));
            prop_assert!(same_number(&whole.to_string(), &spelled), "{}", spelled);
            prop_assert!(!same_number(&whole.wrapping_add(1).to_string(), &spelled), "{}", spelled);
        }
    }
}
