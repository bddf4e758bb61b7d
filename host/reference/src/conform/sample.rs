//! Rows to map: from a file or made up, in columns that own their values, so that they can be bent.

use std::path::Path;

use destination_engine::arrow::columns::{Columns, Reading};
use destination_engine::bindings::{Column, Strings, TimeUnit, Timestamps, Value, Values};

use super::ConformError;
use crate::source::{self, CHUNK_ROWS};
use crate::sync_file::{Input, OnError, SourceSpec};

/// Rows of the sample: enough to be cut and merged.
const MADE_UP_ROWS: usize = 5;

/// Columns of one length.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub(super) columns: Vec<OwnedColumn>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct OwnedColumn {
    pub(super) name: String,
    pub(super) validity: Vec<u8>,
    pub(super) cells: Cells,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cells {
    Nulls(u32),
    Booleans(Vec<bool>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Decimals(Packed),
    Texts(Packed),
    Dates(Vec<i32>),
    Timestamps(TimeUnit, Option<String>, Vec<i64>),
    Json(Packed),
}

/// Texts end to end, with where each begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) offsets: Vec<u32>,
    pub(super) data: String,
}

impl Packed {
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut packed = Self { offsets: vec![0], data: String::new() };
        for text in texts {
            packed.data.push_str(text);
            packed.offsets.push(u32::try_from(packed.data.len()).unwrap_or(u32::MAX));
        }
        packed
    }

    fn borrowed(&self) -> Strings<'_> {
        Strings { offsets: &self.offsets, data: &self.data }
    }

    fn get(&self, index: usize) -> Option<&str> {
        self.data.get(*self.offsets.get(index)? as usize..*self.offsets.get(index + 1)? as usize)
    }
}

impl Cells {
    fn borrowed(&self) -> Values<'_> {
        match self {
            Self::Nulls(count) => Values::Nulls(*count),
            Self::Booleans(values) => Values::Booleans(values),
            Self::Integers(values) => Values::Integers(values),
            Self::Floats(values) => Values::Floats(values),
            Self::Decimals(texts) => Values::Decimals(texts.borrowed()),
            Self::Texts(texts) => Values::Texts(texts.borrowed()),
            Self::Dates(values) => Values::Dates(values),
            Self::Timestamps(unit, zone, counts) => {
                Values::Timestamps(Timestamps { unit: *unit, zone: zone.as_deref(), counts })
            }
            Self::Json(texts) => Values::Json(texts.borrowed()),
        }
    }

    fn owned(values: &Values<'_>) -> Self {
        let packed =
            |strings: &Strings<'_>| Packed { offsets: strings.offsets.to_vec(), data: strings.data.to_owned() };
        match values {
            Values::Nulls(count) => Self::Nulls(*count),
            Values::Booleans(values) => Self::Booleans(values.to_vec()),
            Values::Integers(values) => Self::Integers(values.to_vec()),
            Values::Floats(values) => Self::Floats(values.to_vec()),
            Values::Decimals(texts) => Self::Decimals(packed(texts)),
            Values::Texts(texts) => Self::Texts(packed(texts)),
            Values::Dates(values) => Self::Dates(values.to_vec()),
            Values::Timestamps(times) => {
                Self::Timestamps(times.unit, times.zone.map(str::to_owned), times.counts.to_vec())
            }
            Values::Json(texts) => Self::Json(packed(texts)),
        }
    }

    /// Values of every kind, each with extremes and then a null (whose place holds what must not be looked at).
    pub(super) fn kinds() -> Vec<(&'static str, Self)> {
        let long = "\u{1f600}".repeat(5_000);
        let texts = |texts: [&str; 3]| Packed::of(texts);
        let times =
            |unit, zone: Option<&str>| Self::Timestamps(unit, zone.map(str::to_owned), vec![i64::MIN, i64::MAX, 0]);
        vec![
            ("nulls", Self::Nulls(3)),
            ("booleans", Self::Booleans(vec![true, false, true])),
            ("integers", Self::Integers(vec![i64::MIN, i64::MAX, 1])),
            ("floats", Self::Floats(vec![f64::NAN, f64::NEG_INFINITY, -0.0])),
            ("decimals", Self::Decimals(texts(["-12345678901234567890.000000001", "0", ""]))),
            ("decimals that are none", Self::Decimals(texts(["1e5", "many", ""]))),
            ("texts", Self::Texts(texts(["", &long, ""]))),
            ("texts with control characters", Self::Texts(texts(["\0\u{1b}\"\\\n", "\u{202e}\u{feff}", ""]))),
            ("dates", Self::Dates(vec![i32::MIN, i32::MAX, 0])),
            ("seconds", times(TimeUnit::Second, None)),
            ("milliseconds", times(TimeUnit::Millisecond, Some("Europe/Berlin"))),
            ("microseconds", times(TimeUnit::Microsecond, Some("+02:00"))),
            ("nanoseconds", times(TimeUnit::Nanosecond, Some("no zone"))),
            ("json", Self::Json(texts(["[1,{\"a\":null}]", "1e400", ""]))),
            ("json that is none", Self::Json(texts(["{", "", ""]))),
        ]
    }
}

impl Batch {
    /// The rows of an NDJSON file.
    pub(super) fn of_file(path: &Path) -> Result<Self, ConformError> {
        let input = Input::File(path.to_owned());
        let spec = SourceSpec::Ndjson { input, columns: Vec::new(), on_error: OnError::Stop };
        let unreadable = |error: source::SourceError| ConformError::Rows(error.to_string());
        let (mut source, _) = source::open(&spec, &[], CHUNK_ROWS).map_err(unreadable)?;
        let chunk = source.next_chunk().map_err(unreadable)?;
        let chunk = chunk.ok_or_else(|| ConformError::Rows(format!("{} has no rows", path.display())))?;
        if let Some(rejected) = chunk.rejected.first() {
            return Err(ConformError::Rows(format!("{}: {}", path.display(), rejected.message)));
        }
        let columns =
            Columns::new(&chunk.rows, |_| Reading::Own).map_err(|error| ConformError::Rows(error.to_string()))?;
        let owned = |column: &Column<'_>| OwnedColumn {
            name: column.name.to_owned(),
            validity: column.validity.to_vec(),
            cells: Cells::owned(&column.values),
        };
        Ok(Self { columns: columns.borrowed().iter().map(owned).collect() })
    }

    /// A key for each row, and nulls in the other columns: what other values a field takes is the plugin's to know.
    pub(super) fn made_up(key: &str, others: &[String]) -> Self {
        let keys: Vec<String> = (1..=MADE_UP_ROWS).map(|row| format!("conform-{row}")).collect();
        let rows = u32::try_from(MADE_UP_ROWS).unwrap_or(u32::MAX);
        let key_column = OwnedColumn {
            name: key.to_owned(),
            validity: Vec::new(),
            cells: Cells::Texts(Packed::of(keys.iter().map(String::as_str))),
        };
        let others = others.iter().filter(|name| *name != key).map(|name| OwnedColumn {
            name: name.clone(),
            validity: Vec::new(),
            cells: Cells::Nulls(rows),
        });
        Self { columns: [key_column].into_iter().chain(others).collect() }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    pub(super) fn borrowed(&self) -> Vec<Column<'_>> {
        self.columns
            .iter()
            .map(|it| Column { name: &it.name, validity: &it.validity, values: it.cells.borrowed() })
            .collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.borrowed().len())
    }

    /// The first rows, or all where there are fewer.
    pub(super) fn first(&self, rows: usize) -> Self {
        let cut = |packed: &Packed| Packed {
            offsets: packed.offsets.iter().take(rows + 1).copied().collect(),
            data: packed.data.clone(),
        };
        let columns = self.columns.iter().map(|column| OwnedColumn {
            name: column.name.clone(),
            validity: column.validity.clone(),
            cells: match &column.cells {
                Cells::Nulls(count) => Cells::Nulls((*count).min(u32::try_from(rows).unwrap_or(u32::MAX))),
                Cells::Booleans(values) => Cells::Booleans(values.iter().take(rows).copied().collect()),
                Cells::Integers(values) => Cells::Integers(values.iter().take(rows).copied().collect()),
                Cells::Floats(values) => Cells::Floats(values.iter().take(rows).copied().collect()),
                Cells::Decimals(texts) => Cells::Decimals(cut(texts)),
                Cells::Texts(texts) => Cells::Texts(cut(texts)),
                Cells::Dates(values) => Cells::Dates(values.iter().take(rows).copied().collect()),
                Cells::Timestamps(unit, zone, counts) => {
                    Cells::Timestamps(*unit, zone.clone(), counts.iter().take(rows).copied().collect())
                }
                Cells::Json(texts) => Cells::Json(cut(texts)),
            },
        });
        Self { columns: columns.collect() }
    }

    /// One row's values; `None` where one of them is a date or time, which `map-row` takes as text.
    pub(super) fn row(&self, index: usize) -> Option<Vec<Value<'_>>> {
        let valid = |column: &OwnedColumn| {
            column.validity.is_empty()
                || column.validity.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
        };
        self.columns
            .iter()
            .map(|column| match &column.cells {
                _ if !valid(column) => Some(Value::Null),
                Cells::Nulls(_) => Some(Value::Null),
                Cells::Booleans(values) => values.get(index).copied().map(Value::Boolean),
                Cells::Integers(values) => values.get(index).copied().map(Value::Integer),
                Cells::Floats(values) => values.get(index).copied().map(Value::Float),
                Cells::Decimals(texts) => texts.get(index).map(Value::Decimal),
                Cells::Texts(texts) => texts.get(index).map(Value::Text),
                Cells::Json(texts) => texts.get(index).map(Value::Json),
                Cells::Dates(_) | Cells::Timestamps(..) => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(batch: &Batch) -> Vec<usize> {
        batch.borrowed().iter().map(|column| column.values.len()).collect()
    }

    #[test]
    fn the_first_rows_are_as_many_in_each_column() {
        for (_, cells) in Cells::kinds() {
            let mut batch = Batch::made_up("id", &["other".to_owned()]);
            let column = OwnedColumn { name: "kind".to_owned(), validity: vec![0b011], cells };
            batch = batch.first(3);
            batch.columns.push(column);
            for (asked, rows) in [(0, 0), (1, 1), (3, 3), (9, 3)] {
                assert_eq!(lengths(&batch.first(asked)), [rows; 3], "{batch:?}");
            }
        }
    }

    #[test]
    fn a_row_has_the_values_of_its_columns() {
        let batch = Batch::made_up("id", &["other".to_owned(), "id".to_owned()]);
        assert_eq!(batch.names().collect::<Vec<_>>(), ["id", "other"]);
        let row = batch.row(1).map(|values| format!("{values:?}"));
        assert_eq!(row, Some(format!("{:?}", [Value::Text("conform-2"), Value::Null])));
        assert!(batch.row(batch.rows()).is_none());
    }
}
