//! The Singer target: messages in, requests and STATEs out, and no STATE before what it stands for has arrived.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use fake_talon_one::{Fault, Faults, Settings, path};
use serde_json::{Value, json};

use crate::harness::{KEY, Outcome, TestEnv};
use crate::running::PATIENCE;

/// Writes a config with these keys, and returns the arguments that use it.
fn configured(env: &TestEnv, keys: Value) -> [&'static str; 3] {
    env.configure(keys);
    ["singer", "--config", "config.json"]
}

fn audience(mode: &str) -> Value {
    json!({ "object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": mode })
}

fn run(env: &TestEnv, keys: Value, messages: &[Value]) -> Outcome {
    let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
    env.host_with_input(&configured(env, keys), lines.as_bytes())
}

fn schema(stream: &str, properties: Value) -> Value {
    let mut schema = json!({ "type": "SCHEMA", "stream": stream, "key_properties": ["id"], "schema": {} });
    schema["schema"]["properties"] = properties;
    schema
}

fn record(stream: &str, record: Value) -> Value {
    let mut message = json!({ "type": "RECORD", "stream": stream });
    message["record"] = record;
    message
}

fn versioned(id: &str, version: i64) -> Value {
    json!({ "type": "RECORD", "stream": "people", "record": { "id": id }, "version": version })
}

fn activate(version: i64) -> Value {
    json!({ "type": "ACTIVATE_VERSION", "stream": "people", "version": version })
}

fn state(value: Value) -> Value {
    let mut message = json!({ "type": "STATE" });
    message["value"] = value;
    message
}

fn people() -> Value {
    schema("people", json!({ "id": { "type": "string" } }))
}

fn states(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("a STATE")).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn records_become_profiles_and_the_state_comes_out() {
    let env = TestEnv::permissive();
    let properties = json!({
        "id": { "type": "integer" },
        "name": { "type": ["null", "string"] },
        "at": { "type": "string", "format": "date-time" },
        "points": { "type": "number" },
        "_sdc_extracted_at": { "type": "string", "format": "date-time" },
    });
    let lines = format!(
        "{}\n{}\n{}\n",
        schema("people", properties),
        r#"{"type": "RECORD", "stream": "people", "record": {"id": 9007199254740993, "name": "Zoë", "at": "2026-01-02T03:04:05+02:00", "points": 1.10, "_sdc_extracted_at": "2026-01-02T03:04:05Z"}}"#,
        state(json!({ "bookmarks": { "people": 1 } })),
    );
    let outcome = env.host_with_input(&configured(&env, json!({})), lines.as_bytes());
    outcome.ends_with(0);
    assert_eq!(states(&outcome), [json!({ "bookmarks": { "people": 1 } })]);
    assert_eq!(
        env.bodies(path::PROFILES),
        [
            r#"{"customerProfiles":[{"integrationId":"9007199254740993","attributes":{"name":"Zoë","at":"2026-01-02T01:04:05Z","points":1.10}}]}"#
        ]
    );
}

#[test]
fn the_key_property_is_the_key_unless_a_mapping_says_otherwise() {
    for (mappings, expected) in [
        (json!([{ "source": "mail", "destination": "email" }]), "a1"),
        (json!([{ "source": "no", "destination": "integration_id" }]), "n1"),
    ] {
        let env = TestEnv::permissive();
        let rows = [people(), record("people", json!({ "id": "a1", "no": "n1", "mail": "a@b.c" }))];
        let keys = json!({ "mappings": mappings, "nulls": "omit" });
        let properties = json!({ "id": {}, "no": {}, "mail": {} });
        run(&env, keys, &[schema("people", properties), rows[1].clone()]).ends_with(0);
        assert_eq!(env.fake.profiles().keys().collect::<Vec<_>>(), [expected]);
    }
    for (key, said) in [(json!([]), "has no key properties"), (json!(["id", "no"]), "has 2 key properties (id, no)")] {
        let env = TestEnv::permissive();
        let mut schema = people();
        schema["key_properties"] = key;
        let outcome = run(&env, json!({}), &[schema, record("people", json!({ "id": "a" })), state(json!(1))]);
        outcome.ends_with(2).says(said).says("integration_id");
        assert_eq!((outcome.stdout.as_str(), env.fake.requests().len()), ("", 0));
    }
}

#[test]
fn a_state_waits_for_rows_that_were_not_delivered() {
    let env = TestEnv::permissive();
    // The second of three requests never succeeds.
    env.fake.inject(Faults::script([Fault::pass().once(), Fault::status(503).forever()]));
    let keys = json!({ "batch_size": 2, "limits": { "concurrency": 1, "requests_per_second": "unlimited" } });
    let mut messages = vec![people()];
    for id in 0..6 {
        messages.push(record("people", json!({ "id": id.to_string() })));
        messages.push(state(json!(id + 1)));
    }
    let outcome = run(&env, keys, &messages);
    outcome.ends_with(1);
    assert_eq!(states(&outcome).last(), Some(&json!(2)), "{}", outcome.all());
    assert_eq!(env.fake.profiles().len(), 2);
}

#[test]
fn a_rejected_row_holds_the_state_back_unless_it_is_kept() {
    let messages = |env: &TestEnv, keys| {
        let records = [json!({ "id": "a" }), json!({ "id": "" }), json!({ "id": "b" })];
        let mut messages = vec![people()];
        for (number, row) in (1..).zip(records) {
            messages.extend([record("people", row), state(json!(number))]);
        }
        run(env, keys, &messages)
    };
    let env = TestEnv::permissive();
    let outcome = messages(&env, json!({}));
    outcome.ends_with(3).says("the state is held back at the first rejected row").says("dead_letters");
    assert_eq!(states(&outcome), [json!(1)]);

    let env = TestEnv::permissive();
    let outcome = messages(&env, json!({ "dead_letters": "rejected" }));
    outcome.ends_with(3);
    assert_eq!(states(&outcome).last(), Some(&json!(3)));
    let files: Vec<_> = std::fs::read_dir(env.path("rejected")).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let letter: Value = serde_json::from_str(std::fs::read_to_string(file).unwrap().trim()).unwrap();
    assert_eq!((&letter["row"], &letter["row_number"]), (&json!({ "integration_id": "" }), &json!(2)));

    // A run that rejects nothing leaves no file.
    run(&env, json!({ "dead_letters": "rejected" }), &[people(), record("people", json!({ "id": "a" }))]).ends_with(0);
    assert_eq!(std::fs::read_dir(env.path("rejected")).unwrap().count(), 1);
}

#[test]
fn outcomes_and_the_report_are_written_where_the_config_says() {
    let env = TestEnv::permissive();
    let keys = json!({ "outcomes": "told/{stream}.ndjson", "report": "report.json", "dead_letters": "rejected" });
    let rows = [people(), record("people", json!({ "id": "a" })), record("people", json!({ "id": "" }))];
    run(&env, keys, &rows).ends_with(3);
    let report = env.report();
    assert_eq!((&report["exit_code"], &report["syncs"][0]["delivered"]), (&json!(3), &json!(1)));
    let told = env.read("told/people.ndjson");
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: BTreeSet<_> = told.iter().filter_map(|line| line["outcome"].as_str()).collect();
    assert_eq!(outcomes, BTreeSet::from(["delivered", "rejected"]), "{told:?}");
}

#[test]
fn a_mirror_removes_who_is_not_in_a_complete_table() {
    let env = TestEnv::permissive();
    let full = |version, ids: &[&str]| -> Vec<Value> {
        let records = ids.iter().map(|id| versioned(id, version));
        [people(), activate(version)]
            .into_iter()
            .chain(records)
            .chain([activate(version), state(json!(version))])
            .collect()
    };
    run(&env, audience("mirror"), &full(1, &["a", "b", "c"])).ends_with(0);
    assert_eq!(env.fake.members(42), set(&["a", "b", "c"]));
    let outcome = run(&env, audience("mirror"), &full(2, &["a", "d"]));
    outcome.ends_with(0);
    assert_eq!(env.fake.members(42), set(&["a", "d"]));
    assert_eq!(states(&outcome), [json!(2)]);

    // A table that breaks off removes nobody and passes no STATE on, though one has come.
    let mut broken = full(3, &["a", "e"]);
    broken.remove(broken.len() - 2);
    let outcome = run(&env, audience("mirror"), &broken);
    outcome.ends_with(1).says("ends within version 3 of its table, before ACTIVATE_VERSION: nobody is removed");
    assert_eq!(states(&outcome), [] as [Value; 0]);
    assert!(env.fake.members(42).is_superset(&set(&["a", "d"])));

    // What is withheld holds its STATE back.
    let withheld = run(&env, audience("mirror"), &full(4, &[]));
    withheld.ends_with(4).says("the source is empty");
    assert_eq!(states(&withheld), [] as [Value; 0]);
    let mut keys = audience("mirror");
    keys["state"] = json!({ "allow_removals": true });
    let allowed = run(&env, keys, &full(4, &[]));
    allowed.ends_with(0);
    assert_eq!((states(&allowed), env.fake.members(42)), (vec![json!(4)], set(&[])));
}

#[test]
fn a_tap_that_activates_at_the_beginning_alone_is_taken_by_its_state() {
    let env = TestEnv::permissive();
    let mut keys = audience("mirror");
    keys["complete_after"] = json!("state");
    let table = |version, ids: &[&str], ends: bool| -> Vec<Value> {
        let records = ids.iter().map(|id| versioned(id, version));
        let end = ends.then(|| state(json!(version)));
        [people(), activate(version), state(json!("begun"))].into_iter().chain(records).chain(end).collect()
    };
    run(&env, keys.clone(), &table(1, &["a", "b"], true)).ends_with(0);
    let outcome = run(&env, keys.clone(), &table(2, &["a"], false));
    outcome.ends_with(1).says("ends without a STATE behind the last record");
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![], set(&["a", "b"])));
    let outcome = run(&env, keys, &table(3, &["a"], true));
    outcome.ends_with(0);
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![json!(3)], set(&["a"])));
}

#[test]
fn a_log_of_changes_removes_what_it_says_and_nothing_else() {
    let env = TestEnv::permissive();
    let schema = schema("people", json!({ "id": {}, "_sdc_deleted_at": { "type": ["null", "string"] } }));
    let row = |id: &str| record("people", json!({ "id": id, "_sdc_deleted_at": null }));
    let gone = |id: &str| record("people", json!({ "id": id, "_sdc_deleted_at": "2026-01-02T03:04:05Z" }));
    let first = [schema.clone(), row("a"), row("b"), row("c"), state(json!(1))];
    run(&env, audience("mirror"), &first).ends_with(0);
    let outcome = run(&env, audience("mirror"), &[schema.clone(), gone("b"), row("d"), gone("never"), state(json!(2))]);
    outcome.ends_with(0);
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![json!(2)], set(&["a", "c", "d"])));

    // Taps that know no null write an empty text, or false.
    let here = |id: &str, said: Value| record("people", json!({ "id": id, "_sdc_deleted_at": said }));
    for said in [[json!(""), json!("")], [json!(false), json!(false)], [json!(""), json!(false)]] {
        let [one, other] = said.clone();
        run(&env, audience("mirror"), &[schema.clone(), here("a", one), here("c", other), state(json!(3))])
            .ends_with(0);
        assert_eq!(env.fake.members(42), set(&["a", "c", "d"]), "{said:?}");
    }

    // A profile is never deleted: the row is rejected, by the plugin's own rule.
    let profiles = TestEnv::permissive();
    run(&profiles, json!({}), &[schema, row("a"), gone("a")]).ends_with(3);
}

#[test]
fn a_mirror_without_versions_removes_nobody_and_says_so() {
    let env = TestEnv::permissive();
    let table = |ids: &[&str]| -> Vec<Value> {
        let records = ids.iter().map(|id| record("people", json!({ "id": id })));
        [people()].into_iter().chain(records).chain([state(json!(ids.len()))]).collect()
    };
    run(&env, audience("mirror"), &table(&["a", "b"])).ends_with(0);
    let outcome = run(&env, audience("mirror"), &table(&["a"]));
    outcome.ends_with(0).says("nobody is removed");
    assert_eq!((states(&outcome), env.fake.members(42)), (vec![json!(1)], set(&["a", "b"])));
}

#[test]
fn each_stream_is_a_sync_of_its_own() {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "A").audience(43, "B"));
    let stream =
        |id: i64| json!({ "object_type": "customer_profile_audiences", "sync_mode": "mirror", "audience_id": id });
    let messages = [
        schema("a", json!({ "id": {} })),
        record("a", json!({ "id": "1" })),
        schema("b", json!({ "id": {} })),
        record("b", json!({ "id": "2" })),
        record("a", json!({ "id": "3" })),
        state(json!("all")),
    ];
    let outcome = run(&env, json!({ "streams": { "a": stream(42), "b": stream(43) } }), &messages);
    outcome.ends_with(0);
    assert_eq!(states(&outcome), [json!("all")]);
    assert_eq!((env.fake.members(42), env.fake.members(43)), (set(&["1", "3"]), set(&["2"])));
    assert!(env.path("a.state.sqlite").exists() && env.path("b.state.sqlite").exists());

    for (keys, said) in [
        (json!({ "streams": { "a": stream(42), "bb": stream(43) } }), "stream \"b\": is not among `streams`"),
        (json!({ "streams": { "a": stream(42), "b": stream(42) } }), "to the same target as stream \"a\""),
        (
            json!({ "streams": { "a": stream(42), "b": stream(43) }, "state": { "path": "x.sqlite" } }),
            "the same state as",
        ),
    ] {
        let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "A").audience(43, "B"));
        let outcome = run(&env, keys, &messages);
        // The first stream has begun: it says what ended it.
        outcome.ends_with(1).says(said);
        assert_eq!(outcome.stdout, "");
    }
    let env = TestEnv::permissive();
    let outcome = run(&env, json!({ "streams": { "other": stream(42) } }), &messages);
    outcome.ends_with(2).says("stream \"a\": is not among `streams`").says("configured are: other");
}

#[test]
fn what_is_no_message_ends_the_run_with_its_line() {
    for (line, said) in [
        (r#"{"type": "BATCH", "stream": "people"}"#, "line 3: is a BATCH message"),
        ("INFO tap started", "line 3: is no JSON"),
        (r#"{"type": "RECORD", "stream": "x", "record": {}}"#, "of stream \"x\", which had no SCHEMA message yet"),
        (r#"{"type": "RECORD", "str"#, "ends in the middle of a message"),
    ] {
        let env = TestEnv::permissive();
        let input = format!("{}\n{}\n{line}", people(), record("people", json!({ "id": "a" })));
        let outcome = env.host_with_input(&configured(&env, json!({})), input.as_bytes());
        outcome.ends_with(1).says(said);
        assert_eq!(outcome.stdout, "");
    }
    let env = TestEnv::permissive();
    env.host_with_input(&configured(&env, json!({})), b"{}\n").ends_with(1).says("line 1: has no `type`");
    env.host_with_input(&configured(&env, json!({})), b"").ends_with(0);
}

#[test]
fn a_config_with_faults_is_told_before_the_first_message() {
    for (keys, said) in [
        (json!({ "object_type": "people" }), "object_type"),
        (json!({ "limits": { "concurency": 1 } }), "limits.concurency"),
        (json!({ "streams": { "a": { "audience_id": "x" } } }), "streams.a.audience_id"),
        (json!({ "mappings": [{ "source": "a", "destination": "1x" }] }), "mappings[0].destination"),
        (json!({ "complete_after": "eof" }), "complete_after"),
    ] {
        let env = TestEnv::permissive();
        run(&env, keys, &[]).ends_with(2).says(said);
    }
    // What only the stream's schema shows is told before its first row.
    let env = TestEnv::permissive();
    let keys = json!({ "mappings": [{ "source": "mial", "destination": "email" }] });
    let outcome =
        run(&env, keys, &[schema("people", json!({ "id": {}, "mail": {} })), record("people", json!({ "id": "a" }))]);
    outcome.ends_with(2).says("the source has no column \"mial\"").says("did you mean \"mail\"?");
    assert_eq!(env.fake.requests().len(), 0);
    let env = TestEnv::permissive();
    env.host(&["singer", "--config", "nowhere.json"]).ends_with(2).says("nowhere.json");
    env.host(&["singer"]).ends_with(2).says("--config");
}

#[test]
fn it_says_what_it_is() {
    let env = TestEnv::permissive();
    let about = env.host(&["singer", "--about", "--format", "json"]);
    let about: Value = serde_json::from_str(&about.ends_with(0).stdout).unwrap();
    assert_eq!((&about["name"], &about["capabilities"][1]), (&json!("target-talon-one"), &json!("activate-version")));
    let settings = &about["settings"]["properties"];
    assert_eq!(settings["api_key"]["writeOnly"], true);
    // A config with every key of the schema has none that is unknown.
    for key in ["streams", "dead_letters", "complete_after", "limits", "state", "network", "deployment_url"] {
        assert!(settings[key].is_object(), "{key}");
    }
    let definition = env.host(&["singer", "--about", "--format", "meltano"]);
    let definition: Value = serde_json::from_str(&definition.ends_with(0).stdout).unwrap();
    let settings = definition["plugins"]["loaders"][0]["settings"].as_array().unwrap();
    let kind =
        |name: &str| settings.iter().find(|setting| setting["name"] == name).map(|setting| setting["kind"].clone());
    assert_eq!(kind("limits.concurrency"), Some(json!("integer")));
    assert_eq!(kind("object_type"), Some(json!("options")));
    assert_eq!(kind("state.max_removals.ratio"), Some(json!("decimal")));
    assert_eq!(kind("mappings"), Some(json!("array")));
}

/// Killed within its removals, a mirror has passed no STATE on; the next run does the rest.
#[test]
fn a_mirror_that_is_killed_before_its_removals_are_done_passes_no_state_on() {
    let table = |version: i64, ids: std::ops::Range<u32>| -> String {
        let records = ids.map(|id| versioned(&format!("{id:02}"), version));
        let end = [activate(version), state(json!(version))];
        [people()].into_iter().chain(records).chain(end).map(|message| format!("{message}\n")).collect()
    };
    let env = TestEnv::permissive();
    let mut keys = audience("mirror");
    keys["batch_size"] = json!(5);
    let arguments = configured(&env, keys);
    env.host_with_input(&arguments, table(1, 0..20).as_bytes()).ends_with(0);

    // Five join in one request, and five leave in the next.
    let before = env.fake.requests().len();
    env.fake.inject(Faults::script([Fault::pass().once(), Fault::hold().forever()]));
    let mut child = env
        .command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command line starts");
    child.stdin.take().expect("a pipe").write_all(table(2, 5..25).as_bytes()).expect("it reads");
    env.fake.wait_for(before + 2, PATIENCE).expect("the requests come");
    child.kill().expect("it can be killed");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    env.fake.inject(Faults::none());
    env.fake.release();

    let outcome = env.host_with_input(&arguments, table(3, 5..25).as_bytes());
    outcome.ends_with(0);
    assert_eq!(states(&outcome), [json!(3)]);
    let expected: BTreeSet<String> = (5..25).map(|id| format!("{id:02}")).collect();
    assert_eq!(env.fake.members(42), expected);
}
