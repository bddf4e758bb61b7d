//! Some of many keys, drawn without knowing how many there are: those whose hashes are the lowest.
//!
//! The same keys give the same sample, in whatever order they come, so that a second look compares with the first; and a key that
//! comes again takes its own place.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use xxhash_rust::xxh3::xxh3_64;

/// How many are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleSize {
    /// So many.
    Of(NonZeroUsize),
    /// Every one.
    All,
}

impl Default for SampleSize {
    /// A thousand: one or two requests, and drift of a percent does not escape it.
    fn default() -> Self {
        Self::Of(NonZeroUsize::new(1000).unwrap_or(NonZeroUsize::MIN))
    }
}

impl std::str::FromStr for SampleSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("all", _) => Ok(Self::All),
            (_, Ok(size)) => Ok(Self::Of(size)),
            _ => Err("expected a number of rows from 1, or all".to_owned()),
        }
    }
}

/// A sample of things that have keys.
#[derive(Debug)]
pub(super) struct Sample<T> {
    size: usize,
    drawn: BTreeMap<(u64, String), T>,
}

impl<T> Sample<T> {
    pub(super) fn new(size: NonZeroUsize) -> Self {
        Self { size: size.get(), drawn: BTreeMap::new() }
    }

    /// Draws a thing, or leaves it. `make` is called only for one that is drawn.
    pub(super) fn offer(&mut self, key: &str, make: impl FnOnce() -> T) {
        let hash = xxh3_64(key.as_bytes());
        let is_full = self.drawn.len() >= self.size;
        if is_full && self.drawn.last_key_value().is_some_and(|((last, _), _)| *last < hash) {
            return;
        }
        self.drawn.insert((hash, key.to_owned()), make());
        if self.drawn.len() > self.size {
            self.drawn.pop_last();
        }
    }

    /// What was drawn, with its keys.
    pub(super) fn into_drawn(self) -> impl Iterator<Item = (String, T)> {
        self.drawn.into_iter().map(|((_, key), thing)| (key, thing))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn draw(keys: impl Iterator<Item = u32>) -> Vec<(String, u32)> {
        let mut sample = Sample::new(NonZeroUsize::new(100).unwrap());
        keys.for_each(|key| sample.offer(&format!("cust_{}", key % 10_000), || key));
        sample.into_drawn().collect()
    }

    #[test]
    fn a_sample_depends_on_the_keys_and_not_on_their_order() {
        let rising = draw(0..10_000);
        assert_eq!(rising.len(), 100);
        assert_eq!(rising, draw((0..10_000).rev()));
        let spread = rising.iter().filter(|(_, key)| *key < 5_000).count();
        assert!((30..70).contains(&spread), "{spread} of the first half");
    }

    #[test]
    fn of_a_key_that_comes_again_the_last_one_is_kept() {
        let again = draw(0..20_000);
        assert_eq!(again.len(), 100);
        assert!(again.iter().all(|(_, key)| *key >= 10_000));
    }

    #[test]
    fn sizes_as_they_are_written() {
        assert_eq!("all".parse(), Ok(SampleSize::All));
        assert_eq!("7".parse(), Ok(SampleSize::Of(NonZeroUsize::new(7).unwrap())));
        for wrong in ["0", "-1", "", "ALL", "1.5"] {
            assert!(wrong.parse::<SampleSize>().is_err(), "{wrong}");
        }
    }
}
