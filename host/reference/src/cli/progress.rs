//! How a run is getting on: a moving line on a terminal, now and then a plain line elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use destination_host::report::observer::{Observer, ProgressSnapshot};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::terminal::Terminal;
use destination_host::human_format;

/// Between two plain lines. A log is read afterwards: more would only fill it.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Steps of the bar. A source tells its share, not its rows.
const STEPS: u64 = 1000;

/// Shows a run's progress on standard error.
pub(crate) struct Progress {
    terminal: Terminal,
    name: String,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl Progress {
    pub(crate) fn new(terminal: &Terminal, name: &str) -> Self {
        Self::shown(terminal, name, |bar| bar, String::new())
    }

    /// A line among those of other runs, with the run's name.
    pub(crate) fn among(bars: &MultiProgress, terminal: &Terminal, name: &str) -> Self {
        Self::shown(terminal, name, |bar| bars.add(bar), format!("{name:<20} "))
    }

    fn shown(terminal: &Terminal, name: &str, add: impl FnOnce(ProgressBar) -> ProgressBar, prefix: String) -> Self {
        let bar = terminal.watched.then(|| {
            let bar = add(ProgressBar::new_spinner()).with_prefix(prefix);
            set_style(&bar, "{spinner} {prefix}{wide_msg}");
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        Self { terminal: terminal.clone(), name: name.to_owned(), bar, last_line: Mutex::new(now) }
    }

    /// Takes the moving line away: what follows is the result.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn warn(&self, message: &str, hint: Option<&str>) {
        match &self.bar {
            // The moving line makes room for it.
            Some(bar) => bar.suspend(|| self.terminal.warning(message, hint)),
            None => self.terminal.warning(message, hint),
        }
    }

    fn progress(&self, moment: &ProgressSnapshot<'_>) {
        match &self.bar {
            Some(bar) => {
                if let Some(read) = moment.read {
                    if bar.length().is_none() {
                        bar.set_length(STEPS);
                        set_style(bar, "{spinner} {prefix}{bar:20} {percent:>3}% {eta:>4} left  {wide_msg}");
                    }
                    bar.set_position(step(read));
                }
                bar.set_message(brief(moment));
            }
            None => {
                let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= PLAIN_EVERY {
                    *last = Instant::now();
                    self.terminal.progress(&self.name, moment, &line(&self.name, moment));
                }
            }
        }
    }
}

/// A number that grows, on a terminal that a person watches.
pub(crate) struct Counter {
    bar: Option<ProgressBar>,
    what: &'static str,
}

impl Counter {
    pub(crate) fn new(terminal: &Terminal, what: &'static str) -> Self {
        let bar = terminal.watched.then(|| {
            let bar = ProgressBar::new_spinner();
            set_style(&bar, "{spinner} {wide_msg}");
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, what }
    }

    pub(crate) fn set(&self, number: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {}", human_format::count(number), self.what));
        }
    }

    /// Takes the moving line away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    // The template is this file's own; a wrong one leaves the bar as it was.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share is from 0 to 1"
)]
fn step(share: f64) -> u64 {
    (share * STEPS as f64) as u64
}

/// What fits beside a bar: the least that tells whether it goes well.
fn brief(moment: &ProgressSnapshot<'_>) -> String {
    let counts = moment.counts;
    let rate = human_format::rate(counts.rows_read, moment.elapsed.as_secs_f64());
    let mut parts = vec![human_format::counted(counts.rows_read, "row"), format!("{}/s", human_format::count(rate))];
    let requests = moment.traffic.counts().requests;
    for (number, what) in [(requests, "sent"), (moment.retries, "repeated"), (counts.rejected, "rejected")] {
        if number > 0 {
            parts.push(format!("{} {what}", human_format::count(number)));
        }
    }
    parts.join(", ")
}

fn line(name: &str, moment: &ProgressSnapshot<'_>) -> String {
    let counts = moment.counts;
    let mut parts = vec![format!("{} read", human_format::counted(counts.rows_read, "row"))];
    for (number, what) in [
        (counts.unchanged, "unchanged"),
        (counts.delivered, "delivered"),
        (counts.rejected, "rejected"),
        (counts.removed, "removed"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", human_format::count(number)));
        }
    }
    let rate = human_format::rate(counts.rows_read, moment.elapsed.as_secs_f64());
    parts.push(format!("{} rows/s", human_format::count(rate)));
    let requests = moment.traffic.counts().requests;
    if requests > 0 {
        parts.push(human_format::counted(requests, "request"));
    }
    if moment.retries > 0 {
        parts.push(format!("{} repeated", human_format::count(moment.retries)));
    }
    format!("{name}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use destination_host::report::Counts;
    use destination_host::report::effects::Effects;

    use super::*;

    #[test]
    fn a_line_names_what_there_is() {
        let told = |counts: &Counts, elapsed, retries| {
            line(
                "crm",
                &ProgressSnapshot {
                    elapsed,
                    counts,
                    read: None,
                    traffic: &Arc::default(),
                    retries,
                    effects: &Effects::default(),
                },
            )
        };
        let counts = Counts { rows_read: 12_000, delivered: 11_999, rejected: 1, ..Counts::default() };
        assert_eq!(
            told(&counts, Duration::from_secs(2), 3),
            "crm: 12,000 rows read, 11,999 delivered, 1 rejected, 6,000 rows/s, 3 repeated"
        );
        assert_eq!(told(&Counts::default(), Duration::ZERO, 0), "crm: 0 rows read, 0 rows/s");
    }

    #[test]
    fn what_stands_beside_a_bar_fits_a_terminal() {
        let counts = Counts { rows_read: 12_345_678, rejected: 1, ..Counts::default() };
        let moment = ProgressSnapshot {
            elapsed: Duration::from_secs(20),
            counts: &counts,
            read: None,
            traffic: &Arc::default(),
            retries: 3,
            effects: &Effects::default(),
        };
        let brief = brief(&moment);
        assert_eq!(brief, "12,345,678 rows, 617,284/s, 3 repeated, 1 rejected");
    }
}
