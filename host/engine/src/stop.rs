//! A request to stop: nothing new begins, waits end, and what is in flight gets a while to finish.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long requests in flight may take after a stop was asked for. Kubernetes kills a process 30 s after it asked it to
/// stop; the state, the report and a slow disk need a part of that.
const GRACE: Duration = Duration::from_secs(10);

/// How much longer a plugin's call may take: it learns that its request was given up, and reports.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Shared by whoever asks for a stop and all that heed it. Once asked, it stays asked.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<watch::Sender<Option<Asked>>>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    reason: &'static str,
    at: Instant,
}

impl Default for Stop {
    fn default() -> Self {
        Self { asked: Arc::new(watch::Sender::new(None)) }
    }
}

impl Stop {
    /// Asks for a stop, and says what for: `SIGTERM`. The first reason stays.
    pub fn ask(&self, reason: &'static str) {
        let now = Asked { reason, at: Instant::now() };
        self.asked.send_if_modified(|asked| asked.replace(asked.unwrap_or(now)).is_none());
    }

    /// What a stop was asked for; `None` where none was.
    #[must_use]
    pub fn asked(&self) -> Option<&'static str> {
        self.asked.borrow().map(|asked| asked.reason)
    }

    /// Waits until a stop is asked for, and says what for.
    pub async fn wait(&self) -> &'static str {
        self.when_asked().await.reason
    }

    /// Whether a stop was asked for and the time of requests in flight is up.
    #[must_use]
    pub fn is_grace_over(&self) -> bool {
        self.asked.borrow().is_some_and(|asked| asked.at + GRACE <= Instant::now())
    }

    /// Waits until a stop was asked for and the time of requests in flight is up.
    pub async fn grace_over(&self) {
        let asked = self.when_asked().await;
        tokio::time::sleep_until(asked.at + GRACE).await;
    }

    /// Waits until the time of the calls that made those requests is up too.
    pub async fn calls_over(&self) {
        let asked = self.when_asked().await;
        tokio::time::sleep_until(asked.at + GRACE + LAST_WORDS).await;
    }

    async fn when_asked(&self) -> Asked {
        let mut receiver = self.asked.subscribe();
        loop {
            if let Some(asked) = *receiver.borrow_and_update() {
                return asked;
            }
            if receiver.changed().await.is_err() {
                // The sender lives as long as `self`.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_reason_stays_and_the_grace_counts_from_it() {
        let stop = Stop::default();
        assert_eq!(stop.asked(), None);
        stop.ask("SIGTERM");
        tokio::time::sleep(GRACE / 2).await;
        stop.ask("SIGINT");
        assert_eq!((stop.asked(), stop.wait().await), (Some("SIGTERM"), "SIGTERM"));
        let before = Instant::now();
        assert!(!stop.is_grace_over());
        stop.grace_over().await;
        assert!(stop.is_grace_over());
        assert_eq!(before.elapsed(), GRACE / 2);
    }
}
