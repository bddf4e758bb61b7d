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
