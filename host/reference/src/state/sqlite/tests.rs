#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod files;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::state::{Change, Entry, Leaving, Resend, Standing};
use destination_engine::arrow::records::Record;
use destination_engine::bindings::Action;

fn facts(pairs: &[(&str, &str)]) -> Facts {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn name(name: &str) -> SyncName {
    SyncName::new(name).unwrap()
}

/// A folder with room for a state file.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A place with these bytes as its file and its log.
    fn with(file: Option<&[u8]>, log: Option<&[u8]>) -> Self {
        let place = Self::new();
        for (path, bytes) in [(place.path(), file), (log_of(&place.path()), log)] {
            if let Some(bytes) = bytes {
                fs::write(path, bytes).unwrap();
            }
        }
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.sqlite")
    }

    fn begin(&self) -> Box<dyn Ledger> {
        self.begin_as("a", &facts(&[("audience", "42")]), &Facts::new()).unwrap()
    }

    fn begin_as(&self, sync: &str, target: &Facts, identity: &Facts) -> Result<Box<dyn Ledger>, StateError> {
        State::open_or_create(&self.path())?.begin(&name(sync), target, identity)
    }

    fn begin_to_read(&self) -> Box<dyn Ledger> {
        let state = State::open(&self.path(), Access::Read).unwrap().unwrap();
        state.begin(&name("a"), &facts(&[("audience", "42")]), &Facts::new()).unwrap()
    }

    /// Delivers these keys and ends the run.
    fn deliver(&self, keys: &[&str]) {
        let mut ledger = self.begin();
        for key in keys {
            ledger.mark_pending(add(key), Change::Added).unwrap();
            ledger.confirm(add(key), 1).unwrap();
        }
        ledger.finish(true).unwrap();
    }

    /// Each key with its hash.
    fn entries(&self, sync: &str) -> Vec<(String, Option<u64>)> {
        let mut entries = Vec::new();
        let state = State::open(&self.path(), Access::Read).unwrap().unwrap();
        let visit = |entry: Entry| {
            match entry.standing {
                Standing::Delivered(hash) => entries.push((entry.key, Some(hash))),
                Standing::Pending => entries.push((entry.key, None)),
                Standing::Removed => {}
            }
            Ok(())
        };
        state.export(&name(sync), visit).unwrap().unwrap();
        entries
    }

    /// Ends a run in which these keys were removed, which was confirmed.
    fn remove(&self, keys: &[&str]) {
        let mut ledger = self.begin();
        for key in keys {
            ledger.mark_pending(Record::removal(0, key), Change::Removed).unwrap();
            ledger.confirm(Record::removal(0, key), 0).unwrap();
        }
        ledger.finish(true).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }
}

/// SQLite's log beside a state file.
fn log_of(path: &Path) -> PathBuf {
    path.with_file_name("state.sqlite-wal")
}

fn add(key: &str) -> Record<'_> {
    Record { row: 0, key, action: Action::Add, payload: "" }
}

fn judge(ledger: &mut Box<dyn Ledger>, records: &[(&str, u64)]) -> Vec<Change> {
    ledger.diff(&mut records.iter().map(|(key, hash)| (add(key), *hash)), Resend::Changed).unwrap()
}

fn entry(key: &str, hash: Option<u64>) -> (String, Option<u64>) {
    (key.to_owned(), hash)
}

#[test]
fn a_row_is_new_until_it_is_confirmed_and_then_told_by_its_hash() {
    let place = Place::new();
    let mut ledger = place.begin();
    assert_eq!(judge(&mut ledger, &[("k", 7)]), [Change::Added]);
    assert!(ledger.mark_pending(add("k"), Change::Added).unwrap(), "nothing of it can be at the destination");
    ledger.commit().unwrap();
    assert_eq!(judge(&mut ledger, &[("k", 7)]), [Change::Added], "it was sent, and not confirmed");
    assert!(!ledger.mark_pending(add("k"), Change::Added).unwrap(), "something of it may be at the destination");
    ledger.confirm(add("k"), u64::MAX).unwrap();
    assert_eq!(judge(&mut ledger, &[("k", u64::MAX), ("k", 7)]), [Change::Unchanged, Change::Changed]);
    let all = ledger.diff(&mut [(add("k"), u64::MAX)].into_iter(), Resend::All).unwrap();
    assert_eq!(all, [Change::Repeated]);
    ledger.finish(true).unwrap();
    assert_eq!(place.entries("a"), [entry("k", Some(u64::MAX))]);
}

#[test]
fn what_was_about_to_be_sent_survives_a_kill_unconfirmed() {
    let place = Place::new();
    place.deliver(&["changed", "removed"]);
    let mut ledger = place.begin();
    judge(&mut ledger, &[("changed", 2), ("new", 1)]);
    ledger.mark_pending(add("changed"), Change::Changed).unwrap();
    ledger.mark_pending(add("new"), Change::Added).unwrap();
    ledger.mark_pending(Record::removal(0, "removed"), Change::Removed).unwrap();
    ledger.commit().unwrap();
    ledger.confirm(add("changed"), 2).unwrap();
    // The process ends here: what was not committed is gone.
    drop(ledger);
    assert_eq!(place.entries("a"), [entry("changed", None), entry("new", None), entry("removed", None)]);
    let mut ledger = place.begin();
    assert_eq!(judge(&mut ledger, &[("changed", 2), ("new", 1)]), [Change::Added, Change::Added]);
    assert_eq!(
        ledger.leaving(9).unwrap(),
        Leaving { known: 3, leaving: 1, shared: 0, first: vec!["removed".to_owned()] }
    );
}

#[test]
fn a_new_row_that_is_refused_is_forgotten_and_a_known_one_is_not() {
    let place = Place::new();
    place.deliver(&["known"]);
    let mut ledger = place.begin();
    ledger.mark_pending(add("known"), Change::Changed).unwrap();
    ledger.mark_pending(add("new"), Change::Added).unwrap();
    ledger.reject("known", false).unwrap();
    ledger.reject("new", true).unwrap();
    ledger.finish(true).unwrap();
    assert_eq!(place.entries("a"), [entry("known", None)]);
}

#[test]
fn a_key_whose_earlier_batch_was_refused_is_new_again() {
    let place = Place::new();
    let mut ledger = place.begin();
    ledger.mark_pending(add("k"), Change::Added).unwrap();
    ledger.reject("k", true).unwrap();
    assert!(ledger.mark_pending(add("k"), Change::Changed).unwrap());
    ledger.confirm(add("k"), 5).unwrap();
    ledger.finish(true).unwrap();
    assert_eq!(place.entries("a"), [entry("k", Some(5))]);
}

#[test]
fn a_confirmed_removal_is_forgotten() {
    let place = Place::new();
    place.deliver(&["a", "b"]);
    let mut ledger = place.begin();
    let removal = Record::removal(0, "a");
    assert_eq!(ledger.diff(&mut [(removal, 0)].into_iter(), Resend::Changed).unwrap(), [Change::Removed]);
    ledger.mark_pending(removal, Change::Removed).unwrap();
    ledger.confirm(removal, 0).unwrap();
    ledger.mark_pending(Record::removal(0, "never added"), Change::Removed).unwrap();
    ledger.finish(true).unwrap();
    assert_eq!(place.entries("a"), [entry("b", Some(1))]);
}

fn known(key: &str, standing: Standing) -> Entry {
    Entry { key: key.to_owned(), standing }
}

#[test]
fn a_confirmed_removal_is_known_until_the_key_is_confirmed_again() {
    use Standing::{Delivered, Pending, Removed};
    let place = Place::new();
    place.deliver(&["a", "b", "c", "d"]);
    place.remove(&["b", "d"]);
    let all = [known("a", Delivered(1)), known("b", Removed), known("c", Delivered(1)), known("d", Removed)];
    let ledger = place.begin_to_read();
    assert_eq!(ledger.known_after("", 9).unwrap(), all);
    // Page by page, whichever of the two a page begins after.
    assert_eq!(ledger.known_after("", 2).unwrap(), all[..2]);
    assert_eq!(ledger.known_after("b", 1).unwrap(), all[2..3]);
    assert_eq!(ledger.known_after("c", 2).unwrap(), all[3..]);
    assert!(ledger.known_after("d", 2).unwrap().is_empty());
    drop(ledger);
    // On its way again: it is in doubt, and if it is refused it is still one that was removed.
    let mut ledger = place.begin();
    for key in ["b", "d"] {
        assert!(ledger.mark_pending(add(key), Change::Added).unwrap());
    }
    assert_eq!(ledger.known_after("a", 1).unwrap(), [known("b", Pending)]);
    ledger.confirm(add("b"), 7).unwrap();
    ledger.reject("d", true).unwrap();
    ledger.finish(true).unwrap();
    let ledger = place.begin_to_read();
    assert_eq!(ledger.known_after("a", 1).unwrap(), [known("b", Delivered(7))]);
    assert_eq!(ledger.known_after("c", 9).unwrap(), [known("d", Removed)]);
}

#[test]
fn what_another_sync_of_the_target_holds_does_not_count_as_removed() {
    let place = Place::new();
    place.deliver(&["k"]);
    place.remove(&["k"]);
    let mut other = place.begin_as("b", &facts(&[("audience", "42")]), &Facts::new()).unwrap();
    other.mark_pending(add("k"), Change::Added).unwrap();
    other.confirm(add("k"), 1).unwrap();
    assert_eq!(other.known_after("", 9).unwrap(), [known("k", Standing::Delivered(1))]);
    other.finish(true).unwrap();
    assert!(place.begin_to_read().known_after("", 9).unwrap().is_empty());
}

#[test]
fn what_was_removed_is_forgotten_with_the_rest() {
    let place = Place::new();
    let removed = |place: &Place| {
        let state = State::open(&place.path(), Access::Read).unwrap().unwrap();
        state.summary(&name("a")).unwrap().map(|summary| summary.removed)
    };
    place.deliver(&["a", "b"]);
    place.remove(&["a", "b"]);
    assert_eq!(removed(&place), Some(2));
    let mut state = State::open_or_create(&place.path()).unwrap();
    assert_eq!(state.forget(&name("a"), &["a".to_owned(), "x".to_owned()]).unwrap(), ["x"]);
    drop(state);
    assert_eq!(removed(&place), Some(1));
    // Whether it was added again by what is lost is not known.
    State::recover(&place.path()).unwrap();
    assert_eq!(removed(&place), Some(0));
    place.remove(&["a"]);
    State::open_or_create(&place.path()).unwrap().reset(&name("a")).unwrap();
    place.deliver(&[]);
    assert_eq!(removed(&place), Some(0));
}

/// Both tables are in the order of their keys: nothing is sorted, however many there are.
#[test]
fn what_is_known_is_read_in_order_and_not_sorted() {
    let place = Place::new();
    place.deliver(&["a"]);
    let state = State::open(&place.path(), Access::Read).unwrap().unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {}", super::content::KNOWN);
    let mut plan = state.connection.prepare(&explain).unwrap();
    let steps: Vec<String> =
        plan.query_map((1, ""), |row| row.get("detail")).unwrap().collect::<rusqlite::Result<_>>().unwrap();
    assert!(steps.iter().any(|step| step.starts_with("MERGE")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
}

#[test]
fn rows_that_were_not_seen_are_leaving() {
    let place = Place::new();
    place.deliver(&["a", "b", "c", "d", "e"]);
    let mut ledger = place.begin();
    judge(&mut ledger, &[("b", 1), ("new", 1)]);
    ledger.mark_pending(add("new"), Change::Added).unwrap();
    ledger.mark_seen("d").unwrap();
    ledger.mark_seen("unknown").unwrap();
    let first = vec!["a".to_owned(), "c".to_owned()];
    assert_eq!(ledger.leaving(2).unwrap(), Leaving { known: 5, leaving: 3, shared: 0, first });
    assert_eq!(ledger.leaving_after("", 2).unwrap(), ["a", "c"]);
    assert_eq!(ledger.leaving_after("c", 2).unwrap(), ["e"]);
    assert!(ledger.leaving_after("e", 2).unwrap().is_empty());
}

#[test]
fn syncs_share_a_file_and_nothing_else() {
    let place = Place::new();
    place.deliver(&["a"]);
    let mut other = place.begin_as("b", &Facts::new(), &Facts::new()).unwrap();
    assert_eq!(judge(&mut other, &[("a", 1)]), [Change::Added]);
    assert_eq!(other.leaving(9).unwrap().known, 0);
    other.finish(true).unwrap();
    let mut state = State::open_or_create(&place.path()).unwrap();
    assert_eq!(state.reset(&name("b")).unwrap(), Some(0));
    assert_eq!(state.reset(&name("b")).unwrap(), None);
    assert!(state.knows(&name("a")).unwrap());
    drop(state);
    assert_eq!(place.entries("a"), [entry("a", Some(1))]);
}

#[test]
fn another_target_is_refused_by_what_differs() {
    let place = Place::new();
    place.deliver(&["k"]);
    let error = place.begin_as("a", &facts(&[("audience", "43"), ("url", "x")]), &Facts::new()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with(
            "is for another target: audience was \"42\", now it is \"43\"; url was not set, now it is \"x\""
        ),
        "{message}"
    );
    assert!(error.hint().contains("another name") && error.hint().contains("state reset"), "{}", error.hint());
    assert_eq!(place.entries("a"), [entry("k", Some(1))]);
}

#[test]
fn another_identity_is_told_until_a_run_ends_with_nothing_withheld() {
    let place = Place::new();
    place.deliver(&["k"]);
    let begin = || place.begin_as("a", &facts(&[("audience", "42")]), &facts(&[("prefix", "p_")])).unwrap();
    for settled in [false, true] {
        let ledger = begin();
        assert_eq!(ledger.identity_change().as_deref(), Some("prefix was not set, now it is \"p_\""));
        ledger.finish(settled).unwrap();
    }
    assert_eq!(begin().identity_change(), None);
}

#[test]
fn a_summary_tells_delivered_from_unconfirmed() {
    let place = Place::new();
    place.deliver(&["a", "b"]);
    let mut ledger = place.begin();
    ledger.mark_pending(add("a"), Change::Changed).unwrap();
    ledger.finish(false).unwrap();
    let state = State::open(&place.path(), Access::Read).unwrap().unwrap();
    let summary = state.summary(&name("a")).unwrap().unwrap();
    assert_eq!((summary.delivered, summary.unconfirmed), (1, 1));
    assert_eq!(summary.target, facts(&[("audience", "42")]));
    assert_eq!(state.summary(&name("b")).unwrap(), None);
}

#[test]
fn looking_changes_no_byte() {
    let place = Place::new();
    assert!(State::open(&place.path(), Access::Read).unwrap().is_none());
    assert!(place.files().is_empty(), "looking made a file");

    place.deliver(&["a"]);
    let before = fs::read(place.path()).unwrap();
    let mut ledger = place.begin_to_read();
    assert_eq!(judge(&mut ledger, &[("a", 1), ("b", 1)]), [Change::Unchanged, Change::Added]);
    assert_eq!(ledger.leaving(9).unwrap(), Leaving { known: 1, leaving: 0, shared: 0, first: Vec::new() });
    ledger.finish(true).unwrap();
    assert_eq!(fs::read(place.path()).unwrap(), before);
    assert_eq!(place.files(), ["state.sqlite"]);
}

#[test]
fn a_member_that_another_sync_of_the_target_holds_is_not_removed() {
    let place = Place::new();
    let audience = facts(&[("audience", "42")]);
    place.deliver(&["x", "y"]);
    let mut other = place.begin_as("b", &audience, &Facts::new()).unwrap();
    other.mark_pending(add("y"), Change::Added).unwrap();
    other.mark_pending(add("z"), Change::Added).unwrap();
    other.finish(true).unwrap();
    place.begin_as("c", &facts(&[("audience", "43")]), &Facts::new()).unwrap().finish(true).unwrap();

    let mut ledger = place.begin();
    assert_eq!(ledger.neighbours().iter().map(|other| other.name.as_str()).collect::<Vec<_>>(), ["b"]);
    let first = vec!["x".to_owned(), "y".to_owned()];
    assert_eq!(ledger.leaving(9).unwrap(), Leaving { known: 2, leaving: 2, shared: 1, first });
    assert_eq!(ledger.leave_to_neighbours().unwrap(), 1);
    assert_eq!(ledger.leaving_after("", 9).unwrap(), ["x"]);
    ledger.finish(true).unwrap();
    assert_eq!(place.entries("a"), [entry("x", Some(1))]);
    assert_eq!(place.entries("b"), [entry("y", None), entry("z", None)]);
}

#[test]
fn removals_are_remembered_for_as_long_as_they_count() {
    let place = Place::new();
    let mut ledger = place.begin();
    ledger.note_removals(1000, 0, 3).unwrap();
    ledger.note_removals(1000, 0, 4).unwrap();
    ledger.note_removals(2000, 0, 5).unwrap();
    ledger.commit().unwrap();
    ledger.finish(true).unwrap();
    let mut ledger = place.begin();
    assert_eq!([0, 999, 1000, 2000].map(|since| ledger.removed_since(since).unwrap()), [12, 12, 5, 0]);
    ledger.note_removals(3000, 1000, 1).unwrap();
    assert_eq!(ledger.removed_since(0).unwrap(), 6, "what is too old is gone");
}

#[test]
fn single_keys_can_be_forgotten() {
    let place = Place::new();
    place.deliver(&["a", "b", "c"]);
    let mut state = State::open(&place.path(), Access::Write).unwrap().unwrap();
    let keys = ["b".to_owned(), "nobody".to_owned()];
    assert_eq!(state.forget(&name("a"), &keys).unwrap(), ["nobody"]);
    assert_eq!(state.forget(&name("unknown"), &keys).unwrap(), ["b", "nobody"]);
    drop(state);
    assert_eq!(place.entries("a"), [entry("a", Some(1)), entry("c", Some(1))]);
}
