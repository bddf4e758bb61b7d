//! What goes on inside, on standard error, for those who ask: `DESTINATION_HOST_LOG=warn`, `info` or `debug`. With
//! `--log-format json` it is one JSON object a line, and so is what the command line itself says there.
//!
//! Only this host's own events: those of the HTTP stack below it would show headers, and with them the key.

use std::env;

use destination_host::report::exit::Exit;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::arguments::LogFormat;
use crate::cli::problem::Problem;
use crate::cli::terminal::{TARGET, Terminal};

/// The variable that says from which level on events are shown.
pub(crate) const VARIABLE: &str = "DESTINATION_HOST_LOG";

/// Shows events from now on: those that the variable asks for, and the command line's own where standard error is JSON.
pub(crate) fn start(terminal: &Terminal, format: LogFormat) -> Result<(), Problem> {
    let own = if format == LogFormat::Json { "info" } else { "off" };
    let asked = asked_level();
    let level = *asked.as_ref().unwrap_or(&LevelFilter::OFF);
    let filter = EnvFilter::new(format!("destination_host={level},destination_engine={level},{TARGET}={own}"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer({
        let terminal = terminal.clone();
        move || terminal.clone()
    });
    match format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text if level == LevelFilter::OFF => {}
        LogFormat::Text => subscriber.with_ansi(false).init(),
    }
    asked.map(drop)
}

fn asked_level() -> Result<LevelFilter, Problem> {
    let Ok(level) = env::var(VARIABLE) else { return Ok(LevelFilter::OFF) };
    level.parse().map_err(|_| {
        Problem::new(Exit::Usage, format!("{VARIABLE} is {level:?}, which is not a log level"))
            .hint("set it to off, error, warn, info or debug")
    })
}
