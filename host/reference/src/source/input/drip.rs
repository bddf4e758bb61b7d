//! A reader for tests that hands over some bytes at a time, as a pipe does.

use std::io::{self, Read};

/// The bytes, and how many come at a time.
pub(super) struct Drip(pub(super) Vec<u8>, pub(super) usize);

impl Read for Drip {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let taken = self.1.min(into.len()).min(self.0.len());
        into[..taken].copy_from_slice(&self.0[..taken]);
        self.0.drain(..taken);
        Ok(taken)
    }
}
