//! A Parquet file that is not read beyond its end. The decoder may be told to skip any number of things that are not there, and
//! at the end of a file skips them one after the other, for days; and makes room for as many bytes as it is told of.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::source::input::meter::Watched;

/// A file to read chunks of.
pub(super) struct Whole {
    file: File,
    length: u64,
    watched: Option<Watched>,
}

impl Whole {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let watched = Watched::new(file.try_clone()?)?;
        Ok(Self { file, length, watched })
    }

    /// Fails where the file changed since it was opened.
    pub(super) fn unchanged(&self) -> io::Result<()> {
        self.watched.as_ref().map_or(Ok(()), Watched::unchanged)
    }

    /// The first bytes.
    pub(super) fn head(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.from(0)?.take(most as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    fn from(&self, start: u64) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }
}

impl Length for Whole {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Whole {
    type T = BufReader<Strict<File>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(Strict(self.from(start)?)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} in a file of {} bytes", self.length)));
        }
        let mut bytes = vec![0; length];
        self.from(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A reader whose end is an error.
pub(super) struct Strict<R>(R);

impl<R: Read> Read for Strict<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 if !into.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_read_to_its_end_and_no_further() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"PAR1 and more").unwrap();
        let whole = Whole::new(file).unwrap();
        assert_eq!(whole.len(), 13);
        assert_eq!(whole.get_bytes(5, 8).unwrap(), "and more");
        let mut read = whole.get_read(9).unwrap();
        let mut last = [0; 4];
        read.read_exact(&mut last).unwrap();
        assert_eq!(&last, b"more");
        assert_eq!(read.read(&mut last).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        for (start, length) in [(5, 9), (14, 0), (0, usize::MAX), (u64::MAX, 1)] {
            let error = whole.get_bytes(start, length).unwrap_err().to_string();
            assert!(error.contains("in a file of 13 bytes"), "{error}");
        }
    }
}
