//! Texts that are written in another way than RFC 4180 has it: with escapes, marks for null, comments, or blanks around values.
//!
//! What no two programs read alike is not read here either. In quotes, and everywhere where there are none, an escape has one meaning
//! before itself, a quote, a delimiter or a line break, and is an error before anything else. Outside of quotes, where there are some,
//! it is the other way round: some programs escape there and some do not, so that an escape before one of these is an error, and
//! before anything else it is a character. A value that is one of the texts for null is null, escape or not, unless it is quoted.
//! All other rules are those of [`super::strict`].

use super::strict::Breach;
use crate::sync_file::CsvDialect;

/// Reads records of a dialect, some bytes at a time. A CR is never handed over without the byte behind it, unless the text ends.
#[derive(Debug)]
pub(super) struct DialectReader {
    dialect: CsvDialect,
    /// The bytes that mean something outside of quotes, and within.
    outside: [bool; 256],
    inside: [bool; 256],
    at: At,
    /// The line of the next byte.
    line: u64,
    /// Whether the field has an escape that was resolved.
    escaped: bool,
    /// The byte behind an escape that means nothing.
    odd: Option<u8>,
}

/// Where the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Comment,
    FieldStart,
    Outside,
    OutsideEscape,
    Inside,
    InsideEscape,
    /// Behind a quote that closes the field, or is the first half of a doubled one.
    BehindQuote,
    /// Behind blanks behind such a quote.
    BehindBlank,
}

/// The fields of a record.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) text: Vec<u8>,
    /// Where each field ends.
    pub(super) ends: Vec<usize>,
    /// Whether it is null.
    pub(super) nulls: Vec<bool>,
}

/// How far some bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The record goes on behind them.
    More,
    /// They have its end.
    Record,
    Wrong(Breach),
}

/// What a text ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// A field in quotes that are not closed.
    Quoted,
    /// A record without a line break.
    Record,
}

impl DialectReader {
    pub(super) fn new(dialect: &CsvDialect) -> Self {
        let table = |bytes: &[Option<u8>]| {
            let mut table = [false; 256];
            for byte in bytes.iter().flatten() {
                if let Some(place) = table.get_mut(usize::from(*byte)) {
                    *place = true;
                }
            }
            table
        };
        let CsvDialect { delimiter, quote, escape, .. } = *dialect;
        Self {
            outside: table(&[Some(delimiter), quote, escape, Some(b'\r'), Some(b'\n'), Some(0)]),
            inside: table(&[quote, escape, Some(b'\n'), Some(0)]),
            dialect: dialect.clone(),
            at: At::FieldStart,
            line: 1,
            escaped: false,
            odd: None,
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Skips blank lines and comments in front of a record: how many bytes these are. Bytes are left where the record begins.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.at == At::Comment {
                let Some(end) = memchr::memchr(b'\n', rest) else { return bytes.len() };
                at += end;
                self.at = At::FieldStart;
                continue;
            }
            match rest {
                [b'\n', ..] => at += 1,
                [b'\r', b'\n', ..] => at += 2,
                [first, ..] if self.dialect.comment == Some(*first) => {
                    self.at = At::Comment;
                    continue;
                }
                _ => return at,
            }
            self.line += 1;
        }
    }

    /// Reads on: what the bytes come to, and how many of them were read.
    pub(super) fn read(&mut self, bytes: &[u8], fields: &mut Fields) -> (Step, usize) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let next = bytes.get(at + 1).copied();
            match self.at {
                At::Comment | At::FieldStart => {
                    if self.is_blank(byte) {
                        at += 1;
                    } else if Some(byte) == self.dialect.quote {
                        self.at = At::Inside;
                        at += 1;
                    } else {
                        self.at = At::Outside;
                    }
                }
                At::Outside => {
                    let run = run(bytes.get(at..).unwrap_or_default(), &self.outside);
                    fields.text.extend_from_slice(bytes.get(at..at + run).unwrap_or_default());
                    at += run;
                    let Some(&byte) = bytes.get(at) else { break };
                    if let Some(ended) = self.end(byte, bytes.get(at + 1).copied(), false, fields) {
                        return self.ended(ended, at);
                    }
                    at += 1;
                    match byte {
                        0 => return (Step::Wrong(Breach::Nul), at),
                        _ if byte == self.dialect.delimiter => {}
                        _ if Some(byte) == self.dialect.escape => self.at = At::OutsideEscape,
                        _ if Some(byte) == self.dialect.quote => return (Step::Wrong(Breach::QuoteWithin), at),
                        _ => {}
                    }
                }
                At::Inside => {
                    let run = run(bytes.get(at..).unwrap_or_default(), &self.inside);
                    fields.text.extend_from_slice(bytes.get(at..at + run).unwrap_or_default());
                    at += run;
                    let Some(&byte) = bytes.get(at) else { break };
                    at += 1;
                    match byte {
                        0 => return (Step::Wrong(Breach::Nul), at),
                        b'\n' => {
                            self.line += 1;
                            fields.text.push(byte);
                        }
                        _ if Some(byte) == self.dialect.quote => self.at = At::BehindQuote,
                        _ => self.at = At::InsideEscape,
                    }
                }
                At::OutsideEscape | At::InsideEscape => {
                    at += self.resolve(byte, next, fields);
                    self.at = if self.at == At::InsideEscape { At::Inside } else { At::Outside };
                }
                At::BehindQuote if Some(byte) == self.dialect.quote => {
                    fields.text.push(byte);
                    self.at = At::Inside;
                    at += 1;
                }
                At::BehindQuote | At::BehindBlank => {
                    if let Some(ended) = self.end(byte, next, true, fields) {
                        return self.ended(ended, at);
                    }
                    at += 1;
                    match byte {
                        0 => return (Step::Wrong(Breach::Nul), at),
                        _ if byte == self.dialect.delimiter => {}
                        _ if self.is_blank(byte) => self.at = At::BehindBlank,
                        _ => return (Step::Wrong(Breach::TextBehindQuote), at),
                    }
                }
            }
        }
        (Step::More, at)
    }

    /// Ends a text in the middle of a record.
    pub(super) fn finish(&mut self, fields: &mut Fields) -> Rest {
        match self.at {
            At::Inside | At::InsideEscape => Rest::Quoted,
            _ => {
                let quoted = matches!(self.at, At::BehindQuote | At::BehindBlank);
                // What is wrong with the last value does not matter: it may not be whole.
                let _ = self.end_field(quoted, fields);
                Rest::Record
            }
        }
    }

    /// Ends the field where a byte does: whether the record ends too, and with how many bytes.
    fn end(&mut self, byte: u8, next: Option<u8>, quoted: bool, fields: &mut Fields) -> Option<Result<usize, Breach>> {
        let record_bytes = match byte {
            _ if byte == self.dialect.delimiter => 0,
            b'\n' => 1,
            b'\r' if next == Some(b'\n') => 2,
            b'\r' => return Some(Err(Breach::LoneCarriageReturn)),
            _ => return None,
        };
        if let Err(breach) = self.end_field(quoted, fields) {
            return Some(Err(breach));
        }
        if record_bytes == 0 {
            return None;
        }
        self.line += 1;
        Some(Ok(record_bytes))
    }

    fn ended(&self, ended: Result<usize, Breach>, at: usize) -> (Step, usize) {
        match ended {
            Ok(bytes) => (Step::Record, at + bytes),
            Err(breach) => (Step::Wrong(breach), at),
        }
    }

    fn end_field(&mut self, quoted: bool, fields: &mut Fields) -> Result<(), Breach> {
        let start = fields.ends.last().copied().unwrap_or_default();
        if !quoted {
            while fields.text.len() > start && fields.text.last().is_some_and(|last| self.is_blank(*last)) {
                fields.text.pop();
            }
        }
        let value = fields.text.get(start..).unwrap_or_default();
        let null = match &self.dialect.nulls {
            None => value.is_empty(),
            Some(nulls) => !quoted && !self.escaped && nulls.iter().any(|null| null.as_bytes() == value),
        };
        let odd = self.odd.take().filter(|_| !null);
        self.at = At::FieldStart;
        self.escaped = false;
        if let (Some(byte), Some(escape)) = (odd, self.dialect.escape) {
            return Err(Breach::UnknownEscape { escape, byte });
        }
        fields.ends.push(fields.text.len());
        fields.nulls.push(null);
        Ok(())
    }

    /// What stands behind an escape: how many bytes of it were read.
    fn resolve(&mut self, byte: u8, next: Option<u8>, fields: &mut Fields) -> usize {
        let CsvDialect { delimiter, quote, escape, comment, .. } = self.dialect;
        let has_meaning =
            byte == delimiter || [quote, escape, comment].contains(&Some(byte)) || matches!(byte, b'\n' | b'\r');
        let is_unclear = self.at == At::OutsideEscape && quote.is_some();
        if has_meaning && !is_unclear {
            self.escaped = true;
        } else {
            fields.text.extend(escape);
        }
        if has_meaning == is_unclear {
            self.odd = self.odd.or(Some(byte));
        }
        fields.text.push(byte);
        self.line += u64::from(byte == b'\n');
        // Only the first half of a line's end is escaped.
        if byte == b'\r' && next == Some(b'\n') {
            fields.text.push(b'\n');
            self.line += 1;
            return 2;
        }
        1
    }

    fn is_blank(&self, byte: u8) -> bool {
        self.dialect.trim && matches!(byte, b' ' | b'\t') && byte != self.dialect.delimiter
    }
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.nulls.clear();
    }
}

/// How many bytes there are before the first that means something.
fn run(bytes: &[u8], special: &[bool; 256]) -> usize {
    bytes.iter().position(|byte| special.get(usize::from(*byte)).copied().unwrap_or(true)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests;
