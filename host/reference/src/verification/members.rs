//! The keys that stand at the target, beside those that a state knows: which are missing, which were removed and are there,
//! which are somebody else's.
//!
//! Both are walked once, in the order of the keys. What is seen of a key depends on nothing else.

use std::cmp::Ordering;
use std::io;

use super::sorted_keys::Walk;
use crate::state::{Entry, Ledger, Standing, StateError};

/// Entries of a state that are read at a time.
const PAGE: usize = 10_000;
/// Keys of each kind that are named.
const MOST_NAMED: usize = 10;

/// How a key at the target and what the state says of it go together, where they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drift {
    /// It was delivered and is not there.
    Missing,
    /// It was removed and is there.
    LeftOver,
    /// It is there, and was never this sync's.
    Foreign,
}

/// Keys of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// How many there are.
    pub count: u64,
    /// The first of them, in their order.
    pub first: Vec<String>,
}

impl Keys {
    pub(super) fn add(&mut self, key: &str) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(key.to_owned());
        }
    }
}

/// What came of comparing members with a state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Keys that were looked for, or listed.
    pub seen: u64,
    /// Delivered, and there.
    pub equal: u64,
    /// Delivered, and not there.
    pub missing: Keys,
    /// Removed, and there.
    pub left_over: Keys,
    /// There, and never this sync's: not its to touch.
    pub foreign: Keys,
    /// Sent and not confirmed: nobody knows whether they are to be there.
    pub pending: u64,
}

impl Members {
    /// Whether the target is as this sync left it.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing.count == 0 && self.left_over.count == 0 && self.pending == 0
    }

    /// Counts a key that is known, and says whether that is drift.
    pub(super) fn known(&mut self, key: &str, standing: Standing, is_there: bool) -> Option<Drift> {
        match (standing, is_there) {
            (Standing::Delivered(_), true) => self.equal += 1,
            (Standing::Pending, _) => self.pending += 1,
            (Standing::Removed, false) => {}
            (Standing::Delivered(_), false) => {
                self.missing.add(key);
                return Some(Drift::Missing);
            }
            (Standing::Removed, true) => {
                self.left_over.add(key);
                return Some(Drift::LeftOver);
            }
        }
        None
    }
}

/// What keeps a comparison from its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the sorted keys cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The target was listed with this key twice.
    #[error("the key {0:?} stands there twice")]
    Twice(String),
}

/// Walks both, and tells `each` of every drift. The state may be changed by it: what was read of it was read before.
pub(super) fn compare(
    walk: &mut Walk<'_>,
    ledger: &mut dyn Ledger,
    mut each: impl FnMut(&mut dyn Ledger, &str, Drift) -> Result<(), StateError>,
) -> Result<Members, Broken> {
    let mut members = Members::default();
    let mut known = Known::default();
    let mut last: Option<String> = None;
    while let Some(key) = walk.next()? {
        if last.as_deref() == Some(key) {
            return Err(Broken::Twice(key.to_owned()));
        }
        members.seen += 1;
        let mut is_known = false;
        while let Some(entry) = known.up_to(key, ledger)? {
            is_known = entry.key == key;
            if let Some(drift) = members.known(&entry.key, entry.standing, is_known) {
                each(ledger, &entry.key, drift)?;
            }
        }
        if !is_known {
            members.foreign.add(key);
            each(ledger, key, Drift::Foreign)?;
        }
        let last = last.get_or_insert_default();
        last.clear();
        last.push_str(key);
    }
    while let Some(entry) = known.next(ledger)? {
        if let Some(drift) = members.known(&entry.key, entry.standing, false) {
            each(ledger, &entry.key, drift)?;
        }
    }
    Ok(members)
}

/// What a state knows, some at a time.
#[derive(Default)]
struct Known {
    page: std::vec::IntoIter<Entry>,
    after: String,
    ended: bool,
}

impl Known {
    /// The next entry, if it is not past `key`.
    fn up_to(&mut self, key: &str, ledger: &dyn Ledger) -> Result<Option<Entry>, StateError> {
        self.fill(ledger)?;
        let is_within = |entry: &Entry| entry.key.as_str().cmp(key) != Ordering::Greater;
        Ok(if self.page.as_slice().first().is_some_and(is_within) { self.page.next() } else { None })
    }

    fn next(&mut self, ledger: &dyn Ledger) -> Result<Option<Entry>, StateError> {
        self.fill(ledger)?;
        Ok(self.page.next())
    }

    fn fill(&mut self, ledger: &dyn Ledger) -> Result<(), StateError> {
        if self.ended || !self.page.as_slice().is_empty() {
            return Ok(());
        }
        let page = ledger.known_after(&self.after, PAGE)?;
        match page.last() {
            Some(last) => self.after.clone_from(&last.key),
            None => self.ended = true,
        }
        self.page = page.into_iter();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::collections::BTreeMap;
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::sorted_keys::SortedKeys;
    use super::*;
    use crate::state::sqlite::State;
    use crate::state::{Change, Facts};
    use crate::sync_file::SyncName;
    use destination_engine::arrow::records::Record;
    use destination_engine::bindings::Action;

    /// What a state knows of a key, and whether it is there.
    type Key = (Option<Standing>, bool);

    fn key() -> impl Strategy<Value = Key> {
        let standings = [None, Some(Standing::Delivered(7)), Some(Standing::Pending), Some(Standing::Removed)];
        (prop::sample::select(standings.to_vec()), any::<bool>())
    }

    fn ledger(folder: &Path, keys: &BTreeMap<String, Key>) -> Box<dyn Ledger> {
        let name = SyncName::new("s").unwrap();
        let state = State::open_or_create(&folder.join("state.sqlite")).unwrap();
        let mut ledger = state.begin(&name, &Facts::new(), &Facts::new()).unwrap();
        for (key, (standing, _)) in keys {
            let add = Record { row: 0, key, action: Action::Add, payload: "" };
            let Some(standing) = standing else { continue };
            ledger.mark_pending(add, Change::Added).unwrap();
            match standing {
                Standing::Pending => {}
                Standing::Delivered(hash) => ledger.confirm(add, *hash).unwrap(),
                Standing::Removed => ledger.confirm(Record::removal(0, key), 0).unwrap(),
            }
        }
        ledger.commit().unwrap();
        ledger
    }

    fn compared(ledger: &mut dyn Ledger, keys: &BTreeMap<String, Key>) -> (Members, BTreeMap<String, Drift>) {
        let mut sorted = SortedKeys::new();
        // In no order.
        keys.iter().rev().filter(|(_, (_, is_there))| *is_there).for_each(|(key, _)| sorted.push(key).unwrap());
        let mut sorted = sorted.finish().unwrap();
        let mut told = BTreeMap::new();
        let each = |_: &mut dyn Ledger, key: &str, drift| {
            assert!(told.insert(key.to_owned(), drift).is_none());
            Ok(())
        };
        let members = compare(&mut sorted.walk().unwrap(), ledger, each).unwrap();
        (members, told)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every key is judged by what the state says of it and whether it is there, and by nothing else.
        #[test]
        fn each_key_is_judged_by_itself(keys in prop::collection::btree_map("[a-cé]{1,3}", key(), 0..20)) {
            let folder = tempfile::tempdir().unwrap();
            let mut ledger = ledger(folder.path(), &keys);
            let (members, told) = compared(&mut *ledger, &keys);
            let expected: BTreeMap<String, Drift> = keys
                .iter()
                .filter_map(|(key, judged)| {
                    let drift = match judged {
                        (Some(Standing::Delivered(_)), false) => Drift::Missing,
                        (Some(Standing::Removed), true) => Drift::LeftOver,
                        (None, true) => Drift::Foreign,
                        _ => return None,
                    };
                    Some((key.clone(), drift))
                })
                .collect();
            prop_assert_eq!(told, expected);
            let count = |wanted: Key| keys.values().filter(|key| **key == wanted).count() as u64;
            prop_assert_eq!(members.equal, count((Some(Standing::Delivered(7)), true)));
            prop_assert_eq!(members.pending, count((Some(Standing::Pending), true)) + count((Some(Standing::Pending), false)));
            prop_assert_eq!(members.missing.count, count((Some(Standing::Delivered(7)), false)));
            prop_assert_eq!(members.left_over.count, count((Some(Standing::Removed), true)));
            prop_assert_eq!(members.foreign.count, count((None, true)));
        }
    }

    #[test]
    fn a_key_that_is_listed_twice_ends_the_comparison() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path(), &BTreeMap::new());
        let mut sorted = SortedKeys::new();
        ["b", "a", "b"].into_iter().for_each(|key| sorted.push(key).unwrap());
        let mut sorted = sorted.finish().unwrap();
        let broken = compare(&mut sorted.walk().unwrap(), &mut *ledger, |_, _, _| Ok(())).unwrap_err();
        assert!(matches!(broken, Broken::Twice(key) if key == "b"));
    }
}
