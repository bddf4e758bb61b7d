//! The law of a mirror, tried on random histories: whatever goes wrong on the way, one good run makes the destination
//! hold the source's members and everybody whom others added, and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Members that others added. No source ever has them.
const THEIRS: [&str; 2] = ["theirs 1", "theirs 2"];

/// One run: its rows, and how the destination takes its batches.
#[derive(Debug, Clone)]
struct Run {
    rows: Vec<(u8, u8)>,
    turns: Vec<Turn>,
    breaks: bool,
}

fn run() -> impl Strategy<Value = Run> {
    let turn = prop_oneof![
        4 => Just(Turn::Accept),
        1 => Just(Turn::Reject("1")),
        1 => Just(Turn::Reject("2")),
        1 => Just(Turn::RejectInDoubt("3")),
        1 => Just(Turn::LoseAnswer),
        1 => Just(Turn::Refuse),
        1 => Just(Turn::Half),
    ];
    (prop::collection::vec((0u8..8, 0u8..3), 0..12), prop::collection::vec(turn, 0..6), prop::bool::weighted(0.2))
        .prop_map(|(rows, turns, breaks)| Run { rows, turns, breaks })
}

fn source(run: &Run) -> Scripted {
    let texts: Vec<(String, String)> = run.rows.iter().map(|(id, v)| (id.to_string(), v.to_string())).collect();
    let pairs: Vec<(&str, &str)> = texts.iter().map(|(id, v)| (id.as_str(), v.as_str())).collect();
    let chunks: Vec<&[(&str, &str)]> = pairs.chunks(5).collect();
    let mut source = rows(&chunks);
    if run.breaks {
        let error =
            SourceError { name: "x".to_owned(), line: None, message: "broke".to_owned(), hint: None, absent: false };
        source.chunks.push_back(Err(error));
    }
    source
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn one_good_run_makes_it_right(
        history in prop::collection::vec(run(), 0..4),
        last in run(),
        concurrency in 1usize..4,
        elsewhere in any::<bool>(),
    ) {
        let mut bench = Bench::mirror();
        bench.elsewhere = elsewhere.then(Memory::default);
        bench.plan.concurrency = concurrency;
        for member in THEIRS {
            bench.fake.held().records.insert(member.to_owned(), String::new());
        }
        for run in &history {
            bench.fake.script(&run.turns);
            bench.run(source(run));
            for member in THEIRS {
                prop_assert!(bench.fake.held().records.contains_key(member), "a stranger was removed");
            }
        }
        bench.fake.script(&[]);
        bench.plan.allow_removals = true;
        let last = Run { breaks: false, ..last };
        let outflow = bench.run(source(&last));
        prop_assert_eq!(kind(&outflow), None);

        let mut expected: BTreeMap<String, String> =
            THEIRS.iter().map(|member| ((*member).to_owned(), String::new())).collect();
        expected.extend(last.rows.iter().map(|(id, v)| (id.to_string(), v.to_string())));
        prop_assert_eq!(&bench.fake.held().records, &expected);

        // What is known to be delivered is the source, and what is known to be removed is there no more.
        let known = bench.known();
        let of = |removed: bool| -> Vec<&str> {
            let of = known.iter().filter(|entry| (entry.standing == Standing::Removed) == removed);
            of.map(|entry| entry.key.as_str()).collect()
        };
        let members: BTreeSet<String> = last.rows.iter().map(|(id, _)| id.to_string()).collect();
        prop_assert_eq!(of(false), members.iter().map(String::as_str).collect::<Vec<_>>());
        for key in of(true) {
            prop_assert!(!expected.contains_key(key), "{} was added again", key);
        }

        // And it is known: the same source again sends nothing.
        bench.fake.take_batches();
        let distinct: BTreeSet<u8> = last.rows.iter().map(|(id, _)| *id).collect();
        let each_once: Vec<(u8, u8)> = distinct
            .iter()
            .filter_map(|id| last.rows.iter().rev().find(|(of, _)| of == id).copied())
            .collect();
        bench.run(source(&Run { rows: each_once, turns: Vec::new(), breaks: false }));
        prop_assert!(bench.fake.take_batches().is_empty());
    }
}
