//! The law of what is acknowledged, tried on random sources, answers and stops: who goes on behind the rows that were
//! acknowledged at any moment, whatever happened then, loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use destination_engine::bindings::Change as RowChange;
use proptest::prelude::*;

use super::*;

/// A row: its id, its content, and whether it says that it has left.
type Row = (String, String, bool);

/// What there was when rows were acknowledged: how many, what the destination held, which rows the letters had, and which had been
/// told as rejected.
type Moment = (u64, BTreeMap<String, String>, BTreeSet<u64>, Vec<u64>);

/// Looks at the destination and at the letters, as a process that is killed leaves them, each time that rows are acknowledged.
struct Witness {
    fake: Fake,
    letters: PathBuf,
    rejected: Mutex<Vec<u64>>,
    moments: Mutex<Vec<Moment>>,
}

impl Observer for Witness {
    fn progress(&self, _: &ProgressSnapshot<'_>) {}

    fn rejected(&self, row: u64) {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    }

    fn acknowledged(&self, rows: u64) {
        let text = std::fs::read_to_string(&self.letters).unwrap_or_default();
        let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["row_number"].as_u64();
        let kept = text.lines().filter_map(number).collect();
        let held = self.fake.held().records.clone();
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).push((rows, held, kept, rejected));
    }
}

fn source(rows: &[Row], breaks: bool) -> Scripted {
    let chunk = |part: &[Row]| -> Result<Chunk, SourceError> {
        let text = |of: fn(&Row) -> &str| Arc::new(StringArray::from_iter_values(part.iter().map(of))) as ArrayRef;
        let columns = [("id", text(|row| &row.0)), ("v", text(|row| &row.1))];
        let change = |row: &Row| if row.2 { RowChange::Removed } else { RowChange::Added };
        let changes = part.iter().map(change).collect();
        Ok(Chunk { changes, ..RecordBatch::try_from_iter(columns).unwrap().into() })
    };
    let broken = breaks.then(|| Err(SourceError::new("x", "broke")));
    Scripted {
        chunks: rows.chunks(5).map(chunk).chain(broken).collect(),
        columns: vec!["id".to_owned(), "v".to_owned()],
        extent: Extent::Changes,
    }
}

fn rows_strategy() -> impl Strategy<Value = Vec<Row>> {
    // One in some rows can't be mapped.
    let id = prop_oneof![
        8 => (0u8..8).prop_map(|id| id.to_string()),
        1 => (0u8..8).prop_map(|id| format!("?{id}")),
        1 => Just("!".to_owned()),
    ];
    prop::collection::vec((id, (0u8..3).prop_map(|v| v.to_string()), prop::bool::weighted(0.2)), 0..24)
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => Just(Turn::Accept),
        1 => Just(Turn::Reject("1")),
        1 => Just(Turn::Reject("2")),
        1 => Just(Turn::RejectInDoubt("3")),
        1 => Just(Turn::LoseAnswer),
        1 => Just(Turn::Refuse),
        1 => Just(Turn::Half),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn who_goes_on_behind_what_is_acknowledged_loses_nothing(
        before in prop::collection::btree_set(0u8..8, 0..8),
        rows in rows_strategy(),
        turns in prop::collection::vec(turn(), 0..12),
        breaks in prop::bool::weighted(0.2),
        stops in prop::bool::weighted(0.2),
        mirrors: bool,
        keeps_letters: bool,
        concurrency in 1usize..4,
    ) {
        let mut bench = Bench::new(if mirrors { SyncMode::Mirror } else { SyncMode::Upsert });
        bench.plan.concurrency = concurrency;
        bench.plan.max_rejected = MaxRejected { count: None, ratio: 1.0 };
        let members: Vec<Row> = before.iter().map(|id| (id.to_string(), "0".to_owned(), false)).collect();
        bench.run(source(&members, false));

        bench.keeps_letters = keeps_letters;
        let witness = Arc::new(Witness {
            fake: bench.fake.clone(),
            letters: bench.path("dead.ndjson.part"),
            rejected: Mutex::default(),
            moments: Mutex::default(),
        });
        bench.observer = Arc::clone(&witness) as Arc<dyn Observer>;
        bench.fake.script(&turns);
        if stops {
            bench.fake.held().stop = Some(bench.stop.clone());
        }
        let outflow = bench.run(source(&rows, breaks));

        let moments = std::mem::take(&mut *witness.moments.lock().unwrap());
        let mut so_far = 0;
        for (acknowledged, held, kept, rejected) in &moments {
            prop_assert!(so_far <= *acknowledged && *acknowledged <= rows.len() as u64);
            so_far = *acknowledged;
            prop_assert!(kept.iter().all(|row| *row > so_far || rejected.contains(row)), "{kept:?} but {rejected:?}");
            // The last row of each key decides, unless rows that are still to come have the key again.
            for (number, (id, content, removed)) in (1..=so_far).zip(&rows) {
                if kept.contains(&number) {
                    continue;
                }
                prop_assert!(!id.starts_with(['?', '!']), "row {number} is neither delivered nor kept");
                let comes_again = (1..).zip(&rows).any(|(later, (other, ..))| later > number && other == id);
                let expected = (!removed).then_some(content);
                prop_assert!(
                    comes_again || held.get(id) == expected,
                    "row {number} of {so_far} is lost: {id} is {:?}", held.get(id)
                );
            }
        }
        prop_assert_eq!(witness.rejected.lock().unwrap().len() as u64, outflow.counts.rejected);
        // It is not by never acknowledging anything.
        let all_settled = outflow.failure.is_none() && (keeps_letters || outflow.counts.rejected == 0);
        if all_settled {
            prop_assert_eq!(so_far, rows.len() as u64);
        }
    }
}

#[test]
fn a_mirror_of_changes_removes_what_a_row_says_has_left_and_nothing_else() {
    let bench = Bench::mirror();
    bench.fake.held().records.insert("theirs".to_owned(), String::new());
    let row = |id: &str, removed| (id.to_owned(), "1".to_owned(), removed);
    bench.run(source(&[row("a", false), row("b", false), row("c", false)], false));
    bench.fake.take_batches();
    let outflow = bench.run(source(&[row("b", true), row("theirs", true), row("never", true), row("d", false)], false));
    assert_eq!(kind(&outflow), None);
    assert_eq!(bench.fake.take_batches(), [vec!["b", "d"]]);
    assert_eq!(bench.fake.keys(), ["a", "c", "d", "theirs"]);
    assert_eq!(bench.state(), entries(&[("a", true), ("c", true), ("d", true)]));

    // Within one run, too: the last row counts.
    bench.run(source(&[row("e", false), row("e", true), row("a", true), row("a", false)], false));
    assert_eq!(bench.fake.keys(), ["a", "c", "d", "theirs"]);
    assert_eq!(bench.state(), entries(&[("a", true), ("c", true), ("d", true)]));
}
