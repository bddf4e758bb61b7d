//! The Airbyte destination: spec, check, discover, and write: messages in, requests and messages out, and nothing else on standard
//! output. Its messages are read by Airbyte's own models in tests/engines/airbyte.

mod mirror;

use fake_talon_one::{Fault, Faults, path};
use serde_json::{Value, json};

use crate::harness::{Outcome, TestEnv};

const WRITE: [&str; 6] = ["airbyte", "write", "--config", "config.json", "--catalog", "catalog.json"];

fn audience() -> Value {
    json!({ "object_type": "customer_profile_audiences", "audience_id": 42 })
}

/// A stream of the catalog.
fn stream(name: &str, sync_mode: &str, destination_sync_mode: &str) -> Value {
    json!({
        "stream": {
            "name": name, "supported_sync_modes": [sync_mode],
            "json_schema": { "type": "object", "properties": { "id": { "type": "string" } } },
        },
        "sync_mode": sync_mode, "destination_sync_mode": destination_sync_mode, "primary_key": [["id"]],
    })
}

fn people() -> Value {
    stream("people", "incremental", "append_dedup")
}

/// A table that replaces what was there before, in this generation.
fn table(generation: u64) -> Value {
    let mut stream = stream("people", "full_refresh", "overwrite");
    stream["generation_id"] = json!(generation);
    stream["minimum_generation_id"] = json!(generation);
    stream["sync_id"] = json!(generation);
    stream
}

fn record(stream: &str, data: &Value) -> Value {
    json!({ "type": "RECORD", "record": { "stream": stream, "emitted_at": 1, "data": data } })
}

fn state(stream: &str, value: u64) -> Value {
    let state = json!({ "stream_descriptor": { "name": stream }, "stream_state": { "n": value } });
    json!({ "type": "STATE", "state": { "type": "STREAM", "stream": state, "id": value } })
}

fn status(stream: &str, status: &str) -> Value {
    let status = json!({ "stream_descriptor": { "name": stream }, "status": status });
    json!({ "type": "TRACE", "trace": { "type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status } })
}

fn lines(messages: &[Value]) -> String {
    messages.iter().map(|message| format!("{message}\n")).collect()
}

fn write(env: &TestEnv, keys: Value, catalog: &[Value], messages: &[Value]) -> Outcome {
    env.configure(keys);
    env.write("catalog.json", json!({ "streams": catalog }).to_string());
    let outcome = env.host_with_input(&WRITE, lines(messages).as_bytes());
    assert_eq!(outcome.stderr, "", "all is told in messages");
    outcome
}

/// The messages of one type.
fn told(outcome: &Outcome, kind: &str) -> Vec<Value> {
    let messages = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("a message"));
    let known = ["LOG", "STATE", "TRACE", "SPEC", "CONNECTION_STATUS", "DESTINATION_CATALOG"];
    let of_kind = |message: &Value| {
        assert!(known.iter().any(|known| message["type"] == *known), "{message}");
        message["type"] == kind
    };
    messages.filter(of_kind).collect()
}

/// The STATEs that were passed on, by their number.
fn states(outcome: &Outcome) -> Vec<u64> {
    told(outcome, "STATE").iter().map(|message| message["state"]["id"].as_u64().unwrap()).collect()
}

/// The errors: their type and message.
fn errors(outcome: &Outcome) -> Vec<(String, String)> {
    let text = |error: &Value, key: &str| error["trace"]["error"][key].as_str().unwrap().to_owned();
    told(outcome, "TRACE").iter().map(|error| (text(error, "failure_type"), text(error, "message"))).collect()
}

fn fails_with(outcome: &Outcome, kind: &str, message: &str) {
    let errors = errors(outcome);
    assert!(errors.iter().any(|(its, said)| its == kind && said.contains(message)), "{errors:?}\n{}", outcome.all());
}

#[test]
fn it_says_what_it_is() {
    let env = TestEnv::permissive();
    let outcome = env.host(&["airbyte", "spec"]);
    outcome.ends_with(0);
    let [spec] = &told(&outcome, "SPEC")[..] else { panic!("{}", outcome.all()) };
    let spec = &spec["spec"];
    assert_eq!(spec["supported_destination_sync_modes"], json!(["append", "overwrite", "append_dedup"]));
    let schema = &spec["connectionSpecification"];
    assert_eq!(schema["required"], json!(["deployment_url", "api_key", "object_type"]));
    let properties = &schema["properties"];
    assert_eq!(
        (&properties["api_key"]["airbyte_secret"], &properties["nulls"]["airbyte_secret"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(properties["object_type"]["enum"], json!(["customer_profiles", "customer_profile_audiences"]));
    for key in ["streams", "limits", "state", "network", "dead_letters", "outcomes", "report"] {
        assert!(properties[key].is_object(), "{key}");
    }
    assert!(properties["complete_after"].is_null(), "that is Singer's");
}

#[test]
fn a_check_answers_whether_the_way_is_open() {
    let env = TestEnv::permissive();
    for (keys, succeeds, said) in [
        (json!({}), true, ""),
        (audience(), true, ""),
        // Which column is the key is the stream's to say.
        (json!({ "mappings": [{ "source": "mail", "destination": "email" }] }), true, ""),
        (json!({ "api_key": "an-0ther-key" }), false, "refused the API key"),
        (json!({ "deployment_url": "http://127.0.0.1:1" }), false, "127.0.0.1:1"),
        (json!({ "object_type": "people", "limits": { "concurency": 1 } }), false, "limits.concurency"),
        (json!({ "object_type": "people" }), false, "object_type"),
        (json!({ "complete_after": "state" }), false, "complete_after: is for Singer"),
        (json!({ "streams": { "a": { "api_key": "an-0ther-key" } } }), false, "a: "),
    ] {
        env.configure(keys);
        let outcome = env.host(&["airbyte", "check", "--config", "config.json"]);
        // That it fails is the answer: it has been given.
        outcome.ends_with(0).says(said);
        let [answer] = &told(&outcome, "CONNECTION_STATUS")[..] else { panic!("{}", outcome.all()) };
        let expected = if succeeds { "SUCCEEDED" } else { "FAILED" };
        assert_eq!(answer["connectionStatus"]["status"], expected, "{answer}");
        assert!(answer["connectionStatus"]["message"].as_str().unwrap().contains(said), "{answer}");
        assert!(!outcome.all().contains("0ther"), "{}", outcome.all());
    }
    let outcome = env.host(&["airbyte", "check", "--config", "nowhere.json"]);
    outcome.ends_with(0).says("nowhere.json");
}

#[test]
fn it_discovers_what_the_config_sends_to() {
    let env = TestEnv::permissive();
    for (keys, object, modes) in [
        (json!({}), "customer_profiles", &["append", "append_dedup"][..]),
        (audience(), "customer_profile_audiences", &["append", "append_dedup", "overwrite"]),
    ] {
        env.configure(keys);
        let outcome = env.host(&["airbyte", "discover", "--config", "config.json"]);
        outcome.ends_with(0);
        let [catalog] = &told(&outcome, "DESTINATION_CATALOG")[..] else { panic!("{}", outcome.all()) };
        let operations = catalog["destination_catalog"]["operations"].as_array().unwrap();
        assert_eq!(operations.iter().map(|it| &it["sync_mode"]).collect::<Vec<_>>(), modes);
        assert!(operations.iter().all(|it| it["object_name"] == object));
        assert_eq!(operations[1]["matching_keys"], json!([["integration_id"]]));
        assert_eq!(operations[0]["json_schema"]["required"], json!(["integration_id"]));
    }
}

#[test]
fn records_become_profiles_and_the_state_comes_out() {
    let env = TestEnv::permissive();
    let mut configured = people();
    configured["stream"]["namespace"] = json!("crm");
    configured["stream"]["json_schema"]["properties"] = json!({
        "id": { "type": "integer" },
        "name": { "type": ["null", "string"] },
        "at": { "type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone" },
        "wall": { "type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone" },
        "day": { "type": "string", "format": "date" },
        "points": { "type": "number" },
        "big": { "type": "string", "airbyte_type": "big_number" },
        "_ab_cdc_lsn": { "type": "number" },
    });
    env.configure(json!({}));
    env.write("catalog.json", json!({ "streams": [configured] }).to_string());
    let input = concat!(
        r#"{"type": "LOG", "log": {"level": "INFO", "message": "not ours"}}"#,
        "\n\n",
        r#"{"type": "RECORD", "record": {"stream": "people", "namespace": "crm", "emitted_at": 1700000000000, "data": {"id": 9007199254740993, "name": "Zoë", "at": "2026-01-02T03:04:05+02:00", "wall": "2026-01-02T03:04:05", "day": "2026-01-02", "points": 1.10, "big": "12345678901234567890.10", "_ab_cdc_lsn": 7, "undeclared": true}}}"#,
        "\n",
        r#"{"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "people", "namespace": "crm"}, "stream_state": {"n": 1.10}}, "sourceStats": {"recordCount": 1.0}, "id": 5}}"#,
        "\n",
    );
    let outcome = env.host_with_input(&WRITE, input.as_bytes());
    outcome.ends_with(0);
    let [passed] = &told(&outcome, "STATE")[..] else { panic!("{}", outcome.all()) };
    assert_eq!(passed["state"]["destinationStats"], json!({ "recordCount": 1.0 }));
    assert!(outcome.stdout.contains(r#"{"n": 1.10}"#), "a state is the source's to the letter: {}", outcome.stdout);
    assert_eq!(
        env.bodies(path::PROFILES),
        [
            r#"{"customerProfiles":[{"integrationId":"9007199254740993","attributes":{"name":"Zoë","at":"2026-01-02T01:04:05Z","wall":"2026-01-02T03:04:05Z","day":"2026-01-02T00:00:00Z","points":1.10,"big":12345678901234567890.10}}]}"#
        ]
    );
    outcome.says("crm.people: all delivered");
}

#[test]
fn a_state_waits_for_rows_that_were_not_delivered() {
    let env = TestEnv::permissive();
    // The second of three requests never succeeds.
    env.fake.inject(Faults::script([Fault::pass().once(), Fault::status(503).forever()]));
    let keys = json!({ "batch_size": 2, "limits": { "concurrency": 1, "requests_per_second": "unlimited" } });
    let messages = (0..6).flat_map(|id| [record("people", &json!({ "id": id.to_string() })), state("people", id + 1)]);
    let outcome = write(&env, keys, &[people()], &messages.collect::<Vec<_>>());
    outcome.ends_with(1);
    assert_eq!((states(&outcome), env.fake.profiles().len()), (vec![1, 2], 2));
    fails_with(&outcome, "transient_error", "people: ");
}

#[test]
fn rejected_rows_are_counted_where_they_are_kept_and_hold_the_state_back_where_not() {
    let records = [json!({ "id": "a" }), json!({ "id": "" }), json!({ "id": "b" })];
    let messages: Vec<Value> =
        (1..).zip(records).flat_map(|(number, row)| [record("people", &row), state("people", number)]).collect();
    let env = TestEnv::permissive();
    let outcome = write(&env, json!({}), &[people()], &messages);
    outcome.ends_with(3).says("the state is held back at the first rejected row").says("dead_letters");
    assert_eq!(states(&outcome), [1]);
    fails_with(&outcome, "config_error", "is not an integration ID");

    // The platform counts them itself: the sync is a success, with a warning.
    let env = TestEnv::permissive();
    let outcome = write(&env, json!({ "dead_letters": "rejected" }), &[people()], &messages);
    outcome.ends_with(0);
    let counts: Vec<Value> = told(&outcome, "STATE").iter().map(|it| it["state"]["destinationStats"].clone()).collect();
    let one = json!({ "recordCount": 1.0 });
    assert_eq!(counts, [one.clone(), json!({ "recordCount": 1.0, "rejectedRecordCount": 1.0 }), one]);
    assert!(told(&outcome, "LOG").iter().any(|line| line["log"]["level"] == "WARN"), "{}", outcome.all());
    assert_eq!((errors(&outcome), std::fs::read_dir(env.path("rejected")).unwrap().count()), (vec![], 1));
}

#[test]
fn a_stream_that_its_source_gave_up_does_not_hold_up_another() {
    let env = TestEnv::permissive();
    let other = stream("others", "incremental", "append");
    let messages = [
        record("people", &json!({ "id": "1" })),
        state("people", 1),
        status("people", "INCOMPLETE"),
        record("others", &json!({ "id": "2" })),
        state("others", 2),
        status("others", "COMPLETE"),
    ];
    let outcome = write(&env, json!({}), &[people(), other], &messages);
    outcome.ends_with(1);
    fails_with(&outcome, "transient_error", "what came is delivered");
    let mut passed = states(&outcome);
    passed.sort_unstable();
    assert_eq!((passed, env.fake.profiles().len()), (vec![1, 2], 2));
}

#[test]
fn states_of_all_streams_are_passed_on_too() {
    for (text, kind) in [
        (r#"{"type":"GLOBAL","global":{"shared_state":{"lsn":1},"stream_states":[]},"id":7}"#, "GLOBAL"),
        (r#"{"type":"LEGACY","data":{"cursor":1},"id":7}"#, "LEGACY"),
        (r#"{"data":{"cursor":1},"id":7}"#, "null"),
    ] {
        let env = TestEnv::permissive();
        let state: Value = json!({ "type": "STATE", "state": serde_json::from_str::<Value>(text).unwrap() });
        let other = stream("others", "incremental", "append");
        let rows = [record("people", &json!({ "id": "1" })), record("others", &json!({ "id": "2" })), state];
        let outcome = write(&env, json!({}), &[people(), other], &rows);
        outcome.ends_with(0);
        let [passed] = &told(&outcome, "STATE")[..] else { panic!("{}", outcome.all()) };
        assert_eq!(passed["state"]["destinationStats"]["recordCount"], 2.0, "{kind}");
    }
}

#[test]
fn what_can_not_be_delivered_is_told_with_its_type_and_before_the_first_record() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut stream = people();
        change(&mut stream);
        stream
    };
    for (keys, catalog, said) in [
        (
            json!({}),
            vec![stream("people", "full_refresh", "overwrite")],
            "nothing is ever removed from `customer_profiles`",
        ),
        (
            json!({}),
            vec![stream("people", "incremental", "soft_delete")],
            "soft_delete, which this destination does not support",
        ),
        (json!({}), vec![with(&|it| it["primary_key"] = json!([]))], "has no key properties"),
        (json!({}), vec![with(&|it| it["primary_key"] = json!([["id"], ["no"]]))], "has 2 key properties (id, no)"),
        (json!({}), vec![with(&|it| it["destination_object_name"] = json!("orders"))], "goes to the object \"orders\""),
        (json!({}), vec![people(), people()], "is there twice"),
        (json!({}), vec![json!({})], "is not a configured catalog"),
        (json!({ "streams": { "other": {} } }), vec![people()], "stream \"people\": is not among `streams`"),
        (
            json!({ "object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "add" }),
            vec![stream("people", "full_refresh", "overwrite")],
            "which is a mirror, and the config's `sync_mode` is \"add\"",
        ),
        (json!({ "object_type": "people" }), vec![people()], "object_type"),
    ] {
        let env = TestEnv::permissive();
        let outcome = write(&env, keys, &catalog, &[record("people", &json!({ "id": "a" })), state("people", 1)]);
        outcome.ends_with(2);
        fails_with(&outcome, "config_error", said);
        assert_eq!((states(&outcome), env.fake.requests().len()), (vec![], 0));
    }
    let env = TestEnv::permissive();
    let mut keys = audience();
    keys["streams"] = json!({ "people": {}, "others": {} });
    let mut other = table(1);
    other["stream"]["name"] = json!("others");
    let outcome = write(&env, keys, &[table(1), other], &[]);
    outcome.ends_with(1);
    fails_with(&outcome, "transient_error", "to the same target as stream \"people\"");
}

#[test]
fn failures_on_the_way_have_their_type() {
    let rows = [record("people", &json!({ "id": "a" })), state("people", 1)];
    let env = TestEnv::permissive();
    let outcome = write(&env, json!({ "api_key": "an-0ther-key" }), &[people()], &rows);
    outcome.ends_with(1);
    fails_with(&outcome, "config_error", "refused the API key");
    assert!(!outcome.all().contains("0ther"), "{}", outcome.all());
    let env = TestEnv::permissive();
    let outcome = write(&env, json!({ "state": { "path": "config.json" } }), &[people()], &rows);
    outcome.ends_with(1);
    fails_with(&outcome, "system_error", "config.json");
}

#[test]
fn what_is_no_message_ends_the_run_with_its_line() {
    for (line, said) in [
        ("INFO source started", "line 2: is not JSON"),
        (r#"{"type": "BATCH"}"#, "line 2: is a message of type \"BATCH\""),
        (
            r#"{"type": "RECORD", "record": {"stream": "x", "emitted_at": 1, "data": {}}}"#,
            "stream \"x\", which is not in the catalog",
        ),
        (
            r#"{"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "x"}}}}"#,
            "stream \"x\"",
        ),
        (r#"{"type": "RECORD", "rec"#, "ends in the middle of a message"),
    ] {
        let env = TestEnv::permissive();
        env.configure(json!({}));
        env.write("catalog.json", json!({ "streams": [people()] }).to_string());
        let input = format!("{}{line}", lines(&[record("people", &json!({ "id": "a" }))]));
        let outcome = env.host_with_input(&WRITE, input.as_bytes());
        outcome.ends_with(1);
        fails_with(&outcome, "transient_error", said);
        assert_eq!(states(&outcome), [] as [u64; 0]);
    }
}

#[test]
fn a_record_of_ten_megabytes_is_a_record_and_one_without_end_is_refused() {
    let mut wide = people();
    wide["stream"]["json_schema"]["properties"]["text"] = json!({ "type": "string" });
    let row = |bytes: usize| record("people", &json!({ "id": "a", "text": "x".repeat(bytes) }));
    let env = TestEnv::permissive();
    let mappings = json!({ "mappings": [{ "source": "id", "destination": "integration_id" }] });
    write(&env, mappings.clone(), &[wide.clone()], &[row(10_000_000), state("people", 1)]).ends_with(0);
    let outcome = write(&env, mappings, &[wide], &[row(17 << 20), state("people", 1)]);
    outcome.ends_with(1);
    fails_with(&outcome, "transient_error", "line 1: is a message of more than 16 MiB");
}
