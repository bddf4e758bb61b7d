//! `check`: one cheap request with the sync's own key, host and path.

use std::path::Path;

use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_host::report::exit::Exit;

use super::{client, sync_file};
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};

pub(super) async fn run(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path, terminal).await?;
    let outgoing = HttpContext::new(client(&sync.network)?, RateLimiter::unlimited());
    let session = plugin.session(&sync.destination.json(), outgoing)?;
    let outcome = session.check_connection().await;
    let checked = match outcome.answer {
        Ok(checked) => checked,
        Err(error) => {
            terminal.error_with_cause(&error.to_string(), outcome.traffic.cause.as_deref(), None);
            return Ok(Exit::Failed);
        }
    };
    for line in &checked.verified {
        terminal.stdout(&format!("{} {line}", paint(Style::Good, "✔")));
    }
    for line in &checked.unverified {
        terminal.stdout(&format!("{} not checked: {line}", paint(Style::Notice, "?")));
    }
    Ok(Exit::Success)
}
