use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{audience, profile_batch, profiles};

fn records(lengths: &[usize]) -> Vec<Record<'static>> {
    lengths.iter().map(|length| Record { index: 0, key: "k", item: "x".repeat(*length).into() }).collect()
}

#[test]
fn bodies_are_items_in_an_envelope_without_white_space() {
    let batch = profile_batch(3, |number| format!("\"n\":{number}"));
    let config = profiles(&json!({}));
    let records = crate::records::Records::read(&config, &batch).unwrap();
    let request = Endpoint::of(config.object).request(&records.kept, &[0, 2]);
    assert_eq!(request.method, Method::Put);
    assert_eq!(request.path, "/v2/customer_profiles?silent=yes");
    assert_eq!(
        request.body,
        r#"{"customerProfiles":[{"integrationId":"c0","attributes":{"n":0}},{"integrationId":"c2","attributes":{"n":2}}]}"#
    );
    let request = Endpoint::of(audience("add").object).request(&records.kept[..1], &[0]);
    assert_eq!((request.method, request.path), (Method::Post, "/v2/customer_audiences"));
    assert!(request.body.starts_with("{\"data\":[{") && request.body.ends_with("}]}"), "{}", request.body);
    assert_eq!(request.body.len(), request.body.capacity(), "sized once");
}

#[test]
fn records_are_cut_by_number_and_by_bytes() {
    let endpoint = Endpoint::of(profiles(&json!({})).object);
    let envelope = endpoint.opening.len() + CLOSING.len();
    let cut = |lengths: &[usize], batch_size: usize, room: usize| {
        let cut = cut(endpoint, &records(lengths), batch_size, envelope + room);
        (cut.parts, cut.too_large)
    };
    assert_eq!(cut(&[], 2, 10), (vec![], vec![]));
    assert_eq!(cut(&[1, 1, 1, 1, 1], 2, 10), (vec![vec![0, 1], vec![2, 3], vec![4]], vec![]));
    // A comma counts: two of five are eleven bytes.
    assert_eq!(cut(&[5, 5, 5], 9, 10), (vec![vec![0], vec![1], vec![2]], vec![]));
    assert_eq!(cut(&[5, 5, 5], 9, 11), (vec![vec![0, 1], vec![2]], vec![]));
    assert_eq!(cut(&[10, 11, 4, 5], 9, 10), (vec![vec![0], vec![2, 3]], vec![1]));
    assert_eq!(cut(&[11], 9, 10), (vec![], vec![0]));
}

proptest! {
    #[test]
    fn each_record_is_in_one_part_that_fits(
        lengths in proptest::collection::vec(0..40_usize, 0..60),
        batch_size in 1..10_usize,
        max_bytes in 30..150_usize,
    ) {
        let endpoint = Endpoint::of(profiles(&json!({})).object);
        let records = records(&lengths);
        let cut = cut(endpoint, &records, batch_size, max_bytes);
        let mut places = cut.too_large.clone();
        for part in &cut.parts {
            prop_assert!(!part.is_empty() && part.len() <= batch_size);
            prop_assert!(part.is_sorted());
            prop_assert!(endpoint.request(&records, part).body.len() <= max_bytes);
            places.extend(part);
        }
        for place in &cut.too_large {
            prop_assert!(endpoint.request(&records, &[*place]).body.len() > max_bytes);
        }
        places.sort_unstable();
        prop_assert_eq!(places, (0..lengths.len()).collect::<Vec<_>>());
    }
}
