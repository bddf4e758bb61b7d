//! How much of an input has been read, for a progress bar.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Counts the bytes (or the rows) of an input as they are read. Shared by whoever reads and whoever looks.
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    total: Option<u64>,
}

impl Meter {
    /// A meter of rows, where it is known how many there are.
    pub(super) fn of(total: Option<u64>) -> Self {
        Self { total, ..Self::default() }
    }

    /// Counts what was read.
    pub(super) fn add(&self, read: u64) {
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

/// An input whose bytes are counted, and whose first ones can be looked at.
pub(super) struct Metered {
    input: Box<dyn Read + Send>,
    /// The first bytes, as far as they were read and not handed on.
    head: Vec<u8>,
    /// The file, where it is one: it must not change while it is read.
    watched: Option<Watched>,
    meter: Arc<Meter>,
}

impl Metered {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let watched = Watched::new(file.try_clone()?)?;
        // Of a pipe with a name it is not known how much will come.
        let total = watched.as_ref().map(|watched| watched.before.length);
        Ok(Self { input: Box::new(file), head: Vec::new(), watched, meter: Arc::new(Meter::of(total)) })
    }

    pub(super) fn stdin() -> Self {
        Self::stream(io::stdin())
    }

    pub(super) fn stream(input: impl Read + Send + 'static) -> Self {
        Self { input: Box::new(input), head: Vec::new(), watched: None, meter: Arc::default() }
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The first bytes, which are read all the same later. Fewer than `most` may do: a pipe hands over what it has.
    pub(super) fn head(&mut self, most: usize) -> io::Result<&[u8]> {
        const ENOUGH: usize = 16;
        self.head = vec![0; most];
        let mut filled = 0;
        while filled < ENOUGH {
            match self.input.read(self.head.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.head.truncate(filled);
        Ok(&self.head)
    }
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = if self.head.is_empty() {
            self.input.read(into)?
        } else {
            let read = self.head.len().min(into.len());
            for (to, from) in into.iter_mut().zip(self.head.drain(..read)) {
                *to = from;
            }
            read
        };
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
pub(super) struct Watched {
    file: File,
    before: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    length: u64,
    modified: Option<SystemTime>,
}

impl Version {
    fn of(about: &Metadata) -> Self {
        Self { length: about.len(), modified: about.modified().ok() }
    }
}

impl Watched {
    /// `None` for what is not a regular file.
    pub(super) fn new(file: File) -> io::Result<Option<Self>> {
        let about = file.metadata()?;
        Ok(about.is_file().then(|| Self { before: Version::of(&about), file }))
    }

    /// Fails where the file changed since.
    pub(super) fn unchanged(&self) -> io::Result<()> {
        let now = Version::of(&self.file.metadata()?);
        if now == self.before {
            return Ok(());
        }
        Err(io::Error::other(Changed { before: self.before.length, now: now.length }))
    }
}

/// A file changed while it was read.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was read: it had {before} bytes at the start and has {now} now")]
pub(super) struct Changed {
    before: u64,
    now: u64,
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
        let mut metered = Metered::file(file).unwrap();
        let meter = metered.meter();
        assert_eq!(meter.share(), Some(0.0));
        metered.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(meter.share(), Some(0.25));
        metered.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(meter.share(), Some(1.0));
    }

    #[test]
    fn of_standard_input_nothing_is_known() {
        assert_eq!(Metered::stdin().meter().share(), None);
        assert_eq!(Metered::file(tempfile::tempfile().unwrap()).unwrap().meter().share(), None);
    }

    #[test]
    fn first_bytes_that_were_looked_at_are_read_all_the_same() {
        let mut metered = Metered::stream(&b"0123456789"[..]);
        assert_eq!(metered.head(512).unwrap(), b"0123456789");
        let mut read = [0; 4];
        assert_eq!(metered.read(&mut read).unwrap(), 4);
        let mut rest = String::new();
        metered.read_to_string(&mut rest).unwrap();
        assert_eq!((&read, rest.as_str()), (b"0123", "456789"));
    }

    #[test]
    fn a_file_that_changed_has_no_end() {
        for change in [4_u64, 20] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(b"12345678").unwrap();
            let mut metered = Metered::file(file.reopen().unwrap()).unwrap();
            assert_eq!(metered.head(4).unwrap(), b"1234");
            file.as_file().set_len(change).unwrap();
            let error = metered.read_to_end(&mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains(&format!("it had 8 bytes at the start and has {change} now")), "{error}");
        }
    }
}
