//! How much of an input has been read, for a progress bar.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::Bytes;

/// Counts the bytes of an input as they are read. Shared by whoever reads and whoever looks.
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    total: Option<u64>,
}

impl Meter {
    /// A meter of so many bytes, where it is known how many there are.
    pub(in crate::source) fn of(total: Option<u64>) -> Arc<Self> {
        Arc::new(Self { total, ..Self::default() })
    }

    /// A meter of one file. Of a pipe with a name it is not known how much will come.
    pub(in crate::source) fn of_file(file: &File) -> io::Result<Arc<Self>> {
        let about = file.metadata()?;
        Ok(Self::of(about.is_file().then_some(about.len())))
    }

    /// Counts what was read.
    pub(in crate::source) fn add(&self, read: u64) {
        self.read.fetch_add(read, Ordering::Relaxed);
    }

    /// The part that was read, from 0 to 1; `None` where it is not known how much there is.
    pub fn share(&self) -> Option<f64> {
        let total = self.total.filter(|&total| total > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "a bar has fewer steps than a float")]
        let share = self.read.load(Ordering::Relaxed) as f64 / total as f64;
        Some(share.min(1.0))
    }
}

/// An input whose bytes are counted.
pub(in crate::source) struct Metered {
    input: Bytes,
    /// The file, where it is one: it must not change while it is read.
    watched: Option<Watched>,
    meter: Arc<Meter>,
}

impl Metered {
    /// A file, whose bytes count with those of others.
    pub(in crate::source) fn file(file: File, meter: Arc<Meter>) -> io::Result<Self> {
        let watched = Watched::new(file.try_clone()?)?;
        Ok(Self { input: Box::new(file), watched, meter })
    }

    pub(in crate::source) fn stdin() -> Self {
        Self::stream(io::stdin())
    }

    pub(in crate::source) fn stream(input: impl Read + Send + 'static) -> Self {
        Self { input: Box::new(input), watched: None, meter: Arc::default() }
    }

    pub(in crate::source) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        if read == 0
            && !into.is_empty()
            && let Some(watched) = &self.watched
        {
            watched.unchanged()?;
        }
        self.meter.add(read as u64);
        Ok(read)
    }
}

/// A file that must be the same at the end as at the start. One that is cut or written to while it is read has an end that means
/// nothing.
#[derive(Debug)]
pub(in crate::source) struct Watched {
    file: File,
    before: Version,
}

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    length: u64,
    modified: Option<SystemTime>,
}

impl Version {
    pub(super) fn of(about: &Metadata) -> Self {
        Self { length: about.len(), modified: about.modified().ok() }
    }

    pub(super) fn length(self) -> u64 {
        self.length
    }
}
impl Watched {
    /// `None` for what is not a regular file.
    pub(in crate::source) fn new(file: File) -> io::Result<Option<Self>> {
        let about = file.metadata()?;
        Ok(about.is_file().then(|| Self { before: Version::of(&about), file }))
    }

    /// Fails where the file changed since.
    pub(in crate::source) fn unchanged(&self) -> io::Result<()> {
        let now = Version::of(&self.file.metadata()?);
        if now == self.before {
            return Ok(());
        }
        Err(io::Error::other(Changed { before: self.before.length, now: now.length }))
    }
}

/// A file changed while it was read.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was read: {}", self.how())]
pub(in crate::source) struct Changed {
    before: u64,
    now: u64,
}

impl Changed {
    fn how(&self) -> String {
        match self.before == self.now {
            true => format!("it was written to, and has {} bytes as at the start", self.now),
            false => format!("it had {} bytes at the start and has {} now", self.before, self.now),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::Write;

    use super::*;

    #[test]
    fn a_files_share_grows_with_what_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"12345678").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let meter = Meter::of_file(&file).unwrap();
        let mut metered = Metered::file(file, Arc::clone(&meter)).unwrap();
        assert_eq!(meter.share(), Some(0.0));
        metered.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(meter.share(), Some(0.25));
        metered.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(meter.share(), Some(1.0));
    }

    #[test]
    fn of_standard_input_nothing_is_known() {
        assert_eq!(Metered::stdin().meter().share(), None);
        assert_eq!(Meter::of_file(&tempfile::tempfile().unwrap()).unwrap().share(), None);
    }

    #[test]
    fn a_file_that_changed_has_no_end() {
        for change in [4_u64, 20] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(b"12345678").unwrap();
            let mut metered = Metered::file(file.reopen().unwrap(), Arc::default()).unwrap();
            metered.read_exact(&mut [0; 4]).unwrap();
            file.as_file().set_len(change).unwrap();
            let error = metered.read_to_end(&mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains(&format!("it had 8 bytes at the start and has {change} now")), "{error}");
        }
        let same = Changed { before: 8, now: 8 }.to_string();
        assert!(same.ends_with("it was written to, and has 8 bytes as at the start"), "{same}");
    }
}
