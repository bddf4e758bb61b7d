//! `preview`: the first rows as the requests that would carry them, and nothing else on standard output.

use std::path::Path;

use destination_engine::bindings::Body;
use destination_engine::plugin::Plugin;
use destination_host::pipeline::job::Job;
use destination_host::pipeline::{preview, rate};
use destination_host::report::exit::Exit;

use super::{client, sync_file};
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::{self, count, counted};

pub(super) async fn run(plugin: &Plugin, path: &Path, rows: usize, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path, terminal).await?;
    let preview =
        preview(plugin, &client(&sync.network)?, &sync, rows).await.map_err(|error| Problem::preview(path, error))?;
    for request in &preview.requests {
        let line = format!("{} {}", request.method, request.path);
        terminal.stdout(&paint(Style::Strong, &line));
        // As it is sent, byte for byte, on one line.
        match &request.body {
            Body::Text(text) => terminal.data(text),
            Body::Bytes(bytes) => {
                terminal.stdout(&format!("{} that are not text", counted(bytes.len() as u64, "byte")));
            }
        }
    }
    for note in &preview.notes {
        terminal.warning(&note.to_string(), note.hint.as_deref());
    }
    for (row, issue) in &preview.issues {
        let code = paint(Style::Strong, &issue.code);
        terminal.stderr(&format!("row {} is rejected: {code}  {}", count(*row), issue.message));
    }
    let mut said = format!("{} read, nothing was sent", counted(preview.rows, "row"));
    if !preview.ended {
        said.push_str("; --rows N shows more");
    }
    if preview.alone {
        said.push_str("; each row is a request of its own");
        let minute = rate(&sync.limits, plugin.descriptor()).least_time(1000, 1000);
        if let Some(thousand) = minute.filter(|time| !time.is_zero()) {
            let rows = human_format::rate(60_000, thousand.as_secs_f64());
            said.push_str(&format!(": at the configured rate at most {} a minute", counted(rows, "row")));
        }
    }
    if Job::new(plugin.descriptor(), &sync.destination, &sync.computed).mirrors() {
        said.push_str("; shown as a first load: a sync sends only what differs from the state");
    }
    terminal.stderr(&paint(Style::Faint, &said));
    Ok(if preview.issues.is_empty() { Exit::Success } else { Exit::Rejected })
}
