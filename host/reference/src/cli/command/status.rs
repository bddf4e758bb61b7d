//! `status`: how the last run of each sync went, and what is left of it. It needs no plugin and no key.

use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};
use destination_host::report::exit::Exit;
use destination_host::state::{Access, State};
use destination_host::sync_file::{StateSpec, SyncName};
use destination_host::syncs::last_run::{LastRun, LastRunFile};
use serde::Serialize;
use serde_json::Value;

use super::open_draft;
use super::selection::Selection;
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::count;

/// What is known of a sync.
#[derive(Debug, Serialize)]
struct Status {
    sync: String,
    result: RunResult,
    last_run: Option<LastRun>,
    /// Keys that were sent and not confirmed; the next run sends them again. Known where the sync keeps a state.
    pending: Option<u64>,
    /// Keys that are known to be delivered. Known where the sync keeps a state.
    known: Option<u64>,
}

/// How the last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum RunResult {
    NeverRun,
    /// Another process has its state open.
    Running,
    /// It was killed, or runs without a state.
    NotEnded,
    Failed,
    RowsRejected,
    RemovalsWithheld,
    Delivered,
}

pub(super) fn run(paths: &[PathBuf], json: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let selection = Selection::of(paths)?;
    let mut all = Vec::new();
    for path in selection.files() {
        let draft = open_draft(path, terminal).map_err(|faults| Problem::faults(path, faults))?;
        let (name, state) = draft.state().map_err(|faults| Problem::faults(path, faults))?;
        all.push(status(&name, &state)?);
    }
    if json {
        let text = serde_json::to_string_pretty(&all);
        terminal.data(&text.map_err(|error| Problem::new(Exit::Failed, error.to_string()))?);
    } else {
        show(&all, terminal);
    }
    Ok(Exit::Success)
}

fn status(name: &SyncName, state: &StateSpec) -> Result<Status, Problem> {
    let last_run = read(&LastRunFile::beside(state, name))?;
    let (known, pending, in_use) = keys(state, name)?;
    let exit_code = |last: &LastRun| last.report.as_ref().and_then(|report| report.get("exit_code")?.as_u64());
    let result = match &last_run {
        _ if in_use => RunResult::Running,
        None => RunResult::NeverRun,
        Some(LastRun { failed: None, .. }) => RunResult::NotEnded,
        Some(LastRun { failed: Some(true), .. }) => RunResult::Failed,
        Some(last) if exit_code(last) == Some(Exit::Rejected.code().into()) => RunResult::RowsRejected,
        Some(last) if exit_code(last) == Some(Exit::Withheld.code().into()) => RunResult::RemovalsWithheld,
        Some(_) => RunResult::Delivered,
    };
    Ok(Status { sync: name.to_string(), result, last_run, pending, known })
}

fn read(file: &LastRunFile) -> Result<Option<LastRun>, Problem> {
    file.read()
        .map_err(|error| Problem::new(Exit::Failed, format!("{} cannot be read: {error}", file.path().display())))
}

/// Keys that are delivered, keys that are pending, and whether another process has the state open.
fn keys(state: &StateSpec, name: &SyncName) -> Result<(Option<u64>, Option<u64>, bool), Problem> {
    let opened = State::open(state, name, Access::Read);
    let summary = opened.and_then(|state| state.map_or(Ok(None), |state| state.summary()));
    match summary {
        Ok(Some(summary)) => Ok((Some(summary.delivered), Some(summary.unconfirmed), false)),
        Ok(None) => Ok((None, None, false)),
        Err(error) if error.is_in_use() => Ok((None, None, true)),
        Err(error) => Err(error.into()),
    }
}

fn show(all: &[Status], terminal: &Terminal) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_row(["sync", "last run", "result", "rows", "delivered", "rejected", "pending"]);
    for status in all {
        let report = status.last_run.as_ref().and_then(|last| last.report.as_ref());
        let number = |key: &str| report.and_then(|report| report.get(key)).and_then(Value::as_u64);
        let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), count);
        // To the second: RFC 3339 has a fraction after that.
        let started = status.last_run.as_ref().and_then(|last| last.started.split('.').next());
        table.add_row([
            status.sync.clone(),
            started.map_or_else(|| "-".to_owned(), |time| format!("{time}Z")),
            status.result.name().to_owned(),
            shown(number("rows_read")),
            shown(number("delivered")),
            shown(number("rejected")),
            shown(status.pending),
        ]);
    }
    for column in 3..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        terminal.stdout(line.trim_end());
    }
    for status in all {
        let failure = status.last_run.as_ref().and_then(|last| last.report.as_ref()?.get("failure")?.get("message"));
        if let Some(message) = failure.and_then(Value::as_str) {
            terminal.stdout(&format!("{} {message}", paint(Style::Bad, &format!("{}:", status.sync))));
        }
    }
}

impl RunResult {
    fn name(self) -> &'static str {
        match self {
            Self::NeverRun => "never run",
            Self::Running => "running",
            Self::NotEnded => "not ended",
            Self::Failed => "failed",
            Self::RowsRejected => "rows rejected",
            Self::RemovalsWithheld => "removals withheld",
            Self::Delivered => "delivered",
        }
    }
}
