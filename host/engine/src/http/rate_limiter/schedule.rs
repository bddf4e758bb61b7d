//! When the next request may leave: pure arithmetic on instants, no clock and no waiting.

use std::time::Duration;

use tokio::time::Instant;

use super::Rate;
use super::records::RecordWindow;

/// How late a departure may be without pushing those after it back.
///
/// Timers wake up to a millisecond or a few late. If each delay moved the whole schedule, 60 requests a second would
/// become 55.
const SLACK: Duration = Duration::from_millis(5);

/// How long a 429 without `Retry-After` holds everyone back: a second is the window it most likely speaks of.
const DEFAULT_HOLD: Duration = Duration::from_secs(1);

/// The longest that a `Retry-After` is obeyed. A day would be a fault of the server's or its clock's; five minutes is also
/// how long the plugin keeps trying.
const MAX_HOLD: Duration = Duration::from_secs(5 * 60);

/// What is left of the rate after a 429. It can be met again: the destination may share its limit among senders that do
/// not know of each other.
const SLOWED: f64 = 0.5;

/// The rate never falls below this share of it, so that recovery does not take for ever.
const MIN_SHARE: f64 = 1.0 / 16.0;

/// The share of the rate that is regained each second without a 429: half the rate takes half a minute.
const REGAINED_PER_SECOND: f64 = 1.0 / 60.0;

#[derive(Debug)]
pub(super) struct Schedule {
    /// Between two departures at the full rate; zero without a limit.
    interval: Duration,
    /// Where records are limited too.
    records: Option<RecordWindow>,
    /// When the next request may leave by the rate.
    due: Option<Instant>,
    /// Nobody leaves before.
    held_until: Option<Instant>,
    slowed: Option<Slowed>,
}

/// The last time that the rate was lowered.
#[derive(Debug, Clone, Copy)]
struct Slowed {
    at: Instant,
    /// When recovery begins.
    from: Instant,
    /// The share of the rate that was left then.
    share: f64,
}

impl Schedule {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = rate.interval().unwrap_or_default();
        let records = rate.records_per_minute.map(RecordWindow::new);
        Self { interval, records, due: None, held_until: None, slowed: None }
    }

    /// When a request with so many records may leave; now, where that is past.
    pub(super) fn earliest(&mut self, now: Instant, records: u32) -> Instant {
        let mut earliest = now.max(self.due.unwrap_or(now)).max(self.held_until.unwrap_or(now));
        if let Some(window) = &mut self.records {
            earliest = earliest.max(window.earliest(now, records));
        }
        earliest
    }

    /// Let a request with so many records leave now, or say when to ask again.
    pub(super) fn take(&mut self, now: Instant, records: u32) -> Result<Instant, Instant> {
        let due = self.due.unwrap_or(now);
        let earliest = self.earliest(now, records);
        if now < earliest {
            return Err(earliest);
        }
        let counted_from = now.checked_sub(SLACK).map_or(due, |early| early.max(due));
        let mut interval = self.interval;
        if let Some(window) = &mut self.records {
            window.departed(now, records);
            interval = interval.max(window.interval(records));
        }
        self.due = Some(counted_from + interval.div_f64(self.share(now)));
        Ok(now)
    }

    pub(super) fn refused(&mut self, departure: Instant, retry_after: Option<Duration>, now: Instant) {
        let hold = now + retry_after.unwrap_or(DEFAULT_HOLD).min(MAX_HOLD);
        let held_until = self.held_until.map_or(hold, |held| held.max(hold));
        self.held_until = Some(held_until);
        // Requests that were under way when the rate was last lowered say nothing about the lower rate.
        let news = self.slowed.is_none_or(|slowed| departure > slowed.at);
        if news {
            let share = (self.share(now) * SLOWED).max(MIN_SHARE);
            self.slowed = Some(Slowed { at: now, from: held_until, share });
        }
    }

    /// The share of the full rate that is allowed at this time: above 0, at most 1.
    fn share(&self, now: Instant) -> f64 {
        self.slowed.map_or(1.0, |slowed| {
            let recovered = now.saturating_duration_since(slowed.from).as_secs_f64() * REGAINED_PER_SECOND;
            (slowed.share + recovered).min(1.0)
        })
    }
}

#[cfg(test)]
mod tests;
