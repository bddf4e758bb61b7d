//! `validate`: every fault of a sync file at once.

use std::path::Path;

use destination_engine::plugin::Plugin;
use destination_host::pipeline::job::{Job, mode_name};
use destination_host::report::exit::Exit;

use super::{column_faults, judged, open_draft};
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format;

pub(super) async fn run(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let draft = open_draft(path, terminal).map_err(|faults| Problem::faults(path, faults))?;
    let mut draft = judged(plugin, draft).await?;
    let (faults, columns) = column_faults(plugin, &draft);
    draft.add_faults(faults);
    let sync = draft.finish().map_err(|faults| Problem::faults(path, faults))?;

    let job = Job::new(plugin.descriptor(), &sync.destination, &sync.computed);
    terminal.stdout(&format!("{} {} is valid", paint(Style::Good, "✔"), path.display()));
    let what = [job.object_type.as_deref(), job.mode.map(mode_name)].into_iter().flatten().collect::<Vec<_>>();
    terminal.stdout(&format!("  sync     {}: {}", sync.name, what.join(", ")));
    for (name, value) in &job.target {
        terminal.stdout(&format!("  target   {name} {value}"));
    }
    let seen = match &columns {
        Some(columns) => human_format::counted(columns.len() as u64, "column"),
        None => "its columns were not looked at".to_owned(),
    };
    terminal.stdout(&format!("  source   {} ({seen})", sync.source));
    if let Some(read) = &job.columns {
        terminal.stdout(&format!("  mapped   {}", human_format::counted(read.len() as u64, "column")));
    }
    Ok(Exit::Success)
}
