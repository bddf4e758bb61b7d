//! Columns that are made from others: the rows of a source with more columns, or with some replaced.
//!
//! An expression that has no value for a row stops the source with the row and the expression: a sync that goes on with a
//! part of what was asked would deliver something else than was meant.

mod value;

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use minijinja::Value;

use super::{Chunk, MOST_RECORD_BYTES, Source, SourceError, altered, provenance};
use crate::fault::nearest;
use crate::sync_file::Computed;
use destination_engine::arrow::{cell, columns};

/// A source with computed columns.
pub(super) struct ComputedSource {
    inner: Box<dyn Source>,
    name: String,
    computed: Vec<Computed>,
    columns: Vec<String>,
    /// Rows that were handed out.
    rows: u64,
}

impl ComputedSource {
    /// Fails where an expression reads a column that is not there. An input without columns has no row to miss it.
    pub(super) fn open(inner: Box<dyn Source>, name: String, computed: Vec<Computed>) -> Result<Self, SourceError> {
        let columns = inner.columns();
        if let Some(error) = missing(&name, columns, &computed).filter(|_| !columns.is_empty()) {
            return Err(error);
        }
        let mut source = Self { inner, name, computed, columns: Vec::new(), rows: 0 };
        source.learn_columns();
        Ok(source)
    }

    fn learn_columns(&mut self) {
        self.columns = self.inner.columns().to_vec();
        if self.columns.is_empty() {
            return;
        }
        for column in &self.computed {
            if !self.columns.contains(&column.name) {
                self.columns.push(column.name.clone());
            }
        }
    }

    fn with_computed(&self, chunk: &Chunk) -> Result<RecordBatch, SourceError> {
        let places = chunk.places();
        let chunk = &chunk.rows;
        let mut fields: Vec<Arc<Field>> = chunk.schema_ref().fields().iter().cloned().collect();
        let mut arrays: Vec<ArrayRef> = chunk.columns().to_vec();
        for column in &self.computed {
            let array: ArrayRef = Arc::new(self.compute(column, chunk, places.as_deref())?.finish());
            let field = Arc::new(provenance::computed(cell::json_field(&column.name)));
            let own = chunk.schema_ref().column_with_name(&column.name);
            // The source's own goes to the end, where a rejected row finds it.
            if let Some((place, own)) = own {
                fields.splice(place..=place, [field]);
                arrays.splice(place..=place, [array]);
                fields.push(Arc::new(provenance::replaced(own.clone())));
                arrays.push(Arc::clone(chunk.column(place)));
            } else {
                fields.push(field);
                arrays.push(array);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(chunk.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|error| SourceError::new(&self.name, error.to_string()))
    }

    /// The values of a column as JSON texts, so that each keeps its own type.
    fn compute(
        &self,
        column: &Computed,
        chunk: &RecordBatch,
        places: Option<&[usize]>,
    ) -> Result<StringBuilder, SourceError> {
        let schema = chunk.schema_ref();
        // A column that this chunk does not have is null in all its rows.
        let read: Vec<_> = column.expression.columns().iter().map(|name| schema.column_with_name(name)).collect();
        for (_, field) in read.iter().flatten() {
            altered::check(field).map_err(|error| SourceError::new(&self.name, error.to_string()))?;
            columns::check_readable(field).map_err(|error| SourceError::new(&self.name, error.to_string()))?;
        }
        let mut builder = StringBuilder::new();
        for row in 0..chunk.num_rows() {
            let failed = |message: String| {
                let place = places.and_then(|places| places.get(row)).copied().unwrap_or(row);
                let number = self.rows + place as u64 + 1;
                SourceError::new(
                    &self.name,
                    format!(
                        "row {number}: the column {:?} can't be computed: {message} (in {:?})",
                        column.name,
                        column.expression.text()
                    ),
                )
                .hint("fix the expression, or the row; `|default('…')` stands in for a value that is missing")
            };
            let values = read.iter().map(|found| match found {
                Some((place, field)) => value::value(field, chunk.column(*place), row),
                None => Ok(Value::UNDEFINED),
            });
            let values: Vec<Value> = values.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
            match json(column, values).map_err(&failed)? {
                Some(json) => builder.append_value(json),
                None => builder.append_null(),
            }
        }
        Ok(builder)
    }
}

impl Source for ComputedSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let Some(chunk) = self.inner.next_chunk()? else { return Ok(None) };
        self.learn_columns();
        let rows = self.with_computed(&chunk)?;
        self.rows += chunk.len() as u64;
        Ok(Some(Chunk { rows, ..chunk }))
    }
}

/// An expression that reads a column which the source does not have.
fn missing(name: &str, columns: &[String], computed: &[Computed]) -> Option<SourceError> {
    let (column, absent) = computed.iter().find_map(|column| {
        Some((&column.name, column.expression.columns().iter().find(|read| !columns.contains(*read))?))
    })?;
    let message = format!("has no column {absent:?}, which the computed column {column:?} reads");
    let hint = match nearest(absent, columns.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("its columns: {}", columns.join(", ")),
    };
    Some(SourceError { absent: true, ..SourceError::new(name, message).hint(hint) })
}

/// The value of a column for a row as JSON; `None` where it is none. To the language a slice of null is an empty list: a null
/// that is cut stays one, and within a text it is an error.
fn json(column: &Computed, values: Vec<Value>) -> Result<Option<String>, String> {
    const EMPTY: &str = "[]";
    let of = |values: Vec<Value>| json_of(&column.expression.value(values)?);
    let has_null = values.iter().any(Value::is_undefined);
    let json = of(values.clone())?;
    if !has_null || !json.as_ref().is_some_and(|json| json.contains(EMPTY)) {
        return Ok(json);
    }
    // Where it comes from somewhere else it is there as well if the nulls were empty texts.
    let empty = values.into_iter().map(|value| if value.is_undefined() { Value::from("") } else { value });
    match of(empty.collect()) {
        Ok(Some(other)) if other.contains(EMPTY) => Ok(json),
        _ if json.as_deref() == Some(EMPTY) => Ok(None),
        _ => Err("a value that is null is cut".to_owned()),
    }
}

/// A value of the language as JSON; `None` where it is none. A list that is made while it is read may be longer than what it is
/// made of.
fn json_of(value: &Value) -> Result<Option<String>, String> {
    use minijinja::value::ValueKind;
    let mut json = String::new();
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::None => None,
        ValueKind::Bool => Some(value.is_true().to_string()),
        ValueKind::String => {
            cell::push_string(&mut json, value.as_str().unwrap_or_default());
            Some(json)
        }
        ValueKind::Number => {
            let digits = value.to_string();
            match serde_json::from_str::<serde_json::Number>(&digits) {
                Ok(_) => Some(digits),
                Err(_) => return Err(format!("its value is {digits}, which is no number that can be sent")),
            }
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|error| error.to_string())?;
            json.push('[');
            for (at, item) in items.enumerate() {
                if at > 0 {
                    json.push(',');
                }
                json.push_str(json_of(&item)?.as_deref().unwrap_or("null"));
                if json.len() > MOST_RECORD_BYTES {
                    return Err(format!("its value is longer than {} MiB", MOST_RECORD_BYTES >> 20));
                }
            }
            json.push(']');
            Some(json)
        }
        kind => return Err(format!("its value is of the kind {kind}, expected a text, a number, a boolean or a list")),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use arrow_array::cast::AsArray;
    use arrow_array::{Array, Decimal128Array, Float64Array, Int64Array, StringArray};

    use super::*;
    use crate::sync_file::expression::Expression;

    struct Once(Option<RecordBatch>, Vec<String>);

    impl Source for Once {
        fn columns(&self) -> &[String] {
            &self.1
        }

        fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
            Ok(self.0.take().map(Chunk::from))
        }
    }

    fn rows() -> Box<dyn Source> {
        let columns: [(&str, ArrayRef); 4] = [
            ("first", Arc::new(StringArray::from(vec![Some("Ada"), None]))),
            ("n", Arc::new(Int64Array::from(vec![9_007_199_254_740_993, 2]))),
            ("d", Arc::new(Decimal128Array::from(vec![110, 250]).with_precision_and_scale(38, 2).unwrap())),
            ("f", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
        ];
        let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Box::new(Once(Some(RecordBatch::try_from_iter(columns).unwrap()), names))
    }

    fn computed(name: &str, text: &str) -> Computed {
        Computed { name: name.to_owned(), expression: Expression::new(text).unwrap() }
    }

    fn column(name: &str, text: &str) -> Result<Vec<Option<String>>, SourceError> {
        let mut source = ComputedSource::open(rows(), "rows".to_owned(), vec![computed(name, text)]).unwrap();
        assert!(source.columns().contains(&name.to_owned()));
        let chunk = source.next_chunk()?.unwrap().rows;
        let array = chunk.column_by_name(name).unwrap().as_string::<i32>().clone();
        Ok((0..array.len()).map(|row| array.is_valid(row).then(|| array.value(row).to_owned())).collect())
    }

    #[test]
    fn each_value_keeps_its_type_and_its_digits() {
        let json = |values: [&str; 2]| values.map(|value| Some(value.to_owned())).to_vec();
        assert_eq!(column("c", "'web'").unwrap(), json(["\"web\"", "\"web\""]));
        assert_eq!(column("c", "n").unwrap(), json(["9007199254740993", "2"]));
        assert_eq!(column("c", "n > 5").unwrap(), json(["true", "false"]));
        assert_eq!(column("c", "d * 2").unwrap(), json(["2.2", "5.0"]));
        assert_eq!(column("c", "[n, 'x']").unwrap(), json(["[9007199254740993,\"x\"]", "[2,\"x\"]"]));
        assert_eq!(column("c", "first ~ '!'").unwrap(), json(["\"Ada!\"", "\"!\""]));
        assert_eq!(column("c", "first|default('nobody')").unwrap(), json(["\"Ada\"", "\"nobody\""]));
        assert_eq!(column("c", "first").unwrap(), [Some("\"Ada\"".to_owned()), None]);
    }

    /// As an empty list it would be sent as `[]`.
    #[test]
    fn a_null_that_is_cut_stays_null() {
        let json = |values: [&str; 2]| values.map(|value| Some(value.to_owned())).to_vec();
        assert_eq!(column("c", "first[0:2]").unwrap(), [Some("\"Ad\"".to_owned()), None]);
        assert_eq!(column("c", "first[0:2] if first is not none else 'n'").unwrap(), json(["\"Ad\"", "\"n\""]));
        assert_eq!(column("c", "first|default('n')").unwrap(), json(["\"Ada\"", "\"n\""]));
        assert_eq!(column("c", "first ~ '[]'").unwrap(), json(["\"Ada[]\"", "\"[]\""]));
        assert_eq!(column("c", "[] if first else [first]").unwrap(), json(["[]", "[null]"]));
        let error = column("c", "first[0:2] ~ '!'").unwrap_err().to_string();
        assert!(error.contains("row 2") && error.contains("a value that is null is cut"), "{error}");
    }

    #[test]
    fn a_column_of_the_same_name_is_replaced() {
        assert_eq!(column("first", "first|upper").unwrap()[0].as_deref(), Some("\"ADA\""));
        let mut source = ComputedSource::open(rows(), "rows".to_owned(), vec![computed("first", "1")]).unwrap();
        assert_eq!(source.columns(), ["first", "n", "d", "f"]);
        let chunk = source.next_chunk().unwrap().unwrap().rows;
        let read = crate::pipeline::columns::read(&chunk, |_| columns::Reading::Own).unwrap();
        let names: Vec<&str> = read.borrowed().iter().map(|column| column.name).collect();
        assert_eq!(names, ["first", "n", "d", "f"], "the plugin reads it once");
    }

    #[test]
    fn a_rejected_row_is_the_sources_own() {
        let columns = vec![computed("first", "first|upper"), computed("full", "first ~ n"), computed("n", "n > 5")];
        let mut source = ComputedSource::open(rows(), "rows".to_owned(), columns).unwrap();
        let rows = crate::pipeline::rows::Rows::of(&source.next_chunk().unwrap().unwrap(), 1);
        let letter = r#"{"first":"Ada","n":9007199254740993,"d":1.10,"f":0.5}"#;
        assert_eq!(rows.json(0).unwrap().get(), letter);
        assert_eq!(rows.pick(&[0]).unwrap().json(0).unwrap().get(), letter);
    }

    #[test]
    fn what_cannot_be_computed_names_row_column_and_expression() {
        for (text, said) in
            [("first + 1", "row 1"), ("d.x.y", "row 1"), ("d / 0", "row 1"), ("f", "row 2"), ("{'a': n}", "row 1")]
        {
            let error = column("c", text).unwrap_err().to_string();
            for part in [said, "\"c\"", "can't be computed", &format!("{text:?}")] {
                assert!(error.contains(part), "{part} is not in {error}");
            }
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_the_nearest() {
        for (text, message, hint) in [
            ("frist", "has no column \"frist\", which the computed column \"c\" reads", "did you mean \"first\"?"),
            ("points + n", "has no column \"points\"", "its columns: first, n, d, f"),
            ("nx", "has no column \"nx\"", "did you mean \"n\"?"),
        ] {
            let error = ComputedSource::open(rows(), "rows".to_owned(), vec![computed("c", text)]).err().unwrap();
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.hint.unwrap().contains(hint));
        }
    }
}
