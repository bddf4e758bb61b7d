//! A line of outcomes, and lines as they are read back at the end of a run.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use destination_engine::stop::Stop;
use serde::{Deserialize, Serialize};

/// Lines between two looks at whether a stopping run has any time left.
const LINES_BETWEEN_LOOKS: u32 = 8_192;

/// What happened to one row of one run. The keys are the columns, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) run_id: Cow<'a, str>,
    /// RFC 3339, in UTC, to the microsecond.
    #[serde(borrow)]
    pub(super) time: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sync: Cow<'a, str>,
    pub(super) row_number: Option<u64>,
    pub(super) key: Option<Cow<'a, str>>,
    pub(super) action: Option<Cow<'a, str>>,
    pub(super) change: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) outcome: Cow<'a, str>,
    pub(super) code: Option<Cow<'a, str>>,
    pub(super) message: Option<Cow<'a, str>>,
}

/// The lines of a run that has come to its end.
pub(super) struct Lines {
    text: BufReader<File>,
    line: Vec<u8>,
    stop: Stop,
    until_look: u32,
}

impl Lines {
    pub(super) fn new(text: BufReader<File>, stop: Stop) -> Self {
        Self { text, line: Vec::new(), stop, until_look: LINES_BETWEEN_LOOKS }
    }

    /// The next line; `None` after the last one.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LINES_BETWEEN_LOOKS;
            if self.stop.is_grace_over() {
                return Err(io::Error::other("the run was stopped before they were all there"));
            }
        }
        self.line.clear();
        match self.text.read_until(b'\n', &mut self.line)? {
            0 => Ok(None),
            _ => Ok(Some(serde_json::from_slice(&self.line)?)),
        }
    }
}
