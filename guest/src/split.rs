//! Finding the records that a request was refused for.
//!
//! Nothing published says whether Talon.One takes the sound records of a refused request, nor how it points to the others.
//! So a refused part is divided and both halves are sent again, until each bad record was refused alone; both calls are
//! safe to repeat. b bad records among n cost about 2·b·log₂(n/b) requests. Two things make that cheaper:
//!
//! **Hints.** Where the server points to records, or names an attribute that only some of them have, the part is divided
//! there rather than in the middle. A hint only chooses where to divide: no record is rejected for it. One that
//! proves wrong is the last that is followed.
//!
//! **Stopping early.** An undefined attribute fails every record that has it. Where a refusal says of an attribute that it
//! does not exist, and all records of the part have it, 4 of them, spread over it, are sent alone; if each is refused in the
//! same words, the whole part is rejected with them: 5 requests. What is refused in other words takes the longer way:
//! where a part of 64 or more is halved and both halves are refused, 32 of its records, spread over it, are sent one by one. If each is refused, and in the same words,
//! the whole part is rejected with them: 35 requests, however large the part. The first that is accepted, or refused
//! in other words, ends the test, and dividing goes on without another test, unless a hint sets the records apart that have an
//! attribute in common. Nothing is lost by it, for each record sent alone has its answer. What remains is a part whose
//! records nearly all fail in the very same words and whose few sound ones are all missed: with one in ten sound, spread
//! evenly, that happens to 3 parts of 100. Such a record is reported with the rest, and the next sync sends it again.

mod hint;

use self::hint::{Basis, Hint};
use crate::bindings::exports::etl::destination::destination::Failure;
use crate::response::Refusal;

/// Records that are sent alone before a part is given up.
const PROBES: usize = 32;

/// Records that are sent alone to confirm that an attribute which all records have is not defined.
const WITNESSES: usize = 4;

/// Parts smaller than this are divided to the end.
const LEAST_PROBED: usize = 2 * PROBES;

/// The sending side. Records are known by their places.
pub(crate) trait Trial {
    /// Send some records as one request. None: they are in, and noted as accepted.
    ///
    /// # Errors
    /// Nothing more can be delivered in this call.
    fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure>;

    /// Note a record as refused.
    fn reject(&mut self, place: usize, refusal: &Refusal);

    /// The JSON of a record.
    fn item(&self, place: usize) -> &str;

    /// The key of a record.
    fn key(&self, place: usize) -> &str;
}

/// Find which of the records were refused, and get the others accepted.
///
/// # Errors
/// Nothing more can be delivered in this call.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn isolate(places: Vec<usize>, refusal: Refusal, trial: &mut impl Trial) -> Result<(), Failure> {
    let mut search = Search {
        trial,
        hints_hold: true,
        open: vec![Part { places, refusal: Some(refusal), may_probe: true, may_confirm: true, halve: false }],
    };
    while let Some(part) = search.open.pop() {
        search.work_on(part)?;
    }
    Ok(())
}

/// A part of the records whose fate is open.
struct Part {
    places: Vec<usize>,
    /// The refusal of exactly these records. None: they were not sent together yet.
    refusal: Option<Refusal>,
    /// Not where a larger part was probed and showed to be mixed.
    may_probe: bool,
    /// Not where records sent alone showed that the words do not hold for all of a larger part.
    may_confirm: bool,
    /// The hint that made it left both sides refused: the next division is in the middle.
    halve: bool,
}

struct Search<'a, T> {
    trial: &'a mut T,
    /// No hint has proved wrong.
    hints_hold: bool,
    /// The last is worked on first.
    open: Vec<Part>,
}

impl<T: Trial> Search<'_, T> {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn work_on(&mut self, part: Part) -> Result<(), Failure> {
        let Some(refusal) = &part.refusal else {
            let refusal = self.trial.send(&part.places)?;
            let refused = refusal.is_some();
            self.open.extend(Some(Part { refusal, ..part }).filter(|_| refused));
            return Ok(());
        };
        if let [place] = part.places.as_slice() {
            self.trial.reject(*place, refusal);
            return Ok(());
        }
        if part.may_confirm && part.places.len() > 2 * WITNESSES && hint::undefined(refusal, &part.places, self.trial) {
            return self.confirm(part);
        }
        let ask = self.hints_hold && !part.halve && !refusal.for_size();
        let hint = if ask { hint::find(&refusal.complaint, &part.places, self.trial) } else { None };
        match hint {
            Some(hint) => self.divide(&part, hint),
            None => self.halve(&part),
        }
    }

    /// Tell the suspects of a hint from the others.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn divide(&mut self, part: &Part, hint: Hint) -> Result<(), Failure> {
        let suspects_refusal = self.trial.send(&hint.suspects)?;
        let others_refusal = self.trial.send(&hint.others)?;
        self.hints_hold = suspects_refusal.is_some();
        let halve = suspects_refusal.is_some() && others_refusal.is_some();
        for (places, refusal, alike) in
            [(hint.others, others_refusal, false), (hint.suspects, suspects_refusal, hint.basis == Basis::Attribute)]
        {
            if refusal.is_some() {
                self.open.push(Part {
                    places,
                    refusal,
                    may_probe: part.may_probe || alike,
                    may_confirm: part.may_confirm,
                    halve,
                });
            }
        }
        Ok(())
    }

    /// See whether records alone are refused for the attribute that the refusal of all of them names.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn confirm(&mut self, part: Part) -> Result<(), Failure> {
        let probed = probe(spread(&part.places, WITNESSES), self.trial)?;
        match probed.agreed.as_ref().filter(|refusal| hint::undefined(refusal, &part.places, self.trial)) {
            Some(refusal) => self.reject_rest(&part, &probed, refusal),
            None => self.open.extend(probed.without(Part { may_confirm: false, ..part })),
        }
        Ok(())
    }

    /// Reject all records of a part that were not sent alone.
    fn reject_rest(&mut self, part: &Part, probed: &Probed, refusal: &Refusal) {
        for place in part.places.iter().filter(|place| !probed.rejected.contains(place)) {
            self.trial.reject(*place, refusal);
        }
    }

    /// Divide in the middle; where that tells nothing, see whether all of the part fails alike.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn halve(&mut self, part: &Part) -> Result<(), Failure> {
        let (first, second) = part.places.split_at(part.places.len() / 2);
        let first_refusal = self.trial.send(first)?;
        let second_refusal = self.trial.send(second)?;
        let for_records = |refusal: &Option<Refusal>| refusal.as_ref().is_some_and(|refusal| !refusal.for_size());
        let in_doubt = for_records(&first_refusal) && for_records(&second_refusal);
        let probed = if in_doubt && part.may_probe && part.places.len() >= LEAST_PROBED {
            Some(probe(spread(&part.places, PROBES), self.trial)?)
        } else {
            None
        };
        if let Some(probed @ Probed { agreed: Some(refusal), .. }) = &probed {
            self.reject_rest(part, probed, refusal);
            return Ok(());
        }
        for (places, refusal) in [(second, second_refusal), (first, first_refusal)] {
            if refusal.is_some() {
                let half = Part {
                    places: places.to_vec(),
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
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn without(&self, mut part: Part) -> Option<Part> {
        let before = part.places.len();
        part.places.retain(|place| !self.rejected.contains(place));
        let lost_bad = part.places.len() < before;
        part.places.retain(|place| !self.accepted.contains(place));
        if part.places.len() < before {
            // Its refusal may have been for a record that is gone; what is left of several was not refused alone; and
            // positions in it are no longer what they were.
            part.refusal = part.refusal.filter(|_| !lost_bad && part.places.len() > 1);
            part.refusal.iter_mut().for_each(|refusal| refusal.complaint.pointers.clear());
        }
        Some(part).filter(|part| !part.places.is_empty())
    }
}

/// Send records alone until one shows that they do not all fail alike.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn probe(places: impl Iterator<Item = usize>, trial: &mut impl Trial) -> Result<Probed, Failure> {
    let mut probed = Probed::default();
    let mut words: Option<Words> = None;
    for place in places {
        let Some(refusal) = trial.send(&[place])? else {
            probed.accepted.push(place);
            return Ok(probed);
        };
        trial.reject(place, &refusal);
        probed.rejected.push(place);
        let these = Words::new(refusal, trial.key(place));
        words = match words {
            None => Some(these),
            Some(words) => match words.shared_with(&these) {
                Some(words) => Some(words),
                None => return Ok(probed),
            },
        };
    }
    probed.agreed = words.map(|words| words.refusal);
    Ok(probed)
}

/// `count` of the records (a power of two), evenly spread; the first few far apart, for one sound record ends the test.
fn spread(places: &[usize], count: usize) -> impl Iterator<Item = usize> {
    // Counting with the bits reversed: 0, 16, 8, 24, 4, …
    let step = move |probe: usize| probe.reverse_bits() >> (usize::BITS - count.ilog2());
    (0..count).filter_map(move |probe| places.get(step(probe) * places.len().saturating_sub(1) / (count - 1)).copied())
}

/// What one record was refused with. Words that name the record are the same words for another.
struct Words {
    refusal: Refusal,
    without_key: String,
}

impl Words {
    fn new(refusal: Refusal, key: &str) -> Self {
        let without_key = refusal.complaint.text.replace(key, "…");
        Self { refusal, without_key }
    }

    /// The words that fit both records, if any do.
    fn shared_with(mut self, other: &Self) -> Option<Self> {
        if self.refusal.status != other.refusal.status {
            None
        } else if self.refusal.complaint.text == other.refusal.complaint.text {
            Some(self)
        } else if self.without_key == other.without_key {
            self.refusal.complaint.text.clone_from(&self.without_key);
            Some(self)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
