//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number and what it counts: `1 row`, `2 rows`.
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in the largest unit of which there is one: `1.2 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    match UNITS.iter().find(|(_, size)| number >= *size) {
        Some((unit, size)) => {
            let tenths = (number / (size / 10)).min(u64::MAX / 10);
            format!("{}.{} {unit}", count(tenths / 10), tenths % 10)
        }
        None => format!("{number} B"),
    }
}

/// A duration: `0.4 s`, `2 min 5 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return if seconds < 0.995 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") };
    }
    let whole = whole(seconds);
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{} h {minutes} min", count(hours)),
    }
}

/// How many a second.
pub fn rate(number: u64, seconds: f64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no 16th digit")]
    let number = number as f64;
    whole(number / seconds.max(0.001))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, as it should")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2000, "row"), "2,000 rows");
    }

    #[test]
    fn bytes_have_their_unit() {
        for (number, expected) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (12_000_000_000, "12.0 GB")]
        {
            assert_eq!(bytes(number), expected);
        }
    }

    #[test]
    fn durations_lose_what_does_not_matter() {
        for (seconds, expected) in [
            (0.0, "0.00 s"),
            (0.42, "0.42 s"),
            (1.26, "1.3 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 min 0 s"),
            (125.0, "2 min 5 s"),
            (3700.0, "1 h 1 min"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(rate(1000, 0.5), 2000);
        assert_eq!(rate(0, 0.0), 0);
    }
}
