//! How a text of comma-separated values is written.

use super::section::Section;

/// The dialect of a CSV text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvDialect {
    /// Between two fields. Default: a comma.
    pub delimiter: u8,
    /// Around a field. Default: a double quote.
    pub quote: u8,
    /// The names of the columns of a file without a header line; `None` where the first line names them.
    pub columns: Option<Vec<String>>,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', columns: None }
    }
}

impl CsvDialect {
    /// Reads the keys of a dialect.
    pub(super) fn read(section: &mut Section<'_>, columns: Option<Vec<String>>) -> Self {
        let default = Self::default();
        Self {
            delimiter: section.ascii("delimiter", "\";\"").unwrap_or(default.delimiter),
            quote: section.ascii("quote", "\"'\"").unwrap_or(default.quote),
            columns,
        }
    }
}
