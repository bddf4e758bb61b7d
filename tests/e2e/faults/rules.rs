//! Campaigns that notice, on a server that fails three requests in ten and hosts that are killed: every join and every leave
//! fires once, and no two records of a profile are under way at once.
//!
//! What counts as under way: from the arrival of a request's head to its answer, or to the end of its connection. A request that
//! the host gave up (a time-out) is over for the host, while Talon.One may still be at it; its repetition has the same
//! `Idempotency-Key`, by which the fake tells it from another record and does not count it beside what it repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use fake_talon_one::{Fault, Faults, Keep, path};

use crate::harness::{TestEnv, counts, sync_file};
use crate::running::Running;
use crate::trigger_rules::{fired, settings};

/// Longer than the slowest answer that is waited for, shorter than the one that is not.
const TIMEOUT_MS: u64 = 400;
const KILLS: usize = 3;

fn faults() -> Faults {
    let mix = [
        Fault::status(429).retry_after_secs(0),
        Fault::status(503),
        Fault::status(503).applied(),
        Fault::status(409),
        Fault::reset(),
        Fault::reset().applied(),
        Fault::cut_short(200).applied(),
        // Late, and too late: what it did is done.
        Fault::slow(Duration::from_millis(TIMEOUT_MS / 8)),
        Fault::slow(Duration::from_millis(TIMEOUT_MS * 2)),
    ];
    Faults::random(16, 30, mix)
}

fn write_sync(env: &TestEnv, more: &str) {
    let settings = format!("audience_id = 42\nsync_mode = \"mirror\"\nrequest_timeout_ms = {TIMEOUT_MS}\n{more}");
    let mappings = [("id", "integration_id", "")];
    let sync = sync_file("customer_profile_audiences", &settings, &mappings, "csv", "rows.csv");
    let patient = sync.replacen("max_attempts = 3", "max_attempts = 50", 1);
    assert_ne!(patient, sync);
    let limits =
        "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\nconcurrency = 8\n";
    env.write("sync.toml", patient + limits);
}

fn write_members(env: &TestEnv, members: Range<usize>) -> BTreeSet<String> {
    let members: BTreeSet<String> = members.map(|id| format!("cust/{id}")).collect();
    let rows: String = members.iter().map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{rows}"));
    members
}

/// So many members join and as many leave, through storms and kills.
fn every_change_fires_once(changes: usize) {
    let env = TestEnv::new(settings().keep(Keep::Heads));
    let each = changes / 2;
    // Who is there to leave, in bulk: that fires nothing.
    write_sync(&env, "");
    write_members(&env, 0..each + each / 2);
    env.host(&["sync", "sync.toml"]).ends_with(0);
    assert_eq!(env.fake.fired(), []);

    write_sync(&env, "trigger_rules = true\n");
    let members = write_members(&env, each..2 * each + each / 2);
    env.fake.inject(faults());
    let begin = Instant::now();
    let arguments = ["sync", "sync.toml", "--allow-removals", "--report", "report.json"];
    for _ in 0..KILLS {
        // A quarter of what there is to do, repetitions among it: the last kill meets those who leave.
        Running::until(&env, &arguments, changes * 3 / 10).kill();
    }
    env.host(&arguments).ends_with(0);

    let of = |rule: &str, ids: Range<usize>| ids.map(|id| ((rule.to_owned(), format!("cust/{id}")), 1)).collect();
    let mut expected: BTreeMap<_, u32> = of("joined", each + each / 2..2 * each + each / 2);
    expected.extend::<BTreeMap<_, _>>(of("left", 0..each));
    let fired = fired(&env);
    let twice = fired.values().filter(|times| **times > 1).count();
    let missing = expected.keys().filter(|change| !fired.contains_key(*change)).count();
    let updates: Vec<_> =
        env.fake.requests().into_iter().filter(|request| request.path.starts_with(path::PROFILE)).collect();
    let struck = updates.iter().filter(|request| request.fault.is_some()).count();
    let keys: BTreeSet<_> = updates.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    let [sent_at_last] = counts(&env.report(), ["requests"]);
    println!(
        "rules: {changes} changes, {} requests, {struck} struck by a fault, {} records sent ({} of them again after a kill), \
         {KILLS} kills, {sent_at_last} requests in the last run; {} fired, {twice} twice, {missing} missing; at most {} records of a \
         profile at once; {:.0?}",
        updates.len(),
        keys.len(),
        keys.len() - changes,
        fired.len(),
        env.fake.most_at_once(),
        begin.elapsed()
    );
    assert!(fired == expected, "{twice} fired twice, {missing} did not fire");
    assert!(env.fake.members(42) == members, "the audience is what the source says");
    assert_eq!(env.fake.most_at_once(), 1, "two records of one profile at once");
    // A kill leaves no more in doubt than was under way.
    assert!(keys.len() - changes <= KILLS * 8, "{} records were sent again", keys.len() - changes);
    assert!(struck * 10 > updates.len() * 2, "the storm did not blow");
}

#[test]
fn every_join_and_leave_fires_once_through_storms_and_kills() {
    every_change_fires_once(400);
}

#[test]
#[ignore = "takes minutes: make faults"]
fn ten_thousand_joins_and_leaves_fire_once_through_storms_and_kills() {
    every_change_fires_once(10_000);
}
