//! The values of a chunk of JSON objects, column by column.
//!
//! A column is all strings, all booleans or all integers of 64 bits; anything else crosses as JSON text, which the
//! field's metadata says ([`cell::json_field`]): a mixed column loses nothing, and 2^53+1 or 1.10 keeps its digits. Dead
//! letters tell what their JSON does not ([`told`]).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Date32Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, NullArray};
use arrow_schema::{DataType, Field};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Fault;
use super::sound::{self, Unsound};
use super::told;
use destination_engine::arrow::cell;
use destination_engine::arrow::untold::Untold;

const NULL: &str = "null";

/// More different keys than this are no column names: an object by ID, say, where a list of rows was meant.
const MOST_COLUMNS: usize = 4096;

/// The columns of a source, in the order in which they were first seen.
pub(super) struct Columns {
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        let places = names.iter().cloned().enumerate().map(|(place, name)| (name, place)).collect();
        Self { names, places }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Forgets all columns but the first.
    pub(super) fn truncate(&mut self, columns: usize) {
        for name in self.names.drain(columns.min(self.names.len())..) {
            self.places.remove(&name);
        }
    }

    /// The place of a column, which is a new one if need be. `guess` is where it stands if all rows have the same keys
    /// in the same order.
    fn place(&mut self, name: &str, guess: usize) -> Option<usize> {
        if self.names.get(guess).is_some_and(|known| known == name) {
            return Some(guess);
        }
        if let Some(&place) = self.places.get(name) {
            return Some(place);
        }
        let place = self.names.len();
        if place == MOST_COLUMNS {
            return None;
        }
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        Some(place)
    }
}

/// The values of a chunk: for each column those that are there, as JSON, each with its row.
pub(super) struct Cells<'t, 'c> {
    columns: &'c mut Columns,
    values: Vec<Vec<(usize, &'t str)>>,
    rows: usize,
    /// The places of the columns that are days.
    days: HashSet<usize>,
}

impl<'t, 'c> Cells<'t, 'c> {
    pub(super) fn new(columns: &'c mut Columns) -> Self {
        Self { columns, values: Vec::new(), rows: 0, days: HashSet::new() }
    }

    /// Adds a row: the text of a JSON object, and what that does not tell of its columns.
    pub(super) fn add_row(&mut self, object: &'t str, untold: &BTreeMap<String, Untold>) -> Result<(), Fault> {
        self.add_object(object).map_err(Fault::Json)?;
        for (column, &untold) in untold {
            let Some(&place) = self.columns.places.get(column) else { continue };
            let Some(&(row, value)) = self.values.get(place).and_then(|values| values.last()) else { continue };
            if row != self.rows || value == NULL {
                continue;
            }
            told::check(column, value, untold)?;
            if untold == Untold::Date {
                self.days.insert(place);
            }
        }
        self.rows += 1;
        Ok(())
    }

    fn add_object(&mut self, object: &'t str) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(object);
        deserializer.deserialize_map(RowVisitor(self))?;
        deserializer.end()
    }

    fn add_value(&mut self, name: &str, guess: usize, value: &'t str) -> Result<(), String> {
        let Some(place) = self.columns.place(name, guess) else {
            return Err(format!("{name:?} is one key too many: there are {MOST_COLUMNS} columns already"));
        };
        if self.values.len() <= place {
            self.values.resize_with(place + 1, Vec::new);
        }
        let Some(values) = self.values.get_mut(place) else { return Ok(()) };
        if values.last().is_some_and(|&(row, _)| row == self.rows) {
            return Err(format!("the key {name:?} stands twice in one object"));
        }
        values.push((self.rows, value));
        Ok(())
    }

    /// The columns as Arrow arrays; or the row of a value that can't be taken, and why.
    pub(super) fn finish(mut self) -> Result<Vec<(Field, ArrayRef)>, (usize, Fault)> {
        self.values.resize_with(self.columns.names.len(), Vec::new);
        let rows = self.rows;
        let columns = self.columns.names.iter().zip(&mut self.values).enumerate();
        let days = &self.days;
        columns.map(|(place, (name, values))| column(name, values, rows, days.contains(&place))).collect()
    }
}

/// What all values of a column are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Boolean,
    Integer,
    Json,
}

impl Kind {
    fn of(value: &str) -> Self {
        match value.as_bytes().first() {
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Boolean,
            // As an integer -0 would lose its sign.
            Some(b'-' | b'0'..=b'9') if value != "-0" && value.parse::<i64>().is_ok() => Self::Integer,
            _ => Self::Json,
        }
    }

    /// `None` for a column without values.
    fn of_all(values: &[(usize, &str)]) -> Option<Self> {
        let mut kinds = values.iter().map(|(_, value)| Self::of(value));
        let first = kinds.next()?;
        Some(if kinds.all(|kind| kind == first) { first } else { Self::Json })
    }
}

fn column(
    name: &str,
    values: &mut Vec<(usize, &str)>,
    rows: usize,
    days: bool,
) -> Result<(Field, ArrayRef), (usize, Fault)> {
    let unsound = |row: usize, what| (row, Fault::Unsound { column: name.to_owned(), what });
    values.retain(|(_, value)| *value != NULL);
    let field = |data_type| Field::new(name, data_type, true);
    let mut present = values.iter().copied().peekable();
    let mut by_row = (0..rows).map(move |row| present.next_if(|&(of, _)| of == row));
    Ok(match Kind::of_all(values) {
        None => (field(DataType::Null), Arc::new(NullArray::new(rows))),
        Some(_) if days => {
            let mut array = Date32Builder::with_capacity(rows);
            by_row.try_for_each(|value| {
                let day = value.map(|(row, value)| told::day(name, value).map_err(|fault| (row, fault))).transpose()?;
                array.append_option(day);
                Ok(())
            })?;
            (field(DataType::Date32), Arc::new(array.finish()))
        }
        Some(Kind::Boolean) => {
            let mut array = BooleanBuilder::with_capacity(rows);
            by_row.for_each(|value| array.append_option(value.map(|(_, value)| value == "true")));
            (field(DataType::Boolean), Arc::new(array.finish()))
        }
        Some(Kind::Integer) => {
            let mut array = Int64Builder::with_capacity(rows);
            by_row.for_each(|value| array.append_option(value.and_then(|(_, value)| value.parse().ok())));
            (field(DataType::Int64), Arc::new(array.finish()))
        }
        Some(Kind::Text) => {
            let mut array = StringBuilder::with_capacity(rows, rows * 16);
            by_row.try_for_each(|value| {
                let text = value.map(|(row, value)| decode(value).map_err(|what| unsound(row, what))).transpose()?;
                array.append_option(text);
                Ok(())
            })?;
            (field(DataType::Utf8), Arc::new(array.finish()))
        }
        Some(Kind::Json) => {
            let mut array = StringBuilder::with_capacity(rows, rows * 16);
            by_row.try_for_each(|value| {
                if let Some((row, value)) = value {
                    sound::check(value).map_err(|what| unsound(row, what))?;
                }
                array.append_option(value.map(|(_, value)| value));
                Ok(())
            })?;
            (cell::json_field(name), Arc::new(array.finish()))
        }
    })
}

/// What a JSON string says.
fn decode(json: &str) -> Result<Cow<'_, str>, Unsound> {
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).map(Cow::Owned).map_err(|_| Unsound::HalfCharacter(inner.to_owned()))
}

struct RowVisitor<'v, 't, 'c>(&'v mut Cells<'t, 'c>);

impl<'t> Visitor<'t> for RowVisitor<'_, 't, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some((Key(name), value)) = map.next_entry::<Key<'t>, &'t RawValue>()? {
            self.0.add_value(&name, guess, value.get()).map_err(A::Error::custom)?;
            guess += 1;
        }
        Ok(())
    }
}

/// A key, borrowed from the text unless it has an escape in it.
struct Key<'t>(Cow<'t, str>);

impl<'t> Deserialize<'t> for Key<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'t> Visitor<'t> for KeyVisitor {
            type Value = Key<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Key<'t>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'t>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
