//! A path with `*`, `**`, `?` or `[…]` in it, which names all files of that form.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Paths, Pattern};

/// A star is no slash, and no dot at the beginning of a name.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    path: PathBuf,
    pattern: Pattern,
}

impl Glob {
    /// `None` for what is a plain path. Only what the user wrote is a pattern; the folder that it is taken from is not.
    pub(super) fn new(path: &str, base: &Path) -> Option<Self> {
        if !path.contains(['*', '?', '[']) {
            return None;
        }
        let within = if Path::new(path).is_absolute() { PathBuf::new() } else { base.to_owned() };
        let pattern = Path::new(&Pattern::escape(within.to_str()?)).join(path);
        Some(Self { pattern: Pattern::new(pattern.to_str()?).ok()?, path: base.join(path) })
    }

    /// The path as it was written. A file may have that name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All paths that match.
    pub(crate) fn matches(&self) -> impl Iterator<Item = glob::GlobResult> + use<> {
        let paths: Option<Paths> = glob::glob_with(self.pattern.as_str(), OPTIONS).ok();
        paths.into_iter().flatten()
    }

    /// Whether a file of this name could be one of them.
    pub(crate) fn takes_name(&self, name: &OsStr) -> bool {
        let last = Path::new(self.pattern.as_str()).file_name().and_then(OsStr::to_str);
        let last = last.and_then(|last| Pattern::new(last).ok());
        last.is_some_and(|last| last.matches_path_with(Path::new(name), OPTIONS))
    }

    /// Whether a path that matches goes through a name that begins with `_`, where the pattern does not ask for one.
    pub(crate) fn leaves_out(&self, path: &Path) -> bool {
        let is_mark =
            |part: Component<'_>| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"_"));
        let is_plain =
            |part: &Component<'_>| !part.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte));
        let parts = |path| Path::components(path).filter(|part| *part != Component::CurDir);
        let pattern = Path::new(self.pattern.as_str());
        let plain = parts(pattern).take_while(is_plain).count();
        !parts(pattern).skip(plain).any(is_mark) && parts(path).skip(plain).any(is_mark)
    }
}
