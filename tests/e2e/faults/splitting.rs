//! Bad records in a batch of a thousand: exactly they are rejected, and what that costs in requests.

use std::collections::BTreeSet;

use fake_talon_one::{AttributeType, Batches, Settings};

use super::random::Random;
use crate::harness::{KEY, TestEnv, sync_file};

#[test]
#[ignore = "takes minutes: make faults"]
fn exactly_the_bad_records_are_rejected() {
    println!("bad of 1000 | batches    | pointers | requests");
    println!("----------- | ---------- | -------- | --------");
    for batches in [Batches::Atomic, Batches::NonAtomic] {
        for pointers in [true, false] {
            for bad in [0_usize, 1, 7, 100, 1000] {
                let requests = spent(batches, pointers, bad);
                println!("{bad:>11} | {:<10} | {pointers:<8} | {requests:>8}", format!("{batches:?}"));
                // A bad record costs at most two requests a level of a tree of ten levels, and the whole is a tree.
                assert!(requests <= 1 + 20 * bad && requests < 2100, "{requests} requests for {bad} bad records");
            }
        }
    }
}

fn spent(batches: Batches, pointers: bool, bad: usize) -> usize {
    let settings = Settings::new(KEY).attribute("points", AttributeType::Number).batches(batches).pointers(pointers);
    let env = TestEnv::new(settings);
    let mut random = Random::new(bad as u64);
    let mut chosen = BTreeSet::new();
    while chosen.len() < bad {
        chosen.insert(random.below(1000));
    }
    // Each bad value is another, so that each has a message of its own.
    let rows: String = (0..1000)
        .map(|id| match chosen.contains(&id) {
            true => format!("{{\"id\":\"{id}\",\"points\":\"bad {id}\"}}\n"),
            false => format!("{{\"id\":\"{id}\",\"points\":{id}}}\n"),
        })
        .collect();
    env.write("rows.ndjson", rows);
    let mappings = [("id", "integration_id", ""), ("points", "points", "")];
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "", &mappings, "ndjson", "rows.ndjson")
            + "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n",
    );
    env.sync(&[]).ends_with(if bad == 0 { 0 } else { 3 });
    let rejected: BTreeSet<u64> = env
        .dead_letters()
        .iter()
        .map(|letter| letter["row"]["id"].as_str().expect("an ID").parse().expect("a number"))
        .collect();
    assert_eq!(rejected, chosen);
    assert_eq!(env.fake.profiles().len(), 1000 - bad);
    env.fake.requests().len()
}
