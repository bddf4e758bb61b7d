//! What holds whatever the server answers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// One answer of a misbehaving server.
fn any_answer() -> impl Strategy<Value = Answer> {
    let codes = prop_oneof![
        4 => Just(204_u16),
        4 => Just(400_u16),
        1 => Just(413_u16),
        2 => Just(429_u16),
        1 => Just(500_u16),
        1 => Just(401_u16),
    ];
    prop_oneof![
        8 => (codes, proptest::option::of("[0-9]{1,6}"), "[a-z]{0,4}").prop_map(|(status, retry_after, word)| Ok(Response {
            status,
            headers: Headers { retry_after, ..Headers::default() },
            body: json!({"message": format!("{word} {KEY}")}).to_string().into_bytes(),
            ..Response::default()
        })),
        1 => prop_oneof![Just(TransportErrorKind::Reset), Just(TransportErrorKind::Timeout), Just(TransportErrorKind::Denied)].prop_map(broken),
    ]
}

proptest! {
    #[test]
    fn under_any_answers_each_record_is_settled_once(
        keys in proptest::collection::vec(0..30_u8, 0..40),
        answers in proptest::collection::vec(any_answer(), 1..60),
        batch_size in 1..20_u64,
        max_attempts in 1..4_u64,
    ) {
        let mut batch = plain(keys.len());
        let keys: Vec<String> = keys.iter().map(|key| format!("k{key}")).collect();
        batch.keys = strings(keys.iter().map(String::as_str));
        let retry = json!({"max_attempts": max_attempts, "max_elapsed_ms": 60_000});
        let config = profiles(&json!({"batch_size": batch_size, "retry": retry}));
        let mut accepted_bodies = Vec::new();
        let (report, requests, clock) = delivered(&config, &batch, |number, request| {
            let answer = answers[number % answers.len()].clone();
            if matches!(&answer, Ok(response) if response.status == 204) {
                accepted_bodies.push(items(request));
            }
            answer
        });
        prop_assert!(clock.now <= 1_000 + 60_000, "no wait ends after the budget");
        let mut run = 1;
        for pair in requests.windows(2) {
            run = if pair[0] == pair[1] { run + 1 } else { 1 };
            prop_assert!(run <= max_attempts, "no request is attempted more often");
        }
        let count = u32::try_from(keys.len()).unwrap();
        match report {
            Err(failure) => {
                prop_assert!(accepted_bodies.is_empty());
                prop_assert!(!problem_of(&failure).message.contains(KEY));
            }
            Ok(report) => {
                let rejected: Vec<u32> = report.rejected.iter().map(|rejection| rejection.record_index).collect();
                for list in [&report.accepted, &rejected, &report.undelivered] {
                    prop_assert!(list.is_sorted());
                }
                let mut all = [report.accepted.clone(), rejected, report.undelivered.clone()].concat();
                all.sort_unstable();
                prop_assert_eq!(all, indices(count));
                prop_assert_eq!(report.failure.is_some(), !report.undelivered.is_empty());
                prop_assert_eq!(usize::try_from(report.requests).unwrap(), requests.len());
                for message in report.rejected.iter().map(|rejection| &rejection.message) {
                    prop_assert!(!message.contains(KEY));
                }
                // Accepted is what a 204 was read for, no more and no less.
                let confirmed: BTreeSet<String> = accepted_bodies
                    .iter()
                    .flatten()
                    .map(|item| item["attributes"]["n"].as_u64().unwrap())
                    .map(|number| keys[usize::try_from(number).unwrap()].clone())
                    .collect();
                let accepted: BTreeSet<String> =
                    report.accepted.iter().map(|index| keys[usize::try_from(*index).unwrap()].clone()).collect();
                prop_assert_eq!(accepted, confirmed);
            }
        }
    }

    #[test]
    fn a_healthy_server_gets_every_record_in_the_end(
        bad in proptest::collection::btree_set(0..60_usize, 0..60),
        batch_size in 1..60_u64,
        storms in proptest::collection::vec(any::<bool>(), 0..40),
    ) {
        let config = profiles(&json!({"batch_size": batch_size, "retry": {"max_attempts": 100, "max_elapsed_ms": 3_600_000}}));
        let batch = plain(60);
        let (report, _, _) = delivered(&config, &batch, |number, request| {
            if storms.get(number) == Some(&true) {
                return status(503);
            }
            let is_bad = |item: &Value| bad.contains(&usize::try_from(item["attributes"]["n"].as_u64().unwrap()).unwrap());
            if items(request).iter().any(is_bad) { refused(400, "no", &[]) } else { status(204) }
        });
        let report = report.unwrap();
        let rejected: BTreeSet<usize> =
            report.rejected.iter().map(|rejection| usize::try_from(rejection.record_index).unwrap()).collect();
        prop_assert_eq!(rejected, bad);
        prop_assert_eq!(report.failure, None);
    }
}
