//! Rows that can't be read: they stop a run, or are rejected with their bytes where the sync file asks for that.

use crate::harness::{TestEnv, counts, sync_file};

const MAPPINGS: [(&str, &str, &str); 2] = [("id", "integration_id", ""), ("note", "note", "")];

/// A sync of this type of source, with more keys for its section.
fn sync(object_type: &str, settings: &str, kind: &str, more: &str) -> String {
    let mappings = if settings.is_empty() { &MAPPINGS[..] } else { &MAPPINGS[..1] };
    sync_file(object_type, settings, mappings, kind, "rows") + more
}

#[test]
fn csv_rows_that_cannot_be_read_are_rejected_and_the_rest_is_delivered() {
    let env = TestEnv::permissive();
    env.write("rows", b"id,note\n1,a\n2\n3,M\xFCller\n4,\"b,\nc\",d,e\n5,f\n");
    // Nothing is passed over unless it is asked for.
    env.write("sync.toml", sync("customer_profiles", "", "csv", ""));
    env.sync(&[]).ends_with(1).says("line 3: has 1 field where there are 2 columns");
    env.write("sync.toml", sync("customer_profiles", "", "csv", "on_error = \"reject\"\n"));
    // A row of several lines with fields too many may have swallowed others.
    env.sync(&[]).ends_with(1).says("line 5: has 4 fields where there are 2 columns");
    env.write("rows", b"id,note\n1,a\n2\n3,M\xFCller\n5,f\n");
    env.sync(&[]).ends_with(3);
    assert_eq!(counts(&env.report(), ["rows_read", "delivered", "rejected"]), [4, 2, 2]);
    assert_eq!(env.fake.profiles().keys().collect::<Vec<_>>(), ["1", "5"]);
    let letters = env.dead_letters();
    assert_eq!(letters[0]["row"], serde_json::Value::Null);
    assert_eq!((&letters[0]["raw"], &letters[0]["row_number"]), (&"2".into(), &2.into()));
    assert_eq!((&letters[0]["code"], letters[0].get("raw_base64")), (&"ragged-row".into(), None));
    assert!(letters[0]["message"].as_str().unwrap().starts_with("line 3: has 1 field where there are 2 columns; "));
    assert_eq!((&letters[1]["raw"], &letters[1]["raw_base64"]), (&"3,M\u{FFFD}ller".into(), &"MyxN/GxsZXI=".into()));
    assert_eq!(letters[1]["code"], "invalid-text");
    env.host(&["preview", "sync.toml"]).ends_with(3).says("row 2 is rejected: ragged-row");
}

#[test]
fn json_lines_that_cannot_be_read_are_rejected_and_the_rest_is_delivered() {
    let env = TestEnv::permissive();
    let good = "{\"id\":\"1\",\"note\":\"a\"}\n{\"id\":\"2\",\"note\":\"b\"}\n";
    env.write(
        "rows",
        format!("{{\"id\":\"3\",\"note\":NaN}}\n{good}{{\"id\":\"4\",\"note\":\"\\ud83d\"}}\n{{\"id\":\"5\",\n"),
    );
    env.write("sync.toml", sync("customer_profiles", "", "ndjson", ""));
    env.sync(&[]).ends_with(1).says("line 1: has NaN, which JSON does not have");
    env.write("sync.toml", sync("customer_profiles", "", "ndjson", "on_error = \"reject\"\n"));
    env.sync(&[]).ends_with(3);
    assert_eq!(counts(&env.report(), ["rows_read", "delivered", "rejected"]), [5, 2, 3]);
    let told: Vec<_> =
        env.dead_letters().iter().map(|letter| (letter["code"].clone(), letter["raw"].clone())).collect();
    let expected = [
        ("invalid-json", "{\"id\":\"3\",\"note\":NaN}"),
        ("lone-surrogate", "{\"id\":\"4\",\"note\":\"\\ud83d\"}"),
        ("invalid-json", "{\"id\":\"5\","),
    ];
    assert_eq!(told, expected.map(|(code, raw)| (code.into(), raw.into())));
}

/// Whose a row is that can't be read, nobody knows.
#[test]
fn a_mirror_with_a_row_that_cannot_be_read_removes_nobody() {
    for (kind, before, after) in [
        ("csv", "id,note\n1,a\n2,b\n3,c\n", "id,note\n1,a\n2\n"),
        ("ndjson", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3\"}\n", "{\"id\":\"1\"}\n{\"id\":2\n"),
    ] {
        let env = TestEnv::permissive();
        let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
        env.write("sync.toml", sync("customer_profile_audiences", settings, kind, "on_error = \"reject\"\n"));
        env.write("rows", before);
        env.sync(&[]).ends_with(0);
        env.write("rows", after);
        env.sync(&["--allow-removals"]).ends_with(4).says("a row could not be mapped, and it is not known whose it is");
        assert_eq!(counts(&env.report(), ["removed", "withheld_removals", "rejected"]), [0, 2, 1]);
        assert_eq!(env.fake.members(42).len(), 3);
        env.write("rows", before.replace('3', "1"));
        env.sync(&[]).ends_with(0);
        assert_eq!(env.fake.members(42).len(), 2);
    }
}

#[test]
fn a_replay_asks_for_the_row_or_keeps_what_cannot_be_read() {
    let env = TestEnv::permissive();
    env.write("rows", b"id,note\n1,a\n2\n3,M\xFCller\n");
    env.write("sync.toml", sync("customer_profiles", "", "csv", "on_error = \"reject\"\n"));
    env.sync(&[]).ends_with(3);
    // As it is, it is rejected again, byte for byte.
    env.write("letters.ndjson", env.read("dead.ndjson"));
    env.sync(&["--replay", "letters.ndjson"]).ends_with(3);
    let again: Vec<_> =
        env.dead_letters().iter().map(|letter| (letter["raw"].clone(), letter["code"].clone())).collect();
    let kept = [("2", "unreadable-row"), ("3,M\u{FFFD}ller", "unreadable-row")];
    assert_eq!(again, kept.map(|(raw, code)| (raw.into(), code.into())));
    assert_eq!(env.dead_letters()[1]["raw_base64"], "MyxN/GxsZXI=");
    env.write("stop.toml", sync("customer_profiles", "", "csv", ""));
    env.host(&["sync", "stop.toml", "--replay", "letters.ndjson"])
        .ends_with(1)
        .says("letters.ndjson, line 1: holds a row that its source could not read")
        .says("write the row as an object under");
    // Fixed by hand.
    let fixed = "{\"row\":{\"id\":\"2\",\"note\":\"b\"}}\n{\"row\":{\"id\":\"3\",\"note\":\"Müller\"}}\n";
    env.write("letters.ndjson", fixed);
    env.sync(&["--replay", "letters.ndjson"]).ends_with(0);
    assert_eq!(env.fake.profiles()["3"]["note"], "\"Müller\"");
}

#[test]
fn what_on_error_may_be_is_said() {
    let env = TestEnv::permissive();
    for (kind, more, said) in [
        ("csv", "on_error = \"skip\"\n", "source.on_error: is \"skip\""),
        ("parquet", "on_error = \"reject\"\n", "source.on_error: is not a known key"),
    ] {
        env.write("sync.toml", sync("customer_profiles", "", kind, more));
        env.host(&["validate", "sync.toml"]).ends_with(2).says(said);
    }
}
