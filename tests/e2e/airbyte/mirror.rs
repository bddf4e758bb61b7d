//! Audiences that follow a table: what says that it is whole, and when its STATE may go.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use fake_talon_one::{Fault, Faults, Settings};
use serde_json::{Value, json};

use super::{WRITE, audience, fails_with, lines, people, record, state, states, status, stream, table, write};
use crate::harness::{KEY, TestEnv};
use crate::running::PATIENCE;

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn an_overwritten_audience_follows_its_table() {
    let env = TestEnv::permissive();
    let full = |generation: u64, ids: &[&str]| -> Vec<Value> {
        let records = ids.iter().map(|id| record("people", &json!({ "id": id })));
        records.chain([state("people", generation), status("people", "COMPLETE")]).collect()
    };
    write(&env, audience(), &[table(1)], &full(1, &["a", "b", "c"])).ends_with(0);
    assert_eq!(env.fake.members(42), set(&["a", "b", "c"]));
    let outcome = write(&env, audience(), &[table(2)], &full(2, &["a", "d"]));
    outcome.ends_with(0);
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![2], set(&["a", "d"])));

    // A source that fails, or ends without a word, removes nobody and passes no STATE on.
    for (last, said) in
        [(Some("INCOMPLETE"), "has failed at its source (INCOMPLETE)"), (None, "without the status COMPLETE")]
    {
        let mut broken = full(3, &["a", "e"]);
        broken.pop();
        broken.extend(last.map(|last| status("people", last)));
        let outcome = write(&env, audience(), &[table(3)], &broken);
        outcome.ends_with(1);
        fails_with(&outcome, "transient_error", said);
        assert_eq!((states(&outcome), env.fake.members(42)), (vec![], set(&["a", "d", "e"])));
    }
    // So does one with records behind its end.
    let mut late = full(4, &["a"]);
    late.push(record("people", &json!({ "id": "d" })));
    write(&env, audience(), &[table(4)], &late).ends_with(1);
    assert_eq!(env.fake.members(42), set(&["a", "d", "e"]));

    // What is withheld holds its STATE back, and is for a person to decide.
    let withheld = write(&env, audience(), &[table(5)], &full(5, &[]));
    withheld.ends_with(4).says("the source is empty");
    assert_eq!(states(&withheld), [] as [u64; 0]);
    fails_with(&withheld, "config_error", "removals withheld");
    let mut keys = audience();
    keys["state"] = json!({ "allow_removals": true });
    let allowed = write(&env, keys, &[table(5)], &full(5, &[]));
    allowed.ends_with(0);
    assert_eq!((states(&allowed), env.fake.members(42)), (vec![5], set(&[])));
}

#[test]
fn a_mirror_removes_nobody_in_an_incomplete_generation() {
    let keys = || {
        let mut keys = audience();
        keys["sync_mode"] = json!("mirror");
        keys
    };
    let rows = |ids: &[&str]| -> Vec<Value> {
        let records = ids.iter().map(|id| record("people", &json!({ "id": id })));
        records.chain([state("people", 1), status("people", "COMPLETE")]).collect()
    };
    let mut kept = table(3);
    kept["minimum_generation_id"] = json!(2);
    let mut old = table(3);
    old["minimum_generation_id"] = json!(0);
    for (stream, said) in [
        (kept, "generations from 2 to 3 stay"),
        (old, "generations from 0 to 3 stay"),
        (stream("people", "incremental", "append_dedup"), "an incremental stream brings only what changed"),
        (stream("people", "full_refresh", "append"), "the destination sync mode append keeps what is there"),
    ] {
        let env = TestEnv::permissive();
        write(&env, keys(), std::slice::from_ref(&stream), &rows(&["a", "b"])).ends_with(0);
        let outcome = write(&env, keys(), &[stream], &rows(&["a"]));
        outcome.ends_with(0).says("nobody is removed").says(said);
        assert_eq!((states(&outcome), env.fake.members(42)), (vec![1], set(&["a", "b"])));
    }
}

#[test]
fn a_log_of_changes_removes_what_it_says_and_nothing_else() {
    let env = TestEnv::permissive();
    let mut keys = audience();
    keys["sync_mode"] = json!("mirror");
    let mut stream = people();
    stream["stream"]["json_schema"]["properties"]["_ab_cdc_deleted_at"] = json!({ "type": ["null", "string"] });
    let row = |id: &str| record("people", &json!({ "id": id, "_ab_cdc_deleted_at": null }));
    let gone = |id: &str| record("people", &json!({ "id": id, "_ab_cdc_deleted_at": "2026-01-02T03:04:05Z" }));
    write(&env, keys.clone(), &[stream.clone()], &[row("a"), row("b"), row("c")]).ends_with(0);
    let outcome = write(&env, keys, &[stream], &[gone("b"), row("d"), gone("never"), state("people", 2)]);
    outcome.ends_with(0);
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![2], set(&["a", "c", "d"])));
}

#[test]
fn a_whole_tables_state_waits_for_the_end_of_all_streams() {
    let both = || TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "A").audience(43, "B"));
    let mut other = table(1);
    other["stream"]["name"] = json!("others");
    let target = |id: u64| json!({ "audience_id": id });
    let keys = json!({ "object_type": "customer_profile_audiences", "streams": { "people": target(42), "others": target(43) } });
    let messages = |end: &str| {
        vec![
            record("people", &json!({ "id": "1" })),
            record("others", &json!({ "id": "2" })),
            state("people", 1),
            status("people", "COMPLETE"),
            state("others", 2),
            status("others", end),
        ]
    };
    let env = both();
    let outcome = write(&env, keys.clone(), &[table(1), other.clone()], &messages("COMPLETE"));
    outcome.ends_with(0);
    assert_eq!((states(&outcome), env.fake.members(42), env.fake.members(43)), (vec![1, 2], set(&["1"]), set(&["2"])));
    // Otherwise the next attempt, of the same generation, would bring nothing of the stream that was whole.
    let env = both();
    let outcome = write(&env, keys, &[table(1), other], &messages("INCOMPLETE"));
    outcome.ends_with(1);
    assert_eq!(states(&outcome), [] as [u64; 0]);
}

/// Killed within its removals, a mirror has passed no STATE on; the next attempt does the rest.
#[test]
fn a_mirror_that_is_killed_before_its_removals_are_done_passes_no_state_on() {
    let rows = |ids: std::ops::Range<u32>| -> Vec<Value> {
        let records = ids.map(|id| record("people", &json!({ "id": format!("{id:02}") })));
        records.chain([state("people", 1), status("people", "COMPLETE")]).collect()
    };
    let env = TestEnv::permissive();
    let mut keys = audience();
    keys["batch_size"] = json!(5);
    write(&env, keys.clone(), &[table(1)], &rows(0..20)).ends_with(0);

    // Five join in one request, and five leave in the next.
    let before = env.fake.requests().len();
    env.fake.inject(Faults::script([Fault::pass().once(), Fault::hold().forever()]));
    env.write("catalog.json", json!({ "streams": [table(2)] }).to_string());
    let mut child = env
        .command(&WRITE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command line starts");
    child.stdin.take().expect("a pipe").write_all(lines(&rows(5..25)).as_bytes()).expect("it reads");
    env.fake.wait_for(before + 2, PATIENCE).expect("the requests come");
    child.kill().expect("it can be killed");
    let output = child.wait_with_output().expect("it ends");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("\"STATE\""));
    env.fake.inject(Faults::none());
    env.fake.release();

    let outcome = write(&env, keys, &[table(2)], &rows(5..25));
    outcome.ends_with(0);
    let expected: BTreeSet<String> = (5..25).map(|id| format!("{id:02}")).collect();
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![1], expected));
}
