//! Where rows come from: each type of source through the command line, and what goes wrong with each.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;

use crate::harness::{TestEnv, counts, sync_file};

const MAPPINGS: [(&str, &str, &str); 2] = [("id", "integration_id", ""), ("points", "points", "")];

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("{id:04}"))));
    let points: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.map(|id| 9_007_199_254_740_993 + id)));
    RecordBatch::try_from_iter([("id", texts), ("points", points)]).unwrap()
}

pub(crate) fn arrow_stream(rows: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema()).unwrap();
    writer.write(rows).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn parquet_file(env: &TestEnv, name: &str, rows: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(env.path(name)).unwrap(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

fn delivered(env: &TestEnv, count: usize) {
    let profiles = env.fake.profiles();
    assert_eq!(profiles.len(), count);
    assert_eq!(profiles["0001"]["points"], "9007199254740994");
}

#[test]
fn a_parquet_file_is_delivered_and_its_numbers_keep_their_digits() {
    let env = TestEnv::permissive();
    parquet_file(&env, "rows.parquet", &rows(0..2500));
    env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "parquet", "rows.parquet"));
    env.sync(&[]).ends_with(0);
    delivered(&env, 2500);
}

#[test]
fn an_arrow_stream_is_read_from_a_file_and_from_standard_input() {
    let stream = arrow_stream(&rows(0..2500));
    for path in ["rows.arrow", "-"] {
        let env = TestEnv::permissive();
        env.write("rows.arrow", &stream);
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "arrow", path));
        let input = if path == "-" { stream.as_slice() } else { &[] };
        env.host_with_input(&["sync", "sync.toml"], input).ends_with(0);
        delivered(&env, 2500);
    }
}

#[test]
fn a_stream_that_breaks_off_between_two_batches_removes_nobody() {
    let env = TestEnv::permissive();
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
    let sync = sync_file("customer_profile_audiences", settings, &MAPPINGS[..1], "arrow", "rows.arrow");
    env.write("sync.toml", sync);
    env.write("rows.arrow", arrow_stream(&rows(0..20)));
    env.sync(&[]).ends_with(0);
    // Without its end mark, the stream has all messages that it has and may have lost those after.
    let fewer = arrow_stream(&rows(0..15));
    env.write("rows.arrow", &fewer[..fewer.len() - 8]);
    env.sync(&["--allow-removals"])
        .ends_with(1)
        .says("the Arrow stream ends where a message or the end mark is expected");
    assert_eq!(env.fake.members(42).len(), 20);
    assert_eq!(counts(&env.report(), ["removed"]), [0]);
}

#[test]
fn files_that_are_something_else_are_named() {
    for (kind, said) in [("parquet", "a Parquet file is expected"), ("arrow", "an Arrow stream is expected")] {
        let env = TestEnv::permissive();
        env.write("rows", "id,points\n1,2\n");
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, kind, "rows"));
        let outcome = env.sync(&[]);
        assert!(matches!(outcome.code, 1 | 2), "{outcome:?}");
        outcome.says(said).says("rows");
        env.host(&["validate", "sync.toml"]).ends_with(2).says(said);
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, kind, "nowhere"));
        env.sync(&[]).ends_with(2).says("nowhere").says("is not there");
    }
}

#[test]
fn the_section_of_a_source_is_judged_key_by_key() {
    let env = TestEnv::permissive();
    for (source, said) in [
        (
            "type = \"parquet\"\npath = \"-\"",
            "source.path: is \"-\", and a Parquet file can't be read from standard input",
        ),
        ("type = \"parket\"\npath = \"x\"", "did you mean \"parquet\"?"),
        ("type = \"adbc\"\nuri = \"x\"\nquery = \"SELECT 1\"", "source.driver: is required"),
        ("type = \"adbc\"\ndriver = \"d\"", "source.query: is required"),
        ("type = \"adbc\"\ndriver = \"d\"\nquery = \"SELECT 1\"\nquery_file = \"q.sql\"", "stands beside `query`"),
        ("type = \"adbc\"\ndriver = \"d\"\nquery_file = \"no.sql\"", "no.sql cannot be read"),
        (
            "type = \"adbc\"\ndriver = \"d\"\nquery = \"SELECT 1\"\noptions = { a = [1] }",
            "source.options.a: is no plain value",
        ),
        (
            "type = \"csv\"\npath = \"x\"\ncomputed = { c = \"a ~\" }",
            "source.computed.c: is \"a ~\", which is no expression",
        ),
        ("type = \"arrow\"\npath = \"x\"\ndelimiter = \";\"", "source.delimiter: is not a known key"),
    ] {
        let sync = sync_file("customer_profiles", "", &MAPPINGS, "csv", "rows.csv");
        let (head, _) = sync.split_once("[source]").unwrap();
        env.write("sync.toml", format!("{head}[source]\n{source}\n"));
        env.host(&["validate", "sync.toml"]).ends_with(2).says(said);
    }
}

#[test]
fn a_driver_that_is_not_installed_is_named_with_how_to_get_it() {
    let env = TestEnv::permissive();
    let sync = sync_file("customer_profiles", "", &MAPPINGS, "csv", "rows.csv");
    let (head, _) = sync.split_once("[source]").unwrap();
    let secret = "p4ssw0rd-of-the-database";
    env.write(
        "sync.toml",
        format!(
            "{head}[source]\ntype = \"adbc\"\ndriver = \"adbc_driver_nowhere\"\nuri = \"db://u:{secret}@h\"\nquery = \"SELECT 1\"\n"
        ),
    );
    for command in ["validate", "preview", "sync"] {
        let outcome = env.host(&[command, "sync.toml"]);
        outcome.ends_with(2).says("adbc_driver_nowhere").says("pip install adbc-driver-postgresql");
        assert!(!outcome.all().contains(secret));
    }
}

#[test]
fn columns_can_be_computed_from_others() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,first,last,tier,points\n1,Ada,Lovelace,,07\n2,Grace,Hopper,gold,250\n");
    let mappings = [
        ("id", "integration_id", ""),
        ("full_name", "name", ""),
        ("channel", "channel", ""),
        ("tier", "tier", ""),
        ("vip", "vip", ""),
        ("points", "points", "type = \"number\""),
    ];
    let sync = sync_file("customer_profiles", "", &mappings, "csv", "rows.csv");
    env.write(
        "sync.toml",
        sync + "[source.computed]\nfull_name = \"first ~ ' ' ~ last\"\nchannel = \"'web'\"\n\
                tier = \"tier|default('none')|upper\"\nvip = \"points|int >= 100\"\n",
    );
    env.host(&["validate", "sync.toml"]).ends_with(0);
    env.sync(&[]).ends_with(0);
    let profiles = env.fake.profiles();
    let shown =
        |id: &str| profiles[id].iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    assert_eq!(shown("1"), r#"channel="web" name="Ada Lovelace" points=7 tier="NONE" vip=false"#);
    assert_eq!(shown("2"), r#"channel="web" name="Grace Hopper" points=250 tier="GOLD" vip=true"#);
}

/// The commonest use of all: a part of a text. A null has none.
#[test]
fn a_part_of_a_text_can_be_computed() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,phone\n1,+49170\n2,\n");
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", ""), ("cc", "cc", "")], "csv", "rows.csv");
    let expression = |text: &str| env.write("sync.toml", format!("{sync}[source.computed]\ncc = \"{text}\"\n"));
    expression("phone[0:3]");
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.profiles()["1"]["cc"], "\"+49\"");
    assert_eq!(env.fake.profiles()["2"].get("cc"), None);
    expression("phnoe[0:3]");
    env.sync(&[]).ends_with(2).says("has no column \"phnoe\"").says("did you mean \"phone\"?");
    expression("phone[0:3] ~ '…'");
    env.sync(&[]).ends_with(1).says("row 2").says("a value that is null is cut").says("phone[0:3]");
}

/// The language has a function of that name: every customer would get the text `function`.
#[test]
fn a_column_called_range_is_a_column() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,range\n1,12\n");
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", ""), ("km", "km", "")], "csv", "rows.csv");
    env.write("sync.toml", format!("{sync}[source.computed]\nkm = \"'a range (km): ' ~ range\"\n"));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.profiles()["1"]["km"], "\"a range (km): 12\"");
    env.write("rows.csv", "id,x\n1,12\n");
    env.sync(&[]).ends_with(2).says("has no column \"range\"");
}

#[test]
fn an_expression_that_fails_stops_with_its_row_and_removes_nobody() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,points\n1,5\n2,many\n");
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", ""), ("p", "p", "")], "csv", "rows.csv");
    env.write("sync.toml", format!("{sync}[source.computed]\np = \"points|int\"\n"));
    env.sync(&[]).ends_with(1).says("row 2").says("\"p\"").says("points|int");
    env.write("sync.toml", format!("{sync}[source.computed]\np = \"pionts|int\"\n"));
    env.sync(&[]).ends_with(2).says("has no column \"pionts\"").says("did you mean \"points\"?");
    env.host(&["validate", "sync.toml"]).ends_with(2).says("did you mean \"points\"?");
}

/// Inputs that no person would write are refused with what is wrong, in bounded memory.
#[test]
fn inputs_without_end_are_refused() {
    let long = "x".repeat(17 << 20);
    let deep = format!("{{\"id\":\"1\",\"points\":{}{}}}\n", "[".repeat(200_000), "]".repeat(200_000));
    for (kind, rows, code, said) in [
        ("csv", format!("id,points\n1,{long}\n").into_bytes(), 1, "16 MiB"),
        ("csv", format!("id,points\n1,\"{long}").into_bytes(), 1, "16 MiB"),
        ("csv", format!("id,points{}\n", ",".repeat(100_000)).into_bytes(), 1, "65536"),
        ("csv", b"id,points\n1,\xff\n".to_vec(), 1, "UTF-8"),
        ("ndjson", format!("{{\"id\":\"{long}\"}}\n").into_bytes(), 1, "16 MiB"),
        ("ndjson", b"{\"id\":\"\xff\"}\n".to_vec(), 1, "UTF-8"),
        ("ndjson", deep.into_bytes(), 3, "at most 128 levels"),
    ] {
        let env = TestEnv::permissive();
        env.write("rows", rows);
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, kind, "rows"));
        let outcome = env.sync(&[]);
        outcome.ends_with(code).says(said);
        assert!(outcome.all().len() < 20_000);
        assert_eq!(env.fake.profiles().len(), 0);
    }
    let env = TestEnv::permissive();
    env.write("sync.toml", "#".repeat(5 << 20));
    env.host(&["validate", "sync.toml"]).ends_with(2).says("is larger than 4 MiB");
}
