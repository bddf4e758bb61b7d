//! Batches that are refused as a whole, divided until the record that is wrong stands alone.

use super::*;

#[test]
fn a_bad_record_is_rejected_and_the_others_are_sent() {
    let (report, requests, _) = delivered(&profiles(&json!({})), &plain(8), |_, request| {
        let bad = items(request).iter().position(|item| item["integrationId"] == "c5");
        match bad {
            Some(_) => refused(400, &format!("attribute n is not defined for {KEY}"), &[]),
            None => status(204),
        }
    });
    let report = report.unwrap();
    assert_eq!(report.accepted, [0, 1, 2, 3, 4, 6, 7]);
    assert_eq!(report.rejected.len(), 1);
    assert_eq!((report.rejected[0].record_index, report.rejected[0].code.as_str()), (5, "undefined-attribute"));
    assert!(report.rejected[0].message.contains("not defined for [api key]"), "{}", report.rejected[0].message);
    assert_eq!(report.failure, None);
    assert_eq!(report.requests, 7);
    assert_eq!(requests.len(), 7);
    assert_eq!(report.retries, 0, "a divided request is not a repeated one");
}

#[test]
fn parts_are_repeated_like_whole_batches() {
    let mut storm = 0;
    let (report, _, _) = delivered(&profiles(&json!({})), &plain(4), |_, request| {
        let items = items(request);
        if items.len() == 2 && storm < 3 {
            storm += 1;
            return status(503);
        }
        if items.iter().any(|item| item["integrationId"] == "c3") { refused(400, "no", &[]) } else { status(204) }
    });
    let report = report.unwrap();
    assert_eq!(report.accepted, [0, 1, 2]);
    assert_eq!(report.retries, 3);
    assert_eq!(report.requests, 5 + 3);
}

#[test]
fn a_stop_in_the_middle_of_dividing_leaves_the_rest_undelivered() {
    let (report, _, _) = delivered(&profiles(&json!({})), &plain(8), |number, request| {
        if number >= 3 {
            return status(401);
        }
        let bad = items(request).iter().any(|item| item["integrationId"] == "c1");
        if bad { refused(400, "no", &[]) } else { status(204) }
    });
    let report = report.unwrap();
    assert_eq!(report.accepted, [4, 5, 6, 7]);
    assert_eq!(report.undelivered, [0, 1, 2, 3]);
    assert!(report.failure.is_some());
}

#[test]
fn a_record_over_the_byte_limit_is_rejected_without_a_request() {
    let huge = "x".repeat(MAX_BODY_BYTES);
    let batch = profile_batch(3, |number| if number == 1 { format!("\"n\":\"{huge}\"") } else { String::new() });
    let (report, requests, _) = delivered(&profiles(&json!({})), &batch, |_, _| status(204));
    let report = report.unwrap();
    assert_eq!(report.accepted, [0, 2]);
    assert_eq!((report.rejected[0].record_index, report.rejected[0].code.as_str()), (1, "too-large"));
    assert_eq!(requests.len(), 1);
}

#[test]
fn a_record_that_no_request_has_room_for_is_rejected() {
    let (report, requests, _) = delivered(&profiles(&json!({})), &plain(4), |_, request| {
        let large = items(request).iter().any(|item| item["integrationId"] == "c2");
        let html = "<html><body>413 Request Entity Too Large</body></html>".to_owned();
        if large { Ok(Response { status: 413, body: html.into_bytes(), ..Response::default() }) } else { status(204) }
    });
    let report = report.unwrap();
    assert_eq!(report.accepted, [0, 1, 3]);
    assert_eq!(report.rejected[0].code, "too-large");
    assert!(!report.rejected[0].message.contains("html"), "{}", report.rejected[0].message);
    assert_eq!(requests.len(), 5);
}

#[test]
fn a_size_that_was_refused_is_not_tried_again() {
    let config = profiles(&json!({"batch_size": 100}));
    // Every record is a few bytes longer than the one before it.
    let batch = profile_batch(1000, |number| format!("\"n\":\"{}\"", "x".repeat(number)));
    for (most, most_requests) in [(10_000, 300), (1_000, 1_000)] {
        let (report, requests, _) =
            delivered(&config, &batch, |_, request| status(if request.body.len() > most { 413 } else { 204 }));
        let report = report.unwrap();
        let fits = |index: usize| {
            let item = crate::testing::unpacked(&batch.payloads)[index].len();
            item + "{\"customerProfiles\":[]}".len() <= most
        };
        let expected: Vec<u32> =
            indices(1000).into_iter().filter(|index| fits(usize::try_from(*index).unwrap())).collect();
        assert_eq!(report.accepted, expected);
        assert!(report.rejected.iter().all(|rejection| rejection.code == "too-large"));
        assert!(requests.len() <= most_requests, "{} requests", requests.len());
    }
}

#[test]
fn a_size_that_even_one_small_record_has_is_refused_for_another_reason() {
    let (report, requests, _) = delivered(&profiles(&json!({})), &plain(1000), |_, _| {
        let body = "<html><title>413 Request Entity Too Large</title>".into();
        Ok(Response { status: 413, body, ..Response::default() })
    });
    let failure = report.unwrap_err();
    assert!(matches!(&failure, Failure::Permanent(problem) if problem.kind == ProblemKind::Refused));
    let message = &problem_of(&failure).message;
    for fragment in
        ["refuses even a request of 66 bytes", "413 Request Entity Too Large", "proxy", "check deployment_url"]
    {
        assert!(message.contains(fragment), "{message}");
    }
    assert_eq!(requests.len(), 10, "halved down to one record, and no further");
}
