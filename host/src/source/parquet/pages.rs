//! The pages of a Parquet file, each looked at before it is decoded: a page says how many values it has, and the decoder makes
//! room for them before it has seen one. Room that can't be had ends the process.

use std::sync::Arc;

use parquet::arrow::arrow_reader::RowGroups;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::whole::Whole;

/// Values of one page. Writers end a page after some ten thousand rows or a megabyte; a column of one value repeated may have a
/// whole row group in one.
const MOST_VALUES: u32 = 1 << 26;

/// All row groups of a file.
pub(super) struct Groups {
    file: Arc<Whole>,
    metadata: Arc<ParquetMetaData>,
}

impl Groups {
    pub(super) fn new(file: Whole, metadata: Arc<ParquetMetaData>) -> Self {
        Self { file: Arc::new(file), metadata }
    }
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.metadata.row_groups().iter().filter_map(|group| usize::try_from(group.num_rows()).ok()).sum()
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let (file, metadata) = (Arc::clone(&self.file), Arc::clone(&self.metadata));
        Ok(Box::new(Chunks { file, metadata, column, group: 0 }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// One column's chunks, a row group after the other.
struct Chunks {
    file: Arc<Whole>,
    metadata: Arc<ParquetMetaData>,
    column: usize,
    group: usize,
}

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.metadata.row_groups().get(self.group)?;
        self.group += 1;
        let Some(chunk) = group.columns().get(self.column) else {
            return Some(Err(ParquetError::General(format!("row group {} lacks a column", self.group))));
        };
        let rows = usize::try_from(group.num_rows()).map_err(|_| lies("a row group", group.num_rows(), "rows"));
        let pages = rows.and_then(|rows| SerializedPageReader::new(Arc::clone(&self.file), chunk, rows, None));
        Some(pages.map(|pages| Box::new(Checked(pages)) as Box<dyn PageReader>))
    }
}

impl PageIterator for Chunks {}

/// Pages that do not claim more than they can have.
struct Checked<P>(P);

impl<P: PageReader> PageReader for Checked<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.0.get_next_page()?;
        page.as_ref().map_or(Ok(()), check)?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.0.at_record_boundary()
    }
}

impl<P: PageReader> Iterator for Checked<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn check(page: &Page) -> Result<()> {
    match page {
        // A value of a dictionary takes a byte at least.
        Page::DictionaryPage { buf, num_values, .. }
            if usize::try_from(*num_values).is_ok_and(|it| it <= buf.len()) =>
        {
            Ok(())
        }
        Page::DictionaryPage { num_values, .. } => {
            Err(lies("a dictionary", num_values, "values, more than it has bytes"))
        }
        Page::DataPage { num_values, .. } | Page::DataPageV2 { num_values, .. } if *num_values <= MOST_VALUES => Ok(()),
        Page::DataPage { num_values, .. } | Page::DataPageV2 { num_values, .. } => {
            Err(lies("a page", num_values, "values"))
        }
    }
}

fn lies(what: &str, count: impl std::fmt::Display, of_what: &str) -> ParquetError {
    ParquetError::General(format!("{what} claims {count} {of_what}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use parquet::basic::Encoding;

    use super::*;

    fn data(num_values: u32) -> Page {
        let (def_level_encoding, rep_level_encoding) = (Encoding::RLE, Encoding::RLE);
        let (buf, encoding) = (vec![0; 8].into(), Encoding::PLAIN);
        Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics: None }
    }

    fn dictionary(num_values: u32) -> Page {
        Page::DictionaryPage { buf: vec![0; 8].into(), num_values, encoding: Encoding::PLAIN, is_sorted: false }
    }

    #[test]
    fn pages_claim_no_more_than_they_can_have() {
        check(&dictionary(8)).unwrap();
        check(&data(1_000_000)).unwrap();
        for (page, told) in [
            (dictionary(9), "a dictionary claims 9 values, more than it has bytes"),
            (dictionary(u32::MAX), "a dictionary claims 4294967295 values"),
            (data(u32::MAX), "a page claims 4294967295 values"),
        ] {
            let error = check(&page).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
