//! Rejected rows: counted by reason, and set down as dead letters. Whose they are and what follows from them is for those who
//! reject them.

use arrow_schema::ArrowError;

use super::Flow;
use super::division::Division;
use crate::pipeline::Delivery;
use crate::pipeline::rows::Rows;
use crate::report::Failure;
use crate::report::dead_letter::{DeadLetter, DeadLetters};
use crate::sync_file::threshold::Threshold;

/// Why a row was rejected.
pub(super) struct Reason {
    pub(super) code: String,
    pub(super) message: String,
}

impl<D: Delivery> Flow<D> {
    /// How many rejected rows stop the run.
    pub(super) fn max_rejected(&self) -> Threshold {
        self.plan.max_rejected.threshold(self.division == Some(Division::Alone))
    }

    /// So many rows were rejected that the rest would most likely be too.
    pub(super) fn too_many_rejected(&self) -> Failure {
        Failure::too_many_rejected(&self.counts, self.max_rejected(), self.tally.commonest())
    }

    /// Why a row was rejected, as it may be shown.
    pub(super) fn reason(&self, code: &str, message: &str) -> Reason {
        let mut reason = Reason { code: code.to_owned(), message: message.to_owned() };
        self.watch.secrets.apply(&mut reason.code);
        self.watch.secrets.apply(&mut reason.message);
        reason
    }

    /// A row is rejected. One that is kept nowhere is not acknowledged.
    pub(super) fn note_rejected(&mut self, row_number: u64) {
        self.watch.observer.rejected(row_number);
        if self.dead_letters.is_none() {
            self.lose(Some(row_number));
        }
    }

    /// Sets a row down as rejected: in the report, and as a dead letter.
    pub(super) fn reject(
        &mut self,
        rows: &Rows,
        row: usize,
        key: Option<&str>,
        column: Option<&str>,
        reason: &Reason,
    ) -> Result<(), Failure> {
        let Reason { code, message } = reason;
        self.tally.add(code, message, Some(rows.number(row)));
        if self.dead_letters.is_none() {
            return Ok(());
        }
        let failed = |error: ArrowError| Failure::engine(error.to_string());
        let (json, untold) = (rows.json(row).map_err(failed)?, rows.untold(row).map_err(failed)?);
        self.write_letter(&DeadLetter {
            row: &json,
            types: untold.as_deref(),
            raw: None,
            row_number: rows.number(row),
            key,
            column,
            code,
            message,
        })
    }

    pub(super) fn write_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), Failure> {
        let Some(letters) = &mut self.dead_letters else { return Ok(()) };
        letters.write(letter).map_err(|error| Failure::dead_letters(&error))
    }

    pub(super) fn flush_dead_letters(&mut self) -> Result<(), Failure> {
        let flushed = self.dead_letters.as_mut().map_or(Ok(()), DeadLetters::flush);
        flushed.map_err(|error| Failure::dead_letters(&error))
    }
}
