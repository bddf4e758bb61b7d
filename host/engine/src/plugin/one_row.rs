//! One row as a batch of one, for plugins that leave `map-row` out.

use arrow_array::timezone::Tz;
use arrow_array::types::Date32Type;
use arrow_cast::parse::{Parser, string_to_datetime};

use crate::bindings::{Column, Row, Strings, TimeUnit, Timestamps, Value, Values};

/// A row whose values are read, so that columns can borrow them.
pub(crate) struct OneRow<'a> {
    cells: Vec<(&'a str, Cell<'a>)>,
}

/// Where a single text begins and ends.
type Ends = [u32; 2];

/// A value as a column of one holds it.
enum Cell<'a> {
    Null,
    Boolean(&'a bool),
    Integer(&'a i64),
    Float(&'a f64),
    Decimal(&'a str, Ends),
    Text(&'a str, Ends),
    Json(&'a str, Ends),
    Date(i32),
    Timestamp(TimeUnit, i64),
}

impl<'a> OneRow<'a> {
    /// Reads the row's values.
    ///
    /// # Errors
    /// What is wrong with the row, for the person who can fix it.
    pub(crate) fn read(columns: &[&'a str], row: &Row<'a>) -> Result<Self, String> {
        if columns.len() != row.values.len() {
            let (values, columns) = (row.values.len(), columns.len());
            return Err(format!("the row has {values} values for {columns} columns: expected one for each"));
        }
        let cells = columns.iter().zip(row.values).map(|(name, value)| Ok((*name, cell(name, value)?)));
        Ok(Self { cells: cells.collect::<Result<_, String>>()? })
    }

    /// The columns, as `map-batch` takes them.
    pub(crate) fn columns(&self) -> Vec<Column<'_>> {
        self.cells.iter().map(|(name, cell)| Column { name, validity: &[], values: cell.values() }).collect()
    }
}

impl Cell<'_> {
    fn values(&self) -> Values<'_> {
        use std::slice::from_ref;
        match self {
            Self::Null => Values::Nulls(1),
            Self::Boolean(value) => Values::Booleans(from_ref(value)),
            Self::Integer(value) => Values::Integers(from_ref(value)),
            Self::Float(value) => Values::Floats(from_ref(value)),
            Self::Decimal(data, offsets) => Values::Decimals(Strings { offsets, data }),
            Self::Text(data, offsets) => Values::Texts(Strings { offsets, data }),
            Self::Json(data, offsets) => Values::Json(Strings { offsets, data }),
            Self::Date(days) => Values::Dates(from_ref(days)),
            Self::Timestamp(unit, count) => {
                Values::Timestamps(Timestamps { unit: *unit, zone: None, counts: from_ref(count) })
            }
        }
    }
}

fn cell<'a>(name: &str, value: &'a Value<'a>) -> Result<Cell<'a>, String> {
    let ends = |text: &str| match u32::try_from(text.len()) {
        Ok(end) => Ok([0, end]),
        Err(_) => Err(format!("column {name:?}: the value takes over 4 GiB")),
    };
    match value {
        Value::Null => Ok(Cell::Null),
        Value::Boolean(value) => Ok(Cell::Boolean(value)),
        Value::Integer(value) => Ok(Cell::Integer(value)),
        Value::Float(value) => Ok(Cell::Float(value)),
        Value::Decimal(digits) => Ok(Cell::Decimal(digits, ends(digits)?)),
        Value::Text(value) => Ok(Cell::Text(value, ends(value)?)),
        Value::Json(value) => Ok(Cell::Json(value, ends(value)?)),
        Value::Date(date) => match Date32Type::parse(date) {
            Some(days) => Ok(Cell::Date(days)),
            None => Err(format!("column {name:?}: {date:?} is not a date: expected YYYY-MM-DD")),
        },
        Value::Timestamp(time) => instant(time).ok_or_else(|| {
            format!("column {name:?}: {time:?} is not a timestamp: expected RFC 3339, such as 2024-05-31T10:00:00Z")
        }),
    }
}

/// A point in time, in the coarsest unit that holds all of it.
fn instant(text: &str) -> Option<Cell<'static>> {
    let utc: Tz = "+00:00".parse().ok()?;
    let time = string_to_datetime(&utc, text).ok()?;
    match time.timestamp_subsec_nanos() {
        0 => Some(Cell::Timestamp(TimeUnit::Second, time.timestamp())),
        part if part % 1000 == 0 => Some(Cell::Timestamp(TimeUnit::Microsecond, time.timestamp_micros())),
        _ => Some(Cell::Timestamp(TimeUnit::Nanosecond, time.timestamp_nanos_opt()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::Change;

    fn one(value: &Value<'_>) -> Result<String, String> {
        let values = std::slice::from_ref(value);
        let row = OneRow::read(&["c"], &Row { change: Change::Added, values })?;
        Ok(format!("{:?}", row.columns().first().map(|column| &column.values)))
    }

    #[test]
    fn each_kind_of_value_is_a_column_of_one() {
        let shown = |values: Values<'_>| Ok(format!("{:?}", Some(&values)));
        let strings = |offsets, data| Strings { offsets, data };
        let times = |unit, counts| Values::Timestamps(Timestamps { unit, zone: None, counts });
        assert_eq!(one(&Value::Null), shown(Values::Nulls(1)));
        assert_eq!(one(&Value::Boolean(true)), shown(Values::Booleans(&[true])));
        assert_eq!(one(&Value::Integer(-7)), shown(Values::Integers(&[-7])));
        assert_eq!(one(&Value::Float(0.5)), shown(Values::Floats(&[0.5])));
        assert_eq!(one(&Value::Decimal("1.50")), shown(Values::Decimals(strings(&[0, 4], "1.50"))));
        assert_eq!(one(&Value::Text("ä")), shown(Values::Texts(strings(&[0, 2], "ä"))));
        assert_eq!(one(&Value::Json("[1]")), shown(Values::Json(strings(&[0, 3], "[1]"))));
        assert_eq!(one(&Value::Date("1970-01-02")), shown(Values::Dates(&[1])));
        for (text, unit, counts) in [
            ("1970-01-01T02:00:01+02:00", TimeUnit::Second, &[1_i64]),
            ("1970-01-01T00:00:01", TimeUnit::Second, &[1]),
            ("1970-01-01T00:00:01.5Z", TimeUnit::Microsecond, &[1_500_000]),
            ("1970-01-01T00:00:00.000000001Z", TimeUnit::Nanosecond, &[1]),
            ("9999-12-31T23:59:59Z", TimeUnit::Second, &[253_402_300_799]),
        ] {
            assert_eq!(one(&Value::Timestamp(text)), shown(times(unit, counts)), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let message = "column \"c\": \"2024-02-30\" is not a date: expected YYYY-MM-DD";
        assert_eq!(one(&Value::Date("2024-02-30")), Err(message.to_owned()));
        assert!(one(&Value::Timestamp("now")).is_err());
        let row = Row { change: Change::Added, values: &[] };
        assert!(OneRow::read(&["c"], &row).is_err());
    }
}
