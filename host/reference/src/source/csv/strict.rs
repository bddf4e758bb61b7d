//! What RFC 4180 does not have in a table, found in the bytes before a parser makes something of it.
//!
//! A parser for any CSV takes a quote within an unquoted field for a character, and whatever follows a closing quote for more of
//! the field. So a quote that someone forgot to double, or doubled by a backslash, shifts where fields and rows end: two rows
//! become one, and nobody is told. Here each of these is an error with its place. Two things are kept that the RFC leaves out
//! and every writer has: LF alone ends a line, and text may be any UTF-8, tabs included.

use std::fmt;

/// Follows the bytes of a text, some at a time.
///
/// Sixty-four bytes are looked at together, as bits: a field that is quoted runs from one quote to the next, so that the exclusive
/// or of all quotes before a byte tells whether it is within one. Of a doubled quote the first half closes the field and the
/// second opens it again, with nothing between the two.
#[derive(Debug)]
pub(super) struct Strict {
    delimiter: u8,
    quote: u8,
    before: Before,
}

/// What the bytes so far end with.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// Within quotes.
    inside: bool,
    /// Behind a quote that closes a field.
    behind_quote: bool,
    /// Behind a CR that is not within quotes.
    behind_cr: bool,
    /// Where a quote may open a field: behind a delimiter, a line's end, or the first half of a doubled quote.
    may_open: bool,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// A quote within a field that does not begin with one.
    QuoteWithin,
    /// More of a field behind its closing quote.
    TextBehindQuote,
    /// CR without LF, outside of quotes.
    LoneCarriageReturn,
    /// A byte 0.
    Nul,
    /// An escape before a byte with which it means different things to different programs.
    UnknownEscape { escape: u8, byte: u8 },
}

impl Strict {
    pub(super) fn new(delimiter: u8, quote: u8) -> Self {
        let before = Before { inside: false, behind_quote: false, behind_cr: false, may_open: true };
        Self { delimiter, quote, before }
    }

    /// The place of the first byte that is wrong. What follows it is not looked at. A CR at the end of `bytes` counts as one
    /// that an LF follows: the caller knows better.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Option<(usize, Breach)> {
        let nul = memchr::memchr(0, bytes);
        let before_nul = bytes.get(..nul.unwrap_or(bytes.len())).unwrap_or_default();
        self.before.behind_cr = false;
        self.blocks(before_nul).or(nul.map(|at| (at, Breach::Nul)))
    }

    fn blocks(&mut self, bytes: &[u8]) -> Option<(usize, Breach)> {
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut start = 0;
        for block in blocks {
            if let Some((at, breach)) = self.block(block, BLOCK) {
                return Some(((start + at).saturating_sub(breach.bytes_before()), breach));
            }
            start += BLOCK;
        }
        if rest.is_empty() {
            return None;
        }
        let mut block = [0; BLOCK];
        block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.block(&block, rest.len()).map(|(at, breach)| ((start + at).saturating_sub(breach.bytes_before()), breach))
    }

    /// Looks at the first `length` bytes of a block. The place is that of the byte by which it is seen.
    fn block(&mut self, block: &[u8; BLOCK], length: usize) -> Option<(usize, Breach)> {
        let before = self.before;
        let carried = |carried: bool| u64::from(carried);
        let plain = !block.iter().fold(false, |any, byte| any | (*byte == self.quote) | (*byte == b'\r'));
        if plain && !before.behind_quote && !before.behind_cr {
            let last = block.get(length - 1).copied().unwrap_or_default();
            self.before.may_open = last == self.delimiter || last == b'\n';
            return None;
        }
        let quotes = places(block, |byte| byte == self.quote);
        let returns = places(block, |byte| byte == b'\r');
        let inside = running_parity(quotes) ^ 0_u64.wrapping_sub(carried(before.inside));
        let (opening, closing) = (quotes & inside, quotes & !inside);
        let ends = places(block, |byte| byte == b'\n' || byte == self.delimiter);
        let open_returns = returns & !inside;
        let looked_at = u64::MAX >> (BLOCK - length);

        let within = opening & !((ends | quotes) << 1 | carried(before.may_open));
        let behind = (closing << 1 | carried(before.behind_quote)) & !(ends | quotes | returns);
        let behind_returns = open_returns << 1 | carried(before.behind_cr);
        let alone = if behind_returns == 0 { 0 } else { behind_returns & !places(block, |byte| byte == b'\n') };
        let last = |places: u64| places >> (length - 1) & 1 == 1;
        self.before = Before {
            inside: last(inside),
            behind_quote: last(closing),
            behind_cr: last(open_returns),
            may_open: last(ends | quotes),
        };
        let wrong = (within | behind | alone) & looked_at;
        if wrong == 0 {
            return None;
        }
        let at = wrong.trailing_zeros();
        let breach = match 1 << at {
            // It stands before the byte by which it is seen, whatever that is.
            bit if alone & bit != 0 => Breach::LoneCarriageReturn,
            bit if within & bit != 0 => Breach::QuoteWithin,
            _ => Breach::TextBehindQuote,
        };
        Some((at as usize, breach))
    }
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// A bit for each place at which a block has such a byte.
#[inline]
fn places(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
    // Gathers the lowest bit of each byte, the first byte's as the lowest of the highest eight.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let marks = block.map(|byte| u8::from(is(byte)));
    let (words, _) = marks.as_chunks::<8>();
    let gathered = words.iter().map(|word| u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56);
    gathered.enumerate().fold(0, |places, (at, bits)| places | bits << (at * 8))
}

/// For each place, whether the number of bits up to it, its own included, is odd.
fn running_parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

impl Breach {
    /// How far before the byte by which it is seen it stands.
    fn bytes_before(self) -> usize {
        usize::from(self == Self::LoneCarriageReturn)
    }

    /// What to do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::QuoteWithin => "put the whole value in quotes and double each quote within it: \"TV 16\"\"\"",
            Self::TextBehindQuote => {
                "double each quote within a quoted value: \"TV 16\"\"\"; if the writer puts a backslash in front of one instead, \
                 set escape = \"\\\\\""
            }
            Self::LoneCarriageReturn => "put a value with a line break in quotes, and end lines with LF or CRLF",
            Self::Nul => "the file is damaged, or in another encoding: set `encoding`, or export it again as UTF-8",
            Self::UnknownEscape { .. } => {
                "export values with this character in quotes; a text for null such as \\N belongs into `nulls`"
            }
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownEscape { escape, byte } => {
                let (escape, byte) = (char::from(*escape), byte.escape_ascii());
                return write!(f, "has the escape {escape}{byte}, which programs read in different ways");
            }
            Self::QuoteWithin => "has a quote within a value that does not begin with one",
            Self::TextBehindQuote => "goes on behind its closing quote",
            Self::LoneCarriageReturn => {
                "has a carriage return (CR) that is neither in quotes nor part of a line's end (CRLF)"
            }
            Self::Nul => "has a NUL byte, which no text has",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &[u8], step: usize) -> Option<(usize, Breach)> {
        let mut strict = Strict::new(b',', b'"');
        let mut at = 0;
        // As the reader hands them over: never with a CR at the end, unless the text ends there.
        while at < text.len() {
            let mut end = (at + step).min(text.len());
            while end < text.len() && text.get(end - 1) == Some(&b'\r') {
                end += 1;
            }
            if let Some((within, breach)) = strict.check(text.get(at..end).unwrap_or_default()) {
                return Some((at + within, breach));
            }
            at = end;
        }
        None
    }

    #[test]
    fn what_rfc_4180_does_not_have_is_found_at_its_place() {
        for (text, at, breach) in [
            (&b"a,b\"c"[..], 3, Breach::QuoteWithin),
            (b"a, \"b\"", 3, Breach::QuoteWithin),
            (b"JOHN \"WAYNE\"\n", 5, Breach::QuoteWithin),
            (b"\"a\"b,c", 3, Breach::TextBehindQuote),
            (b"\"a\\\"b\"", 4, Breach::TextBehindQuote),
            (b"\"TV 16\\\"\"\n", 9, Breach::TextBehindQuote),
            (b"\"a\" ,b", 3, Breach::TextBehindQuote),
            (b"a\rb", 1, Breach::LoneCarriageReturn),
            (b"a\r\r\n", 1, Breach::LoneCarriageReturn),
            (b"\"a\"\rb", 3, Breach::LoneCarriageReturn),
            (b"a,\0\n", 2, Breach::Nul),
            (b"\"\0\"", 1, Breach::Nul),
            (b"a\"\0", 1, Breach::QuoteWithin),
        ] {
            // The last quote of `\""` is the half of a doubled one: the field is open at the end of the line.
            let found = check(text, 100);
            if text.ends_with(b"\\\"\"\n") {
                assert_eq!(found, None);
            } else {
                assert_eq!(found, Some((at, breach)), "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn what_it_has_passes() {
        for text in [
            "a,b\n1,2\n",
            "a,b\r\n\"1\",\"\"\"\"\r\n",
            "\"a\rb\nc\r\nd\"\n",
            "\"\",\"\"\n\"x\"",
            ",\n,,\n",
            "\t,é\n",
            "a\r",
        ] {
            assert_eq!(check(text.as_bytes(), 100), None, "{text:?}");
        }
    }

    /// The same, a byte at a time and as the RFC tells it.
    fn model(text: &[u8]) -> Option<(usize, Breach)> {
        let mut within = false;
        let mut at = 0;
        let mut starts_field = true;
        while let Some(&byte) = text.get(at) {
            let next = text.get(at + 1).copied();
            match (byte, within) {
                (0, _) => return Some((at, Breach::Nul)),
                (b'"', true) if next == Some(b'"') => at += 1,
                (b'"', true) => {
                    within = false;
                    if next.is_some_and(|next| !b",\n\r\0".contains(&next)) {
                        return Some((at + 1, Breach::TextBehindQuote));
                    }
                }
                (b'"', false) if starts_field => within = true,
                (b'"', false) => return Some((at, Breach::QuoteWithin)),
                (b'\r', false) if !matches!(next, None | Some(b'\n' | 0)) => {
                    return Some((at, Breach::LoneCarriageReturn));
                }
                _ => {}
            }
            starts_field = !within && matches!(byte, b',' | b'\n');
            at += 1;
        }
        None
    }

    proptest! {
        #[test]
        fn it_finds_what_a_slow_one_finds(text in "[a,,\"\"\r\n\\x00]{0,12}(\"[a,\r\n]{50,90}\",){0,3}[a,\"\n]{0,12}") {
            prop_assert_eq!(check(text.as_bytes(), 1000), model(text.as_bytes()));
        }

        /// It does not matter in which pieces the bytes come.
        #[test]
        fn pieces_change_nothing(text in "[a,\"\r\n\\x00]{0,30}", step in 1_usize..8) {
            prop_assert_eq!(check(text.as_bytes(), step), model(text.as_bytes()));
        }
    }
}
