//! What a plugin answered, checked: a plugin that contradicts itself is found out here, before anything is recorded as
//! delivered or left out.
//!
//! Pure. Each function takes an answer as it crossed the border and gives the host's type for it, or says what is wrong.

mod effects;
mod inspection;
mod provisioning;

pub use self::effects::Delivery;
pub use self::inspection::{KeyPage, RouteLimit};
pub(crate) use self::inspection::{differences, discovery};
pub(crate) use self::provisioning::missing_objects;

use crate::arrow::records::MappedBatch;
use crate::bindings::{self, Problem, Rejection, RowIssue};

/// Mapped rows: each row of the batch stands in exactly one of the two, once.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// The rows that can be sent.
    pub batch: MappedBatch,
    /// The rows that could not be mapped, and why.
    pub issues: Vec<RowIssue>,
}

/// The result of a batch. Each record's index stands in exactly one of accepted, rejected and undelivered, each in
/// rising order.
#[derive(Debug, Clone)]
pub struct Report {
    /// Confirmed by the destination.
    pub accepted: Vec<u32>,
    /// Refused by the destination, and why.
    pub rejected: Vec<Rejection>,
    /// Not confirmed, and what stopped the delivery.
    pub undelivered: Option<Undelivered>,
    /// How many of the accepted were replaced by a later record of the same key.
    pub superseded: u32,
    /// Requests made, repeated ones among them.
    pub requests: u32,
    /// Requests that were made again.
    pub retries: u32,
}

/// Records that the destination may or may not have; sending them again is safe.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// Indices of the records; at least one.
    pub records: Vec<u32>,
    /// What stopped the delivery.
    pub failure: Failure,
}

/// A plugin's own verdict that a call, or what is left of it, did not succeed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// Worth another call.
    Transient(Problem),
    /// Another call gives the same answer until the configuration, the key or the data is fixed.
    Permanent(Problem),
}

impl Failure {
    /// What happened, for machines and for people.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Transient(problem) | Self::Permanent(problem) => problem,
        }
    }

    /// Whether another call may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    pub(crate) fn from_answer(failure: bindings::Failure) -> Result<Self, String> {
        match failure {
            bindings::Failure::Transient(problem) => Ok(Self::Transient(problem)),
            bindings::Failure::Permanent(problem) => Ok(Self::Permanent(problem)),
            bindings::Failure::ExecutionFailed => {
                Err("it returned `execution-failed`, which is the engine's to use".to_owned())
            }
        }
    }
}

impl Mapping {
    pub(crate) fn from_answer(answer: bindings::Mapping, rows: usize) -> Result<Self, String> {
        let batch = MappedBatch::from_answer(answer.batch)?;
        let mut seen = Seen::new("row", rows);
        seen.mark(batch.rows().iter().copied(), "the batch")?;
        seen.mark(answer.issues.iter().map(|issue| issue.row), "the issues")?;
        seen.complete()?;
        Ok(Self { batch, issues: answer.issues })
    }
}

impl Report {
    pub(crate) fn from_answer(answer: bindings::Report, records: usize) -> Result<Self, String> {
        let mut seen = Seen::new("record", records);
        seen.mark_rising(answer.accepted.iter().copied(), "accepted")?;
        seen.mark_rising(answer.rejected.iter().map(|r| r.record_index), "rejected")?;
        seen.mark_rising(answer.undelivered.iter().copied(), "undelivered")?;
        seen.complete()?;
        if answer.superseded as usize > answer.accepted.len() {
            return Err(format!(
                "{} records superseded, but only {} accepted",
                answer.superseded,
                answer.accepted.len()
            ));
        }
        if answer.retries > answer.requests {
            return Err(format!("{} retries in {} requests", answer.retries, answer.requests));
        }
        let undelivered = match (answer.undelivered, answer.failure) {
            (records, None) if records.is_empty() => None,
            (records, None) => {
                return Err(format!("{} records undelivered, but no failure that stopped them", records.len()));
            }
            (records, Some(_)) if records.is_empty() => {
                return Err("a failure, but no record is undelivered".to_owned());
            }
            (records, Some(failure)) => Some(Undelivered { records, failure: Failure::from_answer(failure)? }),
        };
        Ok(Self {
            accepted: answer.accepted,
            rejected: answer.rejected,
            undelivered,
            superseded: answer.superseded,
            requests: answer.requests,
            retries: answer.retries,
        })
    }
}

/// Which indices an answer has named so far, and in which of its lists.
struct Seen {
    what: &'static str,
    lists: Vec<Option<&'static str>>,
}

impl Seen {
    fn new(what: &'static str, count: usize) -> Self {
        Self { what, lists: vec![None; count] }
    }

    fn mark(&mut self, indices: impl Iterator<Item = u32>, list: &'static str) -> Result<(), String> {
        let (what, count) = (self.what, self.lists.len());
        for index in indices {
            match self.lists.get_mut(index as usize) {
                None => return Err(format!("{list}: {what} {index}, but there are only {count}")),
                Some(Some(earlier)) if *earlier == list => {
                    return Err(format!("{list}: {what} {index} stands there twice"));
                }
                Some(Some(earlier)) => {
                    return Err(format!("{what} {index} stands in both {earlier} and {list}"));
                }
                Some(unseen) => *unseen = Some(list),
            }
        }
        Ok(())
    }

    fn mark_rising(&mut self, indices: impl Iterator<Item = u32> + Clone, list: &'static str) -> Result<(), String> {
        self.mark(indices.clone(), list)?;
        if !indices.is_sorted() {
            return Err(format!("{list}: the {} indices are not in rising order", self.what));
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), String> {
        match self.lists.iter().position(Option::is_none) {
            None => Ok(()),
            Some(missing) => Err(format!("{} {missing} is missing", self.what)),
        }
    }
}

#[cfg(test)]
mod tests;
