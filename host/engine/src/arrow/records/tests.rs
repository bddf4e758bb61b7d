#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn strings(offsets: &[u32], data: &str) -> StringsResult {
    StringsResult { offsets: offsets.to_vec(), data: data.to_owned() }
}

fn answer() -> MappedBatchResult {
    MappedBatchResult {
        rows: vec![0, 2],
        keys: strings(&[0, 1, 3], "aéz"),
        actions: vec![Action::Upsert, Action::Delete],
        payloads: strings(&[0, 2, 2], "{}"),
    }
}

#[test]
fn a_sound_answer_is_read() {
    let batch = MappedBatch::from_answer(answer()).unwrap();
    let records: Vec<_> = batch.iter().collect();
    assert_eq!(
        records,
        [
            Record { row: 0, key: "a", action: Action::Upsert, payload: "{}" },
            Record { row: 2, key: "é", action: Action::Delete, payload: "" },
        ]
    );
    assert_eq!(batch.get(1), records.get(1).copied());
    assert_eq!(batch.get(2), None);
}

#[test]
fn no_records_need_no_offsets() {
    for offsets in [&[][..], &[0]] {
        let empty = MappedBatchResult {
            rows: vec![],
            keys: strings(offsets, ""),
            actions: vec![],
            payloads: strings(offsets, ""),
        };
        let batch = MappedBatch::from_answer(empty).unwrap();
        assert!(batch.is_empty());
        assert_eq!(batch.iter().count(), 0);
    }
}

/// Makes a sound answer unsound.
type Spoil = fn(&mut MappedBatchResult);

#[test]
fn an_unsound_answer_is_refused_for_what_is_wrong_with_it() {
    let cases: [(Spoil, &str); 6] = [
        (|a| a.actions.truncate(1), "2 rows but 1 actions"),
        (|a| a.keys.offsets.truncate(2), "keys: 2 offsets for 2 strings, not 3"),
        (|a| a.keys.offsets.clear(), "keys: 0 offsets for 2 strings, not 3"),
        (|a| a.payloads.offsets = vec![0, 2, 1], "payloads: the offsets fall from 2 to 1"),
        (|a| a.keys.offsets = vec![0, 2, 3], "keys: offset 2 does not stand between two characters of 4 bytes"),
        (|a| a.payloads.offsets = vec![0, 1, 9], "payloads: offset 9 does not stand between two characters of 2 bytes"),
    ];
    for (spoil, expected) in cases {
        let mut answer = answer();
        spoil(&mut answer);
        assert_eq!(MappedBatch::from_answer(answer).unwrap_err(), expected);
    }
}

#[test]
fn a_cleared_batch_starts_over() {
    let mut batch = MappedBatch::default();
    batch.push(Record::removal(0, "old")).unwrap();
    batch.clear();
    batch.push(Record::removal(1, "new")).unwrap();
    assert_eq!(batch.iter().collect::<Vec<_>>(), [Record::removal(1, "new")]);
}

proptest! {
    /// What goes in comes out, and what crosses the border is sound by the rules that answers are held to.
    #[test]
    fn records_come_back_as_they_were_pushed(
        records in proptest::collection::vec((any::<u32>(), ".{0,8}", 0usize..3, ".{0,20}"), 0..20),
    ) {
        let actions = [Action::Upsert, Action::Add, Action::Delete];
        let expected: Vec<_> = records
            .iter()
            .map(|(row, key, action, payload)| Record { row: *row, key, action: actions[*action], payload })
            .collect();
        let mut batch = MappedBatch::default();
        for record in &expected {
            batch.push(*record).unwrap();
        }
        prop_assert_eq!(batch.len(), expected.len());
        prop_assert_eq!(&batch.iter().collect::<Vec<_>>(), &expected);
        prop_assert_eq!(&(0..).map_while(|i| batch.get(i)).collect::<Vec<_>>(), &expected);
        prop_assert_eq!(batch.payload_bytes(), expected.iter().map(|r| r.payload.len()).sum::<usize>());

        let param = batch.as_param();
        let crossed = MappedBatchResult {
            rows: param.rows.to_vec(),
            keys: strings(param.keys.offsets, param.keys.data),
            actions: param.actions.to_vec(),
            payloads: strings(param.payloads.offsets, param.payloads.data),
        };
        prop_assert_eq!(&MappedBatch::from_answer(crossed).unwrap(), &batch);
    }
}
