//! A Parquet file, read row group by row group: never more of it in memory than the pages that are being read.

mod delta;
mod int96;
mod pages;
mod whole;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Fields, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::Length;

use self::int96::Int96;
use self::pages::Groups;
use self::whole::Whole;
use super::chunks::Chunks;
use super::input::kind;
use super::input::meter::Meter;
use super::{Chunk, Source, SourceError, guarded};

/// The rows of a file.
pub(super) struct ParquetSource {
    name: String,
    reader: ParquetRecordBatchReader,
    /// The times of 96 bits once more, in microseconds, where there are some.
    coarse: Option<(Int96, ParquetRecordBatchReader)>,
    file: Arc<Whole>,
    progress: Progress,
    schema: SchemaRef,
    columns: Vec<String>,
    chunk_rows: usize,
    chunks: Option<Chunks>,
}

impl ParquetSource {
    /// The columns and their types.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Reads the schema.
    pub(super) fn open(path: &Path, file: File, meter: Arc<Meter>, chunk_rows: usize) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let file = Whole::new(file).map_err(|error| SourceError::unreadable(&name, &error))?;
        let head = file.head(kind::HEAD_BYTES).map_err(|error| SourceError::unreadable(&name, &error))?;
        kind::check(&name, &head, kind::Expected::Parquet, None)?;
        let file = Arc::new(file);
        let opened = guarded(&name, || ArrowReaderMetadata::load(&*file, ArrowReaderOptions::new()))?;
        let about = opened.map_err(|error| broken(&name, &error))?;
        let rows = u64::try_from(about.metadata().file_metadata().num_rows()).unwrap_or_default();
        let columns: Vec<String> = about.schema().fields().iter().map(|field| field.name().clone()).collect();
        super::distinct(&name, &columns)?;
        let read = |fields: &Fields, columns: ProjectionMask| {
            let built = guarded(&name, || reader(&file, &about, fields, columns, chunk_rows))?;
            built.map_err(|error| broken(&name, &error))
        };
        let fields = about.schema().fields();
        let (reader, coarse) = match Int96::of(about.parquet_schema()) {
            None => (read(fields, ProjectionMask::all())?, None),
            Some(times) => {
                let reader = read(&times.fields(fields, TimeUnit::Nanosecond), ProjectionMask::all())?;
                let roots = ProjectionMask::roots(about.parquet_schema(), times.roots.iter().copied());
                let coarse = read(&times.fields(fields, TimeUnit::Microsecond), roots)?;
                (reader, Some((times, coarse)))
            }
        };
        let progress = Progress { meter, bytes: file.len(), rows, read: 0, counted: 0 };
        let schema = Arc::clone(about.schema());
        Ok(Self { name, reader, coarse, file, progress, schema, columns, chunk_rows, chunks: None })
    }

    /// The next rows as the file cuts them.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let Some(rows) = guarded(&self.name, || self.reader.next())? else { return Ok(None) };
        let rows = rows.map_err(|error| broken(&self.name, &error))?;
        let Some((times, reader)) = &mut self.coarse else { return Ok(Some(rows)) };
        let coarse = match guarded(&self.name, || reader.next())? {
            Some(coarse) => coarse.map_err(|error| broken(&self.name, &error))?,
            None => return Err(broken(&self.name, &"its columns are not of one length")),
        };
        times.settle(&rows, &coarse).map(Some).map_err(|column| {
            let message = format!("the column {column:?} has times that can't be read without loss");
            SourceError::new(&self.name, message)
                .hint("they are INT96 times with nanoseconds, far from today and nested; write them as microseconds")
        })
    }
}

/// How much of a file has been read. Its bytes are read here and there: each row counts for its part of them.
struct Progress {
    meter: Arc<Meter>,
    bytes: u64,
    rows: u64,
    read: u64,
    counted: u64,
}

impl Progress {
    fn add(&mut self, rows: u64) {
        self.read += rows;
        let bytes = u128::from(self.bytes) * u128::from(self.read) / u128::from(self.rows.max(1));
        self.count_to(u64::try_from(bytes).unwrap_or(self.bytes));
    }

    fn end(&mut self) {
        self.count_to(self.bytes);
    }

    fn count_to(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.meter.add(bytes.saturating_sub(self.counted));
        self.counted = self.counted.max(bytes);
    }
}

/// Columns of all row groups, with the types that the writer gave them.
fn reader(
    file: &Arc<Whole>,
    about: &ArrowReaderMetadata,
    fields: &Fields,
    columns: ProjectionMask,
    chunk_rows: usize,
) -> ParquetResult<ParquetRecordBatchReader> {
    let levels = parquet_to_arrow_field_levels(about.parquet_schema(), columns, Some(fields))?;
    let groups = Groups::new(Arc::clone(file), Arc::clone(about.metadata()));
    ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, chunk_rows, None)
}

fn broken(name: &str, error: &impl std::fmt::Display) -> SourceError {
    SourceError::new(name, format!("is no Parquet file that can be read: {error}"))
        .hint("check that the file is complete: what describes it stands at its end")
}

impl Source for ParquetSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            if let Some(chunk) = self.chunks.as_mut().and_then(Chunks::next) {
                return chunk.map(|rows| Some(rows.into())).map_err(|error| broken(&self.name, &error));
            }
            let Some(batch) = self.next_batch()? else {
                self.progress.end();
                self.file.unchanged().map_err(|error| SourceError::unreadable(&self.name, &error))?;
                return Ok(None);
            };
            self.progress.add(batch.num_rows() as u64);
            self.chunks = Some(Chunks::of(batch, self.chunk_rows));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::{Seek, Write};

    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, Encoding};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use proptest::prelude::*;

    use super::*;

    fn rows() -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let names: ArrayRef = Arc::new(StringArray::from_iter((0..1000).map(|n| (n % 3 > 0).then(|| format!("n{n}")))));
        RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
    }

    fn written(compression: Compression) -> Vec<u8> {
        let properties =
            WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(300)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows().schema(), Some(properties)).unwrap();
        writer.write(&rows()).unwrap();
        writer.into_inner().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<RecordBatch>, SourceError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let meter = Meter::of_file(&file).unwrap();
        let mut source = ParquetSource::open(Path::new("rows.parquet"), file, Arc::clone(&meter), 256)?;
        let mut chunks = Vec::new();
        while let Some(chunk) = source.next_chunk()? {
            chunks.push(chunk.rows);
        }
        assert_eq!(meter.share(), Some(1.0));
        Ok(chunks)
    }

    #[test]
    fn every_usual_compression_is_read() {
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(Default::default()),
            Compression::BROTLI(Default::default()),
            Compression::LZ4_RAW,
            Compression::ZSTD(Default::default()),
        ] {
            let chunks = read(&written(compression)).unwrap();
            assert!(chunks.iter().all(|chunk| chunk.num_rows() <= 256));
            let all = arrow_select::concat::concat_batches(&rows().schema(), &chunks).unwrap();
            assert_eq!(all, rows(), "{compression:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_something_else_is_refused() {
        let whole = written(Compression::SNAPPY);
        for bytes in [&b""[..], &whole[..whole.len() - 1], &whole[..whole.len() / 2]] {
            let error = read(bytes).unwrap_err();
            assert!(error.to_string().contains("is no Parquet file that can be read"), "{error}");
            assert!(error.hint.is_some());
        }
        let error = read(b"id,name\n").unwrap_err();
        assert_eq!(error.to_string(), "rows.parquet: is a text, and a Parquet file is expected");
    }

    /// Times of 96 bits: the Julian day and the nanoseconds within it.
    fn int96(times: &[(u32, u64)], schema: &str) -> Vec<u8> {
        use parquet::data_type::{Int96, Int96Type};
        let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
        let mut writer = parquet::file::writer::SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<Int96> = times
            .iter()
            .map(|(day, nanoseconds)| {
                let half = |half: u64| u32::try_from(half & u64::from(u32::MAX)).unwrap();
                let words = [half(*nanoseconds), half(nanoseconds >> 32), *day];
                let mut value = Int96::new();
                value.set_data(words[0], words[1], words[2]);
                value
            })
            .collect();
        let levels = vec![0; times.len()];
        let nested = column.typed::<Int96Type>().get_descriptor().max_rep_level() > 0;
        let defined = vec![column.typed::<Int96Type>().get_descriptor().max_def_level(); times.len()];
        column.typed::<Int96Type>().write_batch(&values, Some(&defined), nested.then_some(&levels)).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    const FLAT: &str = "message m { optional int96 t; }";
    const NESTED: &str = "message m { optional group t (LIST) { repeated group list { optional int96 element; } } }";
    /// 1970-01-01 and 9999-12-31 as Julian days.
    const DAYS: [u32; 2] = [2_440_588, 5_373_484];

    #[test]
    fn times_of_96_bits_are_what_was_written() {
        let shown = |times: &[(u32, u64)], schema| {
            let rows = read(&int96(times, schema))?.remove(0);
            let (field, array) = (rows.schema().field(0).clone(), rows.column(0).clone());
            let mut json = String::new();
            (0..rows.num_rows())
                .for_each(|row| destination_engine::arrow::cell::push_json(&mut json, &field, &array, row).unwrap());
            Ok::<_, SourceError>(json)
        };
        let last = 86_399_999_999_999;
        for (times, expected) in [
            (vec![(DAYS[0], 1)], "\"1970-01-01T00:00:00.000000001Z\""),
            (vec![(DAYS[1], 0)], "\"9999-12-31T00:00:00Z\""),
            (
                vec![(DAYS[1], last - 999), (DAYS[0], 1_000)],
                "\"9999-12-31T23:59:59.999999Z\"\"1970-01-01T00:00:00.000001Z\"",
            ),
            // Nanoseconds that no 64 bits of them hold.
            (
                vec![(DAYS[1], last), (DAYS[0], 1)],
                "\"9999-12-31T23:59:59.999999999Z\"\"1970-01-01T00:00:00.000000001Z\"",
            ),
            (vec![(1_721_426, 7)], "\"0001-01-01T00:00:00.000000007Z\""),
        ] {
            assert_eq!(shown(&times, FLAT).unwrap(), expected);
        }
        assert_eq!(shown(&[(DAYS[1], 0)], NESTED).unwrap(), "[\"9999-12-31T00:00:00Z\"]");
        assert_eq!(shown(&[(DAYS[0], 1)], NESTED).unwrap(), "[\"1970-01-01T00:00:00.000000001Z\"]");
        // No Arrow type for these within a list, or of years of five digits: refused by name, not altered.
        for (day, schema) in [(DAYS[1], NESTED), (DAYS[1] + 1, FLAT)] {
            let error = shown(&[(day, 1)], schema).unwrap_err();
            assert!(
                error.to_string().contains("the column \"t\" has times that can't be read without loss"),
                "{error}"
            );
        }
    }

    /// Found by the fuzzer: 412 bytes that asked for 13 GB.
    #[test]
    fn a_dictionary_that_claims_more_values_than_it_has_bytes_is_refused() {
        let error = read(include_bytes!("../../../../tests/fuzz/corpus/parquet/dictionary-that-lies")).unwrap_err();
        assert!(error.to_string().contains("a dictionary claims 1623294214 values, more than it has bytes"), "{error}");
    }

    /// Found by the fuzzer: a run of lengths, within a page, that asked for 49 million GB.
    #[test]
    fn a_page_that_claims_more_lengths_than_it_can_have_is_refused() {
        let error = read(include_bytes!("../../../../tests/fuzz/corpus/parquet/lengths-that-lie")).unwrap_err();
        assert!(error.to_string().contains("a page claims 12384898975268863 lengths"), "{error}");
    }

    /// Found by the fuzzer: a page's description that tells to skip more than there is. It was skipped, billions of times nothing.
    #[test]
    fn what_is_beyond_the_end_is_not_skipped() {
        let error = read(include_bytes!("../../../../tests/fuzz/corpus/parquet/skips-beyond-its-end")).unwrap_err();
        assert!(error.to_string().contains("is no Parquet file that can be read"), "{error}");
    }

    proptest! {
        /// What looks into pages takes no sound one for a liar, whatever its encoding and its length.
        #[test]
        fn every_usual_encoding_is_read(count in 1_usize..700, step in 1_usize..9, second: bool) {
            use Encoding::{DELTA_BYTE_ARRAY, DELTA_LENGTH_BYTE_ARRAY, PLAIN};
            let texts = (0..count).map(|n| (n % step > 0 || step == 1).then(|| "x".repeat(n * step % 300)));
            let texts: ArrayRef = Arc::new(StringArray::from_iter(texts));
            let rows = RecordBatch::try_from_iter([("text", texts)]).unwrap();
            let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
            for encoding in [PLAIN, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY] {
                let properties = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding);
                let properties = properties.set_writer_version(version).set_data_page_row_count_limit(200).build();
                let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
                writer.write(&rows).unwrap();
                let chunks = read(&writer.into_inner().unwrap()).unwrap();
                prop_assert_eq!(arrow_select::concat::concat_batches(&rows.schema(), &chunks).unwrap(), rows.clone());
            }
        }

        /// Whatever a file holds, it is read or refused.
        #[test]
        fn damage_is_an_error_or_nothing(at: prop::sample::Index, byte: u8) {
            let mut bytes = written(Compression::ZSTD(Default::default()));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let read = std::panic::catch_unwind(|| read(&bytes).map(drop));
            // The share may be wrong where the file lies about its rows: that assertion is the test's own.
            prop_assert!(read.is_ok() || at >= bytes.len() / 2);
        }
    }
}
