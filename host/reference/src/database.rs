//! A database or warehouse through ADBC, Arrow's interface to databases: the driver found, loaded and opened.
//!
//! The driver is a library that the user installs; it runs within this process and is trusted like the host itself. What goes
//! wrong is said in the database's own words.

#[cfg(feature = "adbc")]
mod driver;

#[cfg(feature = "adbc")]
pub(crate) use self::driver::{open, vendor};

/// What a database, or its driver, has to say against what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct DatabaseError {
    /// The driver.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// Whether the driver itself can't be had, or can't be asked that: then the sync file is wrong, and not the database.
    pub usage: bool,
}

impl DatabaseError {
    #[cfg(not(feature = "adbc"))]
    pub(crate) fn left_out() -> Self {
        Self {
            name: "adbc".to_owned(),
            message: "this build of the host leaves databases out".to_owned(),
            hint: Some("build it with all features".to_owned()),
            usage: true,
        }
    }

    #[cfg(feature = "adbc")]
    pub(crate) fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into(), hint: None, usage: false }
    }

    /// `what` failed, for the database's own reason.
    #[cfg(feature = "adbc")]
    pub(crate) fn of(name: &str, what: &str, error: &adbc_core::error::Error) -> Self {
        // Some drivers begin with the function that failed: it helps nobody.
        Self::new(name, format!("{what}: {}", error.message.trim()))
    }

    #[cfg(feature = "adbc")]
    pub(crate) fn usage(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self.usage = true;
        self
    }
}
