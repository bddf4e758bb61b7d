//! The end of a mirror's run: keys that have left the source, removed or withheld.
//!
//! All rows are settled by then, so that it is known which keys the source has. The decision is made once, before the
//! first removal; then they go through the queue like rows, a few batches at a time.

use super::Flow;
use super::batch::{Batch, Item, KeyHash, content_hash};
use super::row_outcomes::Leaving;
use crate::pipeline::Delivery;
use crate::pipeline::removals::{self, Decision, Situation};
use crate::report::{Failure, RefusedRemovals, Withheld};
use crate::state::Change;
use crate::sync_file::MaxRemovals;
use destination_engine::arrow::records::Record;
use destination_engine::plugin::answers::Report as Answer;
use destination_engine::stop::Stop;

/// Withheld keys that are named in the report.
const MOST_WITHHELD_NAMED: usize = 1000;
/// Keys that are read from the state at once, however few a batch has.
const LEAST_PAGE: usize = 1000;
/// Seconds for which removals are remembered: as long as a limit's period can be.
const REMEMBERED: i64 = 3_650 * 86_400;

impl<D: Delivery> Flow<D> {
    /// Removes what has left the source, if it may. All rows are settled by now.
    pub(super) async fn remove(&mut self, max: MaxRemovals, stop: &Stop) {
        let verdict = self.judge_removals(max);
        match verdict {
            Ok(true) => {
                let mut last = String::new();
                while self.failure.is_none() {
                    let page = self.next_removals(&last, stop).await;
                    match page {
                        Ok(Some(key)) => last = key,
                        Ok(None) => return,
                        Err(failure) => return self.note_failure(Err(failure)),
                    }
                    self.deliver(None, stop).await;
                }
            }
            Ok(false) => {}
            Err(failure) => self.note_failure(Err(failure)),
        }
    }

    /// Whether keys are to be removed. Where they are withheld, that is noted.
    fn judge_removals(&mut self, max: MaxRemovals) -> Result<bool, Failure> {
        let Some(ledger) = &self.ledger else { return Ok(false) };
        let found = ledger.leaving(MOST_WITHHELD_NAMED)?;
        let identity_change = ledger.identity_change();
        let verdict = removals::decide(&Situation {
            rows_read: self.counts.rows_read,
            unnamed_rows: self.unnamed_rows,
            identity_change: identity_change.as_deref(),
            known: found.known,
            leaving: found.leaving,
            recently: match max.per {
                Some(per) => ledger.removed_since(self.plan.now - i64::from(per.seconds))?,
                None => 0,
            },
            max,
            allowed: self.plan.allow_removals,
        });
        match verdict {
            Decision::Nothing => Ok(false),
            Decision::Remove if self.plan.dry_run => {
                self.counts.removed = found.leaving - found.shared;
                self.counts.left_to_others = found.shared;
                self.record_leaving(Leaving::Planned)?;
                Ok(false)
            }
            Decision::Remove => {
                self.counts.left_to_others = self.leave_to_neighbours()?;
                Ok(true)
            }
            Decision::Withhold(reason) => {
                self.counts.withheld_removals = found.leaving;
                self.record_leaving(Leaving::Withheld(&reason))?;
                self.withheld = Some(Withheld {
                    reason: reason.to_string(),
                    hint: reason.hint().to_owned(),
                    first_keys: found.first,
                });
                Ok(false)
            }
        }
    }

    /// Members that another sync of the target holds are not this one's to remove.
    fn leave_to_neighbours(&mut self) -> Result<u64, Failure> {
        if self.ledger.as_ref().is_some_and(|ledger| !ledger.neighbours().is_empty()) {
            self.record_leaving(Leaving::Removed)?;
        }
        Ok(self.ledger.as_mut().map_or(Ok(0), |ledger| ledger.leave_to_neighbours())?)
    }

    /// Remembers the result of removals: the confirmed ones for a limit over time, but not those that a person let
    /// through; the refused ones for the report.
    pub(super) fn note_removals(&mut self, batch: &Batch, answer: &Answer) -> Result<(), Failure> {
        let removed = answer.accepted.len() as u64;
        if let Some(ledger) = self.ledger.as_mut().filter(|_| removed > 0 && !self.plan.allow_removals) {
            ledger.note_removals(self.plan.now, self.plan.now - REMEMBERED, removed)?;
        }
        for rejection in &answer.rejected {
            let key = batch.records.get(rejection.record_index as usize).map_or("", |record| record.key);
            RefusedRemovals::add(&mut self.refused_removals, &rejection.code, &rejection.message, key);
        }
        Ok(())
    }

    /// Queues some removals, those after the key `after`, and returns the last; `None` where there are no more.
    async fn next_removals(&mut self, after: &str, stop: &Stop) -> Result<Option<String>, Failure> {
        let Some(ledger) = &self.ledger else { return Ok(None) };
        let most = (self.plan.size.records * self.plan.concurrency).max(LEAST_PAGE);
        let mut keys = ledger.leaving_after(after, most)?;
        self.learn_division(keys.iter().map(|key| Record::removal(0, key)), stop).await;
        for key in &keys {
            let record = Record::removal(0, key);
            let content = content_hash(&record);
            let item = Item { record, rows: None, key: KeyHash::of(key), content, change: Change::Removed };
            self.queue.push(&item).map_err(|error| Failure::engine(error.to_string()))?;
        }
        self.queue.close();
        Ok(keys.pop())
    }
}
