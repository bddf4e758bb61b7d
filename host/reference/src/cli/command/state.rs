//! `state`: what is remembered of a sync, shown, exported or forgotten. It needs no plugin and no key.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use destination_engine::bindings::SyncMode;
use destination_host::pipeline::job::mode_name;
use destination_host::report::exit::Exit;
use destination_host::state::{Access, Standing, State as StateFile};
use destination_host::sync_file::SyncName;
use serde_json::json;

use super::open_draft;
use crate::cli::arguments::State;
use crate::cli::problem::Problem;
use crate::cli::question::agree;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::{count, counted};

pub(super) fn run(command: &State, terminal: &Terminal) -> Result<Exit, Problem> {
    let (State::Show { sync: path }
    | State::Export { sync: path }
    | State::Forget { sync: path, .. }
    | State::Recover { sync: path, .. }
    | State::Reset { sync: path, .. }) = command;
    let draft = open_draft(path, terminal).map_err(|faults| Problem::faults(path, faults))?;
    let mirrors = draft.destination().text("sync_mode").as_deref() == Some(mode_name(SyncMode::Mirror));
    let (name, spec) = draft.state().map_err(|faults| Problem::faults(path, faults))?;
    let file = spec.path.as_path();
    if let State::Recover { yes, .. } = command {
        let question = format!(
            "Take up {} with what is left of it? Nothing of any sync in it counts as confirmed then.",
            file.display()
        );
        agree(*yes, &question, &format!("{} is as it was", file.display()))?;
        return recover(file, terminal);
    }
    let writes = matches!(command, State::Reset { .. } | State::Forget { .. });
    let access = if writes { Access::Write } else { Access::Read };
    let Some(state) = StateFile::open(file, access)? else {
        not_there(&name, &format!("there is no state file at {}", file.display()), mirrors, terminal);
        return Ok(Exit::Success);
    };
    match command {
        State::Show { .. } => show(&state, &name, file, mirrors, terminal),
        State::Export { .. } => export(&state, &name),
        State::Forget { keys, yes, .. } => {
            let question =
                format!("Forget {} of `{name}`? No later run will remove them.", counted(keys.len() as u64, "key"));
            agree(*yes, &question, &format!("nothing was forgotten of `{name}`"))?;
            forget(state, &name, keys, terminal)
        }
        State::Reset { yes, .. } => {
            let question = format!("Forget all that `{name}` delivered? No later run will remove any of it.");
            agree(*yes, &question, &format!("nothing was forgotten of `{name}`"))?;
            reset(state, &name, file, terminal)
        }
        State::Recover { .. } => recover(file, terminal),
    }
}

/// Why nothing is known of a sync.
fn not_there(name: &SyncName, what: &str, mirrors: bool, terminal: &Terminal) {
    let why = if mirrors {
        format!("`{name}` was not run yet")
    } else {
        format!(
            "`{name}` keeps no state: it sends every row each time, and nothing needs to be remembered. A state is kept by \
             `sync --changed-only`, and by a mirror"
        )
    };
    terminal.stderr(&format!("{what}: {why}"));
}

fn show(state: &StateFile, name: &SyncName, file: &Path, mirrors: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let Some(summary) = state.summary(name)? else {
        not_there(name, &format!("nothing is remembered in {}", file.display()), mirrors, terminal);
        return Ok(Exit::Success);
    };
    terminal.stdout(&paint(Style::Strong, name.as_str()));
    terminal.stdout(&format!("  file         {}", file.display()));
    for (what, value) in &summary.target {
        terminal.stdout(&format!("  target       {what} {value}"));
    }
    for (what, value) in &summary.identity {
        terminal.stdout(&format!("  keys         {what} {value}"));
    }
    terminal.stdout(&format!("  delivered    {}", counted(summary.delivered, "key")));
    if summary.unconfirmed > 0 {
        terminal.stdout(&format!("  unconfirmed  {} (sent again by the next run)", count(summary.unconfirmed)));
    }
    if summary.removed > 0 {
        terminal.stdout(&format!("  removed      {} (not added again since)", counted(summary.removed, "key")));
    }
    Ok(Exit::Success)
}

fn export(state: &StateFile, name: &SyncName) -> Result<Exit, Problem> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = state.export(name, |entry| {
        let hash = match entry.standing {
            Standing::Delivered(hash) => Some(format!("{hash:016x}")),
            Standing::Pending | Standing::Removed => None,
        };
        let removed = entry.standing == Standing::Removed;
        writeln!(out, "{}", json!({ "key": entry.key, "delivered": hash.is_some(), "hash": hash, "removed": removed }))
    })?;
    match written.and_then(|()| out.flush()) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(Exit::Failed, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(Exit::Success),
    }
}

fn reset(mut state: StateFile, name: &SyncName, file: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    match state.reset(name)? {
        Some(keys) => terminal.stdout(&format!(
            "forgot {} of `{name}`; what is at the destination stays there, and no later run of it removes it",
            counted(keys, "key")
        )),
        None => terminal.stderr(&format!("nothing is remembered of `{name}` in {}", file.display())),
    }
    Ok(Exit::Success)
}

fn forget(mut state: StateFile, name: &SyncName, keys: &[String], terminal: &Terminal) -> Result<Exit, Problem> {
    let unknown = state.forget(name, keys)?;
    let forgotten = keys.len() - unknown.len();
    terminal.stdout(&format!(
        "forgot {} of `{name}`; what is at the destination stays there, and no later run removes it",
        counted(forgotten as u64, "key")
    ));
    if unknown.is_empty() {
        return Ok(Exit::Success);
    }
    let message = format!("`{name}` does not know {}", unknown.join(", "));
    Err(Problem::new(Exit::Usage, message).hint("`destination-host state export` lists the keys that it knows"))
}

fn recover(file: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    match StateFile::recover(file)? {
        Some(keys) => terminal.stdout(&format!(
            "{} can be used again: {}, of which none counts as confirmed. The next run of each sync in it sends every row \
             again",
            file.display(),
            counted(keys, "key")
        )),
        None => terminal.stderr(&format!("there is no state file at {}", file.display())),
    }
    Ok(Exit::Success)
}
