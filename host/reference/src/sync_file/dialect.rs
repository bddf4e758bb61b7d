//! How a text of comma-separated values is written.

use std::fmt;

use super::section::Section;

/// The dialect of a CSV text. What is left out is as RFC 4180 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvDialect {
    /// Between two fields. Default: a comma.
    pub delimiter: u8,
    /// Around a field; `None` where quotes are characters like others. Default: a double quote.
    pub quote: Option<u8>,
    /// In front of a quote, a delimiter, a line break or itself, where these are characters.
    pub escape: Option<u8>,
    /// What a line begins with that is no row.
    pub comment: Option<u8>,
    /// Whether blanks around values are left out.
    pub trim: bool,
    /// The values that are null where they are not quoted; `None`: empty ones, quoted or not.
    pub nulls: Option<Vec<String>>,
    /// The encoding; `None`: UTF-8, or UTF-16 with its mark.
    pub encoding: Option<Encoding>,
    /// The names of the columns of a file without a header line; `None` where the first line names them.
    pub columns: Option<Vec<String>>,
}

/// An encoding of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Default for CsvDialect {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            comment: None,
            trim: false,
            nulls: None,
            encoding: None,
            columns: None,
        }
    }
}

impl CsvDialect {
    /// Whether a text is written as RFC 4180 has it, but for the two signs that it names.
    pub(crate) fn is_plain(&self) -> bool {
        let Self { quote, escape, comment, trim, nulls, .. } = self;
        quote.is_some() && escape.is_none() && comment.is_none() && !trim && nulls.is_none()
    }

    /// Reads the keys of a dialect.
    pub(super) fn read(section: &mut Section<'_>, columns: Option<Vec<String>>) -> Self {
        let default = Self::default();
        let dialect = Self {
            delimiter: section.ascii("delimiter", "\";\"").unwrap_or(default.delimiter),
            quote: section.ascii_or_none("quote", "\"'\", or \"\" for none").unwrap_or(default.quote),
            escape: section.ascii("escape", "\"\\\\\""),
            comment: section.ascii("comment", "\"#\""),
            trim: section.boolean("trim").unwrap_or(default.trim),
            nulls: section.strings("nulls"),
            encoding: read_encoding(section),
            columns,
        };
        let signs = [
            ("delimiter", Some(dialect.delimiter)),
            ("quote", dialect.quote),
            ("escape", dialect.escape),
            ("comment", dialect.comment),
        ];
        for (place, (key, sign)) in signs.into_iter().enumerate() {
            let other = signs.iter().take(place).find(|(_, other)| other.is_some() && *other == sign);
            if let (Some((other, _)), Some(sign)) = (other, sign) {
                let hint = if (*other, key) == ("quote", "escape") {
                    "leave `escape` out: a doubled quote is always one quote"
                } else {
                    "they must differ"
                };
                section.fault(key, format!("is {:?}, and so is {other}", char::from(sign)), hint);
            }
        }
        dialect
    }
}

fn read_encoding(section: &mut Section<'_>) -> Option<Encoding> {
    let name = section.string("encoding")?;
    let encoding = Encoding::named(&name);
    if encoding.is_none() {
        section.fault(
            "encoding",
            format!("is {name:?}, which is not a known encoding"),
            "write its name in the WHATWG's Encoding Standard: windows-1252, iso-8859-15, utf-16le, shift_jis, gb18030",
        );
    }
    encoding
}

impl Encoding {
    /// The encoding of a name, as the WHATWG's Encoding Standard has it.
    pub fn named(name: &str) -> Option<Self> {
        let encoding = encoding_rs::Encoding::for_label_no_replacement(name.as_bytes())?;
        (encoding != encoding_rs::X_USER_DEFINED).then_some(Self(encoding))
    }

    pub(crate) fn get(self) -> &'static encoding_rs::Encoding {
        self.0
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
