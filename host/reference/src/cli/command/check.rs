//! `check`: one cheap request with the sync's own key, host and path; and, with a key that may look, the mappings beside the
//! fields that are there.

use std::path::Path;

use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_host::pipeline::{compare_fields, job::Job, rate};
use destination_host::report::exit::Exit;

use super::{client, sync_file};
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};

pub(super) async fn run(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path, terminal).await?;
    let limiter = RateLimiter::new(rate(&sync.limits, plugin.descriptor()));
    let outgoing = HttpContext::new(client(&sync.network)?, limiter);
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
    let job = Job::new(plugin.descriptor(), &sync.destination, &sync.computed);
    let compared = compare_fields(&session, &sync, &sync.destination, &job).await;
    let compared = compared.map_err(|error| Problem::run(path, error))?;
    for note in &compared.notes {
        terminal.warning(&note.to_string(), note.hint.as_deref());
    }
    if compared.faults.is_empty() { Ok(Exit::Success) } else { Err(Problem::faults(path, compared.faults)) }
}
