//! Points in time, as RFC 3339 texts. A time without an offset is UTC by rule: no local time zone is used.

use super::calendar::{Date, SECONDS_A_DAY, number};
use super::{Unit, ValueError};

const OUT_OF_RANGE: ValueError =
    ValueError { code: "invalid-time", wanted: "a time", expected: "a year from 0000 to 9999", part: None };

impl Unit {
    fn per_second(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1_000_000,
            Self::Nanosecond => 1_000_000_000,
        }
    }

    fn fraction_digits(self) -> usize {
        match self {
            Self::Second => 0,
            Self::Millisecond => 3,
            Self::Microsecond => 6,
            Self::Nanosecond => 9,
        }
    }
}

/// Append `YYYY-MM-DD`.
///
/// # Errors
/// The year has more than four digits.
#[inline]
pub fn write_date(days: i32, out: &mut String) -> Result<(), ValueError> {
    let date = Date::of_days(days.into()).ok_or(OUT_OF_RANGE)?;
    push_date(date, out);
    Ok(())
}

/// Append a timestamp in UTC, with as many digits of the second's fraction as it needs.
///
/// # Errors
/// The year has more than four digits.
#[inline]
pub fn write_timestamp(count: i64, unit: Unit, out: &mut String) -> Result<(), ValueError> {
    let seconds = count.div_euclid(unit.per_second());
    let date = Date::of_days(seconds.div_euclid(SECONDS_A_DAY)).ok_or(OUT_OF_RANGE)?;
    push_date(date, out);
    push_clock(count, unit, out);
    Ok(())
}

/// Append a date of any year as people read it: databases have an infinite one, and years before the first.
pub fn show_date(days: i32, out: &mut String) {
    match days {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => {
            let date = Date::of_any_year(days.into());
            show_any_year(date, out);
            out.push_str(era(date));
        }
    }
}

/// Append a timestamp of any year as people read it.
pub fn show_timestamp(count: i64, unit: Unit, out: &mut String) {
    match count {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        count => {
            let date = Date::of_any_year(count.div_euclid(unit.per_second()).div_euclid(SECONDS_A_DAY));
            show_any_year(date, out);
            push_clock(count, unit, out);
            out.push_str(era(date));
        }
    }
}

/// The year before the year 1 is the year 1 BC, and has the number 0.
fn show_any_year(date: Date, out: &mut String) {
    let year = if date.year < 1 { 1 - date.year } else { date.year };
    out.push_str(&format!("{year:04}-{:02}-{:02}", date.month, date.day));
}

fn era(date: Date) -> &'static str {
    if date.year < 1 { " BC" } else { "" }
}

/// Append what follows the date of a timestamp.
#[inline]
fn push_clock(count: i64, unit: Unit, out: &mut String) {
    let fraction = count.rem_euclid(unit.per_second());
    let second = count.div_euclid(unit.per_second()).rem_euclid(SECONDS_A_DAY);
    out.push('T');
    push_number(second / 3600, 2, out);
    out.push(':');
    push_number(second / 60 % 60, 2, out);
    out.push(':');
    push_number(second % 60, 2, out);
    if fraction > 0 {
        let mut digits = unit.fraction_digits();
        let mut fraction = fraction;
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        out.push('.');
        push_number(fraction, digits, out);
    }
    out.push('Z');
}

/// Append a number that is not negative with leading zeros, `digits` in all.
#[inline]
fn push_number(number: i64, digits: usize, out: &mut String) {
    let mut scale = 1_i64;
    for _ in 1..digits {
        scale *= 10;
    }
    while scale > 0 {
        let digit = number / scale % 10;
        out.push(u8::try_from(digit).map_or('?', |digit| char::from(b'0' + digit)));
        scale /= 10;
    }
}

/// Append a time that a text names as RFC 3339, its own offset and all digits of its second kept. False, with nothing appended:
/// the text names none.
#[inline]
#[must_use]
pub fn write_text(text: &str, out: &mut String) -> bool {
    let time = ParsedTime::parse(text);
    if let Some(time) = &time {
        time.write(out);
    }
    time.is_some()
}

/// The days from 1970-01-01 to a date written `YYYY-MM-DD`, or none if it is not a date.
#[inline]
#[must_use]
pub fn days_of_date(text: &str) -> Option<i32> {
    let (date, rest) = parse_date(text)?;
    rest.is_empty().then(|| date.days()).and_then(|days| i32::try_from(days).ok())
}

/// The point in time that an RFC 3339 text names, as a timestamp of the coarsest unit that holds it. None if the text
/// is not RFC 3339, or if nanoseconds since 1970 cannot express it.
#[inline]
#[must_use]
pub fn instant(text: &str) -> Option<(i64, Unit)> {
    let time = ParsedTime::parse(text)?;
    let seconds = time.seconds();
    let digits = time.fraction.trim_end_matches('0');
    let unit = [Unit::Second, Unit::Millisecond, Unit::Microsecond, Unit::Nanosecond]
        .into_iter()
        .find(|unit| digits.len() <= unit.fraction_digits())?;
    let mut fraction = 0_i64;
    for position in 0..unit.fraction_digits() {
        let digit = digits.as_bytes().get(position).map_or(0, |digit| i64::from(digit - b'0'));
        fraction = fraction * 10 + digit;
    }
    let count = seconds.checked_mul(unit.per_second())?.checked_add(fraction)?;
    Some((count, unit))
}

#[inline]
fn parse_date(text: &str) -> Option<(Date, &str)> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(text.strip_prefix('-')?, 2)?;
    let (day, text) = number(text.strip_prefix('-')?, 2)?;
    Some((Date::new(year, month, day)?, text))
}

#[inline]
fn push_date(date: Date, out: &mut String) {
    push_number(date.year, 4, out);
    out.push('-');
    push_number(date.month, 2, out);
    out.push('-');
    push_number(date.day, 2, out);
}

/// A point in time as a text spells it.
struct ParsedTime<'a> {
    date: Date,
    /// `HH:MM:SS`.
    clock: &'a str,
    second_of_day: i64,
    /// The digits behind the second's point, perhaps none.
    fraction: &'a str,
    /// Minutes east of UTC; none for a plain `Z` or nothing.
    offset: Option<i64>,
    /// Whether the offset is written with a minus: the minutes of `-00:00` do not show it.
    west: bool,
}

impl<'a> ParsedTime<'a> {
    /// RFC 3339, and what databases make of it: a space instead of `T`, small letters, an offset without minutes or
    /// colon or behind a space, `UTC` for `Z`, no offset for UTC, and a date alone for its midnight. A leap second is
    /// an error: few destinations accept one.
    #[inline]
    fn parse(text: &'a str) -> Option<Self> {
        let (date, rest) = parse_date(text)?;
        if rest.is_empty() {
            return Some(Self { date, clock: "00:00:00", second_of_day: 0, fraction: "", offset: None, west: false });
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let clock = rest.get(..8)?;
        let (hour, rest) = number(rest, 2)?;
        let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
        let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
                if end == 0 {
                    return None;
                }
                rest.split_at(end)
            }
            None => ("", rest),
        };
        let zone = match rest.strip_prefix(' ') {
            Some("") => return None,
            Some(zone) => zone,
            None => rest,
        };
        let (offset, west) = match zone {
            "" | "Z" | "z" | "UTC" => (None, false),
            zone => {
                let west = zone.starts_with('-');
                let minutes = offset_minutes(zone.strip_prefix(['+', '-'])?)?;
                (Some(if west { -minutes } else { minutes }), west)
            }
        };
        Some(Self { date, clock, second_of_day: hour * 3600 + minute * 60 + second, fraction, offset, west })
    }

    /// Seconds since 1970-01-01T00:00:00Z, without the fraction.
    fn seconds(&self) -> i64 {
        self.date.days() * SECONDS_A_DAY + self.second_of_day - self.offset.unwrap_or(0) * 60
    }

    #[inline]
    fn write(&self, out: &mut String) {
        push_date(self.date, out);
        out.push('T');
        out.push_str(self.clock);
        if !self.fraction.is_empty() {
            out.push('.');
            out.push_str(self.fraction);
        }
        match self.offset {
            None => out.push('Z'),
            Some(minutes) => {
                out.push(if self.west { '-' } else { '+' });
                push_number(minutes.abs() / 60, 2, out);
                out.push(':');
                push_number(minutes.abs() % 60, 2, out);
            }
        }
    }
}

/// `02`, `0200` or `02:00` in minutes.
#[inline]
fn offset_minutes(text: &str) -> Option<i64> {
    let (hours, rest) = number(text, 2)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => 0,
        rest => {
            let (minutes, rest) = number(rest, 2)?;
            if !rest.is_empty() {
                return None;
            }
            minutes
        }
    };
    (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)
}
