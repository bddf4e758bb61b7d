//! How a run is getting on: a moving line on a terminal, now and then a plain line elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use destination_host::pipeline::Observer;
use destination_host::report::Counts;
use indicatif::{ProgressBar, ProgressStyle};

use crate::figures;
use crate::terminal::Terminal;

/// Between two plain lines. A log is read afterwards: more would only fill it.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Steps of the bar. A source tells its share, not its rows.
const STEPS: u64 = 1000;

/// Shows a run's progress on standard error.
pub(crate) struct Progress {
    terminal: Terminal,
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl Progress {
    pub(crate) fn new(terminal: &Terminal, name: &str) -> Self {
        let bar = terminal.watched.then(|| {
            let bar = ProgressBar::new_spinner();
            set_style(&bar, "{spinner} {wide_msg}");
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        Self { terminal: *terminal, name: name.to_owned(), started: now, bar, last_line: Mutex::new(now) }
    }

    /// Takes the moving line away: what follows is the result.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn progress(&self, counts: &Counts, read: Option<f64>) {
        match &self.bar {
            Some(bar) => {
                if let Some(read) = read {
                    if bar.length().is_none() {
                        bar.set_length(STEPS);
                        set_style(bar, "{spinner} {bar:20} {percent:>3}% {wide_msg}");
                    }
                    bar.set_position(step(read));
                }
                bar.set_message(line(&self.name, counts, self.started.elapsed()));
            }
            None => {
                let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= PLAIN_EVERY {
                    *last = Instant::now();
                    self.terminal.note(&line(&self.name, counts, self.started.elapsed()));
                }
            }
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

fn line(name: &str, counts: &Counts, elapsed: Duration) -> String {
    let mut parts = vec![format!("{} read", figures::counted(counts.rows_read, "row"))];
    for (number, what) in [
        (counts.unchanged, "unchanged"),
        (counts.delivered, "delivered"),
        (counts.rejected, "rejected"),
        (counts.removed, "removed"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", figures::count(number)));
        }
    }
    let rate = figures::rate(counts.rows_read, elapsed.as_secs_f64());
    format!("{name}: {}, {} rows/s", parts.join(", "), figures::count(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_what_there_is() {
        let counts = Counts { rows_read: 12_000, delivered: 11_999, rejected: 1, ..Counts::default() };
        assert_eq!(
            line("crm", &counts, Duration::from_secs(2)),
            "crm: 12,000 rows read, 11,999 delivered, 1 rejected, 6,000 rows/s"
        );
        assert_eq!(line("crm", &Counts::default(), Duration::ZERO), "crm: 0 rows read, 0 rows/s");
    }
}
