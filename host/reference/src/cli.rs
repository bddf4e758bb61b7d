//! The command line: parses, calls the library, prints, and exits with the code that says how it went.

mod about;
pub(crate) mod arguments;
pub(crate) mod command;
pub(crate) mod log;
mod note;
mod problem;
mod progress;
mod question;
mod signal;
mod summary;
pub(crate) mod terminal;
