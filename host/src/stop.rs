//! A request to stop: finish what is in flight, begin nothing new.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by whoever asks for a stop and the runs that heed it. Once asked, it stays asked.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<watch::Sender<Option<&'static str>>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { asked: Arc::new(watch::Sender::new(None)) }
    }
}

impl Stop {
    /// Asks for a stop, and says what for: `SIGTERM`. The first reason stays.
    pub fn ask(&self, reason: &'static str) {
        self.asked.send_if_modified(|asked| asked.replace(asked.unwrap_or(reason)).is_none());
    }

    /// What a stop was asked for; `None` where none was.
    pub fn asked(&self) -> Option<&'static str> {
        *self.asked.borrow()
    }

    /// Waits until a stop is asked for, and says what for.
    pub async fn wait(&self) -> &'static str {
        let mut asked = self.asked.subscribe();
        let reason = asked.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        // The sender lives as long as `self`: there is always a reason.
        reason.unwrap_or("stop")
    }
}
