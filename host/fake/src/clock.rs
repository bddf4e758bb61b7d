//! The time, as the fake sees it: the real one, or one that stands still until a test moves it.
//!
//! It decides when a request arrived, when the rate limit frees up and what date a `Retry-After` names. A scripted
//! delay is a real sleep whatever the clock says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A source of time. Clones share it.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Moment,
    /// Nanoseconds since the start; none where real time passes.
    moved: Option<Arc<AtomicU64>>,
}

/// One point in time on both clocks of a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

impl Clock {
    /// Real time.
    #[must_use]
    pub fn system() -> Self {
        Self { start: now(), moved: None }
    }

    /// Stands still at the present until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual() -> Self {
        Self { start: now(), moved: Some(Arc::default()) }
    }

    /// Moves a manual clock on. Real time can't be moved: there it does nothing.
    pub fn advance(&self, by: Duration) {
        if let Some(moved) = &self.moved {
            let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            moved.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    pub(crate) fn now(&self) -> Moment {
        match &self.moved {
            None => now(),
            Some(moved) => {
                let passed = Duration::from_nanos(moved.load(Ordering::Relaxed));
                Moment { instant: self.start.instant + passed, wall: self.start.wall + passed }
            }
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

fn now() -> Moment {
    Moment { instant: Instant::now(), wall: SystemTime::now() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual();
        let before = clock.now();
        assert_eq!(clock.now().instant, before.instant);
        clock.clone().advance(Duration::from_millis(1500));
        assert_eq!(clock.now().instant - before.instant, Duration::from_millis(1500));
        assert_eq!(clock.now().wall.duration_since(before.wall).ok(), Some(Duration::from_millis(1500)));
    }
}
