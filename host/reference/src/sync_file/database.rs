//! A database, as the tables of a sync file name one: the driver, and what it is opened with.

use std::fmt;
use std::path::Path;

use toml::Value;

use super::section::Section;

/// A database through ADBC, Arrow's interface to databases.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseSpec {
    /// The driver: the name of an installed one, or the path of its library or manifest.
    pub driver: String,
    /// The function with which the library begins, where it is not the usual one.
    pub entrypoint: Option<String>,
    /// What the driver is opened with, `uri` among them: by name. They may hold a password.
    pub options: Vec<(String, String)>,
}

/// Names the options and shows none of their values: one may be a password.
impl fmt::Debug for DatabaseSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.options.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("DatabaseSpec")
            .field("driver", &self.driver)
            .field("entrypoint", &self.entrypoint)
            .field("options", &names)
            .finish()
    }
}

impl DatabaseSpec {
    /// The file that the database is, as SQLite's and DuckDB's are, with the option that names it; `None` where it is none.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Path)> {
        let named = self.options.iter().filter(|(name, _)| matches!(name.as_str(), "uri" | "path"));
        named.map(|(name, value)| {
            let file = value.strip_prefix("file:").unwrap_or(value);
            (name.as_str(), Path::new(file.split_once('?').map_or(file, |(file, _)| file)))
        })
    }
}

/// Whether a driver is named by a manifest: a file that says where its library is, and how it begins.
pub(crate) fn is_manifest(driver: &Path) -> bool {
    driver.extension().is_some_and(|extension| extension == "toml")
}

/// Reads the keys that every table with a database has.
pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Option<DatabaseSpec> {
    let driver = section.required_string("driver", "\"adbc_driver_postgresql\"");
    let entrypoint = section.string("entrypoint");
    let uri = section.string("uri").map(|uri| ("uri".to_owned(), uri));
    let mut options: Vec<(String, String)> = uri.into_iter().collect();
    for (name, value) in section.table("options").unwrap_or_default() {
        let value = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(boolean) => boolean.to_string(),
            _ => {
                section.fault(
                    &format!("options.{name}"),
                    "is no plain value",
                    "write a text, a number or true or false",
                );
                continue;
            }
        };
        options.push((name, value));
    }
    if let (Some(driver), Some(_)) = (&driver, &entrypoint)
        && is_manifest(Path::new(driver))
    {
        section.fault(
            "entrypoint",
            format!("stands beside the manifest {driver}, which names one itself"),
            "delete it",
        );
    }
    // A library's path is the sync file's like any other; a bare name is looked for where drivers are installed.
    let driver = driver.map(|driver| match Path::new(&driver).components().count() {
        0 | 1 => driver,
        _ => base.join(driver).display().to_string(),
    });
    Some(DatabaseSpec { driver: driver?, entrypoint, options })
}
