//! The pages of a Parquet file, each looked at before it is decoded: a page says how many values it has, and the decoder makes
//! room for them before it has seen one. Room that can't be had ends the process.

use std::sync::Arc;

use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::delta;
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
    pub(super) fn new(file: Arc<Whole>, metadata: Arc<ParquetMetaData>) -> Self {
        Self { file, metadata }
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
        let (repeated, defined) = (chunk.column_descr().max_rep_level() > 0, chunk.column_descr().max_def_level() > 0);
        let levels = usize::from(repeated) + usize::from(defined);
        Some(pages.map(|pages| Box::new(Checked { pages, levels }) as Box<dyn PageReader>))
    }
}

impl PageIterator for Chunks {}

/// Pages that do not claim more than they can have.
struct Checked<P> {
    pages: P,
    /// How many kinds of levels (repetition, definition) stand before the values of a page.
    levels: usize,
}

impl<P: PageReader> PageReader for Checked<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.as_ref().map_or(Ok(()), |page| check(page, self.levels))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl<P: PageReader> Iterator for Checked<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn check(page: &Page, levels: usize) -> Result<()> {
    match page {
        // A value of a dictionary takes a byte at least.
        Page::DictionaryPage { buf, num_values, .. } => match usize::try_from(*num_values) {
            Ok(count) if count <= buf.len() => Ok(()),
            _ => Err(lies("a dictionary", num_values, "values, more than it has bytes")),
        },
        Page::DataPage { num_values, .. } | Page::DataPageV2 { num_values, .. } if *num_values > MOST_VALUES => {
            Err(lies("a page", num_values, "values"))
        }
        Page::DataPage { buf, encoding, def_level_encoding, .. } => match values(buf, levels, *def_level_encoding) {
            Some(values) => check_lengths(values, *encoding),
            None => Ok(()),
        },
        Page::DataPageV2 { buf, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = def_levels_byte_len.checked_add(*rep_levels_byte_len).and_then(|it| usize::try_from(it).ok());
            levels.and_then(|levels| buf.get(levels..)).map_or(Ok(()), |values| check_lengths(values, *encoding))
        }
    }
}

/// A page's values, after its levels: each kind with its length in four bytes before it. None where they are not to be found, which
/// the decoder says better, or are packed as they were before 2013.
fn values(page: &[u8], levels: usize, encoding: Encoding) -> Option<&[u8]> {
    if levels > 0 && encoding != Encoding::RLE {
        return None;
    }
    (0..levels).try_fold(page, |page, _| {
        let (length, rest) = page.split_first_chunk()?;
        rest.get(usize::try_from(u32::from_le_bytes(*length)).ok()?..)
    })
}

/// The lengths of texts are runs of their own: one, or where each text begins like the one before it, two.
fn check_lengths(values: &[u8], encoding: Encoding) -> Result<()> {
    let runs = match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Ok(()),
    };
    let mut rest = values;
    for _ in 0..runs {
        let Some((count, after)) = delta::run(rest, MOST_VALUES.into()) else { return Ok(()) };
        if count > u64::from(MOST_VALUES) {
            return Err(lies("a page", count, "lengths"));
        }
        rest = after;
    }
    Ok(())
}

fn lies(what: &str, count: impl std::fmt::Display, of_what: &str) -> ParquetError {
    ParquetError::General(format!("{what} claims {count} {of_what}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    /// A run of so many lengths, as far as it is read before it is refused.
    fn claim(count: u64) -> Vec<u8> {
        let mut run = vec![0x80, 0x01, 4];
        let mut left = count;
        while left >= 0x80 {
            run.push(u8::try_from(left & 0x7F).unwrap() | 0x80);
            left >>= 7;
        }
        run.extend([u8::try_from(left).unwrap(), 0]);
        run
    }

    fn data(num_values: u32, encoding: Encoding, buf: Vec<u8>) -> Page {
        let (def_level_encoding, rep_level_encoding) = (Encoding::RLE, Encoding::RLE);
        Page::DataPage {
            buf: buf.into(),
            num_values,
            encoding,
            def_level_encoding,
            rep_level_encoding,
            statistics: None,
        }
    }

    fn data_v2(encoding: Encoding, levels: u32, buf: Vec<u8>) -> Page {
        let (def_levels_byte_len, rep_levels_byte_len, num_nulls, num_rows) = (levels, 0, 0, 1);
        let (buf, num_values, is_compressed, statistics) = (buf.into(), 1, false, None);
        Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls,
            num_rows,
            def_levels_byte_len,
            rep_levels_byte_len,
            is_compressed,
            statistics,
        }
    }

    fn dictionary(num_values: u32) -> Page {
        Page::DictionaryPage { buf: vec![0; 8].into(), num_values, encoding: Encoding::PLAIN, is_sorted: false }
    }

    #[test]
    fn pages_claim_no_more_than_they_can_have() {
        use Encoding::{DELTA_BYTE_ARRAY, DELTA_LENGTH_BYTE_ARRAY, PLAIN};
        let huge = claim(1 << 53);
        let one = claim(1);
        let leveled = [&2_u32.to_le_bytes()[..], &[0, 0], &huge].concat();
        for page in [
            dictionary(8),
            data(1_000_000, PLAIN, huge.clone()),
            data(1, DELTA_BYTE_ARRAY, [one.clone(), one.clone()].concat()),
        ] {
            check(&page, 0).unwrap();
        }
        for (page, levels, told) in [
            (dictionary(9), 0, "a dictionary claims 9 values, more than it has bytes"),
            (dictionary(u32::MAX), 0, "a dictionary claims 4294967295 values"),
            (data(u32::MAX, PLAIN, Vec::new()), 0, "a page claims 4294967295 values"),
            (data(1, DELTA_LENGTH_BYTE_ARRAY, huge.clone()), 0, "a page claims 9007199254740992 lengths"),
            (data(1, DELTA_LENGTH_BYTE_ARRAY, leveled), 1, "a page claims 9007199254740992 lengths"),
            (data(1, DELTA_BYTE_ARRAY, [one, huge.clone()].concat()), 0, "a page claims 9007199254740992 lengths"),
            (
                data_v2(DELTA_LENGTH_BYTE_ARRAY, 3, [vec![0; 3], huge].concat()),
                1,
                "a page claims 9007199254740992 lengths",
            ),
        ] {
            let error = check(&page, levels).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
