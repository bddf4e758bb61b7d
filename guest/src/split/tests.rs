//! A server that refuses some records, in many ways; what must come out is which, and in how many requests.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::complaint::Complaint;

/// How a server refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Words {
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
    words: Words,
    items: Vec<String>,
    keys: Vec<String>,
    /// Whether sound records of a refused request are taken all the same.
    partial: bool,
    requests: usize,
    accepted: BTreeSet<usize>,
    stored: BTreeSet<usize>,
    rejected: Vec<(usize, String)>,
}

impl Scripted {
    fn new(count: usize, bad: impl IntoIterator<Item = usize>, words: Words) -> Self {
        let bad: BTreeSet<usize> = bad.into_iter().collect();
        let item = |place: usize| {
            if bad.contains(&place) { "{\"tier\":1}".to_owned() } else { "{\"x\":1}".to_owned() }
        };
        Self {
            items: (0..count).map(item).collect(),
            keys: (0..count).map(|place| format!("customer-{place}")).collect(),
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
        self.rejected.iter().map(|(place, _)| *place).collect()
    }
}

impl Trial for Scripted {
    fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure> {
        assert!(!part.is_empty());
        self.requests += 1;
        let bad: Vec<usize> = (0..part.len()).filter(|position| self.bad.contains(&part[*position])).collect();
        let sound = part.iter().filter(|place| !self.bad.contains(place));
        if bad.is_empty() || self.partial {
            self.stored.extend(sound);
        }
        let Some(first) = bad.first() else {
            self.accepted.extend(part);
            return Ok(None);
        };
        let pointer = |position: &usize| format!("/customerProfiles/{position}/attributes/x");
        let (text, pointers) = match self.words {
            Words::Same => ("invalid request".to_owned(), Vec::new()),
            Words::Attribute => ("attribute 'tier' is not defined".to_owned(), Vec::new()),
            Words::Key => (format!("profile {} is invalid", self.keys[part[*first]]), Vec::new()),
            Words::First => ("invalid request".to_owned(), vec![pointer(first)]),
            Words::All => ("invalid request".to_owned(), bad.iter().map(pointer).collect()),
            Words::Lying => ("invalid request".to_owned(), vec![pointer(&0)]),
        };
        Ok(Some(Refusal { status: 400, complaint: Complaint { text, pointers, ..Complaint::default() } }))
    }

    fn reject(&mut self, place: usize, refusal: &Refusal) {
        self.rejected.push((place, refusal.complaint.text.clone()));
    }

    fn item(&self, place: usize) -> &str {
        &self.items[place]
    }

    fn key(&self, place: usize) -> &str {
        &self.keys[place]
    }
}

const ALL_WORDS: [Words; 6] = [Words::Same, Words::Attribute, Words::Key, Words::First, Words::All, Words::Lying];

/// `count` places of 1,000, scattered without order.
fn scattered(count: usize) -> BTreeSet<usize> {
    (0..count).map(|number| number * 617 % 1000).collect()
}

#[track_caller]
fn assert_isolated(count: usize, bad: &BTreeSet<usize>, words: Words, most_requests: usize) {
    for partial in [false, true] {
        let mut server = Scripted::new(count, bad.iter().copied(), words);
        server.partial = partial;
        server.run().unwrap();
        assert_eq!(server.rejected(), *bad, "{words:?}");
        assert_eq!(server.rejected.len(), bad.len(), "{words:?}: each once");
        let sound: BTreeSet<usize> = (0..count).filter(|place| !bad.contains(place)).collect();
        assert_eq!(server.accepted, sound, "{words:?}");
        assert_eq!(server.stored, sound, "{words:?}");
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
    for words in ALL_WORDS {
        assert_isolated(1000, &scattered(0), words, 1);
        assert_isolated(1000, &scattered(1), words, 24);
    }
    // Without a hint: about two requests for each level and bad record.
    for words in [Words::Same, Words::Key, Words::Lying] {
        assert_isolated(1000, &scattered(7), words, 125);
        assert_isolated(1000, &scattered(100), words, 900);
    }
    // With one, far fewer.
    assert_isolated(1000, &scattered(7), Words::Attribute, 20);
    assert_isolated(1000, &scattered(7), Words::First, 40);
    assert_isolated(1000, &scattered(7), Words::All, 20);
    assert_isolated(1000, &scattered(100), Words::First, 600);
    assert_isolated(1000, &scattered(100), Words::All, 250);
}

#[test]
fn an_attribute_that_only_some_records_have_costs_the_same_however_many_have_it() {
    for bad in [64, 100, 500, 900, 999] {
        assert_isolated(1000, &scattered(bad), Words::Attribute, 40);
    }
}

#[test]
fn a_batch_that_fails_as_one_is_rejected_in_a_fixed_number_of_requests() {
    for count in [66, 100, 1000, 10_000] {
        for words in ALL_WORDS {
            let all: BTreeSet<usize> = (0..count).collect();
            assert_isolated(count, &all, words, if words == Words::First || words == Words::Lying { 38 } else { 36 });
        }
    }
}

#[test]
fn a_small_batch_that_fails_as_one_is_divided_to_the_end() {
    for words in ALL_WORDS {
        assert_isolated(63, &(0..63).collect(), words, 2 * 63 - 1);
        assert_isolated(1, &(0..1).collect(), words, 1);
        assert_isolated(2, &(0..2).collect(), words, 3);
    }
}

#[test]
fn sound_records_between_bad_ones_are_found() {
    // The probes are spread: with half of the records sound, one is met at once.
    for words in [Words::Same, Words::Key, Words::First] {
        let bad: BTreeSet<usize> = (0..1000).filter(|place| place % 2 == 1).collect();
        assert_isolated(1000, &bad, words, 2 * 1000);
        let bad: BTreeSet<usize> = (0..1000).filter(|place| place % 4 != 3).collect();
        assert_isolated(1000, &bad, words, 2 * 1000);
    }
    for words in [Words::Same, Words::Key] {
        assert_isolated(1000, &(500..1000).collect(), words, 1 + 2 + 2 + PROBES);
    }
}

#[test]
fn the_price_of_stopping_early_is_a_sound_record_that_every_probe_missed() {
    // Documented above; here so that a change of it is seen.
    let mut server = Scripted::new(1000, (0..1000).filter(|place| *place != 5), Words::Same);
    server.run().unwrap();
    assert!(server.rejected().contains(&5));
    assert_eq!(server.rejected.len(), 1000);
    assert_eq!(server.requests, 1 + 2 + PROBES);
}

#[test]
fn words_that_name_the_record_are_not_repeated_for_another() {
    let mut server = Scripted::new(1000, 0..1000, Words::Key);
    server.run().unwrap();
    let probed = server.rejected.iter().filter(|(place, text)| *text == format!("profile customer-{place} is invalid"));
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
    impl Trial for Narrow {
        fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure> {
            self.requests += 1;
            if part.len() > self.most {
                return Ok(Some(Refusal { status: 413, complaint: Complaint::default() }));
            }
            self.accepted.extend(part);
            Ok(None)
        }
        fn reject(&mut self, place: usize, _: &Refusal) {
            self.rejected.push(place);
        }
        fn item(&self, _: usize) -> &str {
            "{}"
        }
        fn key(&self, _: usize) -> &str {
            "k"
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
    impl Trial for Failing {
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
    }
    let refusal = Refusal { status: 400, complaint: Complaint::default() };
    assert!(isolate(vec![0, 1], refusal, &mut Failing).is_err());
}

#[test]
fn probes_are_different_records_from_end_to_end() {
    for count in [LEAST_PROBED, 100, 1000] {
        let places: Vec<usize> = (0..count).collect();
        let probes: Vec<usize> = spread(&places, PROBES).collect();
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
        let bad: BTreeSet<usize> = bad.into_iter().filter(|place| *place < count).collect();
        assert_isolated(count, &bad, ALL_WORDS[words], 2 * count);
    }

    #[test]
    fn every_record_is_settled_once_and_no_bad_one_accepted(
        count in 1..400_usize,
        bad in proptest::collection::btree_set(0..400_usize, 0..400),
        words in 0..6_usize,
    ) {
        let mut server = Scripted::new(count, bad.into_iter().filter(|place| *place < count), ALL_WORDS[words]);
        server.run().unwrap();
        let rejected = server.rejected();
        prop_assert_eq!(server.rejected.len(), rejected.len());
        prop_assert_eq!(rejected.len() + server.accepted.len(), count);
        prop_assert!(rejected.is_disjoint(&server.accepted));
        prop_assert!(rejected.is_superset(&server.bad));
        prop_assert!(server.requests <= 2 * count + PROBES);
    }
}
