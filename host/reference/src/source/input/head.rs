//! An input whose first bytes can be looked at before they are read.

use std::io::{self, Read};

use super::Bytes;

/// An input and its first bytes.
pub(in crate::source) struct Headed {
    input: Bytes,
    /// The first bytes, as far as they were looked at and not handed on.
    head: Vec<u8>,
    /// What stopped the look at them. It is told behind the bytes before it.
    failed: Option<io::Error>,
}

impl Headed {
    pub(in crate::source) fn new(input: impl Read + Send + 'static) -> Self {
        Self { input: Box::new(input), head: Vec::new(), failed: None }
    }

    /// The first bytes, which are read all the same later. Fewer than `most` may do: a pipe hands over what it has.
    pub(in crate::source) fn head(&mut self, most: usize) -> io::Result<&[u8]> {
        const ENOUGH: usize = 16;
        let mut filled = self.head.len();
        self.head.resize(filled.max(most), 0);
        while filled < ENOUGH && self.failed.is_none() {
            match self.input.read(self.head.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled == 0 => return Err(error),
                Err(error) => self.failed = Some(error),
            }
        }
        self.head.truncate(filled);
        Ok(&self.head)
    }
}

impl Read for Headed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            return match self.failed.take() {
                Some(error) => Err(error),
                None => self.input.read(into),
            };
        }
        let read = self.head.len().min(into.len());
        for (to, from) in into.iter_mut().zip(self.head.drain(..read)) {
            *to = from;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn first_bytes_that_were_looked_at_are_read_all_the_same() {
        let mut headed = Headed::new(&b"0123456789"[..]);
        assert_eq!(headed.head(512).unwrap(), b"0123456789");
        assert_eq!(headed.head(512).unwrap(), b"0123456789");
        let mut read = [0; 4];
        assert_eq!(headed.read(&mut read).unwrap(), 4);
        let mut rest = String::new();
        headed.read_to_string(&mut rest).unwrap();
        assert_eq!((&read, rest.as_str()), (b"0123", "456789"));
    }
}
