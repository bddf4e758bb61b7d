//! Standard output and standard error: results on the one, everything else on the other, in colour where it is seen.

use std::env;
use std::io::{self, IsTerminal, Write};

use destination_host::fault::Fault;
use destination_host::observer::Moment;

use crate::cli::LogFormat;

/// The events that are the command line's own words, where standard error is JSON.
pub(crate) const TARGET: &str = "cli";

/// Where the command line writes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    stdout_colour: bool,
    stderr_colour: bool,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
    /// Whether standard error is one JSON object a line.
    json: bool,
}

/// A colour that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Good,
    Bad,
    Notice,
    Faint,
    Strong,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Notice => "33",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }
}

impl Terminal {
    /// Looks where the streams go to. Any `NO_COLOR` that is not empty keeps colours out.
    pub(crate) fn detect(format: LogFormat) -> Self {
        let colour = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let json = format == LogFormat::Json;
        let watched = io::stderr().is_terminal() && !json;
        Self { stdout_colour: colour && io::stdout().is_terminal(), stderr_colour: colour && watched, watched, json }
    }

    /// A text for standard output in a colour.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        paint(self.stdout_colour, ink, text)
    }

    /// A text for standard error in a colour.
    pub(crate) fn paint_error(&self, ink: Ink, text: &str) -> String {
        paint(self.stderr_colour, ink, text)
    }

    /// A line on standard output. A reader that has gone away is no error: it has seen enough.
    pub(crate) fn say(&self, line: &str) {
        let mut stdout = io::stdout().lock();
        if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
            tracing::debug!("standard output is closed");
        }
    }

    /// A line on standard error.
    pub(crate) fn note(&self, line: &str) {
        if self.json {
            return tracing::info!(target: TARGET, "{}", line.trim());
        }
        if writeln!(io::stderr().lock(), "{line}").is_err() {
            tracing::debug!("standard error is closed");
        }
    }

    /// An error and its mend.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.error_with_cause(message, None, hint);
    }

    /// An error, what lies behind it, and its mend.
    pub(crate) fn error_with_cause(&self, message: &str, cause: Option<&str>, hint: Option<&str>) {
        if self.json {
            return tracing::error!(target: TARGET, cause, hint, "{message}");
        }
        self.note(&format!("{} {message}", self.paint_error(Ink::Bad, "error:")));
        if let Some(cause) = cause {
            self.note(&format!("  {} {cause}", self.paint_error(Ink::Faint, "cause:")));
        }
        self.hint("", hint);
    }

    /// How a run is getting on: `line` for people, numbers for machines.
    pub(crate) fn progress(&self, sync: &str, moment: &Moment<'_>, line: &str) {
        if !self.json {
            return self.note(line);
        }
        let (counts, traffic) = (moment.counts, moment.traffic.counts());
        tracing::info!(
            target: TARGET,
            sync,
            rows_read = counts.rows_read,
            delivered = counts.delivered,
            unchanged = counts.unchanged,
            rejected = counts.rejected,
            removed = counts.removed,
            requests = traffic.requests,
            retries = moment.retries,
            seconds = moment.elapsed.as_secs_f64(),
            read = moment.read,
            "progress"
        );
    }

    /// Something that is no error and should be seen.
    pub(crate) fn warning(&self, message: &str, hint: Option<&str>) {
        if self.json {
            return tracing::warn!(target: TARGET, hint, "{message}");
        }
        self.note(&format!("{} {message}", self.paint_error(Ink::Notice, "warning:")));
        self.hint("", hint);
    }

    /// Faults, one below the other.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        for fault in faults {
            if self.json {
                let hint = fault.hint.as_deref();
                tracing::error!(target: TARGET, path = fault.path, hint, "{}", fault.message);
                continue;
            }
            let path = if fault.path.is_empty() {
                String::new()
            } else {
                format!("{} ", self.paint_error(Ink::Strong, &format!("{}:", fault.path)))
            };
            self.note(&format!("  {path}{}", fault.message));
            self.hint("  ", fault.hint.as_deref());
        }
    }

    fn hint(&self, indent: &str, hint: Option<&str>) {
        if let Some(hint) = hint {
            self.note(&format!("{indent}  {} {hint}", self.paint_error(Ink::Good, "hint:")));
        }
    }
}

fn paint(colour: bool, ink: Ink, text: &str) -> String {
    if colour { format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_left_out_where_it_is_not_seen() {
        assert_eq!(paint(false, Ink::Bad, "x"), "x");
        assert_eq!(paint(true, Ink::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
