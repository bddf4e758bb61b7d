//! A mistake is cheap: what is wrong with all rows is found with the first of them, and the run stops.

use fake_talon_one::{Batches, ErrorDetail, Fault, Faults, Settings, path};

use crate::harness::{KEY, TestEnv, counts, sync_file};

const ID: (&str, &str, &str) = ("id", "integration_id", "");
const TIER: (&str, &str, &str) = ("tier", "loyalty_tier", "");

fn rows(env: &TestEnv, rows: usize) {
    let lines: String = (0..rows).map(|id| format!("{id:06},gold\n")).collect();
    env.write("rows.csv", format!("id,tier\n{lines}"));
}

/// An attribute that is not defined costs the same few requests however many rows there are.
#[test]
fn an_undefined_attribute_stops_the_run_within_a_hundred_requests() {
    for batches in [Batches::Atomic, Batches::NonAtomic] {
        for detail in [ErrorDetail::PerItem, ErrorDetail::WholeBatch] {
            let mut spent = Vec::new();
            for size in [5_000, 20_000] {
                let env = TestEnv::new(Settings::new(KEY).batches(batches).error_detail(detail));
                rows(&env, size);
                env.profiles(&[ID, TIER]);
                let outcome = env.sync(&[]);
                outcome.ends_with(1).says("loyalty_tier").says("limits.max_rejected");
                let report = env.report();
                assert_eq!(report["failure"]["kind"], "too-many-rejected");
                let [delivered, rejected, undelivered] = counts(&report, ["delivered", "rejected", "undelivered"]);
                assert_eq!((delivered, rejected), (0, 2000), "the second batch is one too many");
                assert_eq!(counts(&report, ["rows_read"]), [rejected + undelivered]);
                assert_eq!(env.dead_letters().len(), 2000);
                spent.push(env.fake.requests().len());
            }
            assert_eq!(spent[0], spent[1], "the number of requests grows with the rows");
            assert!(spent[0] < 100, "{spent:?} requests for one mistake");
        }
    }
}

#[test]
fn a_person_can_let_a_run_with_many_rejected_rows_go_on() {
    let env = TestEnv::new(Settings::new(KEY));
    rows(&env, 3_000);
    let sync = sync_file("customer_profiles", "", &[ID, TIER], "csv", "rows.csv");
    env.write("sync.toml", format!("{sync}[limits]\nmax_rejected = {{ ratio = 1 }}\n"));
    env.sync(&[]).ends_with(3);
    assert_eq!(counts(&env.report(), ["rejected", "undelivered"]), [3000, 0]);
}

/// One batch goes alone until it is acknowledged, however many workers there are: a wrong key costs one request.
#[test]
fn the_first_batch_goes_alone() {
    let env = TestEnv::permissive();
    rows(&env, 20_000);
    let sync = sync_file("customer_profiles", "", &[ID, TIER], "csv", "rows.csv");
    env.write("sync.toml", format!("{sync}[limits]\nconcurrency = 16\n"));
    env.fake.inject(Faults::script([Fault::status(401).forever()]));
    env.sync(&[]).ends_with(1);
    assert_eq!(env.fake.requests().len(), 1);
    assert_eq!(counts(&env.report(), ["delivered", "rejected"]), [0, 0]);
}

/// Answers come in any order; the report names the first row of the source whatever it is.
#[test]
fn the_row_that_a_rejection_names_is_the_first_of_the_source() {
    for _ in 0..3 {
        let env = TestEnv::new(Settings::new(KEY).attribute("points", fake_talon_one::AttributeType::Number));
        let bad = |id| matches!(id, 7 | 1500 | 2499);
        let lines: String = (0..2500)
            .map(|id| format!("{{\"id\":\"u{id}\",\"points\":{}}}\n", if bad(id) { "\"many\"" } else { "5" }))
            .collect();
        env.write("rows.ndjson", lines);
        let mappings = [ID, ("points", "points", "")];
        env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "ndjson", "rows.ndjson"));
        env.sync(&[]).ends_with(3).says("first row 8");
        let rejections = &env.report()["rejections"];
        assert_eq!((&rejections[0]["first_row"], &rejections[0]["rows"]), (&8.into(), &3.into()), "{rejections}");
        assert!(!env.bodies(path::PROFILES).is_empty());
    }
}
