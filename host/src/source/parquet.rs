//! A Parquet file, read row group by row group: never more of it in memory than the pages that are being read.

mod delta;
mod pages;
mod whole;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::Result as ParquetResult;

use self::pages::Groups;
use self::whole::Whole;
use super::chunks::Chunks;
use super::meter::Meter;
use super::{Source, SourceError, guarded};

/// The rows of a file.
pub(super) struct ParquetSource {
    name: String,
    reader: ParquetRecordBatchReader,
    meter: Arc<Meter>,
    columns: Vec<String>,
    chunk_rows: usize,
    chunks: Option<Chunks>,
}

impl ParquetSource {
    /// Reads the schema.
    pub(super) fn open(path: &Path, file: File, chunk_rows: usize) -> Result<(Self, Arc<Meter>), SourceError> {
        let name = path.display().to_string();
        let file = Whole::new(file).map_err(|error| SourceError::new(&name, format!("cannot be read: {error}")))?;
        let opened = guarded(&name, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?;
        let about = opened.map_err(|error| broken(&name, &error))?;
        let rows = u64::try_from(about.metadata().file_metadata().num_rows()).ok();
        let columns: Vec<String> = about.schema().fields().iter().map(|field| field.name().clone()).collect();
        super::distinct(&name, &columns)?;
        let built = guarded(&name, || reader(file, &about, chunk_rows))?;
        let reader = built.map_err(|error| broken(&name, &error))?;
        let meter = Arc::new(Meter::of(rows));
        Ok((Self { name, reader, meter: Arc::clone(&meter), columns, chunk_rows, chunks: None }, meter))
    }
}

/// All columns of all row groups, with the types that the writer gave them.
fn reader(file: Whole, about: &ArrowReaderMetadata, chunk_rows: usize) -> ParquetResult<ParquetRecordBatchReader> {
    let levels =
        parquet_to_arrow_field_levels(about.parquet_schema(), ProjectionMask::all(), Some(about.schema().fields()))?;
    let groups = Groups::new(file, Arc::clone(about.metadata()));
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

    fn next_chunk(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        loop {
            if let Some(chunk) = self.chunks.as_mut().and_then(Chunks::next) {
                return chunk.map(Some).map_err(|error| broken(&self.name, &error));
            }
            let reader = &mut self.reader;
            match guarded(&self.name, || reader.next())? {
                Some(batch) => {
                    let batch = batch.map_err(|error| broken(&self.name, &error))?;
                    self.meter.add(batch.num_rows() as u64);
                    self.chunks = Some(Chunks::of(batch, self.chunk_rows));
                }
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::{Seek, Write};

    use arrow::array::{ArrayRef, Int64Array, StringArray};
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
        let (mut source, meter) = ParquetSource::open(Path::new("rows.parquet"), file, 256)?;
        let mut chunks = Vec::new();
        while let Some(chunk) = source.next_chunk()? {
            chunks.push(chunk);
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
            let all = arrow::compute::concat_batches(&rows().schema(), &chunks).unwrap();
            assert_eq!(all, rows(), "{compression:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_something_else_is_refused() {
        let whole = written(Compression::SNAPPY);
        for bytes in [&b""[..], b"id,name\n", &whole[..whole.len() - 1], &whole[..whole.len() / 2]] {
            let error = read(bytes).unwrap_err();
            assert!(error.to_string().contains("is no Parquet file that can be read"), "{error}");
            assert!(error.hint.is_some());
        }
    }

    /// Found by the fuzzer: 412 bytes that asked for 13 GB.
    #[test]
    fn a_dictionary_that_claims_more_values_than_it_has_bytes_is_refused() {
        let error = read(include_bytes!("../../../tests/fuzz/corpus/parquet/dictionary-that-lies")).unwrap_err();
        assert!(error.to_string().contains("a dictionary claims 1623294214 values, more than it has bytes"), "{error}");
    }

    /// Found by the fuzzer: a run of lengths, within a page, that asked for 49 million GB.
    #[test]
    fn a_page_that_claims_more_lengths_than_it_can_have_is_refused() {
        let error = read(include_bytes!("../../../tests/fuzz/corpus/parquet/lengths-that-lie")).unwrap_err();
        assert!(error.to_string().contains("a page claims 12384898975268863 lengths"), "{error}");
    }

    /// Found by the fuzzer: a page's description that tells to skip more than there is. It was skipped, billions of times nothing.
    #[test]
    fn what_is_beyond_the_end_is_not_skipped() {
        let error = read(include_bytes!("../../../tests/fuzz/corpus/parquet/skips-beyond-its-end")).unwrap_err();
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
                prop_assert_eq!(arrow::compute::concat_batches(&rows.schema(), &chunks).unwrap(), rows.clone());
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
