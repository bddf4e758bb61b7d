//! Several files as one source: a folder, and files of a form.

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use crate::harness::{TestEnv, counts, sync_file};
use crate::sources::parquet_file;

const MAPPINGS: [(&str, &str, &str); 2] = [("id", "integration_id", ""), ("points", "points", "")];

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let texts: ArrayRef = std::sync::Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("{id:05}"))));
    let points: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(ids.map(|id| id * 2)));
    RecordBatch::try_from_iter([("id", texts), ("points", points)]).unwrap()
}

/// Twenty parts as Spark leaves them, with its marks beside them.
fn parts(env: &TestEnv) {
    std::fs::create_dir_all(env.path("exports/_temporary/0")).unwrap();
    for part in 0..20 {
        parquet_file(env, &format!("exports/part-{part:05}.parquet"), &rows(part * 100..part * 100 + 100));
    }
    env.write("exports/_SUCCESS", "");
    env.write("exports/.part-00000.parquet.crc", "crc");
    env.write("exports/_temporary/0/part-00099.parquet", "half a file");
}

#[test]
fn a_folder_and_a_pattern_deliver_all_their_files() {
    for path in ["exports", "exports/", "exports/part-*.parquet", "**/*.parquet"] {
        let env = TestEnv::permissive();
        parts(&env);
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "parquet", path));
        env.host(&["validate", "sync.toml"]).ends_with(0).says("2 columns");
        env.sync(&[]).ends_with(0);
        assert_eq!(counts(&env.report(), ["rows_read", "delivered"]), [2000, 2000], "{path}");
        let profiles = env.fake.profiles();
        assert_eq!(profiles.len(), 2000);
        assert_eq!(profiles["01999"]["points"], "3998");
    }
}

#[test]
fn one_file_that_differs_sends_nothing_and_removes_nobody() {
    let env = TestEnv::permissive();
    parts(&env);
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
    let sync = sync_file("customer_profile_audiences", settings, &MAPPINGS[..1], "parquet", "exports");
    env.write("sync.toml", sync);
    env.sync(&[]).ends_with(0);
    let requests = env.fake.requests().len();
    let other: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1]));
    parquet_file(&env, "exports/part-00007.parquet", &RecordBatch::try_from_iter([("id", other)]).unwrap());
    env.sync(&["--allow-removals"]).ends_with(1).says("exports/part-00007.parquet: has the column \"id\" as Int64");
    env.host(&["validate", "sync.toml"]).ends_with(2).says("part-00007.parquet");
    // A part that is half there.
    env.write("exports/part-00007.parquet", b"PAR1\x15\0");
    env.sync(&["--allow-removals"]).ends_with(1).says("part-00007.parquet: is no Parquet file that can be read");
    assert_eq!(env.fake.requests().len(), requests);
    assert_eq!(env.fake.members(42).len(), 2000);
}

#[test]
fn an_empty_folder_is_no_empty_source() {
    let env = TestEnv::permissive();
    std::fs::create_dir(env.path("exports")).unwrap();
    env.write("exports/_SUCCESS", "");
    for (path, said) in [("exports", "exports: has no files"), ("exports/*.csv", "exports/*.csv: matches no file")] {
        env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "csv", path));
        env.sync(&[]).ends_with(2).says(said);
    }
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn what_a_run_writes_is_never_one_of_its_files() {
    let env = TestEnv::permissive();
    std::fs::create_dir(env.path("exports")).unwrap();
    env.write("exports/a.csv", "id,points\n1,2\n");
    env.write("sync.toml", sync_file("customer_profiles", "", &MAPPINGS, "csv", "exports"));
    let refused = |output: &str| {
        env.host(&["sync", "sync.toml", "--dead-letters", output]).ends_with(2).says("source.path");
    };
    refused("exports/a.csv");
    refused("exports/dead.ndjson");
    env.host(&["sync", "sync.toml", "--dead-letters", "dead.ndjson"]).ends_with(0);
    assert_eq!(env.fake.profiles().len(), 1);
}
