//! `check`: one cheap request with the sync's own key, host and path.

use std::path::Path;

use destination_host::exit::Exit;
use destination_host::outgoing::Outgoing;
use destination_host::pace::Pace;
use destination_host::plugin::Plugin;

use super::{client, sync_file};
use crate::problem::Problem;
use crate::terminal::{Ink, Terminal, paint};

pub(super) async fn run(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path, terminal).await?;
    let outgoing = Outgoing::new(client(&sync.network)?, Pace::unlimited());
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
        terminal.say(&format!("{} {line}", paint(Ink::Good, "✔")));
    }
    for line in &checked.unverified {
        terminal.say(&format!("{} not checked: {line}", paint(Ink::Notice, "?")));
    }
    Ok(Exit::Success)
}
