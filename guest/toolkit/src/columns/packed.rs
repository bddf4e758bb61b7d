//! Many texts in one, as they cross the border, while they are written.

use crate::bindings::Strings;

/// Finished texts, and perhaps one that is being written.
#[derive(Debug)]
pub struct Packed {
    /// Where each text begins, and where the last one ended.
    offsets: Vec<u32>,
    data: String,
    /// Where the text that is being written begins.
    start: usize,
}

impl Packed {
    /// With room for so many texts of so many bytes.
    #[inline]
    #[must_use]
    pub fn with_capacity(texts: usize, bytes_each: usize) -> Self {
        let mut offsets = Vec::with_capacity(texts + 1);
        offsets.push(0);
        Self { offsets, data: String::with_capacity(texts * bytes_each), start: 0 }
    }

    /// Where to write the next text.
    #[inline]
    pub fn data(&mut self) -> &mut String {
        &mut self.data
    }

    /// The text that is being written.
    #[inline]
    #[must_use]
    pub fn current(&self) -> &str {
        self.data.get(self.start..).unwrap_or_default()
    }

    /// Keep the text that was written. False: there is no room for it in 4 GiB.
    #[inline]
    pub fn keep(&mut self) -> bool {
        self.start = self.data.len();
        let end = u32::try_from(self.start);
        self.offsets.extend(end);
        end.is_ok()
    }

    /// Drop the text that was written.
    #[inline]
    pub fn drop_current(&mut self) {
        self.data.truncate(self.start);
    }

    /// The finished texts.
    #[inline]
    #[must_use]
    pub fn into_strings(self) -> Strings {
        Strings { offsets: self.offsets, data: self.data }
    }
}
