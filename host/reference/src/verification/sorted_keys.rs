//! Any number of keys, handed out in the order of their bytes, in bounded memory: sorted in runs, which are written to
//! files without a name and merged as they are read.
//!
//! SQLite's order of texts is the same, so that what a state knows can be walked beside them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// Bytes of a run, with what it takes to sort them.
const RUN_BYTES: usize = 48 << 20;
/// Bytes that are read of a run at a time. Their number grows with the keys, a hundred million are some forty runs.
const READ_BYTES: usize = 128 << 10;

/// Keys that come in any order.
#[derive(Debug)]
pub(super) struct SortedKeys {
    most_bytes: usize,
    run: Run,
    files: Vec<File>,
    count: u64,
}

/// Keys that are not sorted yet.
#[derive(Debug, Default)]
struct Run {
    bytes: Vec<u8>,
    /// Start and length of each key.
    keys: Vec<(u32, u32)>,
}

impl Run {
    fn size(&self) -> usize {
        self.bytes.len() + self.keys.len() * size_of::<(u32, u32)>()
    }

    fn key(&self, (start, length): (u32, u32)) -> &[u8] {
        let start = start as usize;
        self.bytes.get(start..start + length as usize).unwrap_or_default()
    }

    fn sort(&mut self) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.sort_unstable_by(|a, b| self.key(*a).cmp(self.key(*b)));
        self.keys = keys;
    }
}

impl SortedKeys {
    pub(super) fn new() -> Self {
        Self::in_runs_of(RUN_BYTES)
    }

    fn in_runs_of(most_bytes: usize) -> Self {
        Self { most_bytes, run: Run::default(), files: Vec::new(), count: 0 }
    }

    /// How many were added.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn push(&mut self, key: &str) -> io::Result<()> {
        if self.run.size() + key.len() > self.most_bytes {
            self.write_run()?;
        }
        // A run is far smaller than 4 GiB, and so is a key.
        let (start, length) = (self.run.bytes.len() as u64, key.len() as u64);
        let (Ok(start), Ok(length)) = (u32::try_from(start), u32::try_from(length)) else {
            return Err(io::Error::other("a key of more than 4 GiB"));
        };
        self.run.bytes.extend_from_slice(key.as_bytes());
        self.run.keys.push((start, length));
        self.count += 1;
        Ok(())
    }

    /// The keys in their order. They can be walked more than once.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        self.write_run()?;
        Ok(Sorted { files: self.files })
    }

    fn write_run(&mut self) -> io::Result<()> {
        if self.run.keys.is_empty() {
            return Ok(());
        }
        self.run.sort();
        let mut to = BufWriter::with_capacity(READ_BYTES, tempfile::tempfile()?);
        for &span in &self.run.keys {
            to.write_all(&span.1.to_le_bytes())?;
            to.write_all(self.run.key(span))?;
        }
        self.files.push(to.into_inner().map_err(io::IntoInnerError::into_error)?);
        self.run.bytes.clear();
        self.run.keys.clear();
        Ok(())
    }
}

/// Sorted keys, ready to be walked.
#[derive(Debug)]
pub(super) struct Sorted {
    files: Vec<File>,
}

impl Sorted {
    /// From the first key on.
    pub(super) fn walk(&mut self) -> io::Result<Walk<'_>> {
        let mut walk =
            Walk { runs: Vec::with_capacity(self.files.len()), heads: BinaryHeap::new(), current: Vec::new() };
        for file in &mut self.files {
            file.rewind()?;
            walk.runs.push(BufReader::with_capacity(READ_BYTES, &*file));
        }
        for run in 0..walk.runs.len() {
            walk.refill(run, Vec::new())?;
        }
        Ok(walk)
    }
}

/// A walk through sorted keys.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    runs: Vec<BufReader<&'a File>>,
    /// The next key of each run that is not at its end.
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    current: Vec<u8>,
}

impl Walk<'_> {
    /// The next key; `None` after the last one.
    pub(super) fn next(&mut self) -> io::Result<Option<&str>> {
        let Some(Reverse((key, run))) = self.heads.pop() else { return Ok(None) };
        let used = std::mem::replace(&mut self.current, key);
        self.refill(run, used)?;
        std::str::from_utf8(&self.current).map(Some).map_err(io::Error::other)
    }

    /// Takes the next key of a run, into memory that was used before.
    fn refill(&mut self, run: usize, mut key: Vec<u8>) -> io::Result<()> {
        let Some(reader) = self.runs.get_mut(run) else { return Ok(()) };
        let mut length = [0; 4];
        match reader.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        key.resize(u32::from_le_bytes(length) as usize, 0);
        reader.read_exact(&mut key)?;
        self.heads.push(Reverse((key, run)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use proptest::prelude::*;

    use super::*;

    fn sorted(keys: &[String], most_bytes: usize) -> (Vec<String>, Vec<String>) {
        let mut sorted = SortedKeys::in_runs_of(most_bytes);
        keys.iter().for_each(|key| sorted.push(key).unwrap());
        assert_eq!(sorted.count(), keys.len() as u64);
        let mut sorted = sorted.finish().unwrap();
        let mut walk = || {
            let (mut walk, mut keys) = (sorted.walk().unwrap(), Vec::new());
            while let Some(key) = walk.next().unwrap() {
                keys.push(key.to_owned());
            }
            keys
        };
        (walk(), walk())
    }

    proptest! {
        /// However many runs there are, all keys come in the order of their bytes, twins too, and as often as they are walked.
        #[test]
        fn keys_come_in_their_order(mut keys in prop::collection::vec(".{0,6}", 0..60), most_bytes in 1usize..400) {
            let (first, second) = sorted(&keys, most_bytes);
            keys.sort_unstable();
            prop_assert_eq!(&first, &keys);
            prop_assert_eq!(second, keys);
        }
    }
}
