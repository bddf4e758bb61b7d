//! Standard output and standard error: results on the one, everything else on the other, in colour where it is seen.
//!
//! The one place where text leaves for a person or a log: secret values are taken out of it, and control characters are
//! escaped. Data (a request's body, a schema) goes out as it is, unless a person's terminal would read it.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use destination_engine::redaction::Redaction;
use destination_host::airbyte::output::{self, Level};
use destination_host::fault::Fault;
use destination_host::report::observer::ProgressSnapshot;
use destination_host::sanitize::sanitize;

use crate::cli::arguments::LogFormat;

/// The events that are the command line's own words, where standard error is JSON.
pub(crate) const TARGET: &str = "cli";

/// Where the command line writes to. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    stdout: Stream,
    stderr: Stream,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
    form: Form,
    shared: Arc<Mutex<Shared>>,
}

/// How all that is no result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// For people, on standard error.
    Text,
    /// One JSON object a line, on standard error.
    Json,
    /// LOG messages of Airbyte's protocol, on standard output.
    Airbyte,
}

/// What is known of a stream.
#[derive(Debug, Clone, Copy)]
struct Stream {
    is_terminal: bool,
    colour: bool,
}

#[derive(Debug, Default)]
struct Shared {
    secrets: Redaction,
    /// Why standard output could not be written.
    failed: Option<io::Error>,
}

/// A colour that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Good,
    Bad,
    Notice,
    Faint,
    Strong,
}

impl Style {
    const ALL: [Self; 5] = [Self::Good, Self::Bad, Self::Notice, Self::Faint, Self::Strong];

    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Notice => "33",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }

    /// What begins text in this colour until it is written: a code point that Unicode keeps for use within a program. So all
    /// escapes in a text can be told to be from outside.
    fn mark(self) -> char {
        match self {
            Self::Good => '\u{fdd1}',
            Self::Bad => '\u{fdd2}',
            Self::Notice => '\u{fdd3}',
            Self::Faint => '\u{fdd4}',
            Self::Strong => '\u{fdd5}',
        }
    }
}

/// What ends text in a colour.
const END: char = '\u{fdd0}';

/// A text in a colour, for a line of a [`Terminal`].
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{}{text}{END}", style.mark())
}

/// Consoles before Windows 10 print the escapes; later ones have to be told.
#[cfg(windows)]
fn console_shows_colours() -> bool {
    anstyle_query::windows::enable_ansi_colors() == Some(true)
}

#[cfg(not(windows))]
fn console_shows_colours() -> bool {
    true
}

impl Terminal {
    /// Looks where the streams go to. Any `NO_COLOR` that is not empty keeps colours out.
    pub(crate) fn detect(format: LogFormat) -> Self {
        let colour = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|term| term != "dumb")
            && console_shows_colours();
        let json = format == LogFormat::Json;
        let stream = |is_terminal| Stream { is_terminal, colour: colour && is_terminal };
        let (stdout, stderr) = (stream(io::stdout().is_terminal()), stream(io::stderr().is_terminal() && !json));
        let form = if json { Form::Json } else { Form::Text };
        Self { stdout, stderr, watched: stderr.is_terminal, form, shared: Arc::default() }
    }

    /// The same, in Airbyte's protocol.
    pub(crate) fn speaking_airbyte(&self) -> Self {
        Self { watched: false, form: Form::Airbyte, ..self.clone() }
    }

    /// A text without secrets, colours and control characters, for a message of a protocol.
    pub(crate) fn plain(&self, text: &str) -> String {
        self.rendered(text, Stream { is_terminal: false, colour: false })
    }

    /// A line of the log, in Airbyte's protocol.
    fn log(&self, level: Level, parts: &[Option<&str>]) {
        let parts: Vec<&str> = parts.iter().copied().flatten().map(str::trim).filter(|part| !part.is_empty()).collect();
        self.write_out(&output::log(level, &self.plain(&parts.join("; "))));
    }

    /// Takes these values, too, out of all text from now on.
    pub(crate) fn hide(&self, secrets: &Redaction) {
        let mut shared = self.shared();
        shared.secrets = shared.secrets.and(secrets);
    }

    /// Why standard output could not be written, if it could not.
    pub(crate) fn output_error(&self) -> Option<io::Error> {
        self.shared().failed.take()
    }

    /// A line on standard output.
    pub(crate) fn stdout(&self, line: &str) {
        self.write_out(&self.rendered(line, self.stdout));
    }

    /// Lines on standard output for a machine, as they are: escaped only where a terminal would read them.
    pub(crate) fn data(&self, lines: &str) {
        if self.stdout.is_terminal {
            return self.write_out(&sanitize(lines));
        }
        self.write_out(lines);
    }

    /// A reader that has gone away is no error: it has seen enough.
    fn write_out(&self, line: &str) {
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.shared().failed.get_or_insert(error);
            }
            _ => {}
        }
    }

    /// A line on standard error.
    pub(crate) fn stderr(&self, line: &str) {
        match self.form {
            Form::Text => {}
            Form::Json => return tracing::info!(target: TARGET, "{}", unpainted(line).trim()),
            Form::Airbyte => return self.log(Level::Info, &[Some(line)]),
        }
        if writeln!(io::stderr().lock(), "{}", self.rendered(line, self.stderr)).is_err() {
            tracing::debug!("standard error is closed");
        }
    }

    /// A text as it is written to a stream.
    fn rendered(&self, line: &str, stream: Stream) -> String {
        let mut line = line.to_owned();
        self.shared().secrets.apply(&mut line);
        let mut line = sanitize(&line).into_owned();
        if !stream.colour {
            return unpainted(&line);
        }
        for style in Style::ALL {
            line = line.replace(style.mark(), &format!("\u{1b}[{}m", style.code()));
        }
        line.replace(END, "\u{1b}[0m")
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // An assignment can't stop halfway.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error and its fix.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.error_with_cause(message, None, hint);
    }

    /// An error, what lies behind it, and its fix.
    pub(crate) fn error_with_cause(&self, message: &str, cause: Option<&str>, hint: Option<&str>) {
        match self.form {
            Form::Text => {}
            Form::Json => return tracing::error!(target: TARGET, cause, hint, "{message}"),
            Form::Airbyte => return self.log(Level::Error, &[Some(message), cause, hint]),
        }
        self.stderr(&format!("{} {message}", paint(Style::Bad, "error:")));
        if let Some(cause) = cause {
            self.stderr(&format!("  {} {cause}", paint(Style::Faint, "cause:")));
        }
        self.hint("", hint);
    }

    /// How a run is getting on: `line` for people, numbers for machines.
    pub(crate) fn progress(&self, sync: &str, moment: &ProgressSnapshot<'_>, line: &str) {
        if self.form != Form::Json {
            return self.stderr(line);
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
        match self.form {
            Form::Text => {}
            Form::Json => return tracing::warn!(target: TARGET, hint, "{message}"),
            Form::Airbyte => return self.log(Level::Warn, &[Some(message), hint]),
        }
        self.stderr(&format!("{} {message}", paint(Style::Notice, "warning:")));
        self.hint("", hint);
    }

    /// Faults, one below the other.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        for fault in faults {
            let hint = fault.hint.as_deref();
            match self.form {
                Form::Text => {}
                Form::Json => {
                    tracing::error!(target: TARGET, path = fault.path, hint, "{}", fault.message);
                    continue;
                }
                Form::Airbyte => {
                    self.log(Level::Error, &[Some(&fault.to_string()), hint]);
                    continue;
                }
            }
            let path = if fault.path.is_empty() {
                String::new()
            } else {
                format!("{} ", paint(Style::Strong, &format!("{}:", fault.path)))
            };
            self.stderr(&format!("  {path}{}", fault.message));
            self.hint("  ", hint);
        }
    }

    fn hint(&self, indent: &str, hint: Option<&str>) {
        if let Some(hint) = hint {
            self.stderr(&format!("{indent}  {} {hint}", paint(Style::Good, "hint:")));
        }
    }
}

fn unpainted(line: &str) -> String {
    line.replace(|c| c == END || Style::ALL.iter().any(|style| style.mark() == c), "")
}

/// Standard error as a log writes to it: the same rules as for all other text.
impl io::Write for Terminal {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(self.plain(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(colour: bool, line: &str) -> String {
        let terminal = Terminal::detect(LogFormat::Text);
        terminal.hide(&Redaction::of([("s3cret", "${KEY}")]));
        terminal.rendered(line, Stream { is_terminal: colour, colour })
    }

    #[test]
    fn colour_is_left_out_where_it_is_not_seen() {
        let line = format!("a {} c", paint(Style::Bad, "b"));
        assert_eq!(rendered(false, &line), "a b c");
        assert_eq!(rendered(true, &line), "a \u{1b}[31mb\u{1b}[0m c");
    }

    #[test]
    fn text_from_outside_has_no_escapes_and_no_secrets() {
        let line = format!("{} s3cret\u{202e}", paint(Style::Strong, "\u{1b}[31mid"));
        assert_eq!(rendered(true, &line), "\u{1b}[1m\\u001b[31mid\u{1b}[0m ${KEY}\\u202e");
        assert_eq!(rendered(false, &line), "\\u001b[31mid ${KEY}\\u202e");
    }
}
