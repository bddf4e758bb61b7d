//! `--outcomes`: every row of a run in exactly one line, in each form; whole or absent; and read back after a kill.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use fake_talon_one::{Fault, Faults, path};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::harness::{KEY, TestEnv, counts, sync_file};

/// How long to wait for what must come. Long, because only a broken test waits.
const PATIENCE: Duration = Duration::from_secs(120);

const COLUMNS: [&str; 10] =
    ["run_id", "time", "sync", "row_number", "key", "action", "change", "outcome", "code", "message"];

/// The lines of a file, each as its values in the order of the columns, without the run and its time.
type Lines = Vec<[Option<String>; 8]>;

fn told(values: impl Fn(&str) -> Option<String>) -> [Option<String>; 8] {
    let [_, _, told @ ..] = COLUMNS;
    told.map(values)
}

fn ndjson(env: &TestEnv, name: &str) -> Lines {
    let lines = env.read(name);
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines
        .map(|line| {
            assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), COLUMNS);
            told(|column| match &line[column] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            })
        })
        .collect()
}

fn csv(env: &TestEnv, name: &str) -> Lines {
    let mut reader = csv::Reader::from_path(env.path(name)).unwrap();
    assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            let at = |column: &str| COLUMNS.iter().position(|name| *name == column).unwrap();
            told(|column| Some(record[at(column)].to_owned()).filter(|text| !text.is_empty()))
        })
        .collect()
}

fn parquet(env: &TestEnv, name: &str) -> Lines {
    let file = File::open(env.path(name)).unwrap();
    let batches: Vec<RecordBatch> =
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect();
    let mut lines = Lines::new();
    for batch in &batches {
        let names: Vec<_> = batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, COLUMNS);
        assert!(batch.column(1).as_primitive::<TimestampMicrosecondType>().values()[0] > 1_700_000_000_000_000);
        let _ = batch.column(3).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            lines.push(told(|column| {
                let array = batch.column_by_name(column).unwrap();
                let formatter = ArrayFormatter::try_new(array, &FormatOptions::new()).unwrap();
                array.is_valid(row).then(|| formatter.value(row).to_string())
            }));
        }
    }
    lines
}

/// One line as the tests write it: the row's number, key, action, change, outcome and code, with a dash for nothing.
fn brief(line: &[Option<String>; 8]) -> String {
    let [_, row_number, key, action, change, outcome, code, _] = line;
    [row_number, key, action, change, outcome, code].map(|value| value.as_deref().unwrap_or("-")).join(" ")
}

fn briefs(lines: &Lines) -> Vec<String> {
    let mut briefs: Vec<String> = lines.iter().map(brief).collect();
    briefs.sort();
    briefs
}

/// A sync whose second column must be a number.
fn profiles(env: &TestEnv, rows: &str) {
    env.write("rows.csv", format!("id,points\n{rows}"));
    env.profiles(&[("id", "integration_id", ""), ("points", "points", "type = \"number\"")]);
}

#[test]
fn every_row_stands_in_one_line_and_all_forms_say_the_same() {
    let mut said: Option<Lines> = None;
    for (name, read) in [
        ("outcomes.ndjson", ndjson as fn(&TestEnv, &str) -> Lines),
        ("outcomes.csv", csv),
        ("outcomes.parquet", parquet),
    ] {
        let env = TestEnv::permissive();
        // A key of its own, one of odd characters, one that comes twice, two that can't be mapped, and one that is cut off.
        profiles(&env, "a,1\n\"b \"\"c\"\",d\",2\ntwice,1\n,1\nbad,many\ntwice,2\ncut,off");
        let outcome = env.sync(&["--outcomes", name]);
        outcome.ends_with(3);
        let lines = read(&env, name);
        assert_eq!(
            briefs(&lines),
            [
                "1 a upsert - delivered -",
                "2 b \"c\",d upsert - delivered -",
                "3 twice upsert - delivered replaced-by-later-row",
                "4 - - - rejected missing-id",
                "5 bad - - rejected invalid-number",
                "6 twice upsert - delivered -",
                "7 - - - rejected unterminated-row",
            ]
        );
        let messages = lines.iter().filter(|line| line[7].is_some()).count();
        assert_eq!(messages, 4, "a code has its message");
        assert!(!env.path(&format!("{name}.part")).exists());
        match &said {
            None => said = Some(lines),
            Some(said) => assert_eq!(said, &lines, "{name}"),
        }
    }
}

#[test]
fn the_run_is_the_reports_and_no_two_runs_share_one() {
    let env = TestEnv::permissive();
    profiles(&env, "a,1\n");
    let mut runs = Vec::new();
    for name in ["one.ndjson", "two.ndjson"] {
        env.sync(&["--outcomes", name]).ends_with(0);
        let line: Value = serde_json::from_str(env.read(name).trim()).unwrap();
        assert_eq!(line["run_id"], env.report()["run_id"]);
        runs.push(line["run_id"].as_str().unwrap().to_owned());
    }
    assert_ne!(runs[0], runs[1]);
}

#[test]
fn a_mirror_tells_of_members_that_stay_and_go() {
    let env = TestEnv::permissive();
    env.audience("mirror");
    let run = |ids: &[&str], more: &[&str], code: i32| {
        env.write("rows.csv", format!("id\n{}", ids.iter().map(|id| format!("{id}\n")).collect::<String>()));
        let mut arguments = vec!["--outcomes", "o.ndjson"];
        arguments.extend(more);
        env.sync(&arguments).ends_with(code);
        briefs(&ndjson(&env, "o.ndjson"))
    };
    assert_eq!(run(&["a", "b"], &[], 0), ["1 a add added delivered -", "2 b add added delivered -"]);
    // A dry run tells what would be.
    let planned = ["- b delete removed planned -", "1 a add unchanged unchanged -", "2 c add added planned -"];
    assert_eq!(run(&["a", "c"], &["--dry-run"], 0), planned);
    let gone = ["- b delete removed delivered -", "1 a add unchanged unchanged -", "2 c add added delivered -"];
    assert_eq!(run(&["a", "c"], &[], 0), gone);
    let withheld = ["- a delete removed withheld empty-source", "- c delete removed withheld empty-source"];
    assert_eq!(run(&[], &[], 4), withheld);
    // What did not change is sent all the same: the row did not change.
    assert_eq!(
        run(&["a", "c"], &["--resend-all"], 0),
        ["1 a add unchanged delivered -", "2 c add unchanged delivered -"]
    );
    // A second sync of the audience holds one of them.
    let second = env.read("sync.toml").replace("name = \"e2e\"", "name = \"second\"");
    env.write("second.toml", second + "[state]\npath = \"e2e.state.sqlite\"\n");
    env.write("rows.csv", "id\na\n");
    env.host(&["sync", "second.toml"]).ends_with(0);
    let left = [
        "- a delete removed unchanged held-by-other-sync",
        "- c delete removed delivered -",
        "1 d add added delivered -",
    ];
    let planned = left.map(|line| line.replace("delivered", "planned"));
    assert_eq!(run(&["d"], &["--dry-run"], 0), planned);
    assert_eq!(run(&["d"], &[], 0), left);
}

#[test]
fn what_the_destination_refuses_and_what_did_not_arrive_say_why_without_a_secret() {
    let env = TestEnv::permissive();
    let rows: String = (1..=40).map(|id| format!("{id},1\n")).collect();
    profiles(&env, &rows);
    let sync = env.read("sync.toml").replace("retry =", "batch_size = 10\nretry =") + "[limits]\nconcurrency = 2\n";
    env.write("sync.toml", sync);
    // One batch arrives, one never does; what comes after it is not sent.
    env.fake.inject(Faults::script([Fault::pass().times(1), Fault::echo_key(500).forever()]));
    env.sync(&["--outcomes", "o.parquet"]).ends_with(1);
    let lines = parquet(&env, "o.parquet");
    let report = env.report();
    let number = |outcome: &str| lines.iter().filter(|line| line[5].as_deref() == Some(outcome)).count() as u64;
    assert_eq!([number("delivered"), number("undelivered")], counts(&report, ["delivered", "undelivered"]));
    let mut numbers: Vec<u64> = lines.iter().map(|line| line[1].as_deref().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=counts(&report, ["rows_read"])[0]).collect::<Vec<_>>());
    for line in lines.iter().filter(|line| line[5].as_deref() == Some("undelivered")) {
        assert_eq!(line[6].as_deref(), report["failure"]["kind"].as_str());
        assert_eq!(line[7].as_deref(), report["failure"]["message"].as_str());
        assert!(!format!("{line:?}").contains(KEY));
    }
}

#[test]
fn a_killed_run_leaves_a_part_that_can_be_read_and_the_next_one_keeps_it() {
    let env = TestEnv::permissive();
    let rows: String = (1..=60).map(|id| format!("{id},1\n")).collect();
    profiles(&env, &rows);
    let sync = env.read("sync.toml").replace("retry =", "batch_size = 10\nretry =") + "[limits]\nconcurrency = 1\n";
    env.write("sync.toml", sync);
    env.write("o.parquet", "of an older run");
    env.fake.inject(Faults::script([Fault::pass().times(3), Fault::hold().once()]));
    let arguments = ["sync", "sync.toml", "--outcomes", "o.parquet"];
    let mut killed = env.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    env.fake.wait_for(4, PATIENCE).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(env.read("o.parquet"), "of an older run", "never a half one");
    let left = ndjson(&env, "o.parquet.part");
    assert_eq!(briefs(&left).len(), 30, "what was confirmed is there");

    env.host(&arguments).ends_with(0).says("an earlier run was interrupted").says("o.parquet.interrupted");
    assert_eq!(ndjson(&env, "o.parquet.interrupted"), left);
    assert_eq!(parquet(&env, "o.parquet").len(), 60);
    assert!(!env.path("o.parquet.part").exists());
}

#[test]
fn what_names_no_form_is_refused_and_nothing_is_written_over() {
    let env = TestEnv::permissive();
    profiles(&env, "a,1\n");
    for name in ["o", "o.json", "o.parquet.gz", "/dev/stdout"] {
        env.host(&["sync", "sync.toml", "--outcomes", name]).ends_with(2).says(".parquet, .ndjson or .csv");
    }
    env.host(&["sync", "sync.toml", "--outcomes", "rows.csv"]).ends_with(2).says("--outcomes").says("source.path");
    env.host(&["sync", "sync.toml", "--outcomes", "o.csv", "--report", "o.csv.part"]).ends_with(2).says(".part");
    env.host(&["sync", "sync.toml", "--outcomes", "no/such/o.csv"]).ends_with(2).says("no/such/o.csv");
    assert!(env.fake.requests_to(path::PROFILES).is_empty());
    // Lines can go into a pipe as they come; nothing else can.
    std::os::unix::fs::symlink("/dev/stdout", env.path("live.ndjson")).unwrap();
    std::os::unix::fs::symlink("/dev/stdout", env.path("live.parquet")).unwrap();
    env.host(&["sync", "sync.toml", "--outcomes", "live.parquet"]).ends_with(2).says("only .ndjson");
    env.host(&["sync", "sync.toml", "--outcomes", "live.ndjson"]).ends_with(0).says("\"outcome\":\"delivered\"");
}

#[test]
fn outcomes_that_cannot_be_written_end_the_run() {
    let env = TestEnv::permissive();
    profiles(&env, "a,1\nb,2\n");
    std::os::unix::fs::symlink("/dev/full", env.path("full.ndjson")).unwrap();
    env.sync(&["--outcomes", "full.ndjson"]).ends_with(1).says("the outcomes cannot be written");
    assert_eq!(env.report()["failure"]["kind"], "output");
    assert_eq!(counts(&env.report(), ["rows_read", "delivered", "undelivered"]), [2, 2, 0]);
}

/// A sync file whose outcomes go to a database that is not there.
#[test]
fn a_table_that_cannot_be_written_to_is_known_before_the_first_request() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\na\n");
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", "")], "csv", "rows.csv");
    for (section, said) in [
        ("driver = \"no_such_driver\"", "the database driver cannot be loaded"),
        ("driver = \"no_such_driver\"\ntable = \"a.b.c\"", "names no table"),
        ("table = \"x\"", "outcomes.driver: is required"),
        ("driver = \"drivers/duckdb.toml\"\nentrypoint = \"duckdb_adbc_init\"", "manifest"),
    ] {
        env.write("sync.toml", format!("{sync}[outcomes]\n{section}\n"));
        env.sync(&[]).ends_with(2).says(said);
    }
    assert!(env.fake.requests_to(path::PROFILES).is_empty());
    // A dry run has no business there.
    env.write("sync.toml", format!("{sync}[outcomes]\ndriver = \"no_such_driver\"\n"));
    env.sync(&["--dry-run"]).ends_with(0);
}
