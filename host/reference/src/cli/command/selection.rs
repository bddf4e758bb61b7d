//! Which syncs a command is about: the files on its command line, and those in its folders.

use std::fs;
use std::path::{Path, PathBuf};

use destination_engine::plugin::Plugin;
use destination_host::fault::Fault;
use destination_host::report::exit::Exit;
use destination_host::sync_file::{DEFAULTS, SyncFile};
use destination_host::syncs::Member;

use super::{judged, open_draft};
use crate::cli::problem::Problem;
use crate::cli::terminal::Terminal;

/// The sync files of a command line.
pub(super) enum Selection {
    /// One file, named as such: what is written of it is a single report.
    One(PathBuf),
    /// Several files, or a folder of however many.
    Several(Vec<PathBuf>),
}

impl Selection {
    /// Looks into folders: each `.toml` file there is a sync, but for the defaults. A folder's files come in the order of
    /// their names.
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, Problem> {
        if let [path] = paths
            && !path.is_dir()
        {
            return Ok(Self::One(path.clone()));
        }
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() { files.extend(files_in(path)?) } else { files.push(path.clone()) }
        }
        Ok(Self::Several(files))
    }

    /// All files, one or several.
    pub(super) fn files(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(Exit::Usage, format!("the folder {} cannot be read: {error}", folder.display()))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_sync = path.extension().is_some_and(|extension| extension == "toml")
            && path.file_name().is_some_and(|name| name != DEFAULTS && !name.as_encoded_bytes().starts_with(b"."));
        if is_sync && !path.is_dir() {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("the folder {} has no sync file: no name in it ends in .toml", folder.display());
        return Err(Problem::new(Exit::Usage, message));
    }
    files.sort();
    Ok(files)
}

/// Reads sync files, all of them before any fault is told.
pub(super) async fn read(plugin: &Plugin, paths: &[PathBuf], terminal: &Terminal) -> Result<Vec<Member>, Problem> {
    let mut members = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        match read_one(plugin, path, terminal).await? {
            Ok(sync) => members.push(Member { path: path.clone(), sync }),
            Err(found) => faults.push((path.as_path(), found)),
        }
    }
    if faults.is_empty() { Ok(members) } else { Err(Problem::faults_of_several(faults)) }
}

async fn read_one(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<Result<SyncFile, Vec<Fault>>, Problem> {
    match open_draft(path, terminal) {
        Ok(draft) => Ok(judged(plugin, draft).await?.finish()),
        Err(faults) => Ok(Err(faults)),
    }
}
