//! How much of an input has been read, for a progress bar.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// An input whose bytes are counted.
pub(super) struct Metered {
    input: Box<dyn Read + Send>,
    meter: Arc<Meter>,
}

impl Metered {
    pub(super) fn file(file: File) -> Self {
        // Of a pipe with a name it is not known how much will come.
        let total = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        Self { input: Box::new(file), meter: Arc::new(Meter::of(total)) }
    }

    pub(super) fn stdin() -> Self {
        Self { input: Box::new(io::stdin()), meter: Arc::default() }
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.meter.add(read as u64);
        Ok(read)
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
        let mut metered = Metered::file(file);
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
        assert_eq!(Metered::file(tempfile::tempfile().unwrap()).meter().share(), None);
    }
}
