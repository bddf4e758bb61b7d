#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::memory::{Before, Memory};
use super::*;
use crate::state::lease::{Clock, Moment};
use crate::state::{Change, Resend, Standing};
use destination_engine::arrow::records::Record;
use destination_engine::bindings::Action;

/// Long enough that no test waits for it.
const LEASE: u32 = 3600;

/// More than a lease, in milliseconds of the store's clock.
const LATER: i64 = 2 * 3_600_000;

fn sync() -> SyncName {
    SyncName::new("crm").unwrap()
}

fn place(memory: &Memory) -> Place {
    Place { store: Arc::new(memory.clone()), sync: "crm".to_owned(), shown: "memory://here".to_owned() }
}

fn add(key: &str) -> Record<'_> {
    Record { row: 0, key, action: Action::Add, payload: "" }
}

fn open(memory: &Memory) -> Result<RemoteState, StateError> {
    RemoteState::open_or_create(&place(memory), &sync(), (&Lease::default(), LEASE))
}

fn begin(memory: &Memory) -> Result<Box<dyn Ledger>, StateError> {
    begin_for(memory, &Lease::default())
}

fn begin_for(memory: &Memory, lease: &Lease) -> Result<Box<dyn Ledger>, StateError> {
    let state = RemoteState::open_or_create(&place(memory), &sync(), (lease, LEASE))?;
    state.begin(&Facts::new(), &Facts::new())
}

/// A batch that is sent and confirmed.
fn deliver(ledger: &mut Box<dyn Ledger>, keys: &[&str], hash: u64) -> Result<(), StateError> {
    for key in keys {
        ledger.mark_pending(add(key), Change::Added)?;
    }
    ledger.commit()?;
    for key in keys {
        ledger.confirm(add(key), hash)?;
    }
    ledger.commit()
}

fn remove(ledger: &mut Box<dyn Ledger>, key: &str) -> Result<(), StateError> {
    ledger.mark_pending(Record::removal(0, key), Change::Removed)?;
    ledger.commit()?;
    ledger.confirm(Record::removal(0, key), 0)?;
    ledger.note_removals(100, 0, 1)?;
    ledger.commit()
}

/// All that is known, by who only looks.
fn known(memory: &Memory) -> Result<BTreeMap<String, Standing>, StateError> {
    let state = RemoteState::open(&place(memory), &sync(), Access::Read, (&Lease::default(), LEASE))?;
    let mut known = BTreeMap::new();
    if let Some(state) = state {
        let visit = |entry: Entry| {
            known.insert(entry.key, entry.standing);
            Ok(())
        };
        state.export(visit)?.unwrap();
    }
    Ok(known)
}

fn expected(entries: &[(&str, Standing)]) -> BTreeMap<String, Standing> {
    entries.iter().map(|(key, standing)| ((*key).to_owned(), *standing)).collect()
}

/// A place as its writer left it when he died, after the lease.
fn after_death(parts: &Parts) -> Memory {
    let memory = Memory::default();
    let mut inner = memory.inner();
    inner.writes = parts.values().map(|(_, number, _)| *number).max().unwrap_or(0);
    (inner.parts, inner.now) = (parts.clone(), LATER);
    drop(inner);
    memory
}

type Parts = BTreeMap<String, (Bytes, u64, i64)>;

fn names(memory: &Memory, prefix: &str) -> Vec<String> {
    memory.inner().parts.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
}

#[test]
fn what_a_run_did_is_there_for_the_next_one() {
    let memory = Memory::default();
    assert!(RemoteState::open(&place(&memory), &sync(), Access::Write, (&Lease::default(), LEASE)).unwrap().is_none());
    assert!(memory.inner().parts.is_empty(), "to look makes nothing");
    let mut ledger = begin(&memory).unwrap();
    deliver(&mut ledger, &["a", "b", "c"], 7).unwrap();
    remove(&mut ledger, "b").unwrap();
    ledger.mark_pending(add("d"), Change::Added).unwrap();
    ledger.mark_pending(add("e"), Change::Added).unwrap();
    ledger.reject("e", true).unwrap();
    ledger.reject("a", false).unwrap();
    ledger.mark_pending(Record::removal(0, "never added"), Change::Removed).unwrap();
    ledger.finish(true).unwrap();
    let all = expected(&[
        ("a", Standing::Pending),
        ("b", Standing::Removed),
        ("c", Standing::Delivered(7)),
        ("d", Standing::Pending),
    ]);
    assert_eq!(known(&memory).unwrap(), all);
    let mut ledger = begin(&memory).unwrap();
    assert_eq!(ledger.removed_since(0).unwrap(), 1);
    let changes = ledger.diff(&mut [(add("c"), 7), (add("c"), 8), (add("b"), 7)].into_iter(), Resend::Changed).unwrap();
    assert_eq!(changes, [Change::Unchanged, Change::Changed, Change::Added]);
    assert_eq!(ledger.leaving(9).unwrap().first, ["a", "d"]);
    ledger.finish(true).unwrap();
}

#[test]
fn facts_of_the_sync_are_kept_and_compared() {
    let memory = Memory::default();
    let facts = |value: &str| Facts::from([("x".to_owned(), value.to_owned())]);
    let begin = |target: &str, identity: &str| open(&memory).unwrap().begin(&facts(target), &facts(identity));
    begin("1", "1").unwrap().finish(true).unwrap();
    let refused = begin("2", "1").unwrap_err().to_string();
    assert!(refused.contains("memory://here") && refused.contains("x was \"1\", now it is \"2\""), "{refused}");
    for settled in [false, true] {
        let ledger = begin("1", "2").unwrap();
        assert!(ledger.identity_change().is_some());
        ledger.finish(settled).unwrap();
    }
    assert_eq!(begin("1", "2").unwrap().identity_change(), None);
}

#[test]
fn one_run_at_a_time_and_the_other_is_told_who_it_is() {
    let memory = Memory::default();
    let first = begin(&memory).unwrap();
    memory.inner().now += 1000;
    for error in [begin(&memory).unwrap_err(), known(&memory).unwrap_err()] {
        let told = error.to_string();
        assert!(error.is_in_use() && told.contains(&format!("process {} on ", std::process::id())), "{told}");
        assert!(error.hint().contains("3601 s"), "{}", error.hint());
    }
    first.finish(true).unwrap();
    // Given back, even by one that never began.
    drop(open(&memory).unwrap());
    begin(&memory).unwrap().finish(true).unwrap();
}

#[test]
fn a_dead_one_is_taken_over_and_what_it_committed_counts() {
    let memory = Memory::default();
    let mut first = begin(&memory).unwrap();
    deliver(&mut first, &["a"], 1).unwrap();
    first.mark_pending(add("b"), Change::Added).unwrap();
    first.commit().unwrap();
    let memory = after_death(&memory.inner().parts);
    assert_eq!(known(&memory).unwrap(), expected(&[("a", Standing::Delivered(1)), ("b", Standing::Pending)]));
    begin(&memory).unwrap().finish(true).unwrap();
}

/// A clock that a test sets.
static NOW: AtomicI64 = AtomicI64::new(0);

fn now() -> Moment {
    let now = Duration::from_millis(NOW.load(Ordering::SeqCst).unsigned_abs());
    Moment { steady: now, wall: now }
}

#[test]
fn a_stale_one_can_neither_send_nor_commit() {
    use destination_engine::http::clearance::Clearance;
    let memory = Memory::default();
    let lease = Lease::with(Clock(now));
    let mut stale = begin_for(&memory, &lease).unwrap();
    deliver(&mut stale, &["a"], 1).unwrap();
    stale.mark_pending(add("b"), Change::Added).unwrap();
    // It is paused. Its own clock, and the store's, go on.
    NOW.store(LATER, Ordering::SeqCst);
    memory.inner().now = LATER;
    let mut next = begin(&memory).unwrap();
    deliver(&mut next, &["c"], 1).unwrap();

    assert!(lease.check().unwrap_err().contains("has lost its state"));
    let error = stale.commit().unwrap_err();
    assert!(matches!(error, StateError::LeaseLost { .. }), "{error}");
    assert!(stale.commit().is_err() && stale.finish(true).is_err(), "it stays lost");
    deliver(&mut next, &["d"], 1).unwrap();
    next.finish(true).unwrap();
    let all = [("a", Standing::Delivered(1)), ("c", Standing::Delivered(1)), ("d", Standing::Delivered(1))];
    assert_eq!(known(&memory).unwrap(), expected(&all));
}

/// Whatever a clock says: the number of the entry is taken.
#[test]
fn one_that_does_not_know_that_it_is_stale_finds_its_place_taken() {
    let memory = Memory::default();
    let mut stale = begin(&memory).unwrap();
    memory.inner().now = LATER;
    let next = begin(&memory).unwrap();
    stale.mark_pending(add("b"), Change::Added).unwrap();
    let error = stale.commit().unwrap_err();
    assert!(error.to_string().contains("another run has written journal-000000000002"), "{error}");
    next.finish(true).unwrap();
    assert!(known(&memory).unwrap().is_empty());
}

/// What was on its way when the state was taken over, and arrives between the new holder's look and its first entry.
#[test]
fn an_entry_that_comes_late_is_read_by_the_next() {
    let before = Memory::default();
    let mut stale = begin(&before).unwrap();
    let without = before.inner().parts.clone();
    stale.mark_pending(add("b"), Change::Added).unwrap();
    stale.commit().unwrap();
    let entry = before.inner().parts["journal-000000000002"].clone();

    let memory = after_death(&without);
    // The head is taken, two conditions that do not hold are tried, and the fourth write is the first entry.
    let late = Before(Box::new(move |parts| drop(parts.insert("journal-000000000002".to_owned(), entry))));
    memory.inner().before_write = Some((3, late));
    begin(&memory).unwrap().finish(true).unwrap();
    assert!(memory.inner().before_write.is_none(), "it came");
    assert_eq!(known(&memory).unwrap(), expected(&[("b", Standing::Pending)]));
}

#[test]
fn a_store_that_ignores_conditions_is_refused_by_name() {
    let memory = Memory::default();
    memory.inner().ignores_conditions = true;
    for _ in 0..2 {
        let error = begin(&memory).unwrap_err();
        assert!(error.to_string().contains("ignores conditions on writes"), "{error}");
        assert!(error.hint().contains("PostgreSQL"), "{}", error.hint());
    }
}

/// Keys enough for a journal that is too long.
fn grown() -> (Memory, BTreeMap<String, Standing>) {
    let memory = Memory::default();
    let mut ledger = begin(&memory).unwrap();
    let keys: Vec<String> = (0..33).map(|key| format!("key {key}")).collect();
    for key in &keys {
        deliver(&mut ledger, &[key.as_str()], 1).unwrap();
    }
    remove(&mut ledger, "key 7").unwrap();
    ledger.finish(true).unwrap();
    let known = known(&memory).unwrap();
    assert_eq!(known.len(), 33);
    (memory, known)
}

#[test]
fn a_long_journal_becomes_a_snapshot() {
    let (memory, before) = grown();
    assert!(names(&memory, "journal-").len() > 64 && names(&memory, "snapshot-").is_empty());
    let mut ledger = begin(&memory).unwrap();
    assert_eq!((names(&memory, "journal-").len(), names(&memory, "snapshot-").len()), (0, 1));
    assert_eq!(ledger.removed_since(0).unwrap(), 1);
    deliver(&mut ledger, &["another"], 1).unwrap();
    ledger.finish(true).unwrap();
    let mut all = before;
    all.insert("another".to_owned(), Standing::Delivered(1));
    assert_eq!(known(&memory).unwrap(), all);
}

/// Killed at any write of a snapshot, and before the parts that it replaces are deleted: the state is whole.
#[test]
fn whoever_dies_while_it_writes_a_snapshot_leaves_a_whole_state() {
    let (memory, all) = grown();
    memory.inner().history = Some(Vec::new());
    begin(&memory).unwrap().finish(true).unwrap();
    let history = memory.inner().history.take().unwrap();
    assert!(history.len() > 64, "each write and each delete");
    for parts in history {
        let after = after_death(&parts);
        assert_eq!(known(&after).unwrap(), all);
        begin(&after).unwrap().finish(true).unwrap();
        assert_eq!(known(&after).unwrap(), all);
        let (journal, snapshot) = (names(&after, "journal-"), names(&after, "snapshot-"));
        assert!(journal.len() <= 66 && snapshot.len() <= 1, "{journal:?} {snapshot:?}");
    }
}

#[test]
fn a_part_that_is_lost_or_damaged_is_named_and_never_a_state_that_knows_less() {
    let (memory, _) = grown();
    let mut ledger = begin(&memory).unwrap();
    deliver(&mut ledger, &["x"], 1).unwrap();
    deliver(&mut ledger, &["y"], 1).unwrap();
    ledger.finish(true).unwrap();
    let whole = memory.inner().parts.clone();
    assert!(whole.len() >= 5, "{:?}", whole.keys());
    let spoiled = |name: &str, bytes: Option<Bytes>| {
        let memory = after_death(&whole);
        match bytes {
            Some(bytes) => memory.inner().parts.get_mut(name).unwrap().0 = bytes,
            None => drop(memory.inner().parts.remove(name)),
        }
        let before = memory.inner().parts.keys().cloned().collect::<Vec<_>>();
        for error in [known(&memory).unwrap_err(), begin(&memory).unwrap_err()] {
            assert!(error.to_string().contains(name), "{name}: {error}");
            assert!(error.hint().contains("state reset"), "{}", error.hint());
        }
        assert_eq!(memory.inner().parts.keys().cloned().collect::<Vec<_>>(), before, "nothing was deleted");
        // It can be forgotten all the same.
        RemoteState::wipe(&place(&memory)).unwrap();
        assert!(memory.inner().parts.is_empty());
    };
    for (name, (bytes, ..)) in &whole {
        spoiled(name, None);
        spoiled(name, Some(Bytes::new()));
        spoiled(name, Some(bytes.slice(..bytes.len() / 2)));
        spoiled(name, Some(vec![0; bytes.len()].into()));
    }
    // Two entries that were exchanged are each whole.
    let journal: Vec<&String> = whole.keys().filter(|name| name.starts_with("journal-")).collect();
    spoiled(journal[0], Some(whole[journal[1]].0.clone()));
}

/// Whatever write loses its answer or fails: what was committed is there, and nothing that was not begun.
#[test]
fn a_write_whose_answer_is_lost_is_made_once() {
    for at in 0..12 {
        for lost in [true, false] {
            let memory = Memory::default();
            if lost {
                memory.inner().loses_answer_in = Some(at);
            } else {
                memory.inner().fails_in = Some(at);
            }
            let ran = || -> Result<(), StateError> {
                let mut ledger = begin(&memory)?;
                deliver(&mut ledger, &["a"], 1)?;
                deliver(&mut ledger, &["b"], 1)?;
                ledger.finish(true)
            };
            let ran = ran();
            let mut inner = memory.inner();
            inner.now += LATER;
            (inner.loses_answer_in, inner.fails_in) = (None, None);
            drop(inner);
            let found = known(&memory).unwrap();
            match ran {
                Ok(()) => assert_eq!(found.len(), 2, "write {at}, {lost}"),
                // The head's alone are not made again.
                Err(error) => assert!(matches!(error, StateError::Remote { .. }), "write {at}, {lost}: {error}"),
            }
            begin(&memory).unwrap().finish(true).unwrap();
        }
    }
}

#[test]
fn what_a_person_forgets_is_forgotten_in_one_step() {
    let (memory, all) = grown();
    let keys = ["key 3".to_owned(), "nobody".to_owned()];
    assert_eq!(open(&memory).unwrap().forget(&keys).unwrap(), ["nobody"]);
    assert_eq!(known(&memory).unwrap().len(), all.len() - 1);
    assert_eq!(open(&memory).unwrap().recover().unwrap(), 31);
    assert!(known(&memory).unwrap().values().all(|standing| *standing == Standing::Pending));
    assert_eq!(open(&memory).unwrap().reset().unwrap(), Some(31));
    assert_eq!(open(&memory).unwrap().reset().unwrap(), None);
    assert!(known(&memory).unwrap().is_empty() && names(&memory, "snapshot-").is_empty());
    let mut ledger = begin(&memory).unwrap();
    deliver(&mut ledger, &["new"], 1).unwrap();
    ledger.finish(true).unwrap();
    assert_eq!(known(&memory).unwrap(), expected(&[("new", Standing::Delivered(1))]));
}

#[test]
fn a_state_that_another_release_wrote_is_refused() {
    let memory = Memory::default();
    begin(&memory).unwrap().finish(true).unwrap();
    let head = String::from_utf8(memory.inner().parts["head.json"].0.to_vec()).unwrap();
    for (text, told) in [
        (head.replace("\"format\": 1", "\"format\": 2"), "has format 2; this release knows format 1"),
        (head.replace("\"crm\"", "\"other\""), "is that of the sync `other`"),
        ("{}".to_owned(), "is not the head of a state"),
    ] {
        memory.inner().parts.get_mut("head.json").unwrap().0 = text.into();
        let error = begin(&memory).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}
