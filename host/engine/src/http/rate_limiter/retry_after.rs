//! The `Retry-After` header, in both of its forms.

use std::time::{Duration, SystemTime};

/// How long to wait, by the header's value: a number of seconds or an HTTP date. A date that is past is now. None where
/// the value is neither.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More seconds than fit are as long as can be said; whoever waits has a cap of their own.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

    fn read(value: &str) -> Option<Duration> {
        httpdate::parse_http_date(NOW).ok().and_then(|now| retry_after(value, now))
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(read("Wed, 21 Oct 2026 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Wednesday, 21-Oct-26 07:29:00 GMT"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_past_date_is_now() {
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn absurd_numbers_do_not_wrap() {
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn anything_else_says_nothing() {
        for value in ["", "soon", "-1", "1.5", "+3", "2026-10-21T07:28:00Z"] {
            assert_eq!(read(value), None, "{value:?}");
        }
    }
}
