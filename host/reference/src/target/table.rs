//! Records of a stream as the rows of a chunk, in the types that their schema names.
//!
//! Integers, numbers, objects and arrays keep their digits and their text by the rules of JSON lines; what JSON has no type
//! for becomes one here: points in time, days, decimals. A column with a value that its schema's format does not have stays
//! text, so that nothing is lost; whether that will do is the mapping's to say.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, TimeUnit};

use super::schema::{Conventions, Format, Schema};
use crate::source::{Chunk, Objects, SourceError};
use destination_engine::arrow::cell;
use destination_engine::bindings::Change;

/// What becomes of a stream's columns before they are mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Mappings name what they read.
    Mapped,
    /// Columns map to themselves: one is renamed to the key field, and those of the extraction are left out.
    Plain {
        /// The column, and the field.
        key: Option<(String, String)>,
    },
}

impl Layout {
    /// The name of a column; `None` where it is left out.
    fn name<'n>(&'n self, column: &'n str, conventions: &Conventions) -> Option<&'n str> {
        match self {
            Self::Mapped => Some(column),
            Self::Plain { key: Some((from, to)) } if from == column => Some(to),
            // Records have it, and their schema does not: it can't take the key's place.
            Self::Plain { key: Some((_, to)) } if to == column => None,
            Self::Plain { .. } => {
                (!conventions.metadata.iter().any(|prefix| column.starts_with(prefix))).then_some(column)
            }
        }
    }
}

/// Records as they came, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Records {
    text: String,
    /// For each record the number of its line, and where its text ends.
    ends: Vec<(u64, usize)>,
}

impl Records {
    pub(crate) fn push(&mut self, line: u64, record: &str) {
        self.text.push_str(record);
        self.ends.push((line, self.text.len()));
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    fn each(&self) -> Vec<(u64, &str)> {
        let starts = [0].into_iter().chain(self.ends.iter().map(|(_, end)| *end));
        let texts = starts.zip(&self.ends);
        texts.map(|(start, &(line, end))| (line, self.text.get(start..end).unwrap_or_default())).collect()
    }
}

/// Makes chunks of a stream's records.
pub(crate) struct Table {
    name: String,
    objects: Objects,
    formats: HashMap<String, Format>,
    layout: Layout,
    conventions: &'static Conventions,
}

impl Table {
    pub(crate) fn new(name: String, schema: &Schema, layout: Layout, conventions: &'static Conventions) -> Self {
        let columns = schema.properties.iter().map(|property| property.name.clone()).collect();
        let objects = Objects::new(name.clone(), columns);
        let mut table = Self { name, objects, formats: HashMap::new(), layout, conventions };
        table.update(schema);
        table
    }

    /// The stream has another schema from here on.
    pub(crate) fn update(&mut self, schema: &Schema) {
        self.formats = schema.properties.iter().map(|property| (property.name.clone(), property.format)).collect();
    }

    /// The names of the columns that a schema promises.
    pub(crate) fn columns(schema: &Schema, layout: &Layout, conventions: &Conventions) -> Vec<String> {
        let names = schema.properties.iter().filter_map(|property| layout.name(&property.name, conventions));
        names.map(str::to_owned).collect()
    }

    /// The rows of some records.
    pub(crate) fn chunk(&mut self, records: &Records) -> Result<Chunk, SourceError> {
        let chunk = self.objects.chunk(&records.each())?;
        let rows = chunk.rows.num_rows();
        let deleted_at = chunk.rows.schema_ref().column_with_name(self.conventions.deleted_at);
        let changes = deleted_at.map(|(place, field)| changes(field, chunk.rows.column(place))).unwrap_or_default();
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (field, array) in chunk.rows.schema_ref().fields().iter().zip(chunk.rows.columns()) {
            let Some(name) = self.column(field.name()) else { continue };
            let format = self.formats.get(field.name()).copied().unwrap_or(Format::AsItIs);
            let (field, array) = typed(field, array, format);
            fields.push(field.with_name(name));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(ArrowSchema::new(fields)), arrays, &options)
            .map_err(|error| SourceError::new(&self.name, error.to_string()))?;
        Ok(Chunk { rows: batch, changes, ..chunk })
    }

    /// The name of a column of the records; `None` where it is left out. A schema without properties declares nothing.
    fn column<'n>(&'n self, column: &'n str) -> Option<&'n str> {
        let declared = self.formats.is_empty() || self.formats.contains_key(column);
        (declared || self.conventions.takes_undeclared).then(|| self.layout.name(column, self.conventions))?
    }
}

/// Which rows say that they have left; empty where none does. Taps that know no null write an empty text, or false.
fn changes(field: &Field, deleted_at: &ArrayRef) -> Vec<Change> {
    let nulls = deleted_at.logical_nulls();
    let says_nothing = |row| match deleted_at.data_type() {
        _ if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => true,
        DataType::Utf8 if cell::is(field, cell::JSON) => {
            matches!(deleted_at.as_string::<i32>().value(row), "\"\"" | "false")
        }
        DataType::Utf8 => deleted_at.as_string::<i32>().value(row).is_empty(),
        DataType::Boolean => !deleted_at.as_boolean().value(row),
        _ => false,
    };
    let change = |row| if says_nothing(row) { Change::Added } else { Change::Removed };
    let changes: Vec<Change> = (0..deleted_at.len()).map(change).collect();
    if changes.contains(&Change::Removed) { changes } else { Vec::new() }
}

/// A column in the type that its format asks for, where every value has that form.
fn typed(field: &Field, array: &ArrayRef, format: Format) -> (Field, ArrayRef) {
    let as_it_is = || (field.clone(), Arc::clone(array));
    if *array.data_type() != DataType::Utf8 || cell::is(field, cell::JSON) {
        return as_it_is();
    }
    let every = |fits: fn(&str) -> bool| array.as_string::<i32>().iter().flatten().all(fits);
    let cast = |to: DataType| {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let array = cast_with_options(array, &to, &options).ok()?;
        Some((Field::new(field.name(), to, true), array))
    };
    let typed = match format {
        Format::AsItIs => None,
        Format::DateTime if every(is_to_the_microsecond) => {
            cast(DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())))
        }
        Format::LocalDateTime if every(is_to_the_microsecond) => cast(DataType::Timestamp(TimeUnit::Microsecond, None)),
        Format::Date if every(|text| text.len() == "2000-01-01".len()) => cast(DataType::Date32),
        Format::Decimal if every(is_number) => Some((cell::json_field(field.name()), Arc::clone(array))),
        Format::DateTime | Format::LocalDateTime | Format::Date | Format::Decimal => None,
    };
    typed.unwrap_or_else(as_it_is)
}

/// Whether a time has no digits behind the microsecond, which would be lost.
fn is_to_the_microsecond(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    fraction.bytes().take_while(u8::is_ascii_digit).count() <= 6
}

/// Whether a text is a number of JSON.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::pipeline::rows::Rows;
    use crate::target::schema::Property;

    const CONVENTIONS: Conventions =
        Conventions { deleted_at: "_sdc_deleted_at", metadata: &["_sdc_"], takes_undeclared: true };

    fn schema(properties: &[(&str, Format)]) -> Schema {
        let property = |&(name, format): &(&str, Format)| Property { name: name.to_owned(), format };
        Schema { properties: properties.iter().map(property).collect(), key: Vec::new() }
    }

    fn table(properties: &[(&str, Format)], layout: Layout) -> Table {
        Table::new("s".to_owned(), &schema(properties), layout, &CONVENTIONS)
    }

    fn records(texts: &[&str]) -> Records {
        let mut records = Records::default();
        for (line, text) in (1..).zip(texts) {
            records.push(line, text);
        }
        records
    }

    fn shown(chunk: &Chunk) -> Vec<String> {
        let rows = Rows::of(chunk, 1);
        (0..rows.len()).map(|row| rows.json(row).unwrap().get().to_owned()).collect()
    }

    const TYPES: [(&str, Format); 8] = [
        ("id", Format::AsItIs),
        ("at", Format::DateTime),
        ("wall", Format::LocalDateTime),
        ("day", Format::Date),
        ("due", Format::Decimal),
        ("n", Format::AsItIs),
        ("o", Format::AsItIs),
        ("l", Format::AsItIs),
    ];

    #[test]
    fn values_have_the_types_of_their_schema_and_all_their_digits() {
        let mut table = table(&TYPES, Layout::Mapped);
        let chunk = table
            .chunk(&records(&[
                r#"{"id":9007199254740993,"at":"2026-01-02T03:04:05.123456+02:00","wall":"2026-01-02T03:04:05","day":"2026-01-02","due":"1.10","n":0.10,"o":{"a":1.0},"l":[1]}"#,
                r#"{"id":123456789012345678901234567890,"at":null,"n":1e400,"new":true}"#,
            ]))
            .unwrap();
        let types: Vec<_> = chunk.rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        assert_eq!(types[1..4], [time, DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Date32]);
        assert_eq!(
            shown(&chunk),
            [
                r#"{"id":9007199254740993,"at":"2026-01-02T01:04:05.123456Z","wall":"2026-01-02T03:04:05Z","day":"2026-01-02","due":1.10,"n":0.10,"o":{"a":1.0},"l":[1],"new":null}"#,
                r#"{"id":123456789012345678901234567890,"at":null,"wall":null,"day":null,"due":null,"n":1e400,"o":null,"l":null,"new":true}"#,
            ]
        );
    }

    #[test]
    fn what_its_format_does_not_have_stays_a_text() {
        let mut table = table(&TYPES, Layout::Mapped);
        for record in [
            r#"{"at":"2026-01-02T03:04:05.1234567Z"}"#,
            r#"{"at":"yesterday"}"#,
            r#"{"wall":"2026-01-02T03:04:05 BC"}"#,
            r#"{"day":"2026-01-02T00:00:00Z"}"#,
            r#"{"day":"2026-02-30"}"#,
            r#"{"due":"NaN"}"#,
            r#"{"due":"1,5"}"#,
        ] {
            let chunk = table.chunk(&records(&[record])).unwrap();
            let value = record.split_once(':').unwrap().1.trim_end_matches('}').to_owned();
            assert!(shown(&chunk)[0].contains(&value), "{record}: {:?}", shown(&chunk));
        }
    }

    #[test]
    fn columns_that_map_to_themselves_are_the_streams_own_with_the_key_renamed() {
        let layout = Layout::Plain { key: Some(("id".to_owned(), "integration_id".to_owned())) };
        let properties = ["id", "name", "_sdc_extracted_at", "_sdc_deleted_at"].map(|name| (name, Format::AsItIs));
        assert_eq!(Table::columns(&schema(&properties), &layout, &CONVENTIONS), ["integration_id", "name"]);
        let mut table = table(&properties, layout);
        let chunk = table.chunk(&records(&[
            r#"{"id":"a","name":"A","_sdc_extracted_at":"x"}"#,
            r#"{"id":"b","integration_id":"undeclared","_sdc_deleted_at":"2026-01-02T00:00:00Z"}"#,
        ]));
        let chunk = chunk.unwrap();
        assert_eq!(shown(&chunk), [r#"{"integration_id":"a","name":"A"}"#, r#"{"integration_id":"b","name":null}"#]);
        assert_eq!(chunk.changes, [Change::Added, Change::Removed]);
    }

    #[test]
    fn columns_that_are_not_declared_are_left_out_where_the_protocol_says_so() {
        const STRICT: Conventions = Conventions { takes_undeclared: false, ..CONVENTIONS };
        let shown = |properties: &[(&str, Format)]| {
            let mut table = Table::new("s".to_owned(), &schema(properties), Layout::Mapped, &STRICT);
            shown(&table.chunk(&records(&[r#"{"id":1,"new":2}"#])).unwrap())
        };
        assert_eq!(shown(&[("id", Format::AsItIs)]), [r#"{"id":1}"#]);
        // A schema that declares nothing leaves out nothing.
        assert_eq!(shown(&[]), [r#"{"id":1,"new":2}"#]);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_rejected_alone() {
        let mut table = table(&[], Layout::Mapped);
        let chunk = table.chunk(&records(&[r#"{"id":1}"#, "[1]", r#"{"id":2,"id":3}"#, r#"{"id":4}"#])).unwrap();
        assert_eq!(shown(&chunk), [r#"{"id":1}"#, r#"{"id":4}"#]);
        assert_eq!(chunk.rejected.iter().map(|row| row.place).collect::<Vec<_>>(), [1, 2]);
        assert!(chunk.changes.is_empty());
    }
}
