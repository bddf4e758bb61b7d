//! Plugins that send each record alone.

use super::*;
use crate::report::Estimate;
use std::num::NonZeroU32;

fn alone(mode: SyncMode) -> Bench {
    let bench = Bench::new(mode);
    bench.fake.held().alone = true;
    bench
}

#[test]
fn a_record_that_goes_alone_is_a_batch_of_its_own() {
    let bench = alone(SyncMode::Mirror);
    bench.run(ids(&["a", "b", "c"]));
    assert_eq!(bench.fake.take_batches(), [["a"], ["b"], ["c"]]);
    bench.run(ids(&["a", "d"]));
    assert_eq!(bench.fake.take_batches(), [["d"], ["b"], ["c"]], "removals too");
    assert_eq!(bench.fake.keys(), ["a", "d"]);
}

#[test]
fn what_one_chunk_does_not_show_the_next_one_does() {
    let bench = alone(SyncMode::Upsert);
    bench.run(rows(&[&[("a", "1")], &[("a", "2"), ("b", "1"), ("a", "3")], &[("c", "1")]]));
    // All versions of a key, each by itself and in their order.
    assert_eq!(bench.fake.take_batches(), [["a"], ["a"], ["b"], ["a"], ["c"]]);
    assert_eq!(bench.fake.held().records["a"], "3");
}

#[test]
fn removals_show_it_where_rows_do_not() {
    let mut bench = alone(SyncMode::Mirror);
    bench.plan.allow_removals = true;
    bench.run(ids(&["a", "b", "c", "d"]));
    bench.fake.take_batches();
    bench.run(ids(&["a"]));
    assert_eq!(bench.fake.take_batches(), [["b"], ["c"], ["d"]]);
}

#[test]
fn fifty_rejected_rows_are_enough_where_each_is_a_request() {
    let many: Vec<String> = (0..200).map(|n| format!("k{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (count, requests) in [(None, 51), (Some(120), 121)] {
        let mut bench = alone(SyncMode::Upsert);
        bench.plan.concurrency = 4;
        bench.plan.max_rejected = MaxRejected { count, ratio: 0.5 };
        bench.fake.script(&[Turn::Reject("")].repeat(200));
        let outflow = bench.run(ids(&many));
        assert_eq!((kind(&outflow), bench.fake.take_batches().len()), (Some(FailureKind::TooManyRejected), requests));
    }
}

#[test]
fn a_dry_run_says_what_a_run_costs() {
    let estimated = |bench: &mut Bench, source| {
        bench.plan.dry_run = true;
        bench.plan.rate.per_minute = NonZeroU32::new(60);
        let outflow = bench.run(source);
        bench.plan.dry_run = false;
        assert!(bench.fake.take_batches().is_empty());
        outflow.estimate.map(|Estimate { requests, seconds }| (requests, seconds.map(f64::round)))
    };
    for (is_alone, first, then) in [(false, (2, 2.0), (2, 2.0)), (true, (3, 3.0), (3, 3.0))] {
        let mut bench = Bench::mirror();
        bench.fake.held().alone = is_alone;
        assert_eq!(estimated(&mut bench, ids(&["a", "b", "c"])), Some((first.0, Some(first.1))));
        bench.run(ids(&["a", "b", "c"]));
        bench.fake.take_batches();
        // One is added, two leave: rows and removals share no request.
        assert_eq!(estimated(&mut bench, ids(&["a", "d"])), Some((then.0, Some(then.1))));
        bench.plan.rate = Rate::default();
        assert_eq!(bench.run(ids(&["a", "d"])).estimate, None, "a run says what it cost");
    }
}
