//! Mapped rows on their way in: those that can't be mapped are set down as rejected, the others are compared with what was
//! delivered, and what must be sent is queued.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::batch::{Item, KeyHash, content_hash};
use super::rejection::Reason;
use super::{Flow, count_change};
use crate::pipeline::Delivery;
use crate::pipeline::mapper::Mapped;
use crate::pipeline::rows::Rows;
use crate::report::Failure;
use crate::report::dead_letter::DeadLetter;
use crate::report::outcomes::RowStatus;
use crate::source::{RejectedRow, RowContent};
use crate::state::Change;
use destination_engine::arrow::records::Record;
use destination_engine::bindings::RowIssue;
use destination_engine::plugin::answers::Mapping;

impl<D: Delivery> Flow<D> {
    /// Takes in what comes out of the mapper.
    pub(super) fn take(&mut self, mapped: Option<Mapped>) -> Result<(), Failure> {
        match mapped {
            Some(Mapped::Rows(chunk, mapping)) => {
                let first = self.counts.rows_read + 1;
                let rows = Rows::of(&chunk, first);
                self.counts.rows_read += chunk.len() as u64;
                self.count_rejected(first, &chunk.rejected, &rows, &mapping.issues);
                let taken = self.reject_unusable(first, &chunk.rejected);
                let taken = taken.and_then(|()| self.reject_unmapped(&rows, &mapping.issues));
                let taken = taken.and_then(|()| self.compare(&mapping));
                let taken = match taken {
                    Ok(changes) => self.enqueue(rows, &mapping, &changes),
                    Err(failure) => {
                        self.counts.undelivered += mapping.batch.len() as u64;
                        self.record_not_taken(&rows, mapping.batch.iter(), &failure);
                        Err(failure)
                    }
                };
                if taken.is_err() || self.plan.dry_run {
                    self.lose(Some(first));
                }
                taken.and(self.flush_outcomes())
            }
            Some(Mapped::End(_)) => Ok(()),
            Some(failed) => match failed.into_failure() {
                Some((failure, rows)) => {
                    let first = self.counts.rows_read + 1;
                    self.lose(Some(first));
                    self.counts.rows_read += rows as u64;
                    self.counts.undelivered += rows as u64;
                    self.record_unmapped(first..first + rows as u64, &failure);
                    Err(failure)
                }
                None => Ok(()),
            },
            None => Err(Failure::engine("the source stopped without an end")),
        }
    }

    /// Counts rows that the source could not use and rows that the plugin could not map. `first`: the number of the chunk's
    /// first row.
    fn count_rejected(&mut self, first: u64, rejected: &[RejectedRow], rows: &Rows, issues: &[RowIssue]) {
        let number = rejected.len() as u64 + issues.len() as u64;
        self.counts.rejected += number;
        self.unmapped_rows += number;
        self.record_rejected(first, rejected, rows, issues);
    }

    /// Sets down rows that the source could not use. Whose they are is not known.
    fn reject_unusable(&mut self, first: u64, rejected: &[RejectedRow]) -> Result<(), Failure> {
        self.unnamed_rows += rejected.len() as u64;
        let mut kept = Ok(());
        for RejectedRow { place, code, message, content } in rejected {
            let row_number = first + *place as u64;
            self.note_rejected(row_number);
            let Reason { code, message } = self.reason(code, message);
            self.tally.add(&code, &message, Some(row_number));
            let (row, raw) = match content {
                RowContent::Values(row) => (&**row, None),
                RowContent::Raw(bytes) => (RawValue::NULL, Some(bytes.as_slice().into())),
            };
            let (code, message) = (code.as_str(), message.as_str());
            let letter = DeadLetter { row, types: None, raw, row_number, key: None, column: None, code, message };
            kept = kept.and(self.write_letter(&letter));
        }
        kept
    }

    /// Sets down rows that the plugin could not map. They are not rows that left.
    fn reject_unmapped(&mut self, rows: &Rows, issues: &[RowIssue]) -> Result<(), Failure> {
        // All of them are counted, whether they can be written down or not.
        let mut kept = Ok(());
        for issue in issues {
            match (&issue.key, &mut self.ledger) {
                (Some(key), Some(ledger)) => ledger.mark_seen(key)?,
                (Some(_), None) => {}
                (None, _) => self.unnamed_rows += 1,
            }
            let row = issue.row as usize;
            let reason = self.reason(&issue.code, &issue.message);
            self.note_rejected(rows.number(row));
            kept = kept.and(self.reject(rows, row, issue.key.as_deref(), issue.column.as_deref(), &reason));
        }
        kept?;
        self.flush_dead_letters()?;
        if self.max_rejected().exceeded_by(self.unmapped_rows, self.counts.rows_read) {
            return Err(self.too_many_rejected());
        }
        Ok(())
    }

    /// Tells how each mapped record differs from what was delivered, with the hash of what it delivers.
    fn compare(&mut self, mapping: &Mapping) -> Result<Vec<(Change, u64)>, Failure> {
        let records = mapping.batch.iter();
        self.counts.padded_keys += records.clone().filter(|record| is_padded(record.key)).count() as u64;
        if !self.plan.stateful {
            return Ok(records.map(|_| (Change::Repeated, 0)).collect());
        }
        let contents: Vec<u64> = records.map(|record| content_hash(&record)).collect();
        let changes = match &mut self.ledger {
            Some(ledger) => {
                let judged = &mut mapping.batch.iter().zip(contents.iter().copied());
                let mut changes = ledger.diff(judged, self.plan.resend)?;
                if self.plan.mirrors {
                    // What a row says has left is removed where this sync added it, and nowhere else.
                    let removals = changes.iter_mut().zip(mapping.batch.iter());
                    for (change, record) in removals.filter(|(change, _)| **change == Change::Removed) {
                        if !ledger.may_remove(record.key)? {
                            *change = Change::Unchanged;
                        }
                    }
                }
                changes
            }
            // A dry run of a sync that has no state yet.
            None => vec![Change::Added; contents.len()],
        };
        Ok(changes.into_iter().zip(contents).collect())
    }

    /// Puts what must be sent into the queue.
    fn enqueue(&mut self, rows: Rows, mapping: &Mapping, changes: &[(Change, u64)]) -> Result<(), Failure> {
        let rows = Arc::new(rows);
        let mut sending: Vec<Sending<'_>> = Vec::with_capacity(changes.len());
        let mut sending_keys = HashSet::new();
        for (record, &(change, content)) in mapping.batch.iter().zip(changes) {
            let key = KeyHash::of(record.key);
            let change = match change {
                // An earlier row of this key is on its way with something else: the state does not know that yet.
                Change::Unchanged | Change::Repeated
                    if self.plan.stateful && (self.queue.has(key) || sending_keys.contains(&key)) =>
                {
                    Change::Changed
                }
                change => change,
            };
            if change == Change::Unchanged {
                self.counts.unchanged += 1;
                self.record_taken(&rows, record, change, RowStatus::Unchanged);
                continue;
            }
            if self.plan.stateful {
                sending_keys.insert(key);
            }
            sending.push((record, key, content, change));
        }
        if self.plan.dry_run {
            self.counts.planned += sending.len() as u64;
            for (record, _, _, change) in sending {
                count_change(&mut self.counts, change);
                self.record_taken(&rows, record, change, RowStatus::Planned);
            }
            return Ok(());
        }
        let mut queued = 0;
        let pushed = self.push(&rows, &sending, &mut queued);
        if let Err(failure) = &pushed {
            let lost = sending.get(queued..).unwrap_or_default();
            self.counts.undelivered += lost.len() as u64;
            self.record_not_taken(&rows, lost.iter().map(|(record, ..)| *record), failure);
        }
        pushed
    }

    /// Queues records, and counts those that it could.
    fn push(&mut self, rows: &Arc<Rows>, sending: &[Sending<'_>], queued: &mut usize) -> Result<(), Failure> {
        // Few rows of many that are kept would keep all of them in memory until their batch is full.
        let few = sending.len() < rows.len() / 2;
        let kept = if few {
            let kept: Vec<u32> = sending.iter().map(|(record, ..)| record.row).collect();
            Arc::new(rows.pick(&kept).map_err(|error| Failure::engine(error.to_string()))?)
        } else {
            Arc::clone(rows)
        };
        for (place, &(record, key, content, change)) in (0..).zip(sending) {
            let record = if few { Record { row: place, ..record } } else { record };
            let item = Item { record, rows: Some(&kept), key, content, change };
            self.queue.push(&item).map_err(|error| Failure::engine(error.to_string()))?;
            *queued += 1;
        }
        Ok(())
    }
}

/// A record that must be sent, with the hashes of its key and of what it delivers.
type Sending<'a> = (Record<'a>, KeyHash, u64, Change);

/// Whether a key has blanks around it.
fn is_padded(key: &str) -> bool {
    key.starts_with(char::is_whitespace) || key.ends_with(char::is_whitespace)
}
