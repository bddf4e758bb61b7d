//! A batch's columns as they cross the border, checked once so that reading a value cannot fail.

mod index;
mod packed;
mod strings;

pub use self::index::TextIndex;
pub use self::packed::Packed;
pub use self::strings::Strings;
use crate::bindings as wit;
use crate::mapping::RowError;
use crate::problem::quote::{quoted, shortened};
use crate::problem::suggest::nearest;
use crate::value::{Unit, Value, json};

/// Columns of equal length under different names.
#[derive(Debug)]
pub struct Columns<'a> {
    columns: Vec<Column<'a>>,
    names: TextIndex<'a>,
    rows: usize,
}

impl<'a> Columns<'a> {
    /// Check the columns' layout.
    ///
    /// # Errors
    /// What is wrong with a column, and which.
    pub fn read(columns: &'a [wit::Column]) -> Result<Self, String> {
        let columns: Vec<Column<'a>> = columns.iter().map(Column::read).collect::<Result<_, _>>()?;
        let mut names = TextIndex::default();
        for (index, column) in columns.iter().enumerate() {
            if names.insert(column.name, index).is_some() {
                return Err(format!("two columns are named {}: expected one of each name", quoted(column.name)));
            }
        }
        let rows = columns.first().map_or(0, |first| first.values.len());
        if let Some(other) = columns.iter().find(|column| column.values.len() != rows) {
            let first = columns.first().map_or("", |first| first.name);
            return Err(format!(
                "column {} has {} values and column {} has {rows}: expected the same number in each",
                quoted(other.name),
                other.values.len(),
                quoted(first),
            ));
        }
        Ok(Self { columns, names, rows })
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Column<'a>> {
        self.columns.get(*self.names.get(name)?)
    }

    /// The column of a name that has to be there.
    ///
    /// # Errors
    /// Names the column, the nearest name and those that are there. A missing column is never taken for nulls: that could clear
    /// a field of every record.
    pub fn find(&self, name: &str) -> Result<&Column<'a>, String> {
        if let Some(column) = self.get(name) {
            return Ok(column);
        }
        let mut message = format!("the rows have no column {}", quoted(name));
        if let Some(near) = nearest(name, self.iter().map(|column| column.name)) {
            message.push_str(&format!("; did you mean {}?", quoted(near)));
        }
        let names: Vec<&str> = self.iter().map(|column| column.name).collect();
        match names.as_slice() {
            [] => message.push_str("; they have no columns at all"),
            names => message.push_str(&format!("; they have {}", shortened(&names.join(", "), 500))),
        }
        Err(message)
    }

    /// Append a row as a JSON object, each value as [`Value::write_json`] writes it.
    ///
    /// # Errors
    /// JSON does not have one of its values.
    pub fn write_row(&self, row: usize, out: &mut String) -> Result<(), RowError> {
        out.push('{');
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            json::write_string(column.name, out);
            out.push(':');
            let value = column.value(row);
            value.write_json(out).map_err(|error| RowError::of_value(column.name, value, error))?;
        }
        out.push('}');
        Ok(())
    }

    /// All columns, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Column<'a>> {
        self.columns.iter()
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kinds of values of the contract, numbers and times as one each")]
pub enum ColumnKind {
    Null,
    Boolean,
    Number,
    Text,
    Time,
    Json,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// Empty if no value is null.
    validity: &'a [u8],
    values: Values<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    Nulls(usize),
    Booleans(&'a [bool]),
    Integers(&'a [i64]),
    Floats(&'a [f64]),
    Decimals(Strings<'a>),
    Texts(Strings<'a>),
    Dates(&'a [i32]),
    Timestamps(Unit, &'a [i64]),
    Json(Strings<'a>),
}

impl<'a> Column<'a> {
    fn read(column: &'a wit::Column) -> Result<Self, String> {
        let strings = |strings: &'a wit::Strings| {
            Strings::read(strings).map_err(|fault| format!("column {}: {fault}", quoted(&column.name)))
        };
        let values = match &column.values {
            wit::Values::Nulls(count) => Values::Nulls(usize::try_from(*count).unwrap_or(usize::MAX)),
            wit::Values::Booleans(booleans) => Values::Booleans(booleans),
            wit::Values::Integers(integers) => Values::Integers(integers),
            wit::Values::Floats(floats) => Values::Floats(floats),
            wit::Values::Decimals(digits) => Values::Decimals(strings(digits)?),
            wit::Values::Texts(texts) => Values::Texts(strings(texts)?),
            wit::Values::Dates(days) => Values::Dates(days),
            // The zone is that of the source's clock; the counts are UTC with or without one.
            wit::Values::Timestamps(timestamps) => Values::Timestamps(unit(timestamps.unit), &timestamps.counts),
            wit::Values::Json(texts) => Values::Json(strings(texts)?),
        };
        let validity = column.validity.as_slice();
        if !validity.is_empty() && validity.len().saturating_mul(8) < values.len() {
            return Err(format!(
                "column {}: the validity bitmap has {} bytes for {} values: expected a bit for each, or none at all",
                quoted(&column.name),
                validity.len(),
                values.len()
            ));
        }
        Ok(Self { name: &column.name, validity, values })
    }

    /// What all of its values are, null apart.
    #[must_use]
    pub fn kind(&self) -> ColumnKind {
        match self.values {
            Values::Nulls(_) => ColumnKind::Null,
            Values::Booleans(_) => ColumnKind::Boolean,
            Values::Integers(_) | Values::Floats(_) | Values::Decimals(_) => ColumnKind::Number,
            Values::Texts(_) => ColumnKind::Text,
            Values::Dates(_) | Values::Timestamps(..) => ColumnKind::Time,
            Values::Json(_) => ColumnKind::Json,
        }
    }

    /// The value in a row; null beyond the last.
    #[inline]
    #[must_use]
    pub fn value(&self, row: usize) -> Value<'a> {
        if !self.is_valid(row) {
            return Value::Null;
        }
        let value = match self.values {
            Values::Nulls(_) => None,
            Values::Booleans(booleans) => booleans.get(row).map(|boolean| Value::Boolean(*boolean)),
            Values::Integers(integers) => integers.get(row).map(|integer| Value::Integer(*integer)),
            Values::Floats(floats) => floats.get(row).map(|float| Value::Float(*float)),
            Values::Decimals(strings) => strings.get(row).map(Value::Decimal),
            Values::Texts(strings) => strings.get(row).map(Value::Text),
            Values::Dates(days) => days.get(row).map(|days| Value::Date(*days)),
            Values::Timestamps(unit, counts) => counts.get(row).map(|count| Value::Timestamp(*count, unit)),
            Values::Json(strings) => strings.get(row).map(Value::Json),
        };
        value.unwrap_or(Value::Null)
    }

    /// Append the value in a row as a key: see [`Value::write_key`].
    ///
    /// # Errors
    /// It identifies nothing for certain.
    pub fn write_key(&self, row: usize, out: &mut String) -> Result<(), RowError> {
        let value = self.value(row);
        value.write_key(out).map_err(|error| RowError::of_value(self.name, value, error))
    }

    #[inline]
    fn is_valid(&self, row: usize) -> bool {
        self.validity.is_empty() || self.validity.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    }
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Nulls(count) => *count,
            Self::Booleans(booleans) => booleans.len(),
            Self::Integers(integers) => integers.len(),
            Self::Floats(floats) => floats.len(),
            Self::Decimals(strings) | Self::Texts(strings) | Self::Json(strings) => strings.len(),
            Self::Dates(days) => days.len(),
            Self::Timestamps(_, counts) => counts.len(),
        }
    }
}

fn unit(unit: wit::TimeUnit) -> Unit {
    match unit {
        wit::TimeUnit::Second => Unit::Second,
        wit::TimeUnit::Millisecond => Unit::Millisecond,
        wit::TimeUnit::Microsecond => Unit::Microsecond,
        wit::TimeUnit::Nanosecond => Unit::Nanosecond,
    }
}

#[cfg(test)]
mod tests;
