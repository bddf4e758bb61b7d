//! Which files a source is: one, those of a folder, or those that a pattern names.
//!
//! Several files are read in the order of their names, and are one input: it has ended where all of them have, and where the
//! same files are there as at its start. Names that begin with `.` or `_` are other programs' marks (`_SUCCESS`, `_temporary`)
//! and left out. A folder in a folder is not passed over in silence: its rows would be missing.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::meter::Version;
use crate::source::SourceError;
use crate::sync_file::{Glob, Input};

/// What an input is.
#[derive(Debug)]
pub(in crate::source) enum Found {
    Stdin,
    /// A file, or nothing: opening it says what is wrong.
    One(PathBuf),
    Many(FileSet),
}

/// Some files that are one input.
#[derive(Debug)]
pub(in crate::source) struct FileSet {
    input: Input,
    files: Vec<Listed>,
}

/// A file as it was when the set was listed: by its name, its length and its time of change. What else tells files apart may differ
/// from one look to the next where they are not on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Listed {
    pub(in crate::source) path: PathBuf,
    version: Version,
}

/// Looks which files an input is.
pub(in crate::source) fn find(input: &Input) -> Result<Found, SourceError> {
    match input {
        Input::Stdin => Ok(Found::Stdin),
        Input::File(path) if !path.is_dir() => Ok(Found::One(path.clone())),
        // A name may have a star in it.
        Input::Glob(glob) if glob.path().exists() => find(&Input::File(glob.path().to_owned())),
        Input::File(_) | Input::Glob(_) => FileSet::list(input).map(Found::Many),
    }
}

/// The files of an input, as far as they can be listed.
pub(crate) fn paths(input: &Input) -> Vec<PathBuf> {
    match find(input) {
        Ok(Found::One(path)) => vec![path],
        Ok(Found::Many(set)) => set.files.into_iter().map(|file| file.path).collect(),
        Ok(Found::Stdin) | Err(_) => Vec::new(),
    }
}

/// Whether a file that is written at this path would be one of a folder's or pattern's.
pub(crate) fn would_join(input: &Input, path: &Path) -> bool {
    let Ok(Found::Many(set)) = find(input) else { return false };
    let parent = |path: &Path| path.parent().and_then(|parent| Path::new(".").join(parent).canonicalize().ok());
    let (Some(folder), Some(name)) = (parent(path), path.file_name()) else { return false };
    match &set.input {
        Input::Stdin => false,
        Input::File(folder_read) => {
            !is_mark(name) && folder_read.canonicalize().is_ok_and(|folder_read| folder_read == folder)
        }
        Input::Glob(glob) => {
            glob.takes_name(name)
                && set.files.iter().any(|file| parent(&file.path).is_some_and(|other| other == folder))
        }
    }
}

impl FileSet {
    fn list(input: &Input) -> Result<Self, SourceError> {
        let mut files = match input {
            Input::File(folder) => in_folder(folder)?,
            Input::Glob(glob) => matching(glob)?,
            Input::Stdin => Vec::new(),
        };
        if files.is_empty() {
            let name = input.to_string();
            let error = match input {
                Input::Glob(_) => SourceError::new(&name, "matches no file").hint(
                    "* stands for any part of a name, ** for any folders; names that begin with . or _ are left out",
                ),
                _ => SourceError::new(&name, "has no files")
                    .hint("names that begin with . or _ are left out; an export that failed may leave an empty folder"),
            };
            return Err(SourceError { absent: true, ..error });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { input: input.clone(), files })
    }

    pub(in crate::source) fn files(&self) -> &[Listed] {
        &self.files
    }

    /// What people see as its name.
    pub(in crate::source) fn name(&self) -> String {
        self.input.to_string()
    }

    /// The bytes of all files.
    pub(in crate::source) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.version.length()).sum()
    }

    /// Fails where other files are there than at the start, or one of them is not what it was.
    pub(in crate::source) fn unchanged(&self) -> Result<(), SourceError> {
        let now = Self::list(&self.input).map_err(|error| SourceError { absent: false, ..error })?.files;
        if now == self.files {
            return Ok(());
        }
        let known = |files: &[Listed], path: &Path| files.iter().any(|file| file.path == path);
        let appeared = now.iter().find(|file| !known(&self.files, &file.path));
        let vanished = self.files.iter().find(|file| !known(&now, &file.path));
        let (file, what) = match (appeared, vanished) {
            (Some(file), _) => (Some(file), "was added while the files were read"),
            (None, Some(file)) => (Some(file), "was removed while the files were read"),
            (None, None) => (now.iter().find(|file| !self.files.contains(file)), "changed after it was read"),
        };
        let name = file.map_or_else(|| self.name(), |file| file.path.display().to_string());
        Err(SourceError::new(&name, what).hint(WAIT))
    }
}

impl Listed {
    fn new(path: PathBuf, about: &Metadata) -> Self {
        Self { path, version: Version::of(about) }
    }

    /// Fails where an opened file is not the one that was listed.
    pub(in crate::source) fn is_still(&self, opened: &fs::File) -> Result<(), SourceError> {
        let failed = |error| SourceError::unreadable(&self.path.display().to_string(), &error);
        if Self::new(self.path.clone(), &opened.metadata().map_err(failed)?) == *self {
            return Ok(());
        }
        Err(SourceError::new(&self.path.display().to_string(), "changed since the run began").hint(WAIT))
    }
}

const WAIT: &str = "run again once the files are complete; write them to another folder and rename that";

fn in_folder(folder: &Path) -> Result<Vec<Listed>, SourceError> {
    let failed = |error: &io::Error| SourceError::unreadable(&folder.display().to_string(), error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        if is_mark(&entry.file_name()) {
            continue;
        }
        let (path, about) = look(entry.path())?;
        if about.is_dir() {
            return Err(nested(&path));
        }
        files.push(Listed::new(path, &about));
    }
    Ok(files)
}

fn matching(glob: &Glob) -> Result<Vec<Listed>, SourceError> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in glob.matches() {
        let path = path.map_err(|error| SourceError::unreadable(&error.path().display().to_string(), error.error()))?;
        if glob.leaves_out(&path) {
            continue;
        }
        let (path, about) = look(path)?;
        if about.is_dir() {
            folders.push(path);
        } else {
            files.push(Listed::new(path, &about));
        }
    }
    // A pattern with ** matches the folders on its way.
    match folders.iter().find(|folder| !files.iter().any(|file| file.path.starts_with(folder))) {
        Some(folder) => Err(nested(folder)),
        None => Ok(files),
    }
}

/// What stands at a path, behind all links.
fn look(path: PathBuf) -> Result<(PathBuf, Metadata), SourceError> {
    match fs::metadata(&path) {
        Ok(about) => Ok((path, about)),
        Err(error) => Err(SourceError::unreadable(&path.display().to_string(), &error)),
    }
}

fn nested(folder: &Path) -> SourceError {
    SourceError::new(&folder.display().to_string(), "is a folder among the files that are read").hint(
        "name the files within it with a pattern: path = \"exports/**/*.parquet\"; what stands in a folder's name \
         (year=2026) is no column then: a query through DuckDB has it",
    )
}

/// Whether a file's name says that it holds no rows.
fn is_mark(name: &OsStr) -> bool {
    name.as_encoded_bytes().first().is_some_and(|first| matches!(first, b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    fn names(folder: &Path, path: &str) -> Result<Vec<String>, String> {
        let found = find(&Input::new(path, folder)).map_err(|error| error.to_string())?;
        let Found::Many(set) = found else { return Err(format!("{found:?}")) };
        let name = |file: &Listed| file.path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        Ok(set.files().iter().map(name).collect())
    }

    #[test]
    fn a_folders_files_come_by_name_without_the_marks_of_other_programs() {
        let folder = folder(&["e/b.csv", "e/a.csv", "e/c", "e/_SUCCESS", "e/.a.csv.crc", "e/_temporary/0/x.csv"]);
        assert_eq!(names(folder.path(), "e").unwrap(), ["e/a.csv", "e/b.csv", "e/c"]);
        assert_eq!(names(folder.path(), "e/").unwrap(), ["e/a.csv", "e/b.csv", "e/c"]);
        fs::create_dir(folder.path().join("e/d")).unwrap();
        assert!(names(folder.path(), "e").unwrap_err().ends_with("/e/d: is a folder among the files that are read"));
    }

    #[test]
    fn a_pattern_takes_what_it_matches() {
        let all =
            ["e/p-2.csv", "e/p-10.csv", "e/p-1.csv", "e/_p-0.csv", "e/x/p-3.csv", "e/_temporary/0/p-4.csv", "e/q"];
        let folder = folder(&all);
        let names = |path: &str| names(folder.path(), path).unwrap();
        assert_eq!(names("e/p-*.csv"), ["e/p-1.csv", "e/p-10.csv", "e/p-2.csv"]);
        assert_eq!(names("e/p-?.csv"), ["e/p-1.csv", "e/p-2.csv"]);
        assert_eq!(names("e/p-[!1]*.csv"), ["e/p-2.csv"]);
        assert_eq!(names("**/p-*.csv"), ["e/p-1.csv", "e/p-10.csv", "e/p-2.csv", "e/x/p-3.csv"]);
        assert_eq!(names("e/_p-*.csv"), ["e/_p-0.csv"], "a pattern may ask for what is left out otherwise");
        assert_eq!(names("e/**/*"), ["e/p-1.csv", "e/p-10.csv", "e/p-2.csv", "e/q", "e/x/p-3.csv"]);
    }

    #[test]
    fn nothing_is_an_error_and_a_plain_name_comes_first() {
        let folder = folder(&["a[1].csv", "e/_SUCCESS", "b[1]/x.csv"]);
        assert!(matches!(find(&Input::new("a[1].csv", folder.path())), Ok(Found::One(_))));
        assert_eq!(names(folder.path(), "b[1]").unwrap(), ["b[1]/x.csv"]);
        // What a pattern is taken from is none.
        assert_eq!(names(&folder.path().join("b[1]"), "*.csv").unwrap(), ["x.csv"]);
        for (path, said) in [("e/*.csv", "e/*.csv: matches no file"), ("e", "e: has no files")] {
            let error = find(&Input::new(path, folder.path())).unwrap_err();
            assert!(error.to_string().ends_with(said), "{error}");
            assert!(error.absent && error.hint.is_some());
        }
        // Where no pattern can be made of it, it is a name.
        assert!(matches!(find(&Input::new("a[", folder.path())), Ok(Found::One(_))));
    }

    #[test]
    fn a_set_that_changed_is_told_with_the_file() {
        let change = |change: fn(&Path)| {
            let folder = folder(&["e/a", "e/b"]);
            let Found::Many(set) = find(&Input::new("e", folder.path())).unwrap() else { panic!("no set") };
            set.unchanged().unwrap();
            change(&folder.path().join("e"));
            set.unchanged().unwrap_err().to_string()
        };
        assert!(change(|e| fs::write(e.join("c"), "x").unwrap()).ends_with("e/c: was added while the files were read"));
        assert!(
            change(|e| fs::remove_file(e.join("a")).unwrap()).ends_with("e/a: was removed while the files were read")
        );
        assert!(change(|e| fs::write(e.join("b"), "longer").unwrap()).ends_with("e/b: changed after it was read"));
        assert!(change(|e| fs::remove_dir_all(e).unwrap()).contains("e: "));
    }

    #[test]
    fn an_output_that_would_be_read_is_known() {
        let folder = folder(&["e/p-1.csv"]);
        let joins =
            |input: &str, output: &str| would_join(&Input::new(input, folder.path()), &folder.path().join(output));
        assert!(joins("e", "e/dead.ndjson"));
        assert!(!joins("e", "e/_dead.ndjson"));
        assert!(!joins("e", "dead.ndjson"));
        assert!(joins("e/*.csv", "e/out.csv"));
        assert!(!joins("e/*.csv", "e/out.json"));
        assert!(!joins("e/p-1.csv", "e/out.csv"));
    }
}
