//! `state`: what is remembered of a sync, shown, exported or forgotten. It needs no plugin and no key.

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::Path;

use destination_host::exit::Exit;
use destination_host::state::{Access, State as StateFile};
use destination_host::sync_file::SyncName;
use serde_json::json;

use super::open_draft;
use crate::cli::State;
use crate::problem::Problem;
use crate::terminal::{Ink, Terminal, paint};
use destination_host::figures::{count, counted};

pub(super) fn run(command: &State, terminal: &Terminal) -> Result<Exit, Problem> {
    let (State::Show { sync: path } | State::Export { sync: path } | State::Reset { sync: path, .. }) = command;
    let (name, spec) = open_draft(path, terminal)?.state().map_err(|faults| Problem::faults(path, faults))?;
    let access = if matches!(command, State::Reset { .. }) { Access::Write } else { Access::Read };
    let Some(state) = StateFile::open(&spec.path, access)? else {
        terminal.note(&format!("there is no state file at {}: `{name}` was not run yet", spec.path.display()));
        return Ok(Exit::Success);
    };
    match command {
        State::Show { .. } => show(&state, &name, &spec.path, terminal),
        State::Export { .. } => export(&state, &name),
        State::Reset { yes, .. } => {
            if !yes {
                confirm(&name)?;
            }
            reset(state, &name, &spec.path, terminal)
        }
    }
}

fn show(state: &StateFile, name: &SyncName, file: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let Some(summary) = state.summary(name)? else {
        terminal.note(&format!("nothing is remembered of `{name}` in {}", file.display()));
        return Ok(Exit::Success);
    };
    terminal.say(&paint(Ink::Strong, name.as_str()));
    terminal.say(&format!("  file         {}", file.display()));
    for (what, value) in &summary.target {
        terminal.say(&format!("  target       {what} {value}"));
    }
    for (what, value) in &summary.identity {
        terminal.say(&format!("  keys         {what} {value}"));
    }
    terminal.say(&format!("  delivered    {}", counted(summary.delivered, "key")));
    if summary.unconfirmed > 0 {
        terminal.say(&format!("  unconfirmed  {} (sent again by the next run)", count(summary.unconfirmed)));
    }
    Ok(Exit::Success)
}

fn export(state: &StateFile, name: &SyncName) -> Result<Exit, Problem> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = state.export(name, |entry| {
        let hash = entry.hash.map(|hash| format!("{hash:016x}"));
        writeln!(out, "{}", json!({ "key": entry.key, "delivered": hash.is_some(), "hash": hash }))
    })?;
    match written.and_then(|()| out.flush()) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(Exit::Failed, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(Exit::Success),
    }
}

/// Asks the person at the terminal. Where there is none, nobody has agreed.
fn confirm(name: &SyncName) -> Result<(), Problem> {
    let refused = |message: String| Err(Problem::new(Exit::Usage, message).hint("--yes does it without a question"));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return refused(format!("nothing was forgotten of `{name}`: there is no terminal to ask at"));
    }
    eprint(&format!("Forget all that `{name}` delivered? No later run will remove any of it. [y/N] "));
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => refused(format!("nothing was forgotten of `{name}`")),
    }
}

/// A question: text without a line's end.
fn eprint(text: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).is_err() {
        tracing::debug!("standard error is closed");
    }
}

fn reset(mut state: StateFile, name: &SyncName, file: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    match state.reset(name)? {
        Some(keys) => terminal.say(&format!(
            "forgot {} of `{name}`; what is at the destination stays there, and no later run of it removes it",
            counted(keys, "key")
        )),
        None => terminal.note(&format!("nothing is remembered of `{name}` in {}", file.display())),
    }
    Ok(Exit::Success)
}
