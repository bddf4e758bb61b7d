use proptest::prelude::*;

use super::*;
use crate::delivery::Record;

/// A body of items in brackets, with a comma between two.
fn body_bytes(records: &Records<'_>, chunk: &[usize]) -> usize {
    format!("[{}]", records.items(chunk).join(",")).len()
}

const ENVELOPE: usize = 2;

fn records(lengths: &[usize]) -> Records<'static> {
    let record = |length: &usize| Record { batch_index: 0, key: "k", item: "x".repeat(*length).into() };
    Records { kept: lengths.iter().map(record).collect(), superseded: Vec::new() }
}

#[test]
fn records_are_divided_by_number_and_by_bytes() {
    let divided = |lengths: &[usize], batch_size: usize, room: usize| {
        let limits = Limits { records: batch_size, bytes: ENVELOPE + room, envelope_bytes: ENVELOPE };
        let chunks = chunks(limits, &records(lengths));
        (chunks.requests, chunks.oversized)
    };
    assert_eq!(divided(&[], 2, 10), (vec![], vec![]));
    assert_eq!(divided(&[1, 1, 1, 1, 1], 2, 10), (vec![vec![0, 1], vec![2, 3], vec![4]], vec![]));
    // A comma counts: two of five are eleven bytes.
    assert_eq!(divided(&[5, 5, 5], 9, 10), (vec![vec![0], vec![1], vec![2]], vec![]));
    assert_eq!(divided(&[5, 5, 5], 9, 11), (vec![vec![0, 1], vec![2]], vec![]));
    assert_eq!(divided(&[10, 11, 4, 5], 9, 10), (vec![vec![0], vec![2, 3]], vec![1]));
    assert_eq!(divided(&[11], 9, 10), (vec![], vec![0]));
}

proptest! {
    #[test]
    fn each_record_is_in_one_request_that_fits(
        lengths in proptest::collection::vec(0..40_usize, 0..60),
        batch_size in 1..10_usize,
        max_bytes in 30..150_usize,
    ) {
        let records = records(&lengths);
        let limits = Limits { records: batch_size, bytes: max_bytes, envelope_bytes: ENVELOPE };
        let chunks = chunks(limits, &records);
        let mut indices = chunks.oversized.clone();
        for chunk in &chunks.requests {
            prop_assert!(!chunk.is_empty() && chunk.len() <= batch_size);
            prop_assert!(chunk.is_sorted());
            prop_assert!(body_bytes(&records, chunk) <= max_bytes);
            indices.extend(chunk);
        }
        for index in &chunks.oversized {
            prop_assert!(body_bytes(&records, &[*index]) > max_bytes);
        }
        indices.sort_unstable();
        prop_assert_eq!(indices, (0..lengths.len()).collect::<Vec<_>>());
    }
}
