//! What goes on inside, on standard error, for those who ask: `DESTINATION_HOST_LOG=warn`, `info` or `debug`.
//!
//! Only this host's own events: those of the HTTP stack below it would show headers, and with them the key.

use std::env;
use std::io;

use destination_host::exit::Exit;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::problem::Problem;
use crate::terminal::Terminal;

/// The variable that says from which level on events are shown.
pub(crate) const VARIABLE: &str = "DESTINATION_HOST_LOG";

/// Shows events from now on, where the variable asks for them.
pub(crate) fn start(terminal: &Terminal) -> Result<(), Problem> {
    let Ok(level) = env::var(VARIABLE) else { return Ok(()) };
    let level: LevelFilter = level.parse().map_err(|_| {
        Problem::new(Exit::Usage, format!("{VARIABLE} is {level:?}, which is no level"))
            .hint("set it to off, error, warn, info or debug")
    })?;
    let filter = EnvFilter::new(format!("destination_host={level}"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(terminal.watched).with_writer(io::stderr).init();
    Ok(())
}
