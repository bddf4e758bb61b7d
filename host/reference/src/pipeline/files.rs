//! The files of a run, compared before the first of them is opened to be written: none may be written over another.
//!
//! Files are compared by device and inode, since a file may have many names; those that are not there yet by the true path
//! of their folder and their name. What is no file (a pipe, a device, standard output) can be written to by several.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::Options;
use crate::fault::Fault;
use crate::file_id::FileId;
use crate::report::output::{self, part_of};
use crate::source;
use crate::sync_file::{Input, OutcomeTable, SourceSpec, StateSpec, SyncFile, SyncName};
use crate::syncs::last_run::LastRunFile;

/// Links that are followed to a file that is not there yet.
const MOST_LINKS: u32 = 16;

/// A file of a run.
struct Used {
    /// What it is used for, as the command line or the sync file names it.
    role: String,
    path: PathBuf,
    /// `None` where it can't be written over.
    place: Option<Place>,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(FileId),
    Path(PathBuf),
}

/// What says which files a run reads and writes.
pub(super) struct Files<'a> {
    pub(super) name: &'a SyncName,
    /// What the source reads: an output must not become one of its files.
    pub(super) input: Option<&'a Input>,
    pub(super) state: Option<&'a StateSpec>,
    pub(super) outcome_table: Option<&'a OutcomeTable>,
    pub(super) options: &'a Options,
}

/// Every output that is an input, or another output.
pub(super) fn collisions(files: &Files<'_>) -> Vec<Fault> {
    let (inputs, outputs) = (inputs(files.options), outputs(files));
    let mut faults = Vec::new();
    for (number, output) in outputs.iter().enumerate() {
        let others = outputs.iter().take(number).chain(&inputs);
        if let Some(other) = others.into_iter().find(|other| output.place.is_some() && output.place == other.place) {
            let message = if output.path == other.path {
                format!("{} is also {}", output.path.display(), other.role)
            } else {
                format!("{} is the same file as {} ({})", output.path.display(), other.path.display(), other.role)
            };
            faults.push(Fault::new(&output.role, message).hint("name another file"));
        } else if let Some(input) = files.input.filter(|input| source::would_join(input, &output.path)) {
            let message = format!("{} would be one of the files of source.path ({input})", output.path.display());
            faults.push(Fault::new(&output.role, message).hint("put it into another folder"));
        }
    }
    faults
}

/// The files that a sync file names and a run of it reads, each by its key; and the note of the last run, which each run
/// writes once it is over.
pub(super) fn read_by(sync: &SyncFile) -> Vec<(String, PathBuf)> {
    let read = sync.source.input().map(source::paths).unwrap_or_default();
    let mut files: Vec<_> = read.into_iter().map(|path| ("source.path".to_owned(), path)).collect();
    if let SourceSpec::Adbc(adbc) = &sync.source {
        files.push(("source.driver".to_owned(), PathBuf::from(&adbc.database.driver)));
        for (option, file) in adbc.database.files().filter(|(_, file)| file.is_file()) {
            files.push((format!("source.{option}"), file.to_owned()));
        }
    }
    if let Some(table) = &sync.outcomes {
        files.push(("outcomes.driver".to_owned(), PathBuf::from(&table.database.driver)));
    }
    files.push(("the note of the last run".to_owned(), LastRunFile::of(sync).path().to_owned()));
    files.extend(sync.network.ca_files.iter().map(|path| ("network.ca_files".to_owned(), path.clone())));
    files
}

fn inputs(options: &Options) -> Vec<Used> {
    let read = options.inputs.iter().map(|(role, path)| Used::new(role, path));
    read.chain(options.replay.iter().map(|path| Used::new("--replay", path))).collect()
}

/// In an order in which the first of two is the one that should stay.
fn outputs(files: &Files<'_>) -> Vec<Used> {
    let Files { state, options, .. } = files;
    let mut outputs = Vec::new();
    if let Some(path) = state.and_then(StateSpec::file) {
        outputs.push(Used::new("state.path", path));
        for companion in ["-wal", "-shm", "-journal", "-lock", "-new"] {
            let mut beside = OsString::from(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
            beside.push(companion);
            outputs.push(Used::new(&format!("state.path ({companion})"), Path::new(&beside)));
        }
    }
    outputs.extend(options.report.iter().map(|path| Used::new("--report", path)));
    outputs.extend(options.html_report.iter().map(|path| Used::new("--report-html", path)));
    if let Some(path) = &options.dead_letters {
        outputs.push(Used::new("--dead-letters", path));
        outputs.push(Used::new("--dead-letters (.part)", &part_of(path)));
    }
    if let Some(file) = &options.outcomes {
        outputs.push(Used::new("--outcomes", &file.path));
        outputs.push(Used::new("--outcomes (.part)", &part_of(&file.path)));
    }
    if let Some(table) = files.outcome_table {
        let until_then = state.map(|state| state.outcomes_until_then(files.name));
        outputs.extend(until_then.iter().map(|path| Used::new("outcomes (.part)", &part_of(path))));
        for (option, file) in table.database.files().filter(|(_, file)| file.is_file()) {
            outputs.push(Used::new(&format!("outcomes.{option}"), file));
        }
    }
    outputs
}

impl Used {
    fn new(role: &str, path: &Path) -> Self {
        Self { role: role.to_owned(), path: path.to_owned(), place: Place::of(path) }
    }
}

impl Place {
    /// `None` where nothing can be written over, or where opening it will say what is wrong.
    fn of(path: &Path) -> Option<Self> {
        match path.metadata() {
            Ok(there) if !there.is_file() => None,
            Ok(_) => match FileId::at(path) {
                Ok(id) if output::standard_stream(id).is_some() => None,
                Ok(id) => Some(Self::File(id)),
                Err(_) => None,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = output::not_yet_there(path, MOST_LINKS);
                // Windows takes names that differ in case alone for one file.
                Some(Self::Path(if cfg!(windows) { path.to_string_lossy().to_lowercase().into() } else { path }))
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::sync_file::Draft;

    /// The rest is in `tests/e2e/files.rs`, from outside; a database's file needs a driver there.
    #[test]
    fn a_database_that_is_a_file_is_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("crm.db");
        std::fs::write(&database, "rows").unwrap();
        for (prefix, rest) in [("", ""), ("file:", ""), ("file:", "?mode=ro")] {
            let text = format!(
                "name = \"x\"\n[destination]\n[source]\ntype = \"adbc\"\ndriver = \"sqlite\"\nuri = \"{prefix}{}{rest}\"\n\
                 query = \"SELECT 1\"\n",
                database.display()
            );
            let sync = Draft::parse(&text, folder.path(), &|_| Err(std::env::VarError::NotPresent));
            let sync = sync.unwrap().finish().unwrap();
            for (report, expected) in [("crm.db", 1), ("report.json", 0)] {
                let report = Some(folder.path().join(report));
                let options = Options { report, inputs: read_by(&sync), ..Options::default() };
                let faults = collisions(&Files {
                    name: &sync.name,
                    input: None,
                    state: Some(&sync.state),
                    outcome_table: None,
                    options: &options,
                });
                assert_eq!(faults.len(), expected, "{prefix}{rest}: {faults:?}");
                assert!(faults.iter().all(|fault| fault.message.contains("source.uri")));
            }
        }
    }
}
