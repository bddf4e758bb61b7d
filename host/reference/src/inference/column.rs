//! The columns of a source, as far as its first rows tell.

use std::collections::HashSet;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Field};
use xxhash_rust::xxh3::xxh3_64;

use super::form::{Form, Forms};
use crate::source::{self, SourceError};
use crate::sync_file::SourceSpec;
use destination_engine::arrow::cell;

/// Rows that are looked at.
const MOST_ROWS: u64 = 10_000;
/// Rows that are read at a time.
const CHUNK_ROWS: usize = 1_000;

/// A column and what is known of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) values: u64,
    pub(crate) nulls: u64,
    /// Whether no value comes twice.
    pub(crate) distinct: bool,
    /// The type that the source gives it, where it is not a text.
    pub(crate) native: Option<String>,
    /// A value that shows its form.
    pub(crate) example: String,
}

impl Column {
    /// Whether it could tell rows apart.
    pub(crate) fn is_key(&self) -> bool {
        let is_name = match &self.native {
            None => matches!(self.form, Form::Text | Form::Integer | Form::Email),
            Some(native) => native.starts_with("Int") || native.starts_with("UInt"),
        };
        is_name && self.distinct && self.nulls == 0 && self.values > 0
    }
}

/// Reads the first rows of a source: its columns, how many rows were read, and what stopped the reading, if something did.
///
/// # Errors
/// Where it can't be read as far as its columns.
pub fn columns(spec: &SourceSpec) -> Result<(Vec<Column>, u64, Option<SourceError>), SourceError> {
    let (mut source, _) = source::open(spec, &[], CHUNK_ROWS)?;
    let mut seen: Vec<Seen> = source.columns().iter().map(|name| Seen::new(name)).collect();
    let mut rows = 0;
    let stopped = loop {
        if rows >= MOST_ROWS {
            break None;
        }
        let chunk = match source.next_chunk() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        // A row that is rejected is one that nothing is known of.
        if let Some(rejected) = chunk.rejected.first() {
            break Some(SourceError { hint: None, ..SourceError::told(&spec.to_string(), &rejected.message) });
        }
        for (field, array) in chunk.rows.schema_ref().fields().iter().zip(chunk.rows.columns()) {
            let place = match seen.iter().position(|seen| seen.name == *field.name()) {
                Some(place) => place,
                None => {
                    seen.push(Seen { nulls: rows, ..Seen::new(field.name()) });
                    seen.len() - 1
                }
            };
            if let Some(seen) = seen.get_mut(place) {
                seen.add(field, array)?;
            }
        }
        rows += chunk.rows.num_rows() as u64;
    };
    Ok((seen.into_iter().map(Seen::finish).collect(), rows, stopped))
}

/// A column while its rows are read.
struct Seen {
    name: String,
    forms: Forms,
    values: u64,
    nulls: u64,
    hashes: HashSet<u64>,
    native: Option<String>,
    example: String,
}

impl Seen {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            forms: Forms::default(),
            values: 0,
            nulls: 0,
            hashes: HashSet::new(),
            native: None,
            example: String::new(),
        }
    }

    fn add(&mut self, field: &Field, array: &dyn Array) -> Result<(), SourceError> {
        let nulls = array.logical_nulls();
        let is_json = cell::is(field, cell::JSON);
        let texts = array.as_string_opt::<i32>().filter(|_| !is_json);
        if texts.is_none() && *field.data_type() != DataType::Null {
            self.native = Some(if is_json { "JSON".to_owned() } else { field.data_type().to_string() });
        }
        let mut shown = String::new();
        for row in 0..array.len() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                self.nulls += 1;
                continue;
            }
            let value = match texts {
                Some(texts) => texts.value(row),
                None => {
                    shown.clear();
                    cell::push_json(&mut shown, field, array, row)
                        .map_err(|error| SourceError::told(&self.name, &error.to_string()))?;
                    &shown
                }
            };
            if texts.is_some() {
                self.forms.add(value);
            }
            if self.values == 0 {
                self.example = value.chars().take(40).collect();
            }
            self.values += 1;
            self.hashes.insert(xxh3_64(value.as_bytes()));
        }
        Ok(())
    }

    fn finish(self) -> Column {
        let distinct = self.hashes.len() as u64 == self.values;
        let Self { name, mut forms, values, nulls, native, example, .. } = self;
        let example = forms.telling().unwrap_or(example);
        Column { name, form: forms.form(), values, nulls, distinct, native, example }
    }
}
