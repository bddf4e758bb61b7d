//! Text that is compressed, told by its first bytes, and unpacked as it is read.
//!
//! Several members one behind the other are one text, as every tool has it that writes in parts. What is cut off has no end, what
//! stands behind the end is an error, and nobody is given memory for a window just because a header asks for it.

use std::fmt;
use std::io::{self, BufReader, Read};

use super::Bytes;
use super::head::Headed;
use super::meter::Changed;
use crate::source::READ_BYTES;

/// The largest window that is unpacked, in bits: 128 MiB. All levels of zstd and xz that have no option of their own stay below.
const MOST_WINDOW_BITS: u32 = 27;
/// What xz needs beside its window.
const XZ_BYTES: u64 = 1 << 20;

/// How a text is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Compression {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Compression {
    /// The compression that begins so.
    pub(in crate::source) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            // The second is a frame to be skipped, with which some writers begin.
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// The text within.
    pub(in crate::source) fn unpack(self, input: Headed) -> io::Result<impl Read + Send + use<>> {
        let input = BufReader::with_capacity(READ_BYTES, input);
        let inner: Bytes = match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?;
                decoder.window_log_max(MOST_WINDOW_BITS)?;
                Box::new(decoder)
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
            Self::Xz => {
                let most = (1 << MOST_WINDOW_BITS) + XZ_BYTES;
                let stream = liblzma::stream::Stream::new_stream_decoder(most, liblzma::stream::CONCATENATED)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
        };
        Ok(Unpacked { compression: self, inner })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        })
    }
}

/// A text as it is unpacked.
struct Unpacked {
    compression: Compression,
    inner: Bytes,
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read(into).map_err(|error| {
            let changed = error.get_ref().and_then(|error| error.downcast_ref::<Changed>()).is_some();
            let of_the_file = changed || error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted;
            if of_the_file { error } else { io::Error::other(Damaged { compression: self.compression, error }) }
        })
    }
}

/// A text can't be unpacked to its end.
#[derive(Debug)]
pub(in crate::source) struct Damaged {
    compression: Compression,
    error: io::Error,
}

impl Damaged {
    /// What to do.
    pub(in crate::source) fn hint(&self) -> &'static str {
        match self.compression {
            Compression::Gzip | Compression::Bzip2 => {
                "check that the file is complete, and that nothing was added behind its end"
            }
            Compression::Zstd | Compression::Xz => {
                "check that the file is complete, and that nothing was added behind its end; what asks for a window of more than \
                 128 MiB (zstd --long=28, xz --lzma2=dict=256MiB) is to be unpacked before: path = \"-\" is standard input"
            }
        }
    }
}

impl std::error::Error for Damaged {}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.kind() {
            io::ErrorKind::UnexpectedEof => write!(f, "the {} data breaks off: the file was cut", self.compression),
            _ => write!(f, "the {} data can't be unpacked: {}", self.compression, self.error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::source::input::drip::Drip;

    const ALL: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz];

    fn packed(compression: Compression, text: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                // As its own tool does.
                encoder.include_checksum(true).unwrap();
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => liblzma::encode_all(text, 1).unwrap(),
        }
    }

    fn unpack(bytes: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut input = Headed::new(Drip(bytes.to_vec(), step));
        let compression = Compression::of(input.head(512)?).unwrap();
        let mut text = Vec::new();
        compression.unpack(input)?.read_to_end(&mut text)?;
        Ok(text)
    }

    fn is_damage(error: &io::Error) -> bool {
        error.get_ref().and_then(|error| error.downcast_ref::<Damaged>()).is_some()
    }

    fn text() -> String {
        (0..500).map(|n| format!("{n},name {},{}\n", n * 7, n % 13)).collect()
    }

    #[test]
    fn members_behind_each_other_are_one_text() {
        for compression in ALL {
            let (text, middle) = (text(), 3_000);
            let mut bytes = packed(compression, &text.as_bytes()[..middle]);
            bytes.extend(packed(compression, b""));
            bytes.extend(packed(compression, &text.as_bytes()[middle..]));
            for step in [1, 7, usize::MAX] {
                assert_eq!(unpack(&bytes, step).unwrap(), text.as_bytes(), "{compression} {step}");
            }
        }
    }

    /// Nothing of it may count as a clean end.
    #[test]
    fn what_is_cut_anywhere_is_an_error() {
        for compression in ALL {
            let one = packed(compression, text().as_bytes());
            let mut two = one.clone();
            two.extend(&one);
            for (bytes, from) in [(&one, 17), (&two, one.len() + 1)] {
                for length in from..bytes.len() {
                    let error = unpack(&bytes[..length], usize::MAX).unwrap_err();
                    assert!(is_damage(&error), "{error}");
                }
            }
            let error = unpack(&one[..one.len() / 2], usize::MAX).unwrap_err().to_string();
            assert_eq!(error, format!("the {compression} data breaks off: the file was cut"));
        }
    }

    #[test]
    fn what_stands_behind_the_end_is_an_error() {
        for compression in ALL {
            for garbage in [&b"\0"[..], b"\n", b"\0\0\0\0", b"id,name\n1,x\n", &[0xFF; 600]] {
                let mut bytes = packed(compression, text().as_bytes());
                bytes.extend(garbage);
                // Blocks of four zeros behind the end are a part of the format.
                if compression == Compression::Xz && garbage == b"\0\0\0\0" {
                    assert_eq!(unpack(&bytes, usize::MAX).unwrap(), text().as_bytes());
                    continue;
                }
                let error = unpack(&bytes, usize::MAX).unwrap_err();
                assert!(is_damage(&error), "{compression} {garbage:?}: {error}");
            }
        }
    }

    #[test]
    fn a_window_of_gigabytes_is_not_made_room_for() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(31).unwrap();
        encoder.write_all(text().as_bytes()).unwrap();
        let error = unpack(&encoder.finish().unwrap(), usize::MAX).unwrap_err().to_string();
        assert!(error.contains("requires too much memory"), "{error}");

        let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
        options.dict_size(1 << 20);
        let filters = |options: &liblzma::stream::LzmaOptions| {
            let mut filters = liblzma::stream::Filters::new();
            filters.lzma2(options);
            liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap()
        };
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), filters(&options));
        encoder.write_all(text().as_bytes()).unwrap();
        let mut bytes = encoder.finish().unwrap();
        // The first block's header: its size, flags, the filter's ID and length of properties, and the window: 40 is 4 GiB.
        assert_eq!(bytes[12..16], [2, 0, 0x21, 1]);
        bytes[16] = 40;
        let mut checksum = flate2::Crc::new();
        checksum.update(&bytes[12..20]);
        bytes[20..24].copy_from_slice(&checksum.sum().to_le_bytes());
        let error = unpack(&bytes, usize::MAX).unwrap_err().to_string();
        assert!(error.contains("the xz data can't be unpacked"), "{error}");
        assert!(error.contains("memory"), "{error}");
    }

    proptest! {
        /// Whatever comes is unpacked or refused; it never panics.
        #[test]
        fn damage_is_an_error_or_nothing(which in 0usize..4, at: prop::sample::Index, byte: u8) {
            let mut bytes = packed(ALL[which], text().as_bytes());
            let at = at.index(bytes.len() - 8) + 8;
            bytes[at] = byte;
            if let Ok(unpacked) = unpack(&bytes, usize::MAX) {
                prop_assert!(unpacked == text().into_bytes());
            }
        }
    }
}
