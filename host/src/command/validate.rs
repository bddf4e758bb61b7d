//! `validate`: every fault of a sync file at once.

use std::path::Path;

use destination_host::exit::Exit;
use destination_host::job::{Job, mode_name};
use destination_host::plugin::Plugin;

use super::{column_faults, judged, open_draft};
use crate::problem::Problem;
use crate::terminal::{Ink, Terminal, paint};
use destination_host::figures;

pub(super) async fn run(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let mut draft = judged(plugin, open_draft(path, terminal)?).await?;
    let (faults, columns) = column_faults(plugin, &draft);
    draft.add_faults(faults);
    let sync = draft.finish().map_err(|faults| Problem::faults(path, faults))?;

    let job = Job::new(plugin.descriptor(), &sync.destination, &sync.computed);
    terminal.say(&format!("{} {} is valid", paint(Ink::Good, "✔"), path.display()));
    let what = [job.object_type.as_deref(), job.mode.map(mode_name)].into_iter().flatten().collect::<Vec<_>>();
    terminal.say(&format!("  sync     {}: {}", sync.name, what.join(", ")));
    for (name, value) in &job.target {
        terminal.say(&format!("  target   {name} {value}"));
    }
    let seen = match &columns {
        Some(columns) => figures::counted(columns.len() as u64, "column"),
        None => "its columns were not looked at".to_owned(),
    };
    terminal.say(&format!("  source   {} ({seen})", sync.source));
    if let Some(read) = &job.columns {
        terminal.say(&format!("  mapped   {}", figures::counted(read.len() as u64, "column")));
    }
    Ok(Exit::Success)
}
