//! Inputs that are not what they should be: damaged, cut off, changed while they are read, or something else altogether. Nothing is
//! altered on the way, and nobody is removed for it.

use std::process::Command;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch};

use crate::harness::{TestEnv, counts, sync_file};
use crate::sources::parquet_file;

const ID: [(&str, &str, &str); 1] = [("id", "integration_id", "")];

/// A mirror that has these members.
fn mirror_of(rows: &str) -> TestEnv {
    let env = TestEnv::permissive();
    env.audience("mirror");
    env.write("rows.csv", rows);
    env.sync(&[]).ends_with(0);
    env
}

#[test]
fn quotes_that_are_not_doubled_merge_no_rows() {
    let env = mirror_of("id,note\nu1,ok\nu2,x\nu3,y\nu4,ok\n");
    env.write("rows.csv", "id,note\nu1,ok\nu2,\"TV 16\\\"\"\nu3,\"TV 17\\\"\"\nu4,ok\n");
    let outcome = env.sync(&["--allow-removals"]);
    outcome.ends_with(1).says("rows.csv, line 4: field 2 goes on behind its closing quote").says("set escape = ");
    assert_eq!(env.fake.members(42).len(), 4);
}

#[test]
fn values_with_stray_quotes_are_refused_with_line_and_field() {
    for (row, said) in [
        ("1,\"this is \\\"fine\"", "line 2: field 2 goes on behind its closing quote"),
        ("1,\"JOHN \"WAYNE\"\"", "line 2: field 2 goes on behind its closing quote"),
        ("1,JOHN \"WAYNE\"", "line 2: field 2 has a quote within a value that does not begin with one"),
        ("\"0012\"3,x", "line 2: field 1 goes on behind its closing quote"),
        ("1,x\r2,y", "line 2: field 2 has a carriage return (CR)"),
        ("1,x\0", "line 2: field 2 has a NUL byte"),
    ] {
        let env = TestEnv::permissive();
        env.write("rows.csv", format!("id,note\n{row}\n"));
        env.profiles(&[("id", "integration_id", ""), ("note", "note", "")]);
        env.sync(&[]).ends_with(1).says(said);
        assert_eq!(env.fake.profiles().len(), 0);
    }
}

#[test]
fn a_file_that_is_cut_off_adds_and_removes_nobody() {
    let env = mirror_of("id\ncust_1090\ncust_2\ncust_3\n");
    env.write("rows.csv", "id\ncust_4\ncust_109");
    env.sync(&["--allow-removals"]).ends_with(4).says("unterminated-row").says("the file ends without a line break");
    let mut members = env.fake.members(42).into_iter().collect::<Vec<_>>();
    members.sort();
    assert_eq!(members, ["cust_1090", "cust_2", "cust_3", "cust_4"]);
    let report = env.report();
    assert_eq!(
        counts(&report, ["rows_read", "delivered", "rejected", "removed", "withheld_removals"]),
        [2, 1, 1, 0, 3]
    );
    let letters = env.dead_letters();
    assert_eq!((&letters[0]["row"]["id"], &letters[0]["row_number"]), (&"cust_109".into(), &2.into()));
    // What a preview shows is what a run does.
    env.host(&["preview", "sync.toml"]).ends_with(3).says("row 2 is rejected: unterminated-row");
}

#[test]
fn standard_input_that_is_cut_off_is_seen_too() {
    let env = TestEnv::permissive();
    let sync = sync_file("customer_profiles", "", &ID, "csv", "-");
    env.write("sync.toml", sync);
    let outcome = env.host_with_input(&["sync", "sync.toml"], b"id\n1\n2");
    outcome.ends_with(3).says("unterminated-row");
    assert_eq!(env.fake.profiles().len(), 1);
}

#[test]
fn an_input_that_is_something_else_is_named_with_what_to_do() {
    for (kind, bytes, said) in [
        ("parquet", &b"\x1F\x8B\x08\0\0\0\0\0"[..], "rows: is compressed with gzip, and a Parquet file is expected"),
        ("arrow", b"\x28\xB5\x2F\xFD\0\0\0\0", "is compressed with zstd, and an Arrow stream is expected"),
        ("csv", b"PK\x03\x04\x14\0\x06\0", "an Excel workbook (.xlsx)"),
        ("csv", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "(.xls)"),
        ("csv", b"%PDF-1.7\n%", "is a PDF"),
        ("csv", b"i\0d\0\n\0", "is encoded in UTF-16 without its mark"),
        ("ndjson", b"\xFF\xFE{\0}\0\n\0", "is encoded in UTF-16"),
        ("ndjson", b"<!DOCTYPE html><html>", "is an HTML page"),
        ("csv", b"PAR1\x15\0\x15\0", "is a Parquet file, and CSV is expected"),
        ("csv", b"{\"id\":\"1\"}\n", "set type = \"ndjson\""),
        ("ndjson", b"id,points\n1,2\n", "line 1: does not begin with a JSON object"),
        ("parquet", b"id,points\n1,2\n", "is a text, and a Parquet file is expected"),
        ("arrow", b"{\"id\":\"1\"}\n", "is a text, and an Arrow stream is expected"),
        ("parquet", b"ARROW1\0\0", "is an Arrow file, and a Parquet file is expected"),
    ] {
        let env = TestEnv::permissive();
        env.write("rows", bytes);
        env.write("sync.toml", sync_file("customer_profiles", "", &ID, kind, "rows"));
        let outcome = env.sync(&[]);
        assert!(matches!(outcome.code, 1 | 2), "{outcome:?}");
        outcome.says(said).says("hint:");
    }
}

#[test]
fn a_path_that_leads_to_no_file_is_named() {
    let env = TestEnv::permissive();
    std::fs::create_dir(env.path("d")).unwrap();
    for kind in ["csv", "ndjson", "parquet", "arrow"] {
        for (path, said) in [("d", "d: has no files"), ("no", "no: is not there"), ("/dev/zero", "is a device")] {
            env.write("sync.toml", sync_file("customer_profiles", "", &ID, kind, path));
            env.sync(&[]).ends_with(2).says(said);
        }
    }
}

#[cfg(unix)]
#[test]
fn plugins_and_certificates_are_files_of_bounded_size() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    let sync = sync_file("customer_profiles", "", &ID, "csv", "rows.csv");
    assert!(Command::new("mkfifo").arg(env.path("pipe")).status().unwrap().success());
    std::fs::create_dir(env.path("d")).unwrap();
    env.write("large.pem", vec![b'x'; (16 << 20) + 1]);
    for (path, said) in
        [("/dev/zero", "is a device"), ("pipe", "is a pipe"), ("d", "is a folder"), ("no", "is not there")]
    {
        env.write("sync.toml", &sync);
        env.host(&["validate", "sync.toml", "--component", path]).ends_with(2).says(path).says(said);
        env.write("sync.toml", format!("{sync}[network]\nca_files = [\"{path}\"]\n"));
        env.sync(&[]).ends_with(2).says("CA file").says(said);
    }
    env.write("sync.toml", format!("{sync}[network]\nca_files = [\"large.pem\"]\n"));
    env.sync(&[]).ends_with(2).says("is larger than 16 MiB");
    // A pipe that has a name is read where a stream is.
    let mut writer =
        Command::new("sh").args(["-c", "printf 'id\\n1\\n' > pipe"]).current_dir(env.path("d/..")).spawn().unwrap();
    env.write("sync.toml", sync_file("customer_profiles", "", &ID, "csv", "pipe"));
    env.sync(&[]).ends_with(0);
    writer.wait().unwrap();
    assert_eq!(env.fake.profiles().len(), 1);
}

#[test]
fn strings_without_the_mark_of_a_text_are_texts_where_the_mapping_says_so() {
    let env = TestEnv::permissive();
    let rows = |value: &'static [u8]| {
        let id: ArrayRef = Arc::new(BinaryArray::from(vec![&b"0001"[..]]));
        let note: ArrayRef = Arc::new(BinaryArray::from(vec![value]));
        RecordBatch::try_from_iter([("id", id), ("note", note)]).unwrap()
    };
    let text = [("id", "integration_id", ""), ("note", "note", "type = \"string\"")];
    let own = [("id", "integration_id", ""), ("note", "note", "")];
    parquet_file(&env, "rows.parquet", &rows("naïve".as_bytes()));
    env.write("sync.toml", sync_file("customer_profiles", "", &text, "parquet", "rows.parquet"));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.profiles()["0001"]["note"], "\"naïve\"");
    env.write("sync.toml", sync_file("customer_profiles", "", &own, "parquet", "rows.parquet"));
    env.sync(&[]).ends_with(2).says("\"note\"").says("add type = \"string\" to its mapping");
    parquet_file(&env, "rows.parquet", &rows(b"\xFF\xFE"));
    env.write("sync.toml", sync_file("customer_profiles", "", &text, "parquet", "rows.parquet"));
    env.sync(&[]).ends_with(2).says("\"note\"").says("not valid UTF-8");
}

#[test]
fn an_expression_that_asks_for_too_much_is_refused_for_its_row() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,a\n1,x\n");
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", ""), ("c", "c", "")], "csv", "rows.csv");
    for (text, said) in [
        ("'a' * 1000000000", "more work or memory than one row may"),
        ("'%1000000000d'|format(1)", "more work or memory than one row may"),
        ("[0] * 1000000000", "too large"),
        ("range(100000)|join(a * 1000)", "more work or memory than one row may"),
    ] {
        env.write("sync.toml", format!("{sync}[source.computed]\nc = \"{text}\"\n"));
        env.sync(&[]).ends_with(1).says("row 1").says("\"c\"").says(said);
    }
    env.write("sync.toml", format!("{sync}[source.computed]\nc = \"{}a\"\n", "not ".repeat(100_000)));
    env.host(&["validate", "sync.toml"]).ends_with(2).says("source.computed.c").says("more than 20000 characters");
    env.write("sync.toml", format!("{sync}[source.computed]\nc = \"{}a\"\n", "not ".repeat(4_000)));
    env.sync(&[]).ends_with(0);
}

#[test]
fn what_json_does_not_have_is_named_with_its_line() {
    for (line, said) in [
        ("{\"id\":NaN}", "line 2: has NaN, which JSON does not have"),
        ("{\"id\":\"\\ud83d\"}", "line 2: the value of \"id\" has half of a character"),
        ("{\"id\":\"2\",\"v\":[\"\\ud83d\"]}", "line 2: the value of \"v\" has half of a character"),
        ("{\"id\":\"2\",\"v\":{\"x\":1,\"x\":2}}", "line 2: the value of \"v\" has the key \"x\" twice"),
    ] {
        let env = TestEnv::permissive();
        env.write("rows.ndjson", format!("{{\"id\":\"1\"}}\n{line}\n{{\"id\":\"3\"}}\n"));
        env.write("sync.toml", sync_file("customer_profiles", "", &ID, "ndjson", "rows.ndjson"));
        env.sync(&[]).ends_with(1).says(said);
    }
}
