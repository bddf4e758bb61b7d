//! `check`: one cheap request with the sync's own key, host and path.

use std::path::Path;

use destination_host::exit::Exit;
use destination_host::outgoing::Outgoing;
use destination_host::pace::Pace;
use destination_host::plugin::Plugin;

use super::{client, sync_file};
use crate::problem::Problem;
use crate::terminal::{Ink, Terminal};

pub(super) async fn run(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path).await?;
    let outgoing = Outgoing::new(client(&sync.network)?, Pace::unlimited());
    let traffic = std::sync::Arc::clone(&outgoing.traffic);
    let session = plugin.session(&sync.destination.json(), outgoing)?;
    let checked = match session.check_connection().await {
        Ok(checked) => checked,
        Err(error) => {
            terminal.error_with_cause(&error.to_string(), traffic.last_fault().as_deref(), None);
            return Ok(Exit::Failed);
        }
    };
    for line in &checked.verified {
        terminal.say(&format!("{} {line}", terminal.paint(Ink::Good, "✔")));
    }
    for line in &checked.unverified {
        terminal.say(&format!("{} not checked: {line}", terminal.paint(Ink::Notice, "?")));
    }
    Ok(Exit::Success)
}
