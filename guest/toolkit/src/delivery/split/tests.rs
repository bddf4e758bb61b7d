//! A server that refuses some records, in many ways; what must come out is which, and in how many requests.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::http::error_body::ErrorBody;

/// How a server refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wording {
    /// The same for all, and no pointers.
    Same,
    /// The same for all, and the name of the attribute that only the bad ones have.
    Attribute,
    /// The bad record's key, and no pointers.
    Key,
    /// A pointer to the first bad record.
    First,
    /// Pointers to all bad records.
    All,
    /// A pointer to the first record, whichever is bad.
    Lying,
}

struct Scripted {
    bad: BTreeSet<usize>,
    words: Wording,
    items: Vec<String>,
    keys: Vec<String>,
    /// Whether valid records of a refused request are taken all the same.
    partial: bool,
    requests: usize,
    accepted: BTreeSet<usize>,
    stored: BTreeSet<usize>,
    rejected: Vec<(usize, String)>,
}

impl Scripted {
    fn new(count: usize, bad: impl IntoIterator<Item = usize>, words: Wording) -> Self {
        let bad: BTreeSet<usize> = bad.into_iter().collect();
        let item = |index: usize| {
            if bad.contains(&index) { "{\"tier\":1}".to_owned() } else { "{\"x\":1}".to_owned() }
        };
        Self {
            items: (0..count).map(item).collect(),
            keys: (0..count).map(|index| format!("customer-{index}")).collect(),
            bad,
            words,
            partial: false,
            requests: 0,
            accepted: BTreeSet::new(),
            stored: BTreeSet::new(),
            rejected: Vec::new(),
        }
    }

    /// Send all, and what is refused piece by piece.
    fn run(&mut self) -> Result<(), Failure> {
        let all: Vec<usize> = (0..self.items.len()).collect();
        match self.send(&all)? {
            Some(refusal) => isolate(all, refusal, self),
            None => Ok(()),
        }
    }

    fn rejected(&self) -> BTreeSet<usize> {
        self.rejected.iter().map(|(index, _)| *index).collect()
    }
}

impl BatchSender for Scripted {
    fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure> {
        assert!(!part.is_empty());
        self.requests += 1;
        let bad: Vec<usize> = (0..part.len()).filter(|position| self.bad.contains(&part[*position])).collect();
        let valid = part.iter().filter(|index| !self.bad.contains(index));
        if bad.is_empty() || self.partial {
            self.stored.extend(valid);
        }
        let Some(first) = bad.first() else {
            self.accepted.extend(part);
            return Ok(None);
        };
        let pointer = |position: &usize| format!("/customerProfiles/{position}/attributes/x");
        let (text, pointers) = match self.words {
            Wording::Same => ("invalid request".to_owned(), Vec::new()),
            Wording::Attribute => ("attribute 'tier' is not defined".to_owned(), Vec::new()),
            Wording::Key => (format!("profile {} is invalid", self.keys[part[*first]]), Vec::new()),
            Wording::First => ("invalid request".to_owned(), vec![pointer(first)]),
            Wording::All => ("invalid request".to_owned(), bad.iter().map(pointer).collect()),
            Wording::Lying => ("invalid request".to_owned(), vec![pointer(&0)]),
        };
        Ok(Some(Refusal { status: 400, error_body: ErrorBody { text, pointers, ..ErrorBody::default() } }))
    }

    fn reject(&mut self, index: usize, refusal: &Refusal) {
        self.rejected.push((index, refusal.error_body.text.clone()));
    }

    fn item(&self, index: usize) -> &str {
        &self.items[index]
    }

    fn key(&self, index: usize) -> &str {
        &self.keys[index]
    }

    fn common_fault(&self, refusal: &Refusal, indices: &[usize]) -> bool {
        refusal.error_body.mentions(&["'tier' is not defined"])
            && indices.iter().all(|index| self.items[*index].contains("\"tier\":"))
    }
}

const ALL_WORDINGS: [Wording; 6] =
    [Wording::Same, Wording::Attribute, Wording::Key, Wording::First, Wording::All, Wording::Lying];

/// `count` indices of 1,000, scattered without order.
fn scattered(count: usize) -> BTreeSet<usize> {
    (0..count).map(|number| number * 617 % 1000).collect()
}

#[track_caller]
fn assert_isolated(count: usize, bad: &BTreeSet<usize>, words: Wording, most_requests: usize) {
    for partial in [false, true] {
        let mut server = Scripted::new(count, bad.iter().copied(), words);
        server.partial = partial;
        server.run().unwrap();
        assert_eq!(server.rejected(), *bad, "{words:?}");
        assert_eq!(server.rejected.len(), bad.len(), "{words:?}: each once");
        let valid: BTreeSet<usize> = (0..count).filter(|index| !bad.contains(index)).collect();
        assert_eq!(server.accepted, valid, "{words:?}");
        assert_eq!(server.stored, valid, "{words:?}");
        assert!(
            server.requests <= most_requests,
            "{} bad of {count}, {words:?}: {} requests",
            bad.len(),
            server.requests
        );
    }
}

#[test]
fn exactly_the_bad_records_are_rejected_in_few_requests() {
    for words in ALL_WORDINGS {
        assert_isolated(1000, &scattered(0), words, 1);
        assert_isolated(1000, &scattered(1), words, 24);
    }
    // Without a hint: about two requests for each level and bad record.
    for words in [Wording::Same, Wording::Key, Wording::Lying] {
        assert_isolated(1000, &scattered(7), words, 125);
        assert_isolated(1000, &scattered(100), words, 900);
    }
    // With one, far fewer.
    assert_isolated(1000, &scattered(7), Wording::Attribute, 20);
    assert_isolated(1000, &scattered(7), Wording::First, 40);
    assert_isolated(1000, &scattered(7), Wording::All, 20);
    assert_isolated(1000, &scattered(100), Wording::First, 600);
    assert_isolated(1000, &scattered(100), Wording::All, 250);
}

#[test]
fn an_attribute_that_only_some_records_have_costs_the_same_however_many_have_it() {
    for bad in [64, 100, 500, 900, 999] {
        assert_isolated(1000, &scattered(bad), Wording::Attribute, 40);
    }
}

#[test]
fn a_batch_that_fails_as_one_is_rejected_in_a_fixed_number_of_requests() {
    for count in [66, 100, 1000, 10_000] {
        for words in ALL_WORDINGS {
            let all: BTreeSet<usize> = (0..count).collect();
            assert_isolated(
                count,
                &all,
                words,
                if words == Wording::First || words == Wording::Lying { 38 } else { 36 },
            );
        }
    }
}

#[test]
fn a_small_batch_that_fails_as_one_is_divided_to_the_end() {
    for words in ALL_WORDINGS {
        assert_isolated(63, &(0..63).collect(), words, 2 * 63 - 1);
        assert_isolated(1, &(0..1).collect(), words, 1);
        assert_isolated(2, &(0..2).collect(), words, 3);
    }
}

#[test]
fn valid_records_between_bad_ones_are_found() {
    // The probes are spread: with half of the records valid, one is met at once.
    for words in [Wording::Same, Wording::Key, Wording::First] {
        let bad: BTreeSet<usize> = (0..1000).filter(|index| index % 2 == 1).collect();
        assert_isolated(1000, &bad, words, 2 * 1000);
        let bad: BTreeSet<usize> = (0..1000).filter(|index| index % 4 != 3).collect();
        assert_isolated(1000, &bad, words, 2 * 1000);
    }
    for words in [Wording::Same, Wording::Key] {
        assert_isolated(1000, &(500..1000).collect(), words, 1 + 2 + 2 + PROBES);
    }
}

#[test]
fn the_price_of_stopping_early_is_a_valid_record_that_every_probe_missed() {
    // Documented above; here so that a change of it is seen.
    let mut server = Scripted::new(1000, (0..1000).filter(|index| *index != 5), Wording::Same);
    server.run().unwrap();
    assert!(server.rejected().contains(&5));
    assert_eq!(server.rejected.len(), 1000);
    assert_eq!(server.requests, 1 + 2 + PROBES);
}

#[test]
fn words_that_name_the_record_are_not_repeated_for_another() {
    let mut server = Scripted::new(1000, 0..1000, Wording::Key);
    server.run().unwrap();
    let probed = server.rejected.iter().filter(|(index, text)| *text == format!("profile customer-{index} is invalid"));
    assert_eq!(probed.count(), PROBES);
    let others = server.rejected.iter().filter(|(_, text)| text == "profile … is invalid");
    assert_eq!(others.count(), 1000 - PROBES);
}

#[test]
fn a_request_that_is_too_large_blames_nobody() {
    /// Takes at most `most` records at once.
    struct Narrow {
        most: usize,
        requests: usize,
        accepted: Vec<usize>,
        rejected: Vec<usize>,
    }
    impl BatchSender for Narrow {
        fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure> {
            self.requests += 1;
            if part.len() > self.most {
                return Ok(Some(Refusal { status: 413, error_body: ErrorBody::default() }));
            }
            self.accepted.extend(part);
            Ok(None)
        }
        fn reject(&mut self, index: usize, _: &Refusal) {
            self.rejected.push(index);
        }
        fn item(&self, _: usize) -> &str {
            "{}"
        }
        fn key(&self, _: usize) -> &str {
            "k"
        }
        fn common_fault(&self, _: &Refusal, _: &[usize]) -> bool {
            false
        }
    }
    for (most, most_requests) in [(100, 31), (1, 1999), (0, 1999)] {
        let mut server = Narrow { most, requests: 0, accepted: Vec::new(), rejected: Vec::new() };
        let all: Vec<usize> = (0..1000).collect();
        let refusal = server.send(&all).unwrap().unwrap();
        isolate(all.clone(), refusal, &mut server).unwrap();
        let (expected_in, expected_out) = if most == 0 { (vec![], all) } else { (all, vec![]) };
        assert_eq!((server.accepted, server.rejected), (expected_in, expected_out));
        assert!(server.requests <= most_requests, "{}", server.requests);
    }
}

#[test]
fn a_failure_ends_the_search() {
    struct Failing;
    impl BatchSender for Failing {
        fn send(&mut self, _: &[usize]) -> Result<Option<Refusal>, Failure> {
            Err(crate::problem::internal("gone"))
        }
        fn reject(&mut self, _: usize, _: &Refusal) {}
        fn item(&self, _: usize) -> &str {
            ""
        }
        fn key(&self, _: usize) -> &str {
            ""
        }
        fn common_fault(&self, _: &Refusal, _: &[usize]) -> bool {
            false
        }
    }
    let refusal = Refusal { status: 400, error_body: ErrorBody::default() };
    assert!(isolate(vec![0, 1], refusal, &mut Failing).is_err());
}

#[test]
fn probes_are_different_records_from_end_to_end() {
    for count in [MIN_PROBED, 100, 1000] {
        let indices: Vec<usize> = (0..count).collect();
        let probes: Vec<usize> = spread(&indices, PROBES).collect();
        let distinct: BTreeSet<usize> = probes.iter().copied().collect();
        assert_eq!(distinct.len(), PROBES);
        assert_eq!((distinct.first(), distinct.last()), (Some(&0), Some(&(count - 1))));
        assert!(probes[..4].windows(2).all(|pair| pair[0].abs_diff(pair[1]) >= count / 5), "{probes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Below the size of a probed part, and above it where words differ from record to record.
    #[test]
    fn any_bad_records_are_found(
        count in 1..63_usize,
        bad in proptest::collection::btree_set(0..63_usize, 0..63),
        words in 0..6_usize,
    ) {
        let bad: BTreeSet<usize> = bad.into_iter().filter(|index| *index < count).collect();
        assert_isolated(count, &bad, ALL_WORDINGS[words], 2 * count);
    }

    #[test]
    fn every_record_is_settled_once_and_no_bad_one_accepted(
        count in 1..400_usize,
        bad in proptest::collection::btree_set(0..400_usize, 0..400),
        words in 0..6_usize,
    ) {
        let mut server = Scripted::new(count, bad.into_iter().filter(|index| *index < count), ALL_WORDINGS[words]);
        server.run().unwrap();
        let rejected = server.rejected();
        prop_assert_eq!(server.rejected.len(), rejected.len());
        prop_assert_eq!(rejected.len() + server.accepted.len(), count);
        prop_assert!(rejected.is_disjoint(&server.accepted));
        prop_assert!(rejected.is_superset(&server.bad));
        prop_assert!(server.requests <= 2 * count + PROBES);
    }
}
