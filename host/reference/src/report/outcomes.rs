//! What happened to each row of a run, one line a row, for whoever asks later: "what happened to cust_42 last Tuesday?"
//!
//! While the run lasts the lines are NDJSON, whatever they become: a killed run leaves a text that every tool reads, up to
//! its last whole line. At the end they take their place: as they are, as CSV or Parquet, or as rows of a table. What is in
//! the lines is the caller's to say; every row of the source stands in exactly one.

#[cfg_attr(not(any(feature = "parquet", feature = "adbc")), allow(dead_code, reason = "text needs no batches"))]
mod batches;
mod file;
mod line;
#[cfg(feature = "adbc")]
mod table;

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use destination_engine::bindings::Action;
use destination_engine::redaction::Redaction;
use destination_engine::stop::Stop;

pub use self::file::{Format, OutcomeFile};
use self::line::{Line, Lines};
#[cfg(feature = "adbc")]
use self::table::Table;
use crate::database::DatabaseError;
use crate::report::output::{GrowingFile, Output};
use crate::report::run_id::{self, RunId};
use crate::state::Change;
use crate::sync_file::OutcomeTable;

/// The code of a row that was confirmed through a later one of the same key.
pub(crate) const REPLACED: &str = "replaced-by-later-row";
/// The code of a key that left this source and that another sync holds.
pub(crate) const LEFT_TO_OTHERS: &str = "held-by-other-sync";

/// What happened to one row, or to one removal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowOutcome<'a> {
    /// The row's number in the source, from 1; `None` for a removal.
    pub(crate) row_number: Option<u64>,
    /// The record's key, where the row got that far.
    pub(crate) key: Option<&'a str>,
    /// What was asked of the destination.
    pub(crate) action: Option<Action>,
    /// How the row differs from what was delivered, where that is known.
    pub(crate) change: Option<Change>,
    pub(crate) status: RowStatus,
    /// Why, for machines.
    pub(crate) code: Option<&'a str>,
    /// Why, for a person.
    pub(crate) message: Option<&'a str>,
}

/// What happened, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowStatus {
    /// The destination confirmed it.
    Delivered,
    /// It need not be sent.
    Unchanged,
    /// It can't be mapped, or the destination refused it.
    Rejected,
    /// It was not confirmed; the destination may or may not have it.
    Undelivered,
    /// A removal that waits for a person.
    Withheld,
    /// A dry run would have sent it.
    Planned,
    /// It was delivered, and is not at the destination.
    Missing,
    /// It was removed, and is at the destination.
    LeftOver,
    /// It is at the destination, and was never this sync's.
    Foreign,
    /// The destination holds another value.
    Differs,
}

impl RowStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Undelivered => "undelivered",
            Self::Withheld => "withheld",
            Self::Planned => "planned",
            Self::Missing => "missing",
            Self::LeftOver => "left-over",
            Self::Foreign => "foreign",
            Self::Differs => "differs",
        }
    }
}

/// The lines of a run, on their way to where they are wanted.
pub(crate) struct Outcomes {
    run_id: RunId,
    sync: String,
    /// When the lines since the last flush came about.
    time: Option<String>,
    /// The line that is being written.
    line: Vec<u8>,
    /// How many there are.
    number: u64,
    recorders: Vec<Recorder>,
    /// The first thing that went wrong. Nothing is written after it.
    error: Option<io::Error>,
}

/// Where the lines go.
struct Recorder {
    part: GrowingFile,
    /// What people call it.
    name: String,
    becomes: Becomes,
}

/// What the lines become once they are all there.
enum Becomes {
    Ndjson,
    Csv(Output),
    Parquet(Output),
    #[cfg(feature = "adbc")]
    Table(Table),
}

/// Why there is no place for the lines.
#[derive(Debug, thiserror::Error)]
pub enum OutcomesError {
    /// A file can't be written.
    #[error("{} cannot be written: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A table can't be written to.
    #[error("outcomes: {0}")]
    Database(#[from] DatabaseError),
}

/// What kept the lines from their place. They are kept elsewhere.
#[derive(Debug, thiserror::Error)]
#[error("the outcomes cannot be written to {name}: {reason}{}", kept.as_ref().map_or_else(String::new, |kept| format!("; they are kept in {}", kept.display())))]
pub(crate) struct Unfinished {
    name: String,
    reason: String,
    kept: Option<PathBuf>,
}

impl Outcomes {
    /// Makes a place for the lines of a run; `None` where nobody wants them. A database is asked whether it takes them.
    /// `beside` is where the lines for a table are kept until they are in it.
    pub(crate) fn open(
        run_id: &RunId,
        sync: &str,
        file: Option<&OutcomeFile>,
        table: Option<(&OutcomeTable, &Path, &Redaction)>,
    ) -> Result<Option<Self>, OutcomesError> {
        let mut recorders = Vec::new();
        #[cfg(feature = "adbc")]
        if let Some((spec, beside, secrets)) = table {
            let table = Table::open(spec, secrets.clone())?;
            recorders.push(Recorder::begin(beside, table.to_string(), Becomes::Table(table))?);
        }
        #[cfg(not(feature = "adbc"))]
        if table.is_some() {
            return Err(DatabaseError::left_out().into());
        }
        if let Some(file) = file {
            recorders.push(Recorder::of_file(file)?);
        }
        let (run_id, sync) = (run_id.clone(), sync.to_owned());
        let opened = Self { run_id, sync, time: None, line: Vec::new(), number: 0, recorders, error: None };
        Ok(Some(opened).filter(|outcomes| !outcomes.recorders.is_empty()))
    }

    /// Where lines are of runs that were killed before they could finish.
    pub(crate) fn left_behind(&self) -> impl Iterator<Item = &Path> {
        self.recorders.iter().filter_map(|recorder| recorder.part.left_behind())
    }

    /// Adds a line. What goes wrong is told by the next [`Self::flush`].
    pub(crate) fn write(&mut self, outcome: &RowOutcome<'_>) {
        if self.error.is_none() {
            self.error = self.try_write(outcome).err();
        }
    }

    fn try_write(&mut self, outcome: &RowOutcome<'_>) -> io::Result<()> {
        let time = self.time.get_or_insert_with(|| run_id::rfc3339(SystemTime::now()));
        let line = Line {
            run_id: Cow::Borrowed(self.run_id.as_str()),
            time: Cow::Borrowed(time),
            sync: Cow::Borrowed(&self.sync),
            row_number: outcome.row_number,
            key: outcome.key.map(Cow::Borrowed),
            action: outcome.action.map(|action| Cow::Borrowed(action_name(action))),
            change: outcome.change.map(|change| Cow::Borrowed(change_name(change))),
            outcome: Cow::Borrowed(outcome.status.name()),
            code: outcome.code.map(Cow::Borrowed),
            message: outcome.message.map(Cow::Borrowed),
        };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &line)?;
        self.line.push(b'\n');
        self.number += 1;
        self.recorders.iter_mut().try_for_each(|recorder| recorder.part.write_all(&self.line))
    }

    /// Hands everything so far to the system.
    ///
    /// # Errors
    /// What went wrong since the last time.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.time = None;
        if let Some(error) = &self.error {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        self.recorders.iter_mut().try_for_each(|recorder| recorder.part.flush())
    }

    /// Puts the lines where they are wanted. What takes longer than a stopping run has is left undone.
    pub(crate) fn finish(self, stop: &Stop) -> Vec<Unfinished> {
        let Self { run_id, number, recorders, error, .. } = self;
        let broken = error.map(|error| error.to_string());
        recorders
            .into_iter()
            .filter_map(|recorder| recorder.finish(&run_id, number, broken.as_deref(), stop).err())
            .collect()
    }
}

impl Recorder {
    fn of_file(file: &OutcomeFile) -> Result<Self, OutcomesError> {
        let failed = |error| OutcomesError::File { path: file.path.clone(), error };
        let output = || Output::open(&file.path).map_err(failed);
        let becomes = match file.format {
            Format::Ndjson => Becomes::Ndjson,
            Format::Csv => Becomes::Csv(output()?),
            Format::Parquet => Becomes::Parquet(output()?),
        };
        let recorder = Self::begin(&file.path, file.path.display().to_string(), becomes)?;
        if recorder.part.is_stream() && file.format != Format::Ndjson {
            let message = "is not a regular file, and only .ndjson can be written to a pipe or device";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        Ok(recorder)
    }

    fn begin(path: &Path, name: String, becomes: Becomes) -> Result<Self, OutcomesError> {
        let part = GrowingFile::open(path).map_err(|error| OutcomesError::File { path: path.to_owned(), error })?;
        Ok(Self { part, name, becomes })
    }

    #[cfg_attr(not(feature = "adbc"), allow(unused_variables, reason = "a table alone asks for them"))]
    /// `broken`: why lines are missing, where some are. They are then kept as what an interrupted run leaves.
    fn finish(self, run_id: &RunId, number: u64, broken: Option<&str>, stop: &Stop) -> Result<(), Unfinished> {
        let Self { mut part, name, becomes } = self;
        let unfinished = |reason: String, kept| Unfinished { name: name.clone(), reason, kept };
        if let Some(reason) = broken {
            return Err(unfinished(reason.to_owned(), part.keep().ok()));
        }
        if matches!(becomes, Becomes::Ndjson) {
            return part.finish(true).map_err(|error| unfinished(error.to_string(), None));
        }
        let become_what_is_wanted = |part: &mut GrowingFile| -> Result<(), Box<dyn Error>> {
            let lines = Lines::new(part.read()?, stop.clone());
            match becomes {
                Becomes::Ndjson => {}
                Becomes::Csv(output) => output.write_with(|file| file::write_csv(lines, file))?,
                Becomes::Parquet(output) => output.write_with(|file| file::write_parquet(lines, file))?,
                #[cfg(feature = "adbc")]
                Becomes::Table(table) => table.fill(lines, run_id, number).map_err(|error| error.message)?,
            }
            Ok(())
        };
        match become_what_is_wanted(&mut part) {
            Ok(()) => part.discard().map_err(|error| unfinished(error.to_string(), None)),
            Err(error) => Err(unfinished(error.to_string(), part.keep().ok())),
        }
    }
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Upsert => "upsert",
        Action::Add => "add",
        Action::Delete => "delete",
    }
}

/// Whether an unchanged row is sent is not a matter of the row.
fn change_name(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Unchanged | Change::Repeated => "unchanged",
        Change::Removed => "removed",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::time::Duration;

    use super::*;

    /// A run of some lines, on their way to `name`.
    fn run(folder: &Path, name: &str, lines: u64) -> Outcomes {
        let file = OutcomeFile::new(&folder.join(name)).unwrap();
        let run_id = RunId::new(SystemTime::UNIX_EPOCH);
        let mut outcomes = Outcomes::open(&run_id, "s", Some(&file), None).unwrap().unwrap();
        for row in 1..=lines {
            outcomes.write(&RowOutcome {
                row_number: Some(row),
                key: Some("k"),
                action: Some(Action::Add),
                change: None,
                status: RowStatus::Delivered,
                code: None,
                message: None,
            });
        }
        outcomes.flush().unwrap();
        outcomes
    }

    /// A run that was told to stop has no time for millions of lines: they are kept as they are.
    #[tokio::test(start_paused = true)]
    async fn lines_that_a_stopping_run_has_no_time_for_are_kept() {
        const MANY: u64 = 20_000;
        let folder = tempfile::tempdir().unwrap();
        let stop = Stop::default();
        stop.ask("SIGTERM");
        for name in ["in-time.csv", "in-time.parquet"] {
            assert!(run(folder.path(), name, MANY).finish(&stop).is_empty());
            assert!(folder.path().join(name).exists());
        }
        tokio::time::advance(Duration::from_secs(11)).await;
        for name in ["late.csv", "late.parquet"] {
            let unfinished = run(folder.path(), name, MANY).finish(&stop);
            let kept = folder.path().join(format!("{name}.interrupted"));
            let told = unfinished.first().unwrap().to_string();
            assert!(told.contains("stopped") && told.contains(&kept.display().to_string()), "{told}");
            assert_eq!(std::fs::read_to_string(kept).unwrap().lines().count() as u64, MANY);
            assert!(!folder.path().join(name).exists() && !folder.path().join(format!("{name}.part")).exists());
        }
        // What need only be renamed is.
        assert!(run(folder.path(), "late.ndjson", MANY).finish(&stop).is_empty());
    }

    #[test]
    fn nothing_to_tell_is_a_file_too() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["o.csv", "o.parquet", "o.ndjson"] {
            assert!(run(folder.path(), name, 0).finish(&Stop::default()).is_empty());
            assert!(folder.path().join(name).exists(), "{name}");
        }
        let header = std::fs::read_to_string(folder.path().join("o.csv")).unwrap();
        assert_eq!(header, "run_id,time,sync,row_number,key,action,change,outcome,code,message\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
