//! Several files as one source: one after the other, with one schema.
//!
//! The schemas of all files are compared before the first row is handed out: a file that does not belong is told before anything
//! is sent. Columns are compared by their names; in which order they stand does not matter.

use std::sync::Arc;

use crate::file::Wanted;
use arrow_schema::{DataType, SchemaRef};

use super::chunks::unpacked;
use super::input::files::{FileSet, Listed};
use super::input::meter::Meter;
use super::input::open_file;
use super::layout::{Layout, Opened};
use super::{Chunk, Source, SourceError};

/// The rows of several files.
pub(super) struct Parts {
    set: FileSet,
    layout: Layout,
    meter: Arc<Meter>,
    chunk_rows: usize,
    columns: Vec<String>,
    /// The schema of the first file, and its name.
    schema: Option<(SchemaRef, String)>,
    /// The file that is being read.
    current: Option<Box<dyn Source>>,
    /// How many files have been opened.
    opened: usize,
}

impl Parts {
    /// Opens the first file and looks at the others.
    pub(super) fn open(
        set: FileSet,
        layout: Layout,
        meter: Arc<Meter>,
        chunk_rows: usize,
    ) -> Result<Self, SourceError> {
        let (schema, columns, current) = (None, Vec::new(), None);
        let mut parts = Self { set, layout, meter, chunk_rows, columns, schema, current, opened: 0 };
        parts.open_next()?;
        for file in parts.set.files().iter().skip(1) {
            parts.compare(file, parts.layout.schema(&file.path)?.as_ref())?;
        }
        Ok(parts)
    }

    /// Opens the next file; `false` where there is none.
    fn open_next(&mut self) -> Result<bool, SourceError> {
        let Some(file) = self.set.files().get(self.opened) else { return Ok(false) };
        let opened = open_file(&file.path, Wanted::Regular).map_err(|error| SourceError { absent: false, ..error })?;
        file.is_still(&opened)?;
        let Opened { source, schema } = self.layout.read_file(&file.path, opened, &self.meter, self.chunk_rows)?;
        self.compare(file, schema.as_ref())?;
        if self.schema.is_none() {
            self.schema = schema.map(|schema| (schema, file.path.display().to_string()));
        }
        self.current = Some(source);
        self.opened += 1;
        self.learn_columns();
        Ok(true)
    }

    /// A file whose rows name their own columns has those of the files before it too.
    fn learn_columns(&mut self) {
        let Some(current) = &self.current else { return };
        if current.columns().len() > self.columns.len() || self.columns.is_empty() {
            self.columns = current.columns().to_vec();
        }
        if let Layout::Ndjson { columns, .. } = &mut self.layout {
            columns.clone_from(&self.columns);
        }
    }

    /// Fails where a file has other columns than the first.
    fn compare(&self, file: &Listed, schema: Option<&SchemaRef>) -> Result<(), SourceError> {
        let (Some((first, name)), Some(schema)) = (&self.schema, schema) else { return Ok(()) };
        let Some(difference) = difference(first, schema, name) else { return Ok(()) };
        Err(SourceError::new(&file.path.display().to_string(), difference).hint(
            "all files of a source have the same columns with the same types; name the others in a sync of their own",
        ))
    }
}

impl Source for Parts {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            let Some(current) = &mut self.current else { return Ok(None) };
            if let Some(mut chunk) = current.next_chunk()? {
                self.learn_columns();
                for row in &mut chunk.rejected {
                    let file = self.opened.checked_sub(1).and_then(|at| self.set.files().get(at));
                    row.message
                        .insert_str(0, &file.map_or_else(String::new, |file| format!("{}, ", file.path.display())));
                }
                return Ok(Some(chunk));
            }
            if !self.open_next()? {
                self.current = None;
                self.set.unchanged()?;
                return Ok(None);
            }
        }
    }
}

/// How a file's columns differ from the first one's.
fn difference(first: &SchemaRef, schema: &SchemaRef, first_name: &str) -> Option<String> {
    for field in first.fields() {
        let name = field.name();
        let Some((_, own)) = schema.column_with_name(name) else {
            return Some(format!("has no column {name:?}, which {first_name} has"));
        };
        if !same(field.data_type(), own.data_type()) {
            let (own, other) = (own.data_type(), field.data_type());
            return Some(format!("has the column {name:?} as {own}, and {first_name} has it as {other}"));
        }
    }
    let more = schema.fields().iter().find(|field| first.column_with_name(field.name()).is_none())?;
    Some(format!("has a column {:?}, which {first_name} does not have", more.name()))
}

/// Whether values of these types are the same ones, however they lie in memory. A column of nulls alone says nothing of its type.
fn same(a: &DataType, b: &DataType) -> bool {
    let plain = |data_type: &DataType| match unpacked(data_type).unwrap_or_else(|| data_type.clone()) {
        DataType::LargeUtf8 => DataType::Utf8,
        DataType::LargeBinary => DataType::Binary,
        other => other,
    };
    let (a, b) = (plain(a), plain(b));
    a == b || a == DataType::Null || b == DataType::Null
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use std::fs;
    use std::path::Path;

    use arrow_array::cast::AsArray;
    use arrow_array::{ArrayRef, Int64Array, NullArray, RecordBatch, StringArray};

    use crate::source::{Source, SourceError, open};
    use crate::sync_file::{CsvDialect, Input, OnError, SourceSpec};

    fn csv(folder: &Path) -> SourceSpec {
        let input = Input::File(folder.to_owned());
        SourceSpec::Csv { input, dialect: CsvDialect::default(), on_error: OnError::Stop }
    }

    fn texts(source: &mut dyn Source, column: &str) -> Result<Vec<String>, SourceError> {
        let mut all = Vec::new();
        while let Some(chunk) = source.next_chunk()? {
            let values = chunk.rows.column_by_name(column).unwrap().as_string::<i32>();
            all.extend(values.iter().flatten().map(str::to_owned));
        }
        assert!(source.next_chunk()?.is_none(), "the end stays the end");
        Ok(all)
    }

    #[test]
    fn files_are_one_table_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        file("b.csv", "id,n\n3,z\n");
        file("a.csv", "id,n\n1,x\n2,y\n");
        // Another order of columns is no other schema; a file without rows has one too.
        file("c.csv", "n,id\n");
        file("d.csv", "n,id\nw,4\n");
        let (mut source, meter) = open(&csv(folder.path()), &[], 1).unwrap();
        assert_eq!(meter.share().map(|share| share < 1.0), Some(true));
        assert_eq!(source.columns(), ["id", "n"]);
        assert_eq!(texts(&mut *source, "id").unwrap(), ["1", "2", "3", "4"]);
        assert_eq!(meter.share(), Some(1.0));
    }

    #[test]
    fn rejected_rows_and_errors_name_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        file("a.csv", "id\n1");
        file("b.csv", "id\n2\n3,4\n");
        let (mut source, _) = open(&csv(folder.path()), &[], 100).unwrap();
        let rejected = source.next_chunk().unwrap().unwrap().rejected;
        let message = &rejected.first().unwrap().message;
        assert!(message.contains("a.csv, line 2: the file ends without a line break"), "{message}");
        let error = source.next_chunk().unwrap_err().to_string();
        assert!(error.ends_with("b.csv, line 3: has 2 fields where there are 1 columns"), "{error}");
    }

    #[test]
    fn a_file_with_other_columns_is_named_before_the_first_row() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        file("a.csv", "id,n\n1,x\n");
        for (text, said) in [
            ("id\n1\n", "b.csv: has no column \"n\", which "),
            ("id,n,m\n1,x,y\n", "b.csv: has a column \"m\", which "),
            ("", "b.csv: is empty: not even a header line names the columns"),
            ("<html>", "b.csv: is an HTML page, and CSV is expected"),
        ] {
            file("b.csv", text);
            let error = open(&csv(folder.path()), &[], 100).err().unwrap();
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.hint.is_some());
        }
    }

    /// Nothing of such an input may count as its end.
    #[test]
    fn files_that_change_while_they_are_read_are_no_end() {
        type Change = fn(&Path);
        let changes: [(Change, &str); 5] = [
            (|folder| fs::remove_file(folder.join("b.csv")).unwrap(), "b.csv: is not there"),
            (|folder| fs::write(folder.join("b.csv"), "id\n2\n3\n").unwrap(), "b.csv: changed since the run began"),
            (|folder| fs::write(folder.join("a.csv"), "id\n1\n9\n").unwrap(), "a.csv: changed after it was read"),
            (
                |folder| fs::write(folder.join("c.csv"), "id\n9\n").unwrap(),
                "c.csv: was added while the files were read",
            ),
            (
                |folder| {
                    fs::write(folder.join("new"), "id\n2\n").unwrap();
                    fs::rename(folder.join("new"), folder.join("b.csv")).unwrap();
                },
                "b.csv: changed since the run began",
            ),
        ];
        for (change, said) in changes {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("a.csv"), "id\n1\n").unwrap();
            fs::write(folder.path().join("b.csv"), "id\n2\n").unwrap();
            let (mut source, _) = open(&csv(folder.path()), &[], 100).unwrap();
            assert_eq!(source.next_chunk().unwrap().unwrap().len(), 1);
            change(folder.path());
            let error = texts(&mut *source, "id").unwrap_err();
            assert!(error.to_string().ends_with(said), "{error}");
            assert!(!error.absent, "the run had begun");
        }
    }

    #[test]
    fn keys_of_one_file_are_columns_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "{\"id\":\"1\",\"n\":1}\n").unwrap();
        fs::write(folder.path().join("b"), "{\"id\":\"2\",\"m\":1}\n").unwrap();
        let input = Input::File(folder.path().to_owned());
        let spec = SourceSpec::Ndjson { input, columns: Vec::new(), on_error: OnError::Stop };
        let (mut source, _) = open(&spec, &[], 100).unwrap();
        assert_eq!(texts(&mut *source, "id").unwrap(), ["1", "2"]);
        assert_eq!(source.columns(), ["id", "n", "m"]);
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn types_of_parquet_files_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, values: ArrayRef| {
            let rows = RecordBatch::try_from_iter_with_nullable([("n", values, true)]).unwrap();
            let file = fs::File::create(folder.path().join(name)).unwrap();
            let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
            writer.write(&rows).unwrap();
            writer.close().unwrap();
        };
        let spec = SourceSpec::Parquet { input: Input::File(folder.path().to_owned()) };
        write("a", std::sync::Arc::new(Int64Array::from(vec![1, 2])));
        write("b", std::sync::Arc::new(NullArray::new(2)));
        let (mut source, meter) = open(&spec, &[], 100).unwrap();
        let mut rows = 0;
        while let Some(chunk) = source.next_chunk().unwrap() {
            rows += chunk.len();
        }
        assert_eq!((rows, meter.share()), (4, Some(1.0)));
        write("b", std::sync::Arc::new(StringArray::from(vec!["1", "2"])));
        let Err(error) = open(&spec, &[], 100) else { panic!("two types") };
        assert!(error.to_string().contains("b: has the column \"n\" as Utf8, and "), "{error}");
        assert!(error.to_string().ends_with("a has it as Int64"), "{error}");
    }
}
