#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::bindings::{Action, Discovery, MappedBatchResult, ProblemKind, StringsResult};

fn issue(row: u32) -> RowIssue {
    RowIssue { row, key: None, column: None, code: "missing-id".to_owned(), message: String::new() }
}

fn mapping(rows: &[u32], issues: &[u32]) -> bindings::Mapping {
    let strings = || StringsResult { offsets: vec![0; rows.len() + 1], data: String::new() };
    bindings::Mapping {
        batch: MappedBatchResult {
            rows: rows.to_vec(),
            keys: strings(),
            actions: vec![Action::Upsert; rows.len()],
            payloads: strings(),
        },
        issues: issues.iter().copied().map(issue).collect(),
    }
}

fn rejection(record_index: u32) -> Rejection {
    Rejection { record_index, code: "invalid-value".to_owned(), message: String::new() }
}

fn problem() -> Problem {
    Problem { kind: ProblemKind::Server, message: "it failed".to_owned(), status: Some(503), retry_after_ms: None }
}

/// Accepted 0 and 3, rejected 1, undelivered 2.
fn report() -> bindings::Report {
    bindings::Report {
        accepted: vec![0, 3],
        rejected: vec![rejection(1)],
        undelivered: vec![2],
        failure: Some(bindings::Failure::Transient(problem())),
        superseded: 1,
        requests: 3,
        retries: 1,
    }
}

#[test]
fn a_sound_mapping_is_read() {
    let mapping = Mapping::from_answer(mapping(&[2, 0], &[1]), 3).unwrap();
    assert_eq!(mapping.batch.len(), 2);
    assert_eq!(mapping.issues.len(), 1);
}

#[test]
fn a_mapping_that_loses_doubles_or_invents_a_row_is_refused() {
    let cases: [(&[u32], &[u32], &str); 6] = [
        (&[0, 1], &[], "row 2 is missing"),
        (&[], &[], "row 0 is missing"),
        (&[0, 1, 2, 1], &[], "the batch: row 1 stands there twice"),
        (&[0, 1, 2], &[1], "row 1 stands in both the batch and the issues"),
        (&[0, 1], &[2, 2], "the issues: row 2 stands there twice"),
        (&[0, 1, 3], &[2], "the batch: row 3, but there are only 3"),
    ];
    for (rows, issues, expected) in cases {
        assert_eq!(Mapping::from_answer(mapping(rows, issues), 3).unwrap_err(), expected);
    }
}

#[test]
fn a_sound_report_is_read() {
    let report = Report::from_answer(report(), 4).unwrap();
    assert_eq!(report.accepted, [0, 3]);
    let undelivered = report.undelivered.unwrap();
    assert_eq!(undelivered.records, [2]);
    assert!(undelivered.failure.is_transient());
}

/// Makes a sound report unsound.
type Spoil = fn(&mut bindings::Report);

#[test]
fn a_report_that_contradicts_itself_is_refused() {
    let cases: [(Spoil, &str); 13] = [
        (|r| r.accepted = vec![0], "record 3 is missing"),
        (|r| r.accepted = vec![0, 1, 3], "record 1 stands in both accepted and rejected"),
        (|r| r.accepted = vec![0, 2, 3], "record 2 stands in both accepted and undelivered"),
        (|r| r.accepted = vec![0, 3, 3], "accepted: record 3 stands there twice"),
        (|r| r.accepted = vec![0, 3, 4], "accepted: record 4, but there are only 4"),
        (|r| r.accepted = vec![3, 0], "accepted: the record indices are not in rising order"),
        (|r| r.rejected = vec![rejection(1), rejection(1)], "rejected: record 1 stands there twice"),
        (|r| r.rejected = vec![rejection(u32::MAX)], "rejected: record 4294967295, but there are only 4"),
        (|r| r.failure = None, "1 records undelivered, but no failure that stopped them"),
        (
            |r| {
                r.undelivered.clear();
                r.accepted = vec![0, 2, 3];
            },
            "a failure, but no record is undelivered",
        ),
        (
            |r| r.failure = Some(bindings::Failure::ExecutionFailed),
            "it returned `execution-failed`, which is the engine's to use",
        ),
        (|r| r.superseded = 3, "3 records superseded, but only 2 accepted"),
        (|r| r.retries = 4, "4 retries in 3 requests"),
    ];
    for (spoil, expected) in cases {
        let mut report = report();
        spoil(&mut report);
        assert_eq!(Report::from_answer(report, 4).unwrap_err(), expected);
    }
}

#[test]
fn an_empty_batch_has_an_empty_report() {
    let empty = bindings::Report {
        accepted: vec![],
        rejected: vec![],
        undelivered: vec![],
        failure: None,
        superseded: 0,
        requests: 0,
        retries: 0,
    };
    assert!(Report::from_answer(empty, 0).is_ok());
}

fn key_page(offsets: &[u32], data: &str, next: Option<&str>) -> bindings::inspection::KeyPage {
    let keys = StringsResult { offsets: offsets.to_vec(), data: data.to_owned() };
    bindings::inspection::KeyPage { keys, next: next.map(str::to_owned), total: Some(2) }
}

#[test]
fn a_page_of_keys_is_read_or_refused() {
    let page = KeyPage::from_answer(key_page(&[0, 1, 3], "a\u{e9}", Some("2")), Some("1")).unwrap();
    assert_eq!((page.keys.iter().collect::<Vec<_>>(), page.keys.len()), (vec!["a", "\u{e9}"], 2));
    assert_eq!((page.next.as_deref(), page.total), (Some("2"), Some(2)));
    for none in [&[][..], &[0]] {
        assert!(KeyPage::from_answer(key_page(none, "", None), None).unwrap().keys.is_empty());
    }
    for (offsets, next, what) in [
        (&[0, 2, 3][..], None, "does not stand between two characters"),
        (&[1, 0], None, "the offsets fall"),
        (&[0, 9], None, "offset 9"),
        (&[0, 1], Some("1"), "the cursor of this one"),
    ] {
        let error = KeyPage::from_answer(key_page(offsets, "a\u{e9}", next), Some("1")).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
}

fn difference(record_index: u32, expected: Option<&str>) -> bindings::Difference {
    bindings::Difference { record_index, field: None, expected: expected.map(str::to_owned), found: None }
}

#[test]
fn differences_are_of_the_records_that_were_asked_about() {
    let of = |indices: &[u32]| indices.iter().map(|index| difference(*index, Some("x"))).collect();
    assert_eq!(differences(of(&[0, 1, 1, 4]), 5).unwrap().len(), 4);
    assert!(differences(of(&[5]), 5).unwrap_err().contains("there are only 5"));
    assert!(differences(of(&[1, 0]), 5).unwrap_err().contains("rising order"));
    assert!(differences(vec![difference(0, None)], 5).unwrap_err().contains("nothing differs"));
}

#[test]
fn a_limit_of_a_route_has_a_route_and_a_limit() {
    let limit = |method: &str, path: &str, requests_per_second| {
        let (method, path) = (method.to_owned(), path.to_owned());
        RouteLimit::from_answer(&bindings::RouteLimit { method, path, requests_per_second })
    };
    assert_eq!(limit("GET", "/v1/*/x", 3).unwrap().per_second.get(), 3);
    for (wrong, what) in
        [(limit("GET", "/v1", 0), "limit of 0"), (limit("get", "/v1", 3), "method"), (limit("GET", "v1", 3), "path")]
    {
        assert!(wrong.unwrap_err().contains(what));
    }
}

#[test]
fn what_was_discovered_has_a_name_once() {
    let target =
        |id: &str| bindings::DiscoveredTarget { id: id.to_owned(), name: "VIP".to_owned(), description: String::new() };
    let of = |ids: &[&str]| Discovery { fields: Vec::new(), targets: ids.iter().map(|id| target(id)).collect() };
    assert_eq!(discovery(of(&["1", "2"])).unwrap().targets.len(), 2, "a name may stand twice");
    assert!(discovery(of(&["1", "1"])).unwrap_err().contains("stands there twice"));
    assert!(discovery(of(&[""])).unwrap_err().contains("without a name"));
}

#[test]
fn effects_are_counted_once() {
    let delivery = |effects: &[(&str, u64)]| {
        let effects =
            effects.iter().map(|(effect, count)| bindings::EffectCount { effect: (*effect).to_owned(), count: *count });
        Delivery::from_answer(bindings::effects::Delivery { report: report(), effects: effects.collect() }, 4)
    };
    assert_eq!(delivery(&[("addLoyaltyPoints", 2)]).unwrap().report.accepted, [0, 3]);
    assert!(delivery(&[("a", 1), ("a", 1)]).unwrap_err().contains("twice"));
    assert!(delivery(&[("a", 0)]).unwrap_err().contains("0 times"));
}
