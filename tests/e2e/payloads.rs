//! What goes over the wire, to the letter: the bodies that the fake received, for both object types.

use fake_talon_one::path;

use crate::harness::{TestEnv, counts, sync_file};

/// Runs a sync of these rows and gives the one body that was sent.
fn profile_body(rows: impl AsRef<[u8]>, mappings: &[(&str, &str, &str)]) -> String {
    let env = TestEnv::permissive();
    env.write("rows.csv", rows);
    env.profiles(mappings);
    env.sync(&[]).ends_with(0);
    only(env.bodies(path::PROFILES))
}

fn ndjson_body(rows: &str, mappings: &[(&str, &str, &str)]) -> String {
    let env = TestEnv::permissive();
    env.write("rows.ndjson", rows);
    env.write("sync.toml", sync_file("customer_profiles", "", mappings, "ndjson", "rows.ndjson"));
    env.sync(&[]).ends_with(0);
    only(env.bodies(path::PROFILES))
}

#[track_caller]
fn only(bodies: Vec<String>) -> String {
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    bodies.into_iter().next().unwrap_or_default()
}

const ID: (&str, &str, &str) = ("id", "integration_id", "");

#[test]
fn ids_are_kept_to_the_letter() {
    let body = profile_body("id\n00042\n1e5\n9007199254740993\n  padded \n26.0\nZoë-🎉\n", &[ID]);
    let ids = ["00042", "1e5", "9007199254740993", "  padded ", "26.0", "Zoë-🎉"];
    let profiles = ids.map(|id| format!("{{\"integrationId\":\"{id}\",\"attributes\":{{}}}}")).join(",");
    assert_eq!(body, format!("{{\"customerProfiles\":[{profiles}]}}"));
}

#[test]
fn numbers_of_ndjson_keep_their_digits() {
    let body = ndjson_body(
        concat!(
            r#"{"id":"007","big":9007199254740993,"money":12345678901234567890123456789.123456789,"small":-0.000000001}"#,
            "\n",
            r#"{"id":9007199254740993,"big":-9223372036854775808,"money":1.10,"small":0}"#,
            "\n"
        ),
        &[ID, ("big", "big", ""), ("money", "money", ""), ("small", "small", "")],
    );
    assert_eq!(
        body,
        concat!(
            r#"{"customerProfiles":["#,
            r#"{"integrationId":"007","attributes":{"big":9007199254740993,"#,
            r#""money":12345678901234567890123456789.123456789,"small":-0.000000001}},"#,
            r#"{"integrationId":"9007199254740993","attributes":{"big":-9223372036854775808,"money":1.10,"small":0}}"#,
            r#"]}"#
        )
    );
}

#[test]
fn numbers_of_csv_keep_their_digits() {
    let number = "type = \"number\"";
    let body = profile_body(
        "id,big,money\n1,9007199254740993,12345678901234567890123456789.123456789\n",
        &[ID, ("big", "big", number), ("money", "money", number)],
    );
    assert_eq!(
        body,
        r#"{"customerProfiles":[{"integrationId":"1","attributes":{"big":9007199254740993,"money":12345678901234567890123456789.123456789}}]}"#
    );
}

/// Nothing is guessed: what looks like a number or a boolean is text until the mapping says otherwise.
#[test]
fn a_csv_value_is_text_unless_a_type_is_declared() {
    let body = profile_body("id,a,b\n1,12345,true\n", &[ID, ("a", "a", ""), ("b", "b", "")]);
    assert_eq!(body, r#"{"customerProfiles":[{"integrationId":"1","attributes":{"a":"12345","b":"true"}}]}"#);
}

#[test]
fn csv_is_read_as_it_is_meant() {
    let rows = "\u{feff}id,nick,note\r\n1,\"Zoë \"\"Z\"\" 🎉\",\"line one\r\nline two\"\r\n2,,\"\"\r\n";
    let body = profile_body(rows, &[ID, ("nick", "nick", ""), ("note", "note", "")]);
    assert_eq!(
        body,
        concat!(
            r#"{"customerProfiles":[{"integrationId":"1","attributes":{"nick":"Zoë \"Z\" 🎉","note":"line one\r\nline two"}},"#,
            r#"{"integrationId":"2","attributes":{}}]}"#
        )
    );
}

#[test]
fn an_empty_field_is_left_out_or_cleared_as_the_config_says() {
    let rows = "id,tier\n1,\n2,gold\n";
    let mappings = [ID, ("tier", "tier", "")];
    assert_eq!(
        profile_body(rows, &mappings),
        r#"{"customerProfiles":[{"integrationId":"1","attributes":{}},{"integrationId":"2","attributes":{"tier":"gold"}}]}"#
    );

    let env = TestEnv::permissive();
    env.write("rows.csv", rows);
    env.write("sync.toml", sync_file("customer_profiles", "nulls = \"clear\"\n", &mappings, "csv", "rows.csv"));
    env.sync(&[]).ends_with(0);
    assert_eq!(
        only(env.bodies(path::PROFILES)),
        r#"{"customerProfiles":[{"integrationId":"1","attributes":{"tier":null}},{"integrationId":"2","attributes":{"tier":"gold"}}]}"#
    );
}

#[test]
fn dates_in_three_forms_go_out_as_rfc_3339() {
    let time = "type = \"time\"";
    let body = profile_body(
        "id,at\n1,2024-02-29\n2,2024-02-29T10:30:00+02:00\n3,2024-02-29 10:30:00.5\n",
        &[ID, ("at", "at", time)],
    );
    let profile = |id: u8, at: &str| format!(r#"{{"integrationId":"{id}","attributes":{{"at":"{at}"}}}}"#);
    let profiles = [
        profile(1, "2024-02-29T00:00:00Z"),
        profile(2, "2024-02-29T10:30:00+02:00"),
        profile(3, "2024-02-29T10:30:00.5Z"),
    ]
    .join(",");
    assert_eq!(body, format!("{{\"customerProfiles\":[{profiles}]}}"));
}

#[test]
fn declared_types_and_defaults_are_applied() {
    let body = profile_body(
        "id,opted,tags,tier\n1,YES,\"[\"\"a\"\",\"\"b\"\"]\",\n",
        &[
            ID,
            ("opted", "opted", "type = \"boolean\""),
            ("tags", "tags", "type = \"list(string)\""),
            ("tier", "tier", "default = \"bronze\""),
        ],
    );
    assert_eq!(
        body,
        r#"{"customerProfiles":[{"integrationId":"1","attributes":{"opted":true,"tags":["a","b"],"tier":"bronze"}}]}"#
    );
}

#[test]
fn memberships_carry_the_audience_as_a_number() {
    for (mode, action) in [("add", "add"), ("remove", "delete"), ("mirror", "add")] {
        let env = TestEnv::permissive();
        env.write("rows.csv", "id\n00042\nZoë\n");
        env.audience(mode);
        env.sync(&[]).ends_with(0);
        let member = |id: &str| format!(r#"{{"action":"{action}","profileIntegrationId":"{id}","audienceId":42}}"#);
        assert_eq!(
            only(env.bodies(path::AUDIENCES)),
            format!("{{\"data\":[{},{}]}}", member("00042"), member("Zoë")),
            "{mode}"
        );
    }
}

#[test]
fn a_prefix_is_put_in_front_of_ids_of_both_object_types() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n7\n");
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "integration_id_prefix = \"app1_\"\n", &[ID], "csv", "rows.csv"),
    );
    env.sync(&[]).ends_with(0);
    let settings = "audience_id = 42\nsync_mode = \"add\"\nintegration_id_prefix = \"app1_\"\n";
    env.write("sync.toml", sync_file("customer_profile_audiences", settings, &[ID], "csv", "rows.csv"));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.profiles().keys().collect::<Vec<_>>(), ["app1_7"]);
    assert_eq!(env.fake.members(42).into_iter().collect::<Vec<_>>(), ["app1_7"]);
}

#[test]
fn requests_carry_what_talon_one_expects() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n7\n");
    env.profiles(&[ID]);
    env.sync(&[]).ends_with(0);
    let requests = env.fake.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", path::PROFILES));
    assert_eq!(request.query.as_deref(), Some("silent=yes"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("content-length"), Some(request.text().len().to_string().as_str()));
    assert_eq!(request.header("host"), env.fake.url().strip_prefix("http://"));
    let agent = request.header("user-agent").unwrap_or_default();
    assert_eq!(agent, concat!("talon-one-destination/", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_thousand_records_make_one_request_and_one_more_makes_two() {
    for (rows, requests) in [(0, 0), (1, 1), (1000, 1), (1001, 2), (2500, 3)] {
        let env = TestEnv::permissive();
        let lines: String = (0..rows).map(|id| format!("{id}\n")).collect();
        env.write("rows.csv", format!("id\n{lines}"));
        env.profiles(&[ID]);
        env.sync(&[]).ends_with(0);
        assert_eq!(env.fake.requests().len(), requests, "{rows} rows");
        assert_eq!(env.fake.profiles().len(), rows, "{rows} rows");
        let [read, delivered] = counts(&env.report(), ["rows_read", "delivered"]);
        assert_eq!((read, delivered), (rows as u64, rows as u64));
    }
}

#[test]
fn the_last_row_of_an_id_is_the_one_that_counts() {
    let mut rows = String::from("id,n\n");
    for n in 0..5000 {
        rows.push_str(&format!("{},{n}\n", n % 7));
    }
    let env = TestEnv::permissive();
    env.write("rows.csv", rows);
    env.profiles(&[ID, ("n", "n", "type = \"number\"")]);
    env.sync(&[]).ends_with(0);
    let profiles = env.fake.profiles();
    assert_eq!(profiles.len(), 7);
    for (id, attributes) in profiles {
        let id: u32 = id.parse().expect("a number");
        let last = (0..5000).rev().find(|n| n % 7 == id).expect("it occurs");
        assert_eq!(attributes["n"], last.to_string(), "ID {id}");
    }
}

/// An ID with a blank may be meant: it is sent as it is, and the run says so.
#[test]
fn blanks_around_an_id_are_sent_and_told() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n a\nb \n\u{a0}c\nd d\n");
    env.profiles(&[ID]);
    env.sync(&[]).ends_with(0).says("warning: 3 rows with blanks around the ID");
    assert_eq!(env.fake.profiles().into_keys().collect::<Vec<_>>(), [" a", "b ", "d d", "\u{a0}c"]);
    assert_eq!(counts(&env.report(), ["padded_keys"]), [3]);
}
