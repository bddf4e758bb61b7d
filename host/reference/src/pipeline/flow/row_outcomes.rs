//! What happened to each row, written down where someone wants to know: each source row in one line, and each removal.
//!
//! Where nobody does, each of these is one look at whether somebody does.

use std::collections::HashMap;
use std::ops::Range;

use super::Flow;
use super::batch::Batch;
use super::outcome::Outcome;
use crate::pipeline::Delivery;
use crate::pipeline::removals;
use crate::pipeline::rows::Rows;
use crate::report::Failure;
use crate::report::outcomes::{LEFT_TO_OTHERS, Outcomes, REPLACED, RowOutcome, RowStatus};
use crate::source::RejectedRow;
use crate::state::Change;
use destination_engine::arrow::records::Record;
use destination_engine::bindings::{Action, RowIssue};
use destination_engine::plugin::answers::Report as Answer;

/// What a mirror does about the keys that have left its source.
#[derive(Clone, Copy)]
pub(super) enum Leaving<'a> {
    /// They go out, and are written down as they are settled; but not those that another sync holds.
    Removed,
    /// They would go out.
    Planned,
    /// None goes out, for a reason.
    Withheld(&'a removals::Reason),
}

impl<D: Delivery> Flow<D> {
    /// Rows that can't be sent.
    pub(super) fn record_rejected(&mut self, first: u64, rejected: &[RejectedRow], rows: &Rows, issues: &[RowIssue]) {
        if self.outcomes.is_none() {
            return;
        }
        let unusable = rejected.iter().map(|row| (first + row.place as u64, None, row.code, row.message.as_str()));
        let unmapped = issues.iter().map(|issue| {
            (rows.number(issue.row as usize), issue.key.as_deref(), issue.code.as_str(), issue.message.as_str())
        });
        for (row_number, key, code, message) in unusable.chain(unmapped) {
            let reason = self.reason(code, message);
            self.note(&RowOutcome {
                row_number: Some(row_number),
                key,
                action: None,
                change: None,
                status: RowStatus::Rejected,
                code: Some(&reason.code),
                message: Some(&reason.message),
            });
        }
    }

    /// A row that is not sent: it need not be, or nothing is.
    pub(super) fn record_taken(&mut self, rows: &Rows, record: Record<'_>, change: Change, status: RowStatus) {
        let outcome = self.outcome(Some(rows.number(record.row as usize)), record, Some(change), status);
        self.note(&outcome);
    }

    /// Rows that were mapped and never came as far as a batch.
    pub(super) fn record_not_taken<'r>(
        &mut self,
        rows: &Rows,
        records: impl Iterator<Item = Record<'r>>,
        failure: &Failure,
    ) {
        if self.outcomes.is_none() {
            return;
        }
        let (code, message) = self.told(failure);
        for record in records {
            let number = Some(rows.number(record.row as usize));
            let outcome = self.outcome(number, record, None, RowStatus::Undelivered);
            self.note(&RowOutcome { code: Some(&code), message: Some(&message), ..outcome });
        }
    }

    /// Rows that could not even be mapped. `numbers`: theirs.
    pub(super) fn record_unmapped(&mut self, numbers: Range<u64>, failure: &Failure) {
        if self.outcomes.is_none() {
            return;
        }
        let (code, message) = self.told(failure);
        for number in numbers {
            self.note(&RowOutcome {
                row_number: Some(number),
                key: None,
                action: None,
                change: None,
                status: RowStatus::Undelivered,
                code: Some(&code),
                message: Some(&message),
            });
        }
    }

    /// A batch that did not arrive.
    pub(super) fn record_undelivered(&mut self, batch: &Batch, failure: &Failure) {
        if self.outcomes.is_none() {
            return;
        }
        let (code, message) = self.told(failure);
        for (place, record) in batch.records.iter().enumerate() {
            let outcome = self.outcome_in(batch, place, record, RowStatus::Undelivered);
            self.note(&RowOutcome { code: Some(&code), message: Some(&message), ..outcome });
        }
    }

    /// A batch of which the plugin has said what happened. `failure`: what stopped the delivery of a part of it.
    pub(super) fn record_settled(
        &mut self,
        batch: &Batch,
        outcomes: &[Outcome],
        answer: &Answer,
        failure: Option<&Failure>,
    ) {
        if self.outcomes.is_none() {
            return;
        }
        let undelivered = failure.map(|failure| self.told(failure));
        // Of the records of a key that a plugin has merged, the last one went out.
        let last: HashMap<&str, usize> = match answer.superseded {
            0 => HashMap::new(),
            _ => batch.records.iter().enumerate().map(|(place, record)| (record.key, place)).collect(),
        };
        let mut rejected = answer.rejected.iter();
        for ((place, record), settled) in batch.records.iter().enumerate().zip(outcomes) {
            match settled {
                Outcome::Accepted if last.get(record.key).is_some_and(|&last| last != place) => {
                    let outcome = self.outcome_in(batch, place, record, RowStatus::Delivered);
                    let message = "a later row of the same key was sent in its place";
                    self.note(&RowOutcome { code: Some(REPLACED), message: Some(message), ..outcome });
                }
                Outcome::Accepted => {
                    let outcome = self.outcome_in(batch, place, record, RowStatus::Delivered);
                    self.note(&outcome);
                }
                Outcome::Rejected => {
                    // Both are in the order of the records.
                    let reason = rejected.next().map(|rejection| self.reason(&rejection.code, &rejection.message));
                    let outcome = self.outcome_in(batch, place, record, RowStatus::Rejected);
                    self.note(&RowOutcome {
                        code: reason.as_ref().map(|reason| reason.code.as_str()),
                        message: reason.as_ref().map(|reason| reason.message.as_str()),
                        ..outcome
                    });
                }
                Outcome::Undelivered => {
                    let (code, message) = undelivered.as_ref().map(|(code, message)| (&**code, &**message)).unzip();
                    let outcome = self.outcome_in(batch, place, record, RowStatus::Undelivered);
                    self.note(&RowOutcome { code, message, ..outcome });
                }
            }
        }
    }

    /// Keys that have left the source, as far as no batch will tell of them.
    pub(super) fn record_leaving(&mut self, leaving: Leaving<'_>) -> Result<(), Failure> {
        let (Some(outcomes), Some(ledger)) = (&mut self.outcomes, &self.ledger) else { return Ok(()) };
        let message = match leaving {
            Leaving::Withheld(reason) => reason.to_string(),
            Leaving::Removed | Leaving::Planned => "another sync of the same target holds it".to_owned(),
        };
        ledger.each_leaving(&mut |key, shared| {
            let (status, code) = match leaving {
                Leaving::Withheld(reason) => (RowStatus::Withheld, Some(reason.code())),
                Leaving::Removed | Leaving::Planned if shared => (RowStatus::Unchanged, Some(LEFT_TO_OTHERS)),
                Leaving::Planned => (RowStatus::Planned, None),
                Leaving::Removed => return,
            };
            outcomes.write(&RowOutcome {
                row_number: None,
                key: Some(key),
                action: Some(Action::Delete),
                change: Some(Change::Removed),
                status,
                code,
                message: code.map(|_| message.as_str()),
            });
        })?;
        self.flush_outcomes()
    }

    /// Hands what was written so far to the system.
    pub(super) fn flush_outcomes(&mut self) -> Result<(), Failure> {
        let flushed = self.outcomes.as_mut().map_or(Ok(()), Outcomes::flush);
        flushed.map_err(|error| Failure::outcomes(format!("the outcomes cannot be written: {error}")))
    }

    fn note(&mut self, outcome: &RowOutcome<'_>) {
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.write(outcome);
        }
    }

    fn outcome_in<'r>(&self, batch: &Batch, place: usize, record: Record<'r>, status: RowStatus) -> RowOutcome<'r> {
        let number = batch.origin(place).map(|(rows, row)| rows.number(row));
        self.outcome(number, record, batch.change(place), status)
    }

    /// `change` is known where it is known what was delivered.
    fn outcome<'r>(
        &self,
        row_number: Option<u64>,
        record: Record<'r>,
        change: Option<Change>,
        status: RowStatus,
    ) -> RowOutcome<'r> {
        RowOutcome {
            row_number,
            key: Some(record.key),
            action: Some(record.action),
            change: change.filter(|_| self.plan.stateful),
            status,
            code: None,
            message: None,
        }
    }

    /// What stopped a delivery, as it may be shown of a row.
    fn told(&self, failure: &Failure) -> (String, String) {
        let reason = self.reason(failure.kind.code(), &failure.message);
        (reason.code, reason.message)
    }
}
