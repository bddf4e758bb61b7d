//! Text in another encoding than UTF-8, as UTF-8.
//!
//! Which encoding it is, the text's own mark says or the sync file. Bytes that mean nothing in it are an error with their line: no
//! value has U+FFFD in it that the text does not have.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::Bytes;
use super::head::Headed;
use super::kind::{self, Expected};
use crate::source::{READ_BYTES, SourceError};

/// The text as UTF-8. What is UTF-8 is left as it is, and left to its reader to check.
pub(in crate::source) fn utf8(
    name: &str,
    mut input: Headed,
    declared: Option<&'static Encoding>,
) -> Result<Bytes, SourceError> {
    let unreadable = |error| SourceError::unreadable(name, &error);
    let head = input.head(kind::HEAD_BYTES).map_err(unreadable)?;
    let is_utf16 = |encoding| encoding == UTF_16LE || encoding == UTF_16BE;
    let encoding = match (Encoding::for_bom(head).map(|(marked, _)| marked), declared) {
        (None, declared) => declared.unwrap_or(UTF_8),
        (Some(marked), None) => marked,
        // The order of its bytes is what the mark is for.
        (Some(marked), Some(declared)) if marked == declared || (is_utf16(marked) && is_utf16(declared)) => marked,
        (Some(marked), Some(declared)) => {
            let message =
                format!("begins with the mark of {}, and source.encoding is {}", marked.name(), declared.name());
            return Err(SourceError::new(name, message).hint("leave `encoding` out: the mark says it"));
        }
    };
    if encoding == UTF_8 {
        if let Some(order) = kind::utf16_without_mark(head) {
            return Err(SourceError::new(name, "is encoded in UTF-16 without its mark, and nothing says so")
                .hint(format!("set encoding = \"{order}\", or save the file as UTF-8")));
        }
        return Ok(Box::new(input));
    }
    let mut text = Headed::new(Decoded::new(input, encoding));
    kind::check(name, text.head(kind::HEAD_BYTES).map_err(unreadable)?, Expected::Csv, None)?;
    Ok(Box::new(text))
}

/// A text as it is decoded.
struct Decoded {
    input: Headed,
    encoding: &'static Encoding,
    decoder: Decoder,
    raw: Vec<u8>,
    unread: Range<usize>,
    input_ended: bool,
    text: Vec<u8>,
    ready: Range<usize>,
    /// What comes behind the bytes that are ready.
    next: Next,
}

enum Next {
    Text,
    End,
    Malformed(Malformed),
}

impl Decoded {
    fn new(input: Headed, encoding: &'static Encoding) -> Self {
        Self {
            input,
            encoding,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; READ_BYTES],
            unread: 0..0,
            input_ended: false,
            text: vec![0; READ_BYTES * 2],
            ready: 0..0,
            next: Next::Text,
        }
    }

    /// Decodes until some text is ready, or it is known why there is none.
    fn decode(&mut self) -> io::Result<()> {
        while self.ready.is_empty() && matches!(self.next, Next::Text) {
            if self.unread.is_empty() && !self.input_ended {
                let read = self.input.read(&mut self.raw)?;
                self.unread = 0..read;
                self.input_ended = read == 0;
            }
            let raw = self.raw.get(self.unread.clone()).unwrap_or_default();
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.input_ended);
            self.unread.start += read;
            self.ready = 0..written;
            match result {
                DecoderResult::InputEmpty if self.input_ended => self.next = Next::End,
                DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
                DecoderResult::Malformed(bytes, behind) => {
                    let end = self.unread.start.saturating_sub(usize::from(behind));
                    let start = end.saturating_sub(usize::from(bytes));
                    // Those that the text ends with are not in the buffer any more.
                    let bytes = if self.input_ended { &[][..] } else { self.raw.get(start..end).unwrap_or_default() };
                    self.malformed(bytes.to_vec());
                }
            }
            if self.encoding.is_single_byte() {
                self.stop_at_control();
            }
        }
        Ok(())
    }

    fn malformed(&mut self, bytes: Vec<u8>) {
        self.next = Next::Malformed(Malformed { bytes, encoding: self.encoding });
    }

    /// Bytes that an encoding leaves undefined are decoded as the controls U+0080 to U+009F, which no table has.
    fn stop_at_control(&mut self) {
        let ready = self.text.get(self.ready.clone()).unwrap_or_default();
        let is_control = |at: &usize| ready.get(at + 1).is_some_and(|next| (0x80..=0x9F).contains(next));
        if let Some(at) = memchr::memchr_iter(0xC2, ready).find(is_control) {
            let byte = ready.get(at + 1).copied().unwrap_or_default();
            self.ready.end = self.ready.start + at;
            self.malformed(vec![byte]);
        }
    }
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.decode()?;
        if self.ready.is_empty() && !into.is_empty() {
            return match &self.next {
                Next::Malformed(malformed) => Err(io::Error::new(io::ErrorKind::InvalidData, malformed.clone())),
                Next::Text | Next::End => Ok(0),
            };
        }
        let ready = self.text.get(self.ready.clone()).unwrap_or_default();
        let taken = ready.len().min(into.len());
        for (to, from) in into.iter_mut().zip(ready) {
            *to = *from;
        }
        self.ready.start += taken;
        Ok(taken)
    }
}

/// Bytes mean nothing in an encoding.
#[derive(Debug, Clone)]
pub(in crate::source) struct Malformed {
    bytes: Vec<u8>,
    encoding: &'static Encoding,
}

impl Malformed {
    /// What to do.
    pub(in crate::source) const HINT: &str = "check that `encoding` is the one in which the file was written; the line that is told \
                                              is the first that can't be read in it";
}

impl std::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        match bytes.as_slice() {
            [] => write!(f, "a character of {} is cut in the middle", self.encoding.name()),
            [byte] => write!(f, "the byte {byte} is no {}", self.encoding.name()),
            bytes => write!(f, "the bytes {} are no {}", bytes.join(" "), self.encoding.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use proptest::prelude::*;

    use super::*;
    use crate::source::input::drip::Drip;

    fn read(bytes: &[u8], encoding: Option<&str>, step: usize) -> Result<String, String> {
        let declared = encoding.map(|label| Encoding::for_label(label.as_bytes()).unwrap());
        let input = Headed::new(Drip(bytes.to_vec(), step));
        let mut text = Vec::new();
        let mut input = utf8("x", input, declared).map_err(|error| error.to_string())?;
        match input.read_to_end(&mut text) {
            Ok(_) => Ok(String::from_utf8(text).unwrap()),
            Err(error) => Err(format!("{} behind {:?}", error, String::from_utf8(text).unwrap())),
        }
    }

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn marks_and_names_say_what_a_text_is() {
        let text = "id,name\n1,Müller 😀\n";
        for step in [1, 3, usize::MAX] {
            for big in [false, true] {
                let marked = utf16(&format!("\u{feff}{text}"), big);
                for declared in [None, Some("utf-16"), Some("utf-16le"), Some("utf-16be")] {
                    assert_eq!(read(&marked, declared, step).unwrap(), text);
                }
                let name = if big { "utf-16be" } else { "utf-16le" };
                assert_eq!(read(&utf16(text, big), Some(name), step).unwrap(), text);
                let error = read(&utf16(text, big), None, step).unwrap_err();
                assert_eq!(error, "x: is encoded in UTF-16 without its mark, and nothing says so");
            }
            assert_eq!(read(b"id\nM\xFCller \x80\n", Some("windows-1252"), step).unwrap(), "id\nMüller €\n");
            assert_eq!(read(b"id\n\x93\xFA\x96\x7B\n", Some("shift_jis"), step).unwrap(), "id\n日本\n");
            assert_eq!(read("\u{feff}id\né".as_bytes(), Some("utf-8"), step).unwrap(), "\u{feff}id\né");
        }
        let error = read("\u{feff}id\n".as_bytes(), Some("windows-1252"), 100).unwrap_err();
        assert_eq!(error, "x: begins with the mark of UTF-8, and source.encoding is windows-1252");
    }

    #[test]
    fn bytes_that_mean_nothing_come_behind_all_that_do() {
        let mut lone = utf16("\u{feff}id\n1\n", false);
        lone.extend([0x3D, 0xD8, b'x', 0]);
        let mut odd = utf16("\u{feff}id\n1\n", false);
        odd.push(b'2');
        for (bytes, encoding, said) in [
            (lone, None, "the bytes 3D D8 are no UTF-16LE behind \"id\\n1\\n\""),
            (odd, None, "a character of UTF-16LE is cut in the middle behind \"id\\n1\\n\""),
            (b"id\n1\n\x81\n".to_vec(), Some("windows-1252"), "the byte 81 is no windows-1252 behind \"id\\n1\\n\""),
            (b"id\n1\n\xA5\xFF\n".to_vec(), Some("iso-8859-8"), "the byte FF is no ISO-8859-8 behind \"id\\n1\\n¥\""),
            (b"id\n1\n\xFF\xFF\n".to_vec(), Some("shift_jis"), "the byte FF is no Shift_JIS behind \"id\\n1\\n\""),
            (
                b"id\n1\n\x93".to_vec(),
                Some("shift_jis"),
                "a character of Shift_JIS is cut in the middle behind \"id\\n1\\n\"",
            ),
        ] {
            assert_eq!(read(&bytes, encoding, usize::MAX).unwrap_err(), said);
            let error = read(&bytes, encoding, 1).unwrap_err();
            assert!(error.contains(" behind ") && error.ends_with(said.split(" behind ").last().unwrap()), "{error}");
        }
    }

    proptest! {
        /// Behind a header: a file that begins like JSON is refused as such.
        #[test]
        fn every_text_survives(rows in ".{0,40}", big: bool, step in 1_usize..9) {
            let text = format!("id\n{rows}");
            let marked = utf16(&format!("\u{feff}{text}"), big);
            prop_assert_eq!(read(&marked, None, step).unwrap(), text);
        }
    }
}
