//! Rows of a source that are on their way, kept to say which one was rejected.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{ArrowError, Field, FieldRef};
use arrow_select::take::take_record_batch;
use serde_json::value::RawValue;

use crate::source::{Chunk, provenance};
use destination_engine::arrow::{cell, untold};

/// Rows and their numbers.
#[derive(Debug, Clone)]
pub struct Rows {
    values: RecordBatch,
    numbers: Numbers,
}

/// The number of each row in its source, from 1.
#[derive(Debug, Clone)]
enum Numbers {
    /// They follow each other.
    From(u64),
    /// Some were left out.
    Each(Vec<u64>),
}

impl Rows {
    /// Rows that follow each other; the first one's number is `first`.
    pub fn new(values: RecordBatch, first: u64) -> Self {
        Self { values, numbers: Numbers::From(first) }
    }

    /// The rows of a chunk that can be mapped; `first` is the number of the chunk's first row.
    pub fn of(chunk: &Chunk, first: u64) -> Self {
        let numbers = match chunk.places() {
            None => Numbers::From(first),
            Some(places) => Numbers::Each(places.iter().map(|place| first + *place as u64).collect()),
        };
        Self { values: chunk.rows.clone(), numbers }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.num_rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of a row in its source.
    pub fn number(&self, row: usize) -> u64 {
        match &self.numbers {
            Numbers::From(first) => first + row as u64,
            Numbers::Each(numbers) => numbers.get(row).copied().unwrap_or_default(),
        }
    }

    /// A copy of some of the rows. What was left out can then be let go.
    pub fn pick(&self, rows: &[u32]) -> Result<Self, ArrowError> {
        let values = take_record_batch(&self.values, &UInt32Array::from(rows.to_vec()))?;
        let numbers = rows.iter().map(|&row| self.number(row as usize)).collect();
        Ok(Self { values, numbers: Numbers::Each(numbers) })
    }

    /// A row as a JSON object, each value as the source has it: without the columns that were made from others.
    pub fn json(&self, row: usize) -> Result<Box<RawValue>, ArrowError> {
        object(self.own_columns(), |json, field, array| cell::push_shown(json, field, array, row).map(|()| true))
    }

    /// What a row's JSON does not tell, by column: an object with a name for each; `None` where it tells everything.
    pub fn untold(&self, row: usize) -> Result<Option<Box<RawValue>>, ArrowError> {
        let object = object(self.own_columns(), |json, field, array| {
            let untold = untold::untold(field, array, row)?;
            untold.iter().for_each(|untold| cell::push_string(json, untold.name()));
            Ok(untold.is_some())
        })?;
        Ok((object.get() != "{}").then_some(object))
    }

    /// The columns as the source has them.
    fn own_columns(&self) -> impl Iterator<Item = (&FieldRef, &ArrayRef)> {
        let columns = || self.values.schema_ref().fields().iter().zip(self.values.columns());
        columns().filter(|(field, _)| !provenance::is_replaced(field)).filter_map(move |(field, array)| {
            match provenance::is_computed(field) {
                // The one that it stands in for, if there is one.
                true => columns().find(|(own, _)| provenance::is_replaced(own) && own.name() == field.name()),
                false => Some((field, array)),
            }
        })
    }
}

/// A JSON object of those columns for which `push` writes a value.
fn object<'a>(
    columns: impl Iterator<Item = (&'a FieldRef, &'a ArrayRef)>,
    push: impl Fn(&mut String, &Field, &ArrayRef) -> Result<bool, ArrowError>,
) -> Result<Box<RawValue>, ArrowError> {
    let mut object = String::from("{");
    for (field, array) in columns {
        let before = object.len();
        if before > 1 {
            object.push(',');
        }
        cell::push_string(&mut object, field.name());
        object.push(':');
        if !push(&mut object, field, array)? {
            object.truncate(before);
        }
    }
    object.push('}');
    RawValue::from_string(object).map_err(|error| ArrowError::ExternalError(Box::new(error)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, NullArray, StringArray};
    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    fn rows() -> Rows {
        let json = cell::json_field("j\"");
        let fields = vec![
            Field::new("id", DataType::Utf8, true),
            json,
            Field::new("n", DataType::Int64, true),
            Field::new("ok", DataType::Boolean, true),
            Field::new("none", DataType::Null, true),
            Field::new("f", DataType::Float64, true),
            Field::new("d", DataType::Decimal128(38, 2), true),
        ];
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("00\n\"7"), None, Some("")])),
            Arc::new(StringArray::from(vec![Some("1.10"), Some("[1, {}]"), None])),
            Arc::new(Int64Array::from(vec![9_007_199_254_740_993, -1, 0])),
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
            Arc::new(NullArray::new(3)),
            Arc::new(Float64Array::from(vec![0.1, f64::NAN, 5.0])),
            Arc::new(Decimal128Array::from(vec![110, -5, 0]).with_precision_and_scale(38, 2).unwrap()),
        ];
        Rows::new(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap(), 11)
    }

    #[test]
    fn a_row_is_json_to_the_letter() {
        let shown: Vec<_> = (0..3).map(|row| rows().json(row).unwrap().get().to_owned()).collect();
        assert_eq!(
            shown,
            [
                r#"{"id":"00\n\"7","j\"":1.10,"n":9007199254740993,"ok":true,"none":null,"f":0.1,"d":1.10}"#,
                r#"{"id":null,"j\"":[1, {}],"n":-1,"ok":false,"none":null,"f":"NaN","d":-0.05}"#,
                r#"{"id":"","j\"":null,"n":0,"ok":null,"none":null,"f":5.0,"d":0.00}"#,
            ]
        );
    }

    #[test]
    fn what_the_json_of_a_row_does_not_tell_is_told() {
        let untold = |row| rows().untold(row).unwrap().map(|untold| untold.get().to_owned());
        assert_eq!([untold(0), untold(1)], [None, Some("{\"f\":\"number\"}".to_owned())]);
    }

    #[test]
    fn picked_rows_keep_their_numbers() {
        let all = rows();
        let picked = all.pick(&[2, 0]).unwrap();
        assert_eq!((picked.len(), picked.number(0), picked.number(1)), (2, 13, 11));
        assert_eq!(picked.json(1).unwrap().get(), all.json(0).unwrap().get());
        assert_eq!(picked.pick(&[1]).unwrap().number(0), 11);
        assert_eq!(all.number(2), 13);
    }
}
