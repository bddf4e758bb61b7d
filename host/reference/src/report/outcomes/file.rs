//! A file of outcomes: its format, told from its name, and how it is made of the lines of a run.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::line::Lines;

/// What a file of outcomes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A Parquet file.
    Parquet,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
}

/// Where the outcomes of a run go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeFile {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

impl OutcomeFile {
    /// A file whose name says what it holds.
    ///
    /// # Errors
    /// Where it says nothing that is known, in words.
    pub fn new(path: &Path) -> Result<Self, String> {
        let format = match path.extension().and_then(OsStr::to_str) {
            Some("parquet") if cfg!(feature = "parquet") => Format::Parquet,
            Some("parquet") => return Err("this build of the host leaves Parquet out".to_owned()),
            Some("ndjson") => Format::Ndjson,
            Some("csv") => Format::Csv,
            _ => return Err("the file's name must end in .parquet, .ndjson or .csv".to_owned()),
        };
        Ok(Self { path: path.to_owned(), format })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the same form elsewhere.
    #[must_use]
    pub fn at(&self, path: PathBuf) -> Self {
        Self { path, format: self.format }
    }
}

/// Lines as CSV.
pub(super) fn write_csv(mut lines: Lines, file: &mut File) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(io::BufWriter::new(file));
    writer.write_record(super::batches::schema().fields().iter().map(|field| field.name()))?;
    while let Some(line) = lines.next()? {
        writer.serialize(line)?;
    }
    writer.flush()
}

/// Lines as a Parquet file.
#[cfg(feature = "parquet")]
pub(super) fn write_parquet(lines: Lines, file: &mut File) -> io::Result<()> {
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use super::batches::{Batches, schema};

    /// Rows of a group: what a reader skips at a time.
    const GROUP_ROWS: usize = 128 << 10;
    /// Bytes of a group, which are in memory until it is whole.
    const GROUP_BYTES: usize = 16 << 20;

    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build();
    let mut writer = ArrowWriter::try_new(file, schema(), Some(properties))?;
    for batch in Batches::new(lines) {
        writer.write(&batch.map_err(io::Error::other)?)?;
    }
    writer.close()?;
    Ok(())
}

#[cfg(not(feature = "parquet"))]
pub(super) fn write_parquet(_: Lines, _: &mut File) -> io::Result<()> {
    Err(io::Error::other("this build of the host leaves Parquet out"))
}
