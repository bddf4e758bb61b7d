//! Rows of a source that are on their way, kept to say which one was rejected.

use arrow::array::{Array, AsArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::value::RawValue;

use crate::source::JSON_EXTENSION;

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

    /// A row as a JSON object, each value as the source has it.
    pub fn json(&self, row: usize) -> Result<Box<RawValue>, ArrowError> {
        let mut object = String::from("{");
        let schema = self.values.schema_ref();
        for (at, (field, array)) in schema.fields().iter().zip(self.values.columns()).enumerate() {
            if at > 0 {
                object.push(',');
            }
            push_string(&mut object, field.name());
            object.push(':');
            push_value(&mut object, field, array, row)?;
        }
        object.push('}');
        RawValue::from_string(object).map_err(|error| ArrowError::ExternalError(Box::new(error)))
    }
}

fn push_value(json: &mut String, field: &Field, array: &dyn Array, row: usize) -> Result<(), ArrowError> {
    let is_json = field.metadata().get(JSON_EXTENSION.0).is_some_and(|extension| extension == JSON_EXTENSION.1);
    match array.data_type() {
        _ if array.is_null(row) => json.push_str("null"),
        DataType::Null => json.push_str("null"),
        DataType::Utf8 if is_json => json.push_str(array.as_string::<i32>().value(row)),
        DataType::Utf8 => push_string(json, array.as_string::<i32>().value(row)),
        DataType::Boolean => json.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int64 => json.push_str(&array.as_primitive::<Int64Type>().value(row).to_string()),
        // Whatever else: as Arrow writes it. Digits stand for themselves, other texts in quotes.
        other => {
            let text = ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).try_to_string()?;
            if other.is_numeric() && serde_json::from_str::<serde_json::Number>(&text).is_ok() {
                json.push_str(&text);
            } else {
                push_string(json, &text);
            }
        }
    }
    Ok(())
}

fn push_string(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, NullArray, StringArray};
    use arrow::datatypes::Schema;

    use super::*;

    fn rows() -> Rows {
        let (key, value) = JSON_EXTENSION;
        let json = Field::new("j\"", DataType::Utf8, true).with_metadata([(key.to_owned(), value.to_owned())]);
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
    fn picked_rows_keep_their_numbers() {
        let all = rows();
        let picked = all.pick(&[2, 0]).unwrap();
        assert_eq!((picked.len(), picked.number(0), picked.number(1)), (2, 13, 11));
        assert_eq!(picked.json(1).unwrap().get(), all.json(0).unwrap().get());
        assert_eq!(picked.pick(&[1]).unwrap().number(0), 11);
        assert_eq!(all.number(2), 13);
    }
}
