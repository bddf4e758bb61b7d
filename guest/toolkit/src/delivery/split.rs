//! Finding the records that a request was refused for.
//!
//! Few APIs say whether they accept the valid records of a refused request, and how they point to the others.
//! So a refused part is divided and both halves are sent again, until each bad record was refused alone; sending a record again is
//! safe. b bad records among n cost about 2·b·log₂(n/b) requests. Two things make that cheaper:
//!
//! **Hints.** If the server points to records, or names an attribute that only some of them have, the part is divided
//! there rather than in the middle. A hint only chooses where to divide: no record is rejected for it. One that
//! proves wrong is the last that is followed.
//!
//! **Stopping early.** A field that does not exist fails every record that has it. If a refusal names such a fault, and all
//! records of the part have it ([`BatchSender::common_fault`]), 4 of them, spread over it, are sent alone; if each is refused in the
//! same words, the whole part is rejected with them: 5 requests. What is refused in other words takes the longer way:
//! where a part of 64 or more is halved and both halves are refused, 32 of its records, spread over it, are sent one by
//! one. If each is refused, and in the same words, the whole part is rejected with them: 35 requests, however large the
//! part. The first that is accepted, or refused in other words, ends the test, and dividing goes on without another test,
//! unless a hint separates the records that have an attribute in common. Nothing is lost by it, for each record sent alone has its answer. What remains is a part whose
//! records nearly all fail in the very same words and whose few valid ones are all missed: with one in ten valid, spread
//! evenly, that happens to 3 parts of 100. Such a record is reported with the rest, and the next sync sends it again.

pub mod hint;

use self::hint::{Basis, Hint};
use super::Refusal;
use crate::bindings::Failure;

/// Records that are sent alone before a part is given up.
const PROBES: usize = 32;

/// Records that are sent alone to confirm a fault that all have in common.
const CONFIRMATIONS: usize = 4;

/// Parts smaller than this are divided to the end.
const MIN_PROBED: usize = 2 * PROBES;

/// Sends records, which are named by their indices.
pub trait BatchSender {
    /// Send some records as one request. None: they were accepted, and marked so.
    ///
    /// # Errors
    /// Nothing more can be delivered in this call.
    fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure>;

    /// Mark a record as rejected.
    fn reject(&mut self, index: usize, refusal: &Refusal);

    /// What is sent for a record.
    fn item(&self, index: usize) -> &str;

    /// The key of a record.
    fn key(&self, index: usize) -> &str;

    /// Whether the refusal names a fault that each of these records has for certain.
    fn common_fault(&self, refusal: &Refusal, indices: &[usize]) -> bool;
}

/// Find which of the records were refused, and get the others accepted.
///
/// # Errors
/// Nothing more can be delivered in this call.
pub fn isolate(indices: Vec<usize>, refusal: Refusal, sender: &mut dyn BatchSender) -> Result<(), Failure> {
    let mut search = Search {
        sender,
        hints_hold: true,
        open: vec![Part { indices, refusal: Some(refusal), may_probe: true, may_confirm: true, halve: false }],
    };
    while let Some(part) = search.open.pop() {
        search.process(part)?;
    }
    Ok(())
}

/// A part of the records of which some are not decided yet.
struct Part {
    indices: Vec<usize>,
    /// The refusal of exactly these records. None: they were not sent together yet.
    refusal: Option<Refusal>,
    /// Not where a larger part was probed and showed to be mixed.
    may_probe: bool,
    /// Not where records sent alone showed that the error is not common to all of a larger part.
    may_confirm: bool,
    /// It comes from a hint that left both sides refused: the next division is in the middle.
    halve: bool,
}

struct Search<'a> {
    sender: &'a mut dyn BatchSender,
    /// No hint has proved wrong.
    hints_hold: bool,
    /// The last is processed first.
    open: Vec<Part>,
}

impl Search<'_> {
    fn process(&mut self, part: Part) -> Result<(), Failure> {
        let Some(refusal) = &part.refusal else {
            let refusal = self.sender.send(&part.indices)?;
            let refused = refusal.is_some();
            self.open.extend(Some(Part { refusal, ..part }).filter(|_| refused));
            return Ok(());
        };
        if let [index] = part.indices.as_slice() {
            self.sender.reject(*index, refusal);
            return Ok(());
        }
        if part.may_confirm
            && part.indices.len() > 2 * CONFIRMATIONS
            && self.sender.common_fault(refusal, &part.indices)
        {
            return self.confirm(part);
        }
        let ask = self.hints_hold && !part.halve && !refusal.for_size();
        let hint = if ask { hint::find(&refusal.error_body, &part.indices, self.sender) } else { None };
        match hint {
            Some(hint) => self.divide(&part, hint),
            None => self.halve(&part),
        }
    }

    /// Send the suspects of a hint and the others apart.
    fn divide(&mut self, part: &Part, hint: Hint) -> Result<(), Failure> {
        let suspects_refusal = self.sender.send(&hint.suspects)?;
        let others_refusal = self.sender.send(&hint.others)?;
        self.hints_hold = suspects_refusal.is_some();
        let halve = suspects_refusal.is_some() && others_refusal.is_some();
        for (indices, refusal, alike) in
            [(hint.others, others_refusal, false), (hint.suspects, suspects_refusal, hint.basis == Basis::Attribute)]
        {
            if refusal.is_some() {
                self.open.push(Part {
                    indices,
                    refusal,
                    may_probe: part.may_probe || alike,
                    may_confirm: part.may_confirm,
                    halve,
                });
            }
        }
        Ok(())
    }

    /// Check whether records alone are refused for the attribute that the refusal of all of them names.
    fn confirm(&mut self, part: Part) -> Result<(), Failure> {
        let probed = probe(spread(&part.indices, CONFIRMATIONS), self.sender)?;
        match probed.agreed.as_ref().filter(|refusal| self.sender.common_fault(refusal, &part.indices)) {
            Some(refusal) => self.reject_rest(&part, &probed, refusal),
            None => self.open.extend(probed.without(Part { may_confirm: false, ..part })),
        }
        Ok(())
    }

    /// Reject all records of a part that were not sent alone.
    fn reject_rest(&mut self, part: &Part, probed: &Probed, refusal: &Refusal) {
        for index in part.indices.iter().filter(|index| !probed.rejected.contains(index)) {
            self.sender.reject(*index, refusal);
        }
    }

    /// Divide in the middle; if both halves are refused, check whether all of the part fails alike.
    fn halve(&mut self, part: &Part) -> Result<(), Failure> {
        let (first, second) = part.indices.split_at(part.indices.len() / 2);
        let first_refusal = self.sender.send(first)?;
        let second_refusal = self.sender.send(second)?;
        let for_records = |refusal: &Option<Refusal>| refusal.as_ref().is_some_and(|refusal| !refusal.for_size());
        let in_doubt = for_records(&first_refusal) && for_records(&second_refusal);
        let probed = if in_doubt && part.may_probe && part.indices.len() >= MIN_PROBED {
            Some(probe(spread(&part.indices, PROBES), self.sender)?)
        } else {
            None
        };
        if let Some(probed @ Probed { agreed: Some(refusal), .. }) = &probed {
            self.reject_rest(part, probed, refusal);
            return Ok(());
        }
        for (indices, refusal) in [(second, second_refusal), (first, first_refusal)] {
            if refusal.is_some() {
                let half = Part {
                    indices: indices.to_vec(),
                    refusal,
                    may_probe: part.may_probe && probed.is_none(),
                    may_confirm: part.may_confirm,
                    halve: false,
                };
                self.open.extend(match &probed {
                    Some(probed) => probed.without(half),
                    None => Some(half),
                });
            }
        }
        Ok(())
    }
}

/// The records that were sent alone.
#[derive(Default)]
struct Probed {
    accepted: Vec<usize>,
    rejected: Vec<usize>,
    /// What all of them were refused with, in the same words.
    agreed: Option<Refusal>,
}

impl Probed {
    /// What is left of a refused part.
    fn without(&self, mut part: Part) -> Option<Part> {
        let before = part.indices.len();
        part.indices.retain(|index| !self.rejected.contains(index));
        let lost_bad = part.indices.len() < before;
        part.indices.retain(|index| !self.accepted.contains(index));
        if part.indices.len() < before {
            // Its refusal may have been for a record that is gone; what is left of several was not refused alone; and
            // positions in it are no longer what they were.
            part.refusal = part.refusal.filter(|_| !lost_bad && part.indices.len() > 1);
            part.refusal.iter_mut().for_each(|refusal| refusal.error_body.pointers.clear());
        }
        Some(part).filter(|part| !part.indices.is_empty())
    }
}

/// Send records alone until one shows that they do not all fail alike.
fn probe(indices: impl Iterator<Item = usize>, sender: &mut dyn BatchSender) -> Result<Probed, Failure> {
    let mut probed = Probed::default();
    let mut text: Option<RefusalText> = None;
    for index in indices {
        let Some(refusal) = sender.send(&[index])? else {
            probed.accepted.push(index);
            return Ok(probed);
        };
        sender.reject(index, &refusal);
        probed.rejected.push(index);
        let these = RefusalText::new(refusal, sender.key(index));
        text = match text {
            None => Some(these),
            Some(text) => match text.shared_with(&these) {
                Some(text) => Some(text),
                None => return Ok(probed),
            },
        };
    }
    probed.agreed = text.map(|text| text.refusal);
    Ok(probed)
}

/// `count` of the records (a power of two), evenly spread; the first few far apart, for one valid record ends the test.
fn spread(indices: &[usize], count: usize) -> impl Iterator<Item = usize> {
    // Counting with the bits reversed: 0, 16, 8, 24, 4, …
    let step = move |probe: usize| probe.reverse_bits() >> (usize::BITS - count.ilog2());
    (0..count)
        .filter_map(move |probe| indices.get(step(probe) * indices.len().saturating_sub(1) / (count - 1)).copied())
}

/// What one record was refused with. Texts that differ only in the record's key count as the same.
struct RefusalText {
    refusal: Refusal,
    without_key: String,
}

impl RefusalText {
    fn new(refusal: Refusal, key: &str) -> Self {
        let without_key = refusal.error_body.text.replace(key, "…");
        Self { refusal, without_key }
    }

    /// The text that both records share, if they do.
    fn shared_with(mut self, other: &Self) -> Option<Self> {
        if self.refusal.status != other.refusal.status {
            None
        } else if self.refusal.error_body.text == other.refusal.error_body.text {
            Some(self)
        } else if self.without_key == other.without_key {
            self.refusal.error_body.text.clone_from(&self.without_key);
            Some(self)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
