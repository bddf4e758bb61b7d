//! One row as a batch of one, so that `map-row` and `map-batch` cannot differ.

use crate::bindings as wit;
use crate::problem::quote::quoted;
use crate::value::Unit;
use crate::value::time::{days_of_date, instant};

/// The columns that hold the row's values.
///
/// # Errors
/// What is wrong with the row.
pub(super) fn as_columns(names: Vec<String>, values: Vec<wit::Value>) -> Result<Vec<wit::Column>, String> {
    if names.len() != values.len() {
        return Err(format!("the row has {} values for {} columns: expected one for each", values.len(), names.len()));
    }
    names.into_iter().zip(values).map(|(name, value)| as_column(name, value)).collect()
}

fn as_column(name: String, value: wit::Value) -> Result<wit::Column, String> {
    let fault = |text: &str, wanted: &str| {
        let shown = quoted(&name);
        format!("column {shown}: {} is not {wanted}", quoted(text))
    };
    let values = match value {
        wit::Value::Null => wit::Values::Nulls(1),
        wit::Value::Boolean(boolean) => wit::Values::Booleans(vec![boolean]),
        wit::Value::Integer(integer) => wit::Values::Integers(vec![integer]),
        wit::Value::Float(float) => wit::Values::Floats(vec![float]),
        wit::Value::Decimal(digits) => wit::Values::Decimals(strings(digits)?),
        wit::Value::Text(text) => wit::Values::Texts(strings(text)?),
        wit::Value::Date(text) => {
            let days = days_of_date(&text).ok_or_else(|| fault(&text, "a date: expected YYYY-MM-DD"))?;
            wit::Values::Dates(vec![days])
        }
        wit::Value::Timestamp(text) => {
            let (count, unit) = instant(&text).ok_or_else(|| {
                fault(&text, "a timestamp: expected RFC 3339 with at most nine digits behind the second, such as 2024-05-31T10:00:00Z")
            })?;
            wit::Values::Timestamps(wit::Timestamps {
                unit: match unit {
                    Unit::Second => wit::TimeUnit::Second,
                    Unit::Millisecond => wit::TimeUnit::Millisecond,
                    Unit::Microsecond => wit::TimeUnit::Microsecond,
                    Unit::Nanosecond => wit::TimeUnit::Nanosecond,
                },
                zone: None,
                counts: vec![count],
            })
        }
        wit::Value::Json(text) => wit::Values::Json(strings(text)?),
    };
    Ok(wit::Column { name, validity: Vec::new(), values })
}

fn strings(text: String) -> Result<wit::Strings, String> {
    let end = u32::try_from(text.len()).map_err(|_| "a value takes over 4 GiB".to_owned())?;
    Ok(wit::Strings { offsets: vec![0, end], data: text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{column, strings};

    fn one(value: wit::Value) -> Result<wit::Column, String> {
        as_columns(vec!["c".to_owned()], vec![value]).map(|mut columns| columns.remove(0))
    }

    #[test]
    fn each_kind_of_value_is_a_column_of_one() {
        let text = |text: &str| text.to_owned();
        for (value, values) in [
            (wit::Value::Null, wit::Values::Nulls(1)),
            (wit::Value::Boolean(true), wit::Values::Booleans(vec![true])),
            (wit::Value::Integer(7), wit::Values::Integers(vec![7])),
            (wit::Value::Float(0.5), wit::Values::Floats(vec![0.5])),
            (wit::Value::Decimal(text("1.50")), wit::Values::Decimals(strings(["1.50"]))),
            (wit::Value::Text(text("ä")), wit::Values::Texts(strings(["ä"]))),
            (wit::Value::Json(text("[1]")), wit::Values::Json(strings(["[1]"]))),
            (wit::Value::Date(text("1970-01-02")), wit::Values::Dates(vec![1])),
            (
                wit::Value::Timestamp(text("1970-01-01T02:00:01.5+02:00")),
                wit::Values::Timestamps(wit::Timestamps {
                    unit: wit::TimeUnit::Millisecond,
                    zone: None,
                    counts: vec![1500],
                }),
            ),
        ] {
            assert_eq!(one(value), Ok(column("c", values)));
        }
    }

    #[test]
    fn what_is_not_a_date_is_named() {
        let fault = one(wit::Value::Date("2024-02-30".to_owned()));
        assert_eq!(fault, Err("column \"c\": \"2024-02-30\" is not a date: expected YYYY-MM-DD".to_owned()));
        let fault = one(wit::Value::Timestamp("now".to_owned())).unwrap_err();
        assert!(fault.starts_with("column \"c\": \"now\" is not a timestamp"), "{fault}");
    }

    #[test]
    fn a_row_has_a_value_for_each_column() {
        let fault = as_columns(vec!["a".to_owned(), "b".to_owned()], vec![wit::Value::Null]);
        assert_eq!(fault, Err("the row has 1 values for 2 columns: expected one for each".to_owned()));
    }
}
