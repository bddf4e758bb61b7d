//! What a dead letter tells of a value beside its JSON, held against the value: it may have been fixed, or not yet. Read as the
//! text that it is, NaN would be sent as a text, and a day in another form than the days of all other rows.

use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_cast::parse::Parser;
use destination_engine::arrow::untold::Untold;

use super::fault::Fault;

/// How a day is written.
const DAY: &str = "2024-05-31";
/// What stands in JSON for numbers that are not finite.
const NO_NUMBERS: [&str; 3] = ["\"NaN\"", "\"inf\"", "\"-inf\""];

/// Whether the JSON of a value is what its letter says.
pub(super) fn check(column: &str, json: &str, untold: Untold) -> Result<(), Fault> {
    let fits = match untold {
        Untold::Date => return day(column, json).map(|_| ()),
        Untold::Time => text(json).is_some_and(is_instant),
        Untold::Number => json.starts_with(|first: char| first == '-' || first.is_ascii_digit()),
        Untold::Numbers => !NO_NUMBERS.iter().any(|none| json.contains(none)),
    };
    if fits { Ok(()) } else { Err(unfit(column, json, untold)) }
}

/// The day that a JSON text says, from 1970 on.
pub(super) fn day(column: &str, json: &str) -> Result<i32, Fault> {
    let day = text(json).filter(|text| text.len() == DAY.len()).and_then(Date32Type::parse);
    day.ok_or_else(|| unfit(column, json, Untold::Date))
}

fn unfit(column: &str, json: &str, expected: Untold) -> Fault {
    Fault::Unfit { column: column.to_owned(), value: json.to_owned(), expected }
}

/// What a JSON string without escapes says.
fn text(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// Whether a text is a time with its offset.
fn is_instant(text: &str) -> bool {
    let time = text.get(DAY.len()..).and_then(|time| time.strip_prefix('T'));
    time.is_some_and(|time| time.ends_with('Z') || time.contains(['+', '-']))
        && TimestampMicrosecondType::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_letter_says_or_refused() {
        for (untold, json, fits) in [
            (Untold::Date, "\"2023-11-14\"", true),
            (Untold::Date, "\"0000-01-01\"", true),
            (Untold::Date, "\"infinity\"", false),
            (Untold::Date, "\"2023-02-30\"", false),
            (Untold::Date, "\"2023-11-14T00:00:00Z\"", false),
            (Untold::Date, "5", false),
            (Untold::Time, "\"2023-11-14T10:00:00Z\"", true),
            (Untold::Time, "\"2023-11-14T10:00:00.5+01:00\"", true),
            (Untold::Time, "\"2023-11-14T10:00:00\"", false),
            (Untold::Time, "\"2023-11-14\"", false),
            (Untold::Time, "\"infinity\"", false),
            (Untold::Number, "-0.5", true),
            (Untold::Number, "\"NaN\"", false),
            (Untold::Number, "true", false),
            (Untold::Numbers, "[1.0,null]", true),
            (Untold::Numbers, "[1.0,\"NaN\"]", false),
            (Untold::Numbers, "{\"a\":\"-inf\"}", false),
        ] {
            assert_eq!(check("c", json, untold).is_ok(), fits, "{untold:?} {json}");
        }
    }
}
