//! Mirrors: what leaves the source leaves the destination, and nobody else does.

use super::*;

#[test]
fn a_mirror_sends_differences_alone() {
    let bench = Bench::mirror();
    let first = bench.run(ids(&["a", "b", "c", "d"]));
    assert_eq!(first.counts, Counts { rows_read: 4, delivered: 4, added: 4, ..Counts::default() });
    bench.fake.take_batches();

    let same = bench.run(ids(&["d", "c", "b", "a"]));
    assert_eq!(same.counts, Counts { rows_read: 4, unchanged: 4, ..Counts::default() });
    assert!(bench.fake.take_batches().is_empty());

    let later = bench.run(rows(&[&[("a", ""), ("b", "other"), ("e", "")]]));
    let expected =
        Counts { rows_read: 3, unchanged: 1, delivered: 2, added: 1, changed: 1, removed: 2, ..Counts::default() };
    assert_eq!(later.counts, expected);
    assert_eq!(bench.fake.take_batches(), [vec!["b", "e"], vec!["c", "d"]]);
    assert_eq!(bench.fake.keys(), ["a", "b", "e"]);
    assert_eq!(bench.state(), entries(&[("a", true), ("b", true), ("e", true)]));
}

#[test]
fn a_mirror_never_removes_what_others_added() {
    let bench = Bench::mirror();
    bench.fake.held().records.insert("theirs".to_owned(), String::new());
    bench.run(ids(&["a", "b"]));
    std::fs::remove_file(bench.path("state.sqlite")).unwrap();
    // Lost state is a first load.
    let outflow = bench.run(ids(&["b"]));
    assert_eq!((outflow.counts.added, outflow.counts.removed), (1, 0));
    assert_eq!(bench.fake.keys(), ["a", "b", "theirs"]);
}

#[test]
fn too_many_removals_are_withheld_and_the_rest_is_sent() {
    let bench = Bench::mirror();
    bench.run(ids(&["a", "b", "c", "d", "e"]));
    let outflow = bench.run(ids(&["a", "b", "new"]));
    assert_eq!((outflow.counts.removed, outflow.counts.withheld_removals, outflow.counts.added), (0, 3, 1));
    assert_eq!(outflow.withheld.unwrap().first_keys, ["c", "d", "e"]);
    assert_eq!(bench.fake.keys(), ["a", "b", "c", "d", "e", "new"]);

    let mut bench = bench;
    bench.plan.allow_removals = true;
    assert_eq!(bench.run(ids(&["a", "b", "new"])).counts.removed, 3);
    assert_eq!(bench.fake.keys(), ["a", "b", "new"]);
}

#[test]
fn an_empty_source_removes_nobody() {
    let bench = Bench::mirror();
    bench.run(ids(&["a", "b"]));
    let outflow = bench.run(rows(&[]));
    assert_eq!((outflow.counts.removed, outflow.counts.withheld_removals), (0, 2));
    assert_eq!(outflow.withheld.unwrap().reason, "the source is empty");
    assert_eq!(bench.state(), entries(&[("a", true), ("b", true)]));
}

#[test]
fn a_source_that_breaks_removes_nobody() {
    let bench = Bench::mirror();
    bench.run(ids(&["a", "b", "c", "d", "e"]));
    let mut broken = ids(&["a", "new"]);
    let message = "the text ends inside a quoted field".to_owned();
    broken.chunks.push_back(Err(SourceError {
        name: "x.csv".to_owned(),
        line: Some(3),
        message,
        hint: None,
        absent: false,
    }));
    let outflow = bench.run(broken);
    assert_eq!(kind(&outflow), Some(FailureKind::Source));
    assert_eq!((outflow.counts.removed, outflow.counts.withheld_removals), (0, 0));
    assert!(bench.fake.keys().contains(&"c".to_owned()));
}

#[test]
fn a_row_that_fails_to_map_is_no_row_that_left() {
    let bench = Bench::mirror();
    bench.run(ids(&["a", "b", "c"]));
    let named = bench.run(ids(&["a", "?b"]));
    assert_eq!((named.counts.rejected, named.counts.removed), (1, 1));
    assert_eq!(bench.fake.keys(), ["a", "b"]);

    let unnamed = bench.run(ids(&["a", "!"]));
    assert_eq!((unnamed.counts.rejected, unnamed.counts.withheld_removals), (1, 1));
    assert_eq!(bench.fake.keys(), ["a", "b"]);
    let letter = &bench.dead_letters()[0];
    assert_eq!(
        (&letter["row"]["id"], &letter["row_number"], &letter["code"]),
        (&"!".into(), &2.into(), &"bad-value".into())
    );
}

#[test]
fn a_rejected_row_is_not_a_delivered_one() {
    let bench = Bench::mirror();
    bench.run(rows(&[&[("a", "1"), ("b", "1")]]));
    bench.fake.script(&[Turn::Reject("b"), Turn::Reject("n")]);
    let outflow = bench.run(rows(&[&[("a", "2"), ("b", "2"), ("new", "1")]]));
    let expected = Counts { rows_read: 3, delivered: 1, changed: 1, rejected: 2, ..Counts::default() };
    assert_eq!(outflow.counts, expected);
    assert_eq!(outflow.rejections[0].rows, 2);
    // The new one is nobody's member; the old one still is, with what it had.
    assert_eq!(bench.state(), entries(&[("a", true), ("b", false)]));
    let numbers: Vec<_> = bench.dead_letters().iter().map(|letter| letter["row_number"].clone()).collect();
    assert_eq!(numbers, [2, 3]);

    bench.fake.take_batches();
    bench.run(rows(&[&[("a", "2"), ("b", "2"), ("new", "1")]]));
    assert_eq!(bench.fake.take_batches(), [vec!["b", "new"]]);
}

#[test]
fn a_refusal_that_is_not_certain_forgets_nobody() {
    let bench = Bench::mirror();
    bench.fake.script(&[Turn::RejectInDoubt("new")]);
    let outflow = bench.run(ids(&["a", "new"]));
    assert_eq!((outflow.counts.delivered, outflow.counts.rejected), (1, 1));
    assert_eq!(bench.state(), entries(&[("a", true), ("new", false)]));
    assert_eq!(bench.run(ids(&["a"])).counts.removed, 1);
    assert_eq!(bench.fake.keys(), ["a"]);
}

#[test]
fn a_refused_removal_is_a_failed_one_and_names_the_member() {
    let bench = Bench::mirror();
    bench.run(ids(&["a", "b"]));
    bench.fake.script(&[Turn::Reject("b")]);
    let outflow = bench.run(ids(&["a"]));
    assert_eq!((outflow.counts.failed_removals, outflow.counts.rejected), (1, 0));
    assert!(outflow.rejections.is_empty());
    assert_eq!(outflow.refused_removals[0].first_keys, ["b"]);
    assert_eq!(bench.state(), entries(&[("a", true), ("b", false)]));
}
