//! `state`: what is remembered of a sync, shown, exported or forgotten. It needs no plugin and no key.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use destination_engine::bindings::SyncMode;
use destination_host::pipeline::job::mode_name;
use destination_host::report::exit::Exit;
use destination_host::state::transfer::{self, ImportError};
use destination_host::state::{Access, State as Remembered};
use destination_host::sync_file::{StatePlace, StateSpec, SyncName};

use super::open_draft;
use crate::cli::arguments::State;
use crate::cli::problem::Problem;
use crate::cli::question::agree;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::{count, counted};

pub(super) fn run(command: &State, terminal: &Terminal) -> Result<Exit, Problem> {
    let (State::Show { sync: path }
    | State::Export { sync: path }
    | State::Import { sync: path, .. }
    | State::Forget { sync: path, .. }
    | State::Recover { sync: path, .. }
    | State::Reset { sync: path, .. }) = command;
    let draft = open_draft(path, terminal).map_err(|faults| Problem::faults(path, faults))?;
    let mirrors = draft.destination().text("sync_mode").as_deref() == Some(mode_name(SyncMode::Mirror));
    let (name, spec) = draft.state().map_err(|faults| Problem::faults(path, faults))?;
    match command {
        State::Show { .. } | State::Export { .. } | State::Forget { .. } => {
            if let State::Forget { keys, yes, .. } = command {
                let keys = counted(keys.len() as u64, "key");
                let question = format!("Forget {keys} of `{name}`? No later run will remove them.");
                agree(*yes, &question, &format!("nothing was forgotten of `{name}`"))?;
            }
            let access = if matches!(command, State::Forget { .. }) { Access::Write } else { Access::Read };
            let Some(state) = Remembered::open(&spec, &name, access)? else {
                not_there(&name, &nowhere(&spec), mirrors, terminal);
                return Ok(Exit::Success);
            };
            match command {
                State::Show { .. } => show(&state, &name, &spec, mirrors, terminal),
                State::Forget { keys, .. } => forget(state, &name, keys, terminal),
                _ => export(&state, &name),
            }
        }
        State::Import { file, .. } => import(&spec, &name, file, terminal),
        State::Reset { yes, .. } => {
            let question = format!("Forget all that `{name}` delivered? No later run will remove any of it.");
            agree(*yes, &question, &format!("nothing was forgotten of `{name}`"))?;
            reset(&spec, &name, terminal)
        }
        State::Recover { yes, .. } => {
            let place = &spec.place;
            let whose = if spec.file().is_some() { "of any sync in it" } else { "of it" };
            let question =
                format!("Take up {place} with what is left of it? Nothing {whose} counts as confirmed then.");
            agree(*yes, &question, &format!("{place} is as it was"))?;
            recover(&spec, &name, terminal)
        }
    }
}

/// That there is no state, in words.
fn nowhere(spec: &StateSpec) -> String {
    match &spec.place {
        StatePlace::File(path) => format!("there is no state file at {}", path.display()),
        StatePlace::Elsewhere(url) => format!("there is no state at {url}"),
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

fn show(
    state: &Remembered,
    name: &SyncName,
    spec: &StateSpec,
    mirrors: bool,
    terminal: &Terminal,
) -> Result<Exit, Problem> {
    let Some(summary) = state.summary()? else {
        not_there(name, &format!("nothing is remembered in {}", spec.place), mirrors, terminal);
        return Ok(Exit::Success);
    };
    terminal.stdout(&paint(Style::Strong, name.as_str()));
    let kind = if spec.file().is_some() { "file" } else { "url " };
    terminal.stdout(&format!("  {kind}         {}", spec.place));
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

fn export(state: &Remembered, name: &SyncName) -> Result<Exit, Problem> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = transfer::export(state, name, &mut out)?;
    match written.and_then(|()| out.flush()) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(Exit::Failed, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(Exit::Success),
    }
}

fn import(spec: &StateSpec, name: &SyncName, file: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let imported = if file == Path::new("-") {
        transfer::import(spec, name, io::stdin().lock())
    } else {
        let opened = File::open(file);
        let opened =
            opened.map_err(|error| Problem::new(Exit::Usage, format!("{} cannot be read: {error}", file.display())))?;
        transfer::import(spec, name, BufReader::new(opened))
    };
    match imported {
        Ok(keys) => {
            terminal.stdout(&format!("took in {} of `{name}`; they are in {}", counted(keys, "key"), spec.place));
            Ok(Exit::Success)
        }
        Err(ImportError::State(error)) => Err(error.into()),
        Err(error @ ImportError::Known { .. }) => Err(Problem::new(Exit::Usage, format!("{}: {error}", spec.place))
            .hint("`destination-host state reset` forgets them first")),
        Err(ImportError::Unreadable(what)) => {
            let problem = Problem::new(Exit::Usage, format!("{}: {what}; nothing was taken in", file.display()));
            Err(problem.hint("give the whole of what `destination-host state export` wrote"))
        }
    }
}

fn reset(spec: &StateSpec, name: &SyncName, terminal: &Terminal) -> Result<Exit, Problem> {
    match Remembered::reset(spec, name)? {
        Some(keys) => terminal.stdout(&format!(
            "forgot {} of `{name}`; what is at the destination stays there, and no later run of it removes it",
            counted(keys, "key")
        )),
        None => terminal.stderr(&format!("nothing is remembered of `{name}` in {}", spec.place)),
    }
    Ok(Exit::Success)
}

fn forget(state: Remembered, name: &SyncName, keys: &[String], terminal: &Terminal) -> Result<Exit, Problem> {
    let unknown = state.forget(keys)?;
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

fn recover(spec: &StateSpec, name: &SyncName, terminal: &Terminal) -> Result<Exit, Problem> {
    match Remembered::recover(spec, name)? {
        Some(keys) => terminal.stdout(&format!(
            "{} can be used again: {}, of which none counts as confirmed. The next run of each sync in it sends every row \
             again",
            spec.place,
            counted(keys, "key")
        )),
        None => terminal.stderr(&nowhere(spec)),
    }
    Ok(Exit::Success)
}
