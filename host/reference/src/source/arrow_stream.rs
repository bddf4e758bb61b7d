//! An Arrow IPC stream, or the stream within an Arrow file (Feather 2).
//!
//! The messages are cut out of the stream here and decoded by the `arrow` crate. Two things are why it is done here: a
//! stream that breaks off between two messages is not one that ended, so the end mark, which the format leaves optional,
//! must be there; and no length that a stream claims is believed before as many bytes have come.

mod claims;

use std::io::{self, BufReader, Read};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::root_as_message;
use arrow_schema::SchemaRef;

use super::chunks::Chunks;
use super::{Chunk, READ_BYTES, Source, SourceError, guarded};

/// What an Arrow file begins with. The stream comes next, at a multiple of eight bytes or of what the writer chose.
const FILE_MARK: &[u8; 8] = b"ARROW1\0\0";
/// Bytes that a writer may fill up the mark with.
const MOST_FILLING: usize = 512;
/// What comes before the length of a message.
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// The description of a batch: a few hundred bytes a column.
const MOST_DESCRIPTION: u64 = 16 << 20;
/// The rows of a batch. Writers make them of some megabytes.
const MOST_BODY: u64 = 1 << 30;

/// A stream of record batches.
pub(super) struct ArrowSource<R> {
    name: String,
    input: BufReader<R>,
    decoder: StreamDecoder,
    columns: Vec<String>,
    chunk_rows: usize,
    chunks: Option<Chunks>,
    ended: bool,
}

impl<R: Read> ArrowSource<R> {
    /// Reads as far as the schema.
    pub(super) fn open(name: String, input: R, chunk_rows: usize) -> Result<Self, SourceError> {
        let input = BufReader::with_capacity(READ_BYTES, input);
        let decoder = StreamDecoder::new();
        let mut source = Self { name, input, decoder, columns: Vec::new(), chunk_rows, chunks: None, ended: false };
        let mut start = source.word()?;
        if start == FILE_MARK[..4] {
            start = source.skip_file_mark()?;
        }
        let mut head = Some(start);
        // The decoder tells the schema once it has seen what comes after it.
        while source.decoder.schema().is_none() && !source.ended {
            if let Some(batch) = source.message(head.take())? {
                source.chunks = Some(Chunks::of(batch, source.chunk_rows));
            }
        }
        let Some(schema) = source.decoder.schema() else {
            return Err(source.broken("it has no schema"));
        };
        source.columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        super::distinct(&source.name, &source.columns)?;
        Ok(source)
    }

    /// The columns and their types.
    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.decoder.schema()
    }

    /// Reads the rest of an Arrow file's mark and what fills it up, and returns what comes next.
    fn skip_file_mark(&mut self) -> Result<[u8; 4], SourceError> {
        if self.word()? != FILE_MARK[4..] {
            return Err(self.broken("it begins like an Arrow file and is none"));
        }
        for _ in 0..MOST_FILLING / 4 {
            let word = self.word()?;
            if word != [0; 4] {
                return Ok(word);
            }
        }
        Err(self.broken("it has no schema"))
    }

    /// Reads a message. The batch that it brings, if it brings one. `head`: its first four bytes, where they were read.
    fn message(&mut self, head: Option<[u8; 4]>) -> Result<Option<RecordBatch>, SourceError> {
        let mut bytes = Vec::new();
        let mut word = head.map_or_else(|| self.word(), Ok)?;
        bytes.extend(word);
        if word == CONTINUATION {
            word = self.word()?;
            bytes.extend(word);
        }
        let length = u64::from(u32::from_le_bytes(word));
        if length == 0 {
            self.ended = true;
        } else {
            if length > MOST_DESCRIPTION {
                return Err(self.broken(&format!("a message claims a description of {length} bytes")));
            }
            let mut description = Vec::new();
            self.append(&mut description, length)?;
            bytes.extend_from_slice(&description);
            let message = root_as_message(&description).map_err(|error| self.broken(&error.to_string()))?;
            let start = bytes.len();
            match u64::try_from(message.bodyLength()) {
                Ok(length) if length <= MOST_BODY => self.append(&mut bytes, length)?,
                _ => return Err(self.broken(&format!("a message claims {} bytes of values", message.bodyLength()))),
            }
            let body = bytes.get(start..).unwrap_or_default();
            claims::check(message, body).map_err(|error| self.broken(&error))?;
        }
        let mut buffer = Buffer::from_vec(bytes);
        let mut batch = None;
        while !buffer.is_empty() {
            // One message brings one batch at most.
            let decoder = &mut self.decoder;
            let decoded = guarded(&self.name, || decoder.decode(&mut buffer))?;
            batch = decoded.map_err(|error| self.broken(&error.to_string()))?.or(batch);
        }
        if self.ended {
            self.decoder.finish().map_err(|error| self.broken(&error.to_string()))?;
        }
        Ok(batch)
    }

    fn word(&mut self) -> Result<[u8; 4], SourceError> {
        let mut word = [0; 4];
        self.fill(&mut word, "a message or the end mark")?;
        Ok(word)
    }

    fn fill(&mut self, into: &mut [u8], expected: &str) -> Result<(), SourceError> {
        match self.input.read_exact(into) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.cut_short(expected)),
            Err(error) => Err(SourceError::unreadable(&self.name, &error)),
        }
    }

    /// Adds so many bytes. Memory grows with those that come, not with those that were claimed.
    fn append(&mut self, bytes: &mut Vec<u8>, length: u64) -> Result<(), SourceError> {
        let read = self.input.by_ref().take(length).read_to_end(bytes);
        match read {
            Ok(read) if read as u64 == length => Ok(()),
            Ok(_) => Err(self.cut_short("the rest of a message")),
            Err(error) => Err(SourceError::unreadable(&self.name, &error)),
        }
    }

    fn cut_short(&self, expected: &str) -> SourceError {
        SourceError::new(&self.name, format!("the Arrow stream ends where {expected} is expected"))
            .hint("what wrote it may have failed halfway; a whole stream ends with the mark FF FF FF FF 00 00 00 00")
    }

    fn broken(&self, message: &str) -> SourceError {
        SourceError::new(&self.name, format!("is no Arrow stream that can be read: {message}"))
            .hint("write an IPC stream or an Arrow file (pyarrow: new_stream or new_file)")
    }
}

impl<R: Read + Send> Source for ArrowSource<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            match self.chunks.as_mut().and_then(Chunks::next) {
                Some(chunk) => {
                    return chunk.map(|rows| Some(rows.into())).map_err(|error| self.broken(&error.to_string()));
                }
                None if self.ended => return Ok(None),
                None => {
                    self.chunks = self.message(None)?.map(|batch| Chunks::of(batch, self.chunk_rows));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, NullArray, StringArray};
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    use arrow_schema::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    fn batch(from: i32) -> RecordBatch {
        // Values whose bytes are those of the end mark: only where they stand tells them apart.
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![from, -1, 0]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("")]));
        RecordBatch::try_from_iter([("t", texts), ("n", numbers)]).unwrap()
    }

    fn stream(options: IpcWriteOptions) -> Vec<u8> {
        let schema = batch(0).schema();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
        (1..=2).for_each(|from| writer.write(&batch(from)).unwrap());
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    fn file() -> Vec<u8> {
        let mut writer = FileWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
        (1..=2).for_each(|from| writer.write(&batch(from)).unwrap());
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<RecordBatch>, SourceError> {
        let mut source = ArrowSource::open("rows".to_owned(), bytes, 100)?;
        assert_eq!(source.columns(), ["t", "n"]);
        let mut chunks = Vec::new();
        while let Some(chunk) = source.next_chunk()? {
            chunks.push(chunk.rows);
        }
        assert!(source.next_chunk().unwrap().is_none());
        Ok(chunks)
    }

    #[test]
    fn streams_and_files_are_read_compressed_or_not() {
        let expected = [batch(1), batch(2)];
        assert_eq!(read(&stream(IpcWriteOptions::default())).unwrap(), expected);
        for compression in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
            let options = IpcWriteOptions::default().try_with_compression(Some(compression)).unwrap();
            assert_eq!(read(&stream(options)).unwrap(), expected);
        }
        assert_eq!(read(&file()).unwrap(), expected);
    }

    #[test]
    fn a_stream_without_rows_has_its_columns() {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
        writer.finish().unwrap();
        assert_eq!(read(&writer.into_inner().unwrap()).unwrap(), []);
    }

    #[test]
    fn a_stream_that_breaks_off_anywhere_has_not_ended() {
        let whole = stream(IpcWriteOptions::default());
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(error.to_string().contains("the Arrow stream ends where"), "{length}: {error}");
        }
    }

    #[test]
    fn what_is_no_stream_is_said() {
        for bytes in [&b"id,name\n1,x\n"[..], b"{\"id\":1}\n", &[0; 64], b"PAR1\x15\x04\x15\x10"] {
            let error = read(bytes).unwrap_err();
            assert!(error.to_string().contains("Arrow stream"), "{error}");
        }
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut whole = stream(IpcWriteOptions::default());
        whole[4..8].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
        let error = read(&whole).unwrap_err();
        assert!(error.to_string().contains("claims a description of 2147483647 bytes"), "{error}");
    }

    /// Each buffer of a compressed batch claims how long it is unpacked: room for it was made before a byte was looked at, and
    /// the process ended where there was none.
    #[test]
    fn unpacked_lengths_are_not_believed() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1; 1000]));
        let rows = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        for compression in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
            let options = IpcWriteOptions::default().try_with_compression(Some(compression)).unwrap();
            let mut writer = StreamWriter::try_new_with_options(Vec::new(), &rows.schema(), options).unwrap();
            writer.write(&rows).unwrap();
            writer.finish().unwrap();
            let whole = writer.into_inner().unwrap();
            let at = whole.windows(8).position(|window| window == 4000_u64.to_le_bytes()).unwrap();
            for (claim, told) in [
                (17_592_186_073_343, "a batch claims 17592186073343 bytes of values once they are unpacked"),
                (i64::MAX, "bytes of values once they are unpacked"),
                (-2, "a batch claims values of a negative length"),
                (4001, "4001"),
            ] {
                let mut bytes = whole.clone();
                bytes[at..at + 8].copy_from_slice(&i64::to_le_bytes(claim));
                let read = ArrowSource::open("rows".to_owned(), bytes.as_slice(), 100).map(drop);
                let error = read.unwrap_err().to_string();
                assert!(error.contains(told), "{compression:?}: {error}");
            }
        }
    }

    #[test]
    fn numbers_of_rows_are_not_believed() {
        let schema =
            Arc::new(Schema::new(vec![Field::new("t", DataType::Null, true), Field::new("n", DataType::Null, true)]));
        let columns: Vec<ArrayRef> = vec![Arc::new(NullArray::new(7_777)), Arc::new(NullArray::new(7_777))];
        let rows = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        let mut bytes = writer.into_inner().unwrap();
        for at in 0..bytes.len() - 8 {
            if bytes[at..at + 8] == 7_777_u64.to_le_bytes() {
                bytes[at..at + 8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
            }
        }
        let error = read(&bytes).unwrap_err();
        assert!(error.to_string().contains("a batch claims 1152921504606846976 rows"), "{error}");
    }

    proptest! {
        /// Whatever comes is read or refused; it never panics.
        #[test]
        fn damage_is_an_error_or_nothing(at in 0usize..2000, byte: u8) {
            let mut bytes = stream(IpcWriteOptions::default());
            let at = at % bytes.len();
            bytes[at] = byte;
            let read = std::panic::catch_unwind(|| {
                let mut source = ArrowSource::open("rows".to_owned(), bytes.as_slice(), 100)?;
                while source.next_chunk()?.is_some() {}
                Ok::<_, SourceError>(())
            });
            prop_assert!(read.is_ok());
        }
    }
}
