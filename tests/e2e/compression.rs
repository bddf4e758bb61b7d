//! Compressed text, told by its content: from a file of any name and from standard input, whole or not.

use std::io::Write;

use crate::harness::{TestEnv, counts, sync_file};

const MAPPINGS: [(&str, &str, &str); 2] = [("id", "integration_id", ""), ("points", "points", "type = \"number\"")];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn csv(ids: std::ops::Range<u32>) -> String {
    ids.map(|id| format!("{id:05},{}\n", id * 2)).collect()
}

/// What the tools of each format make of a text.
fn packed(text: &str) -> [(&'static str, Vec<u8>); 4] {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(text.as_bytes()).unwrap();
    [
        ("gzip", gzip(text)),
        ("zstd", zstd::encode_all(text.as_bytes(), 19).unwrap()),
        ("bzip2", bzip2.finish().unwrap()),
        ("xz", liblzma::encode_all(text.as_bytes(), 6).unwrap()),
    ]
}

#[test]
fn every_compression_is_read_whatever_its_name_is() {
    let text = format!("id,points\n{}", csv(0..3000));
    for (name, bytes) in packed(&text) {
        for path in ["rows.csv", "-"] {
            let env = TestEnv::permissive();
            env.write("rows.csv", &bytes);
            env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "csv", path));
            let input = if path == "-" { bytes.as_slice() } else { &[] };
            env.host_with_input(&["sync", "sync.toml"], input).ends_with(0);
            let profiles = env.fake.profiles();
            assert_eq!(profiles.len(), 3000, "{name} {path}");
            assert_eq!(profiles["02999"]["points"], "5998");
        }
    }
}

#[test]
fn compressed_parts_and_json_lines_are_read() {
    let env = TestEnv::permissive();
    std::fs::create_dir(env.path("exports")).unwrap();
    let lines = |ids: std::ops::Range<u32>| -> String {
        ids.map(|id| format!("{{\"id\":\"{id:05}\",\"points\":{}}}\n", id * 2)).collect()
    };
    env.write("exports/a.ndjson", lines(0..10));
    // Two members in one file, as `cat a.gz b.gz` and parallel writers make them.
    env.write("exports/b.ndjson.gz", [gzip(&lines(10..20)), gzip(&lines(20..30))].concat());
    env.write("exports/c.zst", zstd::encode_all(lines(30..40).as_bytes(), 1).unwrap());
    env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "ndjson", "exports"));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.profiles().len(), 40);
}

#[test]
fn what_is_cut_or_goes_on_behind_its_end_removes_nobody() {
    let text = format!("id,points\n{}", csv(0..2000));
    for (name, bytes) in packed(&text) {
        let env = TestEnv::permissive();
        let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
        env.write("sync.toml", sync_file("customer_profile_audiences", settings, &MAPPINGS[..1], "csv", "rows.csv"));
        env.write("rows.csv", &text);
        env.sync(&[]).ends_with(0);
        env.write("rows.csv", &bytes[..bytes.len() - 1]);
        env.sync(&["--allow-removals"]).ends_with(1).says(&format!("the {name} data breaks off: the file was cut"));
        // An archive to which something else was appended.
        env.write("rows.csv", [&bytes[..], b"<html>502 Bad Gateway</html>"].concat());
        env.sync(&["--allow-removals"]).ends_with(1).says(&format!("the {name} data can't be unpacked"));
        assert_eq!(counts(&env.report(), ["removed"]), [0]);
        assert_eq!(env.fake.members(42).len(), 2000);
    }
}

#[test]
fn what_is_within_is_named_and_so_is_what_is_not_unpacked() {
    let env = TestEnv::permissive();
    for (kind, bytes, said) in [
        ("csv", gzip("<!doctype html><html>"), "unpacked from gzip, it is an HTML page, and CSV is expected"),
        ("csv", gzip("PK\u{3}\u{4}xxxxxxxxxxxxxx"), "unpacked from gzip, it is a zip archive: an Excel workbook"),
        ("parquet", gzip("PAR1"), "is compressed with gzip, and a Parquet file is expected"),
        ("arrow", gzip("ARROW1"), "is compressed with gzip, and an Arrow stream is expected"),
        ("csv", b"\x04\x22\x4D\x18 lz4".to_vec(), "is compressed with lz4, and CSV is expected"),
    ] {
        env.write("rows", &bytes);
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, kind, "rows"));
        env.host(&["validate", "sync.toml"]).ends_with(2).says(said).says("hint");
    }
}
