//! Many strings in one, as they cross the border, while they are read.

use crate::bindings as wit;

/// Many strings in one, their offsets checked.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    offsets: &'a [u32],
    data: &'a str,
}

impl<'a> Strings<'a> {
    /// Check the offsets.
    ///
    /// # Errors
    /// Names the offset that is wrong.
    #[inline]
    pub fn read(strings: &'a wit::Strings) -> Result<Self, String> {
        let checked = Self { offsets: &strings.offsets, data: &strings.data };
        let mut before = 0;
        for offset in &strings.offsets {
            if *offset < before {
                return Err(format!("offset {offset} comes after {before}: expected offsets that never fall"));
            }
            if !strings.data.is_char_boundary(byte_index(*offset)) {
                return Err(format!(
                    "offset {offset} is not the start of a character within the {} bytes of data",
                    strings.data.len()
                ));
            }
            before = *offset;
        }
        Ok(checked)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a str> {
        let start = *self.offsets.get(index)?;
        let end = *self.offsets.get(index + 1)?;
        self.data.get(byte_index(start)..byte_index(end))
    }
}

/// An offset as an index of bytes. No text is longer than memory.
#[inline]
fn byte_index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
