//! The `Retry-After` header: seconds, or a date in one of the three forms of RFC 9110, section 5.6.7.
//!
//! Read here because the httpdate crate makes the component 4 kB larger.

use crate::value::calendar::{Date, SECONDS_A_DAY, number};

/// No server means to be left alone for longer than a day; a larger number is a mistake and says only "not now".
pub const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// The wait that a header asks for, in milliseconds; none if the header cannot be read. A date that has passed means
/// now. `now` is in seconds since 1970.
#[must_use]
pub fn retry_after_ms(header: &str, now: i64) -> Option<u64> {
    let header = header.trim();
    let seconds = if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        header.parse::<u64>().unwrap_or(u64::MAX)
    } else {
        u64::try_from(date(header, now)?.saturating_sub(now)).unwrap_or(0)
    };
    Some(seconds.saturating_mul(1000).min(LONGEST_MS))
}

/// Seconds since 1970 of an HTTP date.
fn date(text: &str, now: i64) -> Option<i64> {
    let (day, rest) = match text.split_once(", ") {
        Some((_, rest)) if rest.as_bytes().get(2) == Some(&b'-') => two_digit_year(rest, now)?,
        Some((_, rest)) => fixed(rest)?,
        None => return asctime(text),
    };
    let (seconds, zone) = time_of_day(rest)?;
    (zone == " GMT").then(|| day.days() * SECONDS_A_DAY + seconds)
}

/// `06 Nov 1994 08:49:37 GMT`, behind `Sun, `: the form in use.
fn fixed(text: &str) -> Option<(Date, &str)> {
    let (day, rest) = number(text, 2)?;
    let (month, rest) = month(rest.strip_prefix(' ')?)?;
    let (year, rest) = number(rest.strip_prefix(' ')?, 4)?;
    Some((Date::new(year, month, day)?, rest.strip_prefix(' ')?))
}

/// `06-Nov-94 08:49:37 GMT`, behind `Sunday, `: RFC 850. A year that seems over 50 years ahead is the last with those
/// digits.
fn two_digit_year(text: &str, now: i64) -> Option<(Date, &str)> {
    let (day, rest) = number(text, 2)?;
    let (month, rest) = month(rest.strip_prefix('-')?)?;
    let (digits, rest) = number(rest.strip_prefix('-')?, 2)?;
    let this_year = Date::of_days(now.div_euclid(SECONDS_A_DAY))?.year;
    let year = this_year - this_year.rem_euclid(100) + digits;
    let year = if year > this_year + 50 { year - 100 } else { year };
    Some((Date::new(year, month, day)?, rest.strip_prefix(' ')?))
}

/// `Sun Nov  6 08:49:37 1994`: C's own.
fn asctime(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(' ')?;
    let (month, rest) = month(rest)?;
    let rest = rest.strip_prefix(' ')?;
    let (day, rest) = match rest.strip_prefix(' ') {
        Some(rest) => number(rest, 1)?,
        None => number(rest, 2)?,
    };
    let (seconds, rest) = time_of_day(rest.strip_prefix(' ')?)?;
    let (year, rest) = number(rest.strip_prefix(' ')?, 4)?;
    let day = Date::new(year, month, day)?;
    rest.is_empty().then(|| day.days() * SECONDS_A_DAY + seconds)
}

fn month(text: &str) -> Option<(i64, &str)> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    (1..).zip(MONTHS).find_map(|(number, name)| Some((number, text.strip_prefix(name)?)))
}

/// `08:49:37` in seconds. A leap second is the next one.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    (hour <= 23 && minute <= 59 && second <= 60).then_some((hour * 3600 + minute * 60 + second, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const THEN: i64 = 784_111_777;

    #[test]
    fn seconds_are_seconds() {
        for (header, expected) in [
            ("0", Some(0)),
            ("1", Some(1_000)),
            (" 120\t", Some(120_000)),
            ("86400", Some(LONGEST_MS)),
            ("86401", Some(LONGEST_MS)),
            ("18446744073709551615", Some(LONGEST_MS)),
            ("99999999999999999999999", Some(LONGEST_MS)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("１", None),
        ] {
            assert_eq!(retry_after_ms(header, THEN), expected, "{header}");
        }
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        for header in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(retry_after_ms(header, THEN), Some(0), "{header}");
            assert_eq!(retry_after_ms(header, THEN - 90), Some(90_000), "{header}");
            assert_eq!(retry_after_ms(header, THEN + 90), Some(0), "{header}: passed");
            assert_eq!(retry_after_ms(header, THEN - 10 * SECONDS_A_DAY), Some(LONGEST_MS), "{header}: far ahead");
        }
        assert_eq!(retry_after_ms("Wed Nov 16 08:49:37 1994", THEN + 10 * SECONDS_A_DAY - 5), Some(5_000));
    }

    #[test]
    fn a_two_digit_year_is_the_nearest() {
        let now = Date::new(2026, 1, 1).unwrap().days() * SECONDS_A_DAY;
        // 2076 is 50 years ahead; 77 is 1977 and has passed.
        assert_eq!(retry_after_ms("Wednesday, 01-Jan-76 00:00:00 GMT", now), Some(LONGEST_MS));
        assert_eq!(retry_after_ms("Saturday, 01-Jan-77 00:00:00 GMT", now), Some(0));
        assert_eq!(retry_after_ms("Thursday, 01-Jan-26 00:00:07 GMT", now), Some(7_000));
    }

    #[test]
    fn what_is_not_a_date_is_none() {
        for header in [
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
            "Sun, ",
            ", ",
            " ",
        ] {
            assert_eq!(retry_after_ms(header, THEN), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(header in ".{0,40}", now in -100_000_000_000_i64..100_000_000_000) {
            prop_assert!(retry_after_ms(&header, now).is_none_or(|wait| wait <= LONGEST_MS));
        }

        #[test]
        fn any_time_near_a_date_is_never_beyond_a_day(now: i64) {
            prop_assert!(retry_after_ms("Sunday, 06-Nov-94 08:49:37 GMT", now).is_none_or(|wait| wait <= LONGEST_MS));
        }
    }
}
