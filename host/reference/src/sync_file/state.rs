//! `[state]`: what is remembered between runs, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::section::Section;
use super::{MaxRemovals, SyncName, read_removals};
use crate::state::url::StateUrl;

/// How long a run holds a state that is not in a file, after each renewal. Long enough for a store that does not answer for a
/// while, short enough that a pod which was killed is soon replaced.
const DEFAULT_LEASE: u32 = 30;
/// A lease is renewed three times in its length; less leaves no time for that.
const LEASES: std::ops::RangeInclusive<u32> = 3..=3600;

/// What is remembered between runs, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpec {
    /// Where it is kept.
    pub place: StatePlace,
    /// The folder of what a run leaves beside it: the note of the last run, outcomes that are not in their table yet.
    pub folder: PathBuf,
    /// How long a run holds a state that is not in a file, after each renewal.
    pub lease_seconds: u32,
    /// How many members may leave in one run.
    pub max_removals: MaxRemovals,
}

/// Where a state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatePlace {
    /// In a file, with those of other syncs.
    File(PathBuf),
    /// In a database or an object store, under the sync's name.
    Elsewhere(StateUrl),
}

impl StateSpec {
    /// A file, with the limits that a sync file has which names none.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::new(StatePlace::File(path), folder)
    }

    /// Elsewhere; what is left beside it is in a folder.
    pub fn elsewhere(url: StateUrl, folder: impl Into<PathBuf>) -> Self {
        Self::new(StatePlace::Elsewhere(url), folder.into())
    }

    fn new(place: StatePlace, folder: PathBuf) -> Self {
        Self { place, folder, lease_seconds: DEFAULT_LEASE, max_removals: MaxRemovals::default() }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            StatePlace::File(path) => Some(path),
            StatePlace::Elsewhere(_) => None,
        }
    }

    /// Whether this, of one sync, and that, of another, are one state, which has one run at a time.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        // Elsewhere each sync has its own.
        self.file().is_some() && self.place == other.place
    }

    /// What of it no output may show.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match &self.place {
            StatePlace::File(_) => Vec::new(),
            StatePlace::Elsewhere(url) => url.secrets(),
        }
    }

    /// Where the outcomes of a sync are kept until they are in their table.
    pub(crate) fn outcomes_until_then(&self, name: &SyncName) -> PathBuf {
        self.folder.join(format!("{name}.outcomes.ndjson"))
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Elsewhere(url) => url.fmt(f),
        }
    }
}

/// Reads the section. `base` is the folder of the sync file.
pub(super) fn read(mut section: Section<'_>, base: &Path, name: Option<&SyncName>) -> Option<StateSpec> {
    let place = read_place(&mut section, base, || Some(format!("{}.state.sqlite", name?)));
    let state = finish(&mut section, place, base);
    section.finish();
    state
}

/// Reads `path` or `url`; `default` is the path where there is neither.
pub(super) fn read_place(
    section: &mut Section<'_>,
    base: &Path,
    default: impl FnOnce() -> Option<String>,
) -> Option<StatePlace> {
    match (section.string("path"), section.string("url")) {
        (Some(_), Some(_)) => {
            section.fault("url", "stands beside `path`", "delete one of the two: a state is in one place");
            None
        }
        (Some(path), None) => Some(StatePlace::File(base.join(path))),
        (None, Some(url)) => match StateUrl::parse(&url) {
            Ok(url) => Some(StatePlace::Elsewhere(url)),
            Err(_) if section.has_fault("url") => None,
            Err((what, hint)) => {
                section.fault("url", what, hint);
                None
            }
        },
        (None, None) => default().map(|path| StatePlace::File(base.join(path))),
    }
}

/// Reads what a state has beside its place; `None` where that has a fault.
pub(super) fn finish(section: &mut Section<'_>, place: Option<StatePlace>, base: &Path) -> Option<StateSpec> {
    let lease = section.whole("lease_seconds", LEASES);
    if lease.is_some() && matches!(place, Some(StatePlace::File(_))) {
        let what = "is for a state at a URL; a file is locked for as long as it is open";
        section.fault("lease_seconds", what, "delete it");
    }
    let max_removals = read_removals(section);
    let spec = match place? {
        StatePlace::File(path) => StateSpec::at(path),
        StatePlace::Elsewhere(url) => StateSpec::elsewhere(url, base),
    };
    Some(StateSpec { lease_seconds: lease.unwrap_or(DEFAULT_LEASE), max_removals, ..spec })
}
